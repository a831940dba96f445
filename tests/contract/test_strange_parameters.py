"""Strange parameters: values that fuzzing found are malformed, and never a 5xx."""

import json
from uuid import UUID

import pytest

from tests.contract.fuzz_world import cursor
from tests.register import JOBCENTRES, Register


@pytest.mark.parametrize(
    ("role", "path", "parameters"),
    [
        ("agency", "/v1/trials", {"cursor": cursor("\x00")}),
        ("case-system", "/v1/trials/{trial}/participants", {"cursor": cursor("\x00", str(UUID(int=0)))}),
        ("auditor", "/v1/audit", {"cursor": cursor("0001-01-01T00:00:00+23:59", "849", "writes", 1)}),
        ("auditor", "/v1/audit", {"from": "9999-12-31T23:59:59-23:59"}),
        ("agency", "/v1/trials/{trial}/weekly-summary", {"known_at": "0001-01-01T00:00:00Z"}),
        ("agency", "/v1/trials/{trial}/conditions", {"known_at": "20101108"}),
    ],
)
def test_strange_parameters_are_malformed(register: Register, role: str, path: str, parameters: dict[str, str]) -> None:
    answer = register.client(role).get(path.format(trial=register.new_trial()), **parameters)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


def test_a_key_that_is_no_text_is_malformed(register: Register) -> None:
    body = json.dumps({**register.screening(), "\ud800": 1}).encode()
    answer = register.case_system().request(
        "POST",
        f"/v1/trials/{register.new_trial()}/participants",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


@pytest.mark.parametrize(
    "dates",
    [
        {"intake_from": "0001-01-01"},
        {"ends_on": "9999-12-31"},
        {"intake_from": "2010-11-08", "intake_to": "2011-03-31", "ends_on": "2031-03-31"},
    ],
)
def test_a_trial_does_not_last_for_ever(register: Register, dates: dict[str, str]) -> None:
    """Every week of everyone would be judged with each record: minutes, for a trial of thousands of years."""
    body = {"id": "for-ever", "protocol": "prvij-2010-11", "title": "For ever", "jobcentres": JOBCENTRES, **dates}
    assert register.client("agency").post("/v1/trials", body).json()["code"] == "malformed"
