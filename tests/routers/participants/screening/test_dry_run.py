"""Dry runs of a screening: nothing is stored, and no arm is shown."""

from typing import Any

import pytest

from tests.register import Client, Register
from tests.routers.participants.screening.common import KEPT, SUPPLEMENT, at, codes, count_of, refusal, rows


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, []),
        (SUPPLEMENT, []),
        ({"match_group": 3, "exempt_from": "both"}, ["not_match_group_2", "exempt_from_everything"]),
    ],
    ids=["drawn", "waiting", "ineligible"],
)
def test_a_dry_run_keeps_nothing_and_shows_no_arm(
    register: Register, trial: str, everywhere: Client, changes: dict[str, Any], failing: list[str]
) -> None:
    """Api.md; domain 3.3: until it is drawn nothing shows a draw to come."""
    body = register.screening(contact_person="Lis Holm", **changes)
    # It takes nobody, neither here nor for another jobcentre.
    for jobcentre in ("849", "849", "860"):
        response = everywhere.post(at(trial), {**body, "jobcentre": jobcentre}, dry_run="true")
        assert response.status_code == 200
        answer = response.json()
        assert codes(answer) == failing
        assert answer["eligible"] is not bool(failing)
        assert (answer["participant_id"], answer["assignment"]) == (None, None)
    assert {table: count_of(register, table, trial) for table in KEPT} == dict.fromkeys(KEPT, 0)
    (stratum,) = rows(register, "select * from stratum where trial_id = $1 and jobcentre_code = '849'", trial)
    assert (stratum["draws"], stratum["balance"]) == (0, 0)
    assert everywhere.post(at(trial), body).status_code == 201


def test_a_dry_run_of_a_stored_screening_gives_the_stored_answer(
    register: Register, trial: str, everywhere: Client
) -> None:
    body = register.screening()
    stored = everywhere.post(at(trial), body).json()
    again = everywhere.post(at(trial), body, dry_run="true")
    assert (again.status_code, again.json()) == (200, stored)
    other = everywhere.post(at(trial), {**body, "match_group": 1}, dry_run="true")
    assert refusal(other) == (409, "already_drawn")
