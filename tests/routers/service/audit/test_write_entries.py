"""Audit entries of writes: screenings, draws, records, trials."""

import json
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from tests.routers.service.audit.common import Place, the_only


def test_a_screening_and_its_draw(place: Place) -> None:
    body = place.register.screening(contact_person="Team 3")
    answers: list[Any] = []
    noted = place.during(lambda: answers.append(place.ours.post(place.path("participants"), body).json()))
    participant = answers[0]["participant_id"]
    assert [(each.action, each.jobcentre, each.client, each.participant) for each in noted] == [
        (action, "849", "jammerbugt", participant)
        for action in ("participant.screened", "participant.contact_person_changed", "participant.drawn")
    ]
    assert noted[0].details == {"interview_on": "2010-11-08", "failures": []}
    assert noted[2].details["arm"] == answers[0]["assignment"]["arm"]
    assert noted[2].details["assigned_on"] == "2010-11-08"
    assert isinstance(noted[2].details["position"], int)


def test_an_ineligible_screening_names_nobody(place: Place) -> None:
    body = place.register.screening(match_group=3)
    noted = the_only(place.during(lambda: place.ours.post(place.path("participants"), body)))
    assert (noted.action, noted.participant, noted.details["failures"]) == (
        "participant.screened",
        None,
        ["not_match_group_2"],
    )


def test_someone_known_elsewhere(place: Place) -> None:
    """Domain 3.1: ``not_available``, no more is said, and the attempt is audited."""
    body = place.register.screening()
    assert place.theirs.post(place.path("participants"), {**body, "jobcentre": "860"}).status_code == 201
    noted = the_only(place.during(lambda: place.ours.post(place.path("participants"), body)))
    assert (noted.jobcentre, noted.client, noted.details["failures"]) == ("849", "jammerbugt", ["not_available"])


def test_the_draw_of_a_candidate_and_a_withdrawal(place: Place) -> None:
    waiting = {"channel": "supplement", "unemployed_since": "2010-11-01", "interview_on": "2011-01-10"}
    candidate = place.register.screen(place.trial, **waiting)["participant_id"]
    other = place.register.screen(place.trial, **waiting | {"interview_on": "2011-01-17"})["participant_id"]
    drawn = the_only(place.during(lambda: place.ours.post(place.path(f"participants/{candidate}/assignment"))))
    assert (drawn.action, drawn.participant, drawn.client) == ("participant.drawn", candidate, "jammerbugt")
    leave = place.path(f"participants/{other}/withdrawal")
    noted = place.during(lambda: place.ours.post(leave, {"reason": "job"}))
    assert (the_only(noted).action, the_only(noted).details) == ("participant.withdrawn", {"reason": "job"})


def test_a_contact_person(place: Place) -> None:
    change = place.path(f"participants/{place.anna}")
    noted = the_only(place.during(lambda: place.ours.patch(change, {"contact_person": "Team 9"})))
    assert (noted.action, noted.participant) == ("participant.contact_person_changed", place.anna)
    assert "Team 9" not in json.dumps(noted.details), "nothing personal is in an entry"


def test_a_trial_created_and_closed(place: Place) -> None:
    trial = ""

    def work() -> None:
        nonlocal trial
        trial = place.register.new_trial()
        for _ in range(2):
            assert place.register.client("agency").post(f"/v1/trials/{trial}/close").status_code == 200

    noted = place.during(work)
    assert [(each.action, each.trial, each.jobcentre) for each in noted] == [
        ("trial.created", trial, ""),
        ("trial.closed", trial, ""),
    ]


@pytest.mark.parametrize("how", ["batch", "put", "delete"])
def test_records(place: Place, how: str) -> None:
    talk = place.talk()
    address = place.path(f"conversations/{talk['external_id']}")
    body = {name: value for name, value in talk.items() if name != "external_id"}

    def work() -> None:
        if how == "batch":
            place.ours.push(place.trial, "conversations", [talk, {**place.talk(), "date": "2030-01-01"}])
        elif how == "put":
            assert place.ours.put(address, body).status_code == 201
        else:
            assert place.ours.delete(address).status_code == 200

    noted = the_only(place.during(work))
    assert (noted.action, noted.client, noted.trial) == ("records.received", "jammerbugt", place.trial)
    assert noted.jobcentre == ("" if how == "delete" else "849"), "a retraction before its record is nobody's yet"
    assert {**noted.details, "batch": ""} == {"batch": "", "kind": "conversations", "versions": 1}


def test_a_batch_over_two_jobcentres(place: Place) -> None:
    both = place.register.case_system(client_id="both")
    talks = [place.talk(), place.talk(participant_id=place.bo), place.talk(date="2010-11-23")]
    noted = place.during(lambda: both.push(place.trial, "conversations", talks))
    assert [(each.jobcentre, each.details["versions"]) for each in noted] == [("849", 2), ("860", 1)]
    assert noted[0].details["batch"] == noted[1].details["batch"]


