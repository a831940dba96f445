"""Why due conversations are missing, and the rates counted by person, in the weekly summary (domain 5)."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.register import Client, Register, record_id

MISSED = (
    ("2010-11-15", {"status": "no_show"}),
    ("2010-11-15", {"status": "cancelled"}),  # the first that applies is the no-show
    ("2010-11-22", {"status": "cancelled"}),
    ("2010-11-22", {"form": "group"}),
    ("2010-11-29", {"conducted_by": "mentor"}),
    ("2010-12-06", {"form": "group"}),
)


@pytest.fixture
def trial(register: Register) -> str:
    return register.new_trial()


def drawn(register: Register, trial: str, arm: str) -> str:
    """Someone who was drawn to the arm, after as many of the other one as it took."""
    while True:
        person = register.drawn(trial, interview_on="2010-11-08")
        path = f"/v1/trials/{trial}/participants/{person}"
        if register.case_system().get(path).json()["arm"] == arm:
            return person


def send(client: Client, trial: str, kind: str, person: str, *records: dict[str, Any]) -> None:
    sent = [{"external_id": record_id(), "participant_id": person, **record} for record in records]
    assert client.push(trial, kind, sent)["counts"]["created"] == len(sent)


def row_of(client: Client, trial: str, arm: str = "treatment", **parameters: str) -> dict[str, Any]:
    rows = client.get(f"/v1/trials/{trial}/weekly-summary", by="trial", **parameters).json()["items"]
    return next(row for row in rows if row["arm"] == arm)


def test_why_a_due_conversation_is_missing(register: Register, trial: str) -> None:
    """Domain 5: the first that applies to that week of no_show, cancelled, mentor_only, not_accepted, nothing."""
    person, agency = drawn(register, trial, "control"), register.client("agency")
    send(register.case_system(), trial, "conversations", person, *({"date": day, **talk} for day, talk in MISSED))
    reasons = ("no_show", "cancelled", "mentor_only", "not_accepted", "nothing")
    for week, reason in zip(("W46", "W47", "W48", "W49", "W50"), reasons, strict=True):
        row = row_of(agency, trial, "control", week=f"2010-{week}")
        missing = row["missing_because"]
        assert missing[reason] >= 1, (week, missing)
        assert sum(missing.values()) == row["conversation_due"] - row["conversation_held"]
        assert sum(missing.values()) == row["deviations"]["conversation_missing"]


def test_the_running_week_misses_nothing_yet(register: Register, trial: str) -> None:
    """Domain 4.3: a week that is not over has no deviations, and nothing is missing in it."""
    drawn(register, trial, "treatment")
    register.clock.now, before = datetime(2010, 11, 17, 12, tzinfo=UTC), register.clock.now
    try:
        row = row_of(register.client("agency"), trial, week="2010-W46")
    finally:
        register.clock.now = before
    assert (row["conversation_due"] > 0, row["missing_because"], row["deviations"]) == (True, {}, {})


def test_rates_by_person(register: Register, trial: str) -> None:
    """Domain 5, "By person": ever activated, ever at a workplace, of those with any week due; at least 80 % held."""
    agency, system = register.client("agency"), register.case_system()
    people = [drawn(register, trial, "treatment") for _ in range(2)]
    drawn(register, trial, "control")
    # five conversations due to W50, of which the first held four (80 %), the second three
    for person, held in zip(people, (4, 3), strict=True):
        days = ("2010-11-15", "2010-11-22", "2010-11-29", "2010-12-06")[:held]
        send(system, trial, "conversations", person, *({"date": day} for day in days))
    # programme week 9 is 2011-W01
    placement = {"type": "work_placement_public", "starts_on": "2011-01-17", "hours_per_week": 20}
    offer = {"type": "other_offer", "starts_on": "2011-01-10", "ends_on": "2011-01-14", "hours_per_week": 20}
    send(system, trial, "activations", people[0], placement)
    send(system, trial, "activations", people[1], offer)

    def by_person(week: str, **parameters: str) -> Any:
        return row_of(agency, trial, week=week, **parameters)["by_person"]

    everyone = by_person("2010-W46")["conversation"]["people"]
    assert by_person("2010-W45")["conversation"] == {"people": 0, "held_80": 0}
    for week, held_80 in (("W48", 2), ("W49", 1), ("W50", 1), ("W51", 0)):
        assert by_person(f"2010-{week}")["conversation"] == {"people": everyone, "held_80": held_80}
    nobody = {"people": 0, "ever_activated": 0, "ever_workplace": 0}
    assert (by_person("2010-W45")["activation"], by_person("2010-W52")["activation"]) == (nobody, nobody)
    steps = [by_person(week)["activation"] for week in ("2011-W01", "2011-W02", "2011-W03", "2011-W20")]
    assert [(step["ever_activated"], step["ever_workplace"]) for step in steps] == [(0, 0), (1, 0), (2, 1), (2, 1)]
    assert {step["people"] for step in steps} == {everyone}
    assert row_of(agency, trial, "control", week="2011-W03")["by_person"] is None
    spanned = agency.get(f"/v1/trials/{trial}/weekly-summary", by="trial", week="2011-W03", **{"from": "2011-W02"})
    assert [row["by_person"] for row in spanned.json()["items"] if row["arm"] == "treatment"] == [
        by_person("2011-W02"),
        by_person("2011-W03"),
    ]
    _check_csv(agency, trial)
    _check_as_known_then(register, agency, trial, people[1])


def _check_csv(agency: Client, trial: str) -> None:
    """Every reason and every number has a column, of both arms."""
    path, parameters = f"/v1/trials/{trial}/weekly-summary", {"week": "2011-W03", "by": "trial"}
    answered = agency.request("GET", path, params=parameters, headers={"Accept": "text/csv"})
    treatment, control = csv.DictReader(io.StringIO(answered.text, newline=""))
    assert (treatment["by_person.activation.ever_activated"], control["by_person.activation.people"]) == ("2", "")
    assert treatment["missing_because.no_show"] == "0"


def _check_as_known_then(register: Register, agency: Client, trial: str, person: str) -> None:
    """Domain 5: ``known_at`` gives the same; what was registered afterwards is left out."""
    then, before = datetime.now(UTC).isoformat(), register.clock.now
    was = {week: row_of(agency, trial, week=week) for week in ("2010-W50", "2011-W03")}
    send(register.case_system(), trial, "conversations", person, {"date": "2010-12-13"})
    register.clock.now = datetime.now(UTC)
    try:
        for week, row in was.items():
            assert row_of(agency, trial, week=week, known_at=then) == row
        assert row_of(agency, trial, week="2010-W50")["by_person"]["conversation"]["held_80"] == 2
    finally:
        register.clock.now = before
