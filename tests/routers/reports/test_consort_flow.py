"""The flow of people over the API (CONSORT, domain 5 "Flow")."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from tests.register import Client, Register, new_cpr, record_id

CSV = {"Accept": "text/csv"}


def flow(client: Client, trial: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get(f"/v1/trials/{trial}/flow", **parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    adds_up(found)
    return found


def adds_up(report: dict[str, Any]) -> None:
    """Screened = ineligible + eligible, eligible = waiting + withdrawn + drawn, drawn = treatment + control."""
    eligible = report["eligible"]
    assert report["screened"] == report["ineligible"]["people"] + eligible["people"]
    assert eligible["people"] == eligible["waiting"] + eligible["withdrawn"] + eligible["drawn"]
    assert eligible["drawn"] == sum(arm["drawn"] for arm in report["arms"])
    for arm in report["arms"]:
        assert arm["exited"]["people"] == sum(arm["exited"]["by_reason"].values()) <= arm["drawn"]
        assert max(arm["in_trial"], arm["complete"], arm["re_entered"]) <= arm["drawn"]


def supplement(register: Register, trial: str, **changes: Any) -> dict[str, Any]:
    return register.screen(trial, channel="supplement", unemployed_since="2010-10-01", **changes)


@pytest.fixture
def agency(register: Register) -> Client:
    return register.client("agency")


def test_everyone_screened(register: Register, agency: Client) -> None:
    """Domain 3.1, 5: by the latest screening; ineligible under each code; waiting, withdrawn, drawn."""
    trial = register.new_trial()
    assert flow(agency, trial)["screened"] == 0
    anna = new_cpr()
    for day, group in (("2010-11-08", 1), ("2010-11-15", 3), ("2010-11-22", 2)):
        register.screen(trial, cpr=anna, interview_on=day, match_group=group)
    register.screen(trial, match_group=1, benefit="other")
    register.screen(trial, jobcentre="999")
    supplement(register, trial)
    candidate = supplement(register, trial)["participant_id"]
    withdrawal = f"/v1/trials/{trial}/participants/{candidate}/withdrawal"
    assert register.case_system().post(withdrawal, {"reason": "job"}).status_code == 200
    found = flow(agency, trial)
    codes = {"not_match_group_2": 1, "unknown_jobcentre": 1, "wrong_benefit": 1}
    assert found["ineligible"] == {"people": 2, "by_code": codes}
    assert found["eligible"] == {"people": 3, "waiting": 1, "withdrawn": 1, "drawn": 1}
    assert flow(agency, trial, jobcentre="849")["screened"] == 4
    assert flow(register.client("region", regions=["nord"]), trial)["screened"] == 4


def test_a_person_drawn_stays_drawn_and_is_not_available_elsewhere(register: Register, agency: Client) -> None:
    """Domain 3.3: the trial counts the person once, each jobcentre by what it knows."""
    trial, cpr = register.new_trial(), new_cpr()
    register.screen(trial, cpr=cpr)
    register.screen(trial, cpr=cpr, jobcentre="860", interview_on="2010-11-15")
    assert flow(agency, trial)["screened"] == flow(agency, trial)["eligible"]["drawn"] == 1
    assert flow(agency, trial, jobcentre="849")["eligible"]["drawn"] == 1
    assert flow(agency, trial, jobcentre="860")["ineligible"]["by_code"] == {"not_available": 1}


def test_out_back_and_through(register: Register, agency: Client) -> None:
    """Domain 4.1, 5: the last exit that took effect, re-entries, in the trial on a day, complete."""
    trial = register.new_trial()
    answer = register.screen(trial)
    person, arm = answer["participant_id"], answer["assignment"]["arm"]
    events = [
        {"kind": "exit", "date": "2010-12-06", "reason": "job"},
        {"kind": "exit", "date": "2010-12-08", "reason": "moved"},
        {"kind": "re_entry", "date": "2011-01-10"},
    ]
    records = [{"external_id": record_id(), "participant_id": person, **event} for event in events]
    assert register.case_system().push(trial, "presence-events", records)["counts"]["created"] == 3
    place = {"type": "work_placement_public", "starts_on": "2010-11-08", "ends_on": None, "hours_per_week": 20}
    record = {"external_id": record_id(), "participant_id": person, **place}
    assert register.case_system().push(trial, "activations", [record])["counts"]["created"] == 1

    def mine(**parameters: Any) -> dict[str, Any]:
        (found,) = [each for each in flow(agency, trial, **parameters)["arms"] if each["arm"] == arm]
        each: dict[str, Any] = found
        return each

    out = mine(on="2010-12-20")
    assert (out["in_trial"], out["re_entered"], out["exited"]["by_reason"]["job"], out["complete"]) == (0, 1, 1, 1)
    assert out["exited"]["people"] == 1
    assert mine(on="2010-12-05")["in_trial"] == mine(on="2011-01-10")["in_trial"] == 1
    assert mine()["in_trial"] == mine(on="2010-11-07")["in_trial"] == 0
    tomorrow = agency.get(f"/v1/trials/{trial}/flow", on="2012-06-02")
    assert (tomorrow.status_code, tomorrow.json()["errors"][0]["code"]) == (422, "date_in_future")


def steps(register: Register, trial: str, system: Client) -> Iterator[str]:
    """A trial's intake, one registration at a time."""
    path = f"/v1/trials/{trial}/participants"
    anna, bo = new_cpr(), new_cpr()
    register.screen(trial, cpr=anna, match_group=1)
    yield "ineligible"
    candidate = supplement(register, trial, cpr=bo)["participant_id"]
    yield "waiting"
    assert system.post(f"{path}/{candidate}/withdrawal", {"reason": "job"}).status_code == 200
    yield "withdrawn"
    register.screen(trial, cpr=anna, interview_on="2010-11-15")
    yield "drawn after all"
    supplement(register, trial, cpr=bo, interview_on="2010-11-16")
    yield "waiting again"
    assert system.post(f"{path}/{candidate}/withdrawal", {"reason": "moved"}).status_code == 200
    yield "withdrawn again"
    carl = register.drawn(trial, jobcentre="860")
    yield "drawn"
    event = {"participant_id": carl, "kind": "exit", "date": "2010-12-01", "reason": "job"}
    system.push(trial, "presence-events", [{"external_id": record_id(), **event}])
    yield "exit"
    register.correct(trial, carl, anna)
    yield "duplicate"


