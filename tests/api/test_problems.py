"""Errors are problem documents, with the right status and pointer, and repeat nothing that a client sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import asyncpg  # type: ignore[import-untyped, unused-ignore]  # asyncpg ships no types
import httpx
import pytest
import structlog
from fastapi import Body, FastAPI, Header, HTTPException, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from app.problems import (
    BODY,
    COMMON,
    FIELD_CODES,
    MEDIA_TYPE,
    PROBLEMS,
    Problem,
    clean_openapi,
    database_is_away,
    declared_names,
    field_errors,
    install,
    problem_responses,
)

CANARY = "0707614285"
LIMIT = 10_000


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Jobcentre(Strict):
    code: str = Field(max_length=4)
    target: int | None = None


class Colour(StrEnum):
    red = "red"


class Cat(Strict):
    kind: Literal["cat"]
    lives: int


class Dog(Strict):
    kind: Literal["dog"]
    date: str


class Trial(Strict):
    id: str
    jobcentres: list[Jobcentre] = []
    counts: dict[str, int] = {}
    numbers: dict[int, int] = {}
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    loose: int | list[Jobcentre] | None = None
    colour: Colour = Colour.red
    cpr: str | None = None
    starts_on: int = 0
    ends_on: int = 1

    @field_validator("cpr")
    @classmethod
    def _cpr(cls, value: str | None) -> str | None:
        if value == "odd":
            raise PydanticCustomError("something_else", "Not one of our codes: {v}", {"v": value})
        if value is not None:
            raise PydanticCustomError("invalid_cpr", "no CPR number: {v}", {"v": value})
        return value

    @model_validator(mode="after")
    def _order(self) -> "Trial":
        if self.ends_on < self.starts_on:
            raise PydanticCustomError("ends_before_start", "ends before it starts", {"field": "ends_on"})
        return self


@dataclass
class Screening:
    jobcentre: str
    limit: int = 0
    __pydantic_config__ = ConfigDict(extra="forbid")


class Filter(Strict):
    week: int = 0


class Thing(BaseModel):
    number: int


def service() -> FastAPI:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False})
    install(app, max_body_bytes=LIMIT)

    @app.post("/trials", responses=problem_responses(*BODY))
    async def trials(trial: Trial) -> None: ...

    @app.post("/screenings")
    async def screenings(screening: Screening) -> None: ...

    @app.post("/two")
    async def two(first: Annotated[Trial, Body()], second: Annotated[int, Body()]) -> None: ...

    @app.get("/list/{trial}")
    async def lists(
        trial: int,
        week: int,
        jobcentre: Annotated[list[int] | None, Query()] = None,
        x_count: Annotated[int, Header()] = 0,
    ) -> None: ...

    @app.get("/filtered")
    async def filtered(filter: Annotated[Filter, Query()]) -> None: ...

    @app.post("/stream")
    async def stream(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    @app.get("/raise/{code}")
    async def raises(code: str) -> None:
        raise Problem(code, watermark=7)

    @app.get("/http/{status}")
    async def http(status: int) -> None:
        raise HTTPException(status, detail=CANARY, headers={"X-Kept": "1"})

    @app.get("/crash")
    async def crash() -> None:
        try:
            raise KeyError(CANARY)
        except KeyError as exc:
            raise RuntimeError(f"row of {CANARY}") from exc

    @app.get("/wrong-answer")
    async def wrong_answer() -> Thing:
        return {"number": CANARY + "x"}  # type: ignore[return-value]

    @app.get("/broken-stream")
    async def broken_stream() -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            yield b"one\n"
            raise RuntimeError(CANARY)

        return StreamingResponse(lines())

    @app.get("/away")
    async def away() -> None:
        raise OperationalError(f"SELECT {CANARY}", {"cpr": CANARY}, Exception(CANARY))

    return app


APP = service()


def call(method: str, path: str, **more: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://t") as client:
            return await client.request(method, path, **more)

    answer = asyncio.run(run())
    assert CANARY not in answer.text + str(answer.headers)
    return answer


def problem(answer: httpx.Response, status: int, code: str) -> list[tuple[str, str]]:
    """Checks the document, and returns its errors."""
    assert answer.headers["content-type"] == MEDIA_TYPE
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["type"] == f"/problems/{code}"
    assert body["title"] == PROBLEMS[code].title
    assert body["detail"]
    return [(error["pointer"], error["code"]) for error in body["errors"]]


def post(value: Any, path: str = "/trials") -> list[tuple[str, str]]:
    return problem(call("POST", path, json=value), 422, "malformed")


# --- The table --------------------------------------------------------------------------------------------------------


def test_every_code_is_answered_with_its_status() -> None:
    for code, kind in PROBLEMS.items():
        answer = call("GET", f"/raise/{code}")
        assert problem(answer, kind.status, code) == []
        assert answer.json()["watermark"] == 7
        assert all(answer.headers[name] == value for name, value in kind.headers.items())
        assert ("retry-after" in answer.headers) == (kind.status in (429, 503))
        assert ("www-authenticate" in answer.headers) == (kind.status == 401)
    assert FIELD_CODES <= set(PROBLEMS)
    with pytest.raises(KeyError):
        Problem("no_such_code")


def test_members_never_replace_those_of_the_standard() -> None:
    assert Problem("stale", "Said.", errors=[("/a", "stale")], status=200, title="x").body() == {
        "type": "/problems/stale",
        "title": "Stale",
        "status": 409,
        "detail": "Said.",
        "code": "stale",
        "errors": [{"pointer": "/a", "code": "stale"}],
    }


@pytest.mark.parametrize(
    ("status", "becomes", "code"),
    [
        (400, 400, "invalid_json"),
        (401, 401, "unauthorized"),
        (403, 403, "insufficient_scope"),
        (404, 404, "not_found"),
        (412, 412, "precondition_failed"),
        (413, 413, "too_large"),
        (415, 415, "unsupported_media_type"),
        (418, 422, "malformed"),
        (429, 429, "rate_limited"),
        (500, 500, "internal_error"),
        (503, 503, "unavailable"),
    ],
)
def test_exceptions_of_starlette_lose_their_text_and_keep_their_headers(status: int, becomes: int, code: str) -> None:
    answer = call("GET", f"/http/{status}")
    problem(answer, becomes, code)
    assert answer.headers["x-kept"] == "1"


def test_not_there_and_not_allowed() -> None:
    problem(call("GET", f"/nothing/{CANARY}"), 404, "not_found")
    answer = call("DELETE", "/trials")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    assert call("GET", "/http/304").content == b""


# --- Bodies -----------------------------------------------------------------------------------------------------------


def test_pointers_of_a_body() -> None:
    assert post({}) == [("/id", "missing_field")]
    assert post([]) == [("", "invalid_value")]
    assert post(CANARY) == [("", "invalid_value")]
    assert post({"id": "a", "jobcentres": [{"code": "1"}, {"target": 1}, {"code": CANARY, "target": "x"}]}) == [
        ("/jobcentres/1/code", "missing_field"),
        ("/jobcentres/2/code", "invalid_value"),
        ("/jobcentres/2/target", "invalid_value"),
    ]
    assert post({"id": "a", "colour": CANARY}) == [("/colour", "invalid_value")]
    assert post({"id": "a", "cpr": CANARY}) == [("/cpr", "invalid_cpr")]
    assert post({"id": "a", "cpr": "odd"}) == [("/cpr", "invalid_value")]
    assert post({"id": "a", "starts_on": 3}) == [("/ends_on", "ends_before_start")]
    assert post({"id": "a", "jobcentres": {CANARY: 1}}) == [("/jobcentres", "invalid_value")]


def test_the_pointer_to_an_unknown_field_ends_at_its_parent() -> None:
    assert post({"id": "a", CANARY: 1, "x" + CANARY: 2}) == [("", "unknown_field")]
    assert post({"id": "a", "jobcentres": [{"code": "1", CANARY: 1}]}) == [("/jobcentres/0", "unknown_field")]
    assert post({"jobcentre": "1", CANARY: 1}, "/screenings") == [("", "unknown_field")]
    assert post({}, "/screenings") == [("/jobcentre", "missing_field")]


def test_keys_that_the_client_chose_are_values() -> None:
    assert post({"id": "a", "counts": {CANARY: "x"}}) == [("/counts", "invalid_value")]
    assert post({"id": "a", "numbers": {CANARY: "x", "no": 1}}) == [("/numbers", "invalid_value")]
    assert post({"id": "a", "counts": {"~/" + CANARY: "x"}}) == [("/counts", "invalid_value")]


def test_tags_of_unions_are_not_in_pointers() -> None:
    assert post({"id": "a", "pet": {"kind": CANARY}}) == [("/pet", "invalid_value")]
    assert post({"id": "a", "pet": {"kind": "cat", "lives": CANARY + "x"}}) == [("/pet/lives", "invalid_value")]
    assert post({"id": "a", "pet": {"kind": "dog"}}) == [("/pet/date", "missing_field")]
    assert post({"id": "a", "pet": {"kind": "dog", "date": "x", CANARY: 1}}) == [("/pet", "unknown_field")]
    assert post({"id": "a", "loose": "x" + CANARY}) == [("/loose", "invalid_value")]
    assert post({"id": "a", "loose": [{"code": 1}]}) == [
        ("/loose", "invalid_value"),
        ("/loose/0/code", "invalid_value"),
    ]


def test_bodies_of_several_parts() -> None:
    assert post({"first": {"id": 1}}, "/two") == [("/first/id", "invalid_value"), ("/second", "missing_field")]
    assert post([CANARY], "/two") == [("", "missing_field")]


def test_no_body_at_all() -> None:
    assert problem(call("POST", "/trials"), 422, "malformed") == [("", "missing_field")]
    assert problem(call("POST", "/two"), 422, "malformed") == [("", "missing_field")]


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"id": ' + CANARY.encode(),
        b"\xff\xfe" + CANARY.encode(),
        b"[" * 5000,
        b"9" * 5000,
        CANARY.encode() + b" x",
    ],
    ids=["open", "cut", "bytes", "deep", "long number", "two values"],
)
def test_not_json(content: bytes) -> None:
    answer = call("POST", "/trials", content=content, headers={"Content-Type": "application/json"})
    assert problem(answer, 400, "invalid_json") == [("", "invalid_json")]


@pytest.mark.parametrize("media_type", [None, "text/plain", "text/csv", "application/x-www-form-urlencoded", CANARY])
@pytest.mark.parametrize("path", ["/trials", "/screenings", "/two"])
def test_another_media_type(path: str, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    problem(call("POST", path, content=b'{"id": "a"}', headers=headers), 415, "unsupported_media_type")


def test_json_under_its_other_names() -> None:
    for media_type in ["application/json; charset=utf-8", "application/merge-patch+json", "APPLICATION/JSON"]:
        headers = {"Content-Type": media_type}
        assert call("POST", "/trials", content=b'{"id": "a"}', headers=headers).status_code == 200


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1000):
        yield b" " * 1000


@pytest.mark.parametrize("path", ["/trials", "/stream", "/nothing"])
def test_a_body_that_is_too_large_declared_or_not(path: str) -> None:
    headers = {"Content-Type": "application/json"}
    problem(call("POST", path, content=b" " * (LIMIT + 1), headers=headers), 413, "too_large")
    if path != "/nothing":  # nobody counts what nobody reads
        problem(call("POST", path, content=chunks(LIMIT + 1000), headers=headers), 413, "too_large")


def test_a_body_of_the_limit_is_taken() -> None:
    assert call("POST", "/stream", content=b" " * LIMIT).json() == LIMIT
    assert call("POST", "/stream", content=chunks(LIMIT)).json() == LIMIT
    problem(call("POST", "/stream", content=b"", headers={"Content-Length": "9" * 5000}), 413, "too_large")


def test_fastapis_own_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="plain text"):
        install(FastAPI(max_body_size=LIMIT))


# --- Parameters -------------------------------------------------------------------------------------------------------


def test_pointers_of_parameters() -> None:
    answer = call("GET", f"/list/{CANARY}x?week={CANARY}x&jobcentre=1&jobcentre=x", headers={"X-Count": f"{CANARY}x"})
    assert sorted(problem(answer, 422, "malformed")) == [
        ("/header/x-count", "invalid_value"),
        ("/path/trial", "invalid_value"),
        ("/query/jobcentre/1", "invalid_value"),
        ("/query/week", "invalid_value"),
    ]
    assert problem(call("GET", f"/list/1?{CANARY}=1"), 422, "malformed") == [("/query/week", "missing_field")]
    answer = call("GET", f"/filtered?{CANARY}=1&week=x")
    assert sorted(problem(answer, 422, "malformed")) == [("/query", "unknown_field"), ("/query/week", "invalid_value")]


# --- Failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/crash", "/wrong-answer"])
def test_an_unexpected_exception_is_told_to_nobody(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with structlog.testing.capture_logs() as logs:
        problem(call("GET", path), 500, "internal_error")
    assert CANARY not in json.dumps(logs) + caplog.text
    (entry,) = logs
    assert entry["event"] == "unexpected_exception"
    assert any("routing.py" in place or "test_problems.py" in place for place in entry["where"])


def test_an_answer_that_breaks_off_says_nothing_either() -> None:
    with structlog.testing.capture_logs() as logs, pytest.raises(RuntimeError) as caught:
        call("GET", "/broken-stream")
    assert str(caught.value) == "The answer broke off."
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert CANARY not in json.dumps(logs)


def test_a_database_that_is_away() -> None:
    with structlog.testing.capture_logs() as logs:
        answer = call("GET", "/away")
    problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "5"
    assert CANARY not in json.dumps(logs)


def test_which_exceptions_mean_that_the_database_is_away() -> None:
    def wrapped(driver: Exception, kind: type[DBAPIError] = DBAPIError) -> DBAPIError:
        error: Exception = AsyncAdapt_asyncpg_dbapi.Error("x", driver)  # type: ignore[no-untyped-call]
        return kind("select", {}, error)

    away = [
        wrapped(asyncpg.AdminShutdownError("x")),
        wrapped(asyncpg.CannotConnectNowError("x")),
        wrapped(asyncpg.TooManyConnectionsError("x")),
        wrapped(asyncpg.ConnectionDoesNotExistError("x")),
        wrapped(asyncpg.DeadlockDetectedError("x")),
        wrapped(asyncpg.InterfaceError("connection is closed"), InterfaceError),
        DBAPIError("select", {}, Exception("x"), connection_invalidated=True),
        PoolTimeout("x"),
        asyncpg.CannotConnectNowError("x"),
        asyncpg.InterfaceError("x"),
        ConnectionRefusedError(),
    ]
    wrong = [
        wrapped(asyncpg.UniqueViolationError("x"), IntegrityError),
        wrapped(asyncpg.DataError("x"), InterfaceError),
        wrapped(asyncpg.UndefinedTableError("x")),
        FileNotFoundError("protocol.toml"),
        ValueError(),
    ]
    assert [exc for exc in away if not database_is_away(exc)] == []
    assert [exc for exc in wrong if database_is_away(exc)] == []


@pytest.mark.parametrize(
    "url", ["postgresql+asyncpg://u@127.0.0.1:1/x", "postgresql+asyncpg://u@/x?host=/nonexistent/socket"]
)
def test_a_server_that_is_not_there(url: str) -> None:
    async def connect() -> None:
        async with create_async_engine(url).connect():
            pass

    with pytest.raises(Exception) as caught:
        asyncio.run(connect())
    assert database_is_away(caught.value)


# --- Records parsed by ourselves --------------------------------------------------------------------------------------


def test_errors_of_a_record_have_the_pointer_of_the_batch() -> None:
    adapter = TypeAdapter(list[Jobcentre])
    names = declared_names(adapter.json_schema())
    assert names == {"code", "target"}
    record = [{"code": 1, CANARY: 2}, CANARY]
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(record)
    assert field_errors(caught.value.errors(), record, names, "/records/7") == [
        ("/records/7/0/code", "invalid_value"),
        ("/records/7/0", "unknown_field"),
        ("/records/7/1", "invalid_value"),
    ]


# --- The contract -----------------------------------------------------------------------------------------------------


def test_the_contract_documents_our_errors_and_none_of_fastapis() -> None:
    schema = clean_openapi(service().openapi())
    text = json.dumps(schema)
    assert "HTTPValidationError" not in text
    assert '"ValidationError"' not in text
    assert json.dumps(clean_openapi(schema)) == text
    answers = schema["paths"]["/trials"]["post"]["responses"]
    assert list(answers) == ["200", "400", "413", "415", "422"]
    for status in ["400", "413", "415", "422"]:
        content = answers[status]["content"]
        assert list(content) == [MEDIA_TYPE]
        assert content[MEDIA_TYPE]["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
    assert {"ProblemDetails", "ProblemError"} <= set(schema["components"]["schemas"])


def test_responses_have_one_example_a_code() -> None:
    responses = problem_responses(*COMMON, *COMMON)
    assert set(responses) == {401, 403, 422, 500, 503}
    examples = responses[401]["content"][MEDIA_TYPE]["examples"]
    assert list(examples) == ["unauthorized", "invalid_token"]
    assert examples["invalid_token"]["value"]["code"] == "invalid_token"
