"""Activations by week (domain 4.6): the weeks that they cover, hours, active, at a workplace; what a due one gives."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final

from app.domain.facts import WORKPLACE_TYPES, Activation, History
from app.domain.judged_weeks import JudgedWeeks, weeks_covered
from app.domain.protocol import Protocol

_ZERO: Final = Decimal(0)


@dataclass(slots=True)
class ActivityWeeks:
    """What a person's activations and mentors say of each week, due or not."""

    covered: list[bool]
    active: list[bool]
    """The hours reach the minimum, or a covering activation carries an accepted reason for reduced hours."""
    at_workplace: list[bool]
    """A covering activation is at a workplace."""
    excused: list[bool]
    """A covering activation carries a sufficient reason for not being at a workplace."""
    mentored: list[bool]
    """A covering workplace activation has a mentor assigned or waived, or a mentor record covers a working day."""
    workplace_starts: list[int]
    """The first days of the activations at a workplace, as ordinals."""


def read_activity(protocol: Protocol, history: History, first_monday: int, weeks: int) -> ActivityWeeks:
    """Read a person's activations and mentors by week. ``first_monday`` is the ordinal of that of the first week."""
    unset = [False] * weeks
    activity = ActivityWeeks(unset, unset.copy(), unset.copy(), unset.copy(), unset.copy(), [])
    weak: list[tuple[str, Activation]] = []
    for client, activation in history.activations:
        covered = weeks_covered(activation.starts_on, activation.ends_on, first_monday, weeks)
        _mark(activity.covered, covered)
        if is_enough(protocol, activation):
            _mark(activity.active, covered)
        else:
            weak.append((client, activation))
        if activation.type in WORKPLACE_TYPES:
            activity.workplace_starts.append(activation.starts_on.toordinal())
            _mark(activity.at_workplace, covered)
            if activation.mentor != "unknown":
                _mark(activity.mentored, covered)
        if activation.not_workplace_reason in protocol.sufficient_not_workplace_reasons:
            _mark(activity.excused, covered)
    for mentor in history.mentors:
        _mark(activity.mentored, weeks_covered(mentor.starts_on, mentor.ends_on, first_monday, weeks))
    if len(weak) > 1 and protocol.min_weekly_hours is not None:
        for index, hours in hours_by_week(weak, first_monday, weeks).items():
            if hours >= protocol.min_weekly_hours:
                activity.active[index] = True
    return activity


def _mark(column: list[bool], covered: range) -> None:
    column[covered.start : covered.stop] = [True] * len(covered)


def is_enough(protocol: Protocol, activation: Activation) -> bool:
    """Whether an activation alone makes a week active. Without a minimum any covering activation does."""
    minimum = protocol.min_weekly_hours
    return (
        minimum is None
        or activation.hours_per_week >= minimum
        or activation.reduced_hours_reason in protocol.reduced_hours_reasons
    )


def hours_by_week(activations: Iterable[tuple[str, Activation]], first_monday: int, weeks: int) -> dict[int, Decimal]:
    """The hours of each week that is covered, by its index: the largest, over its five working days, of the sum of one
    client's activations of that day.

    Activations of different clients are never added up: a case system and a register may report one placement.
    """
    after = first_monday + 7 * weeks
    changes: dict[str, dict[int, Decimal]] = {}
    """By client and day how much the sum is higher than on the day before."""
    for client, activation in activations:
        of_client = changes.setdefault(client, {})
        first, hours = activation.starts_on.toordinal(), activation.hours_per_week
        next_day = max(first, after) if activation.ends_on is None else activation.ends_on.toordinal() + 1
        of_client[first] = of_client.get(first, _ZERO) + hours
        of_client[next_day] = of_client.get(next_day, _ZERO) - hours
    most: dict[int, Decimal] = {}
    for of_client in changes.values():
        total = _ZERO
        for day, next_day in pairwise(sorted(of_client)):
            total += of_client[day]
            if total:
                for index in weeks_covered(date.fromordinal(day), date.fromordinal(next_day - 1), first_monday, weeks):
                    most[index] = max(most.get(index, _ZERO), total)
    return most


def judge_activations(protocol: Protocol, activity: ActivityWeeks, judged: JudgedWeeks) -> None:
    """Judge the weeks in which an activation is due: activated, at a workplace, deviations."""
    deviations, judges_workplace = judged.deviations, protocol.judges_workplace
    for index, due in enumerate(judged.activation_due):
        if not due:
            continue
        if not activity.covered[index]:
            deviations[index] += ("activation_missing",)
        elif not activity.active[index]:
            deviations[index] += ("hours_too_few",)
        else:
            judged.activated[index] = True
            if activity.at_workplace[index]:
                judged.workplace_activated[index] = True
                if judges_workplace and not activity.mentored[index]:
                    deviations[index] += ("mentor_missing",)
            elif judges_workplace and not activity.excused[index]:
                deviations[index] += ("not_at_workplace",)
