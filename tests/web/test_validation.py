"""Faults of a request have the right pointer and code, and repeat nothing that a client sent."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter, ValidationError

from app.web.error_handlers import install
from app.web.validation import declared_names, field_errors
from tests.web.faulty import CANARY, LIMIT, Jobcentre, call, post, problem

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
