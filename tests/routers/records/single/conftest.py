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
        register.case_system("849", client_id="jammerbugt"),
        register.case_system("860", client_id="hjoerring"),
        register.case_system(client_id="everywhere"),
    )
