"""Handover of one client's records to its successor: a municipality changes its case system."""

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.ids import uuid7_at
from app.db.core.kinds import TABLES, RecordTable, insert_versions
from app.db.core.record_tables import NO_JOBCENTRE
from app.db.derived.histories import load_everyone
from app.db.derived.week_counts import add_to_counts, store_states
from app.db.participants.changes import store_changes
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
    """Transfer one client's records of a jobcentre to another client by new versions. Returns how many, by kind.

    Copies pending retractions, which belong to no jobcentre: the connection needs access to all. Error
    ``handover_conflict``: the successor already has a record of the same kind and external id.
    """
    for each_client in sorted({from_client, to_client}):
        await lock_orphan_retractions(connection, trial.id, each_client)
    _, moment = await lock_strata(connection, trial.id, [jobcentre])
    await advance_watermark(connection, trial.id, [jobcentre], moment)
    before = await load_everyone(connection, trial.id, jobcentre)
    moved: dict[str, int] = {}
    people: set[UUID] = set()
    pending = 0
    for table in TABLES.values():
        rows = await latest_versions(connection, table, trial.id, jobcentre, client=from_client)
        await _require_free(connection, trial.id, table.kind, to_client, [row.external_id for row in rows])
        await move_records_to(connection, table, trial.id, rows, NewOwner(client=to_client), moment)
        moved[table.kind] = len(rows)
        people |= {row.participant_id for row in rows if row.participant_id is not None}
        pending += await copy_pending_retractions(connection, table, trial.id, from_client, to_client, moment)
    await store_changes(connection, trial.id, "handed_over", dict.fromkeys(sorted(people), jobcentre), moment)
    after = await load_everyone(connection, trial.id, jobcentre)
    await add_to_counts(connection, trial.id, _differences(trial, before, after))
    await store_states(connection, trial, after.values())
    details = {"from": from_client, "to": to_client, **moved, "waiting_retractions": pending}
    await append_entries(connection, [NewAuditEntry(jobcentre, client, "records.handed_over", trial.id, None, details)])
    return moved


async def copy_pending_retractions(
    connection: AsyncConnection, table: RecordTable, trial_id: str, from_client: str, to_client: str, moment: datetime
) -> int:
    """Copy the retractions that arrived before their records. Returns how many.

    They are copied, not moved: the records may come from either client, for this jobcentre or another.
    """
    pending = await latest_versions(connection, table, trial_id, NO_JOBCENTRE, client=from_client)
    if not pending:
        return 0
    ids = {row.external_id: uuid7_at(moment, index) for index, row in enumerate(pending)}
    inserted = await connection.execute(
        text(
            """
            insert into record_key (trial_id, kind, external_id, client_id, jobcentre_code, version_id)
            select :trial, :kind, external_id, :client, '', version_id
            from unnest(cast(:external_ids as text[]), cast(:ids as uuid[])) as pending (external_id, version_id)
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
    batch_id, new = uuid7_at(moment), set(inserted.scalars())
    versions = [
        (
            *(NO_JOBCENTRE, trial_id, ids[row.external_id], ids[row.external_id], None, None, to_client),
            *(row.external_id, row.revision, row.retraction_reason, batch_id, moment, None, *table.values_of(None)),
        )
        for row in pending
        if row.external_id in new
    ]
    if versions:
        await insert_versions(connection, table, versions)
    return len(versions)


async def _require_free(
    connection: AsyncConnection, trial_id: str, kind: str, to_client: str, external_ids: list[str]
) -> None:
    """Error ``handover_conflict`` if the successor has records of these external ids."""
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
    """Return what the counts change by: the hours of one client add up, those of two clients do not."""
    parts: dict[tuple[str, Arm], list[Mapping[date, Mapping[str, int]]]] = {}
    for participant_id, person in after.items():
        difference = count_change(trial.protocol, trial.ends_on, before[participant_id].history(), person.history())
        parts.setdefault((person.jobcentre, person.arm), []).append(difference)
    return {key: add_up(changes) for key, changes in parts.items()}
