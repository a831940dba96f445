"""One record at a time (api.md "Records"): PUT, GET and DELETE of every kind, and the lists."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from app.domain import facts
from tests.register import Client, Register, new_cpr, record_id

KINDS = tuple(facts.KINDS)
FACTS: Mapping[str, Mapping[str, Any]] = {
    "conversations": {"date": "2010-11-16"},
    "activations": {
        "type": "work_placement_public",
        "starts_on": "2010-12-06",
        "hours_per_week": 15,
        "mentor": "assigned",
    },
    "exemptions": {"scope": "activation", "ground": "illness", "starts_on": "2010-12-06", "ends_on": "2010-12-12"},
    "presence-events": {"kind": "rematch", "date": "2010-12-01", "match_group": 1},
    "support-efforts": {"area": "health", "kind": "psychologist", "starts_on": "2010-12-06"},
    "mentors": {"starts_on": "2010-12-06"},
    "declined-offers": {"date": "2010-12-06", "type": "other_offer"},
    "outcomes": {"week": "2010-W50", "status": "benefit"},
}
CHANGED: Mapping[str, Mapping[str, Any]] = {
    "conversations": {"date": "2010-11-17", "form": "other", "remote_ground": "illness", "focus": ["retention"]},
    "activations": {**FACTS["activations"], "hours_per_week": 12.5, "company_centre": True},
    "exemptions": {**FACTS["exemptions"], "ends_on": None},
    "presence-events": {"kind": "rematch", "date": "2010-12-01", "match_group": 2},
    "support-efforts": {**FACTS["support-efforts"], "ends_on": "2011-02-01"},
    "mentors": {"starts_on": "2010-12-13", "cvr_number": "10150817"},
    "declined-offers": {"date": "2010-12-06", "type": "other_offer", "reason": "transport"},
    "outcomes": {"week": "2010-W50", "status": "employed", "hours_per_week": 7.5},
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "conversations": {
        "status": "held",
        "form": "in_person",
        "place": "jobcentre",
        "conducted_by": "caseworker",
        "mentor_present": False,
        "remote_ground": None,
        "job_interview": False,
        "focus": [],
        "justification": None,
    },
    "activations": {
        "ends_on": None,
        "reduced_hours_reason": None,
        "not_workplace_reason": None,
        "cvr_number": None,
        "p_number": None,
        "company_centre": False,
        "mentor": "unknown",
        "mentor_waiver_reason": None,
    },
    "exemptions": {"ends_on": None},
    "presence-events": {"reason": None, "match_group": None},
    "support-efforts": {"ends_on": None, "coordinator": None},
    "mentors": {"ends_on": None, "cvr_number": None, "p_number": None},
    "declined-offers": {"reason": None},
    "outcomes": {"hours_per_week": None, "benefit_code": None},
}
"""api.md "Defaults": what is shown of what was not said."""


@dataclass
class Place:
    """A trial with people, and case systems."""

    register: Register
    trial: str
    anna: str
    """Drawn in Jammerbugt, 849."""
    bo: str
    """Drawn in Hjørring, 860."""
    ours: Client
    """The case system of Jammerbugt."""
    theirs: Client
    """The case system of Hjørring."""
    everywhere: Client

    def path(self, kind: str, external_id: str = "") -> str:
        return f"/v1/trials/{self.trial}/{kind}" + (f"/{quote(external_id, safe='')}" if external_id else "")

    def body(self, of_kind: str = "conversations", /, **changes: Any) -> dict[str, Any]:
        return {"participant_id": self.anna, **FACTS[of_kind], **changes}

    def put(self, of_id: str, of_kind: str = "conversations", /, **changes: Any) -> Any:
        return self.ours.put(self.path(of_kind, of_id), self.body(of_kind, **changes))

    def get(self, external_id: str, kind: str = "conversations", **parameters: Any) -> Any:
        return self.ours.get(self.path(kind, external_id), **parameters)

    def delete(self, external_id: str, kind: str = "conversations", **parameters: Any) -> Any:
        return self.ours.delete(self.path(kind, external_id), **parameters)


@pytest.fixture(scope="module")
def place(register: Register) -> Place:
    trial = register.new_trial()
    return Place(
        register,
        trial,
        register.drawn(trial),
        register.drawn(trial, jobcentre="860"),
        register.case_system("849", client_id="jammerbugt"),
        register.case_system("860", client_id="hjoerring"),
        register.case_system(client_id="everywhere"),
    )


def problem(response: Any, status: int, code: str, *errors: tuple[str, str]) -> None:
    """The answer is that problem document, with those errors where any are named."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    if errors:
        assert {(error["pointer"], error["code"]) for error in body["errors"]} == set(errors)