def test_as_known_then(register: Register, agency: Client) -> None:
    """Domain 5: at every moment of the past the flow is what it was then, withdrawals and duplicates included."""
    trial, system = register.new_trial(), register.case_system()
    seen = [(step, flow(agency, trial)) for step in steps(register, trial, system)]
    assert len({str(report) for _, report in seen}) == len(seen)
    for step, report in seen:
        assert {"step": step, **flow(agency, trial, known_at=report["watermark"])} == {"step": step, **report}


def test_duplicates_leave_the_flow(register: Register, agency: Client) -> None:
    """Domain 3.3: the earlier draw governs; the jobcentre of the later one knows nobody any more."""
    trial = register.new_trial()
    cpr = new_cpr()
    register.screen(trial, cpr=cpr)
    later = register.drawn(trial, jobcentre="860")
    register.correct(trial, later, cpr)
    assert flow(agency, trial)["screened"] == flow(agency, trial)["eligible"]["drawn"] == 1
    assert flow(agency, trial, jobcentre="860")["screened"] == 0


def test_who_sees_which(register: Register, agency: Client) -> None:
    trial = register.new_trial()
    register.screen(trial)
    nord, path = register.client("region", regions=["nord"]), f"/v1/trials/{trial}/flow"
    assert flow(nord, trial, jobcentre="849") == flow(agency, trial, jobcentre="849")
    assert nord.get(path, jobcentre="450").status_code == register.case_system("101").get(path).status_code == 404
    assert flow(nord, trial)["jobcentres"] == ["849", "860"]
    assert register.client("evaluator").get(path).status_code == 403


def test_csv(register: Register, agency: Client) -> None:
    trial = register.new_trial()
    register.screen(trial, match_group=1)
    answer = agency.request("GET", f"/v1/trials/{trial}/flow", headers=CSV)
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert rows[0] == {"stage": "screened", "arm": "", "code": "", "people": "1", "jobcentre": ""}
    ineligible = {"stage": "ineligible", "arm": "", "code": "not_match_group_2", "people": "1", "jobcentre": ""}
    assert ineligible in rows
    assert {"stage": "exited", "arm": "control", "code": "job", "people": "0", "jobcentre": ""} in rows
    assert {"stage": "number_corrected", "arm": "", "code": "", "people": "0", "jobcentre": "849"} in rows
