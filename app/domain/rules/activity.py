"""What a person's activations make of each week (domain 4.6), due or not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from app.domain.facts import WORKPLACE_TYPES, Activation, History
from app.domain.protocol import Protocol
from app.domain.rules.calendar import WORKING_DAYS
from app.domain.rules.timeline import Timeline, indexes_of, only_week, weeks_of_span, working_days


class Activity(NamedTuple):
    """A week that at least one activation covers."""

    active: bool
    """The hours reach the minimum, or a covering activation carries an accepted reason for reduced hours."""
    at_workplace: bool
    excused: bool
    """A covering activation carries a sufficient reason for not being at a workplace."""
    mentored: bool
    """A covering workplace activation has a mentor assigned or waived, or a mentor record covers a working day."""


COVERED, ACTIVE, AT_WORKPLACE, EXCUSED, MENTORED = (1 << bit for bit in range(5))
"""The marks of a week: whether anything covers it, and the members of ``Activity``."""
MARKS = 5
"""How many there are."""
_ACTIVITIES = tuple(
    Activity(*(bool(marks & each) for each in (ACTIVE, AT_WORKPLACE, EXCUSED, MENTORED))) if marks & COVERED else None
    for marks in range(1 << MARKS)
)
_ACTIVE = bytes(bool(marks & ACTIVE) for marks in range(256))


def activity_of(marks: int) -> Activity | None:
    """What marks say; None where no activation covers the week."""
    return _ACTIVITIES[marks]


@dataclass(frozen=True, slots=True)
class ActivityByWeek:
    """A person's weeks of activity: ``marks`` has a byte for each week."""

    marks: bytes

    def get(self, index: int) -> Activity | None:
        """What the activations make of a week; None where none covers it."""
        return activity_of(self.marks[index])

    def items(self) -> Iterator[tuple[int, Activity]]:
        """The weeks that an activation covers."""
        return ((index, found) for index, marks in enumerate(self.marks) if (found := activity_of(marks)))

    def active(self) -> bytes:
        """For each week 1 where it is active, else 0."""
        return self.marks.translate(_ACTIVE)


Covering = Sequence[tuple[str, Activation, int]]
"""The activations that cover a week: client, activation, and the working days of the week that it covers."""


def covering_by_week(line: Timeline, history: History) -> Mapping[int, Covering]:
    """What covers each week that anything covers, by index. A week is covered by one of its working days."""
    covering: dict[int, list[tuple[str, Activation, int]]] = {}
    for client, offer in history.activations:
        days = line.days_of(((offer.starts_on, offer.ends_on),))
        for index in indexes_of(weeks_of_span(days)):
            covering.setdefault(index, []).append((client, offer, working_days(days, index)))
    return covering


def activity_by_week(protocol: Protocol, line: Timeline, history: History) -> ActivityByWeek:
    """What a person's activations make of each week."""
    covered = active = at_workplace = excused = mentored = 0
    weak: list[tuple[str, Activation, int]] = []  # alone below the minimum
    for client, offer in history.activations:
        days = line.days_of(((offer.starts_on, offer.ends_on),))
        weeks = weeks_of_span(days)
        covered |= weeks
        if _is_enough(protocol, offer):
            active |= weeks
        else:
            weak.append((client, offer, days))
        if offer.type in WORKPLACE_TYPES:
            at_workplace |= weeks
            if offer.mentor != "unknown":
                mentored |= weeks
        if offer.not_workplace_reason in protocol.sufficient_not_workplace_reasons:
            excused |= weeks
    if len(weak) > 1:
        active |= _enough_together(protocol, weak, active)
    for mentor in history.mentors:
        mentored |= weeks_of_span(line.days_of(((mentor.starts_on, mentor.ends_on),)))
    marks = covered * COVERED | active * ACTIVE | at_workplace * AT_WORKPLACE | excused * EXCUSED
    return ActivityByWeek((marks | (mentored & covered) * MENTORED).to_bytes(line.weeks, "little"))


def _is_enough(protocol: Protocol, offer: Activation) -> bool:
    """Whether an activation alone makes the weeks that it covers active."""
    minimum = protocol.min_weekly_hours
    return (
        minimum is None
        or offer.hours_per_week >= minimum
        or offer.reduced_hours_reason in protocol.reduced_hours_reasons
    )


def _enough_together(protocol: Protocol, weak: Covering, active: int) -> int:
    """The weeks, not active yet, in which several activations reach the minimum together."""
    covered = doubly = 0
    for _, _, days in weak:
        weeks = weeks_of_span(days)
        doubly |= covered & weeks
        covered |= weeks
    found = 0
    for index in indexes_of(doubly & ~active):
        here = [(client, offer, working_days(days, index)) for client, offer, days in weak]
        if reaches_minimum(protocol, here):
            found |= only_week(index)
    return found


def reaches_minimum(protocol: Protocol, covering: Covering) -> bool:
    """Whether the week's hours reach the protocol's minimum; without one any covering activation does."""
    return protocol.min_weekly_hours is None or hours_of(covering) >= protocol.min_weekly_hours


def hours_of(covering: Covering) -> Decimal:
    """The hours of a week: the largest, over its working days, of the sum of one client's activations of that day.

    Activations of different clients are never added up: a case system and a register may report one placement.
    """
    clients = {client for client, _, _ in covering}
    return max(
        sum(
            (offer.hours_per_week for sender, offer, days in covering if sender == client and days >> day & 1),
            Decimal(0),
        )
        for client in clients
        for day in range(WORKING_DAYS)
    )
