"""Tables of trials and people, of reports and of the audit trail; those of records are in ``record_tables``.

``jobcentre_code`` comes first in every key of what belongs to a jobcentre. The classes describe the schema (Alembic
compares it); reads and writes are set-based SQL.
"""

import datetime as dt
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
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def moment_column(*, nullable: bool = False, default: str | None = None) -> Any:
    """Return a column for a point in time with its zone."""
    column: Any = Column(DateTime(timezone=True), nullable=nullable, server_default=text(default) if default else None)
    return Field(sa_column=column)


STRATUM_KEY = ["jobcentre_code", "trial_id"]
PERSON_KEY = [*STRATUM_KEY, "participant_id"]


class TrialTable(SQLModel, table=True):
    """A trial. The seed is sealed with the master key; its commitment is public from the creation on."""

    __tablename__ = "trial"
    id: str = Field(primary_key=True)
    protocol: str
    protocol_digest: str | None = None
    """SHA-256 of the protocol when the trial was created: a protocol in use is never edited (domain 6)."""
    definition: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """The request that created it, defaults filled in: the same request again is the same trial."""
    title: str
    intake_from: dt.date
    intake_to: dt.date
    ends_on: dt.date
    pilot: bool
    enforcement: str
    sealed_seed: bytes
    seed_commitment: str
    created_at: dt.datetime = moment_column()
    created_by: str
    closed_at: dt.datetime | None = moment_column(nullable=True)
    retention_until: dt.date
    """Last day on which what names its people is kept (domain 3.4)."""
    expired_at: dt.datetime | None = moment_column(nullable=True)
    """When its people were erased and its key destroyed."""
    watermark_floor: dt.datetime = moment_column(default="'epoch'")
    """Every registration is later than this: no watermark that an answer stated is higher (domain 2)."""
    replica_floor: dt.datetime = moment_column(default="'epoch'")
    """Up to this moment no registration was running in any jobcentre: what a standby may read."""
    counts_version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """The version of the rules that the week counts were made by; earlier ones are rebuilt at the next start."""


class HostBootTable(SQLModel, table=True):
    """When a host booted by its wall clock: a step of the clock moves it (domain 2)."""

    __tablename__ = "host_boot"
    host: str = Field(primary_key=True)
    boot: str = Field(primary_key=True)
    booted_at: dt.datetime = moment_column()


class StratumTable(SQLModel, table=True):
    """A jobcentre in a trial: the stratum of its draws, and the lock under which its records are registered."""

    __tablename__ = "stratum"
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True, foreign_key="trial.id")
    name: str
    region: str
    agreed_participants: int
    weekly_target: int | None = None
    external_provider_talks: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    target_groups: list[int] | None = Field(default=None, sa_column=Column(ARRAY(Integer)))
    """Null, as the two below: the trial's hold."""
    themes: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text)))
    required_contacts: Any = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    successor_code: str | None = None
    """The jobcentre that this one was merged into."""
    draws: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """The number of draws, which is the position of the next."""
    balance: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """Draws to treatment minus draws to control."""
    last_registered_at: dt.datetime = moment_column(default="'-infinity'")


class PersonIndexTable(SQLModel, table=True):
    """Unsharded uniqueness guard: the one jobcentre of a trial in which a person waits or was drawn."""

    __tablename__ = "person_index"
    trial_id: str = Field(primary_key=True, foreign_key="trial.id")
    blind_index: bytes = Field(primary_key=True)
    jobcentre_code: str
    participant_id: UUID


class IdentityTable(SQLModel, table=True):
    """The identity of a participant: the only table with CPR numbers."""

    __tablename__ = "identity"
    __table_args__ = (
        ForeignKeyConstraint(PERSON_KEY, [f"participant.{name}" for name in PERSON_KEY]),
        Index("ix_identity_person", "jobcentre_code", "trial_id", "blind_index"),
        {"schema": "vault"},
    )
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    blind_index: bytes
    wrapped_key: bytes | None
    """The person's data key, sealed with the master key; it opens ``sealed_cpr``. Null once erased."""
    sealed_cpr: bytes | None


class SecretTable(SQLModel, table=True):
    """A key of the vault, wrapped by the master key."""

    __tablename__ = "secret"
    __table_args__ = {"schema": "vault"}
    name: str = Field(primary_key=True)
    wrapped: bytes


class ScreeningTable(SQLModel, table=True):
    """A screening. Of an ineligible person only codes, date, jobcentre and blind index are stored."""

    __tablename__ = "screening"
    __table_args__ = (Index("ix_screening_day", "jobcentre_code", "trial_id", "interview_on"),)
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True, foreign_key="trial.id")
    screening_id: UUID = Field(primary_key=True)
    blind_index: bytes
    interview_on: dt.date
    failures: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    facts: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """The facts stated of an eligible person, without the CPR number."""
    participant_id: UUID | None = None
    client_id: str
    registered_at: dt.datetime = moment_column()


