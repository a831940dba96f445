"""One person with all that is recorded, in one statement: for reads that are made all the time."""

from typing import Final
from uuid import UUID

from app.db.kinds import TABLES, RecordTable
from app.db.session import Database, Sight
from app.domain.ingest import Known, Person


def _records(table: RecordTable) -> str:
    columns = ", ".join(("record_id", "client_id", "external_id", *table.columns))
    return f"""
        (select array_agg(row({columns})) from {table.name} version
         where version.jobcentre_code = assignment.jobcentre_code and version.trial_id = assignment.trial_id
           and version.participant_id = assignment.participant_id
           and superseded_at = 'infinity' and retraction_reason is null)
    """  # noqa: S608 - table and columns of our own


_PERSON: Final = f"""
    select jobcentre_code, arm, assigned_on, target_group, {", ".join(map(_records, TABLES.values()))}
    from assignment join participant using (jobcentre_code, trial_id, participant_id)
    where assignment.trial_id = $1 and assignment.participant_id = $2
      and not exists (
          select from duplicate
          where duplicate.jobcentre_code = assignment.jobcentre_code and duplicate.trial_id = assignment.trial_id
            and duplicate.participant_id = assignment.participant_id)
"""  # noqa: S608 - tables and columns of our own


async def find_person(database: Database, sight: Sight, trial_id: str, participant_id: UUID) -> Person | None:
    """A drawn person of a trial with the standing records, as ``load_people`` gives it; None for a duplicate, and for
    someone outside of what may be seen."""
    rows = await database.fetch(sight, _PERSON, trial_id, participant_id)
    if not rows:
        return None
    jobcentre, arm, assigned_on, target_group, *kinds = rows[0]
    person = Person(participant_id, jobcentre, arm, assigned_on, target_group)
    for table, records in zip(TABLES.values(), kinds, strict=True):
        for record_id, client, external_id, *values in records or ():
            known = Known(record_id.int, client, table.fact_from(values))
            person.records[table.kind, client, external_id] = known
    return person
