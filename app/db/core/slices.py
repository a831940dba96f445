"""Slices: a long loop lets other requests run after every slice, because a worker has one event loop for all."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Final, TypeVar

_Item = TypeVar("_Item")
SLICE: Final = 100
"""Records or people between two yields to the event loop: some milliseconds."""


async def in_slices(items: Iterable[_Item]) -> AsyncIterator[_Item]:
    """Yield the items; other requests run before every hundredth."""
    for index, item in enumerate(items):
        if index % SLICE == SLICE - 1:
            await asyncio.sleep(0)
        yield item
