"""Every error as a problem document (RFC 9457), and no error that repeats what a client sent.

A domain code becomes a status here and nowhere else: raise ``Problem("already_drawn")`` anywhere, and ``install`` has it
answered. Texts come from the table below or from the code that raises, never from an exception or a request: a CPR
number may stand in any body, key or query, so FastAPI's own answers (which repeat the input) are all replaced.
"""

import json
import traceback
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped, unused-ignore]  # asyncpg ships no types
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.refused import Refused

MEDIA_TYPE: Final = "application/problem+json"

_log = structlog.get_logger(__name__)


# --- The table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProblemType:
    """One kind of error: its status, its title, the sentence said when the raiser has none, headers that go with it."""

    status: int
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)


def _type(status: int, title: str, detail: str, **headers: str) -> ProblemType:
    return ProblemType(status, title, detail, {name.replace("_", "-"): value for name, value in headers.items()})


PROBLEMS: Final[Mapping[str, ProblemType]] = {
    # What HTTP asks for.
    "invalid_json": _type(400, "Not JSON", "The body could not be read as JSON."),
    "unauthorized": _type(401, "No token", "Send an access token: Authorization: Bearer.", WWW_Authenticate="Bearer"),
    "invalid_token": _type(
        401,
        "Token not accepted",
        "The token is malformed, has expired, or comes from another issuer.",
        WWW_Authenticate='Bearer error="invalid_token"',
    ),
    "insufficient_scope": _type(403, "Scope missing", "The token lacks a scope that this needs."),
    "not_found": _type(404, "Not found", "It is not there, or not yours."),
    "method_not_allowed": _type(405, "Method not allowed", "This address does not take that method."),
    "not_acceptable": _type(406, "Not acceptable", "None of the accepted media types can be given."),
    "precondition_failed": _type(412, "Precondition failed", "It has changed since you read it."),
    "too_large": _type(413, "Too large", "The body is larger than is accepted."),
    "unsupported_media_type": _type(415, "Media type not supported", "The body has a media type not accepted here."),
    "precondition_required": _type(428, "Precondition required", "Send If-Match with what you read."),
    "rate_limited": _type(429, "Too many requests", "Wait a little, then send it again.", Retry_After="1"),
    "internal_error": _type(500, "Internal error", "Something went wrong here; sending it again is safe."),
    "unavailable": _type(503, "Unavailable", "The database cannot be reached; send it again.", Retry_After="5"),
    "issuer_unavailable": _type(
        503, "Issuer unavailable", "The keys of the token's issuer cannot be fetched; try again.", Retry_After="5"
    ),
    # A malformed request. The single codes are those of a record's fields; a list of them is `malformed`.
    "malformed": _type(422, "Malformed", "The request is not as it should be; `errors` has every fault."),
    "missing_field": _type(422, "Field missing", "A field that is required is not there."),
    "unknown_field": _type(422, "Unknown field", "There is a field that is not known here."),
    "invalid_value": _type(422, "Invalid value", "A field has a value that it cannot have."),
    "invalid_cpr": _type(422, "Invalid CPR number", "That is no CPR number."),
    "invalid_cvr": _type(422, "Invalid CVR number", "That is no CVR number."),
    "date_in_future": _type(422, "Date in the future", "It has not happened yet on the day of receipt."),
    "ends_before_start": _type(422, "Ends before it starts", "The last day lies before the first."),
    "hours_out_of_range": _type(422, "Hours out of range", "Hours a week are above 0 and at most 60."),
    # Contradicts what is stored.
    "unknown_participant": _type(404, "Unknown participant", "The participant is not in the trial, or not yours."),
    "trial_exists": _type(409, "Trial exists", "There is a trial of that id with other content."),
    "trial_closed": _type(409, "Trial closed", "The trial is closed; nobody is drawn any more."),
    "trial_open": _type(409, "Trial open", "This is told only once the trial is closed."),
    "already_drawn": _type(409, "Already drawn", "The person has been drawn on other facts."),
    "screening_conflict": _type(409, "Screening conflict", "The screening contradicts one that is stored."),
    "intake_sufficient": _type(
        409, "Intake sufficient", "The jobcentre has enough; nobody is drawn from the supplement."
    ),
    "supplement_order": _type(409, "Out of order", "Another supplement candidate comes first."),
    "not_waiting": _type(409, "Not waiting", "The person is not an undrawn candidate."),
    "not_drawn": _type(409, "Not drawn", "The person has not been drawn."),
    "event_order": _type(409, "Events out of order", "The event does not fit those that are stored."),
    "revision_conflict": _type(409, "Revision conflict", "That revision is stored with other content."),
    "ambiguous_client": _type(409, "Several clients", "Several clients sent a record of that id: name one."),
    "idempotency_key_reused": _type(409, "Key used before", "That Idempotency-Key came with another request before."),
    "handover_conflict": _type(409, "Handover conflict", "The successor has records of the same external ids."),
    "stale": _type(409, "Stale", "A later revision is stored."),
    # What a trial with `enforcement: refuse` refuses (domain 4.8).
    "form_not_accepted": _type(409, "Form not accepted", "A conversation of this form does not count."),
    "remote_too_early": _type(409, "Remote too early", "The first conversations are held in person."),
    "conducted_by_mentor": _type(409, "Conducted by the mentor", "A mentor's conversation does not count."),
    "hours_too_few": _type(409, "Hours too few", "The activation has fewer hours than the minimum."),
    "not_at_workplace": _type(409, "Not at a workplace", "The activation is not at a workplace."),
}

