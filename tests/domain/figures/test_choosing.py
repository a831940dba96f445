"""Signs of choosing: what a jobcentre that chooses whom to draw would leave (domain 3.4)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.domain.figures.data_quality import (
    Candidacy,
    DrawnPerson,
    Finding,
    FindingCode,
    SentScreening,
    near_people,
    signs_of_choosing,
    withdrawn_before,
)
from app.domain.rules.corrections import digits_changed
from app.domain.rules.draw import Arm
from app.domain.rules.eligibility import Candidate

MONDAY = date(2010, 11, 8)
NOON = datetime(2010, 11, 8, 12, tzinfo=UTC)


def person(n: int, arm: Arm = "treatment", number: str | None = None, told: bool = True) -> DrawnPerson:
    return DrawnPerson(UUID(int=n), arm, number, told)


def candidacy(n: int, since: date, ended: int | None = None, **changes: Any) -> Candidacy:
    """Candidate n, who began to wait in minute n, until a minute."""
    values = {
        "participant_id": UUID(int=n),
        "monday": MONDAY,
        "order": Candidate(since, NOON + timedelta(minutes=n)),
        "ended_at": None if ended is None else NOON + timedelta(minutes=ended),
        "withdrawn": ended is not None,
    }
    return Candidacy(**{**values, **changes})


@given(st.lists(st.text("012", min_size=10, max_size=10), unique=True, max_size=12))
def test_near_numbers_are_those_of_which_two_places_differ_at_most(numbers: list[str]) -> None:
    people = {UUID(int=n): number for n, number in enumerate(numbers)}
    expected = {
        first
        for first, number in people.items()
        if any(digits_changed(number, other) <= 2 for second, other in people.items() if second != first)
    }
    assert near_people(people) == expected


def test_whom_nobody_else_told_of_by_arm() -> None:
    drawn = [person(1, told=False), person(2), person(3, "control", told=False)]
    alone: FindingCode = "told_by_nobody_else"
    (whole,) = signs_of_choosing(drawn, [], [], by_arm=False)
    assert whole == Finding(alone, 2, 3, participants=(UUID(int=1), UUID(int=3)))
    assert signs_of_choosing(drawn, [], [], by_arm=True) == [
        Finding(alone, 1, 2, participants=(UUID(int=1),), arm="treatment"),
        Finding(alone, 1, 1, participants=(UUID(int=3),), arm="control"),
    ]


def test_the_erased_have_no_number_to_compare() -> None:
    drawn = [person(1, number="0101701234"), person(2, number="0101701256"), person(3)]
    (found,) = signs_of_choosing(drawn, [], [], by_arm=False)
    assert (found.code, found.count, found.total) == ("near_number", 2, 3)


def test_dated_long_before_it_was_sent() -> None:
    """More than 14 days; whoever was not drawn has no arm."""
    late, intime = MONDAY + timedelta(days=15), MONDAY + timedelta(days=14)
    sent = [
        SentScreening(UUID(int=1), "control", MONDAY, late),
        SentScreening(None, None, MONDAY, late),
        SentScreening(UUID(int=2), "control", MONDAY, intime),
    ]
    (whole,) = signs_of_choosing([], sent, [], by_arm=False)
    assert whole == Finding("dated_long_before", 2, 3, participants=(UUID(int=1),))
    found = signs_of_choosing([], sent, [], by_arm=True)
    assert [(each.arm, each.count, each.total) for each in found] == [("control", 1, 2), (None, 1, 1)]


def test_withdrawn_while_another_waited_behind() -> None:
    """Shorter unemployment comes first, then the one registered first (domain 3.2)."""
    recent, long_ago = date(2010, 10, 1), date(2010, 8, 1)
    behind = candidacy(2, long_ago)
    assert withdrawn_before([candidacy(1, recent, 5), behind]) == [UUID(int=1)]
    assert withdrawn_before([candidacy(1, recent, 5, withdrawn=False), behind]) == [], "drawn"
    assert withdrawn_before([candidacy(1, recent, 2), behind]) == [], "nobody waited yet"
    assert withdrawn_before([candidacy(1, recent, 5), candidacy(2, long_ago, 4)]) == [], "nobody waited any more"
    assert withdrawn_before([candidacy(2, long_ago, 5), candidacy(1, recent)]) == [], "the other one came first"
    elsewhen = candidacy(2, long_ago, monday=MONDAY + timedelta(days=7))
    assert withdrawn_before([candidacy(1, recent, 5), elsewhen]) == [], "another week"
    assert withdrawn_before([candidacy(1, recent, 5), candidacy(2, recent)]) == [UUID(int=1)], "a tie"
