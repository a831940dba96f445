"""Eligibility at the screening (domain 3.1): whoever is eligible is drawn, and every failing rule is reported."""

from datetime import date, datetime
from typing import Any

import pytest

from tests.register import Client, Register, new_cpr
from tests.routers.participants.screening.common import KEPT, at, codes, count_of, rows


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
def test_the_seventh_digit_gives_the_century(
    register: Register, trial: str, everywhere: Client, cpr: str, eligible: bool
) -> None:
    """Domain 7; nobody is born after the interview (wild A12)."""
    answer = everywhere.post(f"/v1/trials/{trial}/participants", register.screening(cpr=cpr))
    if eligible:
        assert codes(answer.json()) == []
    else:
        assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [("/cpr", "invalid_cpr")]


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