def outcome_of(response: Any, status: int = 200) -> tuple[str, list[str]]:
    """Outcome and warnings of a write."""
    assert response.status_code == status, response.text
    answer = response.json()
    return answer["outcome"], answer["warnings"]


# --- writing and reading ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_put_and_get(place: Place, kind: str) -> None:
    """201 created, 200 otherwise; the answer shows the record as it stands, every field of it."""
    external_id = record_id()
    created = place.put(external_id, kind, revision=1)
    assert outcome_of(created, 201) == ("created", [])
    shown = place.get(external_id, kind)
    assert shown.status_code == 200
    record = shown.json()
    assert created.json() == {**record, "outcome": "created", "warnings": []}
    assert created.headers["etag"] == shown.headers["etag"]
    registered = record.pop("registered_at")
    assert registered.endswith("Z")
    assert record == {
        **DEFAULTS[kind],
        **FACTS[kind],
        "external_id": external_id,
        "client_id": "jammerbugt",
        "participant_id": place.anna,
        "revision": 1,
        "retracted": False,
        "retraction_reason": None,
    }

    assert outcome_of(place.put(external_id, kind, revision=1)) == ("unchanged", [])
    assert place.get(external_id, kind).headers["etag"] == shown.headers["etag"]
    changed = place.put(external_id, kind, **CHANGED[kind], revision=2)
    assert outcome_of(changed) == ("updated", [])
    assert changed.headers["etag"] != shown.headers["etag"]
    assert {**record, **CHANGED[kind], "revision": 2}.items() <= changed.json().items()


@pytest.mark.parametrize("kind", KINDS)
def test_delete_retracts(place: Place, kind: str) -> None:
    """A retraction with its reason: the record says so, stays readable, and leaves the lists."""
    external_id = record_id()
    place.put(external_id, kind, revision=1)
    answer = place.delete(external_id, kind, retraction_reason="wrong_person", revision=2)
    assert outcome_of(answer) == ("retracted", [])
    record = place.get(external_id, kind).json()
    assert (record["retracted"], record["retraction_reason"], record["revision"]) == (True, "wrong_person", 2)
    assert place.get(external_id, kind).headers["etag"] == answer.headers["etag"]
    listed = place.ours.get(place.path(kind), limit=1000).json()["items"]
    assert external_id not in {each["external_id"] for each in listed}
    again = place.delete(external_id, kind, retraction_reason="wrong_person", revision=2)
    assert outcome_of(again) == ("unchanged", [])


@pytest.mark.parametrize("kind", KINDS)
def test_delete_before_the_record(place: Place, kind: str) -> None:
    """It holds the record off until a higher revision brings it."""
    external_id = record_id()
    early = place.delete(external_id, kind, revision=2)
    assert outcome_of(early) == ("retracted", [])
    shown = place.get(external_id, kind).json()
    assert (shown["retracted"], shown["retraction_reason"], shown["participant_id"]) == (True, "entered_in_error", None)
    assert all(shown[name] is None for name in FACTS[kind])
    problem(place.put(external_id, kind, revision=1), 409, "stale")
    problem(place.put(external_id, kind), 409, "stale")
    problem(place.put(external_id, kind, revision=2), 409, "revision_conflict")
    assert outcome_of(place.put(external_id, kind, revision=3)) == ("updated", [])
    shown = place.get(external_id, kind).json()
    assert (shown["retracted"], shown["retraction_reason"], shown["participant_id"]) == (False, None, place.anna)


@pytest.mark.parametrize("kind", KINDS)
def test_a_higher_revision_brings_a_record_back(place: Place, kind: str) -> None:
    external_id = record_id()
    place.put(external_id, kind, revision=1)
    place.delete(external_id, kind, revision=2)
    problem(place.put(external_id, kind, revision=1), 409, "stale")
    problem(place.put(external_id, kind, revision=2), 409, "revision_conflict")
    assert outcome_of(place.put(external_id, kind, revision=3)) == ("updated", [])
    assert place.get(external_id, kind).json()["retracted"] is False


