"""Civil dates and ISO weeks (domain 2), and the adding of months (domain 3.1)."""

import calendar
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.rules.calendar import (
    add_months,
    age_on,
    civil_day,
    is_over,
    last_week_over,
    monday_of,
    monday_of_code,
    week_code,
    weeks_touched,
)

DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))
PATIENT = settings(deadline=None)


# --- days -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2010-11-08T22:59:59Z", "2010-11-08"),
        ("2010-11-08T23:00:00Z", "2010-11-09"),  # winter: one hour ahead of UTC
        ("2011-06-30T21:59:59Z", "2011-06-30"),
        ("2011-06-30T22:00:00Z", "2011-07-01"),  # summer: two
        ("2010-12-31T23:30:00Z", "2011-01-01"),
        ("2011-03-27T00:30:00Z", "2011-03-27"),  # the night of the change
        ("2010-11-08T20:00:00-05:00", "2010-11-09"),
    ],
)
def test_a_day_is_a_day_in_copenhagen(moment: str, day: str) -> None:
    """Domain 2."""
    assert civil_day(datetime.fromisoformat(moment)) == date.fromisoformat(day)


@PATIENT
@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.integers(-14, 14))  # noqa: DTZ001 - zone follows
def test_the_zone_of_a_moment_does_not_change_its_day(naive: datetime, hours: int) -> None:
    """Domain 2."""
    moment = naive.replace(tzinfo=UTC)
    assert civil_day(moment) == civil_day(moment.astimezone(timezone(timedelta(hours=hours))))


# --- weeks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "code", "monday"),
    [
        ("2010-11-08", "2010-W45", "2010-11-08"),
        ("2010-11-14", "2010-W45", "2010-11-08"),
        ("2011-01-02", "2010-W52", "2010-12-27"),  # the year of the week is not the year of the day
        ("2011-01-03", "2011-W01", "2011-01-03"),
        ("2010-01-03", "2009-W53", "2009-12-28"),
        ("2008-12-29", "2009-W01", "2008-12-29"),
    ],
)
def test_weeks_are_iso_weeks(day: str, code: str, monday: str) -> None:
    """Domain 2."""
    assert week_code(date.fromisoformat(day)) == code
    assert monday_of(date.fromisoformat(day)) == monday_of_code(code) == date.fromisoformat(monday)


@PATIENT
@given(DAYS)
def test_week_codes_go_there_and_back(day: date) -> None:
    """Domain 2."""
    monday = monday_of_code(week_code(day))
    assert monday == monday_of(day)
    assert monday.weekday() == 0
    assert 0 <= (day - monday).days <= 6


@PATIENT
@given(DAYS, DAYS)
def test_week_codes_sort_like_weeks(one: date, other: date) -> None:
    """Domain 2."""
    assert (week_code(one) < week_code(other)) == (monday_of(one) < monday_of(other))


NO_WEEKS = (
    "2011-W00",
    "2011-W53",  # 2009 has one, 2011 has not
    "2011-W54",
    "2011-W5",
    "2011-W005",
    "2011-W 5",
    "2011-W05-1",
    "2011W05",
    "2011-w05",
    "2011-05",
    "11-W05",
    "0000-W01",
    "-011-W05",
    " 2011-W05",
    "2011-W05\n",
    "2011-W\u0660\u0665",  # digits, but not ours
    "",
)


@pytest.mark.parametrize("code", NO_WEEKS)
def test_anything_else_is_no_week(code: str) -> None:
    """Domain 2: a week 53 only in a year that has one."""
    with pytest.raises(ValueError, match=r"(?i)week|year"):
        monday_of_code(code)


@PATIENT
@given(DAYS, DAYS)
def test_a_week_is_over_when_its_sunday_is_past(day: date, today: date) -> None:
    """Domain 2."""
    monday = monday_of(day)
    sunday = monday + timedelta(days=6)
    assert is_over(monday, today) == (sunday < today)


