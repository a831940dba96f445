"""Response cache: finished reports, each valid for the state of its jobcentres that it was made from."""

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from cachetools import LRUCache
from fastapi import Depends, Request

from app.db.core.micro_batch import MicroBatcher
from app.db.core.replica import Replica
from app.db.core.session import ReadDatabase
from app.db.reports.summary import load_states

_MAX_BYTES: Final = 16 * 1024 * 1024
_OVERHEAD: Final = 2048
"""Approximate bytes of an entry besides its content: key, state and objects."""


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """The body of a finished response and its ETag."""

    content: bytes
    etag: str


class ResponseCache:
    """LRU cache of responses, at most ``max_bytes``. Concurrent calls share one read of the states."""

    def __init__(self, database: ReadDatabase, max_bytes: int = _MAX_BYTES) -> None:
        async def read(trial_id: str, calls: Sequence[None]) -> list[Mapping[str, str]]:
            return [await load_states(database, trial_id)] * len(calls)

        self._database = database
        self._states = MicroBatcher(read)
        self._responses: LRUCache[Hashable, tuple[Hashable, CachedResponse]] = LRUCache(
            max_bytes, lambda entry: len(entry[1].content) + _OVERHEAD
        )

    async def get(
        self,
        trial_id: str,
        jobcentres: Collection[str],
        variant: Hashable,
        make: Callable[[], Awaitable[CachedResponse]],
    ) -> CachedResponse:
        """Return the cached response if the states of its jobcentres are unchanged, else make and cache it.

        ``variant`` is everything else that the response depends on. The states of all jobcentres are compared: the
        latest moment alone would miss a registration that was committed late. Responses from a replica are not cached:
        their watermark depends on how far the replica has replayed the log.
        """
        if isinstance(self._database, Replica):
            return await make()
        states = await self._states.submit(trial_id, None)
        key, state = (trial_id, tuple(jobcentres), variant), tuple(map(states.get, jobcentres))
        response = self.find(key, state)
        if response is None:
            response = await make()
            self.store(key, state, response)
        return response

    def find(self, key: Hashable, state: Hashable) -> CachedResponse | None:
        """Return the response if it was made in this state."""
        stored_state, response = self._responses.get(key, (None, None))
        return response if stored_state == state else None

    def store(self, key: Hashable, state: Hashable, response: CachedResponse) -> None:
        """Store a response in place of an older one; one larger than the cache is not stored.

        The state was read before the response was made. If it changed in between, it never recurs, and the response is
        never returned.
        """
        try:
            self._responses[key] = (state, response)
        except ValueError:  # larger than the cache
            self._responses.pop(key, None)


def _response_cache(request: Request) -> ResponseCache:
    cache: ResponseCache = request.app.state.response_cache
    return cache


ResponseCacheDep = Annotated[ResponseCache, Depends(_response_cache)]
