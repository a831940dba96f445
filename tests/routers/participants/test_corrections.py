"""What an accepted correction of a CPR number changes; closing and erasure (domain 3.4)."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from app.cli.operations import erase_person
from app.domain.draw_verification import PublishedDraw, check_draws
from tests.database import query
from tests.register import Register, new_cpr, record_id
from tests.routers.participants.correction_place import WAITING, Place, sound
from tests.routers.records.single.common import FACTS


@pytest.fixture
def place(fresh_register: Register) -> Place:
    trial = fresh_register.new_trial()
    return Place(fresh_register, trial, fresh_register.sender(client_id="everywhere"))


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_a_free_number(place: Place) -> None:
    anna, old = place.screened()
    new = new_cpr()
    before = place.draws()
    answer = place.correct(anna, new)
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    assert (place.look_up(new), place.look_up(old)) == (anna, None)
    assert place.request(anna, new).status_code == 200
    assert place.shown(anna)["cpr_correction"] == "accepted"
    assert place.draws() == before
    sound(place)


def test_a_new_number_is_found_by_both(place: Place) -> None:
    anna, old = place.screened()
    new = new_cpr()
    place.correct(anna, new, "new_number")
    assert (place.look_up(new), place.look_up(old)) == (anna, anna)
    place.deliver(old)
    sound(place)


@pytest.mark.parametrize("reason", ["typing_error", "new_number"])
def test_no_number_is_drawn_again(place: Place, reason: str) -> None:
    """Neither the former nor the present one; the identical screening under the present one is answered as before."""
    body = place.register.screening()
    first = place.system.post(f"{place.path}/participants", body).json()
    new = new_cpr()
    place.correct(first["participant_id"], new, reason)
    again = place.system.post(f"{place.path}/participants", {**body, "cpr": new})
    assert (again.status_code, again.json()) == (200, first)
    for changes in ({}, {"interview_on": "2010-11-15"}):
        here = place.system.post(f"{place.path}/participants", {**body, **changes})
        assert (here.status_code, here.json()["code"]) == (409, "already_drawn")
    elsewhere = place.system.post(f"{place.path}/participants", {**body, "jobcentre": "860"}).json()
    assert [failure["code"] for failure in elsewhere["failures"]] == ["not_available"]
    assert len(place.draws()) == 1
    sound(place)


def test_a_number_of_a_duplicate_elsewhere_is_not_drawn_here(place: Place) -> None:
    """It finds the governing participant here, who was never drawn under it and never had it."""
    anna, _ = place.screened()
    bo, old = place.screened(jobcentre="860")
    new = new_cpr()
    place.correct(bo, new, "new_number")
    assert place.correct(anna, new).json()["status"] == "accepted"
    assert place.state(bo) == "duplicate"
    assert place.look_up(old) == anna
    for jobcentre in ("849", "860"):
        again = place.system.post(
            f"{place.path}/participants",
            place.register.screening(cpr=old, jobcentre=jobcentre, interview_on="2010-11-15"),
        )
        assert (again.status_code, again.json()["code"]) == (409, "already_drawn")
    assert len(place.draws()) == 2
    sound(place)


def test_back_to_the_former_number(place: Place) -> None:
    anna, old = place.screened()
    place.correct(anna, new_cpr())
    assert place.correct(anna, old).json()["status"] == "accepted"
    assert place.look_up(old) == anna
    bo, _ = place.screened()
    third = new_cpr()
    place.correct(bo, third)
    place.correct(anna, new_cpr())
    taken = place.request(bo, old).json()["correction_id"]
    assert place.read(taken).json()["people"][0]["number_is"] == "former_here"
    assert place.decide(taken).json()["code"] == "number_taken"
    assert place.decide(taken, "refused").status_code == 200
    sound(place)


def test_a_former_number_is_taken_though_it_finds_the_person(place: Place) -> None:
    """After a `new_number` both find the person; another's former number can only be refused all the same."""
    anna, old = place.screened()
    place.correct(anna, new_cpr(), "new_number")
    bo, _ = place.screened()
    taken = place.request(bo, old).json()["correction_id"]
    assert place.read(taken).json()["people"][0]["number_is"] == "former_here"
    assert place.decide(taken).json()["code"] == "number_taken"
    assert place.look_up(old) == anna


def test_a_number_that_makes_ineligible_is_noted(place: Place) -> None:
    anna, _ = place.screened()
    place.correct(anna, new_cpr("0199"))
    assert place.shown(anna)["ineligible_found"] == ["under_20"]
    facts = query(place.register.database_url, "select sex, born_on, age_band from person_fact order by registered_at")
    assert [row["age_band"] for row in facts] == ["40_49", "under_20"]


def test_swapped_numbers(place: Place) -> None:
    anna, one = place.screened()
    bo, two = place.screened()
    of_one, _ = place.deliver(one)
    of_two, _ = place.deliver(two)
    own = place.send(anna)
    assert place.swap(anna, bo).json()["status"] == "accepted"
    assert (place.look_up(one), place.look_up(two)) == (bo, anna)
    assert (place.delivered(of_one)["participant_id"], place.delivered(of_two)["participant_id"]) == (bo, anna)
    assert place.record(own)["participant_id"] == anna
    sound(place)


