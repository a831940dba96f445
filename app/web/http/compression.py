"""Content-Encoding of requests: gzip, bounded by what it expands to (Starlette's middleware compresses answers)."""

import zlib
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.meanings import respond
from app.web.problems import Problem

_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_PIECE: Final = 256 * 1024


class GzipRequestMiddleware:
    """ASGI middleware: expands a gzip body to at most ``limit`` bytes.

    413 past the limit, 400 ``invalid_encoding`` for damaged data, 415 for another Content-Encoding.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        encoding = b"identity"
        if scope["type"] == "http":
            encoding = dict(scope["headers"]).get(b"content-encoding", b"identity").strip().lower()
        if encoding in (b"identity", b""):
            await self.app(scope, receive, send)
        elif encoding in (b"gzip", b"x-gzip"):
            dropped = (b"content-encoding", b"content-length")
            headers = [(name, value) for name, value in scope["headers"] if name not in dropped]
            headers.append((b"transfer-encoding", b"chunked"))
            await self.app({**scope, "headers": headers}, _Expanded(receive, self.limit), send)
        else:
            problem = Problem(
                "unsupported_media_type",
                "Of Content-Encoding, gzip and identity are taken.",
                headers={"Accept-Encoding": "gzip, identity"},
            )
            await respond(problem, scope)(scope, receive, send)


class _Expanded:
    """ASGI receive: the body expanded piece by piece; several gzip members in a row are one body."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._left = limit
        self._expander = zlib.decompressobj(_GZIP_WINDOW)

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request":
            return message
        try:
            body = self._expand(message.get("body", b""))
        except zlib.error:
            raise Problem("invalid_encoding", "The body is not gzip, though its Content-Encoding says so.") from None
        if not message.get("more_body") and not self._expander.eof:
            raise Problem("invalid_encoding", "The gzip body ends before its end.")
        return {**message, "body": body}

    def _expand(self, data: bytes) -> bytes:
        pieces: list[bytes] = []
        while data:
            if self._expander.eof:
                self._expander = zlib.decompressobj(_GZIP_WINDOW)
            piece = self._expander.decompress(data, _PIECE)
            self._left -= len(piece)
            if self._left < 0:
                raise HTTPException(413)  # FastAPI lets this one class through while it reads a body
            pieces.append(piece)
            data = self._expander.unconsumed_tail or self._expander.unused_data
        return b"".join(pieces)
