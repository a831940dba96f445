"""Ten thousand records of one person in one batch."""

from datetime import date, timedelta

import pytest

from tests.register import Register, record_id

MANY = 10_000


@pytest.mark.slow
def test_ten_thousand_weak_activations(fresh_register: Register) -> None:
    """Domain 4.8: each against the weeks as they were before it. Judged one by one they would take minutes."""
    trial = fresh_register.new_trial()
    system, person = fresh_register.sender(), fresh_register.drawn(trial, jobcentre="849")
    records = [
        {
            "external_id": record_id(),
            "participant_id": person,
            "type": "work_placement_public",
            "starts_on": str(date(2010, 11, 9) + timedelta(days=number % 300)),
            "hours_per_week": 0.01,
        }
        for number in range(MANY)
    ]
    answered = system.push(trial, "activations", records)
    assert answered["counts"]["created"] == MANY
    assert {tuple(result["warnings"]) for result in answered["results"]} == {("hours_too_few", "mentor_missing")}
