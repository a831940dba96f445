"""Who has been a participant's contact person (domain 4.7): one at a time, with history."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class Named:
    """That someone was named; None where it was said that there is nobody from then on."""

    contact_person: str | None
    named_at: datetime
    client_id: str


async def contact_persons_of(
    connection: AsyncConnection, trial_id: str, jobcentre: str, participant_id: UUID
) -> list[Named]:
    """Everyone who was named, the first one first."""
    rows = await connection.execute(
        text(
            """
            select name, registered_at, client_id from contact_person
            where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
            order by registered_at
            """
        ),
        {"jobcentre": jobcentre, "trial": trial_id, "participant": participant_id},
    )
    return [Named(*row) for row in rows]
