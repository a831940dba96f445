"""Frozen grant assessments (domain 5): kept as decided, answered beside what they are today."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.database import register_faults
from tests.register import Client, Register, faults, record_id

WEEK = "2010-W50"


@dataclass
class Place:
    """A trial with people in 849, and the agency that decides."""

    register: Register
    trial: str
    people: list[str]
    system: Client
    agency: Client

    @property
    def path(self) -> str:
        return f"/v1/trials/{self.trial}/grant-assessments"

    def freeze(self, client: Client | None = None, **changes: Any) -> Any:
        return (client or self.agency).post(self.path, {"jobcentre": "849", "week": WEEK, **changes})

    def talk(self, participant: str, day: str, **changes: Any) -> None:
        record = {"external_id": record_id(), "participant_id": participant, "date": day, **changes}
        assert self.system.push(self.trial, "conversations", [record])["counts"]["created"] == 1

    def conditions(self, week: str = WEEK, **parameters: Any) -> dict[str, Any]:
        report = self.agency.get(f"/v1/trials/{self.trial}/conditions", week=week, **parameters).json()
        (row,) = [each for each in report["items"] if each["group"] == {"jobcentre": "849"}]
        found: dict[str, Any] = row
        return found


def place_in(register: Register) -> Place:
    trial = register.new_trial()
    people = [register.drawn(trial) for _ in range(8)]
    place = Place(register, trial, people, register.case_system(), register.client("agency", client_id="agency-1"))
    for participant in people[:6]:
        place.talk(participant, "2010-11-16")
    return place


@pytest.fixture
def place(register: Register) -> Place:
    return place_in(register)


def test_freezing_and_freezing_again(place: Place) -> None:
    """201, then 200 with the same; figures, moment, week, watermark, who."""
    today = place.conditions()
    first = place.freeze()
    assert first.status_code == 201, first.text
    frozen = first.json()
    assert (frozen["week"], frozen["jobcentre"], frozen["client_id"]) == (WEEK, "849", "agency-1")
    assert frozen["frozen"] == frozen["today"] == today
    assert frozen["frozen_at"] >= frozen["watermark"]
    again = place.freeze(place.register.client("agency", client_id="agency-2"))
    assert (again.status_code, again.json()) == (200, frozen)
    listed = place.agency.get(place.path)
    assert listed.json() == {"items": [frozen]}


def test_later_corrections_never_change_it(place: Place) -> None:
    frozen = place.freeze().json()
    place.talk(place.people[7], "2010-11-17")
    for participant in place.people:
        place.talk(participant, "2010-11-24")
        event = {"participant_id": participant, "kind": "exit", "date": "2010-12-01", "reason": "job"}
        place.system.push(place.trial, "presence-events", [{"external_id": record_id(), **event}])
    (listed,) = place.agency.get(place.path).json()["items"]
    assert {**listed, "today": None} == {**frozen, "today": None}
    assert listed["today"] == place.conditions() != listed["frozen"]
    assert place.freeze().json() == listed
    assert place.conditions(known_at=frozen["watermark"]) == frozen["frozen"]


def test_a_duplicate_leaves_today_and_not_what_was_frozen(place: Place) -> None:
    body = place.register.screening()
    place.system.post(f"/v1/trials/{place.trial}/participants", body)
    frozen = place.freeze().json()
    later = place.register.drawn(place.trial)
    place.register.correct(place.trial, later, body["cpr"])
    assert place.agency.get(place.path).json()["items"][0]["frozen"] == frozen["frozen"]


def sums_of(assessment: Mapping[str, Any]) -> dict[str, int]:
    names = [name for name in assessment["inputs"][0] if name != "pseudonym"]
    return {name: sum(person[name] for person in assessment["inputs"]) for name in names}


def test_the_inputs_add_up(place: Place) -> None:
    """One for each treatment participant, under the pseudonyms of the published draws."""
    frozen = place.freeze().json()
    sums, figures = sums_of(frozen), frozen["frozen"]["figures"]
    assert {name: figures[name] for name in sums if name in figures} == {
        name: sums[name] for name in sums if name in figures
    }
    assert frozen["frozen"]["grant"]["first_conversations"] == sums["first_conversations"]
    draws = place.register.client("auditor").get(f"/v1/trials/{place.trial}/draws").json()["items"]
    treated = {each["pseudonym"] for each in draws if (each["jobcentre"], each["arm"]) == ("849", "treatment")}
    assert {each["pseudonym"] for each in frozen["inputs"]} == treated
    assert not set(place.people) & {each["pseudonym"] for each in frozen["inputs"]}


def test_one_for_each_week_and_jobcentre(place: Place) -> None:
    other_week, elsewhere = place.freeze(week="2010-W51"), place.freeze(jobcentre="860")
    assert [each.status_code for each in (place.freeze(), other_week, elsewhere)] == [201, 201, 201]
    listed = place.agency.get(place.path).json()["items"]
    assert [(each["week"], each["jobcentre"]) for each in listed] == [
        ("2010-W50", "849"),
        ("2010-W50", "860"),
        ("2010-W51", "849"),
    ]
    assert elsewhere.json()["inputs"] == []


def test_a_week_that_is_not_over(place: Place) -> None:
    clock = place.register.clock
    before = clock.now
    try:
        for moment, status in (
            (datetime(2010, 12, 15, 12, tzinfo=UTC), 422),
            (datetime(2010, 12, 19, 22, 59, tzinfo=UTC), 422),
            (datetime(2010, 12, 19, 23, 1, tzinfo=UTC), 201),
        ):
            clock.now = moment
            answer = place.freeze()
            assert answer.status_code == status
            if status == 422:
                assert faults(answer.json()) == [("/week", "date_in_future")]
    finally:
        clock.now = before


def test_not_yours_or_not_there(place: Place) -> None:
    register = place.register
    assert place.freeze(jobcentre="580").status_code == 404
    bound = register.client("agency", jobcentres=["860"])
    assert place.freeze(bound).status_code == 404
    for role in ("case-system", "region", "auditor"):
        assert place.freeze(register.client(role)).status_code == 403
    assert place.agency.post("/v1/trials/none/grant-assessments", {"jobcentre": "849", "week": WEEK}).status_code == 404
    for body in ({}, {"jobcentre": "849"}, {"jobcentre": "849", "week": "2010-W60"}, {"jobcentre": 849, "week": WEEK}):
        assert place.agency.post(place.path, body).status_code == 422


def test_who_sees_which(place: Place) -> None:
    """Region and jobcentre see those of theirs, with figures of today; others nothing."""
    place.freeze()
    whole = place.agency.get(place.path).json()
    register = place.register
    assert register.client("region", regions=["nord"]).get(place.path).json() == whole
    assert register.case_system("849").get(place.path).json() == whole
    assert register.case_system("860").get(place.path).json() == {"items": []}
    assert register.client("region", regions=["syddanmark"]).get(place.path).json() == {"items": []}
    assert register.client("region", regions=["midtjylland"]).get(place.path).status_code == 404


def test_frozen_while_everybody_writes(fresh_register: Register) -> None:
    """Figures and inputs are of one moment, that of the watermark, whatever is being registered meanwhile."""
    place = place_in(fresh_register)
    stop = threading.Event()

    def write(number: int) -> None:
        day = 0
        while not stop.is_set():
            day += 1
            for participant in place.people[number::3]:
                place.talk(participant, f"2010-{11 + day % 2}-{15 + day % 13}")

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    try:
        frozen = [place.freeze(week=f"2010-W{week}").json() for week in range(46, 52)]
        listed = [place.agency.get(place.path).status_code for _ in range(3)]
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert listed == [200, 200, 200]
    for each in frozen:
        sums, figures = sums_of(each), each["frozen"]["figures"]
        assert {name: figures[name] for name in sums if name in figures} == {
            name: sums[name] for name in sums if name in figures
        }
        assert place.conditions(each["week"], known_at=each["watermark"]) == each["frozen"]
    assert register_faults(fresh_register) == []
