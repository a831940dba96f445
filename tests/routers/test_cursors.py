"""Cursors name their list, trial and filters, and are refused anywhere else (wild A31)."""

from typing import Any

import pytest

from tests.register import Client, Register, record_id

PLACES = ("849", "860", "450")


@pytest.fixture
def trial(register: Register) -> str:
    trial = register.new_trial()
    people = [register.drawn(trial, jobcentre=code) for code in PLACES]
    for client_id in ("one", "two"):
        case = register.case_system(client_id=client_id)
        for kind, facts in (("conversations", {"date": "2010-11-16"}), ("mentors", {"starts_on": "2010-11-16"})):
            records = [{"external_id": record_id(), "participant_id": each, **facts} for each in people]
            case.push(trial, kind, records)
    return trial


def _refused(client: Client, path: str, **parameters: Any) -> None:
    response = client.get(path, **parameters)
    assert (response.status_code, response.json()["code"]) == (422, "malformed"), response.text
    (error,) = response.json()["errors"]
    assert error["code"] == "invalid_value"
    assert error["pointer"] in ("/query/cursor", "/query/changed_since")


def test_a_feed_cursor_goes_on_only_where_it_was_given(register: Register, trial: str) -> None:
    other, case = register.new_trial(), register.case_system()
    path = f"/v1/trials/{trial}/conversations"
    cursor = case.get(path, changed_since="0", client_id="one").json()["next"]
    assert case.get(path, changed_since=cursor, client_id="one").json()["items"] == []
    assert case.get(path, changed_since=cursor, client_id="one", limit=7).status_code == 200
    _refused(case, path, changed_since=cursor)
    _refused(case, path, changed_since=cursor, client_id="two")
    _refused(case, f"/v1/trials/{trial}/mentors", changed_since=cursor, client_id="one")
    _refused(case, f"/v1/trials/{other}/conversations", changed_since=cursor, client_id="one")
    _refused(case, path, cursor=cursor, client_id="one")


@pytest.mark.parametrize("name", ["conversations", "participants", "assignments"])
def test_a_page_cursor_goes_on_only_where_it_was_given(register: Register, trial: str, name: str) -> None:
    case, path = register.case_system(), f"/v1/trials/{trial}/{name}"
    first = case.get(path, limit=1)
    cursor = first.json()["next"]
    rest = case.get(path, limit=1000, cursor=cursor).json()
    assert rest["next"] is None
    assert first.json()["items"] + rest["items"] == case.get(path).json()["items"]
    assert case.request("GET", first.headers["link"].split(">")[0][1:]).json()["items"] == rest["items"][:1]
    filter_of = {"conversations": {"client_id": "one"}, "participants": {"arm": "treatment"}}
    filters = filter_of.get(name, {"jobcentre": "849"})
    _refused(case, path, cursor=cursor, **filters)
    _refused(case, f"/v1/trials/{register.new_trial()}/{name}", cursor=cursor)
    _refused(case, f"/v1/trials/{trial}/exemptions", cursor=cursor)


@pytest.mark.parametrize("cursor", ["abc", "W10", "WzFd", "bnVsbA", "0"])
def test_what_was_never_given_is_no_cursor(register: Register, trial: str, cursor: str) -> None:
    _refused(register.case_system(), f"/v1/trials/{trial}/conversations", cursor=cursor)
