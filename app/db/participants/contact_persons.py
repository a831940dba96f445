"""Contact persons of a participant (domain 4.7): one at a time, with history."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class ContactPerson:
    """Contact person of a participant from a moment on."""

    contact_person: str | None
    """Null: no contact person from then on."""
    named_at: datetime
    """Moment of registration."""
    client_id: str
    """Client that registered the change."""


async def contact_persons_of(
    connection: AsyncConnection, trial_id: str, jobcentre: str, participant_id: UUID
) -> list[ContactPerson]:
    """Return every contact person of the participant, oldest first."""
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
    return [ContactPerson(*row) for row in rows]
