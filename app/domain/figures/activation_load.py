"""The load of an activation, as AMFORA counts it (domain 7): how much of a full-time year it is."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

FULL_TIME_HOURS = 37
"""Hours of a full-time week in Denmark."""


def load_of(hours_per_week: Decimal, first: date, last: date) -> Fraction:
    """Hours/37 × days/days of the year, for the days ``first`` to ``last`` included; 1 is a full-time year.

    Over the end of a year the parts are added up, each by the days of its own year.
    """
    intensity = Fraction(hours_per_week) / FULL_TIME_HOURS
    return intensity * sum(
        (
            Fraction(_days(max(first, date(year, 1, 1)), min(last, date(year, 12, 31))), _days_of_year(year))
            for year in range(first.year, last.year + 1)
        ),
        Fraction(0),
    )


def _days(first: date, last: date) -> int:
    return (last - first + timedelta(days=1)).days


def _days_of_year(year: int) -> int:
    return _days(date(year, 1, 1), date(year, 12, 31))
