"""The data-quality report: who sees what, known when, as JSON and CSV; the rules themselves are tested in domain."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.facts import KINDS
from tests.register import Client, Register, record_id
from tests.routers.participants.correction_place import Place as Corrections

CSV = {"Accept": "text/csv"}
IN_MARCH = datetime(2011, 3, 1, 12, tzinfo=UTC)


@contextmanager
def at(register: Register, moment: datetime) -> Iterator[None]:
    before, register.clock.now = register.clock.now, moment
    try:
        yield
    finally:
        register.clock.now = before


class Place:
    """A trial in whose jobcentre 849 someone was forgotten, and another left and came back unsaid."""

    def __init__(self, register: Register) -> None:
        self.register = register
        self.trial = register.new_trial()
        self.forgotten = register.drawn(self.trial)
        self.returned = register.drawn(self.trial)
        self.elsewhere = register.drawn(self.trial, jobcentre="450")
        self.send("presence-events", self.returned, kind="exit", date="2010-12-01", reason="job")
        self.send("conversations", self.returned, date="2010-12-08")

    def send(self, of_kind: str, participant: str, /, **facts: Any) -> None:
        record = {"external_id": record_id(), "participant_id": participant, **facts}
        report = self.register.case_system().push(self.trial, of_kind, [record])
        assert report["counts"]["created"] == 1, report

    def read(self, client: Client, moment: datetime = IN_MARCH, **parameters: Any) -> Any:
        with at(self.register, moment):
            return client.get(f"/v1/trials/{self.trial}/data-quality", **parameters)

    def found(self, client: Client, moment: datetime = IN_MARCH, **parameters: Any) -> dict[tuple[str, str], Any]:
        """Findings by jobcentre and code; when sources delivered is the database's clock, and not the test's."""
        answer = self.read(client, moment, **parameters)
        assert answer.status_code == 200, answer.text
        return {(each["jobcentre"], each["code"]): each for each in answer.json()["items"]}


@pytest.fixture(scope="module")
def place(register: Register) -> Place:
    return Place(register)


def test_what_is_found_and_in_whom(place: Place) -> None:
    found = place.found(place.register.case_system())
    assert found.keys() == {("849", "no_records"), ("849", "reentry_due"), ("450", "no_records")}
    assert found["849", "no_records"] == {
        **dict.fromkeys(("total", "kind", "client_id", "last_on", "weekday")),
        "code": "no_records",
        "jobcentre": "849",
        "count": 1,
        "participants": [place.forgotten],
    }
    assert found["849", "reentry_due"]["participants"] == [place.returned]


def test_a_jobcentre_sees_its_own(place: Place) -> None:
    neighbour = place.register.case_system("849", "860")
    assert {code for code, _ in place.found(neighbour)} == {"849"}
    assert place.found(neighbour, jobcentre="860") == {}
    for stranger in (place.register.case_system("580"), place.register.case_system("849")):
        answer = place.read(stranger, jobcentre="450")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert place.read(place.register.case_system("580")).status_code == 404


@pytest.mark.parametrize("form", ["json", "csv"])
def test_region_and_agency_see_counts_and_no_person(place: Place, form: str) -> None:
    """Api.md: a region sees figures and no person; the agency has no scope to read people."""
    region = place.register.client("region", regions=["nord"])
    assert {code for code, _ in place.found(region)} == {"849"}
    for client in (region, place.register.client("agency")):
        with at(place.register, IN_MARCH):
            headers = CSV if form == "csv" else {}
            answer = client.request("GET", f"/v1/trials/{place.trial}/data-quality", headers=headers)
        assert "reentry_due" in answer.text
        assert not [person for person in (place.forgotten, place.returned, place.elsewhere) if person in answer.text]
        if form == "json":
            assert {each["participants"] for each in answer.json()["items"]} == {None}


def test_csv_has_the_same_columns_and_rows(place: Place) -> None:
    system = place.register.case_system()
    path = f"/v1/trials/{place.trial}/data-quality"
    with at(place.register, IN_MARCH):
        full = system.request("GET", path, headers=CSV)
        empty = system.request("GET", path, headers=CSV, params={"jobcentre": "860"})
        again = system.request("GET", path, headers={**CSV, "If-None-Match": full.headers["etag"]})
    rows = list(csv.DictReader(io.StringIO(full.text)))
    findings = [row for row in rows if row["code"] in ("no_records", "reentry_due")]
    assert {row["code"] for row in rows} > {row["code"] for row in findings}, "signs are rows too"
    assert {(row["jobcentre"], row["code"]): row["participants"] for row in findings} == {
        ("450", "no_records"): place.elsewhere,
        ("849", "no_records"): place.forgotten,
        ("849", "reentry_due"): place.returned,
    }
    assert full.text.split("\r\n")[0] == empty.text.split("\r\n")[0]
    assert empty.text.count("\r\n") == 1
    assert again.status_code == 304


def test_as_of_a_day(place: Place) -> None:
    """Weeks pass and people are missed; once the trial is over its last day stands for today."""
    system = place.register.case_system()
    soon = datetime(2010, 12, 6, 12, tzinfo=UTC)  # 28 days after the draw
    assert place.found(system, soon) == {}
    assert ("849", "no_records") in place.found(system, soon + timedelta(days=1))
    later = datetime(2013, 1, 1, tzinfo=UTC)
    assert ("849", "no_records") in place.found(system, later)
    assert place.read(system, later).json()["as_of"] == "2013-01-01"


def test_as_known_then(register: Register) -> None:
    """Domain 5: what was registered afterwards is left out. The register's moments are the database's, long after."""
    place = Place(register)
    system = register.case_system()
    far = datetime(2030, 1, 1, tzinfo=UTC)
    first = place.read(system, far).json()
    place.send("exemptions", place.forgotten, scope="both", ground="illness", starts_on="2010-12-01")
    assert ("849", "no_records") not in place.found(system, far)
    then = place.read(system, far, known_at=first["watermark"]).json()
    assert [each for each in then["items"] if each["code"] != "source_silent"] == [
        each for each in first["items"] if each["code"] != "source_silent"
    ]
    assert then["watermark"] == first["watermark"]
    assert place.read(system, far, known_at="1999-01-01T00:00:00Z").json()["items"] == []


def test_a_source_that_has_gone_silent(register: Register) -> None:
    """In a trial that lasts beyond the moment at which the database received the records."""
    received = register.clock.now
    trial = register.new_trial(ends_on="2029-12-31")
    participant = register.drawn(trial)
    sender = register.case_system("849", client_id="momentum-849")
    record = {"external_id": record_id(), "participant_id": participant, "date": "2010-11-16"}
    sender.push(trial, "conversations", [record])
    path = f"/v1/trials/{trial}/data-quality"
    agency = register.client("agency")
    assert received < datetime(2029, 1, 1, tzinfo=UTC)
    with at(register, datetime(2029, 12, 1, tzinfo=UTC)):
        (found,) = (each for each in agency.get(path).json()["items"] if each["code"] == "source_silent")
    assert (found["client_id"], found["kind"], found["jobcentre"]) == ("momentum-849", "conversations", "849")
    last = datetime.fromisoformat(found["last_on"]).replace(tzinfo=UTC)
    assert found["count"] == (datetime(2029, 12, 1, tzinfo=UTC) - last).days
    assert found["kind"] in KINDS
    with at(register, last + timedelta(days=14, hours=12)):
        assert "source_silent" not in agency.get(path).text


def test_the_same_person_twice(register: Register) -> None:
    """Domain 3.3: the later draw is shown where it was made, and the earlier one nowhere."""
    place = Corrections(register, register.new_trial(), register.case_system())
    first, number = place.screened(jobcentre="450")
    second, _ = place.screened(jobcentre="849")
    assert place.correct(second, number).status_code == 200
    with at(register, IN_MARCH):
        report = place.system.get(f"{place.path}/data-quality").json()["items"]
    twice = [each for each in report if each["code"] == "same_person_twice"]
    assert [(each["jobcentre"], each["count"], each["participants"]) for each in twice] == [("849", 1, [second])]
    assert [each["participants"] for each in report if each["code"] == "no_records"] == [[first]]


def test_reading_is_audited(place: Place) -> None:
    place.found(place.register.client("agency", client_id="quality-reader"), jobcentre="849")
    entries = place.register.client("auditor").get("/v1/audit", client_id="quality-reader").json()["items"]
    assert [(each["action"], each["jobcentre"]) for each in entries] == [("data_quality.read", "849")]
