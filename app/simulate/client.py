"""HTTP of the simulation: one connection pool, a token for each actor, retries by the client's policy."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
from rettevej_client import RetryPolicy

RETRY_POLICY = RetryPolicy(first_pause=0.25, longest_pause=15.0)
CONNECTIONS = 8
"""At most so many requests are sent concurrently."""

RETRYABLE = frozenset({429, 503})


class SimulationError(Exception):
    """Simulation that cannot continue; the message gives the reason to the operator."""


def open_pool(url: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Open the connection pool of all actors. ``transport`` replaces the network in tests."""
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    timeout = httpx.Timeout(120.0, connect=10.0, pool=None)
    return httpx.AsyncClient(base_url=url.rstrip("/"), limits=limits, timeout=timeout, transport=transport)


class Actor:
    """Client of the API: a case system, the register or the agency."""

    def __init__(self, pool: httpx.AsyncClient, token: str) -> None:
        self._pool = pool
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    async def send(
        self, method: str, path: str, body: object = None, *, accept: frozenset[int], key: str | None = None
    ) -> tuple[int, Any]:
        """Send a request; return status and parsed body. Retries are safe for every request of the simulation (api.md).

        Raises ``SimulationError`` for a status outside ``accept``, or after the policy's last attempt.
        """
        response = await self._request(method, path, body, accept, {} if key is None else {"Idempotency-Key": key})
        return response.status_code, response.json() if response.content else None

    async def send_if_match(self, path: str, read_from: str, body: object, *, accept: frozenset[int]) -> int:
        """POST on condition that what is read from an address stays as it is. Returns the status."""
        read = await self._request("GET", read_from, None, frozenset({200}), {})
        response = await self._request("POST", path, body, accept, {"If-Match": read.headers["ETag"]})
        return response.status_code

    async def _request(
        self, method: str, path: str, body: object, accept: frozenset[int], more: Mapping[str, str]
    ) -> httpx.Response:
        headers = {**self._headers, **more}
        failure = ""
        for attempt in range(1, RETRY_POLICY.attempts + 1):
            requested = 0.0
            try:
                response = await self._pool.request(method, path, json=body, headers=headers)
            except httpx.TransportError as error:
                failure = f"{type(error).__name__}: {error}"
            else:
                if response.status_code not in RETRYABLE:
                    return _checked(response, accept)
                failure, requested = f"status {response.status_code}", _retry_after(response)
            if attempt < RETRY_POLICY.attempts:
                await asyncio.sleep(requested + RETRY_POLICY.pause(attempt))
        raise SimulationError(
            f"{method} {self._pool.base_url}{path} failed {RETRY_POLICY.attempts} times, last with {failure}"
        )


def _checked(response: httpx.Response, accept: frozenset[int]) -> httpx.Response:
    if response.status_code not in accept:
        request = response.request
        raise SimulationError(
            f"{request.method} {request.url.path} was answered {response.status_code}, "
            f"not {' or '.join(map(str, sorted(accept)))}: {response.text[:500]}"
        )
    return response


def _retry_after(response: httpx.Response) -> float:
    """Return the seconds of ``Retry-After``; 0 for a date or no header."""
    try:
        return float(response.headers.get("Retry-After", "0"))
    except ValueError:
        return 0.0