# --- what registers sent ----------------------------------------------------------------------------------------------


def test_what_a_register_sent_by_number_follows_the_number(place: Place) -> None:
    anna, old = place.screened()
    new = new_cpr()
    sent, _ = place.deliver(old, revision=3)
    own = place.send(anna)
    place.correct(anna, new)
    assert (place.delivered(sent)["retracted"], place.delivered(sent)["retraction_reason"]) == (True, "wrong_person")
    assert place.record(own)["participant_id"] == anna
    _, unknown = place.deliver(old, external_id=sent, revision=3)
    assert unknown["results"][0]["errors"][0]["code"] == "unknown_participant"
    sound(place)

    place.correct(anna, old)
    assert (place.delivered(sent)["retracted"], place.delivered(sent)["revision"]) == (False, 3)
    place.correct(anna, new)
    _, again = place.deliver(new, external_id=sent, revision=3)
    assert again["counts"]["updated"] == 1, again
    assert place.delivered(sent)["participant_id"] == anna
    sound(place)


def test_a_case_system_may_send_by_number_and_keeps_its_person(place: Place) -> None:
    anna, old = place.screened()
    external_id = record_id()
    place.system.push(place.trial, "conversations", [{"external_id": external_id, "cpr": old, "date": "2010-11-16"}])
    place.correct(anna, new_cpr())
    assert place.record(external_id)["participant_id"] == anna
    assert place.record(external_id)["retracted"] is False


# --- the number of another participant --------------------------------------------------------------------------------


@pytest.mark.parametrize("elsewhere", ["849", "860"])
@pytest.mark.parametrize("asked_of", ["the later", "the earlier"])
def test_the_earlier_draw_governs(place: Place, elsewhere: str, asked_of: str) -> None:
    anna, number = place.screened()
    again, other = place.screened(jobcentre=elsewhere)
    kept = {kind: place.send(anna, kind) for kind in FACTS}
    theirs = {kind: place.send(again, kind) for kind in FACTS}
    retracted = place.send(again)
    place.system.delete(f"{place.path}/conversations/{retracted}")
    draws, histories = place.draws(), {kind: place.record(each, kind, "/history") for kind, each in theirs.items()}

    asked = (again, number) if asked_of == "the later" else (anna, other)
    assert place.correct(*asked, "new_number").status_code == 200

    assert (place.state(anna) != "duplicate", place.state(again)) == (True, "duplicate")
    passes = elsewhere == "849"
    assert place.shown(again)["duplicate_of"] == (anna if passes else None)
    assert place.draws() == draws
    assert place.system.get(f"{place.path}/participants/{again}/weeks").status_code == 404
    for kind, external_id in kept.items():
        assert place.record(external_id, kind)["participant_id"] == anna
    for kind, external_id in theirs.items():
        assert place.record(external_id, kind)["participant_id"] == (anna if passes else again)
        *earlier, latest = place.record(external_id, kind, "/history")["items"]
        assert [each["participant_id"] for each in earlier] == ([again] if passes else [])
        first = earlier[0] if passes else latest
        assert first["registered_at"] == histories[kind]["items"][0]["registered_at"]
    assert place.record(retracted)["retracted"] is True

    # What comes later by either number goes to the earlier, and by the duplicate's id within the jobcentre only.
    for cpr in (number, other):
        by_number = {"external_id": record_id(), "cpr": cpr, "date": "2010-11-24"}
        place.system.push(place.trial, "conversations", [by_number])
        assert place.record(by_number["external_id"])["participant_id"] == anna
        assert place.look_up(cpr) == anna
    late = {"participant_id": again, "date": "2010-11-23"}
    assert place.system.put(f"{place.path}/conversations/{record_id()}", late).status_code == (201 if passes else 404)

    flow = place.system.get(f"{place.path}/weekly-summary", week="2010-W45", by="trial").json()["items"]
    assert sum(row["entries"] for row in flow) == 1
    sound(place)

    agency = place.register.client("agency")
    agency.post(f"{place.path}/close")
    trial = agency.get(place.path).json()
    published = [PublishedDraw(each["jobcentre"], each["position"], each["arm"]) for each in place.draws()]
    assert check_draws(bytes.fromhex(trial["seed"]), trial["seed_commitment"], place.trial, 3, published) == []


@pytest.mark.parametrize("elsewhere", ["849", "860"])
def test_of_a_typing_error_the_draw_under_the_right_number_governs(place: Place, elsewhere: str) -> None:
    """Also when it is the later one: whoever was drawn under an invented number gains nothing by it."""
    invented, wrong = place.screened()
    real, number = place.screened(jobcentre=elsewhere)
    place.correct(invented, number)
    assert (place.state(invented), place.state(real) != "duplicate") == ("duplicate", True)
    assert (place.look_up(number), place.look_up(wrong)) == (real, None)
    sound(place)


