"""NDJSON and CSV batches: the same records as JSON, and the faults of each format."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any
from unittest.mock import ANY

import pytest

from tests.register import faults, record_id
from tests.routers.records.batches.common import FACTS, KINDS, MAX_REVISION, Place, problem


def test_ndjson(place: Place) -> None:
    records = [place.record(), place.record(form="group"), place.record(date="never")]
    response = place.ndjson(*records)
    assert response.status_code == 207
    report = response.json()
    assert (report["received"], report["counts"]["created"]) == (3, 2)
    assert faults(report["results"][1]) == [("/records/2/date", "invalid_value")]
    assert place.shown(records[0]["external_id"])["date"] == "2010-11-16"


def test_ndjson_of_windows_and_without_a_last_line_break(place: Place) -> None:
    lines = [json.dumps(place.record()) for _ in range(3)]
    for body in ("\r\n".join(lines), "\r\n".join(lines) + "\r\n", "\n".join(lines)):
        response = place.send(body, "application/x-ndjson; charset=utf-8")
        assert (response.json()["received"], response.json()["counts"]["rejected"]) == (3, 0)


def test_blank_lines_are_no_records(place: Place) -> None:
    """Neither counted nor numbered."""
    response = place.ndjson("", place.record(), "  ", "\t\r", place.record(date="never"), "")
    report = response.json()
    assert (report["received"], [result["index"] for result in report["results"]]) == (2, [1])


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "x",
        "null",
        "1",
        "[]",
        '"{}"',
        '{"external_id": "a"} {"external_id": "b"}',
        '{"external_id": "a",}',
        '{"date": NaN}',
        '{"external_id": "\\ud800"}',
        '{"external_id": "\\x"}',
        "[" * 50_000,
        '{"a":' * 50_000,
    ],
)
def test_a_line_that_is_no_object_stops_no_other(place: Place, line: str) -> None:
    report = place.ndjson(place.record(), line, place.record()).json()
    assert report["counts"]["created"] == 2
    assert report["results"] == [
        {
            "index": 1,
            "external_id": None,
            "outcome": "rejected",
            "errors": [{"pointer": "/records/1", "code": "invalid_json", "meaning": ANY}],
        }
    ]


def test_a_line_that_is_not_utf_8_stops_no_other(place: Place) -> None:
    lines = [json.dumps(place.record()).encode(), b'{"external_id": "\xe6"}', json.dumps(place.record()).encode()]
    report = place.send(b"\n".join(lines), "application/x-ndjson").json()
    assert (report["counts"]["created"], report["results"][0]["errors"][0]["code"]) == (2, "invalid_json")


def csv_of(records: Sequence[Mapping[str, Any]], **dialect: Any) -> str:
    """The records as a spreadsheet writes them: lists by |, nothing for null."""
    names = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO()
    writer = csv.writer(text, **dialect)
    writer.writerow(names)
    for record in records:
        cells: list[str] = []
        for name in names:
            value = record.get(name)
            if isinstance(value, bool):
                cells.append("true" if value else "false")
            else:
                cells.append("|".join(value) if isinstance(value, list) else "" if value is None else str(value))
        writer.writerow(cells)
    return text.getvalue()


RICH: Mapping[str, Mapping[str, Any]] = {
    "conversations": {
        "revision": MAX_REVISION,
        "date": "2011-01-19",
        "status": "held",
        "form": "telephone",
        "place": "company",
        "conducted_by": "external_provider",
        "mentor_present": True,
        "remote_ground": "illness",
        "job_interview": False,
        "focus": ["motivation", "retention"],
        "justification": "professional_assessment",
    },
    "activations": {
        "revision": 0,
        "type": "work_placement_public",
        "starts_on": "2011-01-03",
        "ends_on": "2011-03-01",
        "hours_per_week": 7.25,
        "reduced_hours_reason": "health",
        "not_workplace_reason": None,
        "cvr_number": "10150817",
        "p_number": "0123456789",
        "company_centre": True,
        "mentor": "waived",
        "mentor_waiver_reason": "no_purpose",
        "planned_ends_on": "2011-04-01",
        "ended_because": "company_stopped",
        "preventive_kind": None,
    },
    "exemptions": {**FACTS["exemptions"], "revision": None},
    "presence-events": {"kind": "rematch", "date": "2010-12-01", "reason": None, "match_group": 3, "revision": 2},
    "support-efforts": {**FACTS["support-efforts"], "ends_on": "2011-02-01", "coordinator": "company_consultant"},
    "mentors": {**FACTS["mentors"], "ends_on": "2011-02-01", "cvr_number": "10150817", "p_number": "0123456789"},
    "declined-offers": {**FACTS["declined-offers"], "reason": "transport"},
    "outcomes": {"week": "2010-W50", "status": "employed", "hours_per_week": 32.5, "benefit_code": None},
}


@pytest.mark.parametrize("kind", KINDS)
def test_csv_says_what_json_says(place: Place, kind: str) -> None:
    """The same names in the header: a record in CSV is the same content as the one in JSON, field by field."""
    record = place.record(kind, **RICH[kind])
    response = place.send(csv_of([record]), "text/csv", kind, report="full")
    assert (response.status_code, response.json()["counts"]["created"]) == (207, 1), response.text
    assert place.outcomes([record], kind) == ["unchanged"]
    shown = place.shown(record["external_id"], kind)
    assert {name: shown[name] for name in RICH[kind]} == dict(RICH[kind])


def test_csv_of_a_spreadsheet(place: Place) -> None:
    """A byte order mark, CRLF, quotes, a comma within them, blank lines. No line break in an id: wild A2."""
    ids = [record_id(), f'{record_id()}, "two"', record_id()]
    records = [place.record(external_id=each, focus=["motivation"]) for each in ids]
    body = csv_of(records, quoting=csv.QUOTE_ALL).replace("\r\n", "\r\n\r\n")
    response = place.send(b"\xef\xbb\xbf" + body.encode(), "text/csv; charset=utf-8; header=present", report="full")
    assert [result["external_id"] for result in response.json()["results"]] == ids
    assert response.json()["counts"]["created"] == 3


def test_csv_retractions_and_corrections(place: Place) -> None:
    """Columns of both; what is empty is null."""
    record = place.record(revision=1)
    place.push([record])
    retraction = {
        "external_id": record["external_id"],
        "revision": 2,
        "retracted": True,
        "retraction_reason": "duplicate",
    }
    other = place.record(retracted=False)
    report = place.send(csv_of([retraction, other]), "text/csv", report="full").json()
    assert [result["outcome"] for result in report["results"]] == ["retracted", "created"]


def test_csv_by_number(place: Place) -> None:
    body = csv_of([{"external_id": record_id(), "cpr": place.anna_cpr, "date": "2010-11-16"}])
    assert place.send(body, "text/csv").json()["counts"]["created"] == 1


@pytest.mark.parametrize(
    ("name", "value", "pointer", "code"),
    [
        ("mentor_present", "2", "/mentor_present", "invalid_value"),
        ("mentor_present", "ja", "/mentor_present", "invalid_value"),
        ("retracted", "yes", "/retracted", "invalid_value"),
        ("revision", "1.5", "/revision", "invalid_value"),
        ("revision", "1,0", "/revision", "invalid_value"),
        ("revision", "-1", "/revision", "invalid_value"),
        ("revision", "x", "/revision", "invalid_value"),
        ("revision", "9223372036854775808", "/revision", "invalid_value"),
        ("revision", "9" * 5000, "/revision", "invalid_value"),
        ("focus", "motivation,retention", "/focus/0", "invalid_value"),
        ("focus", "motivation|", "/focus/1", "invalid_value"),
        ("focus", "|", "/focus/0", "invalid_value"),
        ("date", "16/11/2010", "/date", "invalid_value"),
        ("date", "", "/date", "missing_field"),
        ("external_id", "", "/external_id", "missing_field"),
        ("external_id", "a\0b", "/external_id", "invalid_value"),
        ("participant_id", "", "/participant_id", "missing_field"),
    ],
)
def test_csv_faults(place: Place, name: str, value: str, pointer: str, code: str) -> None:
    """The same codes and pointers; a record, not the batch."""
    faulty = {**place.record(), name: value}
    report = place.send(csv_of([faulty, place.record()]), "text/csv").json()
    prefix = "/records/0"
    found = {(e["pointer"], e["code"]) for e in report["results"][0]["errors"]}
    assert (prefix + pointer, code) in found
    assert {found_code for _, found_code in found} == {code}
    assert report["counts"]["created"] == 1


@pytest.mark.parametrize(("end", "code"), [(",2010-11-16,,extra", "unknown_field"), (",2010-11-16", "missing_field")])
def test_csv_row_of_another_width(place: Place, end: str, code: str) -> None:
    """Wild.md A9: rejected alone, never filled with defaults; the other rows are stored."""
    good = f"{record_id()},{place.anna},2010-11-16,group"
    body = f"external_id,participant_id,date,form\n{record_id()},{place.anna}{end}\n{good}\n"
    report = place.send(body, "text/csv").json()
    assert report["counts"]["created"] == 1
    assert faults(report["results"][0]) == [("/records/0", code)]
    assert report["results"][0]["errors"][0]["meaning"] == "as many fields in the row as in the header"


def test_csv_words_of_nothing(place: Place) -> None:
    """Wild.md A33: refused, and the meaning says to leave the cell empty."""
    rows = f"NULL,{place.anna},2010-11-16,\n{record_id()},{place.anna},2010-11-16,N/A\n"
    report = place.send(f"external_id,participant_id,date,form\n{rows}", "text/csv").json()
    errors = [error for result in report["results"] for error in result["errors"]]
    assert [error["pointer"] for error in errors] == ["/records/0/external_id", "/records/1/form"]
    assert all(error["meaning"].endswith("leave the cell empty") for error in errors)
    assert not any("hint" in error for error in errors)


def test_csv_of_a_danish_spreadsheet(place: Place) -> None:
    """Wild.md A17: byte order mark, semicolons, TRUE, a delimiter at the end of each line, a blank in the header."""
    body = (
        "\ufeffexternal_id; participant_id;date;mentor_present;job_interview;\r\n"
        f"{(first := record_id())};{place.anna};15-11-2010;TRUE;falsk;\r\n"
        f"{record_id()};{place.anna};16.11.2010;1;0;\r\n"
    )
    assert place.send(body, "text/csv").json()["counts"]["created"] == 2
    shown = place.shown(first)
    assert (shown["date"], shown["mentor_present"], shown["job_interview"]) == ("2010-11-15", True, False)


def test_ndjson_with_a_byte_order_mark(place: Place) -> None:
    line = json.dumps(place.record())
    assert place.send(f"\ufeff{line}\n", "application/x-ndjson").json()["counts"]["created"] == 1


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("external_id,participant_id,dato", "the column 'dato' is no field of this kind; is it date?"),
        ("external_id,participant_id,date,", ""),
        ("external_id,participant_id,date,date", "the column date is there twice"),
        ("participant_id,date", "there is no column external_id"),
        ("external_id;participant_id,date", "a comma and a semicolon separate names"),
        ("external_id|participant_id|date", "not separated by a comma, a semicolon or a tab"),
    ],
)
def test_csv_header(place: Place, header: str, sentence: str) -> None:
    """A faulty header is one sentence, for the whole body."""
    response = place.send(f"{header}\n{record_id()},{place.anna},2010-11-16\n", "text/csv")
    if not sentence:
        assert response.json()["counts"]["created"] == 1
        return
    problem(response, 422, "malformed")
    assert sentence in response.json()["detail"]


@pytest.mark.parametrize(("encoding", "name"), [("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("cp1252", "Line 2")])
def test_csv_in_another_encoding(place: Place, encoding: str, name: str) -> None:
    response = place.send("external_id,participant_id,date\nø,1,2010-11-16\n".encode(encoding), "text/csv")
    problem(response, 400, "invalid_json")
    assert name in response.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        "external_id,date,date\nx,2010-11-16,2010-11-16\n",  # a column twice
        'external_id,date\n"x,2010-11-16\n',  # a quote that is never closed
        'external_id,date\nx,"2010-11-16"y\n',  # and one that is closed too early
    ],
)
def test_not_csv(place: Place, body: str) -> None:
    problem(place.send(body, "text/csv"), 422, "malformed")


@pytest.mark.parametrize("media_type", ["text/csv", "application/json"])
def test_not_utf_8(place: Place, media_type: str) -> None:
    problem(place.send("external_id,date\næ,2010-11-16\n".encode("latin-1"), media_type), 400, "invalid_json")
