"""Refused writes of one record: faults, conflicts, media types, and ids that are none."""

from typing import Any

import pytest

from tests.register import Register, new_cpr, record_id
from tests.routers.records.single.common import CHANGED, FACTS, KINDS, Place, outcome_of, problem


@pytest.mark.parametrize("kind", KINDS)
def test_malformed(place: Place, kind: str) -> None:
    """422, every fault with its pointer into the body."""
    path = place.path(kind, record_id())
    first = next(iter(FACTS[kind]))
    errors = {(f"/{first}", "invalid_value"), ("", "unknown_field"), ("/revision", "invalid_value")}
    problem(
        place.ours.put(path, {**place.body(kind), first: "x", "note": 1, "revision": -1}), 422, "malformed", *errors
    )
    missing = {(f"/{name}", "missing_field") for name in FACTS[kind] if name in ("date", "type", "scope", "kind")}
    response = place.ours.put(path, {"participant_id": place.anna})
    assert missing <= {(error["pointer"], error["code"]) for error in response.json()["errors"]}
    assert response.status_code == 422
    assert place.ours.get(path).status_code == 404


@pytest.mark.parametrize(
    ("kind", "changes", "errors"),
    [
        ("conversations", {"date": "2012-06-02"}, [("/date", "date_in_future")]),
        ("presence-events", {"date": "2012-06-02"}, [("/date", "date_in_future")]),
        ("activations", {"ends_on": "2010-12-05"}, [("/ends_on", "ends_before_start")]),
        ("exemptions", {"ends_on": "2010-12-05"}, [("/ends_on", "ends_before_start")]),
        ("activations", {"hours_per_week": 61}, [("/hours_per_week", "hours_out_of_range")]),
        ("activations", {"cvr_number": "12345678"}, [("/cvr_number", "invalid_cvr")]),
        ("conversations", {"participant_id": None, "cpr": "1"}, [("/cpr", "invalid_cpr")]),
        ("presence-events", {"kind": "exit"}, [("/reason", "missing_field")]),
        ("presence-events", {"match_group": None}, [("/match_group", "missing_field")]),
        ("conversations", {"participant_id": None}, [("/participant_id", "missing_field")]),
        ("conversations", {"retracted": True}, [("/retraction_reason", "missing_field")]),
        ("conversations", {"retraction_reason": "duplicate"}, [("/retraction_reason", "invalid_value")]),
    ],
)
def test_every_other_code_is_422(
    place: Place, kind: str, changes: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    problem(place.put(record_id(), kind, **changes), 422, "malformed", *errors)


def test_conflicts(place: Place) -> None:
    """``unknown_participant`` 404; ``not_drawn``, ``event_order``, ``revision_conflict`` and stale 409."""
    for kind in KINDS:
        pointer = "/participant_id"
        answer = place.put(record_id(), kind, participant_id=place.bo)
        problem(answer, 404, "unknown_participant", (pointer, "unknown_participant"))
        someone = place.register.screen(place.trial, channel="supplement", unemployed_since="2010-09-01")
        answer = place.put(record_id(), kind, participant_id=someone["participant_id"])
        problem(answer, 409, "not_drawn", (pointer, "not_drawn"))
        external_id = record_id()
        place.put(external_id, kind, revision=5)
        answer = place.put(external_id, kind, **CHANGED[kind], revision=5)
        problem(answer, 409, "revision_conflict", ("/revision", "revision_conflict"))
        problem(place.put(external_id, kind, **CHANGED[kind], revision=4), 409, "stale")
        problem(place.delete(external_id, kind, revision=4), 409, "stale")
        problem(place.delete(external_id, kind, revision=5), 409, "revision_conflict")
    answer = place.put(record_id(), "presence-events", date="2010-11-07")
    problem(answer, 409, "event_order", ("/date", "event_order"))


def test_a_refusing_trial(register: Register) -> None:
    """Refused by a rule 409, with that code; nothing is stored."""
    trial = register.new_trial(enforcement="refuse")
    client, someone = register.sender("849"), register.drawn(trial)
    talk: dict[str, Any] = {"participant_id": someone, "date": "2011-01-19"}
    offer: dict[str, Any] = {"participant_id": someone, "starts_on": "2011-01-03", "hours_per_week": 15}
    for kind, body, code, field in (
        ("conversations", {**talk, "form": "group"}, "form_not_accepted", "form"),
        ("conversations", {**talk, "date": "2010-11-16", "form": "telephone"}, "remote_too_early", "form"),
        ("conversations", {**talk, "conducted_by": "mentor"}, "conducted_by_mentor", "conducted_by"),
        ("activations", {**offer, "type": "part_time_job", "hours_per_week": 9}, "hours_too_few", "hours_per_week"),
        ("activations", {**offer, "type": "other_offer"}, "not_at_workplace", "type"),
    ):
        path = f"/v1/trials/{trial}/{kind}/{record_id()}"
        problem(client.put(path, body), 409, code, (f"/{field}", code))
        assert client.get(path).status_code == 404
    warned = client.put(f"/v1/trials/{trial}/conversations/w", {**talk, "date": "2010-11-08"})
    assert outcome_of(warned, 201) == ("created", ["before_assignment"])


def test_not_json(place: Place) -> None:
    path = place.path("conversations", record_id())
    headers = {"Content-Type": "application/json"}
    for body in (b"", b"{", b"x", b'{"date": NaN}', b"\xff", b"[" * 50_000, b'{"a": "\\ud800"}'):
        problem(place.ours.request("PUT", path, content=body, headers=headers), 400, "invalid_json")
    for body in (b"null", b"[]", b"1", b'"x"', b'[{"date": "2010-11-16"}]'):
        problem(place.ours.request("PUT", path, content=body, headers=headers), 422, "malformed", ("", "invalid_value"))


@pytest.mark.parametrize("media_type", [None, "text/plain", "text/csv", "application/x-ndjson", "application/xml"])
def test_other_media_types(place: Place, media_type: str | None) -> None:
    """One record is JSON."""
    headers = {} if media_type is None else {"Content-Type": media_type}
    path = place.path("conversations", record_id())
    problem(place.ours.request("PUT", path, content=b"{}", headers=headers), 415, "unsupported_media_type")


def test_faulty_parameters(place: Place) -> None:
    external_id = record_id()
    problem(
        place.delete(external_id, retraction_reason="bored"),
        422,
        "malformed",
        ("/query/retraction_reason", "invalid_value"),
    )
    for revision in ("-1", "x", str(2**63), "1.5", "9" * 400):
        problem(place.delete(external_id, revision=revision), 422, "malformed", ("/query/revision", "invalid_value"))
    assert outcome_of(place.delete(external_id, revision=str(2**63 - 1))) == ("retracted", [])
    for name, value in (("limit", 0), ("limit", 1001), ("limit", "x"), ("participant_id", "x"), ("cursor", "x")):
        answer = place.ours.get(place.path("conversations"), **{name: value})
        problem(answer, 422, "malformed", (f"/query/{name}", "invalid_value"))


@pytest.mark.parametrize(
    ("external_id", "code"),
    [
        ("7101701234", "looks_like_cpr"),
        ("710170-1234", "looks_like_cpr"),
        (" 7101701234", "looks_like_cpr"),
        ("x" * 101, "invalid_value"),
        ("undefined", "invalid_value"),
    ],
)
def test_ids_that_are_none(place: Place, external_id: str, code: str) -> None:
    """A CPR number is no id (wild A11), nor a word for nothing (A33); it is repeated nowhere, not even in a link."""
    for answer in (place.put(external_id), place.get(external_id), place.delete(external_id)):
        problem(answer, 422, "malformed", ("/path/external_id", code))
        assert "1701234" not in answer.text
        assert "70-1234" not in answer.text


def test_no_value_of_a_body_comes_back(place: Place) -> None:
    cpr = new_cpr()
    bodies: list[Any] = [cpr, [cpr], {cpr: cpr}, place.body(note=cpr), place.body(participant_id=None, cpr=f"{cpr}1")]
    bodies += [place.body(participant_id=None, cpr=cpr), place.body(**{cpr: 1}), place.body(external_id=cpr)]
    bodies += [place.body(**{name: cpr}) for name in ("date", "form", "focus", "revision", "retracted")]
    for body in bodies:
        answer = place.ours.put(place.path("conversations", record_id()), body)
        assert 400 <= answer.status_code < 500, body
        assert cpr not in f"{answer.text} {dict(answer.headers)}", body


def test_a_cpr_number_is_no_code(place: Place) -> None:
    """Codes that the sender chooses take no CPR number: it would be stored outside of the vault, and shown."""
    for kind, name in (("conversations", "justification"), ("activations", "mentor_waiver_reason")):
        answer = place.put(record_id(), kind, **{name: new_cpr()})
        problem(answer, 422, "malformed", (f"/{name}", "looks_like_cpr"))
