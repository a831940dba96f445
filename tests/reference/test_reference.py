"""The worked examples (domain 8), and the reference's own small checks."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.door import refused_with, warnings
from tests.reference.draw import arms, seed_commitment
from tests.reference.eligibility import add_months, birth_date, failures, weekly_target
from tests.reference.figures import conditions, summary
from tests.reference.generate import TRIAL_DATES, cases, populations, random_person
from tests.reference.protocols import PROTOCOLS
from tests.reference.weeks import FLAGS, counts, weeks

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
    ("flex-2016", "conversations", {"date": "2017-01-05", "form": "group", "conducted_by": "mentor"}, []),
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
        ({"circumstances": ["referred_to_flexjob"], "unemployed_since": "2008-09-11"}, []),
        ({"circumstances": ["referred_to_flexjob"], "unemployed_since": "2008-09-10"}, ["unemployed_too_long"]),
        (
            {"interview_on": "2009-01-12", "circumstances": ["terminal_illness"], "unemployed_since": "2008-09-10"},
            ["not_referred_to_flexjob", "terminal_illness"],
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


# --- the draw ---------------------------------------------------------------------------------------------------------


@given(st.binary(min_size=32, max_size=32))
def test_the_balance_is_never_beyond_three(seed: bytes) -> None:
    ahead = 0
    for arm in arms(seed, "t", "849", 60):
        ahead += 1 if arm == "treatment" else -1
        assert -3 <= ahead <= 3


# --- figures ----------------------------------------------------------------------------------------------------------

TRIAL: dict[str, Any] = {
    "ends_on": "2012-03-31",
    "jobcentres": [
        {"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": 1},
        {"code": "860", "name": "Hjørring", "region": "nord", "agreed_participants": 10},
    ],
}


def example(name: str) -> dict[str, Any]:
    """The person of an example."""
    person: dict[str, Any] = next(e["person"] for e in WEEKS if e["name"].startswith(name))
    return person


def test_summary_by_hand() -> None:
    people: list[dict[str, Any]] = [
        {"jobcentre": "849", "arm": "treatment", "person": example("a no-show")},
        {"jobcentre": "849", "arm": "treatment", "person": example("plain start"), "duplicate": True},
        {"jobcentre": "849", "arm": "control", "person": example("plain start")},
        {"jobcentre": "860", "arm": "treatment", "person": example("at home")},
    ]
    row, control, other = summary("prvij-2010-11", TRIAL, people, "2010-W48", "jobcentre")
    assert row == {
        "week": "2010-W48",
        "group": {"jobcentre": "849"},
        "arm": "treatment",
        "participants": 1,
        "states": {"counted": 1, "absent": 0, "exempt": 0, "complete": 0, "assignment_week": 0},
        "entries": 0,
        "exits": {},
        "conversation_due": 1,
        "conversation_held": 0,
        "conversation_conforming": 0,
        "activation_due": 0,
        "activated": 0,
        "workplace_activated": 0,
        "conversation_rate": 0.0,
        "conforming_rate": 0.0,
        "activation_rate": None,
        "workplace_rate": None,
        "forms": {},
        "no_shows": 1,
        "deviations": {"conversation_missing": 1},
        "cumulative": {
            "conversation_due": 2,
            "conversation_held": 1,
            "conversation_conforming": 1,
            "activation_due": 0,
            "activated": 0,
            "workplace_activated": 0,
            "conversation_rate": 0.5,
            "conforming_rate": 0.5,
            "activation_rate": None,
            "workplace_rate": None,
        },
        "conditions": {"conversation": "not_met", "activation": "nothing_due", "workplace": "nothing_due"},
        "action_plan": False,
    }
    assert control["conditions"] is None
    assert "action_plan" not in control
    assert other["cumulative"]["conversation_held"] == 2

    # 2 of 3, after 1 of 2: the same condition twice
    assert summary("prvij-2010-11", TRIAL, people, "2010-W49", "jobcentre")[0]["action_plan"] is True
    by_region = summary("prvij-2010-11", TRIAL, people, "2010-W50", "region")
    assert [(r["group"], r["arm"], r["exits"], r["deviations"]) for r in by_region] == [
        ({"region": "nord"}, "treatment", {"job": 1}, {"event_without_effect": 1}),
        ({"region": "nord"}, "control", {}, {}),
    ]
    assert [r["participants"] for r in summary("prvij-2010-11", TRIAL, people, "2010-W50", "trial")] == [1, 1]
    assert len(summary("prvij-2010-11", TRIAL, people, "2010-W45", "jobcentre")) == 1


def test_conditions_by_hand() -> None:
    people = [
        {"jobcentre": "849", "arm": "treatment", "person": example("exempt from both")},
        {"jobcentre": "849", "arm": "treatment", "person": example("exempt from both")},
    ]
    first, second = conditions("prvij-2010-11", TRIAL, people, "2010-W52")
    assert first["conditions"] == {"conversation": "met", "activation": "nothing_due", "workplace": "nothing_due"}
    assert (first["participants_with_conversation"], first["grant"], first["payable"]) == (2, 13000, False)
    assert (second["rates"]["conversation_rate"], second["grant"], second["payable"]) == (None, 0, False)
    early = [{"jobcentre": "849", "arm": "treatment", "person": example("an early start")}]
    assert conditions("prvij-2010-11", TRIAL, early, "2011-W10")[0]["payable"] is True


def test_contacts_by_hand() -> None:
    person = {
        "interview_on": "2017-01-02",
        "conversations": [
            {"date": "2017-01-05"},
            {"date": "2017-01-10"},
            {"date": "2017-01-11", "form": "telephone"},
            {"date": "2017-01-26"},
        ],
    }
    trial = TRIAL | {"ends_on": "2017-12-29", "required_contacts": 2}
    people = [{"jobcentre": "849", "arm": "treatment", "target_group": 2, "person": person}]
    (row,) = summary("flex-2016", trial, people, "2017-W04", "jobcentre")
    assert row["contacts_per_four_weeks"] == {
        "total": 4.0,
        "by_form": {"in_person": 4.0},
        "by_target_group": {"2": 4.0},
    }
    assert row["cumulative"]["contacts_per_four_weeks"] == {
        "total": 4.0,
        "by_form": {"in_person": float(8 / 3), "telephone": float(4 / 3)},
        "by_target_group": {"2": 4.0},
    }
    assert row["required_contacts"] == 2
    assert "conversation_rate" not in row
    assert row["conditions"] is None


# --- the generators ---------------------------------------------------------------------------------------------------

PLENTY = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def check_weeks(protocol_id: str, found: list[dict[str, Any]]) -> None:
    """What must hold of any list of weeks."""
    numbers = [w["number"] for w in found if w["number"] is not None]
    assert numbers == list(range(1, len(numbers) + 1))
    assert found[0]["state"] == "assignment_week"
    for week in found:
        flags = week["flags"]
        assert flags == [f for f in FLAGS if f in flags]
        assert not flags or week["state"] == "counted"
        assert "conversation_held" not in flags or "conversation_due" in flags
        assert "conversation_conforming" not in flags or "conversation_held" in flags
        assert "workplace_activated" not in flags or "activated" in flags
        assert week["deviations"] == sorted(set(week["deviations"]))
    assert sum("activation_due" in w["flags"] for w in found) <= (PROTOCOLS[protocol_id]["max_activation_weeks"] or 999)


@pytest.mark.parametrize("protocol_id", list(PROTOCOLS))
def test_cases(protocol_id: str) -> None:
    @PLENTY
    @given(cases(protocol_id))
    def check(case: tuple[str, dict[str, Any], str]) -> None:
        ends_on, person, as_of = case
        assert json.loads(json.dumps(person)) == person
        check_weeks(protocol_id, weeks(protocol_id, ends_on, person, as_of))

    check()
    for seed in range(20):
        person = random_person(protocol_id, seed)
        check_weeks(protocol_id, weeks(protocol_id, TRIAL_DATES[protocol_id][2], person, LONG_PAST))


@pytest.mark.parametrize("protocol_id", list(PROTOCOLS))
def test_populations(protocol_id: str) -> None:
    @PLENTY
    @given(populations(protocol_id, max_people=4))
    def check(population: tuple[dict[str, Any], list[dict[str, Any]], str, str]) -> None:
        trial, people, week, as_of = population
        rows = {by: summary(protocol_id, trial, people, week, by, as_of) for by in ("jobcentre", "region", "trial")}
        for arm in ("treatment", "control"):
            for name in ("participants", "entries", "no_shows", *FLAGS):
                totals = {sum(r[name] for r in rows[by] if r["arm"] == arm) for by in rows}
                assert len(totals) == 1
        paid = conditions(protocol_id, trial, people, week, as_of)
        assert all(p["grant"] is None or p["grant"] % PROTOCOLS[protocol_id]["grant"] == 0 for p in paid)
        everyone = [p for p in people if p["arm"] == "treatment" and not p.get("duplicate")]
        protocol = PROTOCOLS[protocol_id]
        ever = [any(counts(protocol, p["person"], c) for c in p["person"]["conversations"]) for p in everyone]
        assert sum(p["participants_with_conversation"] for p in paid) <= sum(ever)

    check()
