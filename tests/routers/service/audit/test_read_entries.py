"""Audit entries of reads: people, lists, reports, and refused accesses."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.register import Client
from tests.routers.service.audit.common import Place, the_only
from tests.web.test_access import EVERY_SCOPE, GUARDED, Operation, Request, refusal
from tests.web.test_access import Place as Requests

READS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "participants/{anna}": ("participant.read", {}),
    "participants/{anna}/assignment": ("assignment.read", {}),
    "participants/{anna}/weeks": ("weeks.read", {}),
    "conversations/{talk}": ("record.read", {"kind": "conversations"}),
    "conversations/{talk}/history": ("history.read", {"kind": "conversations"}),
}


@pytest.mark.parametrize("rest", READS)
def test_a_read_of_a_person(place: Place, rest: str) -> None:
    talk = place.talk()
    place.ours.push(place.trial, "conversations", [talk])
    address = place.path(rest.format(anna=place.anna, talk=talk["external_id"]))
    noted = place.during(lambda: place.ours.get(address))
    action, details = READS[rest]
    read = the_only(noted, "reads")
    assert (read.client, read.action, read.trial, read.participant) == ("jammerbugt", action, place.trial, place.anna)
    assert read.details == details
    assert len(noted) == 1


def test_the_history_of_a_record_is_read_of_everyone_in_it(place: Place) -> None:
    """A corrected person, and a retraction, which itself names nobody."""
    both, talk = place.register.case_system(client_id="both"), place.talk(revision=0)
    moved = {**talk, "participant_id": place.bo, "revision": 1}
    retracted = {"external_id": talk["external_id"], "revision": 2, "retracted": True, "retraction_reason": "duplicate"}
    for record in (talk, moved, retracted):
        both.push(place.trial, "conversations", [record])
    noted = place.during(lambda: both.get(place.path(f"conversations/{talk['external_id']}/history")))
    assert {(each.action, each.participant) for each in noted} == {
        ("history.read", place.anna),
        ("history.read", place.bo),
    }


def test_a_lookup(place: Place) -> None:
    body = place.register.screening()
    participant = place.ours.post(place.path("participants"), body).json()["participant_id"]
    look = place.path("participants/lookup")
    read = the_only(place.during(lambda: place.ours.post(look, {"cpr": body["cpr"]})), "reads")
    assert (read.action, read.participant) == ("participant.looked_up", participant)


LISTS: Mapping[str, tuple[Mapping[str, str], str, Mapping[str, Any]]] = {
    "participants": (
        {"state": "counted", "arm": "control"},
        "participants.listed",
        {"state": "counted", "arm": "control"},
    ),
    "assignments": ({}, "assignments.listed", {}),
    "conversations": ({"client_id": "x"}, "records.listed", {"kind": "conversations", "client_id": "x"}),
    "exemptions": ({"changed_since": "0"}, "records.followed", {"kind": "exemptions"}),
    "weekly-summary": (
        {"week": "2011-W05", "by": "region", "known_at": "2011-06-01T00:00:00Z"},
        "weekly_summary.read",
        {"week": "2011-01-31", "by": "region", "known_at": "2011-06-01 00:00:00+00:00"},
    ),
    "conditions": ({"week": "2011-W05"}, "conditions.read", {"week": "2011-01-31"}),
    "grant-assessments": ({}, "grant_assessments.read", {}),
}


@pytest.mark.parametrize("rest", LISTS)
def test_a_list_or_report_is_one_entry_with_its_filter(place: Place, rest: str) -> None:
    parameters, action, details = LISTS[rest]
    everywhere = place.register.case_system(client_id="everywhere")
    answer: list[Any] = []
    noted = place.during(lambda: answer.append(everywhere.get(place.path(rest), **parameters)))
    assert answer[0].status_code == 200, answer[0].text
    read = the_only(noted, "reads")
    assert (read.client, read.action, read.trial, read.details) == ("everywhere", action, place.trial, details)
    assert len(noted) == 1


def test_the_auditor_is_noted_too(place: Place) -> None:
    auditor = place.register.client("auditor", client_id="auditor-1")

    def work() -> None:
        assert auditor.get("/v1/audit", participant_id=place.anna).status_code == 200
        assert auditor.get("/v1/audit/heads").status_code == 200
        assert auditor.get(place.path("draws")).status_code == 200

    assert [(each.client, each.action, each.participant) for each in place.during(work)] == [
        ("auditor-1", "audit.read", place.anna),
        ("auditor-1", "audit.heads_read", None),
        ("auditor-1", "draws.listed", None),
    ]


def test_refused_accesses(place: Place) -> None:
    """401 without a client but its address, 403 and 404 with it; the route, never what was in it."""

    def work() -> None:
        assert place.register.http.get(place.path(f"participants/{place.anna}")).status_code == 401
        assert place.register.client("region", client_id="nord").get(place.path("participants")).status_code == 403
        assert place.theirs.get(place.path(f"participants/{place.anna}")).status_code == 404
        assert place.theirs.get("/v1/elsewhere/0101701234").status_code == 404

    noted = place.during(work)
    one = "/v1/trials/{trial}/participants/{id}"
    assert [(each.client, each.details) for each in noted] == [
        (None, {"method": "GET", "route": one, "status": 401, "address": "127.0.0.1"}),
        ("nord", {"method": "GET", "route": "/v1/trials/{trial}/participants", "status": 403}),
        ("hjoerring", {"method": "GET", "route": one, "status": 404}),
        (None, {"method": "GET", "route": "none", "status": 404, "address": "127.0.0.1"}),
    ]
    assert {(each.chain, each.action, each.participant) for each in noted} == {("reads", "access.refused", None)}


UNNOTED = {"listProtocols", "getProtocol", "listTrials", "getTrial", "getBatch", "getPanelDictionary"}
"""Reads of what is public, or of a client's own receipt."""


@pytest.mark.parametrize("operation", GUARDED, ids=lambda operation: operation.name)
def test_every_operation_leaves_an_entry(place: Place, operation: Operation) -> None:
    """Whatever the contract offers: done it is noted, and refused it is noted."""
    body = place.register.screening()
    answer = place.register.case_system().post(place.path("participants"), body).json()
    requests = Requests(place.register, place.trial, answer["participant_id"], body["cpr"])
    request: Request = requests.request(operation)

    def send(client: Client) -> None:
        response = requests.send(client, operation, request)
        assert response.is_success, response.text

    done = place.during(lambda: send(requests.entitled(operation)))
    assert [each.client for each in done if each.client == "probe"] or operation.name in UNNOTED
    if scopes := set(operation.document["x-scopes"]):
        nothing = requests.client(EVERY_SCOPE - scopes, jobcentres=["*"])
        refused = place.during(lambda: refusal(requests.send(nothing, operation, request)))
        own = [each for each in refused if each.client == "probe"]
        assert [(each.action, each.details["status"]) for each in own] == [("access.refused", 403)]