def test_what_stores_nothing_notes_no_write(place: Place) -> None:
    """A dry run, an atomic batch that fails, the same content again, a screening refused."""
    talk, faulty = place.talk(), {**place.talk(), "date": "2030-01-01"}
    place.ours.push(place.trial, "conversations", [talk])
    body = place.register.screening()
    assert place.ours.post(place.path("participants"), body).status_code == 201

    def work() -> None:
        place.ours.push(place.trial, "conversations", [place.talk()], dry_run=True)
        place.ours.push(place.trial, "conversations", [place.talk(), faulty], atomic=True)
        place.ours.push(place.trial, "conversations", [talk])
        dry = place.ours.post(place.path("participants"), place.register.screening(), dry_run=True)
        assert dry.status_code == 200
        other_facts = {**body, "benefit": "start_benefit"}
        assert place.ours.post(place.path("participants"), other_facts).status_code == 409

    assert [each for each in place.during(work) if each.chain == "writes"] == []


def test_a_screening_sent_again_tells_of_a_person(place: Place) -> None:
    """The same again, other facts of the same day, a draw that was before: answered from what is known."""
    body = place.register.screening()
    participant = place.ours.post(place.path("participants"), body).json()["participant_id"]
    draw = place.path(f"participants/{participant}/assignment")

    def work() -> None:
        assert place.ours.post(place.path("participants"), body).status_code == 200
        other_facts = {**body, "benefit": "start_benefit"}
        assert place.ours.post(place.path("participants"), other_facts).status_code == 409
        assert place.ours.post(draw).status_code == 200

    assert [(each.chain, each.action, each.jobcentre, each.participant) for each in place.during(work)] == [
        ("reads", "screening.repeated", "849", participant),
        ("reads", "screening.refused", "849", None),
        ("reads", "assignment.read", "849", participant),
    ]


def test_a_change_that_changes_nothing_is_a_read(place: Place) -> None:
    waiting = {"channel": "supplement", "unemployed_since": "2010-11-01", "interview_on": "2011-02-07"}
    candidate = place.register.screen(place.trial, **waiting)["participant_id"]
    screening = place.register.screening()
    someone = place.ours.post(place.path("participants"), screening).json()["participant_id"]
    talk = place.talk()
    record = {name: value for name, value in talk.items() if name != "external_id"}
    person, address = place.path(f"participants/{someone}"), place.path(f"conversations/{talk['external_id']}")
    calls = [
        ("PATCH", person, {"contact_person": "Team 9"}),
        ("POST", place.path(f"participants/{candidate}/withdrawal"), {"reason": "job"}),
        ("POST", f"{person}/cpr", {"cpr": screening["cpr"], "reason": "typing_error"}),
        ("PUT", address, record),
    ]

    def send() -> None:
        for method, path, body in calls:
            response = place.ours.request(method, path, json=body)
            assert response.is_success, response.text

    send()
    noted = place.during(send)
    assert [(each.chain, each.action, each.participant) for each in noted] == [
        ("reads", "participant.read", someone),
        ("reads", "participant.read", candidate),
        ("reads", "participant.read", someone),
        ("reads", "record.read", place.anna),
    ]


def test_who_asks_for_people_of_others_is_noted(place: Place) -> None:
    """One entry a batch, with how many; who they are is not ours to keep. A dry run may be such a question too."""
    strangers = [place.talk(participant_id=place.bo), place.talk(participant_id=str(uuid4()))]
    known = [place.talk(), *strangers]
    for dry_run in (False, True):
        noted = place.during(partial(place.ours.push, place.trial, "conversations", known, dry_run=dry_run))
        asked = [each for each in noted if each.action == "records.unknown_participant"]
        assert [(each.chain, each.client, each.participant, each.details) for each in asked] == [
            ("reads", "jammerbugt", None, {"kind": "conversations", "records": "2"})
        ]
        assert place.bo not in json.dumps([each.details for each in noted])


def test_a_batch_of_which_nothing_is_stored_is_noted(place: Place) -> None:
    talk, faulty = place.talk(), {**place.talk(), "date": "2030-01-01"}
    place.ours.push(place.trial, "conversations", [talk])
    told = {"kind": "conversations", "received": "1"}
    for record, parameter in ((talk, "dry_run"), (talk, "atomic"), (place.talk(), "dry_run"), (faulty, "atomic")):
        work = partial(place.ours.push, place.trial, "conversations", [record], **{parameter: True})
        noted = place.during(work)
        assert [(each.chain, each.action, each.details) for each in noted] == [("reads", "records.judged", told)]
