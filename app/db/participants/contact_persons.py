"""Contact persons of a participant (domain 4.7): one at a time, with history."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry
from app.db.core.statements import sql
from app.db.trials.strata import ADVANCE


@dataclass(frozen=True, slots=True)
class ContactPerson:
    """Contact person of a participant from a moment on."""

    contact_person: str | None
    """Null: no contact person from then on."""
    named_at: datetime
    """Moment of registration."""
    client_id: str
    """Client that registered the change."""


async def load_contact_persons(
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


async def store_contact_person(
    connection: AsyncConnection,
    trial_id: str,
    jobcentre: str,
    participant_id: UUID,
    name: str | None,
    client: str,
    moment: datetime,
) -> NewAuditEntry:
    """Store a new contact person under the stratum's lock. Returns the audit entry, which the caller appends."""
    parameters = {"jobcentre": jobcentre, "trial": trial_id, "participant": participant_id, "name": name}
    await connection.execute(
        sql(
            """
            with advanced as ({advance})
            insert into contact_person (jobcentre_code, trial_id, participant_id, registered_at, name, client_id)
            values (:jobcentre, :trial, :participant, :moment, :name, :client)
            """,
            advance=ADVANCE,
        ),
        {**parameters, "moment": moment, "client": client, "codes": [jobcentre]},
    )
    await connection.execute(
        text(
            """
            update participant set contact_person = :name
            where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
            """
        ),
        parameters,
    )
    return NewAuditEntry(jobcentre, client, "participant.contact_person_changed", trial_id, participant_id)
