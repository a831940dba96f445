"""Requirements of each protocol (domain 6): what a screening states, which failures, grants and reports there are."""

from typing import Any

import pytest

from app.protocols import protocols
from tests.database import tamper
from tests.register import Client, Register, new_cpr, record_id
from tests.routers.protocols.common import errors_of, rows_of, screen, talks, trial_of


@pytest.mark.parametrize(
    ("protocol", "needed"),
    [
        ("aht-2008-sickness", {"benefit": "sickness_benefit"}),
        ("aht-2008-flexjob", {"unemployed_since": "2008-10-05", "circumstances": ["referred_to_flexjob"]}),
        ("flex-2016", {"target_group": 2}),
    ],
)
def test_a_screening_states_what_the_protocol_looks_at(
    register: Register, protocol: str, needed: dict[str, Any]
) -> None:
    """Api.md: match group, channel and the like are asked for by ``prvij-*`` only; what else is sent is not kept."""
    trial = trial_of(register, protocol)
    (name, *_) = needed
    assert errors_of(screen(register, trial)) == {(f"/{name}", "missing_field")}
    plain = {"cpr": new_cpr(), "jobcentre": "849", "interview_on": "2009-01-05", **needed}
    answered = register.case_system().post(f"/v1/trials/{trial}/participants", plain)
    assert answered.status_code == 201, answered.text
    assert answered.json()["assignment"]["assigned_on"] == "2009-01-05"
    more = {**plain, "channel": "supplement", "match_group": 1, "at_job_interview": False, "exempt_from": "both"}
    again = register.case_system().post(f"/v1/trials/{trial}/participants", more)
    assert (again.status_code, again.json()) == (200, answered.json())
    shown = register.case_system().get(f"/v1/trials/{trial}/participants/{answered.json()['participant_id']}").json()
    assert shown["channel"] is None


@pytest.mark.parametrize("protocol", ["aht-2008-sickness", "aht-2008-flexjob"])
def test_a_sick_leave_and_a_job_may_be_told(register: Register, protocol: str) -> None:
    """Domain 6 [S]: at the screening ``sick_since`` and ``has_job`` may be told; they are facts like the others."""
    trial, system = trial_of(register, protocol), register.case_system()
    path = f"/v1/trials/{trial}/participants"
    body = {"cpr": new_cpr(), "jobcentre": "849", "interview_on": "2009-01-05", **STATED[protocol]}
    told = {**body, "sick_since": "2008-11-24", "has_job": True}
    first = system.post(path, told)
    assert first.status_code == 201, first.text
    assert system.post(path, told).json() == first.json()
    for other in (body, {**told, "has_job": False}, {**told, "sick_since": "2008-11-25"}):
        refused = system.post(path, other)
        assert (refused.status_code, refused.json()["code"]) == (409, "already_drawn")
    malformed = system.post(path, {**told, "sick_since": "2009-01-06", "has_job": "yes"})
    assert errors_of(malformed) == {("/sick_since", "invalid_value"), ("/has_job", "invalid_value")}


@pytest.mark.parametrize("protocol", ["prvij-2010-07", "aht-2008-sickness", "flex-2016"])
def test_since_when_someone_is_unemployed_may_be_told_of_anyone(register: Register, protocol: str) -> None:
    """Domain 3.1: a person may have been unemployed for any length of time; api.md: of anyone may be told."""
    trial, system = trial_of(register, protocol), register.case_system()
    path = f"/v1/trials/{trial}/participants"
    body = {"cpr": new_cpr(), "jobcentre": "849", "interview_on": "2009-01-05", **STATED[protocol]}
    told = {**body, "unemployed_since": "1999-01-04"}
    first = system.post(path, told)
    assert (first.status_code, first.json()["failures"]) == (201, [])
    assert (system.post(path, told).status_code, system.post(path, body).status_code) == (200, 409)
    if protocol != "aht-2008-sickness":
        more = {**told, "sick_since": "2008-12-01", "has_job": True}  # neither judged nor kept
        assert system.post(path, more).status_code == 200


def test_a_screening_stored_before_a_field_was_known_is_the_same(register: Register) -> None:
    """Api.md: the same screening again gives the same answer, whatever fields came later."""
    trial, system = trial_of(register, "aht-2008-sickness"), register.case_system()
    path = f"/v1/trials/{trial}/participants"
    body = {"cpr": new_cpr(), "jobcentre": "849", "interview_on": "2009-01-05", **STATED["aht-2008-sickness"]}
    first = system.post(path, body)
    known_later = f"update screening set facts = facts - 'sick_since' - 'has_job' where trial_id = '{trial}'"
    tamper(register.database_url, known_later)
    assert (system.post(path, body).status_code, first.status_code) == (200, 201)


