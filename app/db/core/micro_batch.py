"""Micro-batcher: calls that arrive while one runs are served by one next call."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_MAX_BATCH = 100


class MicroBatcher(Generic[_Key, _Item, _Result]):
    """Serves the items of one key in batches of at most a hundred, one batch at a time.

    ``serve`` returns one result for each item, in their order. What it raises, every caller of the batch gets.
    """

    def __init__(self, serve: Callable[[_Key, Sequence[_Item]], Awaitable[Sequence[_Result]]]) -> None:
        self._serve = serve
        self._waiting: dict[_Key, list[tuple[_Item, asyncio.Future[_Result]]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def submit(self, key: _Key, item: _Item) -> _Result:
        """Return the item's result. The call that serves it begins after this one."""
        future: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        if key in self._waiting:
            self._waiting[key].append((item, future))
        else:
            self._waiting[key] = [(item, future)]
            task = asyncio.create_task(self._drain(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def finish(self) -> None:
        """Wait until every item that was submitted has its result."""
        await asyncio.gather(*self._tasks)

    async def _drain(self, key: _Key) -> None:
        while batch := self._waiting[key][:_MAX_BATCH]:
            del self._waiting[key][:_MAX_BATCH]
            try:
                results = await self._serve(key, [item for item, _ in batch])
            except Exception as error:  # noqa: BLE001 - raised by the calls that wait
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    if not future.done():  # done: its call was cancelled
                        future.set_result(result)
        del self._waiting[key]
