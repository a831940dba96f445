"""Errors are problem documents with the right status, and repeat nothing that a client sent."""

import asyncio
import json

import asyncpg
import pytest
import structlog
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from app.web.error_handlers import database_is_away
from app.web.problems import COMMON, FIELD_CODES, MEDIA_TYPE, PROBLEMS, Problem, clean_openapi, problem_responses
from tests.web.faulty import CANARY, call, problem, service

# --- The table --------------------------------------------------------------------------------------------------------


def test_every_code_is_answered_with_its_status() -> None:
    for code, kind in PROBLEMS.items():
        answer = call("GET", f"/raise/{code}")
        assert problem(answer, kind.status, code) == []
        assert answer.json()["watermark"] == 7
        assert all(answer.headers[name] == value for name, value in kind.headers.items())
        assert ("retry-after" in answer.headers) == (kind.status in (429, 503))
        assert ("www-authenticate" in answer.headers) == (kind.status == 401)
    assert set(PROBLEMS) >= FIELD_CODES
    with pytest.raises(KeyError):
        Problem("no_such_code")


def test_members_never_replace_those_of_the_standard() -> None:
    meaning = "a higher revision is stored; send a still higher one to replace or retract it"
    assert Problem("stale", "Said.", errors=[("/a", "stale")], status=200, title="x").body() == {
        "type": "/problems/stale",
        "title": "Stale",
        "status": 409,
        "detail": "Said.",
        "code": "stale",
        "meaning": meaning,
        "errors": [
            {
                "pointer": "/a",
                "code": "stale",
                "meaning": meaning,
            }
        ],
    }


@pytest.mark.parametrize(
    ("status", "becomes", "code"),
    [
        (400, 400, "invalid_json"),
        (401, 401, "unauthorized"),
        (403, 403, "insufficient_scope"),
        (404, 404, "not_found"),
        (408, 408, "request_timeout"),
        (412, 412, "precondition_failed"),
        (413, 413, "too_large"),
        (415, 415, "unsupported_media_type"),
        (418, 422, "malformed"),
        (429, 429, "rate_limited"),
        (500, 500, "internal_error"),
        (503, 503, "database_unavailable"),
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
    problem(answer, 503, "database_unavailable")
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
        asyncpg.InternalClientError("x"),
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

    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the driver makes of it
        asyncio.run(connect())
    assert database_is_away(caught.value)


# --- The contract -----------------------------------------------------------------------------------------------------


def test_the_contract_documents_our_errors_and_none_of_fastapis() -> None:
    schema = clean_openapi(service().openapi())
    text = json.dumps(schema)
    assert "HTTPValidationError" not in text
    assert '"ValidationError"' not in text
    assert json.dumps(clean_openapi(schema)) == text
    answers = schema["paths"]["/trials"]["post"]["responses"]
    assert list(answers) == ["200", "400", "408", "413", "415", "422"]
    for status in ["400", "408", "413", "415", "422"]:
        content = answers[status]["content"]
        assert list(content) == [MEDIA_TYPE]
        assert content[MEDIA_TYPE]["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}
    assert {"ProblemDetails", "ProblemError"} <= set(schema["components"]["schemas"])


def test_responses_have_one_example_a_code() -> None:
    responses = problem_responses(*COMMON, *COMMON)
    assert set(responses) == {400, 401, 403, 406, 422, 429, 500, 503}
    examples = responses[401]["content"][MEDIA_TYPE]["examples"]
    assert list(examples) == ["unauthorized", "invalid_token", "expired_token"]
    assert examples["invalid_token"]["value"]["code"] == "invalid_token"
