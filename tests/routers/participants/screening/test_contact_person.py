"""Contact persons (domain 4.7): one at a time, with history."""

from typing import Any

import pytest

from tests.register import Client, Register
from tests.routers.participants.screening.common import at, errors_of, rows


def test_one_contact_person_at_a_time_with_history(register: Register, trial: str) -> None:
    """Domain 4.7."""
    case_system = register.case_system("849", client_id="kmd")
    body = register.screening(contact_person="Lis Holm")
    participant = case_system.post(at(trial), body).json()["participant_id"]
    etag = case_system.get(at(trial, participant)).headers["etag"]
    for name in ("Bo Dam", "Bo Dam", None, "Lis Holm"):
        response = case_system.patch(at(trial, participant), {"contact_person": name})
        assert response.status_code == 200
        assert response.json()["contact_person"] == name
        assert response.json() == case_system.get(at(trial, participant)).json()
        assert (response.headers["etag"] == etag) == (name == "Lis Holm")
    history = rows(
        register, "select name, client_id from contact_person where trial_id = $1 order by registered_at", trial
    )
    assert [(each["name"], each["client_id"]) for each in history] == [
        ("Lis Holm", "kmd"),
        ("Bo Dam", "kmd"),
        (None, "kmd"),
        ("Lis Holm", "kmd"),
    ]
    # The screening as it was is still the same, whoever answers for the person now.
    assert case_system.post(at(trial), body).status_code == 200


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {("/contact_person", "missing_field")}),
        ({"contact_person": ""}, {("/contact_person", "invalid_value")}),
        ({"contact_person": 7}, {("/contact_person", "invalid_value")}),
        ({"contact_person": "6101701234"}, {("/contact_person", "looks_like_cpr")}),
        ({"contact_person": " 610170-1234 "}, {("/contact_person", "looks_like_cpr")}),
        ({"contact_person": "Bo", "arm": "control"}, {("", "unknown_field")}),
    ],
    ids=str,
)
def test_a_malformed_change(
    register: Register, trial: str, everywhere: Client, body: dict[str, Any], errors: set[tuple[str, str]]
) -> None:
    participant = register.drawn(trial)
    assert errors_of(everywhere.patch(at(trial, participant), body)) == errors