class ParticipantTable(SQLModel, table=True):
    """A person screened eligible: a waiting candidate, or a drawn participant."""

    __tablename__ = "participant"
    __table_args__ = (
        ForeignKeyConstraint(STRATUM_KEY, [f"stratum.{name}" for name in STRATUM_KEY]),
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
    waiting_since: dt.datetime = moment_column()
    """When the latest screening was registered: decides ties."""
    withdrawal_reason: str | None = None
    withdrawn_at: dt.datetime | None = moment_column(nullable=True)
    contact_person: str | None = None
    ineligible_found: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    """The eligibility rules that fail with the corrected number (domain 3.4)."""
    first_monday: dt.date | None = None
    week_states: str | None = None
    """The states of a drawn person's weeks from ``first_monday`` on, one letter each: see ``week_counts``."""


class ContactPersonTable(SQLModel, table=True):
    """Contact persons of a participant with the moment each was named (domain 4.7)."""

    __tablename__ = "contact_person"
    __table_args__ = (ForeignKeyConstraint(PERSON_KEY, [f"participant.{name}" for name in PERSON_KEY]),)
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    registered_at: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    name: str | None = None
    client_id: str


class AssignmentTable(SQLModel, table=True):
    """A draw, never changed and never undone. Without a position it is an assignment in a one-arm trial."""

    __tablename__ = "assignment"
    __table_args__ = (
        ForeignKeyConstraint(PERSON_KEY, [f"participant.{name}" for name in PERSON_KEY]),
        UniqueConstraint("jobcentre_code", "trial_id", "position"),
        CheckConstraint("arm in ('treatment', 'control')", name="arm"),
    )
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    position: int | None = None
    arm: str
    assigned_on: dt.date
    drawn_at: dt.datetime = moment_column()
    pseudonym: UUID
    client_id: str


class DuplicateTable(SQLModel, table=True):
    """A drawn participant whose corrected CPR number is that of a person drawn before (domain 3.3)."""

    __tablename__ = "duplicate"
    __table_args__ = (ForeignKeyConstraint(PERSON_KEY, [f"participant.{name}" for name in PERSON_KEY]),)
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    of_jobcentre_code: str
    of_participant_id: UUID
    reason: str
    client_id: str
    registered_at: dt.datetime = moment_column()


class ParticipantChangeTable(SQLModel, table=True):
    """A change of a participant, as the change feed returns it: see ``app.db.participants.changes``."""

    __tablename__ = "participant_change"
    __table_args__ = (
        ForeignKeyConstraint(PERSON_KEY, [f"participant.{name}" for name in PERSON_KEY]),
        CheckConstraint(
            "change in ('drawn', 'number_changed', 'duplicate', 'handed_over', 'withdrawn', 'erased')", name="change"
        ),
    )
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    change_id: UUID = Field(primary_key=True)
    participant_id: UUID
    change: str
    registered_at: dt.datetime = moment_column()


class WeekCountTable(SQLModel, table=True):
    """Counts of the people of a jobcentre and arm by week: derived from their records by ``domain.figures.counts``."""

    __tablename__ = "week_count"
    __table_args__ = (ForeignKeyConstraint(STRATUM_KEY, [f"stratum.{name}" for name in STRATUM_KEY]),)
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
    """A frozen grant assessment: figures and their inputs. Never changed."""

    __tablename__ = "grant_assessment"
    __table_args__ = (ForeignKeyConstraint(STRATUM_KEY, [f"stratum.{name}" for name in STRATUM_KEY]),)
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    monday: dt.date = Field(primary_key=True)
    frozen_at: dt.datetime = moment_column()
    client_id: str
    watermark: dt.datetime | None = moment_column(nullable=True)
    figures: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    inputs: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))


class AuditChainTable(SQLModel, table=True):
    """Length and latest hash of a jobcentre's audit chain. Reads have a chain of their own."""

    __tablename__ = "audit_chain"
    jobcentre_code: str = Field(primary_key=True)
    chain: str = Field(primary_key=True)
    length: int = Field(sa_type=BigInteger)
    head: bytes


class AuditEntryTable(SQLModel, table=True):
    """An audit entry. Its hash covers the previous hash and its own content."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_participant", "participant_id"),
        Index("ix_audit_entry_at", "at"),
    )
    jobcentre_code: str = Field(primary_key=True)
    chain: str = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=BigInteger)
    at: dt.datetime = moment_column()
    client_id: str | None
    action: str
    trial_id: str | None
    participant_id: UUID | None
    details: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    previous_hash: bytes
    hash: bytes


class ReleaseTable(SQLModel, table=True):
    """A release of the panel, whose content never changes. The key of its pseudonyms is a secret of the vault."""

    __tablename__ = "release"
    __table_args__ = (Index("ix_release_trial", "trial_id", "release_id"),)
    release_id: UUID = Field(primary_key=True)
    trial_id: str = Field(foreign_key="trial.id")
    client_id: str
    purpose: str
    recorded_at: dt.datetime = moment_column()
    watermark: dt.datetime = moment_column()
    """It holds everything registered up to this moment, and nothing later."""
    as_of: dt.date
    """The day by which weeks are over."""
    dictionary_version: int
