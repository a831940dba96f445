"""Malformed screenings: missing fields, invalid values, and trials that do not exist."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.register import Client, Clock, Register
from tests.routers.participants.screening.common import SUPPLEMENT, at, count_of, errors_of, refusal

MISSING = {
    (f"/{name}", "missing_field")
    for name in (
        "cpr",
        "jobcentre",
        "interview_on",
        "channel",
        "at_job_interview",
        "match_group",
        "benefit",
        "exempt_from",
    )
}


def test_every_missing_field_is_listed(trial: str, everywhere: Client) -> None:
    """Api.md: every fault with its pointer; which fields are asked for, the trial's protocol says."""
    assert errors_of(everywhere.post(at(trial), {})) == MISSING


def test_null_is_missing_where_the_protocol_asks(register: Register, trial: str, everywhere: Client) -> None:
    asked = ("channel", "at_job_interview", "match_group", "benefit", "exempt_from")
    body = register.screening(**dict.fromkeys(asked))
    assert errors_of(everywhere.post(at(trial), body)) == {(f"/{name}", "missing_field") for name in asked}


@pytest.mark.parametrize("since", [{}, {"unemployed_since": None}])
def test_the_supplement_must_say_since_when(
    register: Register, trial: str, everywhere: Client, since: dict[str, None]
) -> None:
    """Domain 3.1: ``unemployed_since`` is looked at in that channel only."""
    body = register.screening(channel="supplement", **since)
    assert errors_of(everywhere.post(at(trial), body)) == {("/unemployed_since", "missing_field")}


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"cpr": None}, {("/cpr", "missing_field")}),
        ({"cpr": 6101701234}, {("/cpr", "invalid_cpr")}),
        ({"cpr": ""}, {("/cpr", "invalid_cpr")}),
        ({"cpr": "610170 1234"}, {("/cpr", "invalid_cpr")}),
        ({"cpr": "61017-01234"}, {("/cpr", "invalid_cpr")}),
        ({"cpr": "610170--1234"}, {("/cpr", "invalid_cpr")}),
        ({"cpr": "61017012345"}, {("/cpr", "invalid_cpr")}),
        ({"cpr": "6101701234\n"}, {("/cpr", "invalid_cpr")}),
        ({"cpr": "\u0666101701234"}, {("/cpr", "invalid_cpr")}),
        ({"cpr": "6001701234"}, {("/cpr", "invalid_cpr")}),  # day 60 is nobody's
        ({"cpr": "9201701234"}, {("/cpr", "invalid_cpr")}),  # day 32
        ({"cpr": "3201701234"}, {("/cpr", "invalid_cpr")}),
        ({"cpr": "0001701234"}, {("/cpr", "invalid_cpr")}),
        ({"cpr": "9002701234"}, {("/cpr", "invalid_cpr")}),  # 30 February
        ({"cpr": "8902711234"}, {("/cpr", "invalid_cpr")}),  # 29 February 1971
        ({"cpr": "6113701234"}, {("/cpr", "invalid_cpr")}),
        ({"cpr": ["6101701234"]}, {("/cpr", "invalid_cpr")}),
        ({"jobcentre": None}, {("/jobcentre", "missing_field")}),
        ({"jobcentre": "84"}, {("/jobcentre", "invalid_value")}),
        ({"jobcentre": 849}, {("/jobcentre", "invalid_value")}),
        ({"jobcentre": "849\n"}, {("/jobcentre", "invalid_value")}),
        ({"interview_on": None}, {("/interview_on", "missing_field")}),
        ({"interview_on": "2010-11-31"}, {("/interview_on", "invalid_value")}),
        ({"interview_on": "8.11.2010"}, {("/interview_on", "invalid_value")}),
        ({"interview_on": "2010-11-08T10:00:00Z"}, {("/interview_on", "invalid_value")}),
        ({"interview_on": 40490}, {("/interview_on", "invalid_value")}),
        ({"channel": "walk_in"}, {("/channel", "invalid_value")}),
        ({"at_job_interview": "true"}, {("/at_job_interview", "invalid_value")}),
        ({"at_job_interview": 1}, {("/at_job_interview", "invalid_value")}),
        ({"match_group": 0}, {("/match_group", "invalid_value")}),
        ({"match_group": 4}, {("/match_group", "invalid_value")}),
        ({"match_group": "2"}, {("/match_group", "invalid_value")}),
        ({"match_group": 2.5}, {("/match_group", "invalid_value")}),
        ({"match_group": True}, {("/match_group", "invalid_value")}),
        ({"benefit": "kontanthjælp"}, {("/benefit", "invalid_value")}),
        ({"unemployed_since": "2010-11-09"}, {("/unemployed_since", "invalid_value")}),  # after the interview
        ({"circumstances": "tired"}, {("/circumstances", "invalid_value")}),
        ({"circumstances": ["in_stu", "tired"]}, {("/circumstances/1", "invalid_value")}),
        ({"exempt_from": "nothing"}, {("/exempt_from", "invalid_value")}),
        ({"contact_person": ""}, {("/contact_person", "invalid_value")}),
        ({"contact_person": "x" * 201}, {("/contact_person", "invalid_value")}),
        ({"contact_person": "a\x00b"}, {("/contact_person", "invalid_value")}),
        ({"contact_person": "a\ud800b"}, {("/contact_person", "invalid_value")}),
        ({"contact_person": "610170-1234"}, {("/contact_person", "looks_like_cpr")}),
        ({"target_group": "Two"}, {("/target_group", "invalid_value")}),
        ({"0707614285": 1}, {("", "unknown_field")}),
        (
            {"cpr": "0000000000", "match_group": "2", "benefit": None, "channel": "supplement", "shoe_size": 43},
            {
                ("/cpr", "invalid_cpr"),
                ("/match_group", "invalid_value"),
                ("/benefit", "missing_field"),
                ("/unemployed_since", "missing_field"),
                ("", "unknown_field"),
            },
        ),
        (
            {"interview_on": "2013-01-01", "exempt_from": "nothing", "at_job_interview": None},
            {
                ("/interview_on", "date_in_future"),
                ("/exempt_from", "invalid_value"),
                ("/at_job_interview", "missing_field"),
            },
        ),
    ],
    ids=str,
)
def test_a_malformed_screening(
    register: Register, trial: str, everywhere: Client, changes: dict[str, Any], errors: set[tuple[str, str]]
) -> None:
    """Api.md: 422, every fault with its pointer; nothing that was sent is repeated, and nothing kept."""
    content = json.dumps(register.screening(**changes))  # what JSON can say and UTF-8 cannot included
    response = everywhere.request("POST", at(trial), content=content, headers={"Content-Type": "application/json"})
    assert errors_of(response) == errors
    for sent in changes.values():
        assert not isinstance(sent, str) or len(sent) < 5 or sent not in response.text
    assert count_of(register, "screening", trial) == 0


