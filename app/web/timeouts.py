"""Clients that are slow, by accident or on purpose: no request that never ends holds its connection for ever.

The head of a request (its first line and headers) and its body have a time limit each. The body's is pure ASGI; the
head's is the server's, because the application hears of a request only when its head is whole.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_LINGER_SECONDS = 2.0
_MOST_HEAD_BYTES = 64 * 1024


class BodyDeadline:
    """ASGI middleware: 408 for a body that is not whole ``seconds`` after its head.

    A client that is answered before its body ended (408, 413, a refusal) is told ``Connection: close``; what still
    comes is thrown away for a moment, so that the answer is read, and then the connection is closed.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or not _has_body(scope):
            await self.app(scope, receive, send)
            return
        clock = asyncio.get_running_loop().time
        deadline = clock() + self.seconds
        unread, closes = True, False

        async def timed() -> Message:
            nonlocal unread
            if not unread:  # whoever waits now waits for the client to go away
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
    """Throws away what comes of a body until it ends, the client goes or the time is over."""
    try:
        async with asyncio.timeout_at(deadline):
            while (await receive()).get("more_body"):
                pass
    except TimeoutError:
        pass


class TimedProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with a limit to the time and the size that the head of a request may take."""

    def __init__(self, *arguments: Any, head_seconds: float, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._head_seconds = head_seconds
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begins to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no longer."""
        self._head_is_whole()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts what comes before a head is whole."""
        super().data_received(data)
        if self._timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD_BYTES:
                self.transport.close()

    def on_message_begin(self) -> None:
        """A further request has begun; between two of them the server's own limit to idle connections holds."""
        super().on_message_begin()
        if self._timer is None:
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        """The application takes over."""
        self._head_is_whole()
        super().on_headers_complete()

    def _wait_for_head(self) -> None:
        self._head_bytes = 0
        self._timer = self.loop.call_later(self._head_seconds, self._too_late)

    def _head_is_whole(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        if not getattr(self.cycle, "response_complete", True):  # the request before is still being answered
            self._timer = self.loop.call_later(self._head_seconds, self._too_late)
            return
        self._timer = None
        self.transport.close()


def protocol_with(head_seconds: float) -> Callable[..., asyncio.Protocol]:
    """What uvicorn makes its connections with; worker processes get it too, so it can be pickled."""
    return partial(TimedProtocol, head_seconds=head_seconds)
