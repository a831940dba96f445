"""Draw, figures, outcomes and generators of the reference: small checks by hand."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reference.conversations import counts
from tests.reference.draw import arms
from tests.reference.evaluation import curve, path
from tests.reference.figures import conditions, summary
from tests.reference.generate import TRIAL_DATES, cases, populations, random_person
from tests.reference.outcomes import best_success, recorded_outcome, weekly_outcome
from tests.reference.presence import exits_in_week
from tests.reference.protocols import PROTOCOLS
from tests.reference.weeks import FLAGS, weeks

EXAMPLES = Path(__file__).parents[1] / "examples"
LONG_PAST = date(2026, 1, 1)
WEEKS: list[dict[str, Any]] = yaml.safe_load((EXAMPLES / "weeks.yaml").read_text("utf-8"))

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
        "missing_because": {"no_show": 1},
        "by_person": {
            "activation": {"people": 0, "ever_activated": 0, "ever_workplace": 0},
            "conversation": {"people": 1, "held_80": 0},
        },
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
    assert control["by_person"] is None
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


def test_exits_by_rematch_and_missing_because() -> None:
    person = {
        "interview_on": "2010-11-08",
        "conversations": [
            {"date": "2010-11-15", "form": "group"},
            {"date": "2010-11-22", "conducted_by": "mentor"},
            {"date": "2010-11-29", "status": "cancelled"},
            {"date": "2010-11-30", "status": "no_show"},
        ],
        "presence_events": [{"kind": "rematch", "date": "2010-12-13", "match_group": 3}],
    }
    people = [{"jobcentre": "849", "arm": "treatment", "person": person}]
    rows = [summary("prvij-2010-11", TRIAL, people, f"2010-W{week}", "trial")[0] for week in range(46, 51)]
    reasons = [{"not_accepted": 1}, {"mentor_only": 1}, {"no_show": 1}, {"nothing": 1}, {}]
    assert [row["missing_because"] for row in rows] == reasons
    assert [row["exits"] for row in rows] == [{}, {}, {}, {}, {"match_group_3": 1}]
    assert exits_in_week(PROTOCOLS["aht-2008-sickness"], person, date(2010, 12, 13)) == []
    assert rows[-1]["by_person"]["conversation"] == {"people": 1, "held_80": 0}
    running = summary("prvij-2010-11", TRIAL, people, "2010-W46", "trial", "2010-11-21")[0]
    assert (running["conversation_due"], running["missing_because"], running["deviations"]) == (1, {}, {})


def talks_of(*dates_and_forms: tuple[str, str]) -> dict[str, Any]:
    talks = [{"date": some_day, "form": form} for some_day, form in dates_and_forms]
    return {"interview_on": "2017-01-02", "conversations": talks}


def test_contacts_by_hand() -> None:
    person = talks_of(
        ("2017-01-05", "in_person"), ("2017-01-10", "in_person"), ("2017-01-11", "telephone"), ("2017-01-26", "group")
    )
    again = {"date": "2017-01-26", "client": "another"}  # alike in number, later by name: not numbered
    person["conversations"].append(again)
    trial = TRIAL | {"ends_on": "2017-12-29", "required_contacts": 2}
    people = [{"jobcentre": "849", "arm": "treatment", "target_group": 2, "person": person}]
    (row,) = summary("flex-2016", trial, people, "2017-W04", "jobcentre")
    assert row["contacts_per_four_weeks"] == {
        "total": 4.0,
        "by_form": {"group": 4.0},
        "by_target_group": {"2": 4.0},
    }
    third = float(4 / 3)
    assert row["cumulative"]["contacts_per_four_weeks"] == {
        "total": 4.0,
        "by_form": {"group": third, "in_person": third, "telephone": third},
        "by_target_group": {"2": 4.0},
    }
    assert row["required_contacts"] == {"total": 2.0, "by_target_group": {"2": 2.0}}
    assert "conversation_rate" not in row
    assert row["conditions"] is None


def test_required_contacts_of_several() -> None:
    """Each group against its own number, the total against their mean weighted by counted weeks."""
    jobcentres = [TRIAL["jobcentres"][0] | {"required_contacts": {"1": 1, "2": 4}}, TRIAL["jobcentres"][1]]
    trial = {"ends_on": "2017-12-29", "required_contacts": 2, "jobcentres": jobcentres}
    exempt = [{"scope": "conversations", "ground": "illness", "starts_on": "2017-01-09", "ends_on": "2017-01-15"}]
    people = [
        {"jobcentre": "849", "arm": "treatment", "target_group": 1, "person": talks_of()},
        {"jobcentre": "849", "arm": "treatment", "target_group": 2, "person": talks_of() | {"exemptions": exempt}},
        {"jobcentre": "860", "arm": "treatment", "target_group": 2, "person": talks_of()},
    ]
    (row,) = summary("flex-2016", trial, people, "2017-W03", "trial")
    assert row["required_contacts"]["by_target_group"] == {"1": 1.0, "2": 3.0}
    cumulative = row["cumulative"]["required_contacts"]
    assert cumulative == {"total": 2.0, "by_target_group": {"1": 1.0, "2": float(8 / 3)}}  # (1+1 + 4 + 2+2) / 5


# --- outcomes and success ---------------------------------------------------------------------------------------------


def outcome(week: str, status: str, hours: int | None = None) -> dict[str, Any]:
    return {"week": week, "status": status, "hours_per_week": hours}


def test_outcomes_of_a_week() -> None:
    person: dict[str, Any] = {
        "interview_on": "2010-11-08",
        "outcomes": [
            outcome("2010-W46", "employed", 20),
            outcome("2010-W46", "benefit"),
            outcome("2010-W47", "flex_job"),
            outcome("2010-W47", "education", 4),
            outcome("2010-W48", "employed"),
            outcome("2010-W49", "other"),
        ],
        "presence_events": [{"kind": "exit", "date": "2010-12-08", "reason": "deceased"}],
    }
    mixed = recorded_outcome(person, date(2010, 11, 15))
    assert (mixed["benefit"], mixed["employed"], mixed["hours"]) == (True, False, 20)
    both = recorded_outcome(person, date(2010, 11, 22))
    assert (both["employed"], both["education"], both["hours"]) == (True, True, 4)
    weekly = [weekly_outcome(person, date(2010, 11, 29 if week == 48 else 22)) for week in (47, 48)]
    assert [(w["hours_told"], w["hours"]) for w in weekly] == [(True, 4), (False, None)]
    nothing = weekly_outcome(person, date(2010, 12, 6))
    assert (nothing["told"], nothing["hours"], nothing["dead"]) == (True, 0, False)
    dead = weekly_outcome(person, date(2010, 12, 13))
    assert (dead["told"], dead["dead"], dead["hours"]) == (True, True, 0)
    assert weekly_outcome(person, date(2010, 11, 8))["told"] is False


def test_success() -> None:
    person: dict[str, Any] = {
        "interview_on": "2010-11-08",
        "activations": [
            {"type": "part_time_job", "starts_on": "2010-10-01", "ends_on": "2010-11-07", "hours_per_week": 5},
            {"type": "work_placement_public", "starts_on": "2010-12-01", "hours_per_week": 20},
        ],
        "outcomes": [outcome("2010-W45", "employed")],
    }
    assert best_success("prvij-2010-11", person, "2010-11-30") == (None, None)
    assert best_success("prvij-2010-11", person, "2010-12-01") == ("workplace_activation", "jobcentre")
    person["outcomes"].append(outcome("2010-W50", "benefit", 8))
    assert best_success("prvij-2010-11", person, LONG_PAST) == ("part_time_job", "register")
    person["presence_events"] = [{"kind": "exit", "date": "2011-02-01", "reason": "education"}]
    assert best_success("prvij-2010-11", person, LONG_PAST) == ("job_or_education", "jobcentre")
    person["outcomes"].append(outcome("2011-W08", "education"))
    assert best_success("prvij-2010-11", person, LONG_PAST) == ("job_or_education", "both")
    assert best_success("aht-2008-sickness", person, LONG_PAST) == ("active_offer", "jobcentre")
    person["outcomes"].append(outcome("2011-W09", "flex_job"))
    assert best_success("aht-2008-flexjob", person, LONG_PAST) == ("flex_job", "register")
    assert best_success("flex-2016", person, LONG_PAST) == ("job", "register")


def test_curve_and_path_by_hand() -> None:
    person = {
        "interview_on": "2010-11-08",
        "conversations": [{"date": "2010-11-16"}, {"date": "2010-11-23"}],
        "presence_events": [
            {"kind": "rematch", "date": "2010-11-24", "match_group": 3},
            {"kind": "rematch", "date": "2010-12-06", "match_group": 2},
        ],
        "outcomes": [outcome("2010-W46", "benefit")],
    }
    people = [{"arm": "treatment", "person": person}, {"arm": "control", "person": {"interview_on": "2010-11-08"}}]
    every = ["on_benefit", "conditional", "intention_to_treat"]
    rows = curve("prvij-2010-11", date(2012, 3, 31), people, "conversation", date(2010, 11, 29), every)
    shown = [(row["analysis"], row["treatment"], row["control"]) for row in rows]
    assert shown[:3] == [("on_benefit", (n, n), (0, 0)) for n in (0, 1, 0)]
    assert shown[3:6] == [("conditional", treated, (1, 0)) for treated in ((1, 0), (1, 1), (0, 0))]
    assert rows[5]["running_sum"] == 1.0
    assert rows[8]["running_sum"] == 2.0
    assert path("prvij-2010-11", date(2012, 3, 31), person, date(2010, 12, 1), LONG_PAST) == {
        "last_exit": "match_group_3",
        "re_entered": True,
        "in_trial": False,
        "complete": False,
    }


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
    assert sum("activated" in w["flags"] for w in found) <= (PROTOCOLS[protocol_id]["max_activation_weeks"] or 999)


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
        person = random_person(protocol_id, seed, content=True)
        assert json.loads(json.dumps(person)) == person
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