def test_a_body_that_is_no_object(trial: str, everywhere: Client) -> None:
    for content, status in (("[]", 422), ('"x"', 422), ("null", 422), ("{", 400), ("", 422)):
        response = everywhere.request("POST", at(trial), content=content, headers={"Content-Type": "application/json"})
        assert response.status_code == status, content
        assert response.headers["content-type"] == "application/problem+json"


def test_the_draft_knows_no_supplement(register: Register, everywhere: Client) -> None:
    """Domain 3.2 [D]."""
    draft = register.new_trial(protocol="prvij-2010-07")
    body = register.screening(**SUPPLEMENT)
    assert errors_of(everywhere.post(at(draft), body)) == {("/channel", "invalid_value")}
    assert register.screen(draft, interview_on="2010-11-01")["assignment"] is not None


def test_an_interview_cannot_lie_ahead(register: Register, trial: str, everywhere: Client, clock: Clock) -> None:
    """Domain 3.1: after today in Copenhagen."""
    body = register.screening(interview_on="2010-11-09")
    clock.now = datetime(2010, 11, 8, 22, 59, tzinfo=UTC)
    assert errors_of(everywhere.post(at(trial), body)) == {("/interview_on", "date_in_future")}
    assert errors_of(everywhere.post(at(trial), body, dry_run="true")) == {("/interview_on", "date_in_future")}
    clock.now = datetime(2010, 11, 8, 23, 0, tzinfo=UTC)
    assert everywhere.post(at(trial), body).status_code == 201


def test_a_trial_that_is_not_there(register: Register, everywhere: Client) -> None:
    assert refusal(everywhere.post(at("nothing-here"), register.screening())) == (404, "not_found")


def test_someone_born_after_the_interview_is_nobody_yet(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.1: the number is ``invalid_cpr``, nothing of it is kept."""
    body = register.screening(cpr="7111125555", interview_on="2010-11-10")  # 11 November 2012
    assert errors_of(everywhere.post(at(trial), body)) == {("/cpr", "invalid_cpr")}
