"""Questions that come while others are being answered are answered together next."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

_Line = TypeVar("_Line", bound=Hashable)
_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")
_MOST = 100


class MicroBatcher(Generic[_Line, _Item, _Answer]):
    """Lines of questions; ``work`` answers those of one line, at most a hundred at once, one group after the other.

    What it raises is told to all of the group.
    """

    def __init__(self, work: Callable[[_Line, Sequence[_Item]], Awaitable[Sequence[_Answer]]]) -> None:
        self._work = work
        self._waiting: dict[_Line, list[tuple[_Item, asyncio.Future[_Answer]]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, line: _Line, item: _Item) -> _Answer:
        """The answer, by work that begins from now on."""
        done: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        if line in self._waiting:
            self._waiting[line].append((item, done))
        else:
            self._waiting[line] = [(item, done)]
            task = asyncio.create_task(self._drain(line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await done

    async def _drain(self, line: _Line) -> None:
        while group := self._waiting[line][:_MOST]:
            del self._waiting[line][:_MOST]
            try:
                answers = await self._work(line, [item for item, _ in group])
            except Exception as error:  # noqa: BLE001 - it is told to those who wait
                for _, done in group:
                    if not done.done():
                        done.set_exception(error)
            else:
                for (_, done), answer in zip(group, answers, strict=True):
                    if not done.done():  # some go away before their answer
                        done.set_result(answer)
        del self._waiting[line]
