"""Route class: checks what FastAPI leaves unchecked; the head of a request before one byte of its body is read.

In this order: the token and its scopes (401, 403), the query (422), the types that are accepted (406), what the address
names (404). A request that has no right to be made costs no body, and one that is not understood, or could not be
answered, does nothing.
JSON that FastAPI would decode is decoded here instead.
"""

import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, get_origin
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Query
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message

from app.web.auth import guards_of
from app.web.http.accept import accepted_qualities
from app.web.json_body import SMALL_BODY, decoded, read_json, repeated_objects
from app.web.problems import Problem

_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_LARGE_BODIES: Final = ("/batch", "/snapshot")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_.-]{0,39}")


class CheckedRoute(APIRoute):
    """A route that refuses unknown and repeated query parameters, repeated names in JSON, and reads no body without a
    right to send it."""

    async def check_address(self, request: Request) -> None:
        """Raise Problem ``not_found`` if what the address names does not exist; called before a body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the checks.

        Problems: ``unauthorized``, ``invalid_token``, ``insufficient_scope``, ``unknown_parameter``,
        ``repeated_parameter``, ``not_acceptable``, ``invalid_json``, ``malformed`` with ``repeated_field``.
        """
        handle, guards = super().get_route_handler(), guards_of(self.dependant)
        parameters = {
            field.alias: get_origin(field.field_info.annotation) is list
            for field in get_flat_params(self.dependant)
            if isinstance(field.field_info, Query)
        }

        media_types = _media_types(self)
        takes_much = self.path.endswith(_LARGE_BODIES)

        async def checked(request: Request) -> Response:
            if not takes_much:
                request = _limited(request)
            for guard in guards:
                await guard(request)
            if query := request.scope["query_string"]:
                check_query(parse_qsl(query.decode("ascii"), keep_blank_values=True), parameters)
            if not any(accepted_qualities(request, media_types).values()):
                raise Problem("not_acceptable", f"The types are {', '.join(media_types)}.")
            if request.method in _WITH_BODY:
                await self.check_address(request)
            if self.body_field is not None and _is_json(request):
                await _decode(request)
            return await handle(request)

        return checked


def _limited(request: Request) -> Request:
    """The request with a body of at most ``SMALL_BODY`` bytes; 413 for more."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > SMALL_BODY:
            raise HTTPException(413)
        return message

    return Request(request.scope, counted, request._send)  # noqa: SLF001 - Starlette has no other way to pass it on


def _media_types(route: APIRoute) -> Sequence[str]:
    """Return what the operation can answer: JSON where it has a model, and the types of its other successes."""
    described = [response.get("content", {}) for status, response in route.responses.items() if str(status) < "300"]
    named = {media_type: None for content in described for media_type in content}
    return [*({"application/json": None} if route.response_model is not None or not named else {}), *named]


def _is_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))


def _read(body: bytes) -> tuple[Any, Sequence[tuple[int | str, ...]]]:
    document = read_json(body, surrogates=True)
    return document, [*repeated_objects(document)]


async def _decode(request: Request) -> None:
    if body := await request.body():
        document, repeated = await decoded(_read, body)
        if errors := [{"type": "repeated_field", "loc": ("body", *path)} for path in repeated]:
            raise RequestValidationError(errors, body=document)
        request._json = document  # noqa: SLF001 - where Starlette's ``request.json()`` keeps what it has decoded


def check_query(sent: Iterable[tuple[str, str]], parameters: Mapping[str, bool]) -> None:
    """Refuse what an operation does not know (``unknown_parameter``) and what it takes once (``repeated_parameter``).

    ``parameters`` are the operation's names, each with whether it may be given several times. A name that could be
    anything but a misspelt parameter, such as a number, is not repeated in the error.
    """
    seen: set[str] = set()
    errors: dict[tuple[str, str], None] = {}
    for name, _ in sent:
        if name not in parameters:
            errors[f"/query/{name}" if _PLAIN_NAME.fullmatch(name) else "/query", "unknown_parameter"] = None
        elif name in seen and not parameters[name]:
            errors[f"/query/{name}", "repeated_parameter"] = None
        seen.add(name)
    if errors:
        raise Problem(next(iter(errors))[1], errors=[*errors])
