"""Questions gathered while others are answered: each gets its own answer, by work that began after it was asked."""

import asyncio
from collections.abc import Sequence

import pytest

from app.db.core.micro_batch import MicroBatcher


class Work:
    """Doubles numbers, slowly; fails where a number is negative."""

    def __init__(self) -> None:
        self.groups: list[tuple[str, list[int]]] = []

    async def __call__(self, line: str, several: Sequence[int]) -> list[int]:
        self.groups.append((line, [*several]))
        await asyncio.sleep(0.01)
        if min(several) < 0:
            raise ValueError(line)
        return [2 * each for each in several]


def test_who_comes_while_others_are_answered_is_answered_next_and_together() -> None:
    async def run() -> None:
        work = Work()
        gathered = MicroBatcher(work)
        first = asyncio.create_task(gathered.submit("a", 1))
        await asyncio.sleep(0.005)
        assert await asyncio.gather(first, *(gathered.submit("a", each) for each in (2, 3, 4))) == [2, 4, 6, 8]
        assert work.groups == [("a", [1]), ("a", [2, 3, 4])]
        assert await gathered.submit("a", 5) == 10

    asyncio.run(run())


def test_lines_do_not_wait_for_each_other() -> None:
    async def run() -> None:
        work = Work()
        gathered = MicroBatcher(work)
        await asyncio.gather(gathered.submit("a", 1), gathered.submit("b", 1))
        assert work.groups == [("a", [1]), ("b", [1])]

    asyncio.run(run())


def test_a_group_is_of_a_hundred_at_most() -> None:
    async def run() -> None:
        work = Work()
        gathered = MicroBatcher(work)
        assert await asyncio.gather(*(gathered.submit("a", each) for each in range(250))) == [2 * n for n in range(250)]
        assert [len(group) for _, group in work.groups] == [100, 100, 50]

    asyncio.run(run())


def test_a_failure_is_told_to_its_group_and_to_nobody_after() -> None:
    async def run() -> None:
        gathered = MicroBatcher(Work())
        told = await asyncio.gather(gathered.submit("a", -1), gathered.submit("a", 1), return_exceptions=True)
        assert [type(each) for each in told] == [ValueError, ValueError]
        assert await gathered.submit("a", 2) == 4

    asyncio.run(run())


def test_who_goes_away_leaves_the_others_their_answers() -> None:
    async def run() -> None:
        gathered = MicroBatcher(Work())
        leaving = asyncio.create_task(gathered.submit("a", 1))
        staying = asyncio.create_task(gathered.submit("a", 2))
        await asyncio.sleep(0.001)
        leaving.cancel()
        assert await staying == 4
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert await gathered.submit("a", 3) == 6

    asyncio.run(run())
