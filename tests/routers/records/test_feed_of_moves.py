"""The change feed tells whoever saw a record that it has passed to somebody they do not see (issue 3, 1)."""

from typing import Any

import pytest

from tests.database import register_faults
from tests.register import Client, Register, record_id
from tests.routers.records.single.common import FACTS
from tests.routers.records.test_versions import Place


class Reader:
    """Follows the feed of one kind from the beginning."""

    def __init__(self, client: Client, path: str, **filters: Any) -> None:
        self.client, self.path, self.filters, self.since = client, path, filters, "0"

    def news(self) -> list[tuple[str, Any, Any]]:
        """What is new: external id, revision, and whose it is, or why it is gone."""
        found: list[tuple[str, Any, Any]] = []
        while True:
            answer = self.client.get(self.path, changed_since=self.since, limit=2, **self.filters).json()
            self.since = answer["next"]
            if not answer["items"]:
                return found
            for each in answer["items"]:
                assert each["retracted"] == (each["participant_id"] is None)
                assert not each["retracted"] or each.get("date") is None, "no fact is shown"
                found.append(
                    (each["external_id"], each["revision"], each["participant_id"] or each["retraction_reason"])
                )


@pytest.fixture
def place(fresh_register: Register) -> Place:
    trial = fresh_register.new_trial()
    people = {code: fresh_register.drawn(trial, jobcentre=code) for code in ("849", "860", "450")}
    return Place(fresh_register, trial, people, fresh_register.sender(client_id="everywhere"))


@pytest.mark.parametrize("kind", FACTS)
def test_a_record_that_passes_to_another_jobcentre(place: Place, kind: str) -> None:
    path = f"/v1/trials/{place.trial}/{kind}"
    readers = {code: Reader(place.register.sender(code), path) for code in place.people}
    all_, hers = Reader(place.system, path), Reader(place.system, path, participant_id=place.people["849"])
    external_id = record_id()

    def send(code: str, revision: int) -> None:
        record = {"external_id": external_id, "participant_id": place.people[code], **FACTS[kind], "revision": revision}
        assert place.system.push(place.trial, kind, [record])["counts"]["rejected"] == 0

    def stands(code: str, revision: int) -> list[tuple[str, int, str]]:
        return [(external_id, revision, place.people[code])]

    def gone(revision: int) -> list[tuple[str, int, str]]:
        return [(external_id, revision, "moved")]

    send("849", 0)
    assert readers["849"].news() == all_.news() == hers.news() == stands("849", 0)
    send("860", 1)
    assert (readers["849"].news(), readers["860"].news()) == (gone(1), stands("860", 1))
    assert (all_.news(), hers.news()) == (stands("860", 1), gone(1))
    for system, code in ((readers["849"].client, 404), (readers["860"].client, 200)):
        assert system.get(f"{path}/{external_id}").status_code == code
    send("450", 2)
    send("849", 3)
    assert (readers["860"].news(), readers["450"].news()) == (gone(2), gone(3))
    assert readers["849"].news() == all_.news() == stands("849", 3)
    assert hers.news() == stands("849", 3)
    assert Reader(readers["860"].client, path).news() == gone(2), "who begins only now is told as well"
    assert len(place.system.get(f"{path}/{external_id}/history").json()["items"]) == 4
    assert register_faults(place.register) == []


def test_moved_on_within_a_batch(place: Place) -> None:
    readers = {code: Reader(place.register.sender(code), place.path) for code in place.people}
    first = place.record("849", revision=0)
    assert place.push(first).status_code == 207
    assert [len(reader.news()) for reader in readers.values()] == [1, 0, 0]
    moves = [{**first, "participant_id": place.people[code], "revision": n} for n, code in ((1, "860"), (2, "450"))]
    assert place.push(*moves, place.record("860")).status_code == 207
    assert readers["849"].news() == [(first["external_id"], 1, "moved")]
    assert readers["860"].news()[0] == (first["external_id"], 2, "moved")
    assert readers["450"].news() == [(first["external_id"], 2, place.people["450"])]


def test_the_records_of_a_duplicate(place: Place) -> None:
    """Domain 3.4: they pass to the person who governs, in the same jobcentre."""
    known = place.register.screening()
    earlier = place.system.post(f"/v1/trials/{place.trial}/participants", known).json()["participant_id"]
    later = place.register.drawn(place.trial)
    readers = {code: Reader(place.register.sender(code), place.path) for code in ("849", "860")}
    standing = [place.record(participant_id=later, revision=n) for n in range(3)]
    place.push(*standing)
    taken_back = standing[0]["external_id"]
    assert place.system.delete(f"{place.path}/{taken_back}", revision=5).status_code == 200
    assert len(readers["849"].news()) == 3
    place.register.correct(place.trial, later, known["cpr"])
    ids = {record["external_id"] for record in standing}
    assert {(external_id, who) for external_id, _, who in readers["849"].news()} == {
        (each, "entered_in_error" if each == taken_back else earlier) for each in ids
    }
    assert readers["860"].news() == []
    assert register_faults(place.register) == []
