"""The records of one client handed to its successor: a municipality changes its case system."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit import Entry, append
from app.db.histories import load_everyone
from app.db.kinds import TABLES
from app.db.projections import add_to_counts, store_states
from app.db.reissue import Ownership, latest_versions, reissue
from app.db.strata import lock_strata, register_at
from app.db.trials import Trial
from app.domain.draw import Arm
from app.domain.figures import add_up, difference, tally
from app.domain.ingest import Person
from app.domain.refused import Refused


async def hand_over(
    connection: AsyncConnection, trial: Trial, jobcentre: str, from_client: str, to_client: str, client: str
) -> dict[str, int]:
    """Gives one client's records of a jobcentre to another; how many, by kind. Each gets a new version that says so.

    Refused: ``handover_conflict`` when the successor has sent a record of the same kind and external id itself.
    """
    _, moment = await lock_strata(connection, trial.id, [jobcentre])
    await register_at(connection, trial.id, [jobcentre], moment)
    before = await load_everyone(connection, trial.id, jobcentre)
    moved: dict[str, int] = {}
    for table in TABLES.values():
        rows = await latest_versions(connection, table, trial.id, jobcentre, client=from_client)
        await _require_free(connection, trial.id, table.kind, to_client, [row.external_id for row in rows])
        await reissue(connection, table, trial.id, rows, Ownership(client=to_client), moment)
        moved[table.kind] = len(rows)
    after = await load_everyone(connection, trial.id, jobcentre)
    await add_to_counts(connection, trial.id, _differences(trial, before, after))
    await store_states(connection, trial, after.values())
    details = {"from": from_client, "to": to_client, **moved}
    await append(connection, [Entry(jobcentre, client, "records.handed_over", trial.id, None, details)])
    return moved


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
        raise Refused("handover_conflict", f"{n} {kind} of the successor have the same external ids.")


def _differences(
    trial: Trial, before: Mapping[UUID, Person], after: Mapping[UUID, Person]
) -> dict[tuple[str, Arm], Mapping[date, Mapping[str, int]]]:
    """What the counts change by: the hours of one client are added up, those of two are not."""
    parts: dict[tuple[str, Arm], list[Mapping[date, Mapping[str, int]]]] = {}
    for participant_id, person in after.items():
        change = difference(
            tally(trial.protocol, trial.ends_on, before[participant_id].history()),
            tally(trial.protocol, trial.ends_on, person.history()),
        )
        parts.setdefault((person.jobcentre, person.arm), []).append(change)
    return {key: add_up(changes) for key, changes in parts.items()}
