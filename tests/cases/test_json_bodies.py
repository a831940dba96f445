"""JSON as other systems write it (wild.md A12, A32, A36, A37, B16, B17, B20, B21)."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from app.web.json_body import RepeatedObject, decode_json
from tests.register import Client, Register, new_cpr, record_id

BOM = b"\xef\xbb\xbf"
JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def trial(register: Register) -> str:
    return register.new_trial()


@pytest.fixture(scope="module")
def case(register: Register) -> Client:
    return register.case_system()


@pytest.fixture(scope="module")
def anna(register: Register, trial: str) -> str:
    return register.drawn(trial)


def talk(participant: str, **changes: Any) -> dict[str, Any]:
    return {"external_id": record_id(), "participant_id": participant, "date": "2010-11-16", **changes}


def post(client: Client, path: str, body: str | bytes, headers: dict[str, str] = JSON) -> Any:
    return client.request("POST", path, content=body, headers=headers)


def errors(response: Any) -> list[tuple[str, str]]:
    return faults_of(response.json())


def faults_of(result: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in result["errors"]]


def repeat(value: dict[str, Any], name: str, second: Any) -> str:
    """The object as JSON with one name a second time."""
    return json.dumps(value)[:-1] + f", {json.dumps(name)}: {json.dumps(second)}}}"


# --- a name twice -----------------------------------------------------------------------------------------------------


def test_a_repeated_name_in_a_screening_draws_nobody(register: Register, case: Client) -> None:
    """A32: `"match_group": 3, …, "match_group": 2` was drawn."""
    trial = register.new_trial()
    path = f"/v1/trials/{trial}/participants"
    answer = post(case, path, repeat(register.screening(match_group=3), "match_group", 2))
    assert (answer.status_code, answer.json()["code"], errors(answer)) == (422, "malformed", [("", "repeated_field")])
    assert post(case, path, repeat(register.screening(), "match_group", 2)).status_code == 422, "the same value too"
    assert case.get(path).json()["items"] == []


def test_a_repeated_name_in_a_record_of_a_batch(case: Client, trial: str, anna: str) -> None:
    """A32: that record alone; its id is in the report if it is certain."""
    good, bad, twice = talk(anna), talk(anna), talk(anna)
    records = [json.dumps(good), repeat(bad, "date", "2010-11-17"), repeat(twice, "external_id", "x")]
    path = f"/v1/trials/{trial}/conversations/batch"
    for body, headers in ((f'{{"records": [{", ".join(records)}]}}', JSON), ("\n".join(records), NDJSON)):
        report = post(case, path, body, headers).json()
        assert report["counts"]["rejected"] == 2
        assert [(each["external_id"], faults_of(each)) for each in report["results"]] == [
            (bad["external_id"], [("/records/1", "repeated_field")]),
            (None, [("/records/2", "repeated_field")]),
        ]
    assert case.get(f"/v1/trials/{trial}/conversations/{good['external_id']}").status_code == 200
    assert case.get(f"/v1/trials/{trial}/conversations/{bad['external_id']}").status_code == 404


def test_two_lists_of_records_are_none(case: Client, trial: str, anna: str) -> None:
    """A32: `{"records": [A], "records": [B]}` lost A."""
    first, second = talk(anna), talk(anna)
    body = repeat({"records": [first]}, "records", [second])
    answer = post(case, f"/v1/trials/{trial}/conversations/batch", body)
    assert (answer.status_code, errors(answer)) == (422, [("", "repeated_field")])
    for record in (first, second):
        assert case.get(f"/v1/trials/{trial}/conversations/{record['external_id']}").status_code == 404


def test_a_repeated_name_in_a_single_record(case: Client, trial: str, anna: str) -> None:
    body = talk(anna)
    path = f"/v1/trials/{trial}/conversations/{body['external_id']}"
    answer = case.request("PUT", path, content=repeat(body, "date", "2010-11-17"), headers=JSON)
    assert (answer.status_code, errors(answer)) == (422, [("", "repeated_field")])
    assert case.get(path).status_code == 404


def test_a_repeated_name_in_a_trial(register: Register) -> None:
    """The pointer is the object's."""
    body = {
        "id": "repeated",
        "protocol": "prvij-2010-11",
        "title": "Repeated",
        "jobcentres": [{"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": 85}],
    }
    agency = register.client("agency")
    nested = json.dumps(body).replace('"region": "nord"', '"region": "nord", "region": "midtjylland"')
    answers = [post(agency, "/v1/trials", text) for text in (repeat(body, "pilot", True), nested)]
    assert [answer.status_code for answer in answers] == [201, 422], "pilot occurs once"
    assert errors(answers[1]) == [("/jobcentres/0", "repeated_field")]
    assert errors(post(agency, "/v1/trials", repeat(body, "id", "other"))) == [("", "repeated_field")]