def test_delete_without_revisions(place: Place) -> None:
    """The later arrival wins; against a revision it is stale (domain: none ranks below every one)."""
    external_id = record_id()
    place.put(external_id)
    assert outcome_of(place.delete(external_id)) == ("retracted", [])
    assert place.get(external_id).json()["retraction_reason"] == "entered_in_error"
    assert outcome_of(place.delete(external_id, retraction_reason="duplicate")) == ("retracted", [])
    assert outcome_of(place.put(external_id)) == ("updated", [])
    assert outcome_of(place.put(external_id, revision=0)) == ("unchanged", [])
    problem(place.delete(external_id), 409, "stale")
    problem(place.delete(external_id, revision=0), 409, "revision_conflict")


def test_warnings_of_one_record(place: Place) -> None:
    external_id = record_id()
    assert outcome_of(place.put(external_id, form="telephone"), 201) == ("created", ["remote_too_early"])
    assert outcome_of(place.put(external_id, form="telephone")) == ("unchanged", [])
    assert outcome_of(place.put(external_id, form="group")) == ("updated", ["form_not_accepted", "remote_too_early"])
    offer = place.put(record_id(), "activations", type="other_offer", hours_per_week=2)
    assert outcome_of(offer, 201) == ("created", ["hours_too_few", "not_at_workplace"])


def test_put_by_number(register: Register) -> None:
    """The number is nowhere in the answer."""
    trial, cpr = register.new_trial(), new_cpr()
    someone = register.drawn(trial, cpr=cpr)
    path = f"/v1/trials/{trial}/conversations/x"
    response = register.case_system("849").put(path, {"cpr": cpr, "date": "2010-11-16"})
    assert (response.status_code, response.json()["participant_id"]) == (201, someone)
    assert cpr not in response.text
    assert "cpr" not in response.json()


def test_one_record_and_a_batch_are_the_same(place: Place) -> None:
    """What a batch stored is unchanged as a single record, and the other way round."""
    first, second = record_id(), record_id()
    place.ours.push(place.trial, "conversations", [place.body(external_id=first, revision=1)])
    assert outcome_of(place.put(first, revision=1)) == ("unchanged", [])
    place.put(second, revision=1)
    report = place.ours.push(place.trial, "conversations", [place.body(external_id=second, revision=1)])
    assert report["counts"]["unchanged"] == 1


def test_the_external_id_may_stand_in_the_body(place: Place) -> None:
    external_id = record_id()
    assert outcome_of(place.put(external_id, external_id=external_id), 201) == ("created", [])
    problem(place.put(external_id, external_id="another"), 422, "malformed", ("/external_id", "invalid_value"))


@pytest.mark.parametrize(
    "external_id",
    ["æøå ÆØÅ", "a%b", "a?b#c&d=e", "a+b", "🙂", '"quoted"', "a:b;c,d", "batch", "x" * 100, "a\\b", "{a}"],
)
def test_external_ids_of_every_kind(place: Place, external_id: str) -> None:
    """1–100 characters: whatever they are, the record has its address."""
    place.ours.push(place.trial, "exemptions", [place.body("exemptions", external_id=external_id)])
    shown = place.get(external_id, "exemptions")
    assert (shown.status_code, shown.json()["external_id"]) == (200, external_id)
    assert outcome_of(place.put(external_id, "exemptions")) == ("unchanged", [])
    assert outcome_of(place.delete(external_id, "exemptions")) == ("retracted", [])


def test_an_external_id_with_a_slash(place: Place) -> None:
    """What a batch takes as an id can be read as a single record: %2F in the address is no separator (RFC 3986)."""
    external_id = f"2010/{record_id()}"
    assert (
        place.ours.push(place.trial, "conversations", [place.body(external_id=external_id)])["counts"]["created"] == 1
    )
    shown = place.get(external_id)
    assert (shown.status_code, shown.json().get("external_id")) == (200, external_id)


# --- If-Match, If-None-Match ------------------------------------------------------------------------------------------


