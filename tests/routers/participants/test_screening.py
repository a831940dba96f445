"""Screening and draw, and what may be read and changed of people afterwards (api.md "Trials and people", domain 3)."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from tests.register import JOBCENTRES, LONG_AFTER, Client, Clock, Register, new_cpr, record_id

NOBODY = "00000000-0000-7000-8000-000000000000"
SUPPLEMENT = {"channel": "supplement", "unemployed_since": "2010-10-01"}


@pytest.fixture
def clock(register: Register) -> Iterator[Clock]:
    """The register's clock, which goes back to where it was."""
    yield register.clock
    register.clock.now = LONG_AFTER


@pytest.fixture
def trial(register: Register) -> str:
    return register.new_trial()


@pytest.fixture
def everywhere(register: Register) -> Client:
    """A case system of all jobcentres."""
    return register.case_system()


def at(trial: str, *rest: str) -> str:
    return "/".join((f"/v1/trials/{trial}/participants", *rest))


def codes(answer: dict[str, Any]) -> list[str]:
    return [failure["code"] for failure in answer["failures"]]


def refusal(response: Any) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"]


def errors_of(response: Any) -> set[tuple[str, str]]:
    assert refusal(response) == (422, "malformed")
    return {(each["pointer"], each["code"]) for each in response.json()["errors"]}


def rows(register: Register, statement: str, *values: Any) -> list[dict[str, Any]]:
    """What the database answers, past the application."""

    async def fetch() -> list[dict[str, Any]]:
        parts = make_url(register.database_url)
        connection = await asyncpg.connect(
            host=str(parts.query["host"]), port=5432, user=parts.username, database=parts.database
        )
        try:
            return [dict(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def count_of(register: Register, table: str, trial: str) -> int:
    (row,) = rows(register, f"select count(*) from {table} where trial_id = $1", trial)
    return int(row["count"])


KEPT = ("screening", "participant", "person_index", "vault.identity", "assignment", "contact_person", "week_count")


# --- eligible and not (domain 3.1) ------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["new_match", "rematch"])
def test_whoever_is_eligible_is_drawn_at_once(register: Register, trial: str, channel: str) -> None:
    """Domain 3.2, 3.3: in the same answer; ``assigned_on`` is the day of the interview."""
    answer = register.screen(trial, channel=channel, interview_on="2010-11-10")
    assert answer["eligible"] is True
    assert answer["failures"] == []
    assert answer["assignment"].keys() == {"arm", "assigned_on", "drawn_at"}
    assert answer["assignment"]["arm"] in ("treatment", "control")
    assert answer["assignment"]["assigned_on"] == "2010-11-10"
    assert answer["assignment"]["drawn_at"].endswith("Z")


FAILURES: list[tuple[dict[str, Any], str]] = [
    ({"match_group": 1}, "not_match_group_2"),
    ({"match_group": 3}, "not_match_group_2"),
    ({"at_job_interview": False}, "not_at_job_interview"),
    ({"benefit": "sickness_benefit"}, "wrong_benefit"),
    ({"benefit": "other"}, "wrong_benefit"),
    ({"cpr": "6911901234"}, "under_20"),
    ({"circumstances": ["in_stu"]}, "in_stu"),
    ({"circumstances": ["pregnancy_related_illness"]}, "pregnancy_related_illness"),
    ({"circumstances": ["residential_programme"]}, "residential_programme"),
    ({"exempt_from": "both"}, "exempt_from_everything"),
    ({"interview_on": "2010-11-07"}, "outside_intake_period"),
    ({"interview_on": "2011-04-01"}, "outside_intake_period"),
    ({"jobcentre": "580"}, "unknown_jobcentre"),
    ({"channel": "supplement", "unemployed_since": "2010-05-07"}, "unemployed_too_long"),
]


@pytest.mark.parametrize(("changes", "code"), FAILURES, ids=str)
def test_each_failure_alone(register: Register, trial: str, changes: dict[str, Any], code: str) -> None:
    """Domain 3.1."""
    answer = register.screen(trial, **changes)
    assert answer.keys() == {"participant_id", "eligible", "failures", "assignment"}
    assert codes(answer) == [code]
    assert answer["failures"][0]["detail"]
    assert (answer["participant_id"], answer["eligible"], answer["assignment"]) == (None, False, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"cpr": "6811901234"},  # turns 20 on the day
        {"interview_on": "2011-03-31"},
        {"benefit": "start_benefit"},
        {"exempt_from": "conversations"},
        {"exempt_from": "activation"},
        {"circumstances": ["pension_case_started", "terminal_illness"]},
        {"unemployed_since": "1999-01-01"},
        {"channel": "supplement", "unemployed_since": "2010-05-08"},
        {"channel": "supplement", "unemployed_since": "2010-08-31", "interview_on": "2011-02-28"},
        {"channel": "supplement", "unemployed_since": "2010-11-08"},
    ],
    ids=str,
)
def test_what_is_no_obstacle(register: Register, trial: str, changes: dict[str, Any]) -> None:
    """Domain 3.1."""
    assert register.screen(trial, **changes)["eligible"] is True


@pytest.mark.parametrize(
    ("cpr", "eligible"),
    [
        ("610137-4001", True),  # 1937
        ("610136-4001", False),  # 2036
        ("610157-5001", False),  # 2057
        ("610158-5001", True),  # 1858
        ("610190-9001", True),  # 1990
        ("610136-9001", False),  # 2036
        ("610100-3001", True),  # 1900
    ],
)
def test_the_seventh_digit_gives_the_century(register: Register, trial: str, cpr: str, eligible: bool) -> None:
    """Domain 7."""
    assert codes(register.screen(trial, cpr=cpr)) == ([] if eligible else ["under_20"])


