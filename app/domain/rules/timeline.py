"""A person's line of weeks, counted from the assignment week, and sets of days and weeks on it as integers.

Week ``i`` is the ``i``-th ISO week after the assignment week. A set of working days has a byte a week, with one bit for
each of its five days; a set of weeks has a byte a week too, which is 1 or 0.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import compress, count
from typing import Self

from app.domain.rules.calendar import WORKING_DAYS, monday_of

_BITS = 8
_ONE_WEEK = (1 << WORKING_DAYS) - 1
_AT_LEAST = [bytes(days.bit_count() >= enough for days in range(256)) for enough in range(WORKING_DAYS + 1)]
"""For each number of days, which sets of a week's working days hold as many."""


def working_days(days: int, index: int) -> int:
    """The five bits of week ``index`` in a set of working days."""
    return days >> index * _BITS & _ONE_WEEK


def weeks_with(days: int, weeks: int, enough: int) -> bytes:
    """For each of the first ``weeks`` weeks, 1 where a set of working days holds at least ``enough`` of it, else 0."""
    return days.to_bytes(weeks, "little").translate(_AT_LEAST[enough])


def weeks_of_span(days: int) -> int:
    """The set of weeks of which a span of days covers a working day; ``days`` are the working days of one span."""
    if not days:
        return 0
    first, last = ((days & -days).bit_length() - 1) // _BITS, (days.bit_length() - 1) // _BITS
    return _first_weeks(last + 1) - _first_weeks(first)


def only_week(index: int) -> int:
    """The set of that week alone."""
    return 1 << index * _BITS


def indexes_of(weeks: int) -> Iterator[int]:
    """The indexes of a set of weeks."""
    return compress(count(), weeks.to_bytes(-(-weeks.bit_length() // _BITS), "little"))


@cache
def _first_weeks(weeks: int) -> int:
    return int.from_bytes(bytes([1]) * weeks, "little")


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
        end = self.weeks * _BITS
        for first, last in spans:
            start = max(self._before(first.toordinal()), 0)
            stop = end if last is None else min(self._before(last.toordinal() + 1), end)
            if stop > start:
                days |= (1 << stop) - (1 << start)
        return days & _all_days(self.weeks)

    def _before(self, ordinal: int) -> int:
        """The place of a day in a set; a Saturday's and a Sunday's is the one after Friday, which no set holds."""
        week, weekday = divmod(ordinal - self.first_monday, 7)
        return week * _BITS + min(weekday, WORKING_DAYS)


@cache
def _all_days(weeks: int) -> int:
    return int.from_bytes(bytes([_ONE_WEEK]) * weeks, "little")
