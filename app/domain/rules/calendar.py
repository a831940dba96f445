"""Civil dates and ISO weeks in Copenhagen (domain 2). A week is handled as its Monday and written ``2011-W05``."""

import calendar
import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

COPENHAGEN = ZoneInfo("Europe/Copenhagen")

_WEEK_CODE = re.compile(r"([0-9]{4})-W([0-9]{2})")


def civil_day(moment: datetime) -> date:
    """The day in Copenhagen at a moment that carries its time zone."""
    return moment.astimezone(COPENHAGEN).date()


def monday_of(day: date) -> date:
    """The Monday of the ISO week that ``day`` lies in."""
    return date.fromordinal(day.toordinal() - day.weekday())


def week_code(day: date) -> str:
    """``2011-W05`` for any day of that week."""
    year, week, _ = day.isocalendar()
    return f"{year:04d}-W{week:02d}"


def monday_of_code(code: str) -> date:
    """The Monday of ``2011-W05``; ValueError for anything else, a week 53 that the year does not have included."""
    match = _WEEK_CODE.fullmatch(code)
    if match is None:
        raise ValueError("a week is written 2011-W05")
    return date.fromisocalendar(int(match[1]), int(match[2]), 1)


def is_over(monday: date, today: date) -> bool:
    """A week is over when its Sunday is past (domain 2)."""
    return monday.toordinal() + 6 < today.toordinal()


def last_week_over(today: date) -> date:
    """The Monday of the latest week whose Sunday is before ``today``."""
    return monday_of(today) - timedelta(days=7)


def weeks_touched(first: date, last: date) -> int:
    """How many ISO weeks the days from ``first`` to ``last`` lie in."""
    return (monday_of(last) - monday_of(first)).days // 7 + 1


def add_months(day: date, months: int) -> date:
    """Calendar months later, clamped to the month's last day (domain 3.1)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def age_on(born: date, day: date) -> int:
    """Whole years of age; the birthday itself counts."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
