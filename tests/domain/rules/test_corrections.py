"""What a registrar reads of a requested correction, and which draw governs (domain 3.4)."""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.domain.person_facts import age_band_of, birth_date_of, sex_of
from app.domain.rules.corrections import (
    DrawUnderNumber,
    NumberIs,
    digits_changed,
    drawn_ago,
    first_governs,
    is_allowed_after_closing,
    is_taken,
    near_numbers,
    number_is,
)
from app.web.identifiers import parse_cpr

DRAWN = date(2010, 11, 8)
MOMENT = datetime(2010, 11, 8, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "band"),
    [(0, "same_day"), (1, "7_days"), (7, "7_days"), (8, "30_days"), (30, "30_days"), (31, "more"), (400, "more")],
)
def test_bands_of_time(days: int, band: str) -> None:
    assert drawn_ago(DRAWN, DRAWN + timedelta(days=days)) == band


def test_digits() -> None:
    assert digits_changed("7101701234", "7101701234") == 0
    assert digits_changed("7101701234", "7101701243") == 2
    numbers = ["7101701235", "7101701299", "7101709876", "6202805679"]
    assert near_numbers(numbers, "7101701234", "6202805678") == 3
    assert (sex_of("7101701234"), sex_of("7101701235")) == ("female", "male")


@pytest.mark.parametrize(
    ("erased", "drawn_in", "former_in", "waiting_in", "known_as"),
    [
        (False, None, (), None, "no"),
        (False, None, (), "849", "waiting_here"),
        (False, None, (), "860", "waiting_elsewhere"),
        (False, None, ("860",), "849", "former_elsewhere"),
        (False, None, ("860", "849"), None, "former_here"),
        (False, "860", ("849",), None, "drawn_elsewhere"),
        (False, "849", (), None, "drawn_here"),
        (True, "849", (), None, "erased"),
    ],
)
def test_what_a_number_is(
    erased: bool, drawn_in: str | None, former_in: tuple[str, ...], waiting_in: str | None, known_as: str
) -> None:
    found = number_is("849", erased=erased, drawn_in=drawn_in, former_in=former_in, waiting_in=waiting_in)
    assert found == known_as


def test_what_can_only_be_refused() -> None:
    always = {known_as for known_as in _ALL if is_taken(known_as, closed=False)}
    assert always == {"erased", "former_here", "former_elsewhere"}
    assert {known_as for known_as in _ALL if not is_taken(known_as, closed=True)} == {"no"}
    assert [is_allowed_after_closing("single", reason) for reason in ("typing_error", "new_number")] == [False, True]
    assert not is_allowed_after_closing("swap", None)


_ALL: tuple[NumberIs, ...] = (
    "no",
    "drawn_here",
    "drawn_elsewhere",
    "waiting_here",
    "waiting_elsewhere",
    "former_here",
    "former_elsewhere",
    "erased",
)


def test_which_draw_governs() -> None:
    wrong = DrawUnderNumber(MOMENT, ("849", 0), under_it=False)
    right = DrawUnderNumber(MOMENT + timedelta(days=1), ("849", 1), under_it=True)
    assert not first_governs("typing_error", wrong, right)
    assert first_governs("typing_error", right, wrong)
    assert first_governs("new_number", wrong, right)
    assert not first_governs("new_number", right, wrong)
    also_right = DrawUnderNumber(MOMENT, ("849", 0), under_it=True)
    assert first_governs("typing_error", also_right, right)
    same_moment = DrawUnderNumber(MOMENT, ("860", 0), under_it=True)
    assert first_governs("typing_error", also_right, same_moment)


def test_facts_of_a_number_are_those_that_the_service_parses() -> None:
    """Domain 7: the seventh digit and the year give the century."""
    for seventh in range(10):
        for year in (0, 36, 37, 57, 58, 70, 99):
            number = f"0102{year:02d}{seventh}001"
            assert birth_date_of(number) == parse_cpr(number).born_on, number
    assert birth_date_of("7101701234") == date(1970, 1, 11)
    bands = [age_band_of(date(1990, 11, 8), date(1990 + years, 11, 8)) for years in (19, 20, 29, 30, 40, 50)]
    assert bands == ["under_20", "20_29", "20_29", "30_39", "40_49", "50_and_over"]
