"""Transfer of records to another participant or another client by new versions with the same content."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.ids import uuid7_at, uuids7_at
from app.db.core.kinds import RecordTable, insert_versions
from app.db.core.record_tables import MOVED_AWAY
from app.db.core.statements import sql
from app.db.records.versions import supersede


@dataclass(frozen=True, slots=True)
class NewOwner:
    """The new jobcentre, participant or client of a record; None leaves the present one."""

    jobcentre: str | None = None
    participant_id: UUID | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A new version of a record: its latest version, the owner, and what changes besides."""

    row: Row[Any]
    owner: NewOwner
    retraction_reason: str | None
    revision: int | None


async def latest_versions(
    connection: AsyncConnection,
    table: RecordTable,
    trial_id: str,
    jobcentre: str,
    *,
    participant_id: UUID | None = None,
    client: str | None = None,
) -> Sequence[Row[Any]]:
    """Return the latest versions in a jobcentre of a participant or a client, retracted ones included."""
    rows = await connection.execute(
        sql(
            """
            select version_id, record_id, jobcentre_code, participant_id, client_id, external_id, revision,
                   retraction_reason, sent_number, {columns}
            from {table}
            where jobcentre_code = :jobcentre and trial_id = :trial and superseded_at = 'infinity'
              and (cast(:participant as uuid) is null or participant_id = :participant)
              and (cast(:client as text) is null or client_id = :client)
            order by version_id
            """,
            columns=table.columns,
            table=table.name,
        ),
        {"jobcentre": jobcentre, "trial": trial_id, "participant": participant_id, "client": client},
    )
    return rows.all()


async def move_records_to(
    connection: AsyncConnection,
    table: RecordTable,
    trial_id: str,
    rows: Sequence[Row[Any]],
    owner: NewOwner,
    moment: datetime,
) -> None:
    """Supersede versions by equal ones of another owner: see ``move_records``."""
    moves = [Move(row, owner, row.retraction_reason, row.revision) for row in rows]
    await move_records(connection, table, trial_id, moves, moment)


async def move_records(
    connection: AsyncConnection, table: RecordTable, trial_id: str, moves: Sequence[Move], moment: datetime
) -> None:
    """Supersede versions by those of the moves, and point the keys to them. The strata are locked.

    An earlier owner gets a last version with the reason ``record_tables.MOVED_AWAY``.
    """
    if not moves:
        return
    stamp = (uuid7_at(moment), moment)
    markers = uuids7_at(moment, range(0, 2 * len(moves), 2))
    new_ids = uuids7_at(moment, range(1, 2 * len(moves), 2))
    versions, superseded = [], []
    for move, marker_id, new_id in zip(moves, markers, new_ids, strict=True):
        row = move.row
        superseded.append((row.jobcentre_code, row.version_id))
        if move.owner != NewOwner():
            marker = Move(row, NewOwner(), MOVED_AWAY, row.revision)
            versions.append(_version(table, trial_id, marker, marker_id, stamp))
            superseded.append((row.jobcentre_code, marker_id))
        versions.append(_version(table, trial_id, move, new_id, stamp))
    await insert_versions(connection, table, versions)
    await supersede(connection, table, trial_id, moment, superseded)
    await connection.execute(
        _MOVE_KEYS,
        {
            "trial": trial_id,
            "kind": table.kind,
            "jobcentres": [move.owner.jobcentre or move.row.jobcentre_code for move in moves],
            "new_ids": new_ids,
            "external_ids": [move.row.external_id for move in moves],
            "old_clients": [move.row.client_id for move in moves],
            "new_clients": [move.owner.client or move.row.client_id for move in moves],
        },
    )


def _version(
    table: RecordTable, trial_id: str, move: Move, version_id: UUID, stamp: tuple[UUID, datetime]
) -> tuple[Any, ...]:
    """Return a version with the row's content. ``stamp`` is the batch id and the moment of registration."""
    row, owner = move.row, move.owner
    return (
        owner.jobcentre or row.jobcentre_code,
        trial_id,
        version_id,
        row.record_id,
        row.version_id,
        owner.participant_id or row.participant_id,
        owner.client or row.client_id,
        row.external_id,
        move.revision,
        move.retraction_reason,
        *stamp,
        row.sent_number,
        *table.values_of(table.fact_of(row)),
    )


_MOVE_KEYS = text(
    """
    update record_key
    set jobcentre_code = moved.jobcentre_code, client_id = moved.new_client, version_id = moved.new_id, digest = null
    from unnest(cast(:external_ids as text[]), cast(:old_clients as text[]), cast(:new_clients as text[]),
                cast(:jobcentres as text[]), cast(:new_ids as uuid[]))
         as moved (external_id, old_client, new_client, jobcentre_code, new_id)
    where record_key.trial_id = :trial and record_key.kind = :kind
      and record_key.external_id = moved.external_id and record_key.client_id = moved.old_client
    """
)
