"""What is stated of a person at the screening, and what a trial holds it against (domain 3.1). Facts only."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal

from app.domain.protocol import Protocol

Channel = Literal["new_match", "rematch", "supplement"]
Benefit = Literal["cash_benefit", "start_benefit", "sickness_benefit", "other"]
Circumstance = Literal[
    "in_stu",
    "pregnancy_related_illness",
    "residential_programme",
    "after_first_follow_up",
    "referred_to_flexjob",
    "pension_case_started",
    "terminal_illness",
    "treatment_prevents_offers",
]
ExemptFrom = Literal["none", "conversations", "activation", "both"]
WithdrawalReason = Literal["job", "moved", "not_interviewed", "entered_in_error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """What is stated of a person at the job interview. None: the protocol does not ask for it."""

    born_on: date
    jobcentre: str
    interview_on: date
    channel: Channel | None = None
    at_job_interview: bool | None = None
    match_group: int | None = None
    benefit: Benefit | None = None
    unemployed_since: date | None = None
    circumstances: frozenset[str] = frozenset()
    exempt_from: ExemptFrom | None = None
    target_group: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a trial sets, and its screenings are held against."""

    jobcentres: Collection[str]
    intake_from: date
    intake_to: date
    target_groups: Collection[int] = ()
    """Those that the trial has picked (domain 6 [C])."""


def asked_for(protocol: Protocol, channel: Channel | None) -> frozenset[str]:
    """What a screening must state: the protocol's fields, and in the channel ``supplement`` the time unemployed, which
    decides the order of candidates (domain 3.2)."""
    return protocol.screening_fields | ({"unemployed_since"} if channel == "supplement" else set())


def looked_at(protocol: Protocol) -> frozenset[str]:
    """What is kept of a screening, the time unemployed of anyone; what else it states is neither judged nor kept."""
    return protocol.screening_fields | protocol.optional_screening_fields | {"unemployed_since"}
