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
    """One that waits from the week after it. Duplicates and `ineligible_found` follow the decision at once."""
    people = [place.screened() for _ in range(5)]
    place.correct(people[0][0], new_cpr("0199"))
    place.swap(people[1][0], people[2][0])
    place.correct(people[3][0], people[4][1])
    place.request(people[4][0], new_cpr())
    with after(place.register, 0):
        assert corrections(place) == (0, 0, 1, 1)
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
    again, number = place.screened()
    tried = place.register.screening(cpr=number, jobcentre="860", interview_on="2010-11-15")
    assert place.system.post(f"{place.path}/participants", tried).json()["eligible"] is False
    place.send(again)
    yield "tried elsewhere"
    place.correct(again, former)
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


# --- data quality -----------------------------------------------------------------------------------------------------


def signs(place: Place, client: Client, **parameters: Any) -> dict[tuple[str, str, str | None], Any]:
    answer = client.get(f"{place.path}/data-quality", **parameters)
    assert answer.status_code == 200, answer.text
    return {(each["code"], each["jobcentre"], each["arm"]): each for each in answer.json()["signs"]}


def choosing(place: Place) -> tuple[list[str], str]:
    """Two drawn under near numbers, one of whom a register told of, and a candidate withdrawn before another."""
    number = new_cpr()
    people = [place.screened(cpr=cpr)[0] for cpr in (number, f"{number[:8]}{(int(number[8:]) + 30) % 100:02d}")]
    place.deliver(number)
    waiting = {"channel": "supplement", "interview_on": "2010-12-06"}
    first, _ = place.screened(**waiting, unemployed_since="2010-10-01")
    place.screened(**waiting, unemployed_since="2010-09-01")
    withdrawal = place.system.post(f"{place.path}/participants/{first}/withdrawal", {"reason": "job"})
    assert withdrawal.status_code == 200
    return people, first


def test_the_jobcentre_reads_ids(place: Place) -> None:
    people, withdrawn = choosing(place)
    found = signs(place, place.register.case_system("849"))
    assert found["near_number", "849", None]["participants"] == sorted(people)
    assert found["told_by_nobody_else", "849", None]["participants"] == people[1:]
    assert (found["told_by_nobody_else", "849", None]["count"], found["near_number", "849", None]["total"]) == (1, 2)
    assert found["withdrawn_before_another", "849", None]["participants"] == [withdrawn]
    assert found["dated_long_before", "849", None]["count"] == 4


def test_region_and_agency_read_counts_whole(place: Place) -> None:
    choosing(place)
    for client in (place.register.client("agency"), place.register.client("region", regions=["nord"])):
        found = signs(place, client)
        assert {arm for _, _, arm in found} == {None}
        assert {str(each["participants"]) for each in found.values()} == {"None"}
        assert found["near_number", "849", None]["count"] == 2


@pytest.mark.parametrize("role", ["auditor", "evaluator"])
def test_auditor_and_evaluator_read_arms(place: Place, role: str) -> None:
    people, _ = choosing(place)
    found = signs(place, place.register.client(role))
    arms = [place.shown(each)["arm"] for each in people]
    alone = {arm: each["count"] for (code, _, arm), each in found.items() if code == "told_by_nobody_else"}
    assert alone == {arms[1]: 1}
    near = {arm: each["count"] for (code, _, arm), each in found.items() if code == "near_number"}
    assert near == {arm: arms.count(arm) for arm in set(arms)}
    assert {str(each["participants"]) for each in found.values()} == {"None"}
    missing = place.register.client(role).get(f"{place.path}/data-quality", jobcentre="999")
    assert missing.status_code == 404


def test_corrected_numbers_are_counted_in_data_quality(place: Place) -> None:
    anna, _ = place.screened()
    place.correct(anna, new_cpr("0199"))
    with after(place.register, 0):
        now = signs(place, place.system)
    assert {code for code, _, _ in now} == {"ineligible_found", "told_by_nobody_else", "dated_long_before"}
    assert now["ineligible_found", "849", None]["count"] == 1
    with after(place.register, 8):
        later = signs(place, place.system)
    assert later["number_corrected", "849", None]["participants"] == [anna]


def test_signs_as_known_then(place: Place) -> None:
    choosing(place)
    before = place.system.get(f"{place.path}/data-quality").json()
    bo, number = place.screened()
    place.deliver(number)
    place.correct(bo, new_cpr("0199"))
    then = place.system.get(f"{place.path}/data-quality", known_at=before["watermark"]).json()
    assert then["signs"] == before["signs"]
