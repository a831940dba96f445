"""Tables of records: versions by kind, their keys, batches and sources.

A version is inserted once, and only its ``superseded_at`` is ever set. The standing version is superseded at infinity;
the version that stood at a moment was registered by then and superseded later.
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

from app.db.core.tables import PERSON_KEY, STRATUM_KEY, moment_column

NO_JOBCENTRE = ""
"""The jobcentre of an orphan retraction: one that arrived before its record."""
MOVED_AWAY = "moved"
"""The retraction reason of a version that marks where a record was before it moved to another person or client.

Such a version never stands: its span has no length. The change feed shows it to clients that may no longer read the
record.
"""


class RecordKeyTable(SQLModel, table=True):
    """Unsharded uniqueness guard of external ids within trial, kind and client; each points to its latest version."""

    __tablename__ = "record_key"
    trial_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    client_id: str = Field(primary_key=True)
    jobcentre_code: str
    version_id: UUID
    digest: bytes | None = None
    """Digest of the latest version (``versions.digest_of``), which detects an exact repeat without reading the version.
    Null for a retraction, and where it was not stored."""


class _RecordVersion(SQLModel):
    """The columns that the versions of every kind share."""

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
    sent_number: bytes | None = None
    """Blind index of the CPR number by which a client that may not write participants named the person."""
    superseded_at: dt.datetime = Field(
        sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("'infinity'")}
    )


def _version_args(table: str, *required: str) -> tuple[Any, ...]:
    """Return keys and checks of a table of versions; ``required`` columns are null only in orphan retractions."""
    whole = " and ".join(f"{column} is not null" for column in ("participant_id", *required))
    return (
        ForeignKeyConstraint(PERSON_KEY, [f"participant.{name}" for name in PERSON_KEY]),
        CheckConstraint(f"({whole}) or (participant_id is null and retraction_reason is not null)", name="whole"),
        Index(f"ix_{table}_person", *PERSON_KEY),
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
    planned_ends_on: dt.date | None
    ended_because: str | None
    preventive_kind: str | None


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
    """The receipt of a batch: the report that its client got, and gets again for the same key and request."""

    __tablename__ = "batch"
    __table_args__ = (UniqueConstraint("client_id", "idempotency_key"),)
    batch_id: UUID = Field(primary_key=True)
    client_id: str
    trial_id: str
    kind: str
    received_at: dt.datetime = moment_column()
    report: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    idempotency_key: bytes | None = None
    """HMAC under the key of blind indexes, as ``request_digest`` is under the trial's: no erased number is guessed."""
    request_digest: bytes | None = None


class SourceTable(SQLModel, table=True):
    """When a client last delivered a kind of records to a jobcentre."""

    __tablename__ = "source"
    __table_args__ = (ForeignKeyConstraint(STRATUM_KEY, [f"stratum.{name}" for name in STRATUM_KEY]),)
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    client_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    last_received_at: dt.datetime = moment_column()
    is_register: bool
    """Whether no batch of it came from a client that may write participants (domain 3.4)."""
