"""Attacks on the draw and on other people by corrected numbers (domain 3.4), with the tokens of the roles alone.

Each fails without the decision of a registrar, who reads what makes it visible.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.register import Client, Register, new_cpr, record_id
from tests.routers.participants.correction_place import Place


@pytest.fixture
def place(register: Register) -> Place:
    """A case system of Jammerbugt alone, as a municipality has it."""
    return Place(register, register.new_trial(), register.case_system("849"))


def arm_of(place: Place, participant: str) -> str:
    arm: str = place.shown(participant)["arm"]
    return arm


def test_drawing_invented_numbers_and_correcting_the_one_that_suits(place: Place) -> None:
    """Only a registrar gives the favourite's number to a draw, and reads what the numbers have in common."""
    favourite = new_cpr()
    invented = [f"{favourite[:8]}{n:02d}" for n in range(80, 86) if f"{favourite[:8]}{n:02d}" != favourite]
    drawn = {place.screened(cpr=cpr)[0]: cpr for cpr in invented}
    suits = next(each for each in drawn if arm_of(place, each) == "treatment")
    requested = place.request(suits, favourite)
    assert requested.status_code == 202
    assert place.look_up(favourite) is None
    record = {"external_id": record_id(), "cpr": favourite, "date": "2010-11-16"}
    report = place.system.push(place.trial, "conversations", [record])
    assert report["results"][0]["errors"][0]["code"] == "unknown_participant"
    waiting = place.system.post(f"{place.path}/participants", place.register.screening(cpr=favourite))
    assert waiting.json()["code"] == "correction_waiting"
    shown = place.read(requested.json()["correction_id"]).json()
    assert shown["people"][0]["near_numbers"] == len(invented) - 1
    assert shown["people"][0]["drawn_ago"] == "same_day"
    assert shown["told_by_nobody_else"] == len(invented)


def test_drawing_the_favourite_again_after_giving_the_control_another_number(place: Place) -> None:
    """A favourite who fell to control is corrected to an invented number, and screened once more."""
    favourite, number = place.screened()
    correction = place.request(favourite, new_cpr()).json()["correction_id"]
    again = place.system.post(f"{place.path}/participants", place.register.screening(cpr=number))
    assert (again.status_code, again.json()["participant_id"]) == (200, favourite)
    assert place.decide(correction).status_code == 200
    for changes in ({}, {"interview_on": "2010-11-15"}):
        again = place.system.post(f"{place.path}/participants", place.register.screening(cpr=number, **changes))
        assert (again.status_code, again.json()["code"]) == (409, "already_drawn")
    neighbour = place.register.case_system("860")
    elsewhere = neighbour.post(f"{place.path}/participants", place.register.screening(cpr=number, jobcentre="860"))
    assert [failure["code"] for failure in elsewhere.json()["failures"]] == ["not_available"]


def test_taking_a_neighbours_person(place: Place) -> None:
    """Neither by the request nor, as a typing error, by its acceptance: the neighbour's draw was under the number."""
    neighbour = Place(place.register, place.trial, place.register.case_system("860"))
    theirs, number = neighbour.screened(jobcentre="860")
    sent, _ = neighbour.deliver(number)
    talk = neighbour.send(theirs)
    ours, _ = place.screened()
    correction = place.request(ours, number).json()["correction_id"]
    assert place.look_up(number) is None
    assert neighbour.look_up(number) == theirs
    assert place.read(correction).json()["people"][0]["number_is"] == "drawn_elsewhere"
    assert place.decide(correction).status_code == 200
    assert (place.state(ours), place.shown(ours)["duplicate_of"]) == ("duplicate", None)
    assert neighbour.state(theirs) != "duplicate"
    assert neighbour.record(talk)["participant_id"] == theirs
    assert neighbour.delivered(sent)["participant_id"] == theirs
    assert place.system.get(f"{place.path}/conversations/{talk}").status_code == 404


@pytest.mark.parametrize("known", ["free", "drawn_here", "drawn_elsewhere", "former", "waiting"])
def test_the_answer_says_nothing_of_the_number(place: Place, known: str) -> None:
    """The same status, the same members, and the participant shows the same."""
    numbers = {"free": new_cpr()}
    if known == "drawn_here":
        numbers[known] = place.screened()[1]
    elif known == "drawn_elsewhere":
        other = Place(place.register, place.trial, place.register.case_system("860"))
        numbers[known] = other.screened(jobcentre="860")[1]
    elif known == "former":
        someone, numbers[known] = place.screened()
        place.correct(someone, new_cpr())
    elif known == "waiting":
        late = {"channel": "supplement", "unemployed_since": "2010-11-01", "interview_on": "2011-01-10"}
        numbers[known] = place.screened(**late)[1]
    participants = [place.screened()[0] for _ in range(2)]
    answers = [place.request(each, cpr) for each, cpr in zip(participants, (numbers[known], new_cpr()), strict=True)]

    def shape(answer: Any) -> Any:
        headers = {name for name in answer.headers if name not in ("etag", "content-length")}
        return answer.status_code, {**answer.json(), "correction_id": None}, headers, len(answer.content)

    assert shape(answers[0]) == shape(answers[1])
    assert [place.shown(each)["cpr_correction"] for each in participants] == ["waiting", "waiting"]


