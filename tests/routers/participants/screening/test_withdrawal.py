"""Withdrawal of undrawn candidates (domain 3.2)."""

from typing import Any

import pytest

from tests.register import Client, Register
from tests.routers.participants.screening.common import (
    NOBODY,
    SUPPLEMENT,
    at,
    candidate,
    codes,
    count_of,
    errors_of,
    refusal,
    rows,
)


@pytest.mark.parametrize("reason", ["job", "moved", "not_interviewed", "entered_in_error"])
def test_an_undrawn_candidate_can_be_withdrawn(register: Register, trial: str, everywhere: Client, reason: str) -> None:
    """Domain 3.2; the same again changes nothing."""
    body = register.screening(**SUPPLEMENT)
    answer = everywhere.post(at(trial), body).json()
    path = at(trial, answer["participant_id"])
    for _ in range(2):
        response = everywhere.post(f"{path}/withdrawal", {"reason": reason})
        assert response.status_code == 200
        assert response.json()["state"] == "withdrawn"
        assert response.json() == everywhere.get(path).json()
    (kept,) = rows(register, "select withdrawal_reason from participant where trial_id = $1", trial)
    assert kept["withdrawal_reason"] == reason
    other = "job" if reason == "moved" else "moved"
    assert refusal(everywhere.post(f"{path}/withdrawal", {"reason": other})) == (409, "not_waiting")
    assert refusal(everywhere.post(f"{path}/assignment")) == (409, "not_waiting")
    # The screening as it was brings nobody back.
    again = everywhere.post(at(trial), body)
    assert (again.status_code, again.json()) == (200, answer)
    assert everywhere.get(path).json()["state"] == "withdrawn"


def test_nobody_drawn_can_be_withdrawn(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.3: a draw is never undone."""
    participant = register.drawn(trial)
    response = everywhere.post(at(trial, participant, "withdrawal"), {"reason": "entered_in_error"})
    assert refusal(response) == (409, "already_drawn")
    assert everywhere.get(at(trial, participant)).json()["arm"] is not None


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {("/reason", "missing_field")}),
        ({"reason": "tired"}, {("/reason", "invalid_value")}),
        ({"reason": None}, {("/reason", "missing_field")}),
        ({"reason": "job", "note": "x"}, {("", "unknown_field")}),
    ],
    ids=str,
)
def test_a_malformed_withdrawal(
    register: Register, trial: str, everywhere: Client, body: dict[str, Any], errors: set[tuple[str, str]]
) -> None:
    waiting = candidate(register, trial, "2010-10-20")
    assert errors_of(everywhere.post(at(trial, waiting, "withdrawal"), body)) == errors


def test_the_withdrawal_of_nobody(register: Register, trial: str, everywhere: Client) -> None:
    waiting = candidate(register, trial, "2010-10-20")
    for response in (
        everywhere.post(at(trial, NOBODY, "withdrawal"), {"reason": "job"}),
        register.case_system("860").post(at(trial, waiting, "withdrawal"), {"reason": "job"}),
    ):
        assert refusal(response) == (404, "not_found")
    assert everywhere.get(at(trial, waiting)).json()["state"] == "waiting"


@pytest.mark.parametrize(
    "correction",
    [
        {"channel": "new_match"},
        {"interview_on": "2010-11-09", "channel": "new_match"},
        {"jobcentre": "860", "channel": "new_match"},
        {"jobcentre": "860", "channel": "new_match", "interview_on": "2010-11-09"},
    ],
    ids=["here, same day", "here, another day", "elsewhere, same day", "elsewhere, another day"],
)
def test_whoever_was_withdrawn_may_be_screened_anew(
    register: Register, trial: str, everywhere: Client, correction: dict[str, str]
) -> None:
    """Domain 3.1: a withdrawn candidate blocks nobody, itself and its corrected screening included."""
    body = register.screening(**SUPPLEMENT)
    waiting = everywhere.post(at(trial), body).json()["participant_id"]
    everywhere.post(at(trial, waiting, "withdrawal"), {"reason": "entered_in_error"})
    corrected = {**body, **correction}
    response = everywhere.post(at(trial), corrected)
    assert response.status_code == 201
    assert response.json()["assignment"]["assigned_on"] == corrected["interview_on"]
    again = everywhere.post(at(trial), corrected)
    assert (again.status_code, again.json()) == (200, response.json())
    view = everywhere.post(at(trial, "lookup"), {"cpr": body["cpr"]}).json()
    assert (view["participant_id"], view["jobcentre"]) == (response.json()["participant_id"], corrected["jobcentre"])
    assert (view["participant_id"] == waiting) == (corrected["jobcentre"] == "849")
    assert count_of(register, "assignment", trial) == 1


def test_whoever_was_withdrawn_here_and_taken_there_is_not_available_here(
    register: Register, trial: str, everywhere: Client
) -> None:
    """Domain 3.1."""
    body = register.screening(**SUPPLEMENT)
    waiting = everywhere.post(at(trial), body).json()["participant_id"]
    everywhere.post(at(trial, waiting, "withdrawal"), {"reason": "moved"})
    everywhere.post(at(trial), {**body, "jobcentre": "860", "channel": "new_match"})
    assert codes(everywhere.post(at(trial), {**body, "channel": "new_match"}).json()) == ["not_available"]
    assert codes(everywhere.post(at(trial), {**body, "interview_on": "2010-11-10"}).json()) == ["not_available"]
    assert everywhere.get(at(trial, waiting)).json()["state"] == "withdrawn"


def test_a_corrected_screening_may_be_ineligible(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.1: then nobody waits, and the withdrawn stays withdrawn."""
    body = register.screening(**SUPPLEMENT)
    waiting = everywhere.post(at(trial), body).json()["participant_id"]
    everywhere.post(at(trial, waiting, "withdrawal"), {"reason": "entered_in_error"})
    corrected = everywhere.post(at(trial), {**body, "match_group": 3})
    assert (corrected.status_code, codes(corrected.json())) == (201, ["not_match_group_2"])
    assert everywhere.get(at(trial, waiting)).json()["state"] == "withdrawn"
    assert refusal(everywhere.post(at(trial, "lookup"), {"cpr": body["cpr"]})) == (404, "not_found")