def conditional(place: Place, method: str, external_id: str, tag: str, **changes: Any) -> Any:
    """A write with If-Match."""
    body = None if method == "DELETE" else place.body(**changes)
    return place.ours.request(method, place.path("conversations", external_id), json=body, headers={"If-Match": tag})


def test_if_match(place: Place) -> None:
    """A write goes through while the record is what the client read, and only then."""
    external_id = record_id()
    first = place.put(external_id).headers["etag"]
    second = conditional(place, "PUT", external_id, first, date="2010-11-17")
    assert outcome_of(second) == ("updated", [])
    problem(conditional(place, "PUT", external_id, first, date="2010-11-18"), 412, "precondition_failed")
    problem(conditional(place, "DELETE", external_id, first), 412, "precondition_failed")
    assert place.get(external_id).json()["date"] == "2010-11-17"
    repeated = conditional(place, "PUT", external_id, second.headers["etag"], date="2010-11-17")
    assert outcome_of(repeated) == ("unchanged", [])
    assert outcome_of(conditional(place, "DELETE", external_id, second.headers["etag"])) == ("retracted", [])


def test_if_match_any(place: Place) -> None:
    """``*`` asks that there is one: a first record has none to match."""
    external_id = record_id()
    for method in ("PUT", "DELETE"):
        problem(conditional(place, method, external_id, "*"), 412, "precondition_failed")
        problem(conditional(place, method, external_id, '"x"'), 412, "precondition_failed")
    assert place.get(external_id).status_code == 404
    place.put(external_id)
    assert outcome_of(conditional(place, "PUT", external_id, "*", date="2010-11-17")) == ("updated", [])


def test_if_match_of_several(place: Place) -> None:
    """RFC 9110, 13.1.1: one of a list is enough; a weak tag never matches."""
    external_id = record_id()
    tag = place.put(external_id).headers["etag"]
    problem(conditional(place, "PUT", external_id, f'W/{tag}, "x"', date="2010-11-17"), 412, "precondition_failed")
    changed = conditional(place, "PUT", external_id, f'"x", {tag} ,W/"y"', date="2010-11-17")
    assert outcome_of(changed) == ("updated", [])
    retracted = conditional(place, "DELETE", external_id, f"{tag},{changed.headers['etag']}")
    assert outcome_of(retracted) == ("retracted", [])


@pytest.mark.parametrize("tag", ["x", '"x"', "", 'W/"x"', '"0192f0c1-0000-7000-8000-000000000000"', "\xff"])
def test_if_match_of_something_else(place: Place, tag: str) -> None:
    external_id = record_id()
    place.put(external_id)
    answer = place.ours.request(
        "PUT",
        place.path("conversations", external_id),
        json=place.body(date="2010-11-17"),
        headers={"If-Match": tag.encode("latin-1")},
    )
    problem(answer, 412, "precondition_failed")
    assert place.get(external_id).json()["date"] == "2010-11-16"


def test_if_match_comes_before_the_outcome(place: Place) -> None:
    """The revision would be stale or in conflict: the record has changed, and that is said."""
    external_id = record_id()
    tag = place.put(external_id, revision=5).headers["etag"]
    place.put(external_id, revision=6, date="2010-11-17")
    problem(conditional(place, "PUT", external_id, tag, revision=1), 412, "precondition_failed")
    problem(conditional(place, "PUT", external_id, tag, revision=6), 412, "precondition_failed")


def test_if_none_match(place: Place) -> None:
    """304, without a body, while nothing changed; the lists too."""
    external_id = record_id()
    tag = place.put(external_id).headers["etag"]
    for path in (place.path("conversations", external_id), place.path("conversations")):
        known = place.ours.get(path).headers["etag"]
        for value in (known, f"W/{known}", f'"x", {known}', "*"):
            answer = place.ours.request("GET", path, headers={"If-None-Match": value})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", known)
        assert place.ours.request("GET", path, headers={"If-None-Match": '"x"'}).status_code == 200
    place.put(external_id, date="2010-11-17")
    for path in (place.path("conversations", external_id), place.path("conversations")):
        assert place.ours.request("GET", path, headers={"If-None-Match": tag}).status_code == 200


# --- what is refused --------------------------------------------------------------------------------------------------


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
    client, someone = register.case_system("849"), register.drawn(trial)
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


