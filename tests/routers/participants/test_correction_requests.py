"""Requests for corrected CPR numbers, and what the registrar reads and decides (domain 3.4)."""

from uuid import UUID

import pytest

from app.db.personal_data.vault import SealedIdentity, Vault
from tests.database import query
from tests.register import Register, new_cpr, record_id
from tests.routers.participants.correction_place import WAITING, Place, sound
from tests.routers.records.single.common import FACTS


@pytest.fixture
def place(fresh_register: Register) -> Place:
    trial = fresh_register.new_trial()
    return Place(fresh_register, trial, fresh_register.sender(client_id="everywhere"))


def test_a_request_changes_nothing_until_it_is_decided(place: Place) -> None:
    anna, old = place.screened()
    new = new_cpr()
    first = place.request(anna, new)
    assert (first.status_code, first.json()["status"]) == (202, "waiting")
    assert place.request(anna, new).json() == first.json()
    assert (place.look_up(old), place.look_up(new), place.shown(anna)["cpr_correction"]) == (anna, None, "waiting")
    waiting = place.system.post(f"{place.path}/participants", place.register.screening(cpr=new))
    assert (waiting.status_code, waiting.json()["code"]) == (409, "correction_waiting")
    elsewhere = place.system.post(f"{place.path}/participants", place.register.screening(cpr=new, jobcentre="860"))
    assert elsewhere.status_code == 201
    assert place.request(anna, old).status_code == 200
    sound(place)


def test_another_request_replaces_and_delete_cancels(place: Place) -> None:
    anna, _ = place.screened()
    first = place.request(anna, new_cpr()).json()["correction_id"]
    second = place.request(anna, new_cpr()).json()["correction_id"]
    assert place.read(first).json()["status"] == "replaced"
    assert place.decide(first).json()["code"] == "already_decided"
    cancelled = place.system.delete(f"{place.path}/participants/{anna}/cpr")
    assert cancelled.json() == {"correction_id": second, "status": "cancelled"}
    assert place.system.delete(f"{place.path}/participants/{anna}/cpr").status_code == 404
    assert place.shown(anna)["cpr_correction"] == "cancelled"
    assert query(place.register.database_url, "select from vault.requested_number") == []
    listed = place.registrar.get(f"{place.path}/cpr-corrections", status="cancelled").json()["items"]
    assert [each["id"] for each in listed] == [second]


def test_who_cannot_be_corrected(place: Place) -> None:
    candidate, _ = place.screened(**WAITING)
    assert place.request(candidate, new_cpr()).json()["code"] == "not_drawn"
    anna, number = place.screened()
    again, _ = place.screened()
    place.correct(again, number)
    assert place.request(again, new_cpr()).json()["code"] == "duplicate"
    born_later = place.request(anna, "7112104234")
    assert (born_later.status_code, born_later.json()["errors"][0]["code"]) == (422, "invalid_cpr")
    body = {"cpr": new_cpr(), "reason": "typing_error"}
    for client in (place.register.case_system("860"), place.register.case_system("580")):
        assert client.post(f"{place.path}/participants/{anna}/cpr", body).status_code == 404
    wrong: list[tuple[dict[str, str], list[tuple[str, str]]]] = [
        ({}, [("/cpr", "missing_field"), ("/reason", "missing_field")]),
        ({"cpr": "0000000000", "reason": "x"}, [("/cpr", "invalid_cpr"), ("/reason", "invalid_value")]),
        ({"cpr": new_cpr()}, [("/reason", "missing_field")]),
        ({**body, "swap_with": again}, [("/cpr", "invalid_value"), ("/reason", "invalid_value")]),
    ]
    for sent, faults in wrong:
        answer = place.system.post(f"{place.path}/participants/{anna}/cpr", sent)
        assert answer.status_code == 422
        assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == faults
    assert place.request_swap(anna, anna).status_code == 422
    elsewhere, _ = place.screened(jobcentre="860")
    assert place.request_swap(anna, elsewhere).status_code == 404


def test_what_the_registrar_reads(place: Place) -> None:
    anna, old = place.screened()
    place.screened(cpr=f"{old[:-1]}{(int(old[-1]) + 2) % 10}")
    new = f"{old[:-1]}{(int(old[-1]) + 1) % 10}"
    place.deliver(old)
    correction = place.request(anna, new).json()["correction_id"]
    answer = place.read(correction)
    assert answer.json() == {
        "id": correction,
        "kind": "single",
        "status": "waiting",
        "jobcentre": "849",
        "reason": "typing_error",
        "people": [
            {
                "drawn_ago": "same_day",
                "digits_changed": 1,
                "sex_changed": True,
                "birth_date_changed": False,
                "failures": [],
                "number_is": "no",
                "near_numbers": 1,
                "outcome_known": True,
            }
        ],
        "requests_of_jobcentre": 1,
        "told_by_nobody_else": 1,
    }
    for secret in (old, new, anna):
        assert secret not in answer.text
    assert place.registrar.get(f"{place.path}/participants/{anna}").status_code == 403


def test_a_register_may_tell_of_a_person_by_id(place: Place) -> None:
    """A register is a client that may not write participants, whichever way its records name the person."""
    people = [place.screened()[0] for _ in range(3)]
    for kind, person in zip(("outcomes", "activations"), people, strict=False):
        record = {"external_id": record_id(), "participant_id": person, **FACTS[kind]}
        place.register.client("register").push(place.trial, kind, [record])
    place.send(people[2], "activations")
    requests = [place.request(each, new_cpr()).json()["correction_id"] for each in people]
    shown = [place.read(each).json() for each in requests]
    assert [each["people"][0]["outcome_known"] for each in shown] == [True, False, False]
    assert {each["told_by_nobody_else"] for each in shown} == {1}
    signs = place.system.get(f"{place.path}/data-quality").json()["signs"]
    (alone,) = (each["participants"] for each in signs if each["code"] == "told_by_nobody_else")
    assert alone == people[2:]


def test_the_list_opens_each_number_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    people = [place.screened()[0] for _ in range(4)]
    for each in people:
        place.request(each, new_cpr())
    opened: list[UUID] = []
    open_cpr = Vault.open_cpr

    def count(vault: Vault, person: UUID, sealed: SealedIdentity) -> str:
        opened.append(person)
        return open_cpr(vault, person, sealed)

    monkeypatch.setattr(Vault, "open_cpr", count)
    assert len(place.registrar.get(f"{place.path}/cpr-corrections").json()["items"]) == 4
    assert len(opened) == 3 * 4  # all of the jobcentre once, and each request's present and new number


def test_a_decision_is_made_once_on_what_was_read(place: Place) -> None:
    anna, _ = place.screened()
    other, _ = place.screened()
    correction = place.request(anna, new_cpr()).json()["correction_id"]
    path, body = f"{place.path}/cpr-corrections/{correction}/decision", {"decision": "refused", "reason": "other"}
    assert place.registrar.post(path, body).status_code == 412
    etag = place.read(correction).headers["etag"]
    place.request(other, new_cpr())  # one more request of the jobcentre
    assert place.decide(correction, etag=etag).status_code == 412
    assert place.decide(correction, "refused", "not_plausible").status_code == 200
    assert place.decide(correction, "refused", "not_plausible").status_code == 200
    assert place.decide(correction, "accepted").json()["code"] == "already_decided"
    assert place.shown(anna)["cpr_correction"] == "refused"
    assert place.read(correction).json()["people"][0]["digits_changed"] is not None
    assert len(query(place.register.database_url, "select from vault.requested_number")) == 1
