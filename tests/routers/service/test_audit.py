"""The audit trail (issue 3, 5): every write, every read of a person, every draw, every report, every refused access."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import jwt
import pytest
from jwt.algorithms import ECAlgorithm
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import check_audit
from app.db.core.session import SYSTEM_SCOPE
from tests.database import check_audit_trail, query, seen, tamper
from tests.register import Client, Register, record_id
from tests.web.test_access import EVERY_SCOPE, GUARDED, Operation, Request, refusal
from tests.web.test_access import Place as Requests

ROOT = Path(__file__).parents[3]
FIRST_TALK = {"date": "2010-11-16"}


@dataclass(frozen=True)
class Noted:
    """An entry of the trail, for comparing."""

    jobcentre: str
    chain: str
    client: str | None
    action: str
    trial: str | None
    participant: str | None
    details: Mapping[str, Any]


def entries(url: str) -> list[Noted]:
    """The whole trail, in the order of its moments."""
    rows = query(
        url,
        "select jobcentre_code, chain, client_id, action, trial_id, participant_id::text, details::text"
        " from audit_entry order by at, jobcentre_code, chain, position",
    )
    return [
        Noted(code, chain, client, action, trial, participant, json.loads(details))
        for code, chain, client, action, trial, participant, details in rows
    ]


@dataclass
class Place:
    """A trial with someone drawn in 849, one drawn in 860, and their case systems."""

    register: Register
    trial: str
    anna: str
    bo: str
    ours: Client
    theirs: Client

    def during(self, work: Callable[[], Any]) -> list[Noted]:
        """What was noted while something was done."""
        before = len(entries(self.register.database_url))
        work()
        return entries(self.register.database_url)[before:]

    def path(self, rest: str) -> str:
        return f"/v1/trials/{self.trial}/{rest}"

    def talk(self, **changes: Any) -> dict[str, Any]:
        return {"external_id": record_id(), "participant_id": self.anna, **FIRST_TALK, **changes}


def place_in(register: Register) -> Place:
    trial = register.new_trial()
    return Place(
        register,
        trial,
        register.drawn(trial),
        register.drawn(trial, jobcentre="860"),
        register.case_system("849", client_id="jammerbugt"),
        register.case_system("860", client_id="hjoerring"),
    )


@pytest.fixture(scope="module")
def place(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """On a database of its own: what is noted meanwhile was done here."""
    with Register(new_database(), tmp_path_factory.mktemp("audit")) as register:
        yield place_in(register)


@pytest.fixture
def own_place(fresh_register: Register) -> Place:
    """On a database that the test may ruin."""
    return place_in(fresh_register)


def the_only(noted: Sequence[Noted], chain: str = "writes") -> Noted:
    found = [each for each in noted if each.chain == chain]
    assert len(found) == 1, noted
    return found[0]


# --- what is noted ----------------------------------------------------------------------------------------------------


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
    """401 without a client, 403 and 404 with it; the route, never what was in it."""

    def work() -> None:
        assert place.register.http.get(place.path(f"participants/{place.anna}")).status_code == 401
        assert place.register.client("region", client_id="nord").get(place.path("participants")).status_code == 403
        assert place.theirs.get(place.path(f"participants/{place.anna}")).status_code == 404
        assert place.theirs.get("/v1/elsewhere/0101701234").status_code == 404

    noted = place.during(work)
    one = "/v1/trials/{trial}/participants/{id}"
    assert [(each.client, each.details) for each in noted] == [
        (None, {"method": "GET", "route": one, "status": 401}),
        ("nord", {"method": "GET", "route": "/v1/trials/{trial}/participants", "status": 403}),
        ("hjoerring", {"method": "GET", "route": one, "status": 404}),
        (None, {"method": "GET", "route": "none", "status": 404}),
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

    done = place.during(lambda: send(requests.all_mighty()))
    assert [each.client for each in done if each.client == "probe"] or operation.name in UNNOTED
    if scopes := set(operation.document["x-scopes"]):
        nothing = requests.client(EVERY_SCOPE - scopes, jobcentres=["*"])
        refused = place.during(lambda: refusal(requests.send(nothing, operation, request)))
        assert [(each.action, each.details["status"]) for each in refused] == [("access.refused", 403)]


# --- asking ---------------------------------------------------------------------------------------------------------


def trail(place: Place, **parameters: Any) -> list[dict[str, Any]]:
    """All of it that the auditor gets for a filter, page by page."""
    auditor = place.register.client("auditor")
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        answer = auditor.get("/v1/audit", cursor=cursor, **{"limit": 1000, **parameters})
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        cursor = answer.json()["next"]
        if cursor is None:
            return items


def test_by_participant_with_the_batches_that_brought_their_records(place: Place) -> None:
    someone = place.register.drawn(place.trial)
    of_someone = place.ours.push(place.trial, "conversations", [place.talk(participant_id=someone)])
    place.ours.push(place.trial, "conversations", [place.talk()])
    place.ours.get(place.path(f"participants/{someone}"))
    found = [(each["action"], each["details"].get("batch")) for each in trail(place, participant_id=someone)]
    assert found[:4] == [
        ("participant.screened", None),
        ("participant.drawn", None),
        ("records.received", of_someone["batch_id"]),
        ("participant.read", None),
    ]


def test_by_client_and_moment(place: Place) -> None:
    place.ours.get(place.path(f"participants/{place.anna}"))
    mine = trail(place, client_id="jammerbugt")
    assert mine
    assert {each["client_id"] for each in mine} == {"jammerbugt"}
    later = trail(place, client_id="jammerbugt", **{"from": mine[-1]["at"]})
    assert later == mine[-len(later) :]
    assert 1 <= len(later) < len(mine)
    assert trail(place, client_id="nobody") == []
    after = datetime.now(UTC).replace(year=2100).isoformat()
    assert trail(place, **{"from": after}) == []


def test_page_by_page(place: Place) -> None:
    place.ours.get(place.path(f"participants/{place.anna}"))
    whole = trail(place, client_id="jammerbugt")
    assert trail(place, client_id="jammerbugt", limit=2) == whole
    moments = [(each["at"], each["jobcentre"], each["chain"], each["position"]) for each in whole]
    assert moments == sorted(moments)


@pytest.mark.parametrize("cursor", ["x", "W10", "WyJ4IiwiIiwiIiwxXQ", "WzEsMiwzLDRd", "ééé"])
def test_a_cursor_that_is_none(place: Place, cursor: str) -> None:
    answer = place.register.client("auditor").get("/v1/audit", cursor=cursor)
    assert (answer.status_code, answer.json()["errors"]) == (
        422,
        [{"pointer": "/query/cursor", "code": "invalid_value"}],
    )


# --- the chains -------------------------------------------------------------------------------------------------------


def test_the_chains_are_whole(place: Place) -> None:
    assert check_audit_trail(place.register.database_url) == []


TAMPERINGS: Mapping[str, Sequence[str]] = {
    "client": ["update audit_entry set client_id = 'other' where jobcentre_code = '849' and position = 1"],
    "moment": [
        "update audit_entry set at = at + interval '1 microsecond' where jobcentre_code = '849' and position = 1"
    ],
    "details": [
        "update audit_entry set details = details || '{\"x\": 1}' where jobcentre_code = '849' and position = 1"
    ],
    "participant": ["update audit_entry set participant_id = null where jobcentre_code = '849' and position = 1"],
    "hash": ["update audit_entry set hash = sha256(hash) where jobcentre_code = '849' and position = 2"],
    "removed in the middle": ["delete from audit_entry where jobcentre_code = '849' and position = 1"],
    "removed at the beginning": ["delete from audit_entry where jobcentre_code = '849' and position = 0"],
    "removed at the end": ["delete from audit_entry where (jobcentre_code, chain, position) = ('849', 'writes', 2)"],
    "inserted at the end": [
        (
            "insert into audit_entry select jobcentre_code, chain, 3, at, 'x', action, trial_id, participant_id,"
            " details, hash, sha256(hash) from audit_entry"
            " where (jobcentre_code, chain, position) = ('849', 'writes', 2)"
        ),
    ],
    "inserted in the middle": [
        "update audit_entry set position = 9 where (jobcentre_code, chain, position) = ('849', 'writes', 2)",
        (
            "insert into audit_entry select jobcentre_code, chain, 2, at, 'x', action, trial_id, participant_id,"
            " details, hash, sha256(hash) from audit_entry"
            " where (jobcentre_code, chain, position) = ('849', 'writes', 1)"
        ),
        "update audit_entry set position = 3 where (jobcentre_code, chain, position) = ('849', 'writes', 9)",
        "update audit_chain set length = 4 where (jobcentre_code, chain) = ('849', 'writes')",
    ],
    "two in the other order": [
        "update audit_entry set position = -1 where (jobcentre_code, chain, position) = ('849', 'writes', 1)",
        "update audit_entry set position = 1 where (jobcentre_code, chain, position) = ('849', 'writes', 2)",
        "update audit_entry set position = 2 where (jobcentre_code, chain, position) = ('849', 'writes', -1)",
    ],
    "moved to another chain": [
        "update audit_entry set jobcentre_code = '450' where jobcentre_code = '849'",
        "update audit_chain set jobcentre_code = '450' where jobcentre_code = '849'",
    ],
    "a chain without a head": ["delete from audit_chain where jobcentre_code = '849'"],
    "a head moved on": ["update audit_chain set length = length + 1 where jobcentre_code = '849'"],
    "a head with another hash": ["update audit_chain set head = sha256(head) where jobcentre_code = '849'"],
}


@pytest.fixture(scope="module")
def untouched(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with three entries in the chain of 849 and a few elsewhere, whose application has ended."""
    url = new_database()
    with Register(url, tmp_path_factory.mktemp("untouched")) as register:
        trial = register.new_trial()
        someone = register.drawn(trial)
        register.case_system().push(
            trial, "conversations", [{"external_id": "a", "participant_id": someone, **FIRST_TALK}]
        )
        register.drawn(trial, jobcentre="860")
    assert check_audit_trail(url) == []
    return url


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found(untouched: str, what: str) -> None:
    """The tampering is taken back at the end."""

    async def work(connection: AsyncConnection) -> list[str]:
        await connection.execute(text("reset role"))
        await connection.execute(text("set local session_replication_role = replica"))
        for statement in TAMPERINGS[what]:
            done = await connection.exec_driver_sql(statement)
            assert done.rowcount, statement
        return (await check_audit(connection))[1]

    faults = seen(untouched, SYSTEM_SCOPE, work, keep=False)
    assert faults
    assert check_audit_trail(untouched) == []


