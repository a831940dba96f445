"""What is stored, table by table. ``jobcentre_code`` comes first in every key of what belongs to a jobcentre.

Records are kept as versions: a row is inserted once and only its ``superseded_at`` is ever set. What stands now is what
is superseded at infinity; what stood at a moment is what was registered by then and superseded later.

The classes describe the schema (Alembic compares it); reads and writes are set-based SQL in the files beside this one.
"""

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

NO_JOBCENTRE = ""
"""The jobcentre of a retraction that arrived before its record: nobody's yet."""
MOVED_AWAY = "moved"
"""The retraction reason of a version that only says where a record was: it has passed to another person or client. Such
a version never stands (its span has no length); the change feed shows it to those who see no more of the record."""

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def _moment(*, nullable: bool = False, default: str | None = None) -> Any:
    """A point in time with its zone."""
    column: Any = Column(DateTime(timezone=True), nullable=nullable, server_default=text(default) if default else None)
    return Field(sa_column=column)


_STRATUM = ["jobcentre_code", "trial_id"]
_PERSON = [*_STRATUM, "participant_id"]


class TrialTable(SQLModel, table=True):
    """A trial. The seed is sealed with the master key; its commitment is public from the first moment."""

    __tablename__ = "trial"
    id: str = Field(primary_key=True)
    protocol: str
    protocol_digest: str | None = None
    """SHA-256 of what the protocol said when the trial was created: one in use is never edited (domain 6)."""
    definition: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """What was sent to create it, defaults filled in: the same again is the same trial."""
    title: str
    intake_from: dt.date
    intake_to: dt.date
    ends_on: dt.date
    pilot: bool
    enforcement: str
    sealed_seed: bytes
    seed_commitment: str
    created_at: dt.datetime = _moment()
    created_by: str
    closed_at: dt.datetime | None = _moment(nullable=True)


class StratumTable(SQLModel, table=True):
    """A jobcentre in a trial: the stratum of its draws, and the lock under which its records are registered."""

    __tablename__ = "stratum"
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True, foreign_key="trial.id")
    name: str
    region: str
    agreed_participants: int
    weekly_target: int | None = None
    draws: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """How many were drawn: the position of the next draw."""
    balance: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """Treatment − control among them."""
    last_registered_at: dt.datetime = _moment(default="'-infinity'")


class PersonIndexTable(SQLModel, table=True):
    """Unsharded guard: in which jobcentre of a trial a person waits or was drawn. At most one."""

    __tablename__ = "person_index"
    trial_id: str = Field(primary_key=True, foreign_key="trial.id")
    blind_index: bytes = Field(primary_key=True)
    jobcentre_code: str
    participant_id: UUID


class IdentityTable(SQLModel, table=True):
    """Who a participant is. Everything else in the database is without CPR numbers."""

    __tablename__ = "identity"
    __table_args__ = (
        ForeignKeyConstraint(_PERSON, [f"participant.{name}" for name in _PERSON]),
        Index("ix_identity_person", "jobcentre_code", "trial_id", "blind_index"),
        {"schema": "vault"},
    )
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    blind_index: bytes
    wrapped_key: bytes | None
    """The person's data key, sealed with the master key; without it nobody reads the number below. Null once erased."""
    sealed_cpr: bytes | None


class SecretTable(SQLModel, table=True):
    """A key of the vault, wrapped by the master key."""

    __tablename__ = "secret"
    __table_args__ = {"schema": "vault"}
    name: str = Field(primary_key=True)
    wrapped: bytes


class ScreeningTable(SQLModel, table=True):
    """A screening. Of the ineligible the codes, date, jobcentre and blind index are kept, nothing more."""

    __tablename__ = "screening"
    __table_args__ = (Index("ix_screening_day", "jobcentre_code", "trial_id", "interview_on"),)
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True, foreign_key="trial.id")
    screening_id: UUID = Field(primary_key=True)
    blind_index: bytes
    interview_on: dt.date
    failures: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    facts: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """What was stated of an eligible person, without the CPR number."""
    participant_id: UUID | None = None
    client_id: str
    registered_at: dt.datetime = _moment()


class ParticipantTable(SQLModel, table=True):
    """Someone screened eligible: a candidate who waits, or a person drawn."""

    __tablename__ = "participant"
    __table_args__ = (
        ForeignKeyConstraint(_STRATUM, [f"stratum.{name}" for name in _STRATUM]),
        Index("ix_participant_id", "participant_id"),
        CheckConstraint("status in ('waiting', 'withdrawn', 'ineligible', 'drawn', 'duplicate')", name="status"),
    )
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    screening_id: UUID
    status: str
    interview_on: dt.date
    channel: str | None = None
    unemployed_since: dt.date | None = None
    target_group: int | None = None
    waiting_since: dt.datetime = _moment()
    """When the screening that counts was registered: the place among ties."""
    withdrawal_reason: str | None = None
    withdrawn_at: dt.datetime | None = _moment(nullable=True)
    contact_person: str | None = None
    first_monday: dt.date | None = None
    week_states: str | None = None
    """The states of a drawn person's weeks from ``first_monday`` on, one letter each: see ``projections``."""


