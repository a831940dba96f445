"""Activations by week (domain 4.6): which weeks they cover, hours, which weeks are active and at a workplace."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from app.domain.facts import WORKPLACE_TYPES, Activation, History
from app.domain.judged_weeks import WORKING_DAYS, weeks_covered
from app.domain.protocol import Protocol

_ZERO: Final = Decimal(0)
Covering = dict[int, list[tuple[str, Activation]]]
"""The activations that cover each week, by its index, beside their clients; a week that none covers is not in it."""


@dataclass(slots=True)
class ActivityWeeks:
    """Weeks by index, due or not."""

    covered: set[int] = field(default_factory=set)
    active: set[int] = field(default_factory=set)
    """The hours reach the minimum, or a covering activation carries an accepted reason for reduced hours."""
    at_workplace: set[int] = field(default_factory=set)
    """A covering activation is at a workplace."""
    excused: set[int] = field(default_factory=set)
    """A covering activation carries a sufficient reason for not being at a workplace."""
    mentored: set[int] = field(default_factory=set)
    """A covering workplace activation has a mentor assigned or waived, or a mentor record covers a working day."""


def judge_activity(protocol: Protocol, history: History, first_monday: int, weeks: int) -> ActivityWeeks:
    """Put a person's activations and mentors into the weeks that they cover."""
    found = ActivityWeeks()
    weak: list[tuple[str, Activation]] = []
    for client, activation in history.activations:
        covered = weeks_covered(activation.starts_on, activation.ends_on, first_monday, weeks)
        found.covered.update(covered)
        if is_enough(protocol, activation):
            found.active.update(covered)
        else:
            weak.append((client, activation))
        if activation.type in WORKPLACE_TYPES:
            found.at_workplace.update(covered)
            if activation.mentor != "unknown":
                found.mentored.update(covered)
        if activation.not_workplace_reason in protocol.sufficient_not_workplace_reasons:
            found.excused.update(covered)
    if len(weak) > 1 and protocol.min_weekly_hours is not None:
        for index, together in covering_by_week(weak, first_monday, weeks).items():
            if index not in found.active and hours_of(together, first_monday + 7 * index) >= protocol.min_weekly_hours:
                found.active.add(index)
    for mentor in history.mentors:
        found.mentored.update(weeks_covered(mentor.starts_on, mentor.ends_on, first_monday, weeks))
    return found


def is_enough(protocol: Protocol, activation: Activation) -> bool:
    """Whether an activation alone makes a week active. Without a minimum any covering activation does."""
    minimum = protocol.min_weekly_hours
    return (
        minimum is None
        or activation.hours_per_week >= minimum
        or activation.reduced_hours_reason in protocol.reduced_hours_reasons
    )


def covering_by_week(activations: Sequence[tuple[str, Activation]], first_monday: int, weeks: int) -> Covering:
    """The activations that cover each week."""
    covering: Covering = {}
    for client, activation in activations:
        for index in weeks_covered(activation.starts_on, activation.ends_on, first_monday, weeks):
            covering.setdefault(index, []).append((client, activation))
    return covering


def hours_of(covering: Sequence[tuple[str, Activation]], monday: int) -> Decimal:
    """The hours of a week: the largest, over its five working days, of the sum of one client's activations of that day.

    Activations of different clients are never added up: a case system and a register may report one placement.
    """
    sums: dict[str, list[Decimal]] = {}
    for client, activation in covering:
        first, last = activation.starts_on.toordinal() - monday, WORKING_DAYS - 1
        if activation.ends_on is not None:
            last = min(activation.ends_on.toordinal() - monday, last)
        days = sums.setdefault(client, [_ZERO] * WORKING_DAYS)
        for day in range(max(first, 0), last + 1):
            days[day] += activation.hours_per_week
    return max(max(days) for days in sums.values())


def first_workplace_start(activations: Sequence[tuple[str, Activation]], since: date) -> date | None:
    """The first day of the first workplace activation that starts on or after a day."""
    starts = [each.starts_on for _, each in activations if each.type in WORKPLACE_TYPES and each.starts_on >= since]
    return min(starts, default=None)