# The codes that `errors` may carry for a field; a validator raises PydanticCustomError with one of them as its type.
FIELD_CODES: Final = frozenset(
    {
        "missing_field",
        "unknown_field",
        "invalid_value",
        "invalid_json",
        "invalid_cpr",
        "invalid_cvr",
        "date_in_future",
        "ends_before_start",
        "hours_out_of_range",
    }
)

# What any operation that needs a token may answer, and what one with a body may answer besides.
COMMON: Final = (
    "unauthorized",
    "invalid_token",
    "insufficient_scope",
    "malformed",
    "internal_error",
    "unavailable",
    "issuer_unavailable",
)
BODY: Final = ("invalid_json", "too_large", "unsupported_media_type")

_STATUS_CODES: Final[Mapping[int, str]] = {
    400: "invalid_json",
    401: "unauthorized",
    403: "insufficient_scope",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    428: "precondition_required",
    429: "rate_limited",
    503: "unavailable",
}


# --- The exception and its answer -------------------------------------------------------------------------------------


class Problem(Exception):
    """An error to be told to the client.

    ``errors`` are (JSON pointer, code); ``members`` are further members of the document. Nothing given here may be a
    value from a body. Raises KeyError for a code that is not in ``PROBLEMS``.
    """

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.kind = PROBLEMS[code]
        self.detail = detail if detail is not None else self.kind.detail
        self.errors = tuple(errors)
        self.headers = {**self.kind.headers, **(headers or {})}
        self.members = members

    @property
    def status(self) -> int:
        return self.kind.status

    def body(self) -> dict[str, Any]:
        """The problem document. The members of RFC 9457 win over further ones of the same name."""
        return {
            **self.members,
            "type": f"/problems/{self.code}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.code,
            "errors": [{"pointer": pointer, "code": code} for pointer, code in self.errors],
        }

    def response(self) -> Response:
        """The answer: the document as application/problem+json, with the headers that belong to the code."""
        content = json.dumps(self.body(), ensure_ascii=False).encode()
        return Response(content, self.status, headers=self.headers, media_type=MEDIA_TYPE)


# --- From pydantic's errors to (pointer, code) ------------------------------------------------------------------------

_MISSING: Final = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})
_UNKNOWN: Final = frozenset({"extra_forbidden", "unexpected_keyword_argument"})


def declared_names(schema: object) -> frozenset[str]:
    """The names of all fields and parameters in an OpenAPI document or a JSON schema: what a pointer may contain."""
    names: set[str] = set()
    pending = [schema]
    while pending:
        node = pending.pop()
        if isinstance(node, Mapping):
            properties = node.get("properties")
            if isinstance(properties, Mapping):
                names.update(properties)
            if isinstance(node.get("in"), str) and isinstance(node.get("name"), str):
                names.add(node["name"])
            pending.extend(node.values())
        elif isinstance(node, list | tuple):
            pending.extend(node)
    return frozenset(names)


def field_errors(
    errors: Iterable[Mapping[str, Any]], value: object, names: Container[str], prefix: str = ""
) -> list[tuple[str, str]]:
    """Pydantic's errors on ``value`` as (JSON pointer, code), each pair once.

    ``names`` are the declared field names (``declared_names`` of the model's schema); ``prefix`` is the pointer of
    ``value`` itself, such as ``/records/2``. A pointer to an unknown field, or into a mapping whose keys the client
    chose, ends at its parent. A validator of a whole object points at one of its fields by
    ``PydanticCustomError(code, message, {"field": name})``.
    """
    found: dict[tuple[str, str], None] = {}
    for error in errors:
        kind, location = str(error["type"]), tuple(error["loc"])
        code = _code(kind)
        if code == "unknown_field":
            location = location[:-1]
        pointer = prefix + _pointer(location, value, names, missing=kind in _MISSING)
        named = (error.get("ctx") or {}).get("field") if kind in FIELD_CODES else None
        if isinstance(named, str) and named in names:
            pointer += "/" + _escape(named)
        found[(pointer, code)] = None
    return list(found)