@pytest.mark.parametrize("external_id", ["7101701234", "710170-1234", " 7101701234", "a\0b", "x" * 101])
def test_ids_that_are_none(place: Place, external_id: str) -> None:
    """A CPR number is no id, and is repeated nowhere, not even in a link."""
    for answer in (place.put(external_id), place.get(external_id), place.delete(external_id)):
        problem(answer, 422, "malformed", ("/path/external_id", "invalid_value"))
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
        problem(answer, 422, "malformed", (f"/{name}", "invalid_value"))


# --- who sees and changes what ----------------------------------------------------------------------------------------


def test_records_of_others_are_shown_and_not_changed(place: Place) -> None:
    """A client sees the records of its jobcentres, whoever sent them, and changes only its own."""
    external_id = record_id()
    place.put(external_id)
    neighbour = place.register.case_system("849", client_id="neighbour")
    path = place.path("conversations", external_id)
    shown = neighbour.get(path)
    assert (shown.status_code, shown.json()["client_id"]) == (200, "jammerbugt")
    assert shown.headers["etag"] == place.get(external_id).headers["etag"]
    # its own of the same id is another record
    assert outcome_of(neighbour.put(path, place.body(date="2010-11-18")), 201) == ("created", [])
    assert place.get(external_id).json()["date"] == "2010-11-16"
    assert neighbour.get(path).json()["date"] == "2010-11-18"
    assert neighbour.get(path, client_id="jammerbugt").json()["date"] == "2010-11-16"
    # taking it back takes its own back
    assert outcome_of(neighbour.delete(path)) == ("retracted", [])
    assert place.get(external_id).json()["retracted"] is False
    # nor does another's version match what one writes oneself
    tag = place.get(external_id).headers["etag"]
    third = place.register.case_system("849", client_id="third")
    answer = third.request("PUT", path, json=place.body(), headers={"If-Match": tag})
    problem(answer, 412, "precondition_failed")


def test_several_of_one_id(place: Place) -> None:
    """One's own comes first; of several others' one must be named."""
    external_id = record_id()
    path = place.path("conversations", external_id)
    for name in ("one", "two"):
        client = place.register.case_system("849", client_id=name)
        assert client.put(path, place.body(date="2010-11-17")).status_code == 201
    problem(place.get(external_id), 409, "ambiguous_client")
    for name in ("one", "two"):
        assert place.get(external_id, client_id=name).json()["client_id"] == name
    problem(place.get(external_id, client_id="three"), 404, "not_found")
    place.put(external_id)
    assert place.get(external_id).json()["client_id"] == "jammerbugt"


def test_records_of_other_jobcentres_are_not_there(place: Place) -> None:
    external_id = record_id()
    place.put(external_id)
    problem(place.theirs.get(place.path("conversations", external_id)), 404, "not_found")
    problem(place.theirs.get(place.path("conversations", external_id), client_id="jammerbugt"), 404, "not_found")
    listed = place.theirs.get(place.path("conversations"), limit=1000).json()["items"]
    assert external_id not in {record["external_id"] for record in listed}
    assert place.everywhere.get(place.path("conversations", external_id)).status_code == 200


def test_an_early_retraction_is_its_clients_alone(place: Place) -> None:
    """It belongs to no jobcentre yet."""
    external_id = record_id()
    place.delete(external_id)
    neighbour = place.register.case_system("849", client_id="neighbour")
    problem(neighbour.get(place.path("conversations", external_id)), 404, "not_found")
    problem(neighbour.get(place.path("conversations", external_id), client_id="jammerbugt"), 404, "not_found")
    assert place.get(external_id).status_code == 200


def test_a_record_that_moved_away(place: Place) -> None:
    """To someone of another jobcentre: there it is shown, here it is not, and from here it is changed no more."""
    external_id = record_id()
    path = place.path("conversations", external_id)
    assert place.everywhere.put(path, place.body(revision=1)).status_code == 201
    assert place.get(external_id).status_code == 200
    answer = place.everywhere.put(path, place.body(revision=2, participant_id=place.bo))
    assert (outcome_of(answer), answer.json()["participant_id"]) == (("updated", []), place.bo)
    assert place.get(external_id).status_code == 404
    assert place.theirs.get(path).json()["participant_id"] == place.bo
    here = place.register.case_system("849", client_id="everywhere")
    problem(here.get(path), 404, "not_found")
    problem(here.put(path, place.body(revision=3)), 404, "unknown_participant")
    problem(here.delete(path, revision=3), 404, "unknown_participant")
    assert place.theirs.get(path).json()["revision"] == 2