def test_every_failing_rule_is_reported(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.1: never only the first; of someone taken elsewhere too."""
    cpr = "6101951234"
    register.screen(trial, cpr=cpr, jobcentre="849", interview_on="2011-01-03", match_group=1)
    everything = register.screening(
        cpr=cpr,
        jobcentre="580",
        interview_on="2010-11-01",
        channel="supplement",
        unemployed_since="2009-01-01",
        at_job_interview=False,
        match_group=1,
        benefit="other",
        circumstances=["residential_programme", "in_stu", "pregnancy_related_illness"],
        exempt_from="both",
    )
    answer = everywhere.post(at(trial), everything).json()
    assert sorted(codes(answer)) == [
        "exempt_from_everything",
        "in_stu",
        "not_at_job_interview",
        "not_match_group_2",
        "outside_intake_period",
        "pregnancy_related_illness",
        "residential_programme",
        "under_20",
        "unemployed_too_long",
        "unknown_jobcentre",
        "wrong_benefit",
    ]


def test_exemptions_of_the_screening_create_no_exemption(register: Register, trial: str) -> None:
    """Domain 3.1: what it says of exemptions decides eligibility only."""
    register.drawn(trial, exempt_from="conversations")
    assert register.case_system().get(f"/v1/trials/{trial}/exemptions").json()["items"] == []


def test_of_the_ineligible_the_codes_are_kept_and_nothing_more(register: Register, trial: str) -> None:
    """Domain 3.1: codes, date, jobcentre and blind index."""
    cpr = new_cpr()
    register.screen(
        trial, cpr=cpr, match_group=1, benefit="other", contact_person="Lis Holm", unemployed_since="2010-10-02"
    )
    (kept,) = rows(register, "select * from screening where trial_id = $1", trial)
    assert len(kept.pop("blind_index")) == 32
    assert isinstance(kept.pop("registered_at"), datetime)
    kept.pop("screening_id")
    assert kept == {
        "jobcentre_code": "849",
        "trial_id": trial,
        "interview_on": date(2010, 11, 8),
        "failures": ["not_match_group_2", "wrong_benefit"],
        "facts": None,
        "participant_id": None,
        "client_id": "case-system",
    }
    assert {table: count_of(register, table, trial) for table in KEPT if table != "screening"} == {
        table: 0 for table in KEPT if table != "screening"
    }


# --- malformed screenings ---------------------------------------------------------------------------------------------

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
        ({"cpr": None}, {("/cpr", "invalid_cpr")}),
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
        ({"jobcentre": None}, {("/jobcentre", "invalid_value")}),
        ({"jobcentre": "84"}, {("/jobcentre", "invalid_value")}),
        ({"jobcentre": 849}, {("/jobcentre", "invalid_value")}),
        ({"jobcentre": "849\n"}, {("/jobcentre", "invalid_value")}),
        ({"interview_on": None}, {("/interview_on", "invalid_value")}),
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
        ({"match_group": 2.0}, {("/match_group", "invalid_value")}),
        ({"match_group": True}, {("/match_group", "invalid_value")}),
        ({"benefit": "kontanthjælp"}, {("/benefit", "invalid_value")}),
        ({"unemployed_since": "2010-11-09"}, {("/unemployed_since", "invalid_value")}),  # after the interview
        ({"circumstances": None}, {("/circumstances", "invalid_value")}),
        ({"circumstances": "in_stu"}, {("/circumstances", "invalid_value")}),
        ({"circumstances": ["in_stu", "tired"]}, {("/circumstances/1", "invalid_value")}),
        ({"exempt_from": "nothing"}, {("/exempt_from", "invalid_value")}),
        ({"contact_person": ""}, {("/contact_person", "invalid_value")}),
        ({"contact_person": "x" * 201}, {("/contact_person", "invalid_value")}),
        ({"contact_person": "a\x00b"}, {("/contact_person", "invalid_value")}),
        ({"contact_person": "a\ud800b"}, {("/contact_person", "invalid_value")}),
        ({"contact_person": "610170-1234"}, {("/contact_person", "invalid_value")}),
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


# --- a dry run --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, []),
        (SUPPLEMENT, []),
        ({"match_group": 3, "exempt_from": "both"}, ["not_match_group_2", "exempt_from_everything"]),
    ],
    ids=["drawn", "waiting", "ineligible"],
)
def test_a_dry_run_keeps_nothing_and_shows_no_arm(
    register: Register, trial: str, everywhere: Client, changes: dict[str, Any], failing: list[str]
) -> None:
    """Api.md; domain 3.3: until it is drawn nothing shows a draw to come."""
    body = register.screening(contact_person="Lis Holm", **changes)
    # It takes nobody, neither here nor for another jobcentre.
    for jobcentre in ("849", "849", "860"):
        response = everywhere.post(at(trial), {**body, "jobcentre": jobcentre}, dry_run="true")
        assert response.status_code == 200
        answer = response.json()
        assert codes(answer) == failing
        assert answer["eligible"] is not bool(failing)
        assert (answer["participant_id"], answer["assignment"]) == (None, None)
    assert {table: count_of(register, table, trial) for table in KEPT} == dict.fromkeys(KEPT, 0)
    (stratum,) = rows(register, "select * from stratum where trial_id = $1 and jobcentre_code = '849'", trial)
    assert (stratum["draws"], stratum["balance"]) == (0, 0)
    assert everywhere.post(at(trial), body).status_code == 201


def test_a_dry_run_of_a_stored_screening_gives_the_stored_answer(
    register: Register, trial: str, everywhere: Client
) -> None:
    body = register.screening()
    stored = everywhere.post(at(trial), body).json()
    again = everywhere.post(at(trial), body, dry_run="true")
    assert (again.status_code, again.json()) == (200, stored)
    other = everywhere.post(at(trial), {**body, "match_group": 1}, dry_run="true")
    assert refusal(other) == (409, "already_drawn")


# --- the same screening, and others of the same person (domain 3.1, api.md) -------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [{}, SUPPLEMENT, {"match_group": 1, "benefit": "other"}, {"jobcentre": "580"}],
    ids=["drawn", "waiting", "ineligible", "unknown jobcentre"],
)
def test_the_same_screening_again_is_the_same_answer(
    register: Register, trial: str, everywhere: Client, changes: dict[str, Any]
) -> None:
    """Api.md: 200; by whichever client, however it is spelt."""
    body = register.screening(circumstances=["terminal_illness", "pension_case_started"], **changes)
    first = everywhere.post(at(trial), body)
    assert first.status_code == 201
    hyphened = f"{body['cpr'][:6]}-{body['cpr'][6:]}"
    spellings = [
        body,
        {**body, "cpr": hyphened},
        {**body, "circumstances": ["pension_case_started", "terminal_illness", "pension_case_started"]},
        {**body, "contact_person": None, "target_group": None},
    ]
    for spelling in spellings:
        again = everywhere.post(at(trial), spelling)
        assert (again.status_code, again.json()) == (200, first.json())
    other_client = register.case_system(body["jobcentre"], client_id="another-system").post(at(trial), body)
    assert (other_client.status_code, other_client.json()) == (200, first.json())
    assert count_of(register, "screening", trial) == 1


OTHER_FACTS: list[dict[str, Any]] = [
    {"channel": "rematch"},
    {"at_job_interview": False},
    {"match_group": 1},
    {"benefit": "start_benefit"},
    {"benefit": "other"},
    {"unemployed_since": "2010-10-02"},
    {"circumstances": ["in_stu"]},
    {"exempt_from": "activation"},
]


@pytest.mark.parametrize("other", OTHER_FACTS, ids=str)
def test_other_facts_about_someone_drawn(
    register: Register, trial: str, everywhere: Client, other: dict[str, Any]
) -> None:
    """Api.md: 409 ``already_drawn``; on the same day or another; nothing changes."""
    body = register.screening(unemployed_since="2010-10-01")
    first = everywhere.post(at(trial), body).json()
    for day in ("2010-11-08", "2010-11-15"):
        response = everywhere.post(at(trial), {**body, **other, "interview_on": day})
        assert refusal(response) == (409, "already_drawn")
    assert everywhere.post(at(trial), body).json() == first
    assert count_of(register, "screening", trial) == 1
    assert count_of(register, "assignment", trial) == 1


def test_someone_drawn_is_drawn_once_whatever_the_day(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.3: one draw per person and trial, for ever; it survives the exit."""
    body = register.screening()
    participant = everywhere.post(at(trial), body).json()["participant_id"]
    exit_event = {"external_id": record_id(), "participant_id": participant, "kind": "exit", "reason": "job"}
    everywhere.push(trial, "presence-events", [{**exit_event, "date": "2010-12-01"}])
    response = everywhere.post(at(trial), {**body, "interview_on": "2011-02-01"})
    assert refusal(response) == (409, "already_drawn")


@pytest.mark.parametrize("other", OTHER_FACTS[1:], ids=str)
def test_other_facts_about_someone_waiting_on_the_same_day(
    register: Register, trial: str, everywhere: Client, other: dict[str, Any]
) -> None:
    """Domain 3.1: a conflict."""
    body = register.screening(**SUPPLEMENT)
    participant = everywhere.post(at(trial), body).json()["participant_id"]
    assert refusal(everywhere.post(at(trial), {**body, **other})) == (409, "screening_conflict")
    assert everywhere.get(at(trial, participant)).json()["state"] == "waiting"
    assert count_of(register, "screening", trial) == 1


@pytest.mark.parametrize("other", [{"match_group": 2}, {"benefit": "other"}], ids=["now eligible", "another failure"])
def test_other_facts_about_someone_ineligible_on_the_same_day(
    register: Register, trial: str, everywhere: Client, other: dict[str, Any]
) -> None:
    """Domain 3.1: a conflict, as far as the codes kept can tell."""
    body = register.screening(match_group=1)
    first = everywhere.post(at(trial), body).json()
    assert refusal(everywhere.post(at(trial), {**body, **other})) == (409, "screening_conflict")
    assert everywhere.post(at(trial), body).json() == first


def test_someone_ineligible_today_may_be_eligible_later(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.1: a new ``interview_on`` is a new screening; the older ones stay what they were."""
    body = register.screening(exempt_from="both")
    first = everywhere.post(at(trial), body)
    second = everywhere.post(at(trial), {**body, "interview_on": "2010-11-15"})
    third_body = {**body, "exempt_from": "none", "interview_on": "2010-11-22"}
    third = everywhere.post(at(trial), third_body)
    assert [response.status_code for response in (first, second, third)] == [201, 201, 201]
    assert first.json() == second.json()
    assert third.json()["assignment"]["assigned_on"] == "2010-11-22"
    assert everywhere.post(at(trial), body).json() == first.json()
    assert everywhere.post(at(trial), third_body).json() == third.json()


def test_a_later_screening_replaces_a_waiting_one(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.2: the candidate stays the same participant, and counts in the new week."""
    body = register.screening(**SUPPLEMENT, contact_person="Lis Holm")
    participant = everywhere.post(at(trial), body).json()["participant_id"]
    later = {**body, "interview_on": "2010-11-16", "unemployed_since": "2010-10-05"}
    del later["contact_person"]
    response = everywhere.post(at(trial), later)
    assert response.status_code == 201
    assert response.json() == {"participant_id": participant, "eligible": True, "failures": [], "assignment": None}
    view = everywhere.get(at(trial, participant)).json()
    assert (view["interview_on"], view["state"]) == ("2010-11-16", "waiting")
    assert view["contact_person"] == "Lis Holm", "nobody said that this has changed"
    drawn = everywhere.post(at(trial, participant, "assignment"))
    assert drawn.json()["assigned_on"] == "2010-11-16"


def test_a_waiting_one_may_be_drawn_by_a_later_screening(register: Register, trial: str, everywhere: Client) -> None:
    body = register.screening(**SUPPLEMENT)
    participant = everywhere.post(at(trial), body).json()["participant_id"]
    rematched = everywhere.post(at(trial), {**body, "interview_on": "2010-11-16", "channel": "rematch"})
    assert rematched.status_code == 201
    assert rematched.json()["participant_id"] == participant
    assert rematched.json()["assignment"]["assigned_on"] == "2010-11-16"
    view = everywhere.get(at(trial, participant)).json()
    assert (view["channel"], view["arm"]) == ("rematch", rematched.json()["assignment"]["arm"])


def test_a_waiting_one_found_ineligible_waits_no_longer(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.1, 3.2: and blocks nobody; eligible again, the person is the same participant."""
    body = register.screening(**SUPPLEMENT)
    participant = everywhere.post(at(trial), body).json()["participant_id"]
    ineligible = everywhere.post(at(trial), {**body, "interview_on": "2010-11-09", "match_group": 3})
    assert ineligible.status_code == 201
    assert codes(ineligible.json()) == ["not_match_group_2"]
    assert ineligible.json()["participant_id"] is None
    assert everywhere.get(at(trial, participant)).json()["state"] == "ineligible"
    assert refusal(everywhere.post(at(trial, participant, "assignment"))) == (409, "not_waiting")
    assert refusal(everywhere.post(at(trial, participant, "withdrawal"), {"reason": "job"})) == (409, "not_waiting")
    elsewhere = {**body, "jobcentre": "860", "interview_on": "2010-11-09"}
    assert everywhere.post(at(trial), elsewhere, dry_run="true").json()["eligible"] is True
    again = everywhere.post(at(trial), {**body, "interview_on": "2010-11-10"})
    assert (again.status_code, again.json()["participant_id"]) == (201, participant)
    assert everywhere.post(at(trial, participant, "assignment")).status_code == 201


def test_trials_know_nothing_of_each_other(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.3: one draw per person *and trial*."""
    body = register.screening()
    first = everywhere.post(at(trial), body)
    second = everywhere.post(at(register.new_trial()), {**body, "jobcentre": "860", "match_group": 2})
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json()["assignment"] is not None
    assert second.json()["participant_id"] != first.json()["participant_id"]


# --- one person, several jobcentres (domain 3.1) ----------------------------------------------------------------------


@pytest.mark.parametrize("channel", [{}, SUPPLEMENT], ids=["drawn", "waiting"])
def test_whoever_is_taken_elsewhere_is_not_available(
    register: Register, trial: str, everywhere: Client, channel: dict[str, Any]
) -> None:
    """Domain 3.1: and no more is said."""
    body = register.screening(**channel)
    first = everywhere.post(at(trial), body).json()
    hjorring = register.case_system("860")
    for day in ("2010-11-08", "2010-12-01"):
        there = {**body, "jobcentre": "860", "channel": "new_match", "interview_on": day}
        response = hjorring.post(at(trial), there)
        assert response.status_code == 201
        assert response.json() == {
            "participant_id": None,
            "eligible": False,
            "failures": [{"code": "not_available", "detail": response.json()["failures"][0]["detail"]}],
            "assignment": None,
        }
        assert "849" not in response.text
        again = hjorring.post(at(trial), there)
        assert (again.status_code, again.json()) == (200, response.json())
    assert refusal(hjorring.post(at(trial, "lookup"), {"cpr": body["cpr"]})) == (404, "not_found")
    together = hjorring.post(at(trial), {**body, "jobcentre": "860", "interview_on": "2011-01-03", "match_group": 1})
    assert sorted(codes(together.json())) == ["not_available", "not_match_group_2"]
    unknown = everywhere.post(at(trial), {**body, "jobcentre": "580"})
    assert sorted(codes(unknown.json())) == ["not_available", "unknown_jobcentre"]
    assert everywhere.post(at(trial), body).json() == first
    dry = hjorring.post(at(trial), {**body, "jobcentre": "860", "interview_on": "2011-01-10"}, dry_run="true")
    assert codes(dry.json()) == ["not_available"]


def test_the_attempt_on_someone_taken_elsewhere_is_audited(register: Register, trial: str) -> None:
    """Domain 3.1."""
    body = register.screening()
    register.case_system("849").post(at(trial), body)
    attempting = f"attempt-{trial}"
    register.case_system("860", client_id=attempting).post(at(trial), {**body, "jobcentre": "860"})
    (entry,) = register.client("auditor").get("/v1/audit", client_id=attempting).json()["items"]
    assert (entry["trial"], entry["jobcentre"], entry["participant_id"]) == (trial, "860", None)
    assert entry["details"]["failures"] == ["not_available"]


def test_whoever_is_ineligible_elsewhere_is_available(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.1: only the eligible and the drawn are taken."""
    body = register.screening()
    everywhere.post(at(trial), {**body, "match_group": 1})
    there = everywhere.post(at(trial), {**body, "jobcentre": "860"})
    assert there.status_code == 201
    assert there.json()["assignment"] is not None
    back = everywhere.post(at(trial), {**body, "interview_on": "2010-11-15"})
    assert codes(back.json()) == ["not_available"]


def test_the_same_screening_is_looked_at_again_once_the_person_is_available(
    register: Register, trial: str, everywhere: Client
) -> None:
    """Domain 3.1: a withdrawn candidate blocks nobody."""
    body = register.screening(**SUPPLEMENT)
    candidate = everywhere.post(at(trial), body).json()["participant_id"]
    there = {**body, "jobcentre": "860", "channel": "new_match"}
    assert codes(everywhere.post(at(trial), there).json()) == ["not_available"]
    everywhere.post(at(trial, candidate, "withdrawal"), {"reason": "moved"})
    now = everywhere.post(at(trial), there)
    assert now.status_code == 201
    assert now.json()["assignment"] is not None


def test_a_jobcentre_of_others_is_not_there(register: Register, trial: str) -> None:
    """Api.md: anything outside is 404, whether it takes part or not."""
    nyborg = register.case_system("450")
    for jobcentre in ("849", "580"):
        response = nyborg.post(at(trial), register.screening(jobcentre=jobcentre))
        assert refusal(response) == (404, "not_found")
    assert count_of(register, "screening", trial) == 0
    outsider = register.case_system("580").post(at(trial), register.screening(jobcentre="580"))
    assert codes(outsider.json()) == ["unknown_jobcentre"]


# --- the supplement (domain 3.2) --------------------------------------------------------------------------------------


def small_trial(register: Register, target: int) -> str:
    return register.new_trial(jobcentres=[{**each, "weekly_target": target} for each in JOBCENTRES])


def candidate(register: Register, trial: str, since: str, **changes: Any) -> str:
    answer = register.screen(trial, channel="supplement", unemployed_since=since, **changes)
    assert answer["eligible"], answer
    assert answer["assignment"] is None
    participant: str = answer["participant_id"]
    return participant


def test_a_supplement_candidate_waits_for_a_draw_of_their_own(
    register: Register, trial: str, everywhere: Client
) -> None:
    """Domain 3.2; api.md: 201 with the assignment, and 200 with the same for ever after."""
    body = register.screening(**SUPPLEMENT, interview_on="2010-11-10")
    answer = everywhere.post(at(trial), body).json()
    participant = answer["participant_id"]
    assert answer == {"participant_id": participant, "eligible": True, "failures": [], "assignment": None}
    view = everywhere.get(at(trial, participant)).json()
    assert (view["state"], view["arm"], view["assigned_on"], view["programme_week"]) == ("waiting", None, None, None)
    path = at(trial, participant, "assignment")
    assert refusal(everywhere.get(path)) == (404, "not_found")
    assert refusal(everywhere.get(at(trial, participant, "weeks"))) == (404, "not_found")
    drawn = everywhere.post(path)
    assert drawn.status_code == 201
    assert drawn.json().keys() == {"arm", "assigned_on", "drawn_at"}
    assert drawn.json()["assigned_on"] == "2010-11-10"
    for again in (everywhere.post(path), everywhere.get(path)):
        assert (again.status_code, again.json()) == (200, drawn.json())
    view = everywhere.get(at(trial, participant)).json()
    assert (view["arm"], view["assigned_on"]) == (drawn.json()["arm"], "2010-11-10")
    again = everywhere.post(at(trial), body)
    assert (again.status_code, again.json()["participant_id"]) == (200, participant)
    assert refusal(everywhere.post(at(trial), {**body, "exempt_from": "activation"})) == (409, "already_drawn")


def test_the_draw_of_someone_drawn_at_the_screening_is_that_draw(
    register: Register, trial: str, everywhere: Client
) -> None:
    """Api.md: of anyone drawn 200, the same."""
    answer = register.screen(trial)
    again = everywhere.post(at(trial, answer["participant_id"], "assignment"))
    assert (again.status_code, again.json()) == (200, answer["assignment"])


def test_the_intake_of_a_week_is_everyone_drawn_there_in_that_week(register: Register, everywhere: Client) -> None:
    """Domain 3.2: both arms (with four draws there are two) and every channel, by the ISO week of the interview."""
    trial = small_trial(register, target=4)
    waiting = [candidate(register, trial, f"2010-10-{day}", interview_on="2010-11-14") for day in (20, 19, 18)]
    # None of these is of this jobcentre and week.
    register.drawn(trial, jobcentre="860", interview_on="2010-11-10")
    register.drawn(trial, interview_on="2010-11-15")
    candidate(register, trial, "2010-10-25", interview_on="2010-11-15")
    candidate(register, trial, "2010-10-25", jobcentre="450")
    register.screen(trial, match_group=1)
    # These are.
    arms = [register.screen(trial, interview_on="2010-11-08")["assignment"]["arm"] for _ in range(2)]
    arms.append(register.screen(trial, interview_on="2010-11-14", channel="rematch")["assignment"]["arm"])
    first = everywhere.post(at(trial, waiting[0], "assignment"))
    assert first.status_code == 201
    assert {*arms, first.json()["arm"]} == {"treatment", "control"} or arms.count(arms[0]) == 3
    for late in waiting[1:]:
        # The target is looked at first: for the last of them another candidate would be ahead, too.
        response = everywhere.post(at(trial, late, "assignment"))
        assert refusal(response) == (409, "intake_sufficient")
        assert everywhere.get(at(trial, late)).json()["state"] == "waiting"
    assert everywhere.post(at(trial, waiting[0], "assignment")).status_code == 200
    # A new match is drawn whatever the target.
    assert register.screen(trial, interview_on="2010-11-08")["assignment"] is not None


def test_the_target_follows_from_the_agreed_number(register: Register, everywhere: Client) -> None:
    """Domain 3.2: ceil(2 × agreed / ISO weeks of the intake period); here ceil(2 × 2 / 3) = 2."""
    trial = register.new_trial(
        jobcentres=[{**JOBCENTRES[0], "agreed_participants": 2}], intake_from="2010-11-10", intake_to="2010-11-22"
    )
    waiting = [candidate(register, trial, f"2010-10-{day}", interview_on="2010-11-10") for day in (20, 19, 18)]
    answers = [everywhere.post(at(trial, each, "assignment")) for each in waiting]
    assert [response.status_code for response in answers] == [201, 201, 409]
    assert refusal(answers[2]) == (409, "intake_sufficient")


def test_a_target_of_nobody_takes_no_supplement(register: Register, everywhere: Client) -> None:
    trial = small_trial(register, target=0)
    waiting = candidate(register, trial, "2010-10-20")
    assert refusal(everywhere.post(at(trial, waiting, "assignment"))) == (409, "intake_sufficient")


def test_the_shortest_unemployment_is_drawn_first(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.2: saying how many are ahead; whoever is drawn or withdrawn is ahead of nobody."""
    days = ["2010-10-01", "2010-10-15", "2010-10-31", "2010-10-20"]
    longest, third, shortest, second = (candidate(register, trial, day) for day in days)
    # Others' weeks and jobcentres do not matter.
    candidate(register, trial, "2010-11-01", jobcentre="860")
    candidate(register, trial, "2010-11-01", interview_on="2010-11-15")

    def draw(participant: str) -> Any:
        return everywhere.post(at(trial, participant, "assignment"))

    for participant, ahead in ((longest, 3), (third, 2), (second, 1)):
        response = draw(participant)
        assert refusal(response) == (409, "supplement_order")
        assert response.json()["ahead"] == ahead
        assert str(ahead) in response.json()["detail"]
    assert draw(shortest).status_code == 201
    assert draw(longest).json()["ahead"] == 2
    everywhere.post(at(trial, second, "withdrawal"), {"reason": "job"})
    assert draw(longest).json()["ahead"] == 1
    assert draw(third).status_code == 201
    assert draw(longest).status_code == 201


def test_ties_go_to_the_one_registered_first(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.2; sent again, a screening keeps its place."""
    body = register.screening(**SUPPLEMENT)
    first = everywhere.post(at(trial), body).json()["participant_id"]
    second = candidate(register, trial, "2010-10-01")
    assert everywhere.post(at(trial), body).status_code == 200
    response = everywhere.post(at(trial, second, "assignment"))
    assert (refusal(response), response.json()["ahead"]) == ((409, "supplement_order"), 1)
    assert everywhere.post(at(trial, first, "assignment")).status_code == 201
    assert everywhere.post(at(trial, second, "assignment")).status_code == 201


@pytest.mark.parametrize("withdrawn", [False, True], ids=["replaced", "withdrawn and back"])
def test_a_later_screening_takes_a_new_place_among_ties(
    register: Register, trial: str, everywhere: Client, withdrawn: bool
) -> None:
    """Domain 3.2."""
    body = register.screening(**SUPPLEMENT)
    first = everywhere.post(at(trial), body).json()["participant_id"]
    second = candidate(register, trial, "2010-10-01")
    if withdrawn:
        everywhere.post(at(trial, first, "withdrawal"), {"reason": "not_interviewed"})
    assert everywhere.post(at(trial), {**body, "interview_on": "2010-11-09"}).status_code == 201
    response = everywhere.post(at(trial, first, "assignment"))
    assert (refusal(response), response.json()["ahead"]) == ((409, "supplement_order"), 1)
    assert everywhere.post(at(trial, second, "assignment")).status_code == 201
    assert everywhere.post(at(trial, first, "assignment")).status_code == 201


def test_a_candidate_moves_to_the_week_of_the_later_screening(
    register: Register, trial: str, everywhere: Client
) -> None:
    """Domain 3.2: and is ahead of nobody in the week before."""
    body = register.screening(**SUPPLEMENT)
    everywhere.post(at(trial), body)
    second = candidate(register, trial, "2010-09-01")
    assert refusal(everywhere.post(at(trial, second, "assignment"))) == (409, "supplement_order")
    everywhere.post(at(trial), {**body, "interview_on": "2010-11-15"})
    assert everywhere.post(at(trial, second, "assignment")).status_code == 201


def test_a_candidate_may_be_drawn_after_the_week(
    register: Register, trial: str, everywhere: Client, clock: Clock
) -> None:
    """Domain 3.2: ``assigned_on`` stays the day of the interview, and the week that counts is that of the interview."""
    clock.now = datetime(2010, 11, 12, 12, tzinfo=UTC)
    waiting = candidate(register, trial, "2010-10-20", interview_on="2010-11-12")
    clock.now = datetime(2010, 12, 20, 12, tzinfo=UTC)
    drawn = everywhere.post(at(trial, waiting, "assignment"))
    assert (drawn.status_code, drawn.json()["assigned_on"]) == (201, "2010-11-12")


def test_the_draw_of_nobody(register: Register, trial: str, everywhere: Client) -> None:
    waiting = candidate(register, trial, "2010-10-20")
    elsewhere = register.new_trial()
    for response in (
        everywhere.post(at(trial, NOBODY, "assignment")),
        everywhere.post(at(elsewhere, waiting, "assignment")),
        register.case_system("860").post(at(trial, waiting, "assignment")),
    ):
        assert refusal(response) == (404, "not_found")
    assert everywhere.post(at(trial, "someone", "assignment")).status_code == 422
    assert everywhere.get(at(trial, waiting)).json()["state"] == "waiting"


# --- withdrawal (domain 3.2) ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["job", "moved", "not_interviewed", "entered_in_error"])
def test_an_undrawn_candidate_can_be_withdrawn(register: Register, trial: str, everywhere: Client, reason: str) -> None:
    """Domain 3.2; the same again changes nothing."""
    body = register.screening(**SUPPLEMENT)
    answer = everywhere.post(at(trial), body).json()
    path = at(trial, answer["participant_id"])
    for _ in range(2):
        response = everywhere.post(f"{path}/withdrawal", {"reason": reason})
        assert response.status_code == 200
        assert response.json()["state"] == "withdrawn"
        assert response.json() == everywhere.get(path).json()
    (kept,) = rows(register, "select withdrawal_reason from participant where trial_id = $1", trial)
    assert kept["withdrawal_reason"] == reason
    other = "job" if reason == "moved" else "moved"
    assert refusal(everywhere.post(f"{path}/withdrawal", {"reason": other})) == (409, "not_waiting")
    assert refusal(everywhere.post(f"{path}/assignment")) == (409, "not_waiting")
    # The screening as it was brings nobody back.
    again = everywhere.post(at(trial), body)
    assert (again.status_code, again.json()) == (200, answer)
    assert everywhere.get(path).json()["state"] == "withdrawn"


def test_nobody_drawn_can_be_withdrawn(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.3: a draw is never undone."""
    participant = register.drawn(trial)
    response = everywhere.post(at(trial, participant, "withdrawal"), {"reason": "entered_in_error"})
    assert refusal(response) == (409, "already_drawn")
    assert everywhere.get(at(trial, participant)).json()["arm"] is not None


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {("/reason", "missing_field")}),
        ({"reason": "tired"}, {("/reason", "invalid_value")}),
        ({"reason": None}, {("/reason", "invalid_value")}),
        ({"reason": "job", "note": "x"}, {("", "unknown_field")}),
    ],
    ids=str,
)
def test_a_malformed_withdrawal(
    register: Register, trial: str, everywhere: Client, body: dict[str, Any], errors: set[tuple[str, str]]
) -> None:
    waiting = candidate(register, trial, "2010-10-20")
    assert errors_of(everywhere.post(at(trial, waiting, "withdrawal"), body)) == errors


def test_the_withdrawal_of_nobody(register: Register, trial: str, everywhere: Client) -> None:
    waiting = candidate(register, trial, "2010-10-20")
    for response in (
        everywhere.post(at(trial, NOBODY, "withdrawal"), {"reason": "job"}),
        register.case_system("860").post(at(trial, waiting, "withdrawal"), {"reason": "job"}),
    ):
        assert refusal(response) == (404, "not_found")
    assert everywhere.get(at(trial, waiting)).json()["state"] == "waiting"


@pytest.mark.parametrize(
    "correction",
    [
        {"channel": "new_match"},
        {"interview_on": "2010-11-09", "channel": "new_match"},
        {"jobcentre": "860", "channel": "new_match"},
        {"jobcentre": "860", "channel": "new_match", "interview_on": "2010-11-09"},
    ],
    ids=["here, same day", "here, another day", "elsewhere, same day", "elsewhere, another day"],
)
def test_whoever_was_withdrawn_may_be_screened_anew(
    register: Register, trial: str, everywhere: Client, correction: dict[str, str]
) -> None:
    """Domain 3.1: a withdrawn candidate blocks nobody, itself and its corrected screening included."""
    body = register.screening(**SUPPLEMENT)
    waiting = everywhere.post(at(trial), body).json()["participant_id"]
    everywhere.post(at(trial, waiting, "withdrawal"), {"reason": "entered_in_error"})
    corrected = {**body, **correction}
    response = everywhere.post(at(trial), corrected)
    assert response.status_code == 201
    assert response.json()["assignment"]["assigned_on"] == corrected["interview_on"]
    again = everywhere.post(at(trial), corrected)
    assert (again.status_code, again.json()) == (200, response.json())
    view = everywhere.post(at(trial, "lookup"), {"cpr": body["cpr"]}).json()
    assert (view["participant_id"], view["jobcentre"]) == (response.json()["participant_id"], corrected["jobcentre"])
    assert (view["participant_id"] == waiting) == (corrected["jobcentre"] == "849")
    assert count_of(register, "assignment", trial) == 1


def test_whoever_was_withdrawn_here_and_taken_there_is_not_available_here(
    register: Register, trial: str, everywhere: Client
) -> None:
    """Domain 3.1."""
    body = register.screening(**SUPPLEMENT)
    waiting = everywhere.post(at(trial), body).json()["participant_id"]
    everywhere.post(at(trial, waiting, "withdrawal"), {"reason": "moved"})
    everywhere.post(at(trial), {**body, "jobcentre": "860", "channel": "new_match"})
    assert codes(everywhere.post(at(trial), {**body, "channel": "new_match"}).json()) == ["not_available"]
    assert codes(everywhere.post(at(trial), {**body, "interview_on": "2010-11-10"}).json()) == ["not_available"]
    assert everywhere.get(at(trial, waiting)).json()["state"] == "withdrawn"


def test_a_corrected_screening_may_be_ineligible(register: Register, trial: str, everywhere: Client) -> None:
    """Domain 3.1: then nobody waits, and the withdrawn stays withdrawn."""
    body = register.screening(**SUPPLEMENT)
    waiting = everywhere.post(at(trial), body).json()["participant_id"]
    everywhere.post(at(trial, waiting, "withdrawal"), {"reason": "entered_in_error"})
    corrected = everywhere.post(at(trial), {**body, "match_group": 3})
    assert (corrected.status_code, codes(corrected.json())) == (201, ["not_match_group_2"])
    assert everywhere.get(at(trial, waiting)).json()["state"] == "withdrawn"
    assert refusal(everywhere.post(at(trial, "lookup"), {"cpr": body["cpr"]})) == (404, "not_found")


# --- reading people ---------------------------------------------------------------------------------------------------


def test_a_participant_is_found_by_number_and_by_id(register: Register, trial: str, everywhere: Client) -> None:
    """Api.md: arm, state, programme week, contact person; a CPR number is never in a URL, and in no answer."""
    body = register.screening(contact_person="Lis Holm", interview_on="2010-11-10")
    answer = everywhere.post(at(trial), body).json()
    view = everywhere.get(at(trial, answer["participant_id"]))
    assert view.json() == {
        "participant_id": answer["participant_id"],
        "jobcentre": "849",
        "state": view.json()["state"],
        "programme_week": view.json()["programme_week"],
        "arm": answer["assignment"]["arm"],
        "assigned_on": "2010-11-10",
        "interview_on": "2010-11-10",
        "channel": "new_match",
        "target_group": None,
        "contact_person": "Lis Holm",
    }
    for spelling in (body["cpr"], f"{body['cpr'][:6]}-{body['cpr'][6:]}"):
        found = register.case_system("849").post(at(trial, "lookup"), {"cpr": spelling})
        assert (found.status_code, found.json()) == (200, view.json())
    etag = view.headers["etag"]
    again = everywhere.request("GET", at(trial, answer["participant_id"]), headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_whoever_is_not_in_the_trial_is_not_found(register: Register, trial: str, everywhere: Client) -> None:
    """Api.md: 404 not there or not yours, and no difference between the two."""
    drawn = register.screening()
    participant = everywhere.post(at(trial), drawn).json()["participant_id"]
    ineligible = register.screening(match_group=1)
    everywhere.post(at(trial), ineligible)
    hjorring = register.case_system("860")
    elsewhere = register.new_trial()
    answers = [
        everywhere.post(at(trial, "lookup"), {"cpr": new_cpr()}),
        everywhere.post(at(trial, "lookup"), {"cpr": ineligible["cpr"]}),
        everywhere.post(at(elsewhere, "lookup"), {"cpr": drawn["cpr"]}),
        hjorring.post(at(trial, "lookup"), {"cpr": drawn["cpr"]}),
        everywhere.get(at(trial, NOBODY)),
        everywhere.get(at(elsewhere, participant)),
        *(hjorring.get(at(trial, participant, *rest)) for rest in ((), ("weeks",), ("assignment",))),
        hjorring.patch(at(trial, participant), {"contact_person": "Bo"}),
        hjorring.get(at(trial), jobcentre="849"),
        everywhere.get(at(trial), jobcentre="580"),
        hjorring.get(f"/v1/trials/{trial}/assignments", jobcentre="849"),
    ]
    for response in answers:
        assert refusal(response) == (404, "not_found")
        assert response.json() == answers[0].json()


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {("/cpr", "missing_field")}),
        ({"cpr": "0000000000"}, {("/cpr", "invalid_cpr")}),
        ({"cpr": None}, {("/cpr", "invalid_cpr")}),
        ({"cpr": "6101701234", "name": "x"}, {("", "unknown_field")}),
    ],
    ids=str,
)
def test_a_malformed_lookup(trial: str, everywhere: Client, body: dict[str, Any], errors: set[tuple[str, str]]) -> None:
    assert errors_of(everywhere.post(at(trial, "lookup"), body)) == errors