def _code(kind: str) -> str:
    if kind in _MISSING:
        return "missing_field"
    if kind in _UNKNOWN:
        return "unknown_field"
    return kind if kind in FIELD_CODES else "invalid_value"


def _pointer(location: Sequence[int | str], value: object, names: Container[str], *, missing: bool) -> str:
    """Follow pydantic's location through the value that was sent. A part that is neither an index nor a key there is a
    tag of a union and is skipped; a key that nobody declared is the client's own, and ends the pointer."""
    pointer = ""
    node = value
    for position, part in enumerate(location):
        if isinstance(node, list) and isinstance(part, int) and 0 <= part < len(node):
            pointer += f"/{part}"
            node = node[part]
        elif isinstance(node, Mapping) and part in node:
            if part not in names:
                break
            pointer += "/" + _escape(str(part))
            node = node[part]
        elif missing and position == len(location) - 1 and isinstance(node, Mapping) and part in names:
            pointer += "/" + _escape(str(part))
    return pointer


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _parameter_errors(errors: Iterable[Mapping[str, Any]], names: Container[str]) -> list[tuple[str, str]]:
    """Errors of query, path, header and cookie: ``/query/week``. A parameter that is not declared is not named."""
    found: dict[tuple[str, str], None] = {}
    for error in errors:
        code = _code(str(error["type"]))
        pointer = f"/{error['loc'][0]}"
        for part in error["loc"][1:-1] if code == "unknown_field" else error["loc"][1:]:
            if not isinstance(part, int) and part not in names:
                break
            pointer += "/" + _escape(str(part))
        found[(pointer, code)] = None
    return list(found)


def from_validation(exc: RequestValidationError, names: Container[str]) -> Problem:
    """What FastAPI's validation error is to the client: 400 not JSON, 415 another media type, else 422 ``malformed``."""
    errors: Sequence[Mapping[str, Any]] = exc.errors()
    in_body = [error for error in errors if error["loc"][0] == "body"]
    elsewhere = [error for error in errors if error["loc"][0] != "body"]
    if any(error["type"] == "json_invalid" and isinstance(error["loc"][-1], int) for error in in_body):
        return Problem("invalid_json", errors=[("", "invalid_json")])
    if in_body and isinstance(
        exc.body, bytes
    ):  # FastAPI parses JSON by the content type alone; bytes are anything else
        return Problem("unsupported_media_type")
    body_errors = field_errors([{**error, "loc": error["loc"][1:]} for error in in_body], exc.body, names)
    return Problem("malformed", errors=[*_parameter_errors(elsewhere, names), *body_errors])


# --- Failures that nobody raised on purpose ---------------------------------------------------------------------------

# SQLSTATEs of a database that is away, starting, stopping or too busy; a deadlock or lost race is worth another try.
_AWAY_CLASSES: Final = ("08", "53")
_AWAY_STATES: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "25006", "40001", "40P01", "55P03"})


def database_is_away(exc: BaseException) -> bool:
    """Whether the exception says that the database cannot answer now, rather than that a statement was wrong."""
    if isinstance(exc, PoolTimeout):
        return True
    if isinstance(exc, DBAPIError):
        if exc.connection_invalidated or isinstance(exc, OperationalError):
            return True
        return exc.orig is not None and database_is_away(exc.driver_exception)
    if isinstance(exc, asyncpg.PostgresError):
        state = str(getattr(exc, "sqlstate", "") or "")
        return state.startswith(_AWAY_CLASSES) or state in _AWAY_STATES
    if isinstance(exc, asyncpg.InterfaceError):  # a DataError is one too: a value that the driver could not send
        return not isinstance(exc, ValueError)
    if isinstance(exc, ConnectionRefusedError | ConnectionResetError):
        return True
    # No socket, a time limit: an OSError that was raised while asyncpg connected or spoke.
    frames = traceback.walk_tb(exc.__traceback__)
    return isinstance(exc, OSError) and any(
        str(frame.f_globals.get("__name__", "")).startswith("asyncpg.") for frame, _ in frames
    )


def _unexpected(exc: BaseException) -> Problem:
    """The problem for an exception that nobody raised for the client; the log gets its type and place, never its text
    (a driver's message may hold a row)."""
    problem = Problem("unavailable" if database_is_away(exc) else "internal_error")
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


