"""Extreme values: numbers, surrogates, nesting and repeated names that a parser or a driver fails on."""

import json
from typing import Any

from tests.register import record_id
from tests.routers.records.batches.common import Place


def test_numbers_beyond_any_column(place: Place) -> None:
    """Integers of 31, 400 and 5,000 digits, wherever a number may stand: a record's fault, never an error here."""
    for digits in (31, 400, 4299):
        huge = "9" * digits
        lines = [
            json.dumps(place.record("activations")).replace("}", f', "revision": {huge}}}'),
            json.dumps(place.record("activations", hours_per_week=0)).replace(": 0", f": {huge}"),
            json.dumps(place.record("activations", starts_on=0)).replace(": 0", f": {huge}"),
            json.dumps(place.record("activations", note=0)).replace(": 0", f": {huge}"),
        ]
        report = place.send("\n".join(lines), "application/x-ndjson", "activations").json()
        assert (report["received"], report["counts"]["rejected"]) == (4, 4)
    for literal in ("9" * 5000, "1e400", "-1e400", "1e-400", "-0", "9" * 5000 + ".5"):
        body = json.dumps({"records": [place.record("activations", hours_per_week=0)]}).replace(
            ": 0}", f": {literal}}}"
        )
        response = place.send(body, kind="activations")
        assert response.status_code in (207, 400), literal
        assert response.status_code == 400 or response.json()["counts"]["rejected"] == 1


def test_lone_surrogates(place: Place) -> None:
    """Half a character is no JSON text that anything could store."""
    for text in ("\\ud800", "\\udc00", "\\ud800\\ud800", "a\\udfffb"):
        for name in ("external_id", "justification", "form", "cpr", "participant_id", "note"):
            body = f'{{"records": [{{"{name}": "{text}"}}]}}'
            response = place.send(body)
            assert response.status_code in (207, 400), (name, text)
            assert response.status_code == 400 or response.json()["counts"]["rejected"] == 1
    whole = place.record(external_id=f"🙂{record_id()}")
    assert place.send(json.dumps({"records": [whole]})).json()["counts"]["created"] == 1  # a pair is one character


def test_nesting_that_a_parser_takes(place: Place) -> None:
    deep: Any = "x"
    for _ in range(60):
        deep = {"records": [deep]}
    assert place.errors(place.record(note=deep)) == {("", "unknown_field")}
    assert place.errors(place.record(date=deep)) == {("/date", "invalid_value")}
    assert place.errors(place.record(focus=deep)) == {("/focus", "invalid_value")}
    assert {code for _, code in place.errors(place.record(focus=[deep]))} == {"invalid_value"}


def test_a_name_twice_in_a_record(place: Place) -> None:
    """JSON leaves it open which counts; it is stored as one of the two, or refused, and it is no error of ours."""
    record = json.dumps(place.record())[:-1] + ', "date": "2010-11-17"}'
    response = place.send(f'{{"records": [{record}]}}')
    assert response.status_code in (207, 400)