@pytest.mark.parametrize(
    ("today", "state", "programme_week"),
    [
        ("2010-11-10", "assignment_week", 1),
        ("2010-11-14", "assignment_week", 1),
        ("2010-11-15", "counted", 2),
        ("2010-11-22", "exempt", 2),
        ("2010-11-29", "counted", 3),
        ("2010-12-06", "absent", 3),
        ("2011-01-03", "absent", 3),
        ("2011-01-10", "counted", 4),
    ],
)
def test_a_participant_is_shown_as_of_today(
    register: Register, everywhere: Client, clock: Clock, today: str, state: str, programme_week: int
) -> None:
    """Domain 4.3: the state of the week that today lies in, and the programme week reached; lists filter by it."""
    trial = register.new_trial()
    participant = register.drawn(trial, interview_on="2010-11-10")
    person = {"participant_id": participant}
    days = {"starts_on": "2010-11-22", "ends_on": "2010-11-28", "scope": "both", "ground": "illness"}
    everywhere.push(trial, "exemptions", [{"external_id": record_id(), **person, **days}])
    events = [
        {"external_id": record_id(), **person, "kind": "exit", "date": "2010-12-06", "reason": "job"},
        {"external_id": record_id(), **person, "kind": "re_entry", "date": "2011-01-10"},
    ]
    everywhere.push(trial, "presence-events", events)
    clock.now = datetime.fromisoformat(f"{today}T12:00:00+00:00")
    view = everywhere.get(at(trial, participant)).json()
    assert (view["state"], view["programme_week"]) == (state, programme_week)
    weeks = everywhere.get(at(trial, participant, "weeks")).json()["items"]
    monday = date.fromisoformat(today) - timedelta(days=date.fromisoformat(today).weekday())
    (this_week,) = (each for each in weeks if each["week"] == f"{monday:%G-W%V}")
    assert this_week["state"] == state
    for each in ("assignment_week", "counted", "absent", "exempt", "complete", "waiting"):
        listed = everywhere.get(at(trial), state=each).json()["items"]
        assert listed == ([view] if each == state else [])


