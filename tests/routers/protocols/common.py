"""Protocols: trials and screenings under any of them."""

from pathlib import Path
from typing import Any

from tests.register import Client, Register, new_cpr, record_id

MADE_UP = Path(__file__).parents[2] / "examples" / "protocols"
DATES = {"intake_from": "2009-01-05", "intake_to": "2009-04-30", "ends_on": "2009-08-31"}
JOBCENTRES = [
    {"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": 1},
    {"code": "860", "name": "Hjørring", "region": "nord", "agreed_participants": 1},
]


def errors_of(response: Any) -> set[tuple[str, str]]:
    assert response.status_code == 422, response.text
    return {(error["pointer"], error["code"]) for error in response.json()["errors"]}


def trial_of(register: Register, protocol: str, **changes: Any) -> str:
    return register.new_trial(**{"protocol": protocol, "jobcentres": JOBCENTRES, **DATES, **changes})


def screen(register: Register, trial: str, **facts: Any) -> Any:
    body = {"cpr": new_cpr(), "jobcentre": "849", "interview_on": "2009-01-05", **facts}
    return register.case_system().post(f"/v1/trials/{trial}/participants", body)


def talks(register: Register, trial: str, participant: str, *records: dict[str, Any]) -> None:
    sent = [{"external_id": record_id(), "participant_id": participant, **record} for record in records]
    assert register.case_system().push(trial, "conversations", sent)["counts"]["created"] == len(sent)


def rows_of(client: Client, trial: str, **parameters: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(f"/v1/trials/{trial}/weekly-summary", **parameters).json()["items"]
    return rows
