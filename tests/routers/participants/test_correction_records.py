"""What registers sent by number, while numbers are corrected (domain 3.4): followed, taken back, read in the feed."""

from typing import Any

import pytest

from tests.register import Client, Register, new_cpr, record_id
from tests.routers.participants.correction_place import Place


@pytest.fixture
def place(register: Register) -> Place:
    return Place(register, register.new_trial(), register.case_system())


@pytest.fixture
def activations(place: Place) -> Client:
    return place.register.client("register")


def active_weeks(place: Place, participant: str) -> int:
    weeks = place.system.get(f"{place.path}/participants/{participant}/weeks").json()["items"]
    return sum(each["activated"] for each in weeks)


def test_wrong_person_is_in_no_figure_until_somebody_has_the_number(place: Place) -> None:
    anna, old = place.screened()
    sent, _ = place.deliver(old, "activations")
    assert active_weeks(place, anna) > 0
    place.correct(anna, new_cpr())
    assert place.delivered(sent, "activations")["retraction_reason"] == "wrong_person"
    assert active_weeks(place, anna) == 0
    place.correct(anna, old)
    assert active_weeks(place, anna) > 0


def test_what_a_register_took_back_itself_stays_back(place: Place, activations: Client) -> None:
    anna, old = place.screened()
    sent, _ = place.deliver(old, "activations")
    path = f"{place.path}/activations/{sent}"
    assert activations.delete(path, retraction_reason="entered_in_error").status_code == 200
    for number in (new_cpr(), old):
        place.correct(anna, number)
        shown = place.delivered(sent, "activations")
        assert (shown["retracted"], shown["retraction_reason"]) == (True, "entered_in_error")


def test_a_register_reads_wrong_person_in_its_feed_and_sends_again(place: Place, activations: Client) -> None:
    """Api.md: it sends by number again."""
    anna, old = place.screened()
    new = new_cpr()
    sent, _ = place.deliver(old, "activations")
    feed = activations.get(f"{place.path}/activations", changed_since="0").json()
    place.correct(anna, new)
    changed = activations.get(f"{place.path}/activations", changed_since=feed["next"]).json()["items"]
    assert [(each["external_id"], each["retraction_reason"]) for each in changed] == [(sent, "wrong_person")]
    _, report = place.deliver(new, "activations", external_id=sent)
    assert report["counts"]["updated"] == 1, report
    assert place.delivered(sent, "activations")["participant_id"] == anna


def test_a_stranger_under_the_mistyped_number_keeps_nothing_here(place: Place) -> None:
    """What a register sends of whoever has the mistyped number is nobody's in the trial."""
    anna, mistyped = place.screened()
    place.correct(anna, new_cpr())
    _, report = place.deliver(mistyped)
    assert report["results"][0]["errors"][0]["code"] == "unknown_participant"


@pytest.mark.parametrize("reason", ["typing_error", "new_number"])
def test_while_it_waits_nothing_of_a_neighbours_person_is_read_or_changed(register: Register, reason: str) -> None:
    trial = register.new_trial()
    ours = Place(register, trial, register.case_system("849"))
    neighbour = Place(register, trial, register.case_system("860"))
    theirs, number = neighbour.screened(jobcentre="860")
    talk = neighbour.send(theirs)
    before = neighbour.shown(theirs)
    anna, _ = ours.screened()
    assert ours.request(anna, number, reason).status_code == 202
    people = f"{ours.path}/participants"
    record: dict[str, Any] = {"external_id": record_id(), "cpr": number, "date": "2010-11-16"}
    report = ours.system.push(trial, "conversations", [record])
    assert report["results"][0]["errors"][0]["code"] == "unknown_participant"
    assert ours.system.post(f"{people}/lookup", {"cpr": number}).status_code == 404
    for answer in (
        ours.system.get(f"{people}/{theirs}"),
        ours.system.get(f"{people}/{theirs}/weeks"),
        ours.system.patch(f"{people}/{theirs}", {"contact_person": "us"}),
        ours.system.post(f"{people}/{theirs}/cpr", {"cpr": new_cpr(), "reason": reason}),
        ours.system.post(f"{people}/{anna}/cpr", {"swap_with": theirs}),
        ours.system.delete(f"{people}/{theirs}/cpr"),
        ours.system.get(f"{ours.path}/conversations/{talk}"),
    ):
        assert answer.status_code == 404
    assert neighbour.shown(theirs) == before
