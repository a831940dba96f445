"""HTTP for the simulation: one connection pool, a token for each actor, patience with a busy or restarting server."""

import asyncio
from typing import Any

import httpx

ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE = 8, 0.25, 15.0
CONNECTIONS = 8
"""At most this many requests are under way at a time."""

TRY_LATER = frozenset({429, 503})


class SimulationError(Exception):
    """The simulation cannot go on; the message says why, for people."""


def open_pool(url: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client for all actors. ``transport`` replaces the network in tests."""
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    timeout = httpx.Timeout(120.0, connect=10.0, pool=None)
    return httpx.AsyncClient(base_url=url.rstrip("/"), limits=limits, timeout=timeout, transport=transport)


class Actor:
    """One client of the API: a case system, the register or the agency."""

    def __init__(self, pool: httpx.AsyncClient, token: str) -> None:
        self._pool = pool
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    async def send(
        self, method: str, path: str, body: object = None, *, accept: frozenset[int], key: str | None = None
    ) -> tuple[int, Any]:
        """Status and parsed answer. Repeats on lost connections, 429 and 503: sending again is always safe (api.md).

        ``SimulationError`` for a status outside ``accept`` or when the server stays away.
        """
        headers = self._headers if key is None else {**self._headers, "Idempotency-Key": key}
        pause, trouble = FIRST_PAUSE, ""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = await self._pool.request(method, path, json=body, headers=headers)
            except httpx.TransportError as error:
                trouble = f"{type(error).__name__}: {error}"
            else:
                if response.status_code not in TRY_LATER:
                    return _checked(response, accept)
                trouble = f"status {response.status_code}"
                pause = max(pause, _retry_after(response))
            if attempt < ATTEMPTS:
                await asyncio.sleep(min(pause, LONGEST_PAUSE))
                pause *= 2
        raise SimulationError(f"{method} {self._pool.base_url}{path} failed {ATTEMPTS} times, last with {trouble}")


def _checked(response: httpx.Response, accept: frozenset[int]) -> tuple[int, Any]:
    if response.status_code not in accept:
        request = response.request
        raise SimulationError(
            f"{request.method} {request.url.path} was answered {response.status_code}, "
            f"not {' or '.join(map(str, sorted(accept)))}: {response.text[:500]}"
        )
    return response.status_code, response.json() if response.content else None


def _retry_after(response: httpx.Response) -> float:
    """Seconds that the server asks to wait; 0 where it gives a date or nothing."""
    try:
        return float(response.headers.get("Retry-After", "0"))
    except ValueError:
        return 0.0
