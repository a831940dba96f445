"""Corrected CPR numbers, and the duplicates that they reveal (domain 3.3)."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from app.domain.rules.draw import PublishedDraw, check_draws
from tests.database import query, register_faults
from tests.register import Client, Register, new_cpr, record_id
from tests.routers.records.single.common import FACTS

WAITING = {"channel": "supplement", "unemployed_since": "2010-11-01", "interview_on": "2011-01-10"}


@dataclass
class Place:
    register: Register
    trial: str
    system: Client

    @property
    def path(self) -> str:
        return f"/v1/trials/{self.trial}"

    def screened(self, **changes: Any) -> tuple[str, str]:
        """Someone new: the participant's id and number."""
        body = self.register.screening(**changes)
        answer = self.system.post(f"{self.path}/participants", body)
        assert answer.status_code == 201, answer.text
        return answer.json()["participant_id"], body["cpr"]

    def correct(self, participant: str, cpr: str) -> Any:
        body = {"cpr": cpr, "reason": "typing_error"}
        return self.system.post(f"{self.path}/participants/{participant}/cpr", body)

    def state(self, participant: str) -> str:
        state: str = self.system.get(f"{self.path}/participants/{participant}").json()["state"]
        return state

    def look_up(self, cpr: str) -> str | None:
        found = self.system.post(f"{self.path}/participants/lookup", {"cpr": cpr})
        return found.json()["participant_id"] if found.status_code == 200 else None

    def send(self, participant: str, kind: str = "conversations", **changes: Any) -> str:
        external_id = record_id()
        record = {"external_id": external_id, "participant_id": participant, **FACTS[kind], **changes}
        report = self.system.push(self.trial, kind, [record])
        assert report["counts"]["created"] == 1, report
        return external_id

    def draws(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.register.client("auditor").get(f"{self.path}/draws").json()["items"]
        return items

    def record(self, external_id: str, kind: str = "conversations", rest: str = "") -> Any:
        return self.system.get(f"{self.path}/{kind}/{external_id}{rest}").json()


@pytest.fixture
def place(fresh_register: Register) -> Place:
    trial = fresh_register.new_trial()
    return Place(fresh_register, trial, fresh_register.sender(client_id="everywhere"))


def sound(place: Place) -> None:
    """Chains, draws, keys and kept counts are as they should be, and so are the kept states of people's weeks."""
    assert register_faults(place.register) == []


def test_a_free_number(place: Place) -> None:
    anna, old = place.screened()
    new = new_cpr()
    before = place.draws()
    answer = place.correct(anna, new)
    assert (answer.status_code, answer.json()["participant_id"]) == (200, anna)
    assert (place.look_up(new), place.look_up(old)) == (anna, None)
    assert place.correct(anna, new).status_code == 200
    assert place.draws() == before
    sound(place)


def test_the_old_number_is_free_for_its_owner(place: Place) -> None:
    """Whoever really has the mistyped number is another person, in the same jobcentre or elsewhere, on any day."""
    for changes in ({}, {"interview_on": "2010-11-15"}, {"jobcentre": "860"}):
        anna, old = place.screened()
        place.correct(anna, new_cpr())
        owner, _ = place.screened(cpr=old, **changes)
        assert owner != anna
        assert place.state(anna) != "duplicate"
        assert place.look_up(old) == owner
    sound(place)


def test_the_same_screening_under_the_corrected_number_is_the_same(place: Place) -> None:
    body = place.register.screening()
    first = place.system.post(f"{place.path}/participants", body).json()
    new = new_cpr()
    place.correct(first["participant_id"], new)
    again = place.system.post(f"{place.path}/participants", {**body, "cpr": new})
    assert (again.status_code, again.json()) == (200, first)


@pytest.mark.parametrize("elsewhere", ["849", "860"])
@pytest.mark.parametrize("asked_of", ["the later", "the earlier"])
def test_the_earlier_draw_governs(place: Place, elsewhere: str, asked_of: str) -> None:
    anna, number = place.screened()
    again, other = place.screened(jobcentre=elsewhere)
    kept = {kind: place.send(anna, kind) for kind in FACTS}
    moved = {kind: place.send(again, kind) for kind in FACTS}
    retracted = place.send(again)
    place.system.delete(f"{place.path}/conversations/{retracted}")
    draws, histories = place.draws(), {kind: place.record(each, kind, "/history") for kind, each in moved.items()}

    answer = place.correct(again, number) if asked_of == "the later" else place.correct(anna, other)
    assert answer.status_code == 200, answer.text

    assert (place.state(anna) != "duplicate", place.state(again)) == (True, "duplicate")
    assert place.draws() == draws
    assert place.system.get(f"{place.path}/participants/{again}/weeks").status_code == 404
    for kind, external_id in {**kept, **moved}.items():
        assert place.record(external_id, kind)["participant_id"] == anna
    for kind, external_id in moved.items():
        assert place.record(external_id, kind)["participant_id"] == anna
        *earlier, latest = place.record(external_id, kind, "/history")["items"]
        assert latest["participant_id"] == anna
        assert [each["participant_id"] for each in earlier] == [again]
        assert earlier[0]["registered_at"] == histories[kind]["items"][0]["registered_at"]
        assert earlier[0]["superseded_at"] == latest["registered_at"]
    assert place.record(retracted)["retracted"] is True
    (passed,) = query(
        place.register.database_url,
        "select participant_id from conversation where external_id = $1 and superseded_at = 'infinity'",
        arguments=[retracted],
    )
    assert str(passed["participant_id"]) == anna

    # What comes later, by the duplicate's id or by the number, goes to the earlier.
    assert place.record(place.send(again, date="2010-11-23"))["participant_id"] == anna
    correct_number = number if asked_of == "the later" else other
    by_number = {"external_id": record_id(), "cpr": correct_number, "date": "2010-11-24"}
    place.system.push(place.trial, "conversations", [by_number])
    assert place.record(by_number["external_id"])["participant_id"] == anna
    assert place.look_up(correct_number) == anna

    flow = place.system.get(f"{place.path}/weekly-summary", week="2010-W45", by="trial").json()["items"]
    assert sum(row["entries"] for row in flow) == 1
    sound(place)

    agency = place.register.client("agency")
    agency.post(f"{place.path}/close")
    trial = agency.get(place.path).json()
    published = [PublishedDraw(each["jobcentre"], each["position"], each["arm"]) for each in place.draws()]
    assert check_draws(bytes.fromhex(trial["seed"]), trial["seed_commitment"], place.trial, 3, published) == []


def test_position_and_balance_stay(place: Place) -> None:
    _, number = place.screened()
    again, _ = place.screened()
    strata = "select jobcentre_code, draws, balance from stratum order by jobcentre_code"
    before = query(place.register.database_url, strata)
    place.correct(again, number)
    assert query(place.register.database_url, strata) == before
    place.screened()
    assert [each["position"] for each in place.draws()] == [0, 1, 2]
    sound(place)


def test_the_figures_are_those_without_the_duplicate(place: Place) -> None:
    """As if the duplicate had never been, but for the records, which are the earlier one's now."""
    anna, number = place.screened()
    for week in range(16, 28, 7):
        place.send(anna, date=f"2010-11-{week}")
    again, _ = place.screened(jobcentre="860")
    place.send(again, date="2010-12-01")
    place.send(again, "activations")
    place.correct(again, number)
    rows = place.system.get(f"{place.path}/weekly-summary", week="2011-W05").json()["items"]
    assert {row["group"]["jobcentre"] for row in rows if row["participants"]} == {"849"}
    weeks = place.system.get(f"{place.path}/participants/{anna}/weeks").json()["items"]
    held = [each["week"] for each in weeks if each["conversation_held"]]
    assert held == ["2010-W46", "2010-W47", "2010-W48"]
    sound(place)


def test_a_duplicate_is_in_no_list_of_assignments(place: Place) -> None:
    anna, number = place.screened()
    again, _ = place.screened()
    place.correct(again, number)
    listed = place.system.get(f"{place.path}/assignments").json()["items"]
    assert [each["participant_id"] for each in listed] == [anna]
    shown = place.system.get(f"{place.path}/participants", state="duplicate").json()["items"]
    assert [each["participant_id"] for each in shown] == [again]


def test_a_waiting_candidate_gives_way_to_whoever_was_drawn(place: Place) -> None:
    anna, number = place.screened()
    candidate, other = place.screened(**WAITING)
    place.correct(candidate, number)
    assert (place.state(candidate), place.look_up(number)) == ("withdrawn", anna)
    one_more, third = place.screened(**WAITING)
    place.correct(anna, third)
    assert (place.state(one_more), place.look_up(third), place.look_up(number)) == ("withdrawn", anna, None)
    assert place.look_up(other) is None
    sound(place)


def test_of_two_candidates_the_earlier_stays(place: Place) -> None:
    first, number = place.screened(**WAITING)
    second, _ = place.screened(**WAITING)
    place.correct(second, number)
    assert (place.state(first), place.state(second)) == ("waiting", "withdrawn")
    sound(place)


def test_a_duplicate_of_a_duplicate(place: Place) -> None:
    """Three draws of one person: everything comes to the first, also what is sent under the third's id."""
    first, one = place.screened(jobcentre="450")
    second, two = place.screened()
    third, _ = place.screened(jobcentre="860")
    sent = place.send(third)
    assert place.correct(third, two).status_code == 200
    assert place.correct(second, one).status_code == 200
    assert [place.state(each) == "duplicate" for each in (first, second, third)] == [False, True, True]
    assert place.record(sent)["participant_id"] == first
    for participant in (second, third):
        assert place.record(place.send(participant, date="2010-11-24"))["participant_id"] == first
    sound(place)


def test_not_yours(place: Place) -> None:
    anna, _ = place.screened()
    body = {"cpr": new_cpr(), "reason": "typing_error"}
    for client in (place.register.sender("860"), place.register.sender("580")):
        assert client.post(f"{place.path}/participants/{anna}/cpr", body).status_code == 404
    for wrong in ({}, {"cpr": "0000000000", "reason": "x"}, {"cpr": new_cpr()}, {**body, "more": 1}):
        assert place.system.post(f"{place.path}/participants/{anna}/cpr", wrong).status_code == 422


def test_corrections_and_records_at_the_same_time(place: Place) -> None:
    """Six later draws of one person corrected at once, while records of theirs arrive: one participant is left."""
    anna, number = place.screened()
    others = [place.screened(jobcentre=code)[0] for code in ("849", "860", "450") * 2]
    wrong: list[Any] = []

    def status_of_correction(participant: str) -> int:
        return int(place.correct(participant, number).status_code)

    def status_of_talk(participant: str, day: str) -> int:
        body = {"participant_id": participant, "date": day}
        return int(place.system.put(f"{place.path}/conversations/{record_id()}", body).status_code)

    def run(work: Callable[[], int], wanted: set[int]) -> threading.Thread:
        def once() -> None:
            if (status := work()) not in wanted:
                wrong.append(status)

        thread = threading.Thread(target=once)
        thread.start()
        return thread

    threads = [run(partial(status_of_correction, each), {200}) for each in others]
    for day in range(16, 26):
        threads += [run(partial(status_of_talk, each, f"2010-11-{day}"), {201}) for each in others[:3]]
    for thread in threads:
        thread.join()
    assert wrong == []
    assert {place.state(each) for each in others} == {"duplicate"}
    assert place.look_up(number) == anna
    sound(place)
    listed = place.system.get(f"{place.path}/conversations", limit=1000).json()["items"]
    assert [each["participant_id"] for each in listed] == [anna] * 30


def test_a_draw_and_a_correction_at_the_same_time(place: Place) -> None:
    """A candidate drawn while the number turns out to be another's is a duplicate, or was withdrawn before."""
    for _ in range(6):
        _, number = place.screened()
        candidate, _ = place.screened(**WAITING)
        draw = partial(place.system.post, f"{place.path}/participants/{candidate}/assignment")
        threads = [
            threading.Thread(target=draw),
            threading.Thread(target=place.correct, args=(candidate, number)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        drawn = place.system.get(f"{place.path}/participants/{candidate}/assignment").status_code == 200
        assert place.state(candidate) == ("duplicate" if drawn else "withdrawn")
    sound(place)
