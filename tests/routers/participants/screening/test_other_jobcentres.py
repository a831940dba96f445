"""One person in several jobcentres (domain 3.1)."""

from typing import Any

import pytest

from tests.register import Client, Register
from tests.routers.participants.screening.common import SUPPLEMENT, at, codes, count_of, refusal


@pytest.mark.parametrize("channel", [{}, SUPPLEMENT], ids=["drawn", "waiting"])
def test_whoever_is_taken_elsewhere_is_not_available(
    register: Register, trial: str, everywhere: Client, channel: dict[str, Any]
) -> None:
    """Domain 3.1: and no more is said."""
    body = register.screening(**channel)
    first = everywhere.post(at(trial), body).json()
    hjorring = register.case_system("860")
    for day in ("2010-11-08", "2010-12-01"):
        there = {**body, "jobcentre": "860", "channel": "new_match", "interview_on": day}
        response = hjorring.post(at(trial), there)
        assert response.status_code == 201
        assert response.json() == {
            "participant_id": None,
            "eligible": False,
            "failures": [{"code": "not_available", "detail": response.json()["failures"][0]["detail"]}],
            "assignment": None,
        }
        assert "849" not in response.text
        again = hjorring.post(at(trial), there)
        assert (again.status_code, again.json()) == (200, response.json())
    assert refusal(hjorring.post(at(trial, "lookup"), {"cpr": body["cpr"]})) == (404, "not_found")
    together = hjorring.post(at(trial), {**body, "jobcentre": "860", "interview_on": "2011-01-03", "match_group": 1})
    assert sorted(codes(together.json())) == ["not_available", "not_match_group_2"]
    unknown = everywhere.post(at(trial), {**body, "jobcentre": "580"})
    assert sorted(codes(unknown.json())) == ["not_available", "unknown_jobcentre"]
    assert everywhere.post(at(trial), body).json() == first
    dry = hjorring.post(at(trial), {**body, "jobcentre": "860", "interview_on": "2011-01-10"}, dry_run="true")
    assert codes(dry.json()) == ["not_available"]


def test_the_attempt_on_someone_taken_elsewhere_is_audited(register: Register, trial: str) -> None:
    """Domain 3.1."""
    body = register.screening()
    register.case_system("849").post(at(trial), body)
    attempting = f"attempt-{trial}"
    register.case_system("860", client_id=attempting).post(at(trial), {**body, "jobcentre": "860"})
    (entry,) = register.client("auditor").get("/v1/audit", client_id=attempting).json()["items"]
    assert (entry["trial"], entry["jobcentre"], entry["participant_id"]) == (trial, "860", None)
    assert entry["details"]["failures"] == ["not_available"]


def test_whoever_is_ineligible_elsewhere_is_available(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.1: only the eligible and the drawn are taken."""
    body = register.screening()
    everywhere.post(at(trial), {**body, "match_group": 1})
    there = everywhere.post(at(trial), {**body, "jobcentre": "860"})
    assert there.status_code == 201
    assert there.json()["assignment"] is not None
    back = everywhere.post(at(trial), {**body, "interview_on": "2010-11-15"})
    assert codes(back.json()) == ["not_available"]


def test_the_same_screening_is_looked_at_again_once_the_person_is_available(
    register: Register, trial: str, everywhere: Client
) -> None:
    """Domain 3.1: a withdrawn candidate blocks nobody."""
    body = register.screening(**SUPPLEMENT)
    candidate = everywhere.post(at(trial), body).json()["participant_id"]
    there = {**body, "jobcentre": "860", "channel": "new_match"}
    assert codes(everywhere.post(at(trial), there).json()) == ["not_available"]
    everywhere.post(at(trial, candidate, "withdrawal"), {"reason": "moved"})
    now = everywhere.post(at(trial), there)
    assert now.status_code == 201
    assert now.json()["assignment"] is not None


def test_a_jobcentre_of_others_is_not_there(register: Register, trial: str) -> None:
    """Api.md: anything outside is 404, whether it takes part or not."""
    nyborg = register.case_system("450")
    for jobcentre in ("849", "580"):
        response = nyborg.post(at(trial), register.screening(jobcentre=jobcentre))
        assert refusal(response) == (404, "not_found")
    assert count_of(register, "screening", trial) == 0
    outsider = register.case_system("580").post(at(trial), register.screening(jobcentre="580"))
    assert codes(outsider.json()) == ["unknown_jobcentre"]
