"""Tables of corrected CPR numbers (domain 3.4): requests, their ends, and what is bound to a draw or a person."""

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKeyConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from app.db.core.tables import PERSON_KEY, STRATUM_KEY, moment_column

REQUEST_KEY = [*STRATUM_KEY, "correction_id"]


class DrawnNumberTable(SQLModel, table=True):
    """Unsharded guard: every number that a drawn participant has or had. None of them is drawn again in the trial."""

    __tablename__ = "drawn_number"
    __table_args__ = (Index("ix_drawn_number_participant", "participant_id"),)
    trial_id: str = Field(primary_key=True, foreign_key="trial.id")
    digest: bytes = Field(primary_key=True)
    """Of the number's blind index, under the key of the trial: see ``drawn_numbers``."""
    participant_id: UUID = Field(primary_key=True)
    jobcentre_code: str
    at_draw: bool
    """Whether the participant was drawn under this number."""
    registered_at: dt.datetime = moment_column()


class PersonFactTable(SQLModel, table=True):
    """Sex and date of birth of a participant, a version for each number. Erasure leaves sex and age band."""

    __tablename__ = "person_fact"
    __table_args__ = (
        ForeignKeyConstraint(PERSON_KEY, [f"participant.{name}" for name in PERSON_KEY]),
        CheckConstraint("sex in ('female', 'male')", name="sex"),
    )
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    registered_at: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    blind_index: bytes
    """Of the number that says so; random bytes after erasure."""
    sex: str
    born_on: dt.date | None = None
    age_band: str
    """The age on the day of the interview, in the bands of the baseline (domain 5)."""


class CprCorrectionTable(SQLModel, table=True):
    """A requested correction. It waits until a row of ``correction_end`` ends it."""

    __tablename__ = "cpr_correction"
    __table_args__ = (
        ForeignKeyConstraint(STRATUM_KEY, [f"stratum.{name}" for name in STRATUM_KEY]),
        CheckConstraint(
            "(kind = 'swap' and reason is null) or (kind = 'single' and reason in ('typing_error', 'new_number'))",
            name="kind",
        ),
    )
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    correction_id: UUID = Field(primary_key=True)
    """Random: it says nothing of the moment."""
    kind: str
    reason: str | None = None
    client_id: str
    requested_at: dt.datetime = moment_column()


class CorrectionPersonTable(SQLModel, table=True):
    """A participant of a requested correction; a swap has two."""

    __tablename__ = "correction_person"
    __table_args__ = (
        ForeignKeyConstraint(REQUEST_KEY, [f"cpr_correction.{name}" for name in REQUEST_KEY]),
        ForeignKeyConstraint(PERSON_KEY, [f"participant.{name}" for name in PERSON_KEY]),
        Index("ix_correction_person_participant", *PERSON_KEY),
    )
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    correction_id: UUID = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    drawn_ago: str


class CorrectionEndTable(SQLModel, table=True):
    """The end of a request: the registrar's decision, or the request that replaced it, a cancellation, the closing."""

    __tablename__ = "correction_end"
    __table_args__ = (
        ForeignKeyConstraint(REQUEST_KEY, [f"cpr_correction.{name}" for name in REQUEST_KEY]),
        CheckConstraint("status in ('accepted', 'refused', 'replaced', 'cancelled')", name="status"),
    )
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    correction_id: UUID = Field(primary_key=True)
    status: str
    reason: str | None = None
    client_id: str | None = None
    """Null if no client decided: the trial was closed, or the person erased."""
    ended_at: dt.datetime = moment_column()
    people: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """What the registrar read of the people at the decision."""


class RequestedNumberTable(SQLModel, table=True):
    """The new number of a request that waits. Its row is deleted when the request ends."""

    __tablename__ = "requested_number"
    __table_args__ = (
        ForeignKeyConstraint(REQUEST_KEY, [f"cpr_correction.{name}" for name in REQUEST_KEY]),
        Index("ix_requested_number_number", "jobcentre_code", "trial_id", "blind_index"),
        {"schema": "vault"},
    )
    jobcentre_code: str = Field(primary_key=True)
    trial_id: str = Field(primary_key=True)
    correction_id: UUID = Field(primary_key=True)
    blind_index: bytes
    wrapped_key: bytes
    sealed_cpr: bytes
