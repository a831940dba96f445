"""New versions of records that stay as they are but for whose they are: another participant's, or another client's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.ids import uuid7_at
from app.db.core.kinds import RecordTable, insert_versions
from app.db.core.tables import MOVED_AWAY


@dataclass(frozen=True, slots=True)
class NewOwner:
    """Whose a record becomes; None leaves it as it is."""

    jobcentre: str | None = None
    participant_id: UUID | None = None
    client: str | None = None


async def latest_versions(
    connection: AsyncConnection,
    table: RecordTable,
    trial_id: str,
    jobcentre: str,
    *,
    participant_id: UUID | None = None,
    client: str | None = None,
) -> Sequence[Row[Any]]:
    """The latest versions in a jobcentre of a participant or of a client, retracted ones included."""
    rows = await connection.execute(
        text(
            f"""
            select version_id, record_id, jobcentre_code, participant_id, client_id, external_id, revision,
                   retraction_reason, {", ".join(table.columns)}
            from {table.name}
            where jobcentre_code = :jobcentre and trial_id = :trial and superseded_at = 'infinity'
              and (cast(:participant as uuid) is null or participant_id = :participant)
              and (cast(:client as text) is null or client_id = :client)
            order by version_id
            """  # noqa: S608 - table and columns of our own
        ),
        {"jobcentre": jobcentre, "trial": trial_id, "participant": participant_id, "client": client},
    )
    return rows.all()


async def move_records_to(
    connection: AsyncConnection,
    table: RecordTable,
    trial_id: str,
    old: Sequence[Row[Any]],
    owner: NewOwner,
    moment: datetime,
) -> None:
    """Supersedes versions by equal ones of another owner, and points the keys to them. The strata are locked.

    Where a record was, a version is left behind that says so (``tables.MOVED_AWAY``).
    """
    if not old:
        return
    batch_id = uuid7_at(moment)

    def version(row: Row[Any], place: int, whose: NewOwner, retraction_reason: str | None) -> tuple[Any, ...]:
        return (
            whose.jobcentre or row.jobcentre_code,
            trial_id,
            uuid7_at(moment, place),
            row.record_id,
            row.version_id,
            whose.participant_id or row.participant_id,
            whose.client or row.client_id,
            row.external_id,
            row.revision,
            retraction_reason,
            batch_id,
            moment,
            *table.values_of(table.fact_of(row)),
        )

    left = [version(row, 2 * place, NewOwner(), MOVED_AWAY) for place, row in enumerate(old)]
    new = [version(row, 2 * place + 1, owner, row.retraction_reason) for place, row in enumerate(old)]
    await insert_versions(connection, table, [*left, *new])
    parameters = {
        "moment": moment,
        "trial": trial_id,
        "kind": table.kind,
        "jobcentre": old[0].jobcentre_code,
        "old_ids": [*(row.version_id for row in old), *(each[2] for each in left)],
        "new_ids": [each[2] for each in new],
        "jobcentres": [each[0] for each in new],
        "external_ids": [row.external_id for row in old],
        "old_clients": [row.client_id for row in old],
        "new_clients": [each[6] for each in new],
    }
    await connection.execute(
        text(
            f"""
            update {table.name} set superseded_at = :moment
            where jobcentre_code = :jobcentre and trial_id = :trial and version_id = any(:old_ids)
            """  # noqa: S608 - table of our own
        ),
        parameters,
    )
    await connection.execute(
        text(
            """
            update record_key
            set jobcentre_code = moved.jobcentre_code, client_id = moved.new_client, version_id = moved.new_id,
                digest = null
            from unnest(cast(:external_ids as text[]), cast(:old_clients as text[]), cast(:new_clients as text[]),
                        cast(:jobcentres as text[]), cast(:new_ids as uuid[]))
                 as moved (external_id, old_client, new_client, jobcentre_code, new_id)
            where record_key.trial_id = :trial and record_key.kind = :kind
              and record_key.external_id = moved.external_id and record_key.client_id = moved.old_client
            """
        ),
        parameters,
    )
