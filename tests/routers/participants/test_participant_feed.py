"""The change feed of participants: of whom to send again (api.md)."""

import asyncio
import threading
from typing import Any
from uuid import UUID

import pytest

from app.cli.operations import erase_person
from tests.register import Client, Register, new_cpr
from tests.routers.participants.correction_place import WAITING, Place


@pytest.fixture
def place(fresh_register: Register) -> Place:
    return Place(fresh_register, fresh_register.new_trial(), fresh_register.sender(client_id="everywhere"))


class Reader:
    """Follows the feed from the beginning."""

    def __init__(self, client: Client, path: str, **filters: Any) -> None:
        self.client, self.path, self.filters, self.since = client, f"{path}/participants", filters, "0"

    def read(self, limit: int = 2) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        while True:
            answer = self.client.get(self.path, changed_since=self.since, limit=limit, **self.filters).json()
            self.since = answer["next"]
            if not answer["items"]:
                return found
            found += [(each["change"], each["participant_id"]) for each in answer["items"]]


def test_every_change_of_people_is_in_it(place: Place) -> None:
    reader = Reader(place.system, place.path)
    anna, number = place.screened()
    bo, _ = place.screened()
    assert reader.read() == [("drawn", anna), ("drawn", bo)]
    candidate, _ = place.screened(**WAITING)
    assert reader.read() == []
    place.system.post(f"{place.path}/participants/{candidate}/withdrawal", {"reason": "job"})
    assert reader.read() == [("withdrawn", candidate)]
    place.request(bo, number)
    assert reader.read() == [], "a request changes nothing"
    place.correct(bo, number)
    assert sorted(reader.read()) == [("duplicate", bo), ("number_changed", bo)]
    talk = place.send(anna)
    agency = place.register.client("agency")
    handover = {"jobcentre": "849", "from_client": "everywhere", "to_client": "successor"}
    assert agency.post(f"{place.path}/handovers", handover).status_code == 200
    assert agency.post(f"{place.path}/handovers", handover).status_code == 200
    assert place.record(talk)["client_id"] == "successor"
    assert reader.read() == [("handed_over", anna)]
    asyncio.run(erase_person(place.register.database_url, place.trial, UUID(anna), "operator"))
    assert {*reader.read()} == {("erased", anna), ("erased", bo)}
    assert reader.read() == []
    again = Reader(place.system, place.path)
    assert len(again.read(limit=1000)) == 8


def test_an_item_is_the_participant_today_with_one_change(place: Place) -> None:
    anna, old = place.screened()
    new = new_cpr()
    place.correct(anna, new)
    answer = place.system.get(f"{place.path}/participants", changed_since="0")
    assert old not in answer.text
    assert new not in answer.text
    drawn, changed = answer.json()["items"]
    shown = place.shown(anna)
    for item, change in ((drawn, "drawn"), (changed, "number_changed")):
        assert {name: item[name] for name in shown} == shown
        assert item["change"] == change
    assert drawn["changed_at"] < changed["changed_at"]
    (listed,) = place.system.get(f"{place.path}/participants").json()["items"]
    assert (listed["change"], listed["changed_at"]) == (None, None)


def test_only_ones_own_jobcentres_are_followed(place: Place) -> None:
    here, _ = place.screened()
    there, _ = place.screened(jobcentre="860")
    for code, participant in (("849", here), ("860", there)):
        assert Reader(place.register.case_system(code), place.path).read() == [("drawn", participant)]
        assert Reader(place.system, place.path, jobcentre=code).read() == [("drawn", participant)]
    assert len(Reader(place.system, place.path).read()) == 2
    path, own = f"{place.path}/participants", place.register.case_system("849")
    assert own.get(path, changed_since="0", jobcentre="860").status_code == 404
    assert place.register.case_system("580").get(path, changed_since="0").status_code in (200, 404)
    for role in ("register", "agency", "registrar", "evaluator", "auditor", "region"):
        assert place.register.client(role).get(path, changed_since="0").status_code == 403
    entries = place.register.client("auditor").get("/v1/audit", client_id="everywhere").json()["items"]
    assert any(entry["action"] == "participants.followed" for entry in entries)


def test_a_cursor_is_of_its_feed(place: Place) -> None:
    place.screened()
    path = f"{place.path}/participants"
    following = place.system.get(path, changed_since="0").json()["next"]
    assert place.system.get(path, changed_since=following).status_code == 200
    other = place.register.new_trial()
    for address, parameters in (
        (path, {"changed_since": following, "jobcentre": "849"}),
        (path, {"cursor": following}),
        (f"/v1/trials/{other}/participants", {"changed_since": following}),
        (f"{place.path}/conversations", {"changed_since": following}),
        (path, {"changed_since": "x"}),
        (path, {"changed_since": "0", "state": "waiting"}),
        (path, {"changed_since": "0", "arm": "control"}),
    ):
        refused = place.system.get(address, **parameters)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "invalid_value"), parameters


def test_it_misses_nothing_while_several_write(place: Place) -> None:
    """Two jobcentres screen, correct and withdraw at once; a reader who follows meanwhile sees every change once."""
    expected: list[tuple[str, str]] = []
    done = threading.Event()
    read: list[tuple[str, str]] = []

    def write(code: str) -> None:
        for number in range(8):
            anna, _ = place.screened(jobcentre=code)
            expected.append(("drawn", anna))
            if number % 2:
                new = new_cpr()
                while place.correct(anna, new).status_code == 412:
                    pass  # what the registrar read changed meanwhile
                expected.append(("number_changed", anna))
            candidate, _ = place.screened(jobcentre=code, **WAITING)
            place.system.post(f"{place.path}/participants/{candidate}/withdrawal", {"reason": "moved"})
            expected.append(("withdrawn", candidate))

    def follow() -> None:
        reader = Reader(place.system, place.path)
        while not done.is_set():
            read.extend(reader.read(limit=3))
        read.extend(reader.read())

    writers = [threading.Thread(target=write, args=(code,)) for code in ("849", "849", "860", "450")]
    follower = threading.Thread(target=follow)
    for thread in (*writers, follower):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    follower.join()
    assert sorted(read) == sorted(expected)
