"""Resolve participant ids and blind indexes to people."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.statements import sql


@dataclass(frozen=True, slots=True)
class ResolvedPerson:
    """A participant named in a batch."""

    participant_id: UUID
    jobcentre: str
    drawn: bool


async def resolve_people(
    connection: AsyncConnection, trial_id: str, ids: Collection[UUID], indexes: Collection[bytes]
) -> dict[UUID | bytes, ResolvedPerson]:
    """Resolve participant ids and blind indexes to people; a duplicate's id to the participant that governs.

    The id of a duplicate of someone in another jobcentre resolves to nobody: no record passes there (domain 3.4).
    """
    resolved: dict[UUID | bytes, ResolvedPerson] = {}
    if ids:
        rows = await connection.execute(
            sql(
                """
                with recursive named as (
                    select participant_id as name, participant_id, jobcentre_code,
                           status in ('drawn', 'duplicate') as drawn
                    from participant where trial_id = :trial and participant_id = any(:ids)
                    union all
                    select name, of_participant_id, of_jobcentre_code, drawn
                    from named join duplicate using (jobcentre_code, participant_id)
                    where trial_id = :trial and of_jobcentre_code = named.jobcentre_code
                )
                select name, participant_id, jobcentre_code, drawn from named
                where not exists (
                    select from duplicate
                    where duplicate.jobcentre_code = named.jobcentre_code and duplicate.trial_id = :trial
                      and duplicate.participant_id = named.participant_id)
                """
            ),
            {"trial": trial_id, "ids": list(ids)},
        )
        resolved.update((row[0], ResolvedPerson(*row[1:])) for row in rows)
    if indexes:
        rows = await connection.execute(
            sql(
                """
                select person_index.blind_index, participant_id, jobcentre_code, participant.status = 'drawn'
                from person_index join participant using (jobcentre_code, trial_id, participant_id)
                where trial_id = :trial and person_index.blind_index = any(:indexes)
                """
            ),
            {"trial": trial_id, "indexes": list(indexes)},
        )
        resolved.update((row[0], ResolvedPerson(*row[1:])) for row in rows)
    return resolved
