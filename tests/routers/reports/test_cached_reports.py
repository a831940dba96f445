"""A weekly summary is kept as long as nothing was registered or delivered, and is nobody else's."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.domain.figures.summary import summary_rows
from app.routers.reports import weekly_summary as reports
from tests.database import query
from tests.register import Register, record_id

WEEK = "2010-W46"


class Place:
    """Two processes on one database, and a person in each jobcentre; ``made`` counts the summaries that were made."""

    def __init__(self, register: Register, other: Register) -> None:
        self.register, self.other = register, other
        self.trial = register.new_trial()
        self.people = {code: register.drawn(self.trial, jobcentre=code) for code in ("849", "860", "450")}
        self.made = 0

    def push(self, register: Register, code: str, external_id: str | None = None) -> None:
        record = {"external_id": external_id or record_id(), "participant_id": self.people[code], "date": "2010-11-15"}
        register.case_system(client_id=f"of-{code}").push(self.trial, "conversations", [record])

    def summary(self, register: Register, **parameters: Any) -> dict[str, Any]:
        response = register.client("agency").get(
            f"/v1/trials/{self.trial}/weekly-summary", **{"week": WEEK, **parameters}
        )
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def held(self, register: Register, **parameters: Any) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in self.summary(register, **parameters)["items"]:
            code = row["group"].get("jobcentre", "all")
            found[code] = found.get(code, 0) + sum(row["forms"].values())
        return found


@pytest.fixture
def place(
    fresh_register: Register, new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    with Register(fresh_register.database_url, fresh_register.settings.data_dir) as other:
        place = Place(fresh_register, other)

        def counted(*arguments: Any) -> Any:
            place.made += 1
            return summary_rows(*arguments)

        monkeypatch.setattr(reports, "summary_rows", counted)
        yield place


def test_the_same_again_is_not_made_again(place: Place) -> None:
    first = place.summary(place.register)
    assert place.made == 1
    assert place.summary(place.register) == first
    assert place.made == 1
    for asked in ({"by": "trial"}, {"by": "region"}, {"week": "2010-W47"}, {"from": "2010-W45"}):
        before = place.made
        assert place.summary(place.register, **asked) == place.summary(place.register, **asked)
        assert place.made == before + 1


@pytest.mark.parametrize("by", ["jobcentre", "trial"])
def test_what_was_registered_is_in_every_summary_asked_for_afterwards(place: Place, by: str) -> None:
    counts: dict[str, int] = {}
    for number in range(6):
        code = ("849", "860", "450")[number % 3]
        place.push((place.register, place.other)[number % 2], code)
        key = code if by == "jobcentre" else "all"
        counts[key] = counts.get(key, 0) + 1
        for register in (place.register, place.other):
            assert place.held(register, by=by) | counts == place.held(register, by=by)
            assert place.held(register, by=by)[key] == counts[key]


def test_a_registration_that_is_committed_late_is_in_it(place: Place) -> None:
    """Its moment is earlier than the latest one of another jobcentre, so that the watermark stays what it was."""
    place.push(place.register, "860")
    place.push(place.register, "849")
    before = place.summary(place.register)
    query(
        place.register.database_url,
        "update week_count set other = add_counts(other, '{\"no_shows\": 7}')"
        " where jobcentre_code = '860' and monday = '2010-11-15'",
        "update stratum set last_registered_at = last_registered_at + interval '1 microsecond'"
        " where jobcentre_code = '860' returning 1",
    )
    after = place.summary(place.register)
    assert after["watermark"] == before["watermark"]
    assert [row["no_shows"] for row in after["items"] if row["group"] == {"jobcentre": "860"}] == [7]


def test_that_the_same_was_delivered_again_is_told(place: Place) -> None:
    place.push(place.register, "849", "again")
    before = place.summary(place.register)
    place.push(place.other, "849", "again")
    after = place.summary(place.register)
    assert after["watermark"] == before["watermark"]
    assert after["sources"][0]["last_received_at"] > before["sources"][0]["last_received_at"]


def test_a_new_day_is_another_summary(place: Place) -> None:
    before = place.summary(place.register)
    place.register.clock.now = place.register.clock.now.replace(day=2)
    assert place.summary(place.register)["as_of"] != before["as_of"]


def test_nobody_gets_what_another_may_see(place: Place) -> None:
    path = f"/v1/trials/{place.trial}/weekly-summary"
    whole = place.summary(place.register)
    assert {row["group"]["jobcentre"] for row in whole["items"]} == {"849", "860", "450"}
    register = place.register
    for reader, codes in (
        (register.client("region", regions=["nord"]), {"849", "860"}),
        (register.client("region", regions=["syddanmark"]), {"450"}),
        (register.case_system("860"), {"860"}),
    ):
        for _ in range(2):
            rows = reader.get(path, week=WEEK).json()["items"]
            assert {row["group"]["jobcentre"] for row in rows} == codes
    assert register.case_system("999").get(path, week=WEEK).status_code == 404
    assert register.client("auditor").get(path, week=WEEK).status_code == 403


def test_304_while_nothing_changed_and_in_the_format_asked_for(place: Place) -> None:
    path, agency = f"/v1/trials/{place.trial}/weekly-summary?week={WEEK}", place.register.client("agency")
    tags = {}
    for accept in ("application/json", "text/csv"):
        response = agency.request("GET", path, headers={"Accept": accept})
        assert response.headers["content-type"].startswith(accept)
        tags[accept] = response.headers["etag"]
        again = {"Accept": accept, "If-None-Match": tags[accept]}
        assert agency.request("GET", path, headers=again).status_code == 304
    assert len(set(tags.values())) == 2
    place.push(place.other, "450")
    for accept, tag in tags.items():
        response = agency.request("GET", path, headers={"Accept": accept, "If-None-Match": tag})
        assert response.status_code == 200
        assert response.headers["etag"] != tag


def test_a_kept_summary_is_noted_each_time(place: Place) -> None:
    for _ in range(3):
        place.summary(place.register)
    noted = query(
        place.register.database_url,
        "select details from audit_entry where action = 'weekly_summary.read' and trial_id = $1",
        arguments=[place.trial],
    )
    assert len(noted) == 3
