"""Versions, requests sent twice, and the change feed that misses nothing (issue 3, 1)."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from app.web.tokens import LocalIssuer
from tests.database import query, register_faults
from tests.register import Client, Clock, Register, faults, record_id
from tests.routers.records.single.common import FACTS


@dataclass
class Place:
    register: Register
    trial: str
    people: dict[str, str]
    """A participant for each jobcentre."""
    system: Client

    @property
    def path(self) -> str:
        return f"/v1/trials/{self.trial}/conversations"

    def record(self, code: str = "849", **changes: Any) -> dict[str, Any]:
        return {"external_id": record_id(), "participant_id": self.people[code], "date": "2010-11-16", **changes}

    def push(self, *records: dict[str, Any], key: str | None = None, **parameters: Any) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.system.request(
            "POST", f"{self.path}/batch", json={"records": records}, params=parameters, headers=headers
        )

    def stored(self) -> int:
        return len(query(self.register.database_url, "select from conversation"))


@pytest.fixture
def place(fresh_register: Register) -> Place:
    trial = fresh_register.new_trial()
    people = {code: fresh_register.drawn(trial, jobcentre=code) for code in ("849", "860", "450")}
    return Place(fresh_register, trial, people, fresh_register.sender(client_id="everywhere"))


# --- history ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FACTS)
def test_every_version_is_kept(place: Place, kind: str) -> None:
    """With when, by whom, in which batch, and until when it stood."""
    external_id = record_id()
    record = {"external_id": external_id, "participant_id": place.people["849"], **FACTS[kind]}
    batches = [
        place.system.push(place.trial, kind, [{**record, "revision": 1}])["batch_id"],
        place.system.push(place.trial, kind, [{**record, "participant_id": place.people["860"], "revision": 2}])[
            "batch_id"
        ],
        place.system.push(
            place.trial,
            kind,
            [{"external_id": external_id, "revision": 3, "retracted": True, "retraction_reason": "wrong_person"}],
        )["batch_id"],
        place.system.push(place.trial, kind, [{**record, "revision": 4}])["batch_id"],
    ]
    address = f"/v1/trials/{place.trial}/{kind}/{external_id}/history"
    versions = place.system.get(address).json()["items"]
    assert [each["batch_id"] for each in versions] == batches
    assert [each["revision"] for each in versions] == [1, 2, 3, 4]
    assert [each["retraction_reason"] for each in versions] == [None, None, "wrong_person", None]
    assert {each["client_id"] for each in versions} == {"everywhere"}
    assert [each["superseded_at"] for each in versions] == [each["registered_at"] for each in versions[1:]] + [None]
    moments = [each["registered_at"] for each in versions]
    assert moments == sorted(set(moments))
    assert place.register.sender("450").get(address).status_code == 404
    for batch_id in batches:
        assert place.system.get(f"/v1/batches/{batch_id}").json()["batch_id"] == batch_id
        assert place.register.sender(client_id="other").get(f"/v1/batches/{batch_id}").status_code == 404
    assert register_faults(place.register) == []


def test_a_retraction_before_its_record_and_revival(place: Place) -> None:
    record = place.record()
    address = f"{place.path}/{record['external_id']}"
    assert place.system.delete(address, revision=5).json()["outcome"] == "retracted"
    held_off = place.push({**record, "revision": 4}).json()
    assert held_off["results"][0]["outcome"] == "stale"
    assert place.system.get(place.path).json()["items"] == []
    assert place.push({**record, "revision": 6}).json()["counts"]["updated"] == 1
    history = place.system.get(f"{address}/history").json()["items"]
    assert [(each["revision"], each["retracted"]) for each in history] == [(5, True), (6, False)]
    assert [each["external_id"] for each in place.system.get(place.path).json()["items"]] == [record["external_id"]]
    assert register_faults(place.register) == []


# --- Idempotency-Key --------------------------------------------------------------------------------------------------


def test_the_same_request_gets_the_same_report(place: Place) -> None:
    record = place.record()
    first = place.push(record, key="k-1")
    before = place.stored()
    assert place.push(record, key="k-1").json() == first.json()
    assert (first.json()["counts"]["created"], place.stored()) == (1, before)
    assert place.push(record).json()["counts"]["unchanged"] == 1, "without the key it is judged anew"


@pytest.mark.parametrize("change", ["body", "parameters", "kind"])
def test_a_key_is_for_one_request(place: Place, change: str) -> None:
    record = place.record()
    assert place.push(record, key="k-1").status_code == 207
    answer = place.push(
        {**record, "date": "2010-11-17"} if change == "body" else record,
        key="k-1",
        **({"report": "full"} if change == "parameters" else {}),
    )
    if change == "kind":
        address = f"/v1/trials/{place.trial}/activations/batch"
        answer = place.system.request("POST", address, json={"records": []}, headers={"Idempotency-Key": "k-1"})
        assert answer.status_code == 422
        body = {"records": [record]}
        answer = place.system.request("POST", address, json=body, headers={"Idempotency-Key": "k-1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")
    assert place.stored() == 1
    other = place.register.sender(client_id="other")
    body = {"records": [place.record()]}
    same_key = other.request("POST", f"{place.path}/batch", json=body, headers={"Idempotency-Key": "k-1"})
    assert same_key.json()["counts"]["created"] == 1, "keys are each client's own"


def test_a_failed_atomic_batch_is_remembered_and_a_dry_run_is_not(place: Place) -> None:
    good, bad = place.record(), place.record(date="2030-01-01")
    failed = place.push(good, bad, key="k-1", atomic=True)
    assert failed.json()["committed"] is False
    assert place.push(good, bad, key="k-1", atomic=True).json() == failed.json()
    assert place.stored() == 0
    for _ in range(2):
        dry = place.push(good, key="k-2", dry_run=True)
        assert (dry.json()["batch_id"], dry.json()["counts"]["created"]) == (None, 1)
    stored = place.push(good, key="k-2").json()
    assert (stored["committed"], stored["counts"]["created"]) == (True, 1)
    again = place.push(good, key="k-2", dry_run=True).json()
    assert (again["batch_id"], again["counts"]["unchanged"]) == (None, 1)


def test_the_same_key_at_the_same_time(place: Place) -> None:
    for number in range(4):
        record = place.record() if number % 2 else place.record(date="2030-01-01")
        reports: list[Any] = []
        threads = [
            threading.Thread(target=lambda r=record, n=number, found=reports: found.append(place.push(r, key=f"k-{n}")))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [each.status_code for each in reports] == [207] * 6
        assert len({each.json()["batch_id"] for each in reports}) == 1
    assert len(query(place.register.database_url, "select from batch")) == 4
    assert place.stored() == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256])
def test_what_is_no_key(place: Place, key: str) -> None:
    answer = place.system.request(
        "POST", f"{place.path}/batch", json={"records": [place.record()]}, headers={"Idempotency-Key": key.encode()}
    )
    assert answer.status_code == 422
    assert place.stored() == 0


# --- the change feed --------------------------------------------------------------------------------------------------


def test_readers_that_follow_while_writers_commit(place: Place) -> None:
    """Three jobcentres, batches over two of them in both orders, corrections and retractions; small pages."""
    done = threading.Event()
    sent: list[tuple[str, str]] = []
    wrong: list[Any] = []

    def write(number: int) -> None:
        codes = ["849", "860", "450"]
        for turn in range(12):
            ours = [place.record(codes[(number + turn + place_) % 3], revision=1) for place_ in range(2)]
            system = place.register.sender(client_id=f"writer-{number}")
            try:
                system.push(place.trial, "conversations", ours)
                system.push(place.trial, "conversations", [{**ours[0], "date": "2010-11-23", "revision": 2}])
                if turn % 3 == 0:
                    assert system.delete(f"{place.path}/{ours[1]['external_id']}", revision=2).status_code == 200
            except AssertionError as error:
                wrong.append(error)
            sent.extend((record["external_id"], code) for record, code in zip(ours, codes, strict=False))

    def follow(client: Client, found: list[dict[str, Any]]) -> None:
        since = "0"
        while True:
            last = done.is_set()
            answer = client.get(place.path, changed_since=since, limit=7)
            if answer.status_code != 200:
                wrong.append(answer.text)
                return
            page = answer.json()
            found.extend(page["items"])
            since = page["next"]
            if last and not page["items"]:
                return

    bound: dict[str, list[str]] = {"all": [], "two": ["849", "860"], "one": ["450"]}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in bound}
    readers = [
        threading.Thread(target=follow, args=(place.register.sender(*codes, client_id=name), found[name]))
        for name, codes in bound.items()
    ]
    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert wrong == []
    code_of = {participant: code for code, participant in place.people.items()}
    standing = {
        row["external_id"]: row["revision"]
        for row in query(
            place.register.database_url,
            "select external_id, revision from conversation where superseded_at = 'infinity'",
        )
    }
    assert len(standing) == 96
    for name, codes in bound.items():
        latest: dict[str, int] = {}
        seen: set[tuple[str, int]] = set()
        for each in found[name]:
            version = (each["external_id"], each["revision"])
            assert version not in seen, "nothing twice"
            seen.add(version)
            assert each["revision"] > latest.get(each["external_id"], 0), "in the order of versions"
            latest[each["external_id"]] = each["revision"]
            assert not codes or each["retracted"] or code_of[each["participant_id"]] in codes
        rows = query(
            place.register.database_url,
            "select external_id, revision from conversation where superseded_at = 'infinity'"
            " and jobcentre_code = any($1)",
            arguments=[codes or ["849", "860", "450"]],
        )
        assert latest == {row["external_id"]: row["revision"] for row in rows}, name
        assert any(each["retracted"] for each in found[name]), "retractions included"


def test_followers_need_no_second_connection(new_database: Callable[[], str], tmp_path: Path) -> None:
    """With one connection in the pool the note of the read still finds one."""
    application = create_app(Settings(data_dir=tmp_path, pool_size=1), new_database(), Clock())
    with TestClient(application, raise_server_exceptions=False) as http:
        issuer = LocalIssuer.load_or_create(tmp_path)
        agency = Client(http, issuer.token("agency"))
        jobcentre = {"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": 85}
        body = {"id": "one", "protocol": "prvij-2010-11", "title": "En", "jobcentres": [jobcentre]}
        assert agency.post("/v1/trials", body).status_code == 201
        clients = {role: Client(http, issuer.token(role)) for role in ("case-system", "register")}
        for kind in FACTS:
            system = clients["register" if kind == "outcomes" else "case-system"]
            assert system.get(f"/v1/trials/one/{kind}", changed_since="0").status_code == 200
            assert system.get(f"/v1/trials/one/{kind}").status_code == 200


@pytest.mark.parametrize(
    "since", ["x", "1", "W10", "e30", "WzFd", "W1tbImEiLCAiYiJdXV0", "W3siODQ5IjoxfV0", "é", "0" * 99]
)
def test_a_place_that_is_none(place: Place, since: str) -> None:
    answer = place.system.get(place.path, changed_since=since)
    assert (answer.status_code, faults(answer.json())) == (422, [("/query/changed_since", "invalid_value")])


@pytest.mark.parametrize("bound_to", [(), ("849",), ("999",)])
@pytest.mark.parametrize("kind", ["conversations", "exemptions", "outcomes"])
def test_the_history_of_an_unknown_record_answers_like_the_record(
    register: Register, kind: str, bound_to: tuple[str, ...]
) -> None:
    sender, path = register.sender(*bound_to), f"/v1/trials/{register.new_trial()}/{kind}/zz"
    record, history = sender.get(path), sender.get(f"{path}/history")
    assert (record.status_code, record.json()["code"]) == (404, "not_found")
    assert (history.status_code, history.content) == (record.status_code, record.content)
    assert {**history.headers, "x-request-id": ""} == {**record.headers, "x-request-id": ""}
