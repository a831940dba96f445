"""Audit trail: databases whose entries were written by these tests alone."""

from collections.abc import Callable, Iterator

import pytest

from tests.register import Register
from tests.routers.service.audit.common import Place, place_in


@pytest.fixture(scope="module")
def place(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """On a database of its own: what is noted meanwhile was done here."""
    with Register(new_database(), tmp_path_factory.mktemp("audit")) as register:
        yield place_in(register)


@pytest.fixture
def own_place(fresh_register: Register) -> Place:
    """On a database that the test may ruin."""
    return place_in(fresh_register)
