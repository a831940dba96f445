"""The records of one client handed to its successor: a municipality changes its case system."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.ids import uuid7_at
from app.db.core.kinds import TABLES, RecordTable, insert_versions
from app.db.core.tables import NO_JOBCENTRE
from app.db.derived.histories import load_everyone
from app.db.derived.week_counts import add_to_counts, store_states
from app.db.records.transfer import NewOwner, latest_versions, move_records_to
from app.db.trials.strata import advance_watermark, lock_orphan_retractions, lock_strata
from app.db.trials.trials import Trial
from app.domain.figures.counts import add_up, count_change
from app.domain.records.errors import DomainError
from app.domain.records.ingest import Person
from app.domain.rules.draw import Arm


async def hand_over(
    connection: AsyncConnection, trial: Trial, jobcentre: str, from_client: str, to_client: str, client: str
) -> dict[str, int]:
    """Gives one client's records of a jobcentre to another; how many, by kind. Each gets a new version that says so.

    Retractions that wait for their record are the successor's too. The connection must see every jobcentre, for they
    are nobody's yet. Refused: ``handover_conflict`` when the successor has sent a record of the same kind and external
    id itself.
    """
    for each in sorted({from_client, to_client}):
        await lock_orphan_retractions(connection, trial.id, each)
    _, moment = await lock_strata(connection, trial.id, [jobcentre])
    await advance_watermark(connection, trial.id, [jobcentre], moment)
    before = await load_everyone(connection, trial.id, jobcentre)
    moved: dict[str, int] = {}
    waiting = 0
    for table in TABLES.values():
        rows = await latest_versions(connection, table, trial.id, jobcentre, client=from_client)
        await _require_free(connection, trial.id, table.kind, to_client, [row.external_id for row in rows])
        await move_records_to(connection, table, trial.id, rows, NewOwner(client=to_client), moment)
        moved[table.kind] = len(rows)
        waiting += await copy_pending_retractions(connection, table, trial.id, from_client, to_client, moment)
    after = await load_everyone(connection, trial.id, jobcentre)
    await add_to_counts(connection, trial.id, _differences(trial, before, after))
    await store_states(connection, trial, after.values())
    details = {"from": from_client, "to": to_client, **moved, "waiting_retractions": waiting}
    await append_entries(connection, [NewAuditEntry(jobcentre, client, "records.handed_over", trial.id, None, details)])
    return moved


async def copy_pending_retractions(
    connection: AsyncConnection, table: RecordTable, trial_id: str, from_client: str, to_client: str, moment: datetime
) -> int:
    """Copies what holds off records that have not come: they may come from either, for this jobcentre or another."""
    waiting = await latest_versions(connection, table, trial_id, NO_JOBCENTRE, client=from_client)
    if not waiting:
        return 0
    ids = {row.external_id: uuid7_at(moment, place) for place, row in enumerate(waiting)}
    taken = await connection.execute(
        text(
            """
            insert into record_key (trial_id, kind, external_id, client_id, jobcentre_code, version_id)
            select :trial, :kind, external_id, :client, '', version_id
            from unnest(cast(:external_ids as text[]), cast(:ids as uuid[])) as waiting (external_id, version_id)
            on conflict do nothing returning external_id
            """
        ),
        {
            "trial": trial_id,
            "kind": table.kind,
            "client": to_client,
            "external_ids": list(ids),
            "ids": list(ids.values()),
        },
    )
    batch_id, new = uuid7_at(moment), set(taken.scalars())
    versions = [
        (
            *(
                NO_JOBCENTRE,
                trial_id,
                ids[row.external_id],
                ids[row.external_id],
                None,
                None,
                to_client,
                row.external_id,
            ),
            *(row.revision, row.retraction_reason, batch_id, moment, *table.values_of(None)),
        )
        for row in waiting
        if row.external_id in new
    ]
    if versions:
        await insert_versions(connection, table, versions)
    return len(versions)


async def _require_free(
    connection: AsyncConnection, trial_id: str, kind: str, to_client: str, external_ids: list[str]
) -> None:
    taken = await connection.execute(
        text(
            """
            select count(*) from record_key
            where trial_id = :trial and kind = :kind and client_id = :client and external_id = any(:ids)
            """
        ),
        {"trial": trial_id, "kind": kind, "client": to_client, "ids": external_ids},
    )
    if n := taken.scalar_one():
        raise DomainError("handover_conflict", f"{n} {kind} of the successor have the same external ids.")


def _differences(
    trial: Trial, before: Mapping[UUID, Person], after: Mapping[UUID, Person]
) -> dict[tuple[str, Arm], Mapping[date, Mapping[str, int]]]:
    """What the counts change by: the hours of one client are added up, those of two are not."""
    parts: dict[tuple[str, Arm], list[Mapping[date, Mapping[str, int]]]] = {}
    for participant_id, person in after.items():
        changed = count_change(trial.protocol, trial.ends_on, before[participant_id].history(), person.history())
        parts.setdefault((person.jobcentre, person.arm), []).append(changed)
    return {key: add_up(changes) for key, changes in parts.items()}
