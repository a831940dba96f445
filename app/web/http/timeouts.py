"""Timeouts of requests against slow clients: one for the head (first line and headers), one for the body.

The body's is ASGI middleware; the head's is in the server's protocol, because the application is called only after a
whole head.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.web.http.upgrades import UpgradeFilter

_LINGER_SECONDS = 2.0
_MAX_HEAD_BYTES = 64 * 1024


class BodyDeadline:
    """ASGI middleware: 408 for a body that is not complete ``seconds`` after its head.

    A response before the end of the body (408, 413, a refusal) has ``Connection: close``. The rest of the body is
    discarded for two seconds, so that the client reads the response, and then the connection is closed.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http" or not _has_body(scope):
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
                await _discard(receive, min(deadline, clock() + _LINGER_SECONDS))
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await self.app(scope, timed, closing)


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


async def _discard(receive: Receive, deadline: float) -> None:
    """Discard the rest of a body until its end, a disconnect or the deadline."""
    try:
        async with asyncio.timeout_at(deadline):
            while (await receive()).get("more_body"):
                pass
    except TimeoutError:
        pass


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a limit to the time and size of a request's head."""

    def __init__(self, *arguments: Any, head_seconds: float, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._head_seconds = head_seconds
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._upgrades = UpgradeFilter()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Start the timer of the first head."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
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


def protocol_with(head_seconds: float) -> Callable[..., asyncio.Protocol]:
    """Return uvicorn's factory of connections; it can be pickled for worker processes."""
    return partial(TimedProtocol, head_seconds=head_seconds)
