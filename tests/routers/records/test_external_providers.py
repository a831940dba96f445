"""Conversations held by an external provider count where the trial lets the jobcentre have that (domain 4.5, 4.8)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.register import JOBCENTRES, Client, Register, record_id

TALK = {"date": "2010-11-16", "conducted_by": "external_provider"}


@pytest.fixture
def trial(register: Register) -> str:
    """Jammerbugt lets external providers hold conversations, Hjørring does not [E: Næstved]."""
    there = [{**each, "external_provider_talks": each["code"] != "860"} for each in JOBCENTRES]
    return register.new_trial(jobcentres=there)


def drawn_in(register: Register, trial: str, jobcentre: str) -> tuple[str, Client]:
    return register.drawn(trial, jobcentre=jobcentre), register.case_system(jobcentre)


def week_of(client: Client, trial: str, person: str) -> Any:
    return client.get(f"/v1/trials/{trial}/participants/{person}/weeks", until="2010-W46").json()["items"][-1]


@pytest.mark.parametrize(("jobcentre", "warnings"), [("849", []), ("860", ["external_provider_not_accepted"])])
def test_the_sender_hears_of_it_at_the_door(
    register: Register, trial: str, jobcentre: str, warnings: list[str]
) -> None:
    """Domain 4.8: stored, and warned of, in a batch as in a single write."""
    person, client = drawn_in(register, trial, jobcentre)
    sent = {"external_id": record_id(), "participant_id": person, **TALK}
    report = client.push(trial, "conversations", [sent], report="full")
    assert (report["results"][0]["outcome"], report["results"][0].get("warnings", [])) == ("created", warnings)
    put = client.put(f"/v1/trials/{trial}/conversations/{record_id()}", {"participant_id": person, **TALK})
    assert (put.status_code, put.json()["warnings"]) == (201, warnings)
    week = week_of(client, trial, person)
    assert week["conversation_held"] == (not warnings)
    assert ("conversation_missing" in week["deviations"]) == bool(warnings)


def test_a_trial_that_refuses_warns_of_it(register: Register) -> None:
    """Domain 4.8: it is none of the codes that a record is refused for."""
    there = [{**JOBCENTRES[0], "external_provider_talks": False}]
    trial = register.new_trial(jobcentres=there, enforcement="refuse")
    person, client = drawn_in(register, trial, str(JOBCENTRES[0]["code"]))
    put = client.put(f"/v1/trials/{trial}/conversations/{record_id()}", {"participant_id": person, **TALK})
    assert (put.status_code, put.json()["warnings"]) == (201, ["external_provider_not_accepted"])


def test_figures_know_it_too(register: Register, trial: str) -> None:
    """Domain 5: as stored, and as known then, which is counted anew."""
    agency = register.client("agency")
    for jobcentre in ("849", "860"):
        person, client = drawn_in(register, trial, jobcentre)
        client.push(trial, "conversations", [{"external_id": record_id(), "participant_id": person, **TALK}])
    path = f"/v1/trials/{trial}/weekly-summary"
    rows = agency.get(path, week="2010-W46").json()["items"]
    assert {row["group"]["jobcentre"]: row["forms"] for row in rows} == {"849": {"in_person": 1}, "860": {}}
    then = datetime.now(UTC).isoformat()
    person, client = drawn_in(register, trial, "860")
    client.push(trial, "conversations", [{"external_id": record_id(), "participant_id": person, **TALK}])
    register.clock.now, before = datetime.now(UTC), register.clock.now
    try:
        assert agency.get(path, week="2010-W46", known_at=then).json()["items"] == rows
    finally:
        register.clock.now = before
