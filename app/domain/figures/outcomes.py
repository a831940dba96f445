"""What became of people: statuses by week, the way out to a job or education, the success criteria in their order.

The effect analysis (``app.analysis``) adds up what is said here of each person, by intention to treat: everyone drawn,
by the arm of the draw, whatever happened afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal, get_args

from app.domain.facts import WORKPLACE_TYPES, History, Outcome, OutcomeStatus
from app.domain.rules.calendar import is_over, last_week_over, monday_of
from app.domain.rules.draw import Arm
from app.domain.rules.presence import read_presence

Criterion = Literal["job_or_education", "part_time_job", "workplace_activation"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)
"""The success criteria in their order, the best first [F, "Succeskriterier"]: job or education and out of public
support; a part-time job with supplementary cash benefit; wage subsidy or work placement at a workplace."""
BEST_FIRST: tuple[OutcomeStatus, ...] = ("employed", "education", "other", "benefit")
"""Of several records for one person and week the best counts, of employment the one with most hours: whatever arrives
first [choice]."""
_WAYS_OUT = frozenset({"job", "education"})
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class WeeklyOutcome:
    """What a person lived on in one week. ``hours`` of employment: 0 with another status, or where none are told."""

    status: OutcomeStatus
    hours: Decimal


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What the effect analysis looks at of one person drawn."""

    jobcentre: str
    arm: Arm
    first_monday: date
    """Of the assignment week."""
    weeks: Mapping[int, WeeklyOutcome]
    """By ISO weeks since the assignment week (0, 1, 2 …), as far as they are over; not told: not there."""
    days_to_exit: int | None
    """From the assignment to the first effective exit to a job or education; None: none so far."""
    days_observed: int
    """From the assignment to the last day up to which an exit would be known."""
    best: Criterion | None
    """The best outcome so far."""


def followed(jobcentre: str, arm: Arm, ends_on: date, history: History, today: date) -> FollowUp:
    """One person as of a day: weeks that are over, exits up to the last of them and the trial's end.

    An exit for another reason ends no observation: the question is how many of all people drawn found the way out, so
    that those who moved or died stay among those who did not [choice].
    """
    exits = read_presence(history, ends_on).exits
    last_day = min(last_week_over(today) + timedelta(days=6), ends_on)
    observed = max((last_day - history.assigned_on).days, 0)
    ways_out = (event.date for event in exits if event.reason in _WAYS_OUT)
    first_exit = next((day for day in ways_out if day <= last_day), None)
    return FollowUp(
        jobcentre=jobcentre,
        arm=arm,
        first_monday=monday_of(history.assigned_on),
        weeks=lived_by_week(history, today),
        days_to_exit=None if first_exit is None else (first_exit - history.assigned_on).days,
        days_observed=observed,
        best=best_outcome(history, ends_on, today),
    )


def lived_by_week(history: History, today: date) -> dict[int, WeeklyOutcome]:
    """The status of each week that is over, by weeks since the assignment week; none before it."""
    first = monday_of(history.assigned_on)
    weeks: dict[int, WeeklyOutcome] = {}
    for outcome in sorted(history.outcomes, key=_worst_first):
        if outcome.week >= first and is_over(outcome.week, today):
            weeks[(outcome.week - first).days // 7] = WeeklyOutcome(outcome.status, outcome.hours_per_week or _NOTHING)
    return weeks


def _worst_first(outcome: Outcome) -> tuple[int, Decimal]:
    return -BEST_FIRST.index(outcome.status), outcome.hours_per_week or _NOTHING


def best_outcome(history: History, ends_on: date, today: date) -> Criterion | None:
    """The best of the success criteria that a person has reached so far; None: none of them.

    Job or education: an effective exit for it, or a week of it after the assignment week. The others: an activation of
    that kind that has begun, and had not ended before the assignment.
    """
    exits = read_presence(history, ends_on).exits
    if any(event.reason in _WAYS_OUT and event.date <= today for event in exits):
        return "job_or_education"
    if any(k > 0 and week.status in ("employed", "education") for k, week in lived_by_week(history, today).items()):
        return "job_or_education"
    reached = {
        offer.type
        for _, offer in history.activations
        if offer.starts_on <= today and (offer.ends_on is None or offer.ends_on >= history.assigned_on)
    }
    if "part_time_job" in reached:
        return "part_time_job"
    return "workplace_activation" if reached & WORKPLACE_TYPES else None
