"""Lists of records: pages, filters, and cursors."""

import itertools
from dataclasses import dataclass

import pytest

from tests.register import Register, record_id
from tests.routers.records.single.common import CHANGED, Place, listed, problem


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
    everywhere = register.sender(client_id="everywhere")
    place = Place(
        register,
        trial,
        anna,
        bo,
        register.sender("849", client_id="jammerbugt"),
        register.sender("860", client_id="hjoerring"),
        everywhere,
    )
    records: list[tuple[str, str, str]] = []
    clients = {name: register.sender(client_id=name) for name in ("jammerbugt", "hjoerring", "everywhere")}
    for number, (name, person) in enumerate(itertools.product(clients, (anna, eve, bo))):
        batch = [{"external_id": f"{number}-{n}", "participant_id": person, "date": "2010-11-16"} for n in range(3)]
        assert clients[name].push(trial, "conversations", batch)["counts"]["created"] == 3
        records += [(name, record["external_id"], person) for record in batch]
    return Full(place, eve, records)


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
