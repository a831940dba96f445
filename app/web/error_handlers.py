"""Error handlers: every error becomes a problem document, unexpected exceptions too."""

import traceback
from collections.abc import Mapping
from functools import partial
from typing import Final

import asyncpg
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.core.session import has_timed_out
from app.domain.records.errors import DomainError
from app.web.http.compression import GzipRequestMiddleware
from app.web.json_faults import json_fault
from app.web.meanings import meanings_of, operation_of, respond
from app.web.problems import Fault, Problem
from app.web.validation import declared_names, from_validation

_log = structlog.get_logger(__name__)


# --- Unexpected exceptions --------------------------------------------------------------------------------------------

_TOO_LONG: Final = "It waited too long for other requests; nothing of it is stored. Send it again."
# SQLSTATEs of a database that is unreachable, starting, stopping or too busy, and of deadlocks, serialisation failures
# and cancelled statements, after which a retry may succeed.
_AWAY_CLASSES: Final = ("08", "53")
_AWAY_STATES: Final = frozenset({"57014", "57P01", "57P02", "57P03", "57P05", "25006", "40001", "40P01", "55P03"})


def database_is_away(exc: BaseException) -> bool:
    """Return whether the database is unavailable, rather than a statement wrong."""
    if isinstance(exc, PoolTimeout):
        return True
    if isinstance(exc, DBAPIError):
        if exc.connection_invalidated or isinstance(exc, OperationalError):
            return True
        return exc.orig is not None and database_is_away(exc.driver_exception)
    if isinstance(exc, asyncpg.PostgresError):
        state = str(getattr(exc, "sqlstate", "") or "")
        return state.startswith(_AWAY_CLASSES) or state in _AWAY_STATES
    if isinstance(exc, asyncpg.InterfaceError):  # a DataError is one too: a value that the driver cannot send
        return not isinstance(exc, ValueError)
    if isinstance(exc, asyncpg.InternalClientError | ConnectionRefusedError | ConnectionResetError):
        return True
    # No socket, a time limit: an OSError raised inside asyncpg.
    frames = traceback.walk_tb(exc.__traceback__)
    return isinstance(exc, OSError) and any(
        str(frame.f_globals.get("__name__", "")).startswith("asyncpg.") for frame, _ in frames
    )


def _unexpected(exc: BaseException) -> Problem:
    """Return the problem of an unexpected exception. Log its type and place, not its text, which may have a row."""
    late = _TOO_LONG if has_timed_out(exc) else None
    problem = Problem("database_unavailable", late) if database_is_away(exc) else Problem("internal_error")
    chain: list[str] = []
    link: BaseException | None = exc
    while link is not None and len(chain) < 8:
        chain.append(type(link).__qualname__)
        link = link.__cause__ or link.__context__
    # lookup_lines=False: only file, line and function are wanted, not the source.
    frames = traceback.StackSummary.extract(traceback.walk_tb(exc.__traceback__), lookup_lines=False)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
    _log.error("unexpected_exception", code=problem.code, exceptions=chain, where=where)
    return problem


class CatchAllMiddleware:
    """ASGI middleware: an unhandled exception becomes 500 or 503, because the server would log its text. If the
    response has begun, an exception without details breaks the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except ClientDisconnect:
            return
        except Exception as exc:  # noqa: BLE001 - its text must not reach the server's log
            problem = _unexpected(exc)
        else:
            return
        if started:  # outside the except clause, so that the new exception does not carry the old one
            raise RuntimeError("The answer broke off.")
        await respond(problem, scope)(scope, receive, send)


class BodyLimit:
    """ASGI middleware: 413 for a body of more than ``limit`` bytes, declared or counted.

    Replaces FastAPI's ``max_body_size``, which answers a declared length in plain text.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if declared.isdigit() and (len(declared) > 18 or int(declared) > self.limit):
            await respond(Problem("too_large"), scope)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                raise HTTPException(413)  # FastAPI lets this one class through while it reads a body
            return message

        await self.app(scope, counted, send)


# --- Wiring -----------------------------------------------------------------------------------------------------------


_STATUS_CODES: Final[Mapping[int, str]] = {
    400: "invalid_json",
    401: "unauthorized",
    403: "insufficient_scope",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "database_unavailable",
}


async def _on_problem(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, Problem)
    return respond(exc, request.scope)


async def _on_domain_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, DomainError)
    return respond(Problem(exc.code, exc.detail, **exc.members), request.scope)


async def _on_http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    if exc.status_code < 400:
        return Response(status_code=exc.status_code, headers=exc.headers)
    code = _STATUS_CODES.get(exc.status_code, "malformed" if exc.status_code < 500 else "internal_error")
    errors = []
    if code == "invalid_json":  # FastAPI has read the body, and could not decode it
        errors.append(Fault("", "invalid_json", json_fault(await request.body())))
    return respond(Problem(code, errors=errors, headers=exc.headers), request.scope)


async def _on_exception(request: Request, exc: Exception) -> Response:
    return respond(_unexpected(exc), request.scope)


def install(app: FastAPI, *, max_body_bytes: int | None = None) -> None:
    """Answer every error of ``app`` as a problem, and refuse bodies above ``max_body_bytes``.

    Call this before other middleware is added, so that theirs is outside and sees the final response. Pointers contain
    the names of ``app.openapi()``; call that at the start, or the first 422 waits for it. Raises ValueError when the
    app limits bodies itself (see ``BodyLimit``).
    """
    if app.max_body_size is not None:
        raise ValueError("Pass the limit to install(), not FastAPI(max_body_size=...), which answers in plain text.")
    cached: tuple[object, frozenset[str]] = (None, frozenset())

    def names() -> frozenset[str]:
        nonlocal cached
        schema = app.openapi()
        if cached[0] is not schema:
            cached = (schema, declared_names(schema))
        return cached[1]

    async def on_validation(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, RequestValidationError)
        meanings, operation_id = meanings_of(request.scope), operation_of(request.scope)
        fields_at = partial(meanings.field_names, operation_id)
        return respond(from_validation(exc, names(), fields_at), request.scope)

    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(DomainError, _on_domain_error)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_exception)  # only what middleware outside of CatchAllMiddleware raises
    if max_body_bytes is not None:
        app.add_middleware(GzipRequestMiddleware, limit=max_body_bytes)
        app.add_middleware(BodyLimit, limit=max_body_bytes)
    app.add_middleware(CatchAllMiddleware)
