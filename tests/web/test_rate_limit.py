"""How many requests a client may make: 429 with ``Retry-After``, each client for itself."""

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from app.web.problems import Problem
from app.web.rate_limit import RateLimit
from app.web.tokens import LocalIssuer
from tests.register import Client, Clock


class Seconds:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def refused(limit: RateLimit, client: str = "one") -> str | None:
    """The seconds to wait, None when the request may pass."""
    try:
        limit.take(client)
    except Problem as problem:
        return problem.headers["Retry-After"] if problem.status == 429 else problem.code
    return None


def test_a_burst_and_then_the_rate() -> None:
    clock = Seconds()
    limit = RateLimit(5, clock)
    assert [refused(limit) for _ in range(10)] == [None] * 10
    assert refused(limit) == "1"
    clock.now += 0.19
    assert refused(limit) == "1"
    clock.now += 0.02
    assert refused(limit) is None
    assert refused(limit) == "1"
    clock.now += 1000
    assert [refused(limit) for _ in range(11)] == [None] * 10 + ["1"]


def test_what_it_says_to_wait_is_enough() -> None:
    clock = Seconds()
    limit = RateLimit(0.6, clock)
    assert refused(limit) is None
    wait = refused(limit)
    assert wait == "2"
    clock.now += int(wait)
    assert refused(limit) is None


def test_a_slow_rate_still_lets_something_pass() -> None:
    clock = Seconds()
    limit = RateLimit(0.1, clock)
    passed = 0
    for _ in range(100):
        clock.now += 1
        passed += refused(limit) is None
    assert 9 <= passed <= 11


def test_each_client_for_itself() -> None:
    limit = RateLimit(1, Seconds())
    assert [refused(limit, "one") for _ in range(3)] == [None, None, "1"]
    assert [refused(limit, "two") for _ in range(3)] == [None, None, "1"]


def test_without_a_limit() -> None:
    limit = RateLimit(0, Seconds())
    assert {refused(limit) for _ in range(10_000)} == {None}


def test_clients_without_end_take_no_memory_without_end() -> None:
    limit = RateLimit(1, Seconds())
    for number in range(20_000):
        limit.take(str(number))
    assert len(limit._buckets) <= 10_000


@pytest.mark.parametrize("rate", [3.0])
def test_over_the_api(new_database: Callable[[], str], tmp_path: Path, rate: float) -> None:
    application = create_app(Settings(data_dir=tmp_path, rate_limit=rate), new_database(), Clock())
    issuer = LocalIssuer.load_or_create(tmp_path)
    with TestClient(application, raise_server_exceptions=False) as http:
        one, other = (Client(http, issuer.token("agency", name)) for name in ("one", "other"))
        answers = [one.get("/v1/trials") for _ in range(40)]
        statuses = [each.status_code for each in answers]
        assert statuses[:6] == [200] * 6
        assert 429 in statuses
        late = answers[statuses.index(429)]
        assert late.headers["retry-after"] == "1"
        assert late.headers["content-type"] == "application/problem+json"
        assert late.json()["code"] == "rate_limited"
        assert other.get("/v1/trials").status_code == 200
        assert http.get("/healthz").status_code == 200
        assert http.get("/v1/trials", headers={"Authorization": "Bearer x"}).status_code == 401
        assert "429" in application.openapi()["paths"]["/v1/trials"]["get"]["responses"], "and the contract says so"
