"""Histories: people with their records, as the rules read them. One query a kind, for any number of people.

With ``known_at`` the versions that stood at that moment are loaded, otherwise the standing ones. ``person_reads`` loads
current people in one statement instead, which is quicker for few people.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES, RecordTable
from app.db.core.slices import in_slices
from app.db.core.statements import sql
from app.domain.facts import JobcentreSettings
from app.domain.records.ingest import Person, StandingRecord

_STANDS = "superseded_at = 'infinity'"
_STOOD = "registered_at <= :known_at and superseded_at > :known_at"


async def load_everyone(
    connection: AsyncConnection, trial_id: str, jobcentre: str, known_at: datetime | None = None
) -> dict[UUID, Person]:
    """Load everyone drawn in a jobcentre but duplicates, with their records."""
    rows = await connection.execute(
        sql("select participant_id from assignment where jobcentre_code = :jobcentre and trial_id = :trial"),
        {"jobcentre": jobcentre, "trial": trial_id},
    )
    return await load_people(connection, trial_id, [jobcentre], rows.scalars().all(), known_at)


async def load_people(
    connection: AsyncConnection,
    trial_id: str,
    jobcentres: Collection[str],
    participant_ids: Collection[UUID],
    known_at: datetime | None = None,
    kinds: Collection[str] = tuple(TABLES),
) -> dict[UUID, Person]:
    """Load the drawn ones among participants of jobcentres but duplicates, with their records of these kinds."""
    if not participant_ids:
        return {}
    parameters: dict[str, object] = {
        "codes": sorted(jobcentres),
        "trial": trial_id,
        "ids": list(participant_ids),
        "known_at": known_at,
    }
    drawn = await connection.execute(
        sql(
            """
            select participant_id, jobcentre_code, arm, assigned_on, target_group, external_provider_talks
            from assignment join participant using (jobcentre_code, trial_id, participant_id)
            join stratum using (jobcentre_code, trial_id)
            where jobcentre_code = any(:codes) and trial_id = :trial and participant_id = any(:ids)
              and (cast(:known_at as timestamptz) is null or drawn_at <= :known_at)
              and not exists (
                  select from duplicate
                  where duplicate.jobcentre_code = assignment.jobcentre_code and duplicate.trial_id = :trial
                    and duplicate.participant_id = assignment.participant_id
                    and (cast(:known_at as timestamptz) is null or duplicate.registered_at <= :known_at))
            """
        ),
        parameters,
    )
    people: dict[UUID, Person] = {}
    for participant_id, jobcentre, arm, assigned_on, group, external_provider_talks in drawn:
        settings = JobcentreSettings(external_provider_talks=external_provider_talks)
        people[participant_id] = Person(participant_id, jobcentre, arm, assigned_on, group, settings)
    for kind in kinds:
        await _load_records(connection, TABLES[kind], trial_id, known_at, people)
    return people


async def _load_records(
    connection: AsyncConnection,
    table: RecordTable,
    trial_id: str,
    known_at: datetime | None,
    people: Mapping[UUID, Person],
) -> None:
    rows = await connection.execute(
        sql(
            """
            select record_id, participant_id, client_id, external_id, {columns}
            from unnest(cast(:codes as text[]), cast(:ids as uuid[])) as person (jobcentre_code, participant_id)
            join {table} version using (jobcentre_code, participant_id)
            where trial_id = :trial and {condition} and retraction_reason is null
            """,
            columns=table.columns,
            table=table.name,
            condition=_STANDS if known_at is None else _STOOD,
        ),
        {
            "trial": trial_id,
            "codes": [person.jobcentre for person in people.values()],
            "ids": list(people),
            "known_at": known_at,
        },
    )
    async for record_id, participant_id, client, external_id, *values in in_slices(rows):
        record = StandingRecord(record_id.int, client, table.fact_from(values))
        people[participant_id].records[table.kind, client, external_id] = record
