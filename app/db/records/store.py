"""What a hearing found is written: versions, counts, states, the freshness of the source, the audit entries."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.statements import sql
from app.db.derived.week_counts import add_to_counts, store_states
from app.db.records.judge import AT_ONCE, BatchJudge
from app.db.records.versions import Origin, VersionWriter
from app.db.trials.strata import advance_watermark
from app.domain.figures.counts import Judged, Numbers, add_count_change, by_week
from app.domain.rules.draw import Arm


async def store_batch(hearing: BatchJudge, batch_id: UUID) -> None:
    """Stores what the intake changed. ChangedMeanwhileError when a key was taken in the meantime."""
    origin = Origin(hearing.trial.id, hearing.delivery.client, batch_id, hearing.moment)
    writer = VersionWriter(hearing.connection, hearing.table, origin, hearing.stored, hearing.people)
    if hearing.intake.changes:
        writing = asyncio.create_task(writer.write(hearing.intake.changes))
        try:
            changed = await _count(hearing)  # the database works meanwhile
        finally:
            await writing
        await advance_watermark(hearing.connection, hearing.trial.id, hearing.touched(), hearing.moment)
        await _project(hearing, changed)
    await _note_sources(hearing)
    await _audit(hearing, batch_id, writer.written)


Changed = Mapping[tuple[str, Arm], Mapping[date, Mapping[str, int]]]
"""By jobcentre and arm what the counts of weeks change by."""


async def _count(hearing: BatchJudge) -> Changed:
    """What the touched people count now and did not before."""
    trial = hearing.trial
    numbers: defaultdict[tuple[str, Arm], Numbers] = defaultdict(Numbers)
    for place, (participant_id, before) in enumerate(hearing.intake.before.items()):
        if place % AT_ONCE == 0:
            await asyncio.sleep(0)
        person = hearing.people[participant_id]
        earlier = person.judged
        if earlier is None or earlier.history is not before:
            earlier = Judged.of(trial.protocol, trial.ends_on, before)
        person.judged = earlier.then(trial.protocol, trial.ends_on, person.history())
        add_count_change(trial.protocol, earlier, person.judged, numbers[person.jobcentre, person.arm])
    return {key: by_week(each) for key, each in numbers.items()}


async def _project(hearing: BatchJudge, changed: Changed) -> None:
    await add_to_counts(hearing.connection, hearing.trial.id, changed)
    if hearing.delivery.kind != "conversations":
        await store_states(hearing.connection, hearing.trial, [hearing.people[each] for each in hearing.intake.before])


async def _note_sources(hearing: BatchJudge) -> None:
    await hearing.connection.execute(
        sql(
            """
            insert into source (jobcentre_code, trial_id, client_id, kind, last_received_at)
            select jobcentre_code, :trial, :client, :kind, :moment
            from unnest(cast(:codes as text[])) as jobcentre (jobcentre_code)
            on conflict (jobcentre_code, trial_id, client_id, kind)
            do update set last_received_at = excluded.last_received_at
            """
        ),
        {
            "trial": hearing.trial.id,
            "client": hearing.delivery.client,
            "kind": hearing.delivery.kind,
            "moment": hearing.moment,
            "codes": sorted(hearing.jobcentres),
        },
    )


async def _audit(hearing: BatchJudge, batch_id: UUID, written: Mapping[str, int]) -> None:
    """One entry for each jobcentre that was written to; the versions name the batch, and so whose they are."""
    kind, client = hearing.delivery.kind, hearing.delivery.client
    entries = [
        NewAuditEntry(
            code,
            client,
            "records.received",
            hearing.trial.id,
            None,
            {"batch": str(batch_id), "kind": kind, "versions": n},
        )
        for code, n in sorted(written.items())
    ]
    await append_entries(hearing.connection, entries)
