"""The types of the figures that a response contains as they are. The contract reads their annotations at run time."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from app.domain.facts import ExemptionGround, ExemptionScope

ConditionStatus = Literal["met", "not_met", "nothing_due"]


@dataclass(frozen=True, slots=True)
class Group:
    """Group that a row is about: one jobcentre, one region or, with neither, the whole trial."""

    jobcentre: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """Status of the three conditions of the grant (domain 5 [F])."""

    conversation: ConditionStatus
    activation: ConditionStatus
    workplace: ConditionStatus

    def repeats_not_met(self, other: "Conditions") -> bool:
        """Whether the same condition is not met in both."""
        return (
            self.conversation == other.conversation == "not_met"
            or self.activation == other.activation == "not_met"
            or self.workplace == other.workplace == "not_met"
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """Grant of a jobcentre up to a week, in DKK (domain 5 [F])."""

    first_conversations: int
    """Treatment participants with at least one counting conversation."""
    agreed_participants: int
    """Greatest number of participants that the grant is paid for."""
    dkk_per_participant: int
    amount_dkk: int
    """The smaller of the two numbers of participants, times the amount per participant."""
    payable: bool | None
    """Whether all three conditions are met; null if the protocol has no thresholds."""
    payable_dkk: int | None
    """`amount_dkk` if payable, else 0; null if the protocol has no thresholds."""


@dataclass(frozen=True, slots=True)
class EndingExemption:
    """Exemption whose last day is in the week."""

    scope: ExemptionScope
    ground: ExemptionGround
    ends_on: date


@dataclass(frozen=True, slots=True)
class ActivationByPerson:
    """People, not weeks, up to a week."""

    people: int
    """Participants with any week in which an activation was due."""
    ever_activated: int
    """Of these, activated in any week."""
    ever_workplace: int
    """Of these, activated at a workplace in any week."""


@dataclass(frozen=True, slots=True)
class ConversationByPerson:
    """People, not weeks, up to a week."""

    people: int
    """Participants with any week in which a conversation was due."""
    held_80: int
    """Of these, with at least 80 % of theirs held."""


@dataclass(frozen=True, slots=True)
class ByPerson:
    """The same as the rates, counted by person (domain 5, "By person"): information, not a condition."""

    activation: ActivationByPerson
    conversation: ConversationByPerson
