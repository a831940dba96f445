"""Readiness."""

from app.domain.rules.execution import execution
from tests.register import Register


def test_readiness_says_how_the_rules_run(register: Register) -> None:
    assert register.http.get("/readyz").json()["rules"] == execution()
