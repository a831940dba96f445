"""One line and one measurement for each request: the route's template, never its path, query or body."""

import logging
import sys
import time
import uuid

import structlog
from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.metrics import REQUESTS, SECONDS

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_TRACER = trace.get_tracer("rettevej")
_log = structlog.get_logger(__name__)


def configure_logging(level: str) -> None:
    """JSON lines on standard error."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


def _describe(span: trace.Span, scope: Scope, status: int) -> None:
    """Names a span by what it may be named by: method, route, status and client."""
    route = getattr(scope.get("route"), "path", "none")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    span.update_name(f"{method} {route}")
    principal = scope.get("state", {}).get("principal")
    span.set_attributes(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "enduser.id": getattr(principal, "client_id", ""),
        }
    )


class AccessLog:
    """ASGI middleware. Gives each request an id, which the answer carries as ``X-Request-ID``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        started = time.perf_counter()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            with (
                structlog.contextvars.bound_contextvars(request_id=request_id),
                _TRACER.start_as_current_span(
                    "request", kind=trace.SpanKind.SERVER, record_exception=False, set_status_on_exception=False
                ) as span,
            ):
                await self.app(scope, receive, noted)
                _describe(span, scope, status)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            REQUESTS.labels(method, route, status).inc()
            SECONDS.labels(method, route).observe(seconds)
            principal = scope.get("state", {}).get("principal")
            _log.info(
                "request",
                request_id=request_id,
                method=method,
                route=route,
                status=status,
                milliseconds=round(seconds * 1000, 1),
                client=getattr(principal, "client_id", None),
            )
