"""Batches by person: participants of other jobcentres, undrawn people, and the scopes of senders."""

import pytest

from tests.register import faults, new_cpr, record_id
from tests.routers.records.batches.common import FACTS, KINDS, Place, problem


@pytest.mark.parametrize("kind", KINDS)
def test_people_who_are_not_yours_are_unknown(place: Place, kind: str) -> None:
    """By id and by number; of another jobcentre, of another trial, of none: the same answer."""
    stranger = new_cpr()
    elsewhere = place.register.new_trial()
    number = new_cpr()
    other = place.register.drawn(elsewhere, cpr=number)
    for name, value in (
        ("participant_id", place.bo),
        ("cpr", place.bo_cpr),
        ("participant_id", other),
        ("cpr", number),
        ("participant_id", "0192f0c1-0000-7000-8000-000000000000"),
        ("cpr", stranger),
    ):
        record = {**place.record(kind), "participant_id": None, name: value}
        assert place.errors(record, kind) == {(f"/{name}", "unknown_participant")}


@pytest.mark.parametrize("kind", KINDS)
def test_people_who_were_never_drawn(place: Place, kind: str) -> None:
    """Exemptions and events too."""
    for name, value in (("participant_id", place.waiting), ("cpr", place.waiting_cpr)):
        record = {**place.record(kind), "participant_id": None, name: value}
        assert place.errors(record, kind) == {(f"/{name}", "not_drawn")}


def test_not_drawn_is_told_only_of_your_own(place: Place) -> None:
    """A candidate of another jobcentre is nobody."""
    other = place.register.sender("860")
    report = other.push(place.trial, "conversations", [place.record(participant_id=place.waiting)])
    assert faults(report["results"][0]) == [("/records/0/participant_id", "unknown_participant")]


def test_a_withdrawn_candidate_was_never_drawn(place: Place) -> None:
    someone = place.register.screen(place.trial, channel="supplement", unemployed_since="2010-09-01")["participant_id"]
    path = f"/v1/trials/{place.trial}/participants/{someone}/withdrawal"
    assert place.ours.post(path, {"reason": "moved"}).status_code == 200
    assert place.errors(place.record(participant_id=someone)) == {("/participant_id", "not_drawn")}


def test_a_register_sends_over_all_its_jobcentres(place: Place) -> None:
    """One batch, people of several jobcentres, by number; strangers are a normal outcome."""
    integration = place.register.client("register", client_id="activity-register")
    facts = {**FACTS["activations"], "not_workplace_reason": "other"}
    batch = [
        {"external_id": record_id(), "cpr": place.anna_cpr, **facts},
        {"external_id": record_id(), "cpr": new_cpr(), **facts},
        {"external_id": record_id(), "cpr": place.bo_cpr, **facts},
        {"external_id": record_id(), "cpr": place.waiting_cpr, **facts},
    ]
    report = integration.push(place.trial, "activations", batch)
    assert (report["counts"]["created"], report["counts"]["rejected"]) == (2, 2)
    assert [result["errors"][0]["code"] for result in report["results"]] == ["unknown_participant", "not_drawn"]
    assert [result["errors"][0]["pointer"] for result in report["results"]] == ["/records/1/cpr", "/records/3/cpr"]
    for record, jobcentre in ((batch[0], "849"), (batch[2], "860")):
        shown = place.register.sender(jobcentre).get(f"/v1/trials/{place.trial}/activations/{record['external_id']}")
        assert (shown.status_code, shown.json()["client_id"]) == (200, "activity-register")
    # and nothing but activations
    for kind in ("conversations", "exemptions", "presence-events"):
        response = integration.post(f"/v1/trials/{place.trial}/{kind}/batch", {"records": [place.record(kind)]})
        problem(response, 403, "insufficient_scope")


def test_who_may_send(place: Place) -> None:
    body = {"records": [place.record()]}
    path = f"/v1/trials/{place.trial}/conversations/batch"
    problem(place.register.client("region").post(path, body), 403, "insufficient_scope")
    problem(place.register.client("agency").post(path, body), 403, "insufficient_scope")
    problem(place.register.sender("101").post(path, body), 404, "not_found")
    problem(place.ours.post("/v1/trials/no-such-trial/conversations/batch", body), 404, "not_found")
    problem(place.ours.post(f"/v1/trials/{place.trial}/talks/batch", body), 404, "not_found")
    assert place.register.http.post(path, json=body).status_code == 401