def test_lists_are_of_your_jobcentres_and_filtered(register: Register, trial: str, everywhere: Client) -> None:
    """Api.md: ``jobcentre``, ``arm``, ``state``."""
    for code in ("849", "860", "450"):
        for _ in range(4):
            register.drawn(trial, jobcentre=code)
        candidate(register, trial, "2010-10-20", jobcentre=code)
        gone = candidate(register, trial, "2010-10-21", jobcentre=code)
        everywhere.post(at(trial, gone, "withdrawal"), {"reason": "moved"})
    register.screen(trial, match_group=1)
    items = everywhere.get(at(trial)).json()["items"]
    assert len(items) == 18
    assert items == sorted(items, key=lambda each: (each["jobcentre"], each["participant_id"]))
    for parameters in (
        {"jobcentre": "860"},
        {"arm": "treatment"},
        {"arm": "control"},
        {"state": "waiting"},
        {"state": "withdrawn"},
        {"state": "complete"},
        {"state": "absent"},
        {"jobcentre": "849", "arm": "treatment"},
        {"jobcentre": "849", "state": "waiting"},
        {"arm": "control", "state": "waiting"},
    ):
        listed = everywhere.get(at(trial), **parameters).json()
        assert listed["next"] is None
        assert listed["items"] == [each for each in items if parameters.items() <= each.items()]
        seen: list[Any] = []
        cursor = None
        while seen == [] or cursor is not None:
            page = everywhere.get(at(trial), **parameters, limit=2, cursor=cursor)
            seen += page.json()["items"]
            cursor = page.json()["next"]
            assert ("link" in page.headers) == (cursor is not None)
            if not page.json()["items"]:
                break
        assert seen == listed["items"]
    # Each drawn person is in exactly one arm and in one state.
    by_arm = [each for arm in ("treatment", "control") for each in everywhere.get(at(trial), arm=arm).json()["items"]]
    assert len(by_arm) == 12
    some = register.case_system("849", "450", "580")
    assert some.get(at(trial)).json()["items"] == [each for each in items if each["jobcentre"] != "860"]
    assert refusal(register.case_system("580").get(at(trial))) == (404, "not_found")


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"jobcentre": "Nyborg"}, "/query/jobcentre"),
        ({"arm": "placebo"}, "/query/arm"),
        ({"state": "drawn"}, "/query/state"),
        ({"limit": 0}, "/query/limit"),
        ({"limit": 1001}, "/query/limit"),
        ({"cursor": "nonsense"}, "/query/cursor"),
        ({"cursor": "WyI4NDkiLCJ4Il0"}, "/query/cursor"),
        ({"cursor": "WyI4NDkiLDFd"}, "/query/cursor"),
    ],
    ids=str,
)
def test_a_malformed_list(trial: str, everywhere: Client, parameters: dict[str, Any], pointer: str) -> None:
    assert errors_of(everywhere.get(at(trial), **parameters)) == {(pointer, "invalid_value")}


