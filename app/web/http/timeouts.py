"""Timeouts against slow clients: of a request's head (first line and headers), of its body, and of an unread response.

The body's is ASGI middleware; the others, and the bound on a client's connections, are in the server's protocol:
the application is called only after a whole head, and does not see when its response has been read.
"""

import asyncio
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.settings import Settings
from app.web.http.client_limits import client_of, has_body
from app.web.http.upgrades import UpgradeFilter

_LINGER_SECONDS = 30.0
_LINGER_IDLE_SECONDS = 5.0
_IN_FLIGHT_BYTES = 16 * 1024 * 1024
"""More than the buffers of both kernels hold: a client that looks for a response before each piece finds it."""
_MAX_HEAD_BYTES = 64 * 1024


class BodyDeadline:
    """ASGI middleware: 408 for a body that is not complete ``seconds`` after its head.

    A response before the end of the body (408, 413, a refusal) has ``Connection: close``. The rest is discarded,
    ``limit`` and 16 MiB of it, for 30 seconds and while it comes without a pause of five, so that a client that reads
    only after it has sent gets the response; then the connection is closed.
    """

    def __init__(self, app: ASGIApp, seconds: float, limit: int) -> None:
        self.app = app
        self.seconds = seconds
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http" or not has_body(scope):
            await self.app(scope, receive, send)
            return
        clock = asyncio.get_running_loop().time
        deadline = clock() + self.seconds
        unread, closes = True, False

        async def timed() -> Message:
            nonlocal unread
            if not unread:  # a further call waits for the disconnect
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408) from None  # FastAPI lets this one class through while it reads a body
            unread = bool(message.get("more_body"))
            return message

        async def closing(message: Message) -> None:
            nonlocal closes
            if message["type"] == "http.response.start" and unread:
                closes = True
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            elif closes and not message.get("more_body"):
                await send({**message, "more_body": True})
                await _discard(receive, min(deadline, clock() + _LINGER_SECONDS), self.limit + _IN_FLIGHT_BYTES)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await self.app(scope, timed, closing)


async def _discard(receive: Receive, deadline: float, limit: int) -> None:
    """Discard the rest of a body until its end, a disconnect, a pause, the deadline, or ``limit`` bytes."""
    clock = asyncio.get_running_loop().time
    try:
        while limit > 0:
            async with asyncio.timeout_at(min(deadline, clock() + _LINGER_IDLE_SECONDS)):
                message = await receive()
            if not message.get("more_body"):
                break
            limit -= len(message["body"])
    except TimeoutError:
        pass


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with limits: time and size of a request's head, connections of one peer, and the time
    without progress of a client that reads its response.

    A proxy whose forwarded addresses are trusted may have any number of connections.
    """

    def __init__(
        self, *arguments: Any, head_seconds: float, response_seconds: float, max_connections: int, **more: Any
    ) -> None:
        super().__init__(*arguments, **more)
        self._head_seconds = head_seconds
        self._response_seconds = response_seconds
        self._max_connections = max_connections
        self._peer = ""
        self._unread_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._upgrades = UpgradeFilter()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Start the timer of the first head; close a connection above the peer's number."""
        super().connection_made(transport)
        host = self.client[0] if self.client is not None else ""
        self._peer = client_of(host)
        if host not in getattr(self.app, "trusted_hosts", ()) and self._too_many():
            self.transport.close()
        self._start_timer()

    def _too_many(self) -> bool:
        peers = [connection for connection in self.connections if getattr(connection, "_peer", None) == self._peer]
        return len(peers) > self._max_connections

    def pause_writing(self) -> None:
        """Start the timer of the response that the client does not read."""
        super().pause_writing()
        self._watch_unread(None)

    def resume_writing(self) -> None:
        """Stop that timer."""
        super().resume_writing()
        self._stop_unread_timer()

    def _watch_unread(self, size_before: int | None) -> None:
        """Close the connection unless bytes have been read since."""
        size = self.transport.get_write_buffer_size()
        if size_before is not None and size >= size_before:
            self.transport.abort()  # close() would wait for the client to read
        else:
            self._unread_timer = self.loop.call_later(self._response_seconds, self._watch_unread, size)

    def _stop_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._stop_timer()
        self._stop_unread_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of an incomplete head; close the connection above the limit."""
        super().data_received(self._upgrades.feed(data))
        if self._timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self.transport.close()

    def on_message_begin(self) -> None:
        """Start the timer of a further head; between requests the server's own limit to idle connections applies."""
        super().on_message_begin()
        if self._timer is None:
            self._start_timer()

    def on_headers_complete(self) -> None:
        """Stop the timer: the head is complete."""
        self._stop_timer()
        self._upgrades.end_head()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the head of the next request."""
        super().on_message_complete()
        self._upgrades.begin_head()

    def _start_timer(self) -> None:
        self._head_bytes = 0
        self._timer = self.loop.call_later(self._head_seconds, self._on_timeout)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timeout(self) -> None:
        if not getattr(self.cycle, "response_complete", True):  # the previous response is not complete
            self._timer = self.loop.call_later(self._head_seconds, self._on_timeout)
            return
        self._timer = None
        self.transport.close()


def protocol_of(settings: Settings) -> Any:
    """Return uvicorn's factory of connections; it can be pickled for worker processes."""
    return partial(
        TimedProtocol,
        head_seconds=settings.head_seconds,
        response_seconds=settings.body_seconds,
        max_connections=settings.max_connections,
    )