@pytest.mark.parametrize("role", ["the application", "the owner"])
@pytest.mark.parametrize(
    "statement",
    [
        "update audit_entry set client_id = 'x'",
        "update audit_entry set client_id = 'x' where false",
        "delete from audit_entry",
        "delete from audit_entry where false",
        "truncate audit_entry",
        "truncate audit_entry, audit_chain cascade",
    ],
)
def test_the_database_itself_refuses(place: Place, statement: str, role: str) -> None:
    become = ["select set_config('role', 'rettevej_app', true)", "set local app.jobcentres = '*'"]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        query(place.register.database_url, *(become if role == "the application" else []), statement)
    assert check_audit_trail(place.register.database_url) == []


@pytest.mark.parametrize("statement", ["delete from audit_chain", "truncate audit_chain"])
def test_the_application_cannot_forget_a_chain(place: Place, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        query(place.register.database_url, "select set_config('role', 'rettevej_app', true)", statement)


def test_writers_at_the_same_time_keep_the_chains_whole(own_place: Place) -> None:
    """Batches over two jobcentres in both orders, draws, reads and refusals, all at once."""
    place = own_place
    both = place.register.case_system(client_id="both")
    wrong: list[Any] = []

    def write(number: int) -> None:
        people = [place.anna, place.bo][:: 1 if number % 2 else -1]
        for _ in range(5):
            report = both.push(place.trial, "conversations", [place.talk(participant_id=each) for each in people])
            if report["counts"]["created"] != 2:
                wrong.append(report)
            place.register.drawn(place.trial, jobcentre=("849", "860")[number % 2])
            place.ours.get(place.path(f"participants/{place.anna}"))
            place.theirs.get(place.path(f"participants/{place.anna}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert check_audit_trail(place.register.database_url) == []
    noted = entries(place.register.database_url)
    for action, chain, code, n in (
        ("records.received", "writes", "849", 30),
        ("records.received", "writes", "860", 30),
        ("participant.drawn", "writes", "849", 16),
        ("participant.drawn", "writes", "860", 16),
        ("participant.read", "reads", "849", 30),
        ("access.refused", "reads", "", 30),
    ):
        found = [each for each in noted if (each.action, each.chain, each.jobcentre) == (action, chain, code)]
        assert sum(each.details.get("times", 1) for each in found) == n, (action, code)


def test_nothing_is_seen_of_it_without_the_right(place: Place) -> None:
    for role in ("case-system", "register", "region", "agency", "evaluator"):
        for path in ("/v1/audit", "/v1/audit/heads"):
            assert place.register.client(role).get(path).status_code == 403


# --- what others can verify -----------------------------------------------------------------------------------------


def snippets() -> dict[str, str]:
    """The programs of docs/verify.md by their heading."""
    document = (ROOT / "docs" / "verify.md").read_text()
    sections = re.split(r"^## ", document, flags=re.MULTILINE)[1:]
    return {each.splitlines()[0]: re.findall(r"```python\n(.*?)```", each, re.DOTALL)[0] for each in sections}


def run(program: str, directory: Path, files: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in files.items():
        (directory / name).write_text(json.dumps(content))
    monkeypatch.chdir(directory)
    exec(compile(program, "docs/verify.md", "exec"), {})


def test_the_heads_are_signed(place: Place) -> None:
    answer = place.register.client("auditor").get("/v1/audit/heads").json()
    key = ECAlgorithm.from_jwk(answer["jwk"])
    statement = jwt.decode(answer["jws"], key, ["ES256"], options={"verify_iat": False})  # type: ignore[arg-type]
    assert statement["heads"] == answer["items"]
    assert statement["iat"] == int(place.register.clock.now.timestamp())
    assert "d" not in answer["jwk"]
    head, content, signature = answer["jws"].split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(f"{head}.{content[:-2]}AA.{signature}", key, ["ES256"])  # type: ignore[arg-type]


def test_the_key_of_the_heads_stays(fresh_register: Register) -> None:
    before = fresh_register.client("auditor").get("/v1/audit/heads").json()
    with Register(fresh_register.database_url, fresh_register.settings.data_dir) as again:
        assert again.client("auditor").get("/v1/audit/heads").json()["jwk"] == before["jwk"]


@pytest.fixture(scope="module")
def published(place: Place) -> Mapping[str, Any]:
    """What anyone with the right can fetch of a closed trial with a frozen assessment."""
    agency, auditor = place.register.client("agency"), place.register.client("auditor")
    for _ in range(12):
        someone = place.register.drawn(place.trial)
        place.ours.push(place.trial, "conversations", [place.talk(participant_id=someone)])
    frozen = agency.post(place.path("grant-assessments"), {"jobcentre": "849", "week": "2010-W50"})
    assert frozen.status_code == 201, frozen.text
    agency.post(f"/v1/trials/{place.trial}/close")
    heads = auditor.get("/v1/audit/heads").json()
    return {
        "trial.json": agency.get(f"/v1/trials/{place.trial}").json(),
        "draws.json": agency.get(place.path("draws"), limit=1000).json(),
        "heads.json": heads,
        "audit.json": {"items": trail(place)},
        "grants.json": agency.get(place.path("grant-assessments")).json(),
    }


@pytest.mark.parametrize("heading", ["The draws", "The audit trail", "A frozen grant assessment"])
def test_the_documented_programs_verify(
    published: Mapping[str, Any], heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(snippets()[heading], tmp_path, published, monkeypatch)


def _flip(draw: dict[str, Any]) -> None:
    draw["arm"] = "control" if draw["arm"] == "treatment" else "treatment"


FORGERIES: Sequence[tuple[str, str, Callable[[Any], Any]]] = [
    ("The draws", "draws.json", lambda file: _flip(file["items"][3])),
    ("The draws", "draws.json", lambda file: file["items"].pop(1)),
    ("The draws", "trial.json", lambda file: file.update(seed="00" * 32)),
    ("The audit trail", "audit.json", lambda file: file["items"][5].update(client_id="forged")),
    ("The audit trail", "audit.json", lambda file: file["items"].pop(5)),
    ("The audit trail", "audit.json", lambda file: file["items"][7]["details"].update(x=1)),
    ("The audit trail", "heads.json", lambda file: file["items"][0].update(head="00" * 32)),
    ("A frozen grant assessment", "grants.json", lambda file: file["items"][0]["inputs"].pop()),
    ("A frozen grant assessment", "grants.json", lambda file: file["items"][0]["frozen"]["grant"].update(amount_dkk=1)),
]


@pytest.mark.parametrize("number", range(len(FORGERIES)))
def test_the_documented_programs_find_a_forgery(
    published: Mapping[str, Any], number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heading, name, forge = FORGERIES[number]
    files = json.loads(json.dumps(published))
    forge(files[name])
    with pytest.raises(AssertionError):
        run(snippets()[heading], tmp_path, files, monkeypatch)


def test_a_keeper_of_yesterdays_heads_sees_a_rewritten_chain(
    own_place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who rewrites a chain to its end, head included, still cannot rewrite a statement that others hold."""
    place, auditor = own_place, own_place.register.client("auditor")
    heads = auditor.get("/v1/audit/heads").json()
    tamper(
        place.register.database_url,
        "delete from audit_entry where jobcentre_code = '849'",
        "delete from audit_chain where jobcentre_code = '849'",
    )
    place.register.drawn(place.trial)
    assert check_audit_trail(place.register.database_url) == []
    files = {"heads.json": heads, "audit.json": {"items": trail(place)}}
    with pytest.raises((AssertionError, KeyError)):
        run(snippets()["The audit trail"], tmp_path, files, monkeypatch)
