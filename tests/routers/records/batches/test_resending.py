"""Resending and revisions (api.md "Records"): sending again is safe, and the order of arrival changes nothing."""

import pytest

from tests.register import faults, record_id
from tests.routers.records.batches.common import KINDS, MAX_REVISION, Place


@pytest.mark.parametrize("kind", KINDS)
def test_sending_again_is_safe(place: Place, kind: str) -> None:
    """The same content, in other words: defaults said or not said, null or left out, by number or by id."""
    record = place.record(kind, revision=1)
    assert place.outcomes([record, record], kind) == ["created", "unchanged"]
    assert place.outcomes([record], kind) == ["unchanged"]
    _, cpr = place.person(kind)
    by_cpr = {name: value for name, value in record.items() if name != "participant_id"} | {"cpr": cpr}
    dashed = {**by_cpr, "cpr": f"{cpr[:6]}-{cpr[6:]}"}
    assert place.outcomes([by_cpr, dashed, {**record, "cpr": None, "retracted": False}], kind) == ["unchanged"] * 3


def test_defaults_and_nulls_are_the_same_content(place: Place) -> None:
    talk = place.record()
    said = {
        "status": "held",
        "form": "in_person",
        "place": "jobcentre",
        "conducted_by": "caseworker",
        "mentor_present": False,
        "remote_ground": None,
        "job_interview": False,
        "focus": [],
        "justification": None,
    }
    assert place.outcomes([talk, {**talk, **said}, {**talk, **dict.fromkeys(said)}]) == [
        "created",
        "unchanged",
        "unchanged",
    ]
    offer = place.record("activations", hours_per_week=10)
    said = {
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
    }
    spelled = [{**offer, "hours_per_week": hours} for hours in (10.0, 1e1)]
    batch = [offer, {**offer, **said}, {**offer, **dict.fromkeys(said)}, *spelled]
    assert place.outcomes(batch, "activations") == ["created", *["unchanged"] * 4]


def test_the_order_of_focus_means_nothing(place: Place) -> None:
    talk = place.record(focus=["retention", "motivation"])
    turned = [{**talk, "focus": focus} for focus in (["motivation", "retention"], ["retention", "motivation"] * 2)]
    assert place.outcomes([talk, *turned, {**talk, "focus": ["retention"]}]) == [
        "created",
        "unchanged",
        "unchanged",
        "updated",
    ]
    assert place.shown(talk["external_id"])["focus"] == ["retention"]


def test_one_id_twice_in_a_batch_is_judged_in_order(place: Place) -> None:
    """Like two batches, with and without revisions."""
    first = place.record(revision=2)
    assert place.outcomes(
        [
            first,
            {**first, "revision": 1, "date": "2010-11-17"},
            {**first, "date": "2010-11-18"},
            {**first, "revision": 3, "date": "2010-11-19"},
            {
                "external_id": first["external_id"],
                "revision": 9,
                "retracted": True,
                "retraction_reason": "wrong_person",
            },
            {**first, "revision": 10},
        ]
    ) == ["created", "stale", "rejected", "updated", "retracted", "updated"]
    assert place.shown(first["external_id"])["revision"] == 10
    plain = place.record()
    later = {**plain, "date": "2010-11-19"}
    assert place.outcomes([plain, later, plain, later]) == ["created", "updated", "updated", "updated"]
    assert place.shown(plain["external_id"])["date"] == "2010-11-19"


def test_a_retraction_may_come_first(place: Place) -> None:
    record = place.record(revision=1)
    retraction = {
        "external_id": record["external_id"],
        "revision": 2,
        "retracted": True,
        "retraction_reason": "entered_in_error",
    }
    assert place.outcomes([retraction]) == ["retracted"]
    assert place.outcomes([record, retraction]) == ["stale", "unchanged"]
    assert place.outcomes([{**record, "revision": 2}]) == ["rejected"]
    assert place.shown(record["external_id"])["retracted"] is True
    assert place.outcomes([{**record, "revision": 3}]) == ["updated"]
    assert place.shown(record["external_id"])["retracted"] is False


def test_whom_a_record_is_of_changes_by_a_higher_revision_alone(place: Place) -> None:
    """And no other client's record is ever touched."""
    record = place.record()
    id_and_bo = {"external_id": record["external_id"], "participant_id": place.bo}
    moved = {**record, **id_and_bo}
    outcomes = []
    for sent in (record, moved, {**moved, "revision": 0}):
        report = place.all.push(place.trial, "conversations", [sent], report="full")
        outcomes.append(report["results"][0]["outcome"])
    assert outcomes == ["created", "rejected", "updated"]
    assert place.shown(record["external_id"]) is None  # Hjørring's now
    # the record that lies at a jobcentre of others cannot be taken back from here, even by its client's own name
    here = place.register.sender("849", client_id="everywhere")
    (result,) = here.push(place.trial, "conversations", [{**record, "revision": 7}])["results"]
    assert faults(result) == [("/records/0", "unknown_participant")]


@pytest.mark.parametrize("revision", [0, 1, 2**31, 2**53 + 1, MAX_REVISION])
def test_revisions(place: Place, revision: int) -> None:
    record = place.record(revision=revision)
    assert place.outcomes([record]) == ["created"]
    assert place.shown(record["external_id"])["revision"] == revision
    if revision < MAX_REVISION:
        assert place.outcomes([{**record, "revision": revision + 1, "date": "2010-11-17"}, record]) == [
            "updated",
            "stale",
        ]


def test_clients_do_not_share_ids(place: Place) -> None:
    record = place.record()
    assert place.outcomes([record]) == ["created"]
    other = place.register.sender("849", client_id="another")
    report = other.push(place.trial, "conversations", [{**record, "date": "2010-11-17"}], report="full")
    assert report["results"][0]["outcome"] == "created"
    assert place.shown(record["external_id"])["date"] == "2010-11-16"


def test_kinds_and_trials_do_not_share_ids(place: Place) -> None:
    external_id = record_id()
    for kind in KINDS:
        assert place.outcomes([place.record(kind, external_id=external_id)], kind) == ["created"]
    elsewhere = place.register.new_trial()
    someone = place.register.drawn(elsewhere)
    record = {"external_id": external_id, "participant_id": someone, "date": "2010-11-16"}
    assert place.ours.push(elsewhere, "conversations", [record])["counts"]["created"] == 1
