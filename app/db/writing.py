"""What a hearing found is written: versions, counts, states, the freshness of the source, the audit entries."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from sqlalchemy import text

from app.db.audit import Entry, append
from app.db.hearing import Hearing
from app.db.projections import add_to_counts, store_states
from app.db.strata import register_at
from app.db.tables import NOWHERE
from app.db.versions import Origin, VersionWriter
from app.domain.draw import Arm
from app.domain.tallies import Judged, add_up, change_of


async def write(hearing: Hearing, batch_id: UUID) -> None:
    """Stores what the intake changed. ChangedMeanwhileError when a key was taken in the meantime."""
    if hearing.intake.changes:
        origin = Origin(hearing.trial.id, hearing.delivery.client, batch_id, hearing.moment)
        writer = VersionWriter(hearing.connection, hearing.table, origin, hearing.stored, hearing.people)
        await writer.write(hearing.intake.changes)
        await register_at(hearing.connection, hearing.trial.id, hearing.touched(), hearing.moment)
        await _project(hearing)
    await _note_sources(hearing)
    await _audit(hearing, batch_id)


async def _project(hearing: Hearing) -> None:
    """Adds to the counts what the touched people count now and did not before."""
    trial = hearing.trial
    parts: dict[tuple[str, Arm], list[Mapping[date, Mapping[str, int]]]] = {}
    for participant_id, before in hearing.intake.before.items():
        person = hearing.people[participant_id]
        earlier = person.judged
        if earlier is None or earlier.history is not before:
            earlier = Judged.of(trial.protocol, trial.ends_on, before)
        person.judged = earlier.then(trial.protocol, trial.ends_on, person.history())
        changed = change_of(trial.protocol, earlier, person.judged)
        parts.setdefault((person.jobcentre, person.arm), []).append(changed)
    await add_to_counts(hearing.connection, trial.id, {key: add_up(changes) for key, changes in parts.items()})
    if hearing.delivery.kind != "conversations":
        await store_states(hearing.connection, trial, [hearing.people[each] for each in hearing.intake.before])


async def _note_sources(hearing: Hearing) -> None:
    await hearing.connection.execute(
        text(
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


async def _audit(hearing: Hearing, batch_id: UUID) -> None:
    """One entry for each jobcentre that was written to; the versions name the batch, and so whose they are."""
    written = Counter(
        NOWHERE if each.after.participant_id is None else hearing.people[each.after.participant_id].jobcentre
        for each in hearing.intake.changes
    )
    kind, client = hearing.delivery.kind, hearing.delivery.client
    entries = [
        Entry(
            code,
            client,
            "records.received",
            hearing.trial.id,
            None,
            {"batch": str(batch_id), "kind": kind, "versions": n},
        )
        for code, n in sorted(written.items())
    ]
    await append(hearing.connection, entries)
