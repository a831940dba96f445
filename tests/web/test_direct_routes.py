"""The short way to a route leads where the router's own would have led."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route, Router
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from app.direct_routes import DirectRoutes
from app.main import create_app
from app.settings import Settings

_ROUTER = create_app(Settings()).router
_DIRECT = DirectRoutes(_ROUTER)
_WORDS = sorted({word for route in _ROUTER.routes for word in str(getattr(route, "path", "")).split("/")})
_OTHERS = ["1", "a b", "é", "x\n", "{trial}"]
_PATHS = st.lists(st.sampled_from(_WORDS + _OTHERS) | st.text(max_size=3), max_size=8).map(
    lambda words: "/" + "/".join(words)
)
_METHODS = st.sampled_from(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"])


def _scope(method: str, path: str) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}


def _first(routes: list[BaseRoute], scope: dict[str, Any]) -> BaseRoute | None:
    return next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)


@given(method=_METHODS, path=_PATHS)
def test_no_route_is_passed_over(method: str, path: str) -> None:
    scope = _scope(method, path)

    few = _DIRECT.candidates(path)

    assert _first(few, scope) is _first(_ROUTER.routes, scope)


def test_every_route_is_found_by_its_own_path_and_few_are_asked() -> None:
    for route in _ROUTER.routes:
        if not isinstance(route, Route):
            continue
        method = next(iter(route.methods or ()))
        few = _DIRECT.candidates(route.path_format)
        assert _first(few, _scope(method, route.path_format)) is not None
        assert len(few) <= 8, f"{route.path} is looked for among {len(few)}"


def test_the_application_goes_this_way(monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(Settings())
    monkeypatch.setattr(app.router, "app", None)  # where every route would be asked
    assert TestClient(app).get("/healthz").status_code == 200


def test_what_no_route_takes_whole_is_the_routers() -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(repr(request.path_params))

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("mounted")(scope, receive, send)

    router = Router(
        [
            Route("/a/{b}.json", endpoint),
            Route("/a/{b}", endpoint, methods=["PUT"]),
            Route("/a/{c:int}", endpoint),
            Mount("/m", asgi),
        ]
    )
    plain, direct = Router(router.routes), DirectRoutes(router)
    for method in ("GET", "PUT", "HEAD"):
        for path in ("/a/1", "/a/x.json", "/a/x", "/a/1/", "/m", "/m/x/y", "/", "/nowhere", "/a/1\n", "//a/1"):
            assert asyncio.run(_ask(direct, method, path)) == asyncio.run(_ask(plain, method, path)), (method, path)


async def _ask(app: Any, method: str, path: str) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("no body is asked for")

    async def send(message: Any) -> None:
        sent.append(message)

    await app(_scope(method, path), receive, send)
    return sent
