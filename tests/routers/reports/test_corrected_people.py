"""Corrected numbers in the reports (domain 3.4, 5 "Flow"): counted from the week after, as known then for ever."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.register import Client, Register, new_cpr
from tests.routers.participants.correction_place import Place


@pytest.fixture
def place(register: Register) -> Place:
    return Place(register, register.new_trial(), register.case_system())


@contextmanager
def after(register: Register, days: int) -> Iterator[None]:
    """The moments of requests and decisions are the database's."""
    before, register.clock.now = register.clock.now, datetime.now(UTC) + timedelta(days=days)
    try:
        yield
    finally:
        register.clock.now = before


def flow(place: Place, client: Client | None = None, **parameters: Any) -> Any:
    answer = (client or place.register.client("agency")).get(f"{place.path}/flow", **parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def corrections(place: Place, jobcentre: str = "849", **parameters: Any) -> tuple[int, ...]:
    items = {each.pop("jobcentre"): each for each in flow(place, **parameters)["corrections"]}
    return tuple(items[jobcentre].values())


def test_a_request_is_counted_from_the_week_after_its_decision(place: Place) -> None:
    """Duplicates and `ineligible_found` follow the decision at once."""
    people = [place.screened() for _ in range(5)]
    place.correct(people[0][0], new_cpr("0199"))
    place.swap(people[1][0], people[2][0])
    place.correct(people[3][0], people[4][1])
    place.request(people[4][0], new_cpr())
    with after(place.register, 0):
        assert corrections(place) == (0, 5, 1, 1)
    with after(place.register, 8):
        assert corrections(place) == (4, 1, 1, 1)
        assert corrections(place, "860") == (0, 0, 0, 0)


def steps(place: Place) -> Iterator[str]:
    """Corrections of people whose former and new numbers were screened elsewhere too."""
    former, mistyped, new = new_cpr(), new_cpr(), new_cpr()
    for number in (former, mistyped, new):
        place.system.post(f"{place.path}/participants", place.register.screening(cpr=number, match_group=1))
    anna = place.screened(cpr=former, jobcentre="860")[0]
    bo = place.screened(cpr=mistyped, jobcentre="860")[0]
    yield "drawn"
    place.correct(anna, new, "new_number")
    yield "new number: all three screenings are of two people"
    place.correct(bo, new_cpr())
    yield "typing error: whoever was screened under it is somebody else"
    place.correct(anna, former)
    yield "back"
    place.swap(anna, bo)
    yield "swapped"
    place.correct(bo, new_cpr("0199"), "new_number")
    yield "ineligible found"
    place.correct(place.screened()[0], former)
    yield "duplicate"


def test_no_later_correction_changes_an_earlier_flow(place: Place) -> None:
    """Domain 3.4: every report names the flow as it was known then."""
    seen = [(step, flow(place)) for step in steps(place)]
    for step, report in seen:
        assert {"step": step, **flow(place, known_at=report["watermark"])} == {"step": step, **report}
    screened = {step: report["screened"] for step, report in seen}
    assert screened["drawn"] == 3, "former, mistyped and new"
    assert screened["new number: all three screenings are of two people"] == 2
    assert screened["typing error: whoever was screened under it is somebody else"] == 3
