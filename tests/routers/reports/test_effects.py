"""Effects over the API (domain 5 [E]): outcomes delivered by a register, read by whom figures are for."""

import csv
import io
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from app.domain.rules.calendar import week_code
from tests.register import Client, Register, record_id

CSV = {"Accept": "text/csv"}
MONDAY = date(2010, 11, 8)


def outcome(participant: str, k: int, status: str, **more: Any) -> dict[str, Any]:
    week = week_code(MONDAY + timedelta(weeks=k))
    return {"external_id": record_id(), "participant_id": participant, "week": week, "status": status, **more}


def drawn(register: Register, trial: str, many: int, jobcentre: str) -> dict[str, str]:
    answers = [register.screen(trial, jobcentre=jobcentre) for _ in range(many)]
    return {each["participant_id"]: each["assignment"]["arm"] for each in answers}


def deliver(register: Register, trial: str, records: list[dict[str, Any]]) -> None:
    system = register.client("register", client_id="dream")
    assert system.push(trial, "outcomes", records)["counts"]["created"] == len(records)


@pytest.fixture(scope="module")
def trial(register: Register) -> str:
    """Everyone of the treatment arm is employed from week 2 on, everyone else on benefit."""
    trial = register.new_trial()
    arms = drawn(register, trial, 16, "849") | drawn(register, trial, 16, "860")
    records = [
        outcome(someone, k, "employed", hours_per_week=20)
        if k > 1 and arm == "treatment"
        else outcome(someone, k, "benefit")
        for someone, arm in arms.items()
        for k in range(4)
    ]
    deliver(register, trial, records)
    return trial


@pytest.fixture(scope="module")
def agency(register: Register) -> Client:
    return register.client("agency")


def effects(client: Client, trial: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get(f"/v1/trials/{trial}/effects", **parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def row(report: Mapping[str, Any], k: int, of: str) -> dict[str, Any]:
    (found,) = [each for each in report["items"] if (each["weeks_since_assignment"], each["outcome"]) == (k, of)]
    each: dict[str, Any] = found
    return each


def test_employment_hours_and_success(trial: str, agency: Client) -> None:
    report = effects(agency, trial)
    assert (report["outcomes_until"], report["after_weeks"], report["smallest_group"]) == ("2010-W48", 3, 5)
    employment = row(report, 3, "employment")
    assert (employment["treatment"]["mean"], employment["control"]["mean"], employment["difference"]) == (1, 0, 1)
    assert employment["treatment"]["people"] + employment["control"]["people"] == 32
    assert row(report, 1, "employment")["difference"] == 0
    assert row(report, 3, "accumulated_hours")["difference"] == 40
    (pooled,) = [each for each in report["effects"] if each["outcome"] == "employment"]
    assert pooled["difference"] == pytest.approx(1)
    assert pooled["jobcentres"] == 2
    assert [each["criterion"] for each in report["success"]] == [
        "job_or_education",
        "part_time_job",
        "workplace_activation",
        None,
    ]
    assert report["success"][0]["difference"] == 1


def test_a_longer_or_shorter_look(trial: str, agency: Client) -> None:
    assert effects(agency, trial, after_weeks=1)["after_weeks"] == 1
    assert effects(agency, trial, after_weeks=300)["by_jobcentre"] == []
    for faulty in (-1, 521, "a"):
        assert agency.get(f"/v1/trials/{trial}/effects", after_weeks=faulty).status_code == 422


def test_who_sees_which(register: Register, trial: str, agency: Client) -> None:
    """A jobcentre's figures are made of its people, whoever asks; nobody else's come with them."""
    nord, own = register.client("region", regions=["nord"]), register.case_system("849")
    report = effects(agency, trial, jobcentre="849")
    assert effects(nord, trial, jobcentre="849") == effects(own, trial, jobcentre="849") == report
    people = row(report, 0, "employment")
    assert people["treatment"]["people"] + people["control"]["people"] == 16
    assert {each["jobcentre"] for each in report["by_jobcentre"]} <= {"849"}
    path = f"/v1/trials/{trial}/effects"
    for client, jobcentre in ((nord, None), (nord, "450"), (own, None), (own, "860"), (agency, "101")):
        assert client.get(path, jobcentre=jobcentre).status_code == 404
    assert register.client("evaluator").get(path).status_code == 403


def test_a_pilot_has_no_effects(register: Register, agency: Client) -> None:
    """Domain 3.3: a pilot is in nobody's figures; its own effects are refused."""
    pilot = register.new_trial(pilot=True)
    answer = agency.get(f"/v1/trials/{pilot}/effects")
    assert (answer.status_code, answer.json()["code"]) == (409, "pilot_trial")
    stranger = register.case_system("101")
    assert stranger.get(f"/v1/trials/{pilot}/effects").status_code == 404


def test_small_groups_are_hidden(register: Register, agency: Client) -> None:
    trial = register.new_trial()
    arms = drawn(register, trial, 40, "849")
    worker = next(iter(arms))
    deliver(register, trial, [outcome(each, 1, "employed" if each == worker else "benefit") for each in arms])
    found = row(effects(agency, trial, after_weeks=1), 1, "employment")
    mine = found[arms[worker]]
    assert (mine["count"], mine["mean"], mine["hidden"], found["difference"]) == (None, None, True, None)
    assert mine["people"] == list(arms.values()).count(arms[worker])


def test_nothing_delivered(register: Register, agency: Client) -> None:
    trial = register.new_trial()
    assert effects(agency, trial)["items"] == []
    drawn(register, trial, 3, "849")
    report = effects(agency, trial)
    assert (report["warnings"], report["outcomes_until"], report["after_weeks"]) == (["no_outcomes"], None, None)


def test_duplicates_are_left_out(register: Register, agency: Client) -> None:
    """Domain 3.3: their outcomes pass to the earlier participant."""
    trial, system = register.new_trial(), register.case_system()
    body = register.screening()
    earlier = system.post(f"/v1/trials/{trial}/participants", body).json()
    later = register.drawn(trial)
    deliver(register, trial, [outcome(later, 2, "education")])
    register.correct(trial, later, body["cpr"])
    found = row(effects(agency, trial), 2, "education")
    assert found["treatment"]["people"] + found["control"]["people"] == 1
    assert found[earlier["assignment"]["arm"]]["missing"] == 0


def test_as_known_then(register: Register, agency: Client) -> None:
    trial = register.new_trial()
    arms = drawn(register, trial, 20, "849")
    deliver(register, trial, [outcome(each, 1, "other") for each in arms])
    before = effects(agency, trial)
    deliver(register, trial, [outcome(each, 1, "employed", hours_per_week=37) for each in arms])
    after = effects(agency, trial)
    assert row(before, 1, "employment")["control"]["mean"] == 0
    assert row(after, 1, "employment")["control"]["mean"] == 1
    assert effects(agency, trial, known_at=before["watermark"]) == before != after


def test_csv_and_audit(register: Register, trial: str, agency: Client) -> None:
    answer = agency.request("GET", f"/v1/trials/{trial}/effects", headers=CSV)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    items = effects(agency, trial)["items"]
    assert [each["treatment.people"] for each in rows] == [str(each["treatment"]["people"]) for each in items]
    register.client("agency", client_id="reader-of-effects").get(f"/v1/trials/{trial}/effects")
    entries = register.client("auditor").get("/v1/audit", client_id="reader-of-effects").json()["items"]
    assert any(each["action"] == "effects.read" and each["trial"] == trial for each in entries)
