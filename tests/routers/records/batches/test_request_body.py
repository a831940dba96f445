"""Request body of a batch: syntax, number of records, size, and media type."""

import json
from typing import Any

import pytest

from tests.routers.records.batches.common import Place, problem


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"records",
        b'{"records": [',
        b'{"records": [{"date": NaN}]}',
        b'{"records": [{"date": Infinity}]}',
        b"{'records': []}",
        b'{"records": []} x',
        b'\xff\xfe{"records": []}',
        b'{"records": ["\xff"]}',
        '{"records": []}'.encode("utf-16"),
        b'{"records": ' + b"[" * 90_000 + b"]" * 90_000 + b"}",
        b'{"records": [' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"]}",
    ],
)
def test_not_json(place: Place, body: bytes) -> None:
    problem(place.send(body), 400, "invalid_json", ("", "invalid_json"))


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ("null", "", "invalid_value"),
        ("1", "", "invalid_value"),
        ('"records"', "", "invalid_value"),
        ("[]", "", "invalid_value"),
        ('[{"external_id": "x"}]', "", "invalid_value"),
        ("{}", "/records", "missing_field"),
        ('{"records": null}', "/records", "missing_field"),
        ('{"records": {}}', "/records", "invalid_value"),
        ('{"records": "x"}', "/records", "invalid_value"),
        ('{"records": 1}', "/records", "invalid_value"),
    ],
)
def test_no_list_of_records(place: Place, body: str, pointer: str, code: str) -> None:
    problem(place.send(body), 422, "malformed", (pointer, code))


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", '{"records": []}'),
        ("application/x-ndjson", ""),
        ("application/x-ndjson", "\n \r\n\t\n"),
        ("text/csv", ""),
        ("text/csv", "external_id,date\n"),
        ("text/csv", "\n\n"),
    ],
)
def test_no_record_at_all(place: Place, media_type: str, body: str) -> None:
    """1–10,000 records."""
    response = place.send(body, media_type)
    problem(response, 422, "malformed")
    assert response.json()["errors"]


def test_an_unknown_field_beside_the_records(place: Place) -> None:
    body: dict[str, Any] = {"records": [place.record()], "atomic": True}
    problem(place.send(json.dumps(body)), 422, "malformed", ("", "unknown_field"))
    assert place.shown(body["records"][0]["external_id"]) is None
    both = {"record": [], "comment": 1}
    problem(place.send(json.dumps(both)), 422, "malformed", ("", "unknown_field"), ("/records", "missing_field"))


@pytest.mark.parametrize(
    ("media_type", "line", "head"),
    [("application/x-ndjson", "1\n", ""), ("text/csv", "x\n", "external_id\n")],
)
def test_ten_thousand_records_and_no_more(place: Place, media_type: str, line: str, head: str) -> None:
    full = place.send(head + line * 10_000, media_type)
    assert full.status_code == 207
    assert (full.json()["received"], full.json()["counts"]["rejected"]) == (10_000, 10_000)
    problem(place.send(head + line * 10_001, media_type), 413, "too_large")


def test_ten_thousand_records_of_json(place: Place) -> None:
    good = place.record()
    more = json.dumps({"records": [good, *[1] * 9_999]})
    assert place.send(more).json()["counts"] == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "stale": 0,
        "retracted": 0,
        "rejected": 9_999,
    }
    new = place.record()
    problem(place.send(json.dumps({"records": [new, *[1] * 10_000]})), 413, "too_large")
    assert place.shown(new["external_id"]) is None


def test_sixteen_mebibytes_and_no_more(place: Place) -> None:
    record = json.dumps(place.record()).encode()
    body = b'{"records": [' + record + b"]}"
    limit = 16 * 1024 * 1024
    assert place.send(body.ljust(limit)).status_code == 207
    problem(place.send(body.ljust(limit + 1)), 413, "too_large")


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "text/plain",
        "application/xml",
        "application/jsonl",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/problem+json",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "text/csv; charset=windows-1252",
        "text/csv; header=present; charset=latin1",
        "",
        ";",
    ],
)
def test_other_media_types(place: Place, media_type: str | None) -> None:
    problem(place.send(json.dumps({"records": [place.record()]}), media_type), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        'application/json ; charset="UTF-8"',
        "application/json; charset=UTF-8; profile=x",
    ],
)
def test_media_types_with_parameters(place: Place, media_type: str) -> None:
    assert place.send(json.dumps({"records": [place.record()]}), media_type).status_code == 207


def test_a_compressed_body_that_is_none(place: Place) -> None:
    """Api.md: gzip is taken; what is none, or is another encoding, is refused."""
    problem(place.send(b"x", headers={"Content-Encoding": "gzip"}), 400, "invalid_encoding")
    problem(place.send(b"x", headers={"Content-Encoding": "br"}), 415, "unsupported_media_type")
