"""What a process keeps between requests: readings that several share, and finished answers."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

_V = TypeVar("_V")
_ANSWERS_BYTES: Final = 16 * 1024 * 1024
_BESIDE: Final = 2048
"""Bytes that an answer takes beside its content, roughly: its key and its state."""


class SingleFlight(Generic[_V]):
    """Readings that many ask for at the same time. One goes on at a time for each name, and serves all who wait for it.

    Nobody gets one that began before they asked: it may have missed what they know to be there.
    """

    def __init__(self) -> None:
        self._going_on: dict[str, asyncio.Task[_V]] = {}
        self._next: dict[str, asyncio.Task[_V]] = {}

    async def get(self, name: str, read: Callable[[], Awaitable[_V]]) -> _V:
        """What a reading gives that begins from now on; raises what it raised."""
        task = self._next.get(name)
        if task is None:
            task = self._next[name] = asyncio.create_task(self._read(name, read))
            task.add_done_callback(_retrieve)
        return await asyncio.shield(task)  # one who goes away leaves it to the others

    async def _read(self, name: str, read: Callable[[], Awaitable[_V]]) -> _V:
        if (before := self._going_on.get(name)) is not None:
            await asyncio.wait([before])
        this = self._going_on[name] = self._next.pop(name)  # who asks from here on waits for another
        try:
            return await read()
        finally:
            if self._going_on.get(name) is this:
                del self._going_on[name]


def _retrieve(task: asyncio.Task[_V]) -> None:
    """A failure is told to those who wait; that nobody waits any more is none."""
    if not task.cancelled():
        task.exception()


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """A finished answer and its validator."""

    content: bytes
    etag: str


class ResponseCache:
    """Finished answers, each under the state that it rests on; those not asked for longest go when there are too many.

    ``most`` is in bytes.
    """

    def __init__(self, most: int = _ANSWERS_BYTES) -> None:
        self._most = most
        self._size = 0
        self._kept: OrderedDict[Hashable, tuple[Hashable, CachedResponse]] = OrderedDict()

    def find(self, key: Hashable, state: Hashable) -> CachedResponse | None:
        """The answer, if it was made in this very state."""
        state_then, answer = self._kept.get(key, (None, None))
        if answer is None or state_then != state:
            return None
        self._kept.move_to_end(key)
        return answer

    def keep(self, key: Hashable, state: Hashable, answer: CachedResponse) -> None:
        """Keeps an answer in the place of one made in another state.

        The state was read before the answer was made. Had something changed in between, no later state would be that
        one again, and the answer would never be found.
        """
        self._drop(key)
        self._kept[key] = (state, answer)
        self._size += len(answer.content) + _BESIDE
        while self._size > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        if (gone := self._kept.pop(key, None)) is not None:
            self._size -= len(gone[1].content) + _BESIDE
