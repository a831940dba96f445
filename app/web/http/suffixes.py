"""Addresses with a suffix: ``…/weekly-summary.csv`` is ``…/weekly-summary`` as CSV, whatever ``Accept`` says.

In a batch the suffix stands for ``Content-Type``. Programs that send one address and no headers, and generators that
know one media type of an operation, need nothing else.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

SUFFIXES: Final = {
    "text/csv": ".csv",
    "application/x-ndjson": ".ndjson",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.apache.parquet": ".parquet",
}
_MEDIA_TYPES: Final = {suffix: media_type for media_type, suffix in SUFFIXES.items()}


def suffixed(routes: Iterable[BaseRoute]) -> Iterator[tuple[APIRoute, str, str]]:
    """Yield each route with its method and a suffix that it takes: of reports and tables (GET), of batches (POST)."""
    for route in routes:
        if isinstance(route, APIRoute):
            answers = route.responses.get(200, {}).get("content", {})
            bodies = (route.openapi_extra or {}).get("requestBody", {}).get("content", {})
            for method, media_types in (("GET", answers), ("POST", bodies)):
                if method in (route.methods or ()):
                    yield from ((route, method, SUFFIXES[each]) for each in media_types if each in SUFFIXES)


class SuffixMiddleware:
    """ASGI middleware that takes the suffix off an address and sets the header for which it stands."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._routes = list(suffixed(routes))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Change the request in place, so that log and metrics see its route."""
        suffix = "." + scope.get("path", "").rpartition(".")[2]
        if suffix in _MEDIA_TYPES:
            method = {"HEAD": "GET"}.get(scope.get("method", ""), scope.get("method"))
            path = scope["path"].removesuffix(suffix)
            for route, *own in self._routes:
                if own == [method, suffix] and route.path_regex.fullmatch(path):
                    scope["path"] = path
                    name = b"accept" if method == "GET" else b"content-type"
                    headers = [each for each in scope["headers"] if each[0] != name]
                    scope["headers"] = [*headers, (name, _MEDIA_TYPES[suffix].encode())]
                    break
        await self._app(scope, receive, send)