def test_after_closing_nobody_gets_anybodys_number(place: Place) -> None:
    """The arms can be recomputed then: nobody exchanges people between them any more."""
    anna, _ = place.screened()
    bo, number = place.screened()
    place.register.client("agency").post(f"{place.path}/close")
    assert place.request_swap(anna, bo).json()["code"] == "trial_closed"
    assert place.request(anna, number).json()["code"] == "trial_closed"
    correction = place.request(anna, number, "new_number").json()["correction_id"]
    assert place.decide(correction).json()["code"] == "number_taken"


def test_nobody_else_decides(place: Place) -> None:
    anna, _ = place.screened()
    correction = place.request(anna, new_cpr()).json()["correction_id"]
    etag = place.read(correction).headers["etag"]
    path = f"{place.path}/cpr-corrections/{correction}/decision"
    body = {"decision": "accepted", "reason": "other"}
    for role in ("case-system", "register", "region", "agency", "evaluator", "auditor"):
        client = place.register.client(role)
        answer = client.request("POST", path, json=body, headers={"If-Match": etag})
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope"), role
    assert place.shown(anna)["cpr_correction"] == "waiting"


@pytest.mark.parametrize("scope", ["participants:read", "participants:write", "reports:read", "panel:export"])
def test_who_sees_people_or_figures_does_not_decide(place: Place, scope: str) -> None:
    token = place.register.token(f"corrections:decide {scope}", client_id="both")
    client = Client(place.register.http, token)
    answer = client.get(f"{place.path}/cpr-corrections")
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_an_outcome_is_nobodys_but_the_registers(place: Place) -> None:
    anna, number = place.screened()
    record = {"external_id": record_id(), "participant_id": anna, "week": "2010-W50", "status": "employed"}
    answer = place.system.post(f"{place.path}/outcomes/batch", {"records": [record]})
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert place.deliver(number)[1]["counts"]["created"] == 1


def test_the_trail_has_digests_and_no_number(place: Place) -> None:
    anna, old = place.screened()
    new = new_cpr()
    place.correct(anna, new)
    entries = place.register.client("auditor").get("/v1/audit", participant_id=anna, limit=1000)
    assert old not in entries.text
    assert new not in entries.text
    details = {each["action"]: each["details"] for each in entries.json()["items"]}
    requested, decided = details["correction.requested"], details["correction.decided"]
    assert (requested["old"], requested["new"]) == (decided["old"], decided["new"])
    assert len(requested["new"][0]) == 64


def test_what_the_closing_refuses_is_in_the_trail_likewise(place: Place) -> None:
    people = [place.screened()[0] for _ in range(3)]
    place.request(people[0], new_cpr())
    place.request_swap(*people[1:])
    place.register.client("agency").post(f"{place.path}/close")
    for person in people:
        entries = place.register.client("auditor").get("/v1/audit", participant_id=person, limit=1000).json()["items"]
        details = {each["action"]: each["details"] for each in entries}
        requested, decided = details["correction.requested"], details["correction.decided"]
        assert (decided["decision"], decided["reason"]) == ("refused", None)
        assert (decided["old"], decided["new"]) == (requested["old"], requested["new"])


def test_the_summary_counts_from_the_week_after_the_decision(place: Place) -> None:
    """Whoever reads it cannot tell from it in which arm the request of this week was."""
    summary, clock = f"{place.path}/cpr-corrections/summary", place.register.clock
    people = [place.screened()[0] for _ in range(6)]
    for each in people[:3]:
        place.correct(each, new_cpr())
    place.swap(people[3], people[4])
    place.request(people[5], new_cpr())
    evaluator, before = place.register.client("evaluator"), clock.now
    try:
        clock.now = datetime.now(UTC)
        assert evaluator.get(summary).json() == {"items": [], "balance": {"p": None, "p_of_swaps": None}}
        clock.now += timedelta(days=8)
        counted = evaluator.get(summary).json()
    finally:
        clock.now = before
    names = ("requested", "accepted", "refused", "swapped")
    sums = {name: sum(each[name] for each in counted["items"]) for name in names}
    assert sums == {"requested": 5, "accepted": 5, "refused": 0, "swapped": 2}
    assert all(each["arm"] in ("treatment", "control") for each in counted["items"])
    assert place.register.client("agency").get(summary).status_code == 403
    assert place.system.get(summary).status_code == 403
