"""Request line: addresses that are no text, control characters in them, and HEAD.

ASGI servers decode an address with replacement characters: two addresses of other bytes would become one. So the bytes
are checked before any route sees them.
"""

from typing import Final
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.meanings import respond
from app.web.problems import Problem

_CONTROL: Final = frozenset(map(chr, (*range(32), 127)))


class RequestLineMiddleware:
    """ASGI middleware: 400 ``invalid_encoding`` for an address or query that is no UTF-8, 404 for control characters
    in the path, and GET's answer without its body for HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not _is_utf8(scope.get("raw_path") or b"") or not _is_utf8(scope["query_string"]):
            await respond(Problem("invalid_encoding"), scope)(scope, receive, send)
        elif not _CONTROL.isdisjoint(scope["path"]):
            await respond(Problem("not_found"), scope)(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self.app({**scope, "method": "GET"}, receive, _without_body(send))
        else:
            await self.app(scope, receive, send)


def _is_utf8(quoted: bytes) -> bool:
    if b"%" not in quoted and quoted.isascii():
        return True
    try:
        unquote_to_bytes(quoted).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head
