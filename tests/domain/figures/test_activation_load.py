"""The load of an activation (domain 7)."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.figures.activation_load import load_of

DAYS = st.dates(date(1999, 1, 1), date(2013, 12, 31))
HOURS = st.decimals("0.01", "60", places=2)


def test_the_example_of_the_register() -> None:
    """Domain 7: 20 hours from 1 January to 30 June 2000 make 269 per mille."""
    assert round(1000 * load_of(Decimal(20), date(2000, 1, 1), date(2000, 6, 30))) == 269


@pytest.mark.parametrize("year", [2000, 2010, 2011, 2012])
def test_a_full_time_year_is_one(year: int) -> None:
    """Domain 7: 37 hours on every day of the year, leap year or not."""
    assert load_of(Decimal(37), date(year, 1, 1), date(year, 12, 31)) == 1


def test_over_the_end_of_a_year_each_year_has_its_own_days() -> None:
    """Domain 7: the days of the year are those of the year that they lie in."""
    assert load_of(Decimal(37), date(2011, 12, 31), date(2012, 1, 1)) == Fraction(1, 365) + Fraction(1, 366)
    assert load_of(Decimal(37), date(2010, 7, 1), date(2012, 6, 30)) == Fraction(184, 365) + 1 + Fraction(182, 366)


@given(HOURS, st.lists(DAYS, min_size=3, max_size=3, unique=True))
def test_parts_add_up(hours: Decimal, days: list[date]) -> None:
    """Domain 7: a spell cut in two, as AMFORA cuts one whenever something changes, has the same load."""
    first, between, last = sorted(days)
    cut = load_of(hours, first, between) + load_of(hours, between + timedelta(days=1), last)
    assert cut == load_of(hours, first, last) > 0
