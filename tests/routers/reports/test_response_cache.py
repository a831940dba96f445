"""The response cache: bounded by bytes, and by the state that a response was made from."""

from typing import cast

import pytest

from app.db.core.session import Database
from app.routers.reports.response_cache import CachedResponse, ResponseCache

DATABASE = cast("Database", None)


def test_a_response_is_found_in_the_state_that_it_was_made_in_and_in_no_other() -> None:
    cache, response = ResponseCache(DATABASE), CachedResponse(b"1", "a")
    cache.store("key", ("state",), response)
    assert cache.find("key", ("state",)) is response
    assert cache.find("key", ("another",)) is None
    assert cache.find("another", ("state",)) is None
    newer = CachedResponse(b"2", "b")
    cache.store("key", ("another",), newer)
    assert cache.find("key", ("state",)) is None
    assert cache.find("key", ("another",)) is newer


@pytest.mark.parametrize("max_bytes", [10_000, 30_000])
def test_the_least_recently_used_are_removed(max_bytes: int) -> None:
    cache = ResponseCache(DATABASE, max_bytes)
    size = 1000
    for number in range(50):
        cache.store(number, "state", CachedResponse(bytes(size), "etag"))
        assert cache.find(0, "state") is not None
    cached = [number for number in range(50) if cache.find(number, "state") is not None]
    assert len(cached) == max_bytes // (size + 2048)
    assert cached[1:] == list(range(50 - len(cached) + 1, 50))
    cache.store(0, "state", CachedResponse(bytes(max_bytes), "too large"))
    assert cache.find(0, "state") is None