def test_assignments_of_one_and_of_a_jobcentre(register: Register, trial: str, everywhere: Client) -> None:
    """Api.md: the assignment of one, of a jobcentre's people."""
    answers = {
        answer["participant_id"]: (code, answer["assignment"])
        for code in ("849", "860")
        for answer in (register.screen(trial, jobcentre=code) for _ in range(3))
    }
    candidate(register, trial, "2010-10-20")
    expected = sorted(
        (
            {"participant_id": participant, "jobcentre": code, **assignment}
            for participant, (code, assignment) in answers.items()
        ),
        key=lambda each: (each["jobcentre"], each["participant_id"]),
    )
    for participant, (_, assignment) in answers.items():
        assert everywhere.get(at(trial, participant, "assignment")).json() == assignment
    path = f"/v1/trials/{trial}/assignments"
    assert everywhere.get(path).json() == {"items": expected, "next": None}
    assert everywhere.get(path, jobcentre="860").json()["items"] == expected[3:]
    assert register.case_system("849").get(path).json()["items"] == expected[:3]
    first = everywhere.get(path, limit=4)
    assert first.json()["items"] == expected[:4]
    rest = everywhere.request("GET", first.headers["link"].removeprefix("<").partition(">")[0])
    assert rest.json() == {"items": expected[4:], "next": None}


