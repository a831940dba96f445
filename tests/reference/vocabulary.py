"""Codes and values for generated people, and the dates of a trial that has each protocol."""

from datetime import date
from typing import Any

from tests.reference.days import Record

# First and last day of the intake, and the end, of a trial that has each protocol ([S] and [C] set theirs per trial).
TRIAL_DATES: dict[str, tuple[str, str, str]] = {
    "prvij-2010-11": ("2010-11-08", "2011-03-31", "2012-03-31"),
    "prvij-2010-07": ("2010-11-01", "2011-03-31", "2012-03-31"),
    "aht-2008-sickness": ("2009-01-05", "2009-04-30", "2009-08-31"),
    "aht-2008-flexjob": ("2009-01-05", "2009-04-30", "2009-08-31"),
    "flex-2016": ("2016-11-01", "2017-06-30", "2017-12-29"),
}
GROUNDS_OF_EXEMPTION = [
    "illness",
    "parental_leave",
    "child_care",
    "care_of_relative",
    "military_service",
    "sentence",
    "stu",
    "job_starts",
    "holiday",
    "offer_not_reasonable",
    "other",
]
EXIT_REASONS = ["match_group_3", "job", "education", "moved", "benefit_ended", "deceased"]
REMOTE_GROUNDS = ["illness", "other_obstacle", "hospitalised"]
STATUSES = ["held", "no_show", "cancelled"]
PLACES = ["jobcentre", "company", "home", "other"]
FOCUS = ["clarification", "motivation", "preparation", "follow_up", "retention", "progression", "transition_to_job"]
REDUCED_HOURS_REASONS = ["health", "gradual_start", "care", "other"]
NOT_WORKPLACE_REASONS = [
    "substance_abuse",
    "untreated_mental_illness",
    "other",
    "cannot_get_up",
    "no_transport",
    "unstable",
]
OTHER_TYPES = ["guidance_and_upskilling", "other_offer"]
SICKNESS_TYPES = ["partial_return", "preventive_offer"]
ENDED_BECAUSE = ["as_planned", "illness", "job", "education", "citizen_stopped", "company_stopped", "other"]
PREVENTIVE_KINDS = ["physical_training", "diet", "psychologist", "pain_management", "depression_school", "other"]
OUTCOME_STATUSES = ["benefit", "employed", "flex_job", "education", "other"]
SUPPORT_AREAS = ["company", "social_services", "health"]
TARGET_GROUPS = [1, 2, 11]
CLIENTS = ["case-system", "register", "third-system"]
CVR_NUMBERS = ["10000009", "20000015", "64942212"]
P_NUMBERS = ["1000000001", "1000000002"]

# Around the ten hours, and sums that reach them exactly or miss them by a hundredth.
TELLING_HOURS: list[int | float] = [4, 5, 5.01, 4.99, 6, 3.33, 3.34, 0.01, 9.99, 10, 10.0, 10.01, 20, 25.25, 37, 60]

# What a stretch of conversations is mostly like: good ones, and one for each way of going wrong.
STRETCHES_ALIKE: list[Record] = [
    {},
    {},
    {},
    {"form": "telephone"},
    {"form": "telephone"},
    {"form": "telephone", "remote_ground": "hospitalised"},
    {"form": "digital", "remote_ground": "illness"},
    {"place": "home"},
    {"place": "company", "conducted_by": "external_provider"},
    {"conducted_by": "external_provider"},
    {"conducted_by": "mentor"},
    {"form": "group"},
    {"status": "no_show"},
]


def text(some_day: date) -> str:
    """The date as JSON has it."""
    return some_day.isoformat()


def activation_types(protocol_id: str) -> list[str]:
    """The types beside those at a workplace: two more in [S]."""
    return [*OTHER_TYPES, *SICKNESS_TYPES] if protocol_id.startswith("aht-") else OTHER_TYPES


def numbered(records: list[Record], prefix: str) -> list[Record]:
    """With an `external_id` of their own, in the order of registration."""
    return [{"external_id": f"{prefix}{i}", **record} for i, record in enumerate(records)]


def all_numbered(kinds: dict[str, list[Record]]) -> dict[str, Any]:
    """Every kind with external ids that begin with the kind's own letters."""
    prefixes = {"presence_events": "p", "exemptions": "x", "support_efforts": "s", "declined_offers": "d"}
    return {kind: numbered(records, prefixes.get(kind, kind[0])) for kind, records in kinds.items()}