def test_a_repeated_name_in_a_snapshot(register: Register, trial: str) -> None:
    """Of the snapshot: all of it is refused; of a record: it cannot be read, which holds the snapshot back."""
    client, path = register.client("register"), f"/v1/trials/{trial}/activations/snapshot"
    spell = {"cpr": new_cpr(), "type": "other_offer", "starts_on": "2011-01-03", "hours_per_week": 10}
    span = {"jobcentre": "849", "from": "2011-01-01", "to": "2011-03-31", "records": []}
    assert errors(post(client, path, repeat(span, "to", "2011-12-31"))) == [("", "repeated_field")]
    body = json.dumps(span)[:-2] + repeat(spell, "hours_per_week", 37) + "]}"
    report = post(client, path, body).json()
    assert (report["committed"], report["unreadable"]) == (False, 1)
    assert faults_of(report["results"][0]) == [("/records/0", "repeated_field")]


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ('{"a":1,"b":2}', False),
        ('{"a":1,"a":1}', True),
        ('{"a" :1,"a":2}', True),
        ('{"a"\n:1,"a"\t:2}', True),
        ('{"a":1,"\\u0061":2}', True),
        ('{"a":"x:y","b":"\\":"}', False),
        ('{"a":"\\u003a","a":2}', True),
        ('{"a":":","a":"\\u003a"}', True),
        ('{"a":"\\u003a\\u003a","b":1,"b":2}', True),
        ('{"A":1,"a":2}', False),
        ('{"":1,"":2}', True),
        ('{"a":{"x":1,"y":2},"b":3}', False),
    ],
)
def test_repeated_names_are_found_however_written(text: str, repeated: bool) -> None:
    """The cheap proof never overlooks one."""
    assert isinstance(decode_json(text.encode()), RepeatedObject) is repeated


def test_the_values_are_those_of_the_fast_decoder() -> None:
    body = '{"records": [{"a": 7.25, "b": [1, 2.0, null, true], "c": "12 : 30", "d": "\\ud83d\\ude42"}]}'
    assert decode_json(body.encode()) == json.loads(body)


# --- a byte order mark ------------------------------------------------------------------------------------------------


def test_a_byte_order_mark_is_overlooked_everywhere(register: Register, case: Client, trial: str, anna: str) -> None:
    """B17: batch, NDJSON, single record, screening, trial."""
    batch = BOM + json.dumps({"records": [talk(anna)]}).encode()
    lines = BOM + b"\n".join(json.dumps(talk(anna)).encode() for _ in range(2))
    path = f"/v1/trials/{trial}/conversations"
    assert post(case, f"{path}/batch", batch).json()["counts"]["created"] == 1
    assert post(case, f"{path}/batch", lines, NDJSON).json()["counts"]["created"] == 2
    single = {"participant_id": anna, "date": "2010-11-16"}
    put = case.request("PUT", f"{path}/{record_id()}", content=BOM + json.dumps(single).encode(), headers=JSON)
    assert put.status_code == 201
    screening = BOM + json.dumps(register.screening()).encode()
    assert post(case, f"/v1/trials/{trial}/participants", screening).status_code == 201
    body = {
        "id": "marked",
        "protocol": "prvij-2010-11",
        "title": "Marked",
        "jobcentres": [{"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": 85}],
    }
    assert post(register.client("agency"), "/v1/trials", BOM + json.dumps(body).encode()).status_code == 201
    snapshot = {"jobcentre": "849", "from": "2011-01-01", "to": "2011-03-31", "records": []}
    answer = post(
        register.client("register"), f"/v1/trials/{trial}/activations/snapshot", BOM + json.dumps(snapshot).encode()
    )
    assert answer.status_code == 207


