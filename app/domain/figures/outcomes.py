"""What became of people: statuses by week, the way out to a job or education, the success criteria in their order.

The effect analysis (``app.analysis``) adds up what is said here of each person, by intention to treat: everyone drawn,
by the arm of the draw, whatever happened afterwards.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal, get_args

from app.domain.facts import WORKPLACE_TYPES, History, Outcome, OutcomeStatus
from app.domain.protocol import Criterion, Protocol
from app.domain.rules.calendar import is_over, last_week_over, monday_of
from app.domain.rules.draw import Arm
from app.domain.rules.presence import read_presence

CRITERIA: tuple[Criterion, ...] = get_args(Criterion)
"""Every criterion that a protocol may name, the best first where they stand in one [F, "Succeskriterier"; S]."""
STATUSES: tuple[OutcomeStatus, ...] = ("benefit", "employed", "flex_job", "education", "other")
"""Of several records of one week the first of these is its status: benefit dominates, one day is enough (domain 5)."""
_EMPLOYED: Final = frozenset({"employed", "flex_job"})
_WAYS_OUT: Final = frozenset({"job", "education"})
_NOTHING: Final = Decimal(0)
Evidence = Literal["jobcentre", "register", "both"]
"""By what a criterion was reached: the jobcentre's own records, an outcome register, or both."""


@dataclass(frozen=True, slots=True)
class WeeklyOutcome:
    """What a person lived on in one week."""

    status: OutcomeStatus | None
    """None of the dead, whatever records say: they have no outcome (domain 5.1, "Told")."""
    hours: Decimal | None
    """The most that any record says, with whatever status; where none says any 0, of the employed untold: None."""
    in_education: bool = False
    """Any record says so, and none benefit; the person may be employed too."""

    @property
    def employed(self) -> bool:
        """Employed, a flex-job included, and without benefit."""
        return self.status in _EMPLOYED


_DEAD: Final = WeeklyOutcome(None, _NOTHING)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What the effect analysis looks at of one person drawn."""

    jobcentre: str
    arm: Arm
    first_monday: date
    """Of the assignment week."""
    weeks: Mapping[int, WeeklyOutcome]
    """By ISO weeks since the assignment week (0, 1, 2 …), as far as they are over; not told: not there (5.1)."""
    days_to_exit: int | None
    """From the assignment to the first effective exit to a job or education; None: none so far."""
    days_observed: int
    """From the assignment to the last day up to which an exit would be known."""
    best: tuple[Criterion, Evidence] | None
    """The best of the success criteria reached so far, and by what."""


def followed(protocol: Protocol, jobcentre: str, arm: Arm, ends_on: date, history: History, today: date) -> FollowUp:
    """One person as of a day: weeks that are over, exits up to the last of them and the trial's end.

    An exit for another reason ends no observation: the question is how many of all people drawn found the way out, so
    that those who moved or died stay among those who did not [choice].
    """
    exits = read_presence(protocol, history.assigned_on, ends_on, history.events).exits
    last_day = min(last_week_over(today) + timedelta(days=6), ends_on)
    observed = max((last_day - history.assigned_on).days, 0)
    ways_out = (first for first, reason in exits if reason in _WAYS_OUT)
    first_exit = next((day for day in ways_out if day <= last_day), None)
    return FollowUp(
        jobcentre=jobcentre,
        arm=arm,
        first_monday=monday_of(history.assigned_on),
        weeks=told_by_week(history, today),
        days_to_exit=None if first_exit is None else (first_exit - history.assigned_on).days,
        days_observed=observed,
        best=best_outcome(protocol, history, ends_on, today),
    )


def told_by_week(history: History, today: date) -> dict[int, WeeklyOutcome]:
    """What is told of each week that is over: the outcome by records; of the dead from the week after their death on
    that there is none, whatever records say. They died on the earliest event ``deceased``, effective or not."""
    weeks = lived_by_week(history, today)
    deaths = [event.date for event in history.events if event.kind == "exit" and event.reason == "deceased"]
    if deaths:
        first = monday_of(history.assigned_on)
        died, last = ((monday_of(day) - first).days // 7 for day in (min(deaths), last_week_over(today)))
        weeks |= dict.fromkeys(range(max(died + 1, 0), last + 1), _DEAD)
    return weeks


def lived_by_week(history: History, today: date) -> dict[int, WeeklyOutcome]:
    """The outcome by records of each week that is over, by weeks since the assignment week; none before it."""
    return {k: _outcome_of(records) for k, records in sorted(_records_by_week(history, today).items())}


def _records_by_week(history: History, today: date) -> dict[int, list[Outcome]]:
    first = monday_of(history.assigned_on)
    records: dict[int, list[Outcome]] = {}
    for outcome in history.outcomes:
        if outcome.week >= first and is_over(outcome.week, today):
            records.setdefault((outcome.week - first).days // 7, []).append(outcome)
    return records


def _outcome_of(records: Sequence[Outcome]) -> WeeklyOutcome:
    statuses = {record.status for record in records}
    status = next(each for each in STATUSES if each in statuses)
    hours = max([record.hours_per_week for record in records if record.hours_per_week is not None], default=None)
    if hours is None and status not in _EMPLOYED:
        hours = _NOTHING
    return WeeklyOutcome(status, hours, "education" in statuses and status != "benefit")


def best_outcome(protocol: Protocol, history: History, ends_on: date, today: date) -> tuple[Criterion, Evidence] | None:
    """The best of the protocol's success criteria that a person has reached so far, and by what; None: none of them."""
    exits = read_presence(protocol, history.assigned_on, ends_on, history.events).exits
    left_for = {reason for first, reason in exits if first <= today}
    records = {k: several for k, several in _records_by_week(history, today).items() if k > 0}
    weeks = [_outcome_of(several) for several in records.values()]
    statuses = {record.status for several in records.values() for record in several}
    begun = {
        offer.type
        for _, offer in history.activations
        if offer.starts_on <= today and (offer.ends_on is None or offer.ends_on >= history.assigned_on)
    }
    for criterion in protocol.success_criteria:
        own, register = _reached(criterion, left_for, begun, weeks, statuses)
        if own or register:
            return criterion, "both" if own and register else "jobcentre" if own else "register"
    return None


def _reached(
    criterion: str,
    left_for: Collection[str],
    begun: Collection[str],
    weeks: Collection[WeeklyOutcome],
    statuses: Collection[str],
) -> tuple[bool, bool]:
    """Whether a criterion (domain 5) was reached by the jobcentre's own records, and by an outcome register.

    ``left_for`` are the reasons of effective exits, ``begun`` the types of activations that had not ended before the
    assignment, ``weeks`` the outcomes of weeks later than the assignment week, ``statuses`` those of their records.
    """
    match criterion:
        case "job_or_education":
            return not _WAYS_OUT.isdisjoint(left_for), any(week.employed or week.in_education for week in weeks)
        case "job":
            return "job" in left_for, any(week.employed for week in weeks)
        case "flex_job":
            return False, "flex_job" in statuses
        case "part_time_job":
            return "part_time_job" in begun, any(week.status == "benefit" and week.hours for week in weeks)
        case "workplace_activation":
            return not WORKPLACE_TYPES.isdisjoint(begun), False
        case "active_offer":
            return bool(begun), False
        case _:
            return criterion in begun, False
