"""Batches: the trial and the clock of these tests."""

import pytest

from tests.register import Register, new_cpr
from tests.routers.records.batches.common import Place


@pytest.fixture(scope="module")
def place(register: Register) -> Place:
    trial = register.new_trial()
    numbers = [new_cpr() for _ in range(4)]
    supplement = {"channel": "supplement", "unemployed_since": "2010-09-01"}
    return Place(
        register,
        trial,
        register.drawn(trial, cpr=numbers[0]),
        numbers[0],
        register.drawn(trial, cpr=numbers[3]),
        numbers[3],
        register.drawn(trial, cpr=numbers[1], jobcentre="860"),
        numbers[1],
        register.screen(trial, cpr=numbers[2], **supplement)["participant_id"],
        numbers[2],
        register.sender("849", client_id="jammerbugt"),
        register.sender(client_id="everywhere"),
    )
