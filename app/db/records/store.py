"""Store a judged batch: versions, week counts, week states, last receipt of the source, audit entries."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.slices import in_slices
from app.db.core.statements import sql
from app.db.derived.week_counts import add_to_counts, store_states
from app.db.records.judge import Judgement
from app.db.records.versions import Origin, VersionWriter
from app.db.trials.strata import advance_watermark
from app.domain.figures.counts import Numbers, add_count_change, by_week
from app.domain.rules.draw import Arm
from app.domain.rules.weeks import judge


async def store_batch(connection: AsyncConnection, judgement: Judgement, batch_id: UUID) -> None:
    """Store what a batch changes, in the transaction that judged it.

    Raises ChangedMeanwhileError if another transaction took one of the record keys.
    """
    trial, request = judgement.request.trial, judgement.request
    origin = Origin(trial.id, request.client, batch_id, judgement.moment)
    writer = VersionWriter(connection, judgement.table, origin, judgement.stored, judgement.people)
    if judgement.changes:
        writing = asyncio.create_task(writer.write(judgement.changes))
        try:
            differences = await _count_changes(judgement)  # while the database writes
        finally:
            await writing
        await advance_watermark(connection, trial.id, judgement.touched_jobcentres(), judgement.moment)
        await add_to_counts(connection, trial.id, differences)
        if request.kind != "conversations":
            await store_states(connection, trial, [judgement.people[each] for each in judgement.histories_before])
    await _store_receipt_time(connection, judgement)
    await _append_audit(connection, judgement, batch_id, writer.written)


async def _count_changes(judgement: Judgement) -> Mapping[tuple[str, Arm], Mapping[date, Mapping[str, int]]]:
    """Judge the touched people again. Returns by jobcentre and arm what the counts of weeks change by."""
    trial = judgement.request.trial
    numbers: defaultdict[tuple[str, Arm], Numbers] = defaultdict(Numbers)
    async for participant_id, before in in_slices(judgement.histories_before.items()):
        person = judgement.people[participant_id]
        earlier = person.judged
        if earlier is None or earlier.history is not before:
            earlier = judge(trial.protocol, trial.ends_on, before)
        later = person.judged_weeks(trial.protocol, trial.ends_on)
        add_count_change(trial.protocol, earlier, later, numbers[person.jobcentre, person.arm])
    return {key: by_week(changes) for key, changes in numbers.items()}


async def _store_receipt_time(connection: AsyncConnection, judgement: Judgement) -> None:
    """Store per locked jobcentre when the client last sent this kind, unchanged records included."""
    await connection.execute(
        sql(
            """
            insert into source (jobcentre_code, trial_id, client_id, kind, last_received_at, is_register)
            select jobcentre_code, :trial, :client, :kind, :moment, :is_register
            from unnest(cast(:codes as text[])) as jobcentre (jobcentre_code)
            on conflict (jobcentre_code, trial_id, client_id, kind)
            do update set last_received_at = excluded.last_received_at,
                          is_register = source.is_register and excluded.is_register
            """
        ),
        {
            "trial": judgement.request.trial.id,
            "client": judgement.request.client,
            "kind": judgement.request.kind,
            "moment": judgement.moment,
            "is_register": judgement.request.is_register,
            "codes": sorted(judgement.jobcentres),
        },
    )


async def _append_audit(
    connection: AsyncConnection, judgement: Judgement, batch_id: UUID, written: Mapping[str, int]
) -> None:
    """Append one entry per jobcentre written to. The versions carry the batch id, so no person is named here."""
    request = judgement.request
    details = {"batch": str(batch_id), "kind": request.kind}
    entries = [
        NewAuditEntry(code, request.client, "records.received", request.trial.id, None, {**details, "versions": n})
        for code, n in sorted(written.items())
    ]
    await append_entries(connection, entries)
