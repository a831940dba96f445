"""Access log: one line, one measurement and one span a request; the route's template, never path, query or body."""

import io
import logging
import os
import sys
import time
from contextlib import suppress
from functools import cache

import structlog
from opentelemetry import trace
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.metrics import REQUESTS, SECONDS

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_TRACER = trace.get_tracer("rettevej")
_log = structlog.get_logger(__name__)


class _Lines(io.TextIOBase):
    """Standard error, where a line may be lost: its disk is full or its reader gone, and no request fails for that."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure_logging(level: str) -> None:
    """Log JSON lines to standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=_Lines()),  # type: ignore[arg-type]  # it writes and flushes,
    )


@cache  # as many as there are series in Prometheus
def _meters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return counter and histogram of a route. Cached: a look-up of labels costs as much as a count."""
    return REQUESTS.labels(method, route, status), SECONDS.labels(method, route)


def _method_and_route(scope: Scope) -> tuple[str, str]:
    """Return method and route of a request for logs and metrics; an unknown method is ``other``."""
    method = scope["method"]
    return method if method in _METHODS else "other", getattr(scope.get("route"), "path", "none")


def _client(scope: Scope) -> str | None:
    return getattr(scope.get("state", {}).get("principal"), "client_id", None)


class AccessLog:
    """ASGI middleware: access log and ``X-Request-ID`` header."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = os.urandom(16).hex()
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):  # no endpoint is configured
                await self.app(scope, receive, send_with_id)
            else:
                with _TRACER.start_as_current_span(
                    "request", kind=trace.SpanKind.SERVER, record_exception=False, set_status_on_exception=False
                ) as span:
                    await self.app(scope, receive, send_with_id)
                    _describe(span, scope, status)
        finally:
            structlog.contextvars.reset_contextvars(**bound)
            seconds = time.perf_counter() - started
            method, route = _method_and_route(scope)
            requests, times = _meters(method, route, status)
            requests.inc()
            times.observe(seconds)
            _log.info(
                "request",
                request_id=request_id,
                method=method,
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 1),
                client=_client(scope),
            )


def _describe(span: trace.Span, scope: Scope, status: int) -> None:
    """Set name and attributes of a span: method, route, status and client."""
    method, route = _method_and_route(scope)
    span.update_name(f"{method} {route}")
    span.set_attributes(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "enduser.id": _client(scope) or "",
        }
    )