def test_scopes(place: Place) -> None:
    """Conversations and activations are read and written with their own scope, outcomes with that of the registers; the
    other kinds with those of people."""
    external_id = record_id()
    for kind in KINDS:
        place.put(external_id, kind)
    register = place.register.client("register")
    for kind in KINDS:
        path = place.path(kind, external_id)
        if kind in ("activations", "outcomes"):
            assert register.get(path).status_code == register.get(place.path(kind)).status_code == 200
            assert register.put(path, place.body(kind)).status_code == 201
        else:
            for answer in (
                register.get(path),
                register.get(place.path(kind)),
                register.put(path, place.body(kind)),
                register.delete(path),
            ):
                problem(answer, 403, "insufficient_scope")
        for role in ("region", "agency", "evaluator", "auditor"):
            problem(place.register.client(role).get(path), 403, "insufficient_scope")
            problem(place.register.client(role).put(path, place.body(kind)), 403, "insufficient_scope")


def test_what_is_not_there(place: Place) -> None:
    problem(place.get(record_id()), 404, "not_found")
    nowhere = "/v1/trials/no-such-trial/conversations"
    for answer in (
        place.ours.get(f"{nowhere}/x"),
        place.ours.get(nowhere),
        place.ours.put(f"{nowhere}/x", place.body()),
        place.ours.delete(f"{nowhere}/x"),
    ):
        problem(answer, 404, "not_found")
    elsewhere = place.register.case_system("101")
    path = place.path("conversations", record_id())
    for answer in (
        elsewhere.get(path),
        elsewhere.get(place.path("conversations")),
        elsewhere.put(path, place.body()),
        elsewhere.delete(path),
    ):
        problem(answer, 404, "not_found")


# --- lists ------------------------------------------------------------------------------------------------------------


@dataclass
class Full:
    """A trial with records of two people and three clients."""

    place: Place
    eve: str
    """Another one drawn in Jammerbugt."""
    records: list[tuple[str, str, str]]
    """Client, external id and participant, in the order of registration."""


@pytest.fixture(scope="module")
def full(register: Register) -> Full:
    trial = register.new_trial()
    anna, eve, bo = (register.drawn(trial, jobcentre=code) for code in ("849", "849", "860"))
    everywhere = register.case_system(client_id="everywhere")
    place = Place(
        register,
        trial,
        anna,
        bo,
        register.case_system("849", client_id="jammerbugt"),
        register.case_system("860", client_id="hjoerring"),
        everywhere,
    )
    records: list[tuple[str, str, str]] = []
    clients = {name: register.case_system(client_id=name) for name in ("jammerbugt", "hjoerring", "everywhere")}
    for number, (name, person) in enumerate(itertools.product(clients, (anna, eve, bo))):
        batch = [{"external_id": f"{number}-{n}", "participant_id": person, "date": "2010-11-16"} for n in range(3)]
        assert clients[name].push(trial, "conversations", batch)["counts"]["created"] == 3
        records += [(name, record["external_id"], person) for record in batch]
    return Full(place, eve, records)


def listed(client: Client, path: str, **parameters: Any) -> list[tuple[str, str, str]]:
    """All pages of a list, put together by their cursors."""
    found: list[tuple[str, str, str]] = []
    cursor = None
    while True:
        answer = client.get(path, cursor=cursor, **parameters)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert set(page) == {"items", "next"}
        assert len(page["items"]) <= parameters.get("limit", 100)
        found += [(record["client_id"], record["external_id"], record["participant_id"]) for record in page["items"]]
        cursor = page["next"]
        assert ("link" in answer.headers) == (cursor is not None)
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 9, 18, 26, 27, 28, 1000])
def test_pages(full: Full, limit: int) -> None:
    """Every record once, in the order of registration, whatever the size of the pages."""
    path = full.place.path("conversations")
    assert listed(full.place.everywhere, path, limit=limit) == full.records


