"""A person's line of weeks, counted from the assignment week, and sets of working days on it as integers.

Week ``i`` is the ``i``-th ISO week after the assignment week. A set of working days has one bit a day, five a week.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

from app.domain.calendar import WORKING_DAYS, monday_of

_ONE_WEEK = (1 << WORKING_DAYS) - 1


def working_days(days: int, index: int) -> int:
    """The five bits of week ``index`` in a set of working days."""
    return days >> index * WORKING_DAYS & _ONE_WEEK


def last_monday(ends_on: date, countable_days: int) -> date:
    """The Monday of the last ISO week with enough working days up to the trial's end (domain 4.3)."""
    monday = monday_of(ends_on)
    return monday if ends_on.weekday() + 1 >= countable_days else monday - timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The weeks of one person: ``first_monday`` as an ordinal, and how many."""

    first_monday: int
    weeks: int

    @classmethod
    def of(cls, assigned_on: date, ends_on: date, countable_days: int) -> Self:
        """From the assignment week, which is always there, to the last ISO week with enough working days up to the
        trial's end (domain 4.3)."""
        first = monday_of(assigned_on).toordinal()
        last = last_monday(ends_on, countable_days).toordinal()
        return cls(first, max((last - first) // 7, 0) + 1)

    def week(self, day: date) -> int:
        """The index of the week that a day lies in; negative before the assignment week."""
        return (day.toordinal() - self.first_monday) // 7

    def monday(self, index: int) -> date:
        """The Monday of the week at ``index``."""
        return date.fromordinal(self.first_monday + 7 * index)

    def days_of(self, spans: Iterable[tuple[date, date | None]]) -> int:
        """The working days covered by any of the spans (first and last day included; None is open)."""
        days = 0
        end = self.weeks * WORKING_DAYS
        for first, last in spans:
            start = max(self._before(first.toordinal()), 0)
            stop = end if last is None else min(self._before(last.toordinal() + 1), end)
            if stop > start:
                days |= (1 << stop) - (1 << start)
        return days

    def _before(self, ordinal: int) -> int:
        """How many working days lie between the first Monday and a day, that day not included."""
        week, weekday = divmod(ordinal - self.first_monday, 7)
        return week * WORKING_DAYS + min(weekday, WORKING_DAYS)
