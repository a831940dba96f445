"""Meanings in batch reports: in the language of each request, also of a report that was stored before."""

from typing import Any

from tests.register import record_id
from tests.routers.records.batches.common import Place

EXPECTED = {
    "en": {
        "/records/0": "there is no such name here; the nearest that there is: date",
        "/records/0/form": "one of in_person, telephone, digital, group, industry_meeting, other",
        "/records/1/date": "required: a day, YYYY-MM-DD, from 1971-01-01 on",
        "/records/2/participant_id": (
            "the person is not in the trial, or not yours; normal for a register integration"
        ),
    },
    "da": {
        "/records/0": "det navn findes ikke her; det nærmeste, der findes: date",
        "/records/0/form": "en af in_person, telephone, digital, group, industry_meeting, other",
        "/records/1/date": "påkrævet: en dag, ÅÅÅÅ-MM-DD, fra og med 1971-01-01",
        "/records/2/participant_id": (
            "personen er ikke i forsøget, eller ikke hos jer; normalt for en registerleverance"
        ),
    },
}


def meanings(report: dict[str, Any]) -> dict[str, str]:
    return {error["pointer"]: error["meaning"] for result in report["results"] for error in result.get("errors", ())}


def test_each_request_gets_its_own_language(place: Place) -> None:
    path, key = f"/v1/trials/{place.trial}/conversations/batch", record_id()
    batch = [
        place.record(form="phone", Date="2010-11-16"),
        place.record(date=None),
        place.record(participant_id=place.bo),
        place.record(),
    ]
    for language, expected in EXPECTED.items():
        headers = {"Accept-Language": language, "Idempotency-Key": key}
        response = place.ours.request("POST", path, json={"records": batch}, headers=headers)
        assert (response.status_code, response.headers["content-language"]) == (207, language)
        assert "Accept-Language" in response.headers["vary"]
        assert meanings(response.json()) == expected
        stored = place.ours.request(
            "GET", f"/v1/batches/{response.json()['batch_id']}", headers={"Accept-Language": language}
        )
        assert stored.headers["content-language"] == language
        assert stored.json() == response.json()


def test_a_report_without_errors_has_no_language(place: Place) -> None:
    path = f"/v1/trials/{place.trial}/conversations/batch"
    response = place.ours.request("POST", path, json={"records": [place.record()]}, headers={"Accept-Language": "da"})
    assert response.status_code == 207
    assert "content-language" not in response.headers


def test_a_line_that_is_no_json_gets_its_line_and_column(place: Place) -> None:
    body = b'{"external_id": "a"}\n\n{"hours_per_week": NaN}\n1\n'
    first, second, third = place.send(body, "application/x-ndjson").json()["results"]
    assert first["errors"][0]["code"] != "invalid_json"
    assert "at line 3, column 20" in second["errors"][0]["meaning"]
    assert third["errors"][0]["meaning"] == "not JSON, or not an object where an object is required"


def test_a_single_record_gets_the_same_words(place: Place) -> None:
    path = f"/v1/trials/{place.trial}/conversations/{record_id()}"
    record = {**place.record(form="phone", Date="2010-11-16"), "external_id": path.rpartition("/")[2]}
    response = place.ours.request("PUT", path, json=record, headers={"Accept-Language": "da-DK"})
    assert response.status_code == 422
    assert {error["pointer"]: error["meaning"] for error in response.json()["errors"]} == {
        "": EXPECTED["da"]["/records/0"],
        "/form": EXPECTED["da"]["/records/0/form"],
    }