class LastResort:
    """ASGI middleware: an exception that no handler took becomes 500 or 503 and goes no further, because the server
    would log its text. If the answer has begun already, the connection breaks with an exception that says nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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
        except Exception as exc:  # noqa: BLE001 -- whatever it is, it must not reach the server's log
            problem = _unexpected(exc)
        else:
            return
        if started:  # outside the except clause, so that the new exception does not carry the old one
            raise RuntimeError("The answer broke off.")
        await problem.response()(scope, receive, send)


class BodyLimit:
    """ASGI middleware: 413 for a body of more than ``limit`` bytes, declared or counted.

    In place of FastAPI's ``max_body_size``, which answers a declared length in plain text, whatever the handlers say.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if declared.isdigit() and (len(declared) > 18 or int(declared) > self.limit):
            await Problem("too_large").response()(scope, receive, send)
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


def install(app: FastAPI, *, max_body_bytes: int | None = None) -> None:
    """Answer every error of ``app`` as a problem, and refuse bodies above ``max_body_bytes``.

    Call it before other middleware is added, so that theirs is outside and sees the final answer. The names that
    pointers may contain are those of ``app.openapi()``; ask for it once at the start, or the first 422 waits for it.
    Raises ValueError when the app limits bodies itself (see ``BodyLimit``).
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

    async def on_problem(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, Problem)
        return exc.response()

    async def on_refused(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, Refused)
        return Problem(exc.code, exc.detail, **exc.members).response()

    async def on_validation(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, RequestValidationError)
        return from_validation(exc, names()).response()

    async def on_http(request: Request, exc: Exception) -> Response:
        assert isinstance(exc, HTTPException)
        if exc.status_code < 400:
            return Response(status_code=exc.status_code, headers=exc.headers)
        code = _STATUS_CODES.get(exc.status_code, "malformed" if exc.status_code < 500 else "internal_error")
        errors = [("", "invalid_json")] if code == "invalid_json" else []
        return Problem(code, errors=errors, headers=exc.headers).response()

    async def on_exception(request: Request, exc: Exception) -> Response:
        return _unexpected(exc).response()

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(Refused, on_refused)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_exception)  # only what middleware outside of LastResort raises
    if max_body_bytes is not None:
        app.add_middleware(BodyLimit, limit=max_body_bytes)
    app.add_middleware(LastResort)


# --- The contract -----------------------------------------------------------------------------------------------------


class ProblemError(BaseModel):
    """One fault of a request."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})

    pointer: str = Field(
        description=(
            "RFC 6901 pointer into the body, or /query, /path or /header with the parameter. It ends at the parent of "
            "an unknown field, and never holds a value that was sent."
        ),
        examples=["/jobcentres/0/code"],
    )
    code: str = Field(description="Stable code of the fault.", pattern="^[a-z0-9_]+$", examples=["invalid_value"])


class ProblemDetails(BaseModel):
    """Problem details (RFC 9457). Some codes have further members."""

    type: str = Field(description="Stable URI of the kind of problem; it resolves to an explanation.")
    title: str = Field(description="The kind of problem, in a few words.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="What happened, in a sentence.")
    code: str = Field(description="Stable code of the problem.", pattern="^[a-z0-9_]+$")
    errors: list[ProblemError] = Field(description="Every fault found, with where it is; empty where there is no list.")


def problem_responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The ``responses=`` of an operation: per status the problem document, with one example for each code.

    Raises KeyError for a code that is not in ``PROBLEMS``.
    """
    responses: dict[int | str, dict[str, Any]] = {}
    for code in dict.fromkeys(codes):
        status = PROBLEMS[code].status
        errors = [("/records", "missing_field")] if code == "malformed" else []
        response = responses.setdefault(
            status,
            {
                "description": HTTPStatus(status).phrase,
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}, "examples": {}}},
            },
        )
        response["content"][MEDIA_TYPE]["examples"][code] = {
            "summary": PROBLEMS[code].title,
            "value": Problem(code, errors=errors).body(),
        }
    return responses


def clean_openapi(schema: dict[str, Any]) -> dict[str, Any]:
    """Put our 422 in place of FastAPI's (which documents ``HTTPValidationError``) and add the problem schemas.

    For the app factory's ``openapi``: changes the document in place, returns it, and can be applied twice.
    """
    for path in schema.get("paths", {}).values():
        for operation in path.values():
            responses = operation.get("responses", {}) if isinstance(operation, dict) else {}
            if "application/json" in responses.get("422", {}).get("content", {}):
                responses["422"] = problem_responses("malformed")[422]
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    details = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= details.pop("$defs", {})
    schemas["ProblemDetails"] = details
    return schema