def test_records_of_a_register_follow_a_new_number_to_who_governs(place: Place) -> None:
    anna, number = place.screened()
    again, other = place.screened(jobcentre="860")
    sent, _ = place.deliver(other)
    own = place.send(again)
    place.correct(again, number, "new_number")
    assert place.delivered(sent)["participant_id"] == anna
    assert place.record(own)["participant_id"] == again
    sound(place)


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
    again, _ = place.screened()
    place.send(again, date="2010-12-01")
    place.send(again, "activations")
    place.correct(again, number)
    rows = place.system.get(f"{place.path}/weekly-summary", week="2011-W05", by="trial").json()["items"]
    assert sum(row["participants"] for row in rows) == 1
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


def test_a_waiting_candidate_gives_way(place: Place) -> None:
    anna, _ = place.screened()
    here, number = place.screened(**WAITING)
    there, other = place.screened(**WAITING, jobcentre="860")
    correction = place.request(anna, number).json()["correction_id"]
    assert place.read(correction).json()["people"][0]["number_is"] == "waiting_here"
    draw = place.system.post(f"{place.path}/participants/{here}/assignment")
    assert draw.json()["code"] == "correction_waiting"
    place.decide(correction)
    assert (place.state(here), place.look_up(number)) == ("withdrawn", anna)
    place.correct(anna, other, "new_number")
    assert (place.state(there), place.look_up(other)) == ("ineligible", anna)
    assert place.system.post(f"{place.path}/participants/{there}/assignment").status_code == 409
    sound(place)


def test_a_duplicate_of_a_duplicate(place: Place) -> None:
    """Three draws of one person: everything of the jobcentre comes to the first."""
    first, one = place.screened()
    second, two = place.screened()
    third, _ = place.screened()
    sent = place.send(third)
    assert place.correct(third, two).status_code == 200
    assert place.correct(second, one).status_code == 200
    assert [place.state(each) == "duplicate" for each in (first, second, third)] == [False, True, True]
    assert place.record(sent)["participant_id"] == first
    for participant in (second, third):
        assert place.record(place.send(participant, date="2010-11-24"))["participant_id"] == first
    sound(place)


def test_what_waits_on_a_duplicate_is_refused(place: Place) -> None:
    first, _ = place.screened()
    again, other = place.screened()
    waits = place.request(again, new_cpr()).json()["correction_id"]
    place.correct(first, other, "new_number")
    assert place.state(again) == "duplicate"
    assert place.read(waits).json()["status"] == "refused"
    assert query(place.register.database_url, "select from vault.requested_number") == []


# --- closing and erasure ----------------------------------------------------------------------------------------------


def test_after_closing(place: Place) -> None:
    anna, _ = place.screened()
    _, number = place.screened()
    waits = place.request(anna, new_cpr()).json()["correction_id"]
    place.register.client("agency").post(f"{place.path}/close")
    assert place.read(waits).json()["status"] == "refused"
    assert place.request(anna, new_cpr()).json()["code"] == "trial_closed"
    taken = place.request(anna, number, "new_number").json()["correction_id"]
    assert place.decide(taken).json()["code"] == "number_taken"
    place.register.client("agency").post(f"{place.path}/close")
    assert place.read(taken).json()["status"] == "waiting"
    assert place.correct(anna, new_cpr(), "new_number").json()["status"] == "accepted"
    sound(place)


def test_erasure(place: Place) -> None:
    """It refuses what waits, keeps sex and age band, and nobody ever gets the number."""
    anna, number = place.screened()
    waits = place.request(anna, new_cpr()).json()["correction_id"]
    asyncio.run(erase_person(place.register.database_url, place.trial, UUID(anna), "operator"))
    assert place.read(waits).json()["status"] == "refused"
    assert query(place.register.database_url, "select from vault.requested_number") == []
    (fact,) = query(place.register.database_url, "select sex, born_on, age_band from person_fact")
    assert (fact["sex"] in ("female", "male"), fact["born_on"], fact["age_band"]) == (True, None, "40_49")
    assert place.request(anna, new_cpr()).status_code == 404
    bo, _ = place.screened()
    taken = place.request(bo, number).json()["correction_id"]
    assert place.read(taken).json()["people"][0]["number_is"] == "erased"
    assert place.decide(taken).json()["code"] == "number_taken"
    sound(place)


# --- at the same time -------------------------------------------------------------------------------------------------


def test_corrections_and_records_at_the_same_time(place: Place) -> None:
    """Six later draws of one person corrected at once, while records of theirs arrive: one participant is left."""
    anna, number = place.screened()
    others = [place.screened()[0] for _ in range(6)]
    wrong: list[Any] = []

    def correct(participant: str) -> int:
        """Until nobody else's request changes what was read."""
        correction = place.request(participant, number).json()["correction_id"]
        while (status := int(place.decide(correction).status_code)) == 412:
            pass
        return status

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

    threads = [run(partial(correct, each), {200}) for each in others]
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
