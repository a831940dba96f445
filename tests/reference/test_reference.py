"""The worked examples (domain 8), and the reference's own small checks."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.reference.conversations import numbered_conversations, numbered_no_shows, told_by_one_client
from tests.reference.door import refused_with, warnings
from tests.reference.draw import arms, seed_commitment
from tests.reference.eligibility import add_months, birth_date, failures, weekly_target
from tests.reference.presence import presence_steps
from tests.reference.protocols import PROTOCOLS
from tests.reference.vocabulary import TRIAL_DATES
from tests.reference.weeks import FLAGS, judged_weeks, weeks

ROOT = Path(__file__).parents[2]
COPY = ROOT / "tests" / "examples"
EXAMPLES = COPY if COPY.is_dir() else ROOT.parent / "shared" / "examples"
LONG_PAST = date(2026, 1, 1)

OTHERS = [
    example
    for name in ("aht-2008-sickness", "aht-2008-flexjob", "flex-2016")
    for example in yaml.safe_load((COPY / f"{name}.yaml").read_text("utf-8"))
]
WEEKS: list[dict[str, Any]] = yaml.safe_load((EXAMPLES / "weeks.yaml").read_text("utf-8"))
HISTORIES: list[dict[str, Any]] = json.loads((EXAMPLES / "histories.json").read_text("utf-8"))
DRAWS: list[dict[str, Any]] = yaml.safe_load((EXAMPLES / "draws.yaml").read_text("utf-8"))


@pytest.mark.parametrize("example", WEEKS + OTHERS, ids=[f"{e['protocol']}: {e['name']}" for e in WEEKS + OTHERS])
def test_weeks_yaml(example: dict[str, Any]) -> None:
    ends_on = example.get("ends_on") or PROTOCOLS[example["protocol"]]["ends_on"]
    found = weeks(example["protocol"], ends_on, example["person"], LONG_PAST)
    found = [w for w in found if w["week"] <= example["until"]]
    assert found == example["weeks"]
    assert {flag: sum(flag in w["flags"] for w in found) for flag in FLAGS} == example["totals"]


@pytest.mark.parametrize("history", HISTORIES, ids=[f"{i}-{h['protocol']}" for i, h in enumerate(HISTORIES)])
def test_histories_json(history: dict[str, Any]) -> None:
    assert weeks(history["protocol"], history["ends_on"], history["person"], LONG_PAST) == history["weeks"]


@pytest.mark.parametrize("example", DRAWS, ids=[d["trial"] for d in DRAWS])
def test_draws_yaml(example: dict[str, Any]) -> None:
    seed = bytes.fromhex(example["seed_hex"])
    assert arms(seed, example["trial"], example["jobcentre"], len(example["arms"])) == example["arms"]
    assert seed_commitment(seed) == example["seed_commitment"]


# --- the end of knowledge ---------------------------------------------------------------------------------------------


def test_a_week_that_is_not_over_has_no_deviations_yet() -> None:
    person = {"interview_on": "2010-11-08"}
    on_the_sunday = weeks("prvij-2010-11", "2012-03-31", person, "2010-11-21")
    assert [w["deviations"] for w in on_the_sunday[:2]] == [["started_late"], []]
    on_the_monday = weeks("prvij-2010-11", "2012-03-31", person, "2010-11-22")
    assert [w["deviations"] for w in on_the_monday[:3]] == [["started_late"], ["conversation_missing"], []]


def test_started_late_waits_for_seven_days() -> None:
    person = {"interview_on": "2010-11-10"}
    assert weeks("prvij-2010-11", "2012-03-31", person, "2010-11-17")[0]["deviations"] == []
    assert weeks("prvij-2010-11", "2012-03-31", person, "2010-11-18")[0]["deviations"] == ["started_late"]


def test_the_assignment_week_is_always_there() -> None:
    assert len(weeks("prvij-2010-11", "2010-11-09", {"interview_on": "2010-11-08"}, LONG_PAST)) == 1


# --- presence (domain 4.1) --------------------------------------------------------------------------------------------


def presence(protocol_id: str, *events: dict[str, Any]) -> list[tuple[str | None, str | None, bool]]:
    """What each event did, the reason, and whether it is without effect, by date and content."""
    person = {"interview_on": "2010-11-08", "presence_events": list(events)}
    steps = presence_steps(PROTOCOLS[protocol_id], person)
    return [(step["did"], step["reason"], step["without_effect"]) for step in steps]


def rematch(some_day: str, match_group: int) -> dict[str, Any]:
    return {"kind": "rematch", "date": some_day, "match_group": match_group}


def exit_for(some_day: str, reason: str) -> dict[str, Any]:
    return {"kind": "exit", "date": some_day, "reason": reason}


def re_entry(some_day: str) -> dict[str, Any]:
    return {"kind": "re_entry", "date": some_day}


def test_a_rematch_ends_and_begins_presence_in_prvij_alone() -> None:
    there_and_back = [rematch("2011-01-10", 1), rematch("2010-12-06", 3), rematch("2010-12-01", 1)]
    expected = [(None, None, False), ("exit", "match_group_3", False), ("re_entry", None, False)]
    assert presence("prvij-2010-11", *there_and_back) == presence("prvij-2010-07", *there_and_back) == expected
    assert presence("aht-2008-sickness", *there_and_back) == [(None, None, False)] * 3


def test_the_same_twice_is_no_deviation() -> None:
    twice = [rematch("2010-12-06", 3), exit_for("2010-12-06", "match_group_3"), exit_for("2010-12-07", "match_group_3")]
    assert presence("prvij-2010-11", *twice) == [
        ("exit", "match_group_3", False),
        (None, None, False),
        (None, None, False),
    ]
    back = [exit_for("2010-12-06", "match_group_3"), rematch("2011-01-10", 2), re_entry("2011-01-10")]
    assert presence("prvij-2010-11", *back, re_entry("2011-02-01"))[1:] == [
        ("re_entry", None, False),
        (None, None, False),
        (None, None, False),
    ]
    assert presence("aht-2008-sickness", *back)[1:] == [(None, None, False), ("re_entry", None, False)]
    by_entry = [exit_for("2010-12-06", "match_group_3"), re_entry("2011-01-10"), rematch("2011-01-10", 2)]
    assert [step[0] for step in presence("prvij-2010-11", *by_entry)] == ["exit", "re_entry", None]


def test_what_changes_nothing() -> None:
    assert presence("prvij-2010-11", re_entry("2010-12-01")) == [(None, None, True)]
    at_odds = [exit_for("2010-12-06", "moved"), exit_for("2010-12-06", "job"), rematch("2010-12-07", 3)]
    assert presence("prvij-2010-11", *at_odds, exit_for("2010-12-08", "match_group_3"), rematch("2010-12-09", 2)) == [
        ("exit", "job", False),
        (None, None, True),
        (None, None, False),
        (None, None, True),
        (None, None, False),
    ]


# --- the meter (domain 4.4) -------------------------------------------------------------------------------------------


def test_the_meter_counts_active_counted_weeks_alone() -> None:
    person = {
        "interview_on": "2010-11-08",
        "activations": [{"type": "other_offer", "starts_on": "2010-11-08", "hours_per_week": 10}],
        "exemptions": [
            {"scope": "activation", "ground": "illness", "starts_on": "2011-01-17", "ends_on": "2011-01-23"},
            {"scope": "both", "ground": "illness", "starts_on": "2011-01-24", "ends_on": "2011-01-30"},
        ],
        "presence_events": [exit_for("2011-01-31", "job"), re_entry("2011-02-07")],
    }
    rows = judged_weeks("prvij-2010-11", "2012-03-31", person, LONG_PAST)
    meters = {row["week"]: row["meter"] for row in rows}
    assert [meters[f"2011-W{week:02d}"] for week in range(2, 7)] == [9, 10, 10, 10, 11]
    assert meters["2010-W45"] == 0
    last = next(row for row in rows if row["meter"] == 39)
    assert (last["state"], last["number"]) == ("counted", 40)
    assert all(row["state"] == "complete" for row in rows if row["week"] > last["week"])


# --- conversations (domain 4.5) ---------------------------------------------------------------------------------------


def test_an_external_provider_counts_where_the_jobcentre_may_have_one() -> None:
    person: dict[str, Any] = {
        "interview_on": "2010-11-08",
        "conversations": [{"date": "2010-11-15", "conducted_by": "external_provider"}],
    }
    assert "conversation_held" in weeks("prvij-2010-11", "2012-03-31", person, LONG_PAST)[1]["flags"]
    person["settings"] = {"external_provider_talks": False}
    second = judged_weeks("prvij-2010-11", "2012-03-31", person, LONG_PAST)[1]
    assert (second["flags"], second["deviations"]) == (["conversation_due"], ["conversation_missing"])
    assert second["missing_because"] == "not_accepted"


def test_told_by_several_is_numbered_once() -> None:
    person = {
        "interview_on": "2010-11-08",
        "conversations": [
            {"date": "2010-11-15", "client": "b"},
            {"date": "2010-11-15", "client": "a", "status": "no_show"},
            {"date": "2010-11-15", "client": "a", "status": "cancelled"},
            {"date": "2010-11-16", "client": "b", "status": "no_show"},
            {"date": "2010-11-16", "client": "a", "status": "cancelled"},
            {"date": "2010-11-17", "client": "b", "status": "no_show"},
            {"date": "2010-11-17", "client": "b", "form": "group"},
            {"date": "2010-11-17", "client": "a", "status": "no_show"},
        ],
    }
    once = told_by_one_client(PROTOCOLS["prvij-2010-11"], person)
    assert [c["client"] for c in once] == ["b", "a", "b", "b"]
    monday = date(2010, 11, 15)
    assert len(numbered_conversations(PROTOCOLS["prvij-2010-11"], person, monday)) == 1
    assert len(numbered_no_shows(PROTOCOLS["prvij-2010-11"], person, monday)) == 1


def test_grounded_weeks_are_left_out_of_the_share_of_remote_ones() -> None:
    talks = [
        {"date": "2011-01-05", "form": "telephone"},
        {"date": "2011-01-12", "form": "telephone", "remote_ground": "illness"},
        {"date": "2011-01-19", "form": "telephone"},
        {"date": "2011-01-26"},
        {"date": "2011-02-02", "form": "telephone"},
    ]
    person = {"interview_on": "2010-11-08", "conversations": talks}
    rows = weeks("prvij-2010-11", "2012-03-31", person, LONG_PAST)[8:13]
    too_often = ["remote_too_often" in row["deviations"] for row in rows]
    assert too_often == [False, False, True, False, True]  # k of m: 1/1, -, 2/2, 2/3, 3/4


# --- the door ---------------------------------------------------------------------------------------------------------

DOOR: list[tuple[str, str, dict[str, Any], list[str]]] = [
    ("prvij-2010-11", "conversations", {"date": "2010-11-15"}, []),
    ("prvij-2010-11", "conversations", {"date": "2010-11-15", "form": "telephone"}, ["remote_too_early"]),
    ("prvij-2010-11", "conversations", {"date": "2010-11-15", "form": "telephone", "remote_ground": "illness"}, []),
    ("prvij-2010-11", "conversations", {"date": "2010-11-15", "conducted_by": "mentor"}, ["conducted_by_mentor"]),
    ("prvij-2010-11", "conversations", {"date": "2010-11-08"}, ["before_assignment"]),
    ("prvij-2010-11", "conversations", {"date": "2011-01-05", "form": "telephone"}, []),
    ("prvij-2010-11", "conversations", {"date": "2011-01-05", "form": "group"}, ["form_not_accepted"]),
    ("prvij-2010-11", "conversations", {"date": "2012-04-05"}, ["week_without_number"]),
    ("prvij-2010-11", "conversations", {"date": "2010-11-15", "conducted_by": "external_provider"}, []),
    ("prvij-2010-07", "conversations", {"date": "2010-11-01"}, ["before_assignment"]),
    ("flex-2016", "conversations", {"date": "2017-01-05", "form": "group", "conducted_by": "mentor"}, []),
    ("aht-2008-sickness", "conversations", {"date": "2009-01-05"}, []),
    ("aht-2008-sickness", "conversations", {"date": "2009-01-04"}, ["before_assignment"]),
    ("aht-2008-sickness", "conversations", {"date": "2009-02-05", "form": "group"}, []),
    (
        "prvij-2010-11",
        "activations",
        {
            "type": "other_offer",
            "starts_on": "2010-12-01",
            "hours_per_week": 9.99,
            "not_workplace_reason": "unstable",
        },
        ["hours_too_few", "not_at_workplace"],
    ),
    (
        "prvij-2010-11",
        "activations",
        {"type": "part_time_job", "starts_on": "2011-01-10", "hours_per_week": 10},
        ["mentor_missing", "starts_late"],
    ),
    (
        "prvij-2010-11",
        "activations",
        {"type": "part_time_job", "starts_on": "2011-01-09", "hours_per_week": 10, "mentor": "waived"},
        [],
    ),
    ("aht-2008-sickness", "activations", {"type": "other_offer", "starts_on": "2009-03-02", "hours_per_week": 10}, []),
    ("flex-2016", "activations", {"type": "part_time_job", "starts_on": "2017-11-02", "hours_per_week": 1}, []),
]


@pytest.mark.parametrize(("protocol", "kind", "record", "codes"), DOOR)
def test_door(protocol: str, kind: str, record: dict[str, Any], codes: list[str]) -> None:
    first, _, ends_on = TRIAL_DATES[protocol]
    assert warnings(protocol, ends_on, {"interview_on": first}, kind, record, LONG_PAST) == codes


def test_door_remote_too_often() -> None:
    person = {"interview_on": "2010-11-08", "conversations": [{"date": "2011-01-05", "form": "telephone"}]}
    record = {"date": "2011-01-12", "form": "telephone"}
    codes = warnings("prvij-2010-11", "2012-03-31", person, "conversations", record, "2011-01-12")
    assert codes == ["remote_too_often"]
    assert refused_with(codes) == []


def test_door_external_provider() -> None:
    person = {"interview_on": "2010-11-08", "settings": {"external_provider_talks": False}}
    record = {"date": "2010-11-16", "conducted_by": "external_provider"}
    codes = warnings("prvij-2010-11", "2012-03-31", person, "conversations", record, LONG_PAST)
    assert codes == ["external_provider_not_accepted"]
    assert refused_with(codes) == []


# --- eligibility ------------------------------------------------------------------------------------------------------


def test_add_months() -> None:
    assert add_months(date(2010, 8, 31), 6) == date(2011, 2, 28)
    assert add_months(date(2010, 10, 15), 4) == date(2011, 2, 15)


def test_weekly_target() -> None:
    assert weekly_target({"agreed_participants": 50}, "2010-11-08", "2011-03-31") == 5  # 100 in 21 weeks
    assert weekly_target({"agreed_participants": 53}, "2010-11-08", "2011-03-31") == 6  # 106 in 21 weeks
    assert weekly_target({"agreed_participants": 50, "weekly_target": 3}, "2010-11-08", "2011-03-31") == 3


def test_birth_date() -> None:
    assert birth_date("7103851234") == date(1985, 3, 11)
    assert birth_date("1103054234") == date(2005, 3, 11)
    assert birth_date("1103854234") == date(1985, 3, 11)
    assert birth_date("1103585234") == date(1858, 3, 11)
    assert birth_date("1103575234") == date(2057, 3, 11)
    assert birth_date("1103379234") == date(1937, 3, 11)


PRVIJ_TRIAL: dict[str, Any] = {"jobcentres": [{"code": "849"}]}
PRVIJ_SCREENING: dict[str, Any] = {
    "cpr": "6811901234",
    "jobcentre": "849",
    "interview_on": "2010-11-08",
    "channel": "new_match",
    "at_job_interview": True,
    "match_group": 2,
    "benefit": "cash_benefit",
    "circumstances": [],
    "exempt_from": "none",
}
AHT_TRIAL: dict[str, Any] = {"intake_from": "2009-01-06", "intake_to": "2009-04-30", "jobcentres": [{"code": "849"}]}
AHT_SCREENING: dict[str, Any] = {"cpr": "6811901234", "jobcentre": "849", "interview_on": "2009-01-11"}


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"cpr": "6911901234"}, ["under_20"]),
        ({"exempt_from": "activation"}, []),
        ({"channel": "supplement", "unemployed_since": "2010-05-08"}, []),
        ({"channel": "supplement", "unemployed_since": "2010-05-07"}, ["unemployed_too_long"]),
        ({"channel": "rematch", "unemployed_since": "1999-05-07"}, []),
        ({"interview_on": "2011-04-01", "jobcentre": "x"}, ["outside_intake_period", "unknown_jobcentre"]),
        (
            {
                "match_group": 1,
                "at_job_interview": False,
                "benefit": "sickness_benefit",
                "circumstances": ["residential_programme", "in_stu", "pregnancy_related_illness"],
                "exempt_from": "both",
            },
            [
                "exempt_from_everything",
                "in_stu",
                "not_at_job_interview",
                "not_match_group_2",
                "pregnancy_related_illness",
                "residential_programme",
                "wrong_benefit",
            ],
        ),
    ],
)
def test_prvij_failures(changes: dict[str, Any], codes: list[str]) -> None:
    assert failures("prvij-2010-11", PRVIJ_TRIAL, PRVIJ_SCREENING | changes) == codes


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"circumstances": ["referred_to_flexjob"], "unemployed_since": "2008-12-06"}, []),
        ({"circumstances": ["referred_to_flexjob"], "unemployed_since": "2008-12-07"}, ["unemployed_too_short"]),
        ({"circumstances": ["referred_to_flexjob"], "unemployed_since": "2008-09-06"}, []),
        ({"circumstances": ["referred_to_flexjob"], "unemployed_since": "2008-09-05"}, ["unemployed_too_long"]),
        (
            {"interview_on": "2009-04-12", "circumstances": ["terminal_illness"], "unemployed_since": "2008-09-05"},
            ["not_referred_to_flexjob", "terminal_illness", "unemployed_too_long"],
        ),
    ],
)
def test_flexjob_failures(changes: dict[str, Any], codes: list[str]) -> None:
    assert failures("aht-2008-flexjob", AHT_TRIAL, AHT_SCREENING | changes) == codes


def test_sickness_failures() -> None:
    good = AHT_SCREENING | {"benefit": "sickness_benefit"}
    assert failures("aht-2008-sickness", AHT_TRIAL, good) == []
    bad = AHT_SCREENING | {
        "benefit": "cash_benefit",
        "circumstances": ["after_first_follow_up", "pension_case_started"],
    }
    assert failures("aht-2008-sickness", AHT_TRIAL, bad) == [
        "after_first_follow_up",
        "pension_case_started",
        "wrong_benefit",
    ]


def test_a_jobcentre_picks_target_groups_of_its_own() -> None:
    trial: dict[str, Any] = {
        "intake_from": "2016-11-01",
        "intake_to": "2017-06-30",
        "target_groups": [1, 2],
        "jobcentres": [{"code": "849"}, {"code": "860", "target_groups": [11]}],
    }
    screening = {"jobcentre": "849", "interview_on": "2016-11-01", "target_group": 2}
    assert failures("flex-2016", trial, screening) == []
    assert failures("flex-2016", trial, screening | {"jobcentre": "860"}) == ["wrong_target_group"]
    assert failures("flex-2016", trial, screening | {"jobcentre": "860", "target_group": 11}) == []