@pytest.mark.parametrize(
    "encode",
    [lambda text: text.encode("utf-16"), lambda text: text.encode("utf-16-le"), lambda text: BOM + BOM + text.encode()],
)
def test_other_encodings_are_no_json(register: Register, case: Client, encode: Callable[[str], bytes]) -> None:
    trial = register.new_trial()
    answer = post(case, f"/v1/trials/{trial}/participants", encode(json.dumps(register.screening())))
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")


# --- null, blanks, order, whole numbers -------------------------------------------------------------------------------


def test_null_is_absent_everywhere(register: Register, case: Client, trial: str, anna: str) -> None:
    """A37."""
    nulls = dict.fromkeys(("circumstances", "unemployed_since", "contact_person", "target_group"))
    screening = register.screening(**nulls)
    path = f"/v1/trials/{trial}/participants"
    assert case.post(path, screening).status_code == 201
    assert case.post(path, {**screening, "circumstances": []}).status_code == 200
    assert errors(case.post(path, {**screening, "jobcentre": None})) == [("/jobcentre", "missing_field")]
    assert errors(case.post(path, {**screening, "note": None})) == [("", "unknown_field")]
    record = talk(anna, focus=None, mentor_present=None, revision=None)
    batch = {"records": [record, {name: value for name, value in record.items() if value is not None}]}
    counts = case.post(f"/v1/trials/{trial}/conversations/batch", batch).json()["counts"]
    assert (counts["created"], counts["unchanged"]) == (1, 1)


def test_the_same_trial_in_another_order(register: Register) -> None:
    """A37: the order of what is a set means nothing."""
    jobcentres = [
        {"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": 85, "weekly_target": None},
        {"code": "810", "name": "Brønderslev", "region": "nord", "agreed_participants": 60.0},
    ]
    body: dict[str, Any] = {
        "id": "ordered",
        "protocol": "flex-2016",
        "title": "Ordered",
        "intake_from": "2017-01-02",
        "intake_to": "2017-06-30",
        "ends_on": "2018-06-29",
        "jobcentres": jobcentres,
        "target_groups": [2, 11],
    }
    agency = register.client("agency")
    assert agency.post("/v1/trials", body).status_code == 201
    again = {
        **body,
        "jobcentres": jobcentres[::-1],
        "target_groups": [11.0, 2],
        "pilot": None,
        "title": " Ordered\u00a0",
    }
    assert agency.post("/v1/trials", again).status_code == 200
    assert agency.post("/v1/trials", {**again, "target_groups": [2]}).status_code == 409
    assert agency.post("/v1/trials", {**again, "jobcentres": jobcentres[:1]}).status_code == 409


@pytest.mark.parametrize("blanks", [" ", "\u00a0", "\t \u2007", "\u200b", "\u00ad", "\u3000"])
def test_a_text_of_blanks_is_none(register: Register, case: Client, trial: str, blanks: str) -> None:
    """A36: a contact person of blanks counted as one."""
    screening = register.screening(contact_person=blanks)
    answer = case.post(f"/v1/trials/{trial}/participants", screening)
    assert errors(answer) == [("/contact_person", "invalid_value")]


def test_blanks_around_a_text_change_nothing(register: Register, case: Client, trial: str) -> None:
    """A36: `"Karen "` was a change of contact person."""
    path = f"/v1/trials/{trial}/participants"
    screening = register.screening(contact_person="Karen")
    participant = case.post(path, screening).json()["participant_id"]
    assert case.post(path, {**screening, "contact_person": "\u00a0Karen "}).status_code == 200
    assert case.patch(f"{path}/{participant}", {"contact_person": " Karen"}).status_code == 200
    assert case.get(f"{path}/{participant}").json()["contact_person"] == "Karen"


def test_whole_numbers_may_be_written_with_a_decimal(case: Client, trial: str, anna: str) -> None:
    """B16: 1.0 is an integer of JSON; a text is no number."""
    event = {"external_id": record_id(), "participant_id": anna, "kind": "rematch", "date": "2010-12-01"}
    records = [
        {**event, "match_group": 2.0, "revision": 1.0},
        {**event, "match_group": 2, "revision": 1},
        {**event, "external_id": record_id(), "match_group": 2.5},
        {**event, "external_id": record_id(), "match_group": "2"},
        {**event, "external_id": record_id(), "match_group": 2, "revision": 1.5},
    ]
    report = case.push(trial, "presence-events", records, report="full")
    assert [each["outcome"] for each in report["results"]] == ["created", "unchanged", *["rejected"] * 3]
    offer = {"participant_id": anna, "type": "other_offer", "starts_on": "2011-01-03"}
    records = [{**offer, "external_id": record_id(), "hours_per_week": hours} for hours in ("15", 15, 15.0)]
    report = case.push(trial, "activations", records, report="full")
    assert [each["outcome"] for each in report["results"]] == ["rejected", "created", "created"]
    assert faults_of(report["results"][0]) == [("/records/0/hours_per_week", "invalid_value")]


