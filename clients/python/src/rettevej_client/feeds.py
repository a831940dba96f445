"""Change feeds that remember their place."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Generic, TypeVar

from rettevej_client.calls import Page

T = TypeVar("T")


class Changes(Generic[T]):
    """A change feed that remembers its place: iterate until it is exhausted, later again for what came since."""

    def __init__(self, page_at: Callable[[str], Page[T]], since: str) -> None:
        self._page_at = page_at
        self.place = since

    def __iter__(self) -> Iterator[T]:
        while True:
            page = self._page_at(self.place)
            yield from page.items
            self.place = page.next or self.place
            if not page.items:
                return


class AsyncChanges(Generic[T]):
    """A change feed that remembers its place: iterate until it is exhausted, later again for what came since."""

    def __init__(self, page_at: Callable[[str], Awaitable[Page[T]]], since: str) -> None:
        self._page_at = page_at
        self.place = since

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            page = await self._page_at(self.place)
            for item in page.items:
                yield item
            self.place = page.next or self.place
            if not page.items:
                return
