"""Scenario of each protocol: dates, who is screened, conversations and activations (domain 6).

Only PRVIJ's shares are published (domain 7); those of the others are chosen around them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

from app.domain.rules.calendar import monday_of
from app.simulate.model import Body
from app.simulate.screening_facts import TARGET_GROUPS, flexible, flexjob, prvij, sickness

ScreeningFacts = Callable[[Random, str, date], Body]
"""Makes the facts of a screening from a role and the day of the interview."""

IN_EVERY_PROTOCOL = ("outside_intake_period", "unknown_jobcentre", "not_available")
EXCLUSIONS = ("pension_case_started", "terminal_illness", "treatment_prevents_offers", "pregnancy_related_illness")
EXIT_REASONS = {"job": 27, "match_group_3": 27, "moved": 20, "benefit_ended": 18, "education": 6, "deceased": 2}
"""Weights. About 7 % of all people leave for a job (domain 7)."""
WITHOUT_MATCHING = {reason: weight for reason, weight in EXIT_REASONS.items() if reason != "match_group_3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Scenario of a protocol's trial. Programme weeks are those of the case systems' diaries."""

    protocol: str
    title: str
    intake_from: date
    intake_to: date
    ends_on: date
    screening_facts: ScreeningFacts
    failures: tuple[str, ...]
    """Codes of eligibility that occur."""
    passing: frozenset[str] = frozenset()
    """Failures that pass: half of these people are screened again weeks later and are eligible then."""
    matched: bool = False
    """Whether people come by match group and channel: newly matched or rematched."""
    supplement: bool = False
    """Whether a week's intake may be filled up with people matched before."""
    terms: Mapping[str, object] = field(default_factory=dict)
    """What else the trial is created with."""
    jobcentre_terms: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """What some of its jobcentres have of their own, by code."""
    conversations: float = 1.0
    """The intense effort's conversations, of those of the evaluation."""
    in_person_weeks: int
    group_share: float = 0.0
    """Conversations held in a group."""
    remote_forms: Mapping[str, int]
    """Weights of the forms of conversation other than in person."""
    justified: float | None = None
    """Share of these conversations with a justification; None: they need none."""
    offers_from: int
    """The programme week from which people are activated."""
    other_offers: tuple[str, ...] = ("guidance_and_upskilling",) * 4 + ("other_offer",)
    course_weeks: int | None = None
    """Weeks of activation after which the course is over."""
    last_number: int | None = None
    """The programme week after which the course is over."""
    exit_reasons: Mapping[str, int]
    job_status: str = "employed"
    """The status of outcomes of whoever left for a job."""
    conversation_exempt_share: float = 0.0
    """Share of people exempt from conversations alone, for most of a year."""
    declined_share: float = 0.0
    """Share of people who decline an offer."""

    @property
    def first_week(self) -> date:
        """The Monday of the first week that records are sent in."""
        return monday_of(self.intake_from)

    @property
    def last_week(self) -> date:
        """The Monday of the last week that records are sent in."""
        return monday_of(self.ends_on)

    @property
    def outside(self) -> list[date]:
        """Days of interviews outside the intake period."""
        return [
            self.intake_from - timedelta(days=7),
            self.intake_from - timedelta(days=3),
            self.intake_to + timedelta(days=1),
            self.intake_to + timedelta(days=6),
        ]

    def is_through(self, number: int | None, active_weeks: int) -> bool:
        """Return whether the course is over before a week of this number, after so many weeks of activation."""
        if self.course_weeks is not None and active_weeks >= self.course_weeks:
            return True
        return self.last_number is not None and number is not None and number > self.last_number


PRVIJ = Scenario(
    protocol="prvij-2010-11",
    title="På rette vej – i job",
    intake_from=date(2010, 11, 8),
    intake_to=date(2011, 3, 31),
    ends_on=date(2012, 3, 31),
    screening_facts=prvij,
    failures=(
        "not_match_group_2",
        "not_at_job_interview",
        "wrong_benefit",
        "under_20",
        "in_stu",
        "pregnancy_related_illness",
        "residential_programme",
        "exempt_from_everything",
        "outside_intake_period",
        "unknown_jobcentre",
        "unemployed_too_long",
        "not_available",
    ),
    passing=frozenset({"not_match_group_2", "not_at_job_interview", "exempt_from_everything"}),
    matched=True,
    supplement=True,
    in_person_weeks=8,
    remote_forms={"telephone": 90, "digital": 7, "other": 3},
    offers_from=9,
    course_weeks=39,
    exit_reasons=EXIT_REASONS,
    conversation_exempt_share=0.62,
)
_DRAFT = replace(
    PRVIJ,
    protocol="prvij-2010-07",
    title="På rette vej – i job (draft)",
    intake_from=date(2010, 11, 1),
    failures=tuple(code for code in PRVIJ.failures if code != "unemployed_too_long"),
    supplement=False,
    in_person_weeks=4,
    offers_from=5,
    course_weeks=None,
)
_SICKNESS = Scenario(
    protocol="aht-2008-sickness",
    title="Aktive – hurtigere tilbage! (sygedagpenge)",
    intake_from=date(2009, 1, 5),
    intake_to=date(2009, 4, 30),
    ends_on=date(2009, 8, 28),
    screening_facts=sickness,
    failures=("wrong_benefit", "after_first_follow_up", *EXCLUSIONS, *IN_EVERY_PROTOCOL),
    in_person_weeks=17,
    group_share=0.25,
    remote_forms={"telephone": 1},
    offers_from=5,
    other_offers=("guidance_and_upskilling", "partial_return", "partial_return", "preventive_offer"),
    last_number=17,
    exit_reasons=WITHOUT_MATCHING,
    declined_share=0.15,
)
_FLEXJOB = replace(
    _SICKNESS,
    protocol="aht-2008-flexjob",
    title="Aktive – hurtigere tilbage! (fleksjob)",
    screening_facts=flexjob,
    job_status="flex_job",
    failures=(
        "not_referred_to_flexjob",
        "unemployed_too_short",
        "unemployed_too_long",
        *EXCLUSIONS,
        *IN_EVERY_PROTOCOL,
    ),
    passing=frozenset({"unemployed_too_short"}),
)
_FLEXIBLE = Scenario(
    protocol="flex-2016",
    title="Formkrav ved lovpligtige samtaler",
    intake_from=date(2017, 1, 2),
    intake_to=date(2017, 3, 31),
    ends_on=date(2017, 9, 29),
    screening_facts=flexible,
    failures=("wrong_target_group", *IN_EVERY_PROTOCOL),
    terms={
        "target_groups": list(TARGET_GROUPS),
        "required_contacts": 2,
        "themes": ["form", "content", "cadence"],
    },
    jobcentre_terms={
        "860": {"target_groups": [*TARGET_GROUPS, 12], "required_contacts": {"2": 2, "3": 1.5, "11": 1}},
        "849": {"themes": ["content"], "required_contacts": 2.5},
    },
    conversations=0.6,
    in_person_weeks=0,
    group_share=0.1,
    remote_forms={"telephone": 60, "digital": 25, "industry_meeting": 5, "other": 10},
    justified=0.9,
    offers_from=5,
    exit_reasons=WITHOUT_MATCHING,
)
SCENARIOS: Mapping[str, Scenario] = {
    scenario.protocol: scenario for scenario in (PRVIJ, _DRAFT, _SICKNESS, _FLEXJOB, _FLEXIBLE)
}
