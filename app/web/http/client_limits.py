"""Bounds on what one client may make a worker hold: unfinished bodies, responses that it does not read, work at once.

A client is an address: behind a trusted proxy the forwarded one, of IPv6 a whole /64.
"""

import asyncio
from collections import Counter
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final
from weakref import WeakValueDictionary

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.meanings import respond
from app.web.problems import Problem

_SMALL: Final = 64 * 1024
_RETRY: Final = {"Retry-After": "1"}


@lru_cache(maxsize=1024)
def client_of(host: str) -> str:
    """Return the client of an address: the address itself, of IPv6 its first 64 bits, which one customer has."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address) or address.ipv4_mapped is not None:
        return host
    return f"{int(address) >> 64:x}::/64"


def has_body(scope: Scope) -> bool:
    """Return whether a request announces a body."""
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _client(scope: Scope) -> str:
    return client_of(scope["client"][0]) if scope.get("client") else ""


class _Budget:
    """Bytes held: at most ``total``, and half of it for one client."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.held: Counter[str] = Counter()

    def take(self, client: str, size: int) -> bool:
        """Return whether there is room for so many more bytes, and count them then."""
        if self.held[client] + size > self.total // 2 or self.held.total() + size > self.total:
            return False
        self.held[client] += size
        return True

    def release(self, client: str, size: int) -> None:
        """Count so many bytes no more."""
        self.held[client] -= size
        if not self.held[client]:
            del self.held[client]


class RequestsInProgress:
    """ASGI middleware: 64 requests of one client are worked on at once; the others wait for their turn, in order.

    A request is in progress until its response starts. A thousand at once let /healthz wait for the first steps of all.
    """

    def __init__(self, app: ASGIApp, limit: int = 64) -> None:
        self.app = app
        self.limit = limit
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self.app(scope, receive, send)
            return
        turn = self._turns.setdefault(_client(scope), asyncio.Semaphore(self.limit))
        await turn.acquire()
        in_progress = True

        async def starting(message: Message) -> None:
            nonlocal in_progress
            if in_progress:
                in_progress = False
                turn.release()
            await send(message)

        try:
            await self.app(scope, receive, starting)
        finally:
            if in_progress:
                turn.release()


class OpenBodies:
    """ASGI middleware: 429 for a body of more than 64 KiB that there is no room for.

    Its bytes count from their arrival to the end of the request, expanded, so this belongs inside the expansion.
    """

    def __init__(self, app: ASGIApp, total: int) -> None:
        self.app = app
        self.budget = _Budget(total)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http" or not has_body(scope):
            await self.app(scope, receive, send)
            return
        client, seen, held = _client(scope), 0, 0

        async def counted() -> Message:
            nonlocal seen, held
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > _SMALL and seen > held:
                if not self.budget.take(client, seen - held):
                    raise HTTPException(429, headers=_RETRY)  # FastAPI lets this one class through while it reads
                held = seen
            return message

        try:
            await self.app(scope, counted, send)
        finally:
            self.budget.release(client, held)


class UnreadResponses:
    """ASGI middleware: sends a large body in pieces, as fast as the client reads it; 429 instead without room for it.

    The server writes what it gets into a buffer without a limit, and waits for the client before the next message only.
    """

    def __init__(self, app: ASGIApp, total: int) -> None:
        self.app = app
        self.budget = _Budget(total)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        client, held = _client(scope), 0
        start: Message | None = None
        refused = False

        async def in_pieces(message: Message) -> None:
            nonlocal start, held, refused
            if message["type"] == "http.response.start":
                start = message
                return
            body = message.get("body", b"")
            if start is not None:
                first, start = start, None
                if len(body) > _SMALL:
                    refused = not self.budget.take(client, len(body))
                    held = 0 if refused else len(body)
                if refused:
                    await respond(Problem("rate_limited", headers=_RETRY), scope)(scope, receive, send)
                else:
                    await send(first)
            if not refused:
                for begin in range(0, len(body) - _SMALL, _SMALL):
                    await send({**message, "body": body[begin : begin + _SMALL], "more_body": True})
                rest = (len(body) - 1) // _SMALL * _SMALL if body else 0
                await send({**message, "body": body[rest:]})

        try:
            await self.app(scope, receive, in_pieces)
        finally:
            self.budget.release(client, held)
            if start is not None:  # it broke off before its body
                await send(start)
