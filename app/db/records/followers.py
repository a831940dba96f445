"""Records that follow a number or a draw: what registers sent by CPR number, and what a duplicate had (domain 3.4)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES, RecordTable
from app.db.core.statements import sql
from app.db.records.transfer import Move, NewOwner, move_records

WRONG_PERSON = "wrong_person"
"""The retraction reason of a register's record while nobody has the number that it was sent by."""


async def move_followers(
    connection: AsyncConnection, trial_id: str, people: Mapping[UUID, str], moment: datetime
) -> None:
    """Let the records of people, given with their jobcentres, follow after numbers changed and duplicates were marked.

    What a register sent by number passes to whoever has the number now, and is ``wrong_person`` while nobody has it.
    All else of a duplicate passes to the participant that governs in the same jobcentre.
    """
    governing = await _governing(connection, trial_id, people)
    for table in TABLES.values():
        rows = await _latest(connection, table, trial_id, people)
        numbers = {row.sent_number for row in rows if row.sent_number is not None}
        holders = await _holders(connection, trial_id, numbers)
        moves = [move for row in rows if (move := _move(row, holders, governing)) is not None]
        await move_records(connection, table, trial_id, moves, moment)


def _move(
    row: Row[Any], holders: Mapping[bytes, tuple[str, UUID]], governing: Mapping[UUID, tuple[str, UUID]]
) -> Move | None:
    """Return where a record moves; None if it stays."""
    if row.sent_number is None:
        owner = governing.get(row.participant_id)
        return None if owner is None else Move(row, NewOwner(*owner), row.retraction_reason, row.revision)
    holder = holders.get(row.sent_number)
    if holder is None:
        # Without a revision the register can send the record again by the right number, whatever revision it has.
        return None if row.retraction_reason is not None else Move(row, NewOwner(), WRONG_PERSON, None)
    if row.retraction_reason is None and holder[1] == row.participant_id:
        return None
    new_owner = NewOwner() if holder[1] == row.participant_id else NewOwner(*holder)
    return Move(row, new_owner, None, row.sent_revision)


async def _latest(
    connection: AsyncConnection, table: RecordTable, trial_id: str, people: Mapping[UUID, str]
) -> list[Row[Any]]:
    """Load the latest versions of people's records; ``sent_revision`` is that before a ``wrong_person``."""
    rows = await connection.execute(
        sql(
            """
            select version.version_id, record_id, version.jobcentre_code, version.participant_id, client_id,
                   external_id, revision, retraction_reason, sent_number, {columns},
                   case when retraction_reason is null then revision
                        else (select before.revision from {table} before
                              where before.jobcentre_code = version.jobcentre_code and before.trial_id = :trial
                                and before.version_id = version.previous_id) end as sent_revision
            from unnest(cast(:codes as text[]), cast(:ids as uuid[])) as person (jobcentre_code, participant_id)
            join {table} version using (jobcentre_code, participant_id)
            where version.trial_id = :trial and superseded_at = 'infinity'
            order by version.version_id
            """,
            columns=tuple(f"version.{column}" for column in table.columns),
            table=table.name,
        ),
        {"trial": trial_id, "codes": list(people.values()), "ids": list(people)},
    )
    return list(rows.all())


async def _holders(
    connection: AsyncConnection, trial_id: str, numbers: Collection[bytes]
) -> dict[bytes, tuple[str, UUID]]:
    """Return by blind index the drawn participant who has the number."""
    if not numbers:
        return {}
    rows = await connection.execute(
        sql(
            """
            select person_index.blind_index, jobcentre_code, participant_id
            from person_index join participant using (jobcentre_code, trial_id, participant_id)
            where trial_id = :trial and person_index.blind_index = any(:numbers) and status = 'drawn'
            """
        ),
        {"trial": trial_id, "numbers": list(numbers)},
    )
    return {row[0]: (row[1], row[2]) for row in rows}


async def _governing(
    connection: AsyncConnection, trial_id: str, people: Mapping[UUID, str]
) -> dict[UUID, tuple[str, UUID]]:
    """Return by duplicate the participant that governs, in the same jobcentre only."""
    rows = await connection.execute(
        sql(
            """
            select participant_id, of_jobcentre_code, of_participant_id from duplicate
            where trial_id = :trial and jobcentre_code = any(:codes) and participant_id = any(:ids)
              and of_jobcentre_code = jobcentre_code
            """
        ),
        {"trial": trial_id, "codes": sorted(set(people.values())), "ids": list(people)},
    )
    return {row[0]: (row[1], row[2]) for row in rows}
