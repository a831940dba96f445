"""Readings that several share, and the bounded store of finished answers."""

import asyncio

import pytest

from app.db.core.caches import CachedResponse, ResponseCache, SingleFlight


async def _turns() -> None:
    """Lets all who can go on go on."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_reading_that_began_before_one_asked_is_not_given() -> None:
    """Three ask while the first is being read: the second reading serves them all."""

    async def run() -> None:
        readings: SingleFlight[int] = SingleFlight()
        begun: list[asyncio.Event] = []

        async def read() -> int:
            mine = len(begun)
            begun.append(asyncio.Event())
            await begun[mine].wait()
            return mine

        first = asyncio.create_task(readings.get("a", read))
        await _turns()
        assert len(begun) == 1
        later = [asyncio.create_task(readings.get("a", read)) for _ in range(3)]
        await _turns()
        assert len(begun) == 1
        begun[0].set()
        assert await first == 0
        await _turns()
        assert len(begun) == 2
        latest = asyncio.create_task(readings.get("a", read))
        later[0].cancel()  # the others are told all the same
        begun[1].set()
        assert await asyncio.gather(*later[1:]) == [1, 1]
        await _turns()
        begun[2].set()
        assert await latest == 2

    asyncio.run(run())


def test_a_reading_that_fails_is_told_to_those_who_waited_and_to_nobody_else() -> None:
    async def run() -> None:
        readings: SingleFlight[str] = SingleFlight()

        async def fail() -> str:
            raise ConnectionResetError

        async def read() -> str:
            return "read"

        asked = [asyncio.create_task(readings.get("a", fail)) for _ in range(2)]
        assert [type(each) for each in await asyncio.gather(*asked, return_exceptions=True)] == [
            ConnectionResetError,
            ConnectionResetError,
        ]
        assert await readings.get("a", read) == "read"

    asyncio.run(run())


def test_an_answer_is_found_in_the_state_that_it_was_made_in_and_in_no_other() -> None:
    answers, answer = ResponseCache(), CachedResponse(b"1", "a")
    answers.keep("key", ("state",), answer)
    assert answers.find("key", ("state",)) is answer
    assert answers.find("key", ("another",)) is None
    assert answers.find("another", ("state",)) is None
    newer = CachedResponse(b"2", "b")
    answers.keep("key", ("another",), newer)
    assert answers.find("key", ("state",)) is None
    assert answers.find("key", ("another",)) is newer


@pytest.mark.parametrize("most", [10_000, 30_000])
def test_those_not_asked_for_longest_go(most: int) -> None:
    answers = ResponseCache(most)
    each = 1000
    for number in range(50):
        answers.keep(number, "state", CachedResponse(bytes(each), "etag"))
        assert answers.find(0, "state") is not None
    kept = [number for number in range(50) if answers.find(number, "state") is not None]
    assert len(kept) == most // (each + 2048)
    assert kept[1:] == list(range(50 - len(kept) + 1, 50))
    answers.keep("too large", "state", CachedResponse(bytes(most), "etag"))
    assert answers.find("too large", "state") is None