def test_the_link_leads_on(full: Full) -> None:
    """RFC 8288: the next page with the same filters."""
    path = full.place.path("conversations")
    first = full.place.everywhere.get(path, limit=4, client_id="jammerbugt")
    target, relation = first.headers["link"].split(">; ")
    assert relation == 'rel="next"'
    second = full.place.everywhere.request("GET", target.removeprefix("<"))
    found = [record["external_id"] for page in (first, second) for record in page.json()["items"]]
    assert found == [external_id for client, external_id, _ in full.records if client == "jammerbugt"][:8]


def test_filters(full: Full) -> None:
    """By participant, by client, by both; of one's own jobcentres only."""
    place, path = full.place, full.place.path("conversations")
    mine = [each for each in full.records if each[2] != place.bo]
    assert listed(place.ours, path, limit=4) == mine
    assert listed(place.theirs, path, limit=4) == [each for each in full.records if each[2] == place.bo]
    assert listed(place.ours, path, limit=4, participant_id=full.eve) == [each for each in mine if each[2] == full.eve]
    assert listed(place.ours, path, limit=4, client_id="hjoerring") == [each for each in mine if each[0] == "hjoerring"]
    both = listed(place.ours, path, limit=2, participant_id=full.eve, client_id="hjoerring")
    assert both == [each for each in mine if (each[0], each[2]) == ("hjoerring", full.eve)]
    assert listed(place.ours, path, participant_id=place.bo) == []
    assert listed(place.ours, path, client_id="nobody") == []
    assert listed(place.ours, path, participant_id="0192f0c1-0000-7000-8000-000000000000") == []
    for kind in ("activations", "exemptions", "presence-events"):
        assert listed(place.ours, place.path(kind)) == []


def test_a_cursor_that_is_none_of_ours(full: Full) -> None:
    """Cut, turned, of another list, made up: 422, never an error of ours."""
    place, path = full.place, full.place.path("conversations")
    cursor = place.ours.get(path, limit=1).json()["next"]
    people = place.ours.get(f"/v1/trials/{place.trial}/participants", limit=1).json()["next"]
    for wrong in (cursor[:-3], cursor[::-1], people, "W10", "WzFd", "WyJcdTAwMDAiXQ", "%00", "é", "x" * 401, "", "[]"):
        if wrong is not None:
            problem(place.ours.get(path, cursor=wrong), 422, "malformed", ("/query/cursor", "invalid_value"))
    assert place.ours.get(path, cursor=cursor).status_code == 200


def test_a_list_shows_records_as_they_stand(place: Place) -> None:
    """The latest version of each, retracted ones left out; each as the single read shows it."""
    kept, changed, gone = (record_id() for _ in range(3))
    for external_id in (kept, changed, gone):
        place.put(external_id, "presence-events", revision=1)
    place.put(changed, "presence-events", **CHANGED["presence-events"], revision=2)
    place.delete(gone, "presence-events", revision=2)
    items = place.ours.get(place.path("presence-events"), limit=1000).json()["items"]
    found = {record["external_id"]: record for record in items}
    assert len(found) == len(items)
    assert gone not in found
    for external_id in (kept, changed):
        assert found[external_id] == place.get(external_id, "presence-events").json()
    assert found[changed]["match_group"] == 2


# --- the end state ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", ["a record", "a retraction"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_end_state_that_is_shown_never_depends_on_the_order(place: Place, kind: str, last: str) -> None:
    """The order of arrival "never changes the end state of revisioned records": what a client reads of a record in the
    end, its moment of registration apart, is the same for every order of three revisions."""
    shown = set()
    for order in itertools.permutations(range(3)):
        external_id = record_id()
        retraction: dict[str, Any] = {"retracted": True, "retraction_reason": "duplicate"}
        versions = [place.body(kind), {**place.body(kind), **CHANGED[kind]}]
        versions.insert(1 if last == "a record" else 2, retraction)
        for revision in order:
            record = {**versions[revision], "external_id": external_id, "revision": revision}
            place.ours.push(place.trial, kind, [record])
        answer = place.get(external_id, kind).json()
        assert (answer["retracted"], answer["revision"]) == (last == "a retraction", 2)
        del answer["registered_at"], answer["external_id"]
        shown.add(repr(sorted(answer.items())))
    assert len(shown) == 1, shown