# --- one sentence for the sender --------------------------------------------------------------------------------------


def test_a_person_born_after_the_interview(register: Register, case: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A12: born in 2036, taken in and drawn on 2017-01-02."""
    trial = register.new_trial(
        protocol="flex-2016", intake_from="2017-01-02", intake_to="2017-06-30", ends_on="2018-06-29"
    )
    monkeypatch.setattr(register.clock, "now", datetime(2017, 1, 2, 12, tzinfo=UTC))
    body = {"cpr": "7101364002", "jobcentre": "849", "interview_on": "2017-01-02", "target_group": 2}
    answer = case.post(f"/v1/trials/{trial}/participants", body)
    assert (answer.status_code, errors(answer)) == (422, [("/cpr", "invalid_cpr")])


def test_a_jobcentre_that_is_not_ones_own(register: Register, trial: str) -> None:
    """B21: 404 points at the jobcentre."""
    answer = register.case_system("810").post(f"/v1/trials/{trial}/participants", register.screening(jobcentre="849"))
    assert (answer.status_code, errors(answer)) == (404, [("/jobcentre", "not_found")])


@pytest.mark.parametrize(("body", "headers"), [('{"records": []}', JSON), ("\n\n", NDJSON)])
def test_an_empty_batch(case: Client, trial: str, body: str, headers: dict[str, str]) -> None:
    """B20: it was `missing_field` at a field that is there."""
    answer = post(case, f"/v1/trials/{trial}/conversations/batch", body, headers)
    assert (answer.status_code, errors(answer)) == (422, [("/records", "invalid_value")])
    assert "1 to 10,000 records" in answer.json()["detail"]


def test_an_atomic_batch_that_is_refused_created_nothing(case: Client, trial: str, anna: str) -> None:
    """B20: it said `created: 1`."""
    records = [talk(anna), talk(anna, date="never")]
    for parameters in ({"atomic": "true"}, {"atomic": "true", "dry_run": "true"}):
        report = case.push(trial, "conversations", records, **parameters)
        assert (report["committed"], report["counts"]["created"], report["counts"]["rejected"]) == (False, 0, 1)


def test_a_record_with_a_revision_is_retracted_with_a_higher_one(case: Client, trial: str, anna: str) -> None:
    """B20: as docs/integrate.md has it."""
    path = f"/v1/trials/{trial}/conversations/{record_id()}"
    assert case.put(path, {"participant_id": anna, "date": "2010-11-16", "revision": 3}).status_code == 201
    answers = [case.request("DELETE", f"{path}{query}") for query in ("", "?revision=2", "?revision=3", "?revision=4")]
    assert [answer.status_code for answer in answers] == [409, 409, 409, 200]
    assert [answer.json().get("code") for answer in answers] == ["stale", "stale", "revision_conflict", None]
    assert "higher" in answers[0].json()["detail"]


def test_if_none_match_creates_and_never_overwrites(case: Client, trial: str, anna: str) -> None:
    """B18: `If-None-Match: *` overwrote."""
    path, body = f"/v1/trials/{trial}/conversations/{record_id()}", {"participant_id": anna, "date": "2010-11-16"}

    def put(tag: str, **changes: Any) -> Any:
        return case.request("PUT", path, json={**body, **changes}, headers={"If-None-Match": tag})

    first = put("*")
    assert first.status_code == 201
    for changes in ({}, {"date": "2010-11-17"}, {"revision": 9}):
        answer = put("*", **changes)
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert put(first.headers["etag"], date="2010-11-18").status_code == 412
    assert case.get(path).json()["date"] == "2010-11-16"
    assert put('"00000000-0000-0000-0000-000000000000"', date="2010-11-18").status_code == 200
    assert case.delete(path).status_code == 200
    assert put("*").status_code == 412, "what is taken back is stored"
