"""Reads of single people with their records: one statement for few people, micro-batched."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from app.db.core.kinds import TABLES, RecordTable
from app.db.core.micro_batch import MicroBatcher
from app.db.core.session import AccessScope, ReadDatabase
from app.db.core.statements import compose
from app.domain.facts import JobcentreSettings
from app.domain.records.ingest import Person, StandingRecord


def _records(table: RecordTable) -> str:
    columns = ", ".join(("record_id", "client_id", "external_id", *table.columns))
    return compose(
        """
        (select array_agg(row({columns})) from {table} version
         where version.jobcentre_code = assignment.jobcentre_code and version.trial_id = assignment.trial_id
           and version.participant_id = assignment.participant_id
           and superseded_at = 'infinity' and retraction_reason is null)
    """,
        columns=columns,
        table=table.name,
    )


_PEOPLE: Final = compose(
    """
    select participant_id, jobcentre_code, arm, assigned_on, target_group, external_provider_talks, {records}
    from assignment join participant using (jobcentre_code, trial_id, participant_id)
    join stratum using (jobcentre_code, trial_id)
    where assignment.trial_id = $1 and assignment.participant_id = any($2)
      and not exists (
          select from duplicate
          where duplicate.jobcentre_code = assignment.jobcentre_code and duplicate.trial_id = assignment.trial_id
            and duplicate.participant_id = assignment.participant_id)
""",
    records=tuple(map(_records, TABLES.values())),
)


async def find_people(
    database: ReadDatabase, scope: AccessScope, trial_id: str, participant_ids: Collection[UUID]
) -> dict[UUID, Person]:
    """Find drawn people of a trial within the access scope, without duplicates, with their standing records.

    The same as ``load_people``, in one statement through the driver.
    """
    people: dict[UUID, Person] = {}
    for row in await database.fetch(scope, _PEOPLE, trial_id, list(participant_ids)):
        participant_id, jobcentre, arm, assigned_on, target_group, external_provider_talks, *kinds = row
        settings = JobcentreSettings(external_provider_talks=external_provider_talks)
        person = people[participant_id] = Person(participant_id, jobcentre, arm, assigned_on, target_group, settings)
        for table, records in zip(TABLES.values(), kinds, strict=True):
            for record_id, client, external_id, *values in records or ():
                record = StandingRecord(record_id.int, client, table.fact_from(values))
                person.records[table.kind, client, external_id] = record
    return people


class PersonReads:
    """Micro-batched reads: concurrent reads of one person each share a statement that begins after them."""

    def __init__(self, database: ReadDatabase) -> None:
        async def read(key: tuple[str, AccessScope], ids: Sequence[UUID]) -> list[Person | None]:
            trial_id, scope = key
            people = await find_people(database, scope, trial_id, ids)
            return [people.get(participant_id) for participant_id in ids]

        self._batcher = MicroBatcher(read)

    async def find(self, scope: AccessScope, trial_id: str, participant_id: UUID) -> Person | None:
        """Return the person as of ``find_people``, or None. Callers share the object and must not change it."""
        return await self._batcher.submit((trial_id, scope), participant_id)
