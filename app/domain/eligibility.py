"""Who may take part: the screening (domain 3.1) and the order of supplement candidates (domain 3.2)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from app.domain.calendar import add_months, age_on, weeks_touched
from app.domain.protocol import EligibilityRule, Protocol, ProtocolError

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


@dataclass(frozen=True, slots=True)
class Failure:
    """A failing rule: its stable code and a sentence for people. No sentence repeats what was sent."""

    code: str
    detail: str


NOT_AVAILABLE = Failure("not_available", "The person cannot be taken in here.")

_DETAILS: Mapping[str, str] = {
    "not_match_group_2": "The person must be assessed into match group 2.",
    "not_at_job_interview": "The assessment must be made at a job interview, not at the short first visit.",
    "wrong_benefit": "The person does not receive a benefit that the trial is for.",
    "under_20": "The person must be 20 or older on the day of the interview.",
    "in_stu": "The person is in specially planned youth education (STU).",
    "pregnancy_related_illness": "The person has a pregnancy-related illness.",
    "residential_programme": "The person is in a round-the-clock programme, or in release from prison.",
    "exempt_from_everything": "The person is exempt from both conversations and activation.",
    "outside_intake_period": "The interview is outside the trial's intake period.",
    "unknown_jobcentre": "The jobcentre does not take part in the trial.",
    "unemployed_too_long": "The person has been unemployed for too long.",
    "unemployed_too_short": "The person has not been unemployed for long enough.",
}


def failures_of(
    protocol: Protocol, jobcentres: Collection[str], intake_from: date, intake_to: date, screening: Screening
) -> list[Failure]:
    """Every failing rule, never only the first; empty for an eligible person. ``not_available`` needs the register."""
    codes = [rule.code for rule in protocol.eligibility if not CHECKS[rule.check](rule.parameters, screening)]
    if not intake_from <= screening.interview_on <= intake_to:
        codes.append("outside_intake_period")
    if screening.jobcentre not in jobcentres:
        codes.append("unknown_jobcentre")
    return details_of(codes)


def details_of(codes: Sequence[str]) -> list[Failure]:
    """Failures with their sentences, from codes kept."""
    sentences = {**_DETAILS, NOT_AVAILABLE.code: NOT_AVAILABLE.detail}
    return [Failure(code, sentences.get(code, "A rule of the protocol is not met.")) for code in codes]


def _max_months_unemployed(rule: Mapping[str, Any], screening: Screening) -> bool:
    if screening.channel != rule.get("channel", screening.channel):
        return True
    since = screening.unemployed_since
    return since is not None and add_months(since, rule["months"]) >= screening.interview_on


CHECKS: Mapping[str, Callable[[Mapping[str, Any], Screening], bool]] = {
    "match_group": lambda rule, screening: screening.match_group == rule["match_group"],
    "job_interview": lambda _, screening: screening.at_job_interview is True,
    "benefit": lambda rule, screening: screening.benefit in rule["benefits"],
    "min_age": lambda rule, screening: age_on(screening.born_on, screening.interview_on) >= rule["years"],
    "circumstance": lambda rule, screening: rule["circumstance"] not in screening.circumstances,
    "not_exempt_from_both": lambda _, screening: screening.exempt_from != "both",
    "max_months_unemployed": _max_months_unemployed,
}
"""The checks that a protocol may name, each true when the rule holds."""


def require_known_checks(rules: Sequence[EligibilityRule]) -> None:
    """ProtocolError for a rule that names a check which does not exist."""
    for rule in rules:
        if rule.check not in CHECKS:
            raise ProtocolError(f"eligibility.{rule.code}: there is no check {rule.check}")


# --- supplement candidates (3.2) ------------------------------------------------------------------------------------


def weekly_target(given: int | None, agreed_participants: int, intake_from: date, intake_to: date) -> int:
    """A jobcentre's target of people drawn a week: given, or ceil(2 × agreed / ISO weeks of the intake period)."""
    if given is not None:
        return given
    return -(-2 * agreed_participants // weeks_touched(intake_from, intake_to))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A waiting supplement candidate. Shortest unemployment first; ties go to the one registered first."""

    unemployed_since: date
    registered_at: datetime

    def is_before(self, other: "Candidate") -> bool:
        """Whether this one comes first: unemployed for the shorter time, else registered earlier."""
        if self.unemployed_since != other.unemployed_since:
            return self.unemployed_since > other.unemployed_since
        return self.registered_at < other.registered_at


def ahead_of(candidate: Candidate, others: Collection[Candidate]) -> int:
    """How many waiting candidates of the same jobcentre and ISO week are to be drawn first."""
    return sum(other.is_before(candidate) for other in others)
