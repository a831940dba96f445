"""From a request to its route, past those whose paths are shaped otherwise.

Starlette's router asks every route in turn, and so does FastAPI's; that took half of the time of a request for
``/healthz``. Here the segments of the path lead to the few routes that can match, and those are asked in their order:
their own regular expressions decide. What no route takes whole (404, 405, a redirect) is left to the router.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter

from starlette.convertors import StringConvertor
from starlette.routing import BaseRoute, Match, Mount, Route, Router
from starlette.types import Receive, Scope, Send


@dataclass(slots=True)
class _Branch:
    """The routes of which all segments so far fit, each with its place in the router's order."""

    literal: dict[str, _Branch] = field(default_factory=dict)
    anything: _Branch | None = None
    ending: list[tuple[int, BaseRoute]] = field(default_factory=list)
    """Those whose path ends here."""
    open: list[tuple[int, BaseRoute]] = field(default_factory=list)
    """Those that take any number of further segments."""

    def grow(self, order: int, route: BaseRoute) -> None:
        """Adds a route. A shape that is not understood is open from there on: asked too often, never too seldom."""
        if not isinstance(route, Route | Mount):
            self.open.append((order, route))
            return
        branch = self
        for segment in route.path_format.removeprefix("/").split("/"):
            if "{" not in segment:
                branch = branch.literal.setdefault(segment, _Branch())
            elif isinstance(route.param_convertors.get(segment[1:-1]), StringConvertor):
                branch.anything = branch = branch.anything or _Branch()
            else:
                branch.open.append((order, route))
                return
        branch.ending.append((order, route))

    def candidates(self, path: str) -> list[BaseRoute]:
        """The routes that the path may belong to, in the router's order."""
        found: list[tuple[int, BaseRoute]] = []
        branches = [self]
        # A regular expression's $ overlooks one line break at the end.
        for segment in path.removeprefix("/").removesuffix("\n").split("/"):
            reached: list[_Branch] = []
            for branch in branches:
                found += branch.open
                if (named := branch.literal.get(segment)) is not None:
                    reached.append(named)
                if branch.anything is not None:
                    reached.append(branch.anything)
            branches = reached
            if not branches:
                break
        for branch in branches:
            found += branch.ending
        return [route for _, route in sorted(found, key=itemgetter(0))]


class DirectRoutes:
    """ASGI application before a router's own: gives a request to the first of the router's routes that takes it.

    For routes that are the router's own, not those of routers included in it. Make it when all of them are there.
    """

    def __init__(self, router: Router) -> None:
        self.router = router
        self._root = _Branch()
        for order, route in enumerate(router.routes):
            self._root.grow(order, route)

    def candidates(self, path: str) -> list[BaseRoute]:
        """The routes that the path may belong to, in the router's order."""
        return self._root.candidates(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "http" and not scope.get("root_path"):
            for route in self.candidates(scope["path"]):
                match, of_route = route.matches(scope)
                if match is Match.FULL:
                    scope.setdefault("router", self.router)
                    scope.update(of_route)
                    await route.handle(scope, receive, send)
                    return
        await self.router.app(scope, receive, send)
