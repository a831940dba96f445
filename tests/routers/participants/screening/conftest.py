"""Screening: a trial, its case system, and the clock."""

from collections.abc import Iterator

import pytest

from tests.register import LONG_AFTER, Client, Clock, Register


@pytest.fixture
def clock(register: Register) -> Iterator[Clock]:
    """The register's clock, which goes back to where it was."""
    yield register.clock
    register.clock.now = LONG_AFTER


@pytest.fixture
def trial(register: Register) -> str:
    return register.new_trial()


@pytest.fixture
def everywhere(register: Register) -> Client:
    """A case system of all jobcentres."""
    return register.case_system()
