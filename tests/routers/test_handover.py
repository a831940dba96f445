"""The records of one client handed to its successor (issue 3, 6): a municipality changes its case system."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from app.db.core.session import SYSTEM_SCOPE, Database, make_engine
from app.db.derived.week_counts import rebuild
from app.db.trials.trials import load_trial
from tests.database import query, register_faults
from tests.register import Client, Register, record_id
from tests.routers.records.single.common import FACTS


@dataclass
class Place:
    register: Register
    trial: str
    anna: str
    old: Client
    new: Client

    @property
    def path(self) -> str:
        return f"/v1/trials/{self.trial}"

    def hand_over(self, client: Client | None = None, **changes: Any) -> Any:
        body = {"jobcentre": "849", "from_client": "old", "to_client": "new", **changes}
        return (client or self.register.client("agency", client_id="agency-1")).post(f"{self.path}/handovers", body)

    def send(self, client: Client, kind: str = "conversations", **changes: Any) -> str:
        external_id = changes.pop("external_id", record_id())
        record = {"external_id": external_id, "participant_id": self.anna, **FACTS[kind], **changes}
        report = client.push(self.trial, kind, [record])
        assert report["counts"]["created"] + report["counts"]["updated"] == 1, report
        return str(external_id)


@pytest.fixture
def place(fresh_register: Register) -> Place:
    trial = fresh_register.new_trial()
    return Place(
        fresh_register,
        trial,
        fresh_register.drawn(trial),
        fresh_register.sender(client_id="old"),
        fresh_register.sender("849", client_id="new"),
    )


def test_the_successor_corrects_and_retracts(place: Place) -> None:
    records = {kind: place.send(place.old, kind, revision=3) for kind in FACTS}
    gone = place.send(place.old, revision=1)
    place.old.delete(f"{place.path}/conversations/{gone}", revision=2)
    before = place.new.get(f"{place.path}/weekly-summary", week="2011-W05").json()["items"]

    answer = place.hand_over()
    assert (answer.status_code, answer.json()) == (
        200,
        {"handed_over": {kind: 2 if kind == "conversations" else 1 for kind in FACTS}},
    )
    assert place.new.get(f"{place.path}/weekly-summary", week="2011-W05").json()["items"] == before
    assert register_faults(place.register) == []
    for kind, external_id in records.items():
        address = f"{place.path}/{kind}/{external_id}"
        shown = place.new.get(address).json()
        assert (shown["client_id"], shown["revision"], shown["participant_id"]) == ("new", 3, place.anna)
        versions = place.new.get(f"{address}/history").json()["items"]
        assert [each["client_id"] for each in versions] == ["old", "new"]
        assert versions[0]["superseded_at"] == versions[1]["registered_at"]
        stale = place.new.put(address, {"participant_id": place.anna, **FACTS[kind], "revision": 2})
        assert stale.json()["outcome"] == "unchanged"
        corrected = place.new.delete(address, revision=4)
        assert (corrected.status_code, corrected.json()["outcome"]) == (200, "retracted")
    assert place.new.get(f"{place.path}/conversations/{gone}").json()["retracted"] is True
    assert place.old.get(f"{place.path}/conversations/{gone}").json()["client_id"] == "new"
    (entry,) = query(place.register.database_url, "select * from audit_entry where action = 'records.handed_over'")
    assert (entry["client_id"], entry["jobcentre_code"]) == ("agency-1", "849")
    assert register_faults(place.register) == []


def test_again_and_only_this_jobcentre(place: Place) -> None:
    other = place.register.drawn(place.trial, jobcentre="860")
    elsewhere = place.send(place.old, participant_id=other)
    place.send(place.old)
    assert place.hand_over().json()["handed_over"]["conversations"] == 1
    assert place.hand_over().json()["handed_over"]["conversations"] == 0
    assert place.old.get(f"{place.path}/conversations/{elsewhere}").json()["client_id"] == "old"
    assert place.hand_over(jobcentre="860").json()["handed_over"]["conversations"] == 1


def test_the_feed_tells_of_it(place: Place) -> None:
    external_id = place.send(place.old)
    path = f"{place.path}/conversations"
    seen = place.new.get(path, changed_since="0").json()
    assert [each["client_id"] for each in seen["items"]] == ["old"]
    place.hand_over()
    after = place.new.get(path, changed_since=seen["next"]).json()["items"]
    assert [(each["external_id"], each["client_id"], each["retraction_reason"]) for each in after] == [
        (external_id, "old", "moved"),
        (external_id, "new", None),
    ]


def test_retractions_that_came_before_their_record(place: Place) -> None:
    """They hold it off from the successor as well, and still from the client, which has other jobcentres."""
    person = place.register.drawn(place.trial, jobcentre="860")
    ids = {kind: record_id() for kind in FACTS}
    for kind, external_id in ids.items():
        assert place.old.delete(f"{place.path}/{kind}/{external_id}", revision=2).status_code == 200
    own = place.send(place.new)
    assert place.old.delete(f"{place.path}/conversations/{own}").status_code == 200
    bound = place.register.client("agency", jobcentres=["849"])
    for _ in range(2):
        assert set(place.hand_over(bound).json()["handed_over"].values()) == {0}
    for kind, external_id in ids.items():
        for system, participant in ((place.new, place.anna), (place.old, person)):
            late = {"external_id": external_id, "participant_id": participant, **FACTS[kind], "revision": 1}
            assert system.push(place.trial, kind, [late])["counts"]["stale"] == 1
        revived = {"participant_id": place.anna, **FACTS[kind], "revision": 3}
        assert place.new.put(f"{place.path}/{kind}/{external_id}", revived).json()["outcome"] == "updated"
    assert place.new.get(f"{place.path}/conversations/{own}").json()["retracted"] is False
    assert register_faults(place.register) == []


def test_the_same_external_id_of_both(place: Place) -> None:
    """Refused, and nothing has moved."""
    free, taken = place.send(place.old), place.send(place.old)
    place.send(place.new, external_id=taken, date="2010-11-24")
    answer = place.hand_over()
    assert (answer.status_code, answer.json()["code"]) == (409, "handover_conflict")
    assert place.old.get(f"{place.path}/conversations/{free}").json()["client_id"] == "old"
    assert place.hand_over(to_client="old").status_code == 409


def test_hours_that_are_one_clients_now_are_added_up(place: Place) -> None:
    """Domain 4.6: hours of two clients are never added up, those of one are; counts and states follow."""
    other = place.register.sender(client_id="new")
    spell = {"type": "work_placement_public", "starts_on": "2010-11-22", "ends_on": "2011-10-30", "hours_per_week": 6}
    place.send(place.old, "activations", **spell)
    place.send(other, "activations", **spell)
    weeks = f"{place.path}/participants/{place.anna}/weeks"
    assert not any(each["activated"] for each in place.new.get(weeks).json()["items"])
    place.hand_over()
    assert any(each["activated"] for each in place.new.get(weeks).json()["items"])
    assert register_faults(place.register) == []
    states = "select participant_id, week_states from participant"
    kept = query(place.register.database_url, states)
    asyncio.run(_rebuild(place))
    assert query(place.register.database_url, states) == kept


async def _rebuild(place: Place) -> None:
    database = Database(make_engine(place.register.database_url, 1))
    async with database.write(SYSTEM_SCOPE) as connection:
        trial = await load_trial(connection, place.trial)
        assert trial is not None
        await rebuild(connection, trial)
    await database.engine.dispose()


def test_who_may(place: Place) -> None:
    for role in ("case-system", "register", "region", "evaluator", "auditor"):
        assert place.hand_over(place.register.client(role)).status_code == 403
    bound = place.register.client("agency", jobcentres=["860"])
    assert place.hand_over(bound).status_code == 404
    assert place.hand_over(jobcentre="580").status_code == 404
    assert place.hand_over(from_client="0101701234").status_code == 422