class ContactPersonTable(SQLModel, table=True):
    """Who was a participant's contact person from when on (domain 4.7)."""

    __tablename__ = "contact_person"
    __table_args__ = (ForeignKeyConstraint(_PERSON, [f"participant.{name}" for name in _PERSON]),)
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    registered_at: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    name: str | None = None
    client_id: str


class AssignmentTable(SQLModel, table=True):
    """A draw, never changed and never undone. Without a position: assigned in a one-arm trial."""

    __tablename__ = "assignment"
    __table_args__ = (
        ForeignKeyConstraint(_PERSON, [f"participant.{name}" for name in _PERSON]),
        UniqueConstraint("jobcentre_code", "trial_id", "position"),
        CheckConstraint("arm in ('treatment', 'control')", name="arm"),
    )
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    position: int | None = None
    arm: str
    assigned_on: dt.date
    drawn_at: dt.datetime = _moment()
    pseudonym: UUID
    client_id: str


class DuplicateTable(SQLModel, table=True):
    """A drawn participant whose corrected CPR number turned out to be that of a person drawn before (domain 3.3)."""

    __tablename__ = "duplicate"
    __table_args__ = (ForeignKeyConstraint(_PERSON, [f"participant.{name}" for name in _PERSON]),)
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    of_jobcentre_code: str
    of_participant_id: UUID
    reason: str
    client_id: str
    registered_at: dt.datetime = _moment()


class RecordKeyTable(SQLModel, table=True):
    """Unsharded guard: an external id is unique within trial, kind and client, and points to its latest version."""

    __tablename__ = "record_key"
    trial_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    client_id: str = Field(primary_key=True)
    jobcentre_code: str
    version_id: UUID
    digest: bytes | None = None
    """Of what the latest version says (``versions.digest_of``): whether the same came again is told without reading it.
    Null of a retraction, and where it is not known."""


class _RecordVersion(SQLModel):
    """What the versions of every kind have in common."""

    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    version_id: UUID = Field(primary_key=True)
    """Rises with the order of commits within a jobcentre."""
    record_id: UUID
    """The first version's id: the same for all versions of a record."""
    previous_id: UUID | None = None
    participant_id: UUID | None = None
    client_id: str
    external_id: str
    revision: int | None = Field(default=None, sa_type=BigInteger)
    retraction_reason: str | None = None
    batch_id: UUID
    registered_at: dt.datetime = Field(sa_type=DateTime(timezone=True))
    superseded_at: dt.datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("'infinity'")}
    )


def _version_args(table: str, *required: str) -> tuple[Any, ...]:
    """Keys and checks of a table of versions; ``required`` are the columns without which a record is none."""
    whole = " and ".join(f"{column} is not null" for column in ("participant_id", *required))
    return (
        ForeignKeyConstraint(_PERSON, [f"participant.{name}" for name in _PERSON]),
        CheckConstraint(f"({whole}) or (participant_id is null and retraction_reason is not null)", name="whole"),
        Index(f"ix_{table}_person", *_PERSON),
    )


class ConversationVersionTable(_RecordVersion, table=True):
    """Domain 4.5."""

    __tablename__ = "conversation"
    __table_args__ = _version_args("conversation", "date", "status", "form", "place", "conducted_by")
    date: dt.date | None
    status: str | None
    form: str | None
    place: str | None
    conducted_by: str | None
    mentor_present: bool | None
    remote_ground: str | None
    job_interview: bool | None
    focus: list[str] | None = Field(sa_type=ARRAY(Text))
    justification: str | None


class ActivationVersionTable(_RecordVersion, table=True):
    """Domain 4.6."""

    __tablename__ = "activation"
    __table_args__ = _version_args("activation", "type", "starts_on", "hours_per_week", "mentor")
    type: str | None
    starts_on: dt.date | None
    ends_on: dt.date | None
    hours_per_week: Decimal | None = Field(sa_type=Numeric(5, 2))
    reduced_hours_reason: str | None
    not_workplace_reason: str | None
    cvr_number: str | None
    p_number: str | None
    company_centre: bool | None
    mentor: str | None
    mentor_waiver_reason: str | None


class ExemptionVersionTable(_RecordVersion, table=True):
    """Domain 4.2."""

    __tablename__ = "exemption"
    __table_args__ = _version_args("exemption", "scope", "ground", "starts_on")
    scope: str | None
    ground: str | None
    starts_on: dt.date | None
    ends_on: dt.date | None


class PresenceEventVersionTable(_RecordVersion, table=True):
    """Domain 4.1."""

    __tablename__ = "presence_event"
    __table_args__ = _version_args("presence_event", "kind", "date")
    kind: str | None
    date: dt.date | None
    reason: str | None
    match_group: int | None


