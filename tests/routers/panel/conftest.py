"""Panel: the trial of these tests."""

import pytest

from tests.register import Register
from tests.routers.panel.common import Place, place_in


@pytest.fixture(scope="module")
def place(register: Register) -> Place:
    return place_in(register)