# --- the contact person (domain 4.7) ----------------------------------------------------------------------------------


def test_one_contact_person_at_a_time_with_history(register: Register, trial: str) -> None:
    """Domain 4.7."""
    case_system = register.case_system("849", client_id="kmd")
    body = register.screening(contact_person="Lis Holm")
    participant = case_system.post(at(trial), body).json()["participant_id"]
    etag = case_system.get(at(trial, participant)).headers["etag"]
    for name in ("Bo Dam", "Bo Dam", None, "Lis Holm"):
        response = case_system.patch(at(trial, participant), {"contact_person": name})
        assert response.status_code == 200
        assert response.json()["contact_person"] == name
        assert response.json() == case_system.get(at(trial, participant)).json()
        assert (response.headers["etag"] == etag) == (name == "Lis Holm")
    history = rows(
        register, "select name, client_id from contact_person where trial_id = $1 order by registered_at", trial
    )
    assert [(each["name"], each["client_id"]) for each in history] == [
        ("Lis Holm", "kmd"),
        ("Bo Dam", "kmd"),
        (None, "kmd"),
        ("Lis Holm", "kmd"),
    ]
    # The screening as it was is still the same, whoever answers for the person now.
    assert case_system.post(at(trial), body).status_code == 200


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {("/contact_person", "missing_field")}),
        ({"contact_person": ""}, {("/contact_person", "invalid_value")}),
        ({"contact_person": 7}, {("/contact_person", "invalid_value")}),
        ({"contact_person": "6101701234"}, {("/contact_person", "invalid_value")}),
        ({"contact_person": " 610170-1234 "}, {("/contact_person", "invalid_value")}),
        ({"contact_person": "Bo", "arm": "control"}, {("", "unknown_field")}),
    ],
    ids=str,
)
def test_a_malformed_change(
    register: Register, trial: str, everywhere: Client, body: dict[str, Any], errors: set[tuple[str, str]]
) -> None:
    participant = register.drawn(trial)
    assert errors_of(everywhere.patch(at(trial, participant), body)) == errors


