"""People with all that is recorded of them, for the rules to judge: one query a kind, for any number of people."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.kinds import TABLES, RecordTable
from app.domain.ingest import Known, Person


async def load_everyone(connection: AsyncConnection, trial_id: str, jobcentre: str) -> dict[UUID, Person]:
    """Everyone drawn in a jobcentre, with their standing records."""
    rows = await connection.execute(
        text("select participant_id from assignment where jobcentre_code = :jobcentre and trial_id = :trial"),
        {"jobcentre": jobcentre, "trial": trial_id},
    )
    return await load_people(connection, trial_id, [jobcentre], rows.scalars().all())


async def load_people(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], participant_ids: Collection[UUID]
) -> dict[UUID, Person]:
    """The drawn ones among participants of some jobcentres, with their standing records."""
    if not participant_ids:
        return {}
    ids, codes = list(participant_ids), sorted(jobcentres)
    drawn = await connection.execute(
        text(
            """
            select participant_id, jobcentre_code, arm, assigned_on from assignment
            where jobcentre_code = any(:codes) and trial_id = :trial and participant_id = any(:ids)
            """
        ),
        {"codes": codes, "trial": trial_id, "ids": ids},
    )
    people = {row.participant_id: Person(*row) for row in drawn}
    for table in TABLES.values():
        await _load_records(connection, table, trial_id, codes, people)
    return people


async def _load_records(
    connection: AsyncConnection,
    table: RecordTable,
    trial_id: str,
    jobcentres: list[str],
    people: dict[UUID, Person],
) -> None:
    rows = await connection.execute(
        text(
            f"""
            select record_id, participant_id, client_id, external_id, {", ".join(table.columns)} from {table.name}
            where jobcentre_code = any(:jobcentres) and trial_id = :trial and participant_id = any(:ids)
              and superseded_at = 'infinity' and retraction_reason is null
            """  # noqa: S608 - table and columns of our own
        ),
        {"jobcentres": jobcentres, "trial": trial_id, "ids": list(people)},
    )
    for row in rows:
        fact = table.fact_of(row)
        assert fact is not None, "a record that stands has a participant and a fact"
        known = Known(row.record_id.int, row.client_id, fact)
        people[row.participant_id].records[table.kind, row.client_id, row.external_id] = known