def test_a_week_is_not_over_on_its_sunday() -> None:
    """Domain 2."""
    monday = date(2010, 11, 8)
    assert not is_over(monday, date(2010, 11, 14))
    assert is_over(monday, date(2010, 11, 15))
    assert last_week_over(date(2010, 11, 14)) == date(2010, 11, 1)
    assert last_week_over(date(2010, 11, 15)) == monday


@PATIENT
@given(DAYS)
def test_the_last_week_over_is_over_and_the_next_is_not(today: date) -> None:
    """Domain 2."""
    last = last_week_over(today)
    assert is_over(last, today)
    assert not is_over(last + timedelta(days=7), today)


@PATIENT
@given(DAYS, st.integers(0, 400))
def test_weeks_touched_are_the_different_weeks_of_the_days(first: date, more: int) -> None:
    """Domain 3.2."""
    days = [first + timedelta(days=n) for n in range(more + 1)]
    assert weeks_touched(first, days[-1]) == len({week_code(day) for day in days})


# --- months and years -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2010-08-31", 6, "2011-02-28"),  # clamped
        ("2010-08-28", 6, "2011-02-28"),
        ("2010-08-29", 6, "2011-02-28"),
        ("2011-08-31", 6, "2012-02-29"),  # a leap year
        ("2010-10-31", 6, "2011-04-30"),
        ("2010-05-08", 6, "2010-11-08"),
        ("2010-06-30", 6, "2010-12-30"),
        ("2010-12-31", 2, "2011-02-28"),
        ("2010-11-30", 1, "2010-12-30"),
        ("2010-12-01", 0, "2010-12-01"),
        ("2010-12-31", 12, "2011-12-31"),
        ("2008-02-29", 12, "2009-02-28"),
        ("2008-02-29", 48, "2012-02-29"),
    ],
)
def test_months_are_added_by_the_calendar(day: str, months: int, later: str) -> None:
    """Domain 3.1: clamped to the month's last day."""
    assert add_months(date.fromisoformat(day), months) == date.fromisoformat(later)


@PATIENT
@given(DAYS, st.integers(0, 600))
def test_added_months_never_run_past_the_month(day: date, months: int) -> None:
    """Domain 3.1: the month is exactly so many later, the day the same or the month's last."""
    later = add_months(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    last = calendar.monthrange(later.year, later.month)[1]
    assert later.day == day.day if day.day <= last else later.day == last


@PATIENT
@given(DAYS, DAYS, st.integers(0, 600))
def test_adding_months_keeps_the_order(one: date, other: date, months: int) -> None:
    """Domain 3.1: nobody who became unemployed later is unemployed for too long earlier."""
    first, second = sorted((one, other))
    assert add_months(first, months) <= add_months(second, months)


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        ("1990-11-08", "2010-11-07", 19),
        ("1990-11-08", "2010-11-08", 20),  # the birthday itself counts
        ("1990-11-09", "2010-11-08", 19),
        ("1992-02-29", "2012-02-28", 19),
        ("1992-02-29", "2012-02-29", 20),
        ("1992-02-29", "2013-02-28", 20),
        ("1992-02-29", "2013-03-01", 21),
        ("2010-11-08", "2010-11-08", 0),
    ],
)
def test_age(born: str, day: str, age: int) -> None:
    """Domain 3.1."""
    assert age_on(date.fromisoformat(born), date.fromisoformat(day)) == age


@PATIENT
@given(DAYS, st.integers(0, 36_500))
def test_age_rises_by_one_on_every_birthday_and_on_no_other_day(born: date, days: int) -> None:
    """Domain 3.1."""
    today = born + timedelta(days=days)
    yesterday = today - timedelta(days=1)
    grown = age_on(born, today) - age_on(born, yesterday)
    is_birthday = (today.month, today.day) == (born.month, born.day)
    is_birthday_of_the_leap_day = (born.month, born.day) == (2, 29) and (
        (today.month, today.day) == (3, 1) and not calendar.isleap(today.year)
    )
    assert grown == int(is_birthday or is_birthday_of_the_leap_day)
