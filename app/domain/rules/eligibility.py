"""Who may take part: the screening (domain 3.1) and the order of supplement candidates (domain 3.2)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args

from app.domain.codes.failures import FAILURE_DETAILS
from app.domain.protocol import Protocol
from app.domain.rules.calendar import add_months, age_on, weeks_touched
from app.domain.screening import Benefit, Channel, Circumstance, Screening, Terms


@dataclass(frozen=True, slots=True)
class Failure:
    """A failing rule: its stable code and a sentence for people. No sentence repeats what was sent."""

    code: str
    detail: str


NOT_AVAILABLE = Failure("not_available", "The person cannot be taken in here.")
OUTSIDE_INTAKE_PERIOD, UNKNOWN_JOBCENTRE = "outside_intake_period", "unknown_jobcentre"
IN_EVERY_PROTOCOL = frozenset({NOT_AVAILABLE.code, OUTSIDE_INTAKE_PERIOD, UNKNOWN_JOBCENTRE})
"""The failures that hold whatever the protocol (domain 6): no rule of its own may take their code."""


def failures_of(protocol: Protocol, terms: Terms, screening: Screening) -> list[Failure]:
    """Every failing rule, never only the first; empty for an eligible person. ``not_available`` needs the register."""
    codes = [
        rule.code for rule in protocol.eligibility if not CHECKS[rule.check].holds(rule.parameters, terms, screening)
    ]
    if not terms.intake_from <= screening.interview_on <= terms.intake_to:
        codes.append(OUTSIDE_INTAKE_PERIOD)
    if screening.jobcentre not in terms.jobcentres:
        codes.append(UNKNOWN_JOBCENTRE)
    return details_of(protocol, codes)


def details_of(protocol: Protocol, codes: Sequence[str]) -> list[Failure]:
    """Failures with their sentences, from codes kept: the protocol's own sentence, else the register's."""
    own = {rule.code: rule.detail for rule in protocol.eligibility if rule.detail}
    sentences = {**FAILURE_DETAILS, NOT_AVAILABLE.code: NOT_AVAILABLE.detail, **own}
    return [Failure(code, sentences.get(code, "A rule of the protocol is not met.")) for code in codes]


# --- the checks that a protocol may name ------------------------------------------------------------------------------

CheckKind = Literal["number", "flag", "channel", "circumstance", "benefits"]
"""What a check's parameter holds: a whole number from 1, true or false, a code, or several codes."""
KIND_CODES: Mapping[CheckKind, frozenset[str]] = {
    "channel": frozenset(get_args(Channel)),
    "circumstance": frozenset(get_args(Circumstance)),
    "benefits": frozenset(get_args(Benefit)),
}


@dataclass(frozen=True, slots=True)
class Check:
    """A check: ``holds`` is true when the rule is met. ``reads`` are the fields that a screening must state for it."""

    holds: Callable[[Mapping[str, Any], Terms, Screening], bool]
    reads: Sequence[str] = ()
    required: Mapping[str, CheckKind] = field(default_factory=dict)
    optional: Mapping[str, CheckKind] = field(default_factory=dict)


def _max_months_unemployed(rule: Mapping[str, Any], terms: Terms, screening: Screening) -> bool:
    """Only in a channel, where one is named; at the first intake day, not the interview, where the rule says so."""
    if screening.channel != rule.get("channel", screening.channel):
        return True
    day = terms.intake_from if rule.get("at_intake_start") else screening.interview_on
    since = screening.unemployed_since
    return since is not None and add_months(since, rule["months"]) >= day


def _min_days_unemployed(rule: Mapping[str, Any], _: Terms, screening: Screening) -> bool:
    """For more than so many days."""
    since = screening.unemployed_since
    return since is not None and since + timedelta(days=rule["days"]) < screening.interview_on


CHECKS: Mapping[str, Check] = {
    "match_group": Check(
        lambda rule, _, stated: stated.match_group == rule["match_group"], ["match_group"], {"match_group": "number"}
    ),
    "job_interview": Check(lambda _, __, stated: stated.at_job_interview is True, ["at_job_interview"]),
    "benefit": Check(lambda rule, _, stated: stated.benefit in rule["benefits"], ["benefit"], {"benefits": "benefits"}),
    "min_age": Check(
        lambda rule, _, stated: age_on(stated.born_on, stated.interview_on) >= rule["years"], [], {"years": "number"}
    ),
    "circumstance": Check(
        lambda rule, _, stated: rule["circumstance"] not in stated.circumstances, [], {"circumstance": "circumstance"}
    ),
    "has_circumstance": Check(
        lambda rule, _, stated: rule["circumstance"] in stated.circumstances, [], {"circumstance": "circumstance"}
    ),
    "not_exempt_from_both": Check(lambda _, __, stated: stated.exempt_from != "both", ["exempt_from"]),
    "max_months_unemployed": Check(
        _max_months_unemployed,
        ["unemployed_since"],
        {"months": "number"},
        {"channel": "channel", "at_intake_start": "flag"},
    ),
    "min_days_unemployed": Check(_min_days_unemployed, ["unemployed_since"], {"days": "number"}),
    "target_group": Check(lambda _, terms, stated: stated.target_group in terms.target_groups, ["target_group"]),
}
"""By name; ``docs/protocols.md`` tells what each asks."""


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