def test_failures_of_the_other_protocols_have_their_sentences(register: Register) -> None:
    """Domain 6 [S]: every failing rule, each in a sentence; the same screening again the same."""
    trial = trial_of(register, "aht-2008-flexjob")
    body = {
        "cpr": new_cpr(),
        "jobcentre": "849",
        "interview_on": "2009-01-11",
        "unemployed_since": "2008-09-04",  # four months are over on 4 January, before the intake
        "circumstances": ["terminal_illness", "pension_case_started"],
    }
    first = register.case_system().post(f"/v1/trials/{trial}/participants", body)
    failures = first.json()["failures"]
    assert {failure["code"] for failure in failures} == {
        "not_referred_to_flexjob",
        "unemployed_too_long",
        "pension_case_started",
        "terminal_illness",
    }
    assert len({failure["detail"] for failure in failures}) == 4
    assert register.case_system().post(f"/v1/trials/{trial}/participants", body).json() == first.json()


def test_the_grant_of_the_sickness_benefit_trial_has_no_conditions(register: Register, agency: Client) -> None:
    """Domain 6 [S]: 7,500 DKK on average, no thresholds; ``payable`` is null."""
    trial = trial_of(register, "aht-2008-sickness")
    for _ in range(8):
        answered = screen(register, trial, benefit="sickness_benefit").json()
        talks(register, trial, answered["participant_id"], {"date": "2009-01-12", "form": "group"})
    (row, _) = agency.get(f"/v1/trials/{trial}/conditions", week="2009-W04").json()["items"]
    assert (row["thresholds"], row["conditions"]) == (None, None)
    paid = row["grant"]
    assert (paid["dkk_per_participant"], paid["amount_dkk"], paid["payable"]) == (7500, 7500, None)
    assert 2 <= paid["first_conversations"] <= 6  # the treatment arm of eight
    for row in rows_of(agency, trial, week="2009-W03"):
        assert row["conditions"] is None
        assert row.get("action_plan", False) is False
        assert row["conversation_rate"] == 1.0  # a group conversation is as good as another
        assert row["conforming_rate"] == 1.0


REPORTS = [
    *((role, f"/{name}") for role in ("agency",) for name in ("weekly-summary?week=2009-W20", "conditions", "flow")),
    *(("agency", f"/activity-curve?measure={measure}") for measure in ("conversation", "activation", "workplace")),
    *(("agency", f"/{name}") for name in ("data-quality", "grant-assessments", "panel/dictionary")),
    ("case-system", "/worklist?jobcentre=849&week=2009-W04"),
    ("case-system", "/participants?jobcentre=849"),
    ("case-system", "/declined-offers"),
]
PRVIJ = {
    "match_group": 2,
    "at_job_interview": True,
    "channel": "new_match",
    "exempt_from": "none",
    "benefit": "cash_benefit",
}
STATED: dict[str, dict[str, Any]] = {
    "prvij-2010-11": PRVIJ,
    "prvij-2010-07": PRVIJ,
    "aht-2008-sickness": {"benefit": "sickness_benefit"},
    "aht-2008-flexjob": {"unemployed_since": "2008-10-05", "circumstances": ["referred_to_flexjob"]},
    "flex-2016": {"target_group": 2},
}


@pytest.mark.parametrize("protocol", protocols())
def test_every_report_answers_under_every_protocol(register: Register, protocol: str) -> None:
    """Domain 6: the same functions and pipeline, whatever a protocol has not."""
    trial = trial_of(register, protocol)
    answered = screen(register, trial, **STATED[protocol]).json()
    talks(register, trial, answered["participant_id"], {"date": "2009-01-12", "form": "telephone"})
    declined = {"date": "2009-01-13", "type": "preventive_offer", "reason": "health"}
    sent = [{"external_id": record_id(), "participant_id": answered["participant_id"], **declined}]
    assert register.case_system().push(trial, "declined-offers", sent)["counts"]["created"] == 1
    for role, path in REPORTS:
        response = register.client(role).request("GET", f"/v1/trials/{trial}{path}")
        assert response.status_code == 200, (path, response.text)
    frozen = register.client("agency").post(
        f"/v1/trials/{trial}/grant-assessments", {"jobcentre": "849", "week": "2009-W04"}
    )
    assert frozen.status_code == 201, frozen.text


def test_a_participant_has_the_target_group(register: Register) -> None:
    """Domain 6 [C]."""
    trial = trial_of(register, "flex-2016")
    participant = screen(register, trial, target_group=7).json()["participant_id"]
    assert register.case_system().get(f"/v1/trials/{trial}/participants/{participant}").json()["target_group"] == 7
