"""All that is stored of one participant, versions included, and who read it: the person's right of access."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES
from app.db.core.session import SYSTEM_SCOPE, Database
from app.db.core.statements import compose, sql
from app.db.participants.changes import ParticipantChange
from app.db.participants.contact_persons import ContactPerson, load_contact_persons
from app.db.personal_data.vault import SealedIdentity, Vault
from app.db.records.queries import load_versions_of_person
from app.domain.person_facts import Sex
from app.domain.rules.corrections import CorrectionKind, CorrectionReason, CorrectionStatus, DecisionReason
from app.domain.rules.draw import Arm

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """Sex and date of birth, as they follow from the CPR number; a version for each number."""

    registered_at: datetime
    sex: Sex
    born_on: date | None
    """Null once the person is erased."""
    age_band: str
    """Age on the day of the interview."""


@dataclass(frozen=True, slots=True)
class StoredScreening:
    """Screening in the participant's jobcentre."""

    registered_at: datetime
    client_id: str
    interview_on: date
    failures: Sequence[str]
    """Eligibility rules that were not met."""
    facts: dict[str, Any] | None
    """Facts as sent, without the number; null if not eligible, of which nothing more is stored."""


@dataclass(frozen=True, slots=True)
class StoredDraw:
    """Draw, or the assignment of a trial without one."""

    drawn_at: datetime
    client_id: str
    arm: Arm
    assigned_on: date
    position: int | None
    """Number of the draw in the jobcentre; null without a draw."""
    pseudonym: UUID
    """Pseudonym in the published draws."""


@dataclass(frozen=True, slots=True)
class StoredCorrection:
    """Request for a corrected CPR number, without the number, which may be another person's."""

    requested_at: datetime
    client_id: str
    kind: CorrectionKind
    reason: CorrectionReason | None
    status: CorrectionStatus
    ended_at: datetime | None
    decision_reason: DecisionReason | None


@dataclass(frozen=True, slots=True)
class StoredChange:
    """Change of the participant, as in the change feed."""

    registered_at: datetime
    change: ParticipantChange


@dataclass(frozen=True, slots=True)
class AuditedAccess:
    """Entry of the audit trail about the participant: who read or wrote what, when."""

    at: datetime
    client_id: str | None
    """Null: the service itself."""
    action: str
    reading: bool
    """Whether it was a read."""


@dataclass(frozen=True, slots=True)
class StoredPerson:
    """What is stored of one participant, each list oldest first."""

    cpr: str | None
    """CPR number; null once the person is erased."""
    facts: list[PersonFacts]
    screenings: list[StoredScreening]
    draws: list[StoredDraw]
    """One at most."""
    contact_persons: list[ContactPerson]
    cpr_corrections: list[StoredCorrection]
    changes: list[StoredChange]
    records: dict[str, list[dict[str, Any]]]
    """By kind every version of every record, whoever sent it (`client_id`)."""
    trail: list[AuditedAccess]
    """Reads and writes that name the participant. Lists and reports of a whole jobcentre name nobody."""


_IDENTITY = sql(
    """
    select wrapped_key, sealed_cpr from vault.identity
    where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
    """
)
_OF_PERSON = "jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant"
_SELECTS: dict[type[Any], str] = {
    PersonFacts: "from person_fact where {person} order by registered_at",
    StoredScreening: """
        from screening where jobcentre_code = :jobcentre and trial_id = :trial
          and (participant_id = :participant or participant_id is null and blind_index = (
                  select blind_index from vault.identity where {person}))
        order by screening_id
    """,
    StoredDraw: "from assignment where {person}",
    StoredCorrection: """
        from (select requested_at, request.client_id, kind, request.reason, coalesce(ended.status, 'waiting') as status,
                     ended_at, ended.reason as decision_reason
              from cpr_correction request join correction_person using (jobcentre_code, trial_id, correction_id)
              left join correction_end ended using (jobcentre_code, trial_id, correction_id)
              where {person}) as request
        order by requested_at
    """,
    StoredChange: "from participant_change where {person} order by change_id",
    AuditedAccess: """
        from (select at, client_id, action, chain = 'reads' as reading, jobcentre_code, chain, position
              from audit_entry where trial_id = :trial and participant_id = :participant) as entry
        order by at, jobcentre_code, chain, position
    """,
}


async def load_stored_person(
    connection: AsyncConnection, database: Database, vault: Vault, trial_id: str, jobcentre: str, participant_id: UUID
) -> StoredPerson:
    """Load what is stored of a participant. The caller has checked that the client may read the person.

    The trail is read with access to all chains: reads by a token of several jobcentres are in the chain of none.
    """
    key = {"jobcentre": jobcentre, "trial": trial_id, "participant": participant_id}
    identity = (await connection.execute(_IDENTITY, key)).one()
    sealed = SealedIdentity(identity.wrapped_key, identity.sealed_cpr)
    async with database.read(SYSTEM_SCOPE) as everywhere:
        trail = await _load(everywhere, AuditedAccess, key)
    return StoredPerson(
        cpr=None if identity.sealed_cpr is None else vault.open_cpr(participant_id, sealed),
        facts=await _load(connection, PersonFacts, key),
        screenings=await _load(connection, StoredScreening, key),
        draws=await _load(connection, StoredDraw, key),
        contact_persons=await load_contact_persons(connection, trial_id, jobcentre, participant_id),
        cpr_corrections=await _load(connection, StoredCorrection, key),
        changes=await _load(connection, StoredChange, key),
        records={
            kind: await load_versions_of_person(connection, kind, trial_id, jobcentre, participant_id)
            for kind in TABLES
        },
        trail=trail,
    )


async def _load(connection: AsyncConnection, section: type[T], key: dict[str, Any]) -> list[T]:
    columns = ", ".join(field.name for field in fields(section))  # type: ignore[arg-type]  # a dataclass, each of them
    statement = compose("select {columns} " + _SELECTS[section], columns=columns, person=_OF_PERSON)
    rows = await connection.execute(sql(statement), key)
    return [section(*row) for row in rows]
