"""PUT, GET and DELETE of one record of every kind (api.md "Records")."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.register import Register, new_cpr, record_id
from tests.routers.records.single.common import CHANGED, FACTS, KINDS, Place, outcome_of, problem

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
        "planned_ends_on": None,
        "ended_because": None,
        "preventive_kind": None,
    },
    "exemptions": {"ends_on": None},
    "presence-events": {"reason": None, "match_group": None},
    "support-efforts": {"ends_on": None, "coordinator": None},
    "mentors": {"ends_on": None, "cvr_number": None, "p_number": None},
    "declined-offers": {"reason": None},
    "outcomes": {"hours_per_week": None, "benefit_code": None},
}
"""api.md "Defaults": what is shown of what was not said."""


def test_a_preventive_offer_has_its_kind(place: Place) -> None:
    """Domain 6 [S]: a preventive offer with its kind; domain 4.6: until when it was planned, and why it ended."""
    spell = {"type": "preventive_offer", "ends_on": "2011-01-28", "preventive_kind": "depression_school"}
    details = {**spell, "planned_ends_on": "2011-02-25", "ended_because": "citizen_stopped"}
    assert outcome_of(place.put("p", "activations", **details, revision=1), 201)[0] == "created"
    assert outcome_of(place.put("p", "activations", **{**details, "ended_because": "job"}, revision=2), 200)[0] == (
        "updated"
    )
    history = place.ours.get(f"{place.path('activations', 'p')}/history").json()["items"]
    assert [version["ended_because"] for version in history] == ["citizen_stopped", "job"]
    assert {name: place.get("p", "activations").json()[name] for name in spell} == spell
    other_type = place.put("q", "activations", **{**details, "type": "other_offer"})
    problem(other_type, 422, "malformed", ("/preventive_kind", "invalid_value"))


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
    response = register.sender("849").put(path, {"cpr": cpr, "date": "2010-11-16"})
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