# --- CPR numbers ------------------------------------------------------------------------------------------------------


def test_no_number_lies_in_the_database_in_clear(fresh_register: Register) -> None:
    """Engineering.md: outside the vault no personal number, inside it none that can be read without the master key."""
    register = fresh_register
    trial = register.new_trial()
    everywhere = register.case_system()
    people: list[str] = []

    def post(expected: int, **changes: Any) -> dict[str, Any]:
        body = register.screening(contact_person="Lis Holm", **changes)
        people.append(body["cpr"].replace("-", ""))
        response = everywhere.post(at(trial), body)
        assert response.status_code == expected, response.text
        answer: dict[str, Any] = response.json()
        return answer

    drawn = post(201)["participant_id"]
    post(201, match_group=1)
    waiting = post(201, **SUPPLEMENT)["participant_id"]
    everywhere.post(at(trial, waiting, "withdrawal"), {"reason": "moved"})
    post(201, **SUPPLEMENT)
    post(409, cpr=people[0], match_group=3)
    post(201, cpr=f"{people[0][:6]}-{people[0][6:]}", jobcentre="860")
    everywhere.post(at(trial, "lookup"), {"cpr": people[0]})
    talk = {"external_id": record_id(), "date": "2010-11-16"}
    assert everywhere.push(trial, "conversations", [{**talk, "cpr": people[0]}])["counts"]["created"] == 1
    everywhere.push(
        trial, "conversations", [{**talk, "cpr": new_cpr()}, {"cpr": people[0]}, {"external_id": people[0]}]
    )
    everywhere.patch(at(trial, drawn), {"contact_person": people[0]})
    everywhere.post(f"/v1/trials/{trial}/participants", {"cpr": people[1]})
    tables = rows(
        register,
        """
        select format('%I.%I', schemaname, tablename) as name from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema')
        """,
    )
    assert {"public.screening", "vault.identity", "public.batch"} <= {table["name"] for table in tables}
    content = "\n".join(
        str(row["row"]) for table in tables for row in rows(register, f"select t::text as row from {table['name']} t")
    )
    assert drawn in content
    for cpr in people:
        for spelling in (cpr, f"{cpr[:6]}-{cpr[6:]}"):
            assert spelling not in content
            assert spelling.encode().hex() not in content
            for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5):
                assert digest(spelling.encode()).hexdigest() not in content


def test_the_number_of_a_participant_can_be_read_with_the_master_key_alone(register: Register, trial: str) -> None:
    """Engineering.md: a data key per person, wrapped by a master key that is not in the database."""
    body = register.screening()
    participant = register.case_system().post(at(trial), body).json()["participant_id"]
    (kept,) = rows(register, "select * from vault.identity where trial_id = $1", trial)
    assert str(kept["participant_id"]) == participant
    vault = register.app.state.services.vault
    sealed = type(vault.seal_cpr(kept["participant_id"], "6101701234"))(kept["wrapped_key"], kept["sealed_cpr"])
    assert vault.open_cpr(kept["participant_id"], sealed) == body["cpr"]
