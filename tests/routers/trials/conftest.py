"""Trials: the agency and the auditor."""

import pytest

from tests.register import Client, Register


@pytest.fixture
def agency(register: Register) -> Client:
    return register.client("agency")


@pytest.fixture
def auditor(register: Register) -> Client:
    return register.client("auditor")
