"""Single records: the trial of these tests."""

import pytest

from tests.register import Register
from tests.routers.records.single.common import Place


@pytest.fixture(scope="module")
def place(register: Register) -> Place:
    trial = register.new_trial()
    return Place(
        register,
        trial,
        register.drawn(trial),
        register.drawn(trial, jobcentre="860"),
        register.sender("849", client_id="jammerbugt"),
        register.sender("860", client_id="hjoerring"),
        register.sender(client_id="everywhere"),
    )