class SupportEffortVersionTable(_RecordVersion, table=True):
    """Domain 4.7."""

    __tablename__ = "support_effort"
    __table_args__ = _version_args("support_effort", "area", "kind", "starts_on")
    area: str | None
    kind: str | None
    starts_on: dt.date | None
    ends_on: dt.date | None
    coordinator: str | None


class MentorVersionTable(_RecordVersion, table=True):
    """Domain 4.7."""

    __tablename__ = "mentor"
    __table_args__ = _version_args("mentor", "starts_on")
    starts_on: dt.date | None
    ends_on: dt.date | None
    cvr_number: str | None
    p_number: str | None


class DeclinedOfferVersionTable(_RecordVersion, table=True):
    """Domain 6."""

    __tablename__ = "declined_offer"
    __table_args__ = _version_args("declined_offer", "date", "type")
    date: dt.date | None
    type: str | None
    reason: str | None


class OutcomeVersionTable(_RecordVersion, table=True):
    """Domain 7: a person's status in the ISO week that begins on the Monday ``week``."""

    __tablename__ = "outcome"
    __table_args__ = _version_args("outcome", "week", "status")
    week: dt.date | None
    status: str | None
    hours_per_week: Decimal | None = Field(sa_type=Numeric(5, 2))
    benefit_code: str | None


class BatchTable(SQLModel, table=True):
    """The receipt of a batch: the report that its client got. The same key with the same request gets it again."""

    __tablename__ = "batch"
    __table_args__ = (UniqueConstraint("client_id", "idempotency_key"),)
    batch_id: UUID = Field(primary_key=True)
    client_id: str
    trial_id: str
    kind: str
    received_at: dt.datetime = _moment()
    report: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    idempotency_key: str | None = None
    request_digest: bytes | None = None


class SourceTable(SQLModel, table=True):
    """When a client last delivered a kind of records to a jobcentre."""

    __tablename__ = "source"
    __table_args__ = (ForeignKeyConstraint(_STRATUM, [f"stratum.{name}" for name in _STRATUM]),)
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    client_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    last_received_at: dt.datetime = _moment()


class WeekCountTable(SQLModel, table=True):
    """The tallies of all people of a jobcentre and arm, added up by week; what the pure function counted, no more."""

    __tablename__ = "week_count"
    __table_args__ = (ForeignKeyConstraint(_STRATUM, [f"stratum.{name}" for name in _STRATUM]),)
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    arm: str = Field(primary_key=True)
    monday: dt.date = Field(primary_key=True)
    conversation_due: int
    conversation_held: int
    conversation_conforming: int
    activation_due: int
    activated: int
    workplace_activated: int
    entries: int
    first_conversations: int
    first_mentor: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    first_company_support: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    first_social_services_support: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    first_health_support: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    other: dict[str, int] = Field(sa_column=Column(JSONB, nullable=False))
    """The remaining measures by name."""


class GrantAssessmentTable(SQLModel, table=True):
    """A grant as it was decided: figures, and all that they were computed from. Never changed."""

    __tablename__ = "grant_assessment"
    __table_args__ = (ForeignKeyConstraint(_STRATUM, [f"stratum.{name}" for name in _STRATUM]),)
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    monday: dt.date = Field(primary_key=True)
    frozen_at: dt.datetime = _moment()
    client_id: str
    watermark: dt.datetime | None = _moment(nullable=True)
    figures: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    inputs: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))


class AuditChainTable(SQLModel, table=True):
    """How long a jobcentre's chain is, and the hash of its latest entry. Reads have a chain of their own."""

    __tablename__ = "audit_chain"
    jobcentre_code: str = Field(primary_key=True)
    chain: str = Field(primary_key=True)
    length: int = Field(sa_type=BigInteger)
    head: bytes


class AuditEntryTable(SQLModel, table=True):
    """Who did or read what, when. Each entry's hash is over the one before it and its own content."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_participant", "participant_id"),
        Index("ix_audit_entry_at", "at"),
    )
    jobcentre_code: str = Field(primary_key=True)
    chain: str = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=BigInteger)
    at: dt.datetime = _moment()
    client_id: str | None
    action: str
    trial_id: str | None
    participant_id: UUID | None
    details: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    previous_hash: bytes
    hash: bytes


class ReleaseTable(SQLModel, table=True):
    """An export of the panel, for ever the same. The key of its pseudonyms is a secret of the vault."""

    __tablename__ = "release"
    __table_args__ = (Index("ix_release_trial", "trial_id", "release_id"),)
    release_id: UUID = Field(primary_key=True)
    trial_id: str = Field(foreign_key="trial.id")
    client_id: str
    purpose: str
    recorded_at: dt.datetime = _moment()
    watermark: dt.datetime = _moment()
    """Everything registered up to this moment is in it, and nothing later."""
    as_of: dt.date
    """The day by which weeks are over."""
    dictionary_version: int
