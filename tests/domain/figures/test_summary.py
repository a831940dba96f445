"""The figures (domain 5), each by an example small enough to count on one's fingers.

People of PRVIJ assigned on Monday 2010-11-08, if nothing else is said: W45 is the assignment week, W46 their week 2.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.figures.counts import SUMS, WeeklyCounts, add_up, count, count_change, count_people, difference
from app.domain.figures.summary import (
    Conditions,
    Group,
    SummaryRow,
    codes_of,
    conditions_of,
    figures_of,
    grant_of,
    rate,
    summary_rows,
)
from app.domain.rules.calendar import monday_of, monday_of_code
from app.domain.rules.draw import Arm
from app.domain.rules.weeks import FLAGS
from app.protocols import protocols
from tests.domain.build import history_of
from tests.reference.generate import TRIAL_DATES, random_person

PRVIJ, DRAFT = protocols()["prvij-2010-11"], protocols()["prvij-2010-07"]
ENDS_ON = date(2012, 3, 31)
LONG_AFTER = date(2012, 6, 1)


def counted(person: Mapping[str, Any]) -> dict[date, Counter[str]]:
    """The person's tally; assigned on Monday 2010-11-08 unless they say otherwise."""
    return count(PRVIJ, ENDS_ON, history_of({"interview_on": "2010-11-08", **person}))


def week(person: Mapping[str, Any], code: str) -> dict[str, int]:
    """What the person adds to one week."""
    return dict(counted(person).get(monday_of_code(code), {}))


# --- one person's contribution ----------------------------------------------------------------------------------------


def test_the_assignment_week() -> None:
    """An entry, a participant, nothing due; the interview of the draw is no conversation of the course."""
    found = week({"conversations": [{"date": "2010-11-08"}, {"date": "2010-11-10"}]}, "2010-W45")
    assert found == {
        "state:assignment_week": 1,
        "participants": 1,
        "entries": 1,
        "form:in_person": 1,
        "first_conversations": 1,
    }


def test_a_counted_week() -> None:
    found = week({"conversations": [{"date": "2010-11-10"}, {"date": "2010-11-16"}]}, "2010-W46")
    flags = {"conversation_due": 1, "conversation_held": 1, "conversation_conforming": 1}
    assert found == {"state:counted": 1, "participants": 1, "form:in_person": 1, **flags}


def test_two_conversations_of_a_week_count_once_as_held_and_twice_by_form() -> None:
    """Two "in a week count once" (4.5); "forms and no-shows count conversations, not weeks" (5)."""
    talks = [{"date": "2010-11-16"}, {"date": "2010-11-16"}, {"date": "2010-11-18", "form": "telephone"}]
    found = week({"conversations": talks}, "2010-W46")
    assert found["conversation_held"] == 1
    assert codes_of("form", found) == {"in_person": 2, "telephone": 1}


def test_forms_are_those_of_the_counting_conversations() -> None:
    """Neither a group, nor the mentor, nor what was not held, nor the interview of the draw (4.5)."""
    talks = [
        {"date": "2010-11-16", "form": "group"},
        {"date": "2010-11-16", "conducted_by": "mentor"},
        {"date": "2010-11-16", "status": "cancelled"},
        {"date": "2010-11-16", "status": "no_show"},
        {"date": "2010-11-08"},
    ]
    found = week({"conversations": talks}, "2010-W46")
    assert codes_of("form", found) == {}
    assert found["no_shows"] == 1
    assert "conversation_held" not in found


def test_forms_are_counted_in_weeks_that_are_not_due() -> None:
    """Those "dated in that week, due or not": absent, exempt, and past the last week of the trial."""
    person = {
        "presence_events": [{"kind": "exit", "date": "2010-11-15", "reason": "moved"}],
        "conversations": [{"date": "2010-11-24"}, {"date": "2010-11-25", "status": "no_show"}, {"date": "2012-05-02"}],
    }
    found = week(person, "2010-W47")
    assert found == {"state:absent": 1, "form:in_person": 1, "no_shows": 1, "first_conversations": 1}
    assert week(person, "2012-W18") == {"form:in_person": 1}


@pytest.mark.parametrize(("day", "no_shows"), [("2010-11-07", 0), ("2010-11-08", 0), ("2010-11-09", 1)])
def test_no_shows_are_later_than_the_assignment(day: str, no_shows: int) -> None:
    found = counted({"conversations": [{"date": day, "status": "no_show"}]})
    assert sum(numbers["no_shows"] for numbers in found.values()) == no_shows


def test_the_first_counting_conversation_alone_earns_the_grant() -> None:
    """Of the earliest date, whatever was registered first; in whatever week."""
    talks = [{"date": "2010-12-08"}, {"date": "2010-11-24"}, {"date": "2010-11-16", "form": "group"}]
    found = counted({"conversations": talks})
    assert {monday: n["first_conversations"] for monday, n in found.items() if n["first_conversations"]} == {
        date(2010, 11, 22): 1
    }
    assert sum(n["first_conversations"] for n in counted({}).values()) == 0
    assert (
        week({"conversations": [{"date": "2010-11-09"}, {"date": "2010-11-10"}]}, "2010-W45")["first_conversations"]
        == 1
    )


def test_participants_are_people_whose_week_is_not_absent() -> None:
    person = {
        "presence_events": [
            {"kind": "exit", "date": "2010-11-15", "reason": "education"},
            {"kind": "re_entry", "date": "2010-11-29"},
        ],
        "exemptions": [{"scope": "both", "ground": "illness", "starts_on": "2010-11-29", "ends_on": "2010-12-05"}],
    }
    found = {code: week(person, code) for code in ("2010-W45", "2010-W46", "2010-W47", "2010-W48", "2010-W49")}
    assert [numbers.get("participants", 0) for numbers in found.values()] == [1, 0, 0, 1, 1]
    states = ["assignment_week", "absent", "absent", "exempt", "counted"]
    assert [codes_of("state", numbers) for numbers in found.values()] == [{state: 1} for state in states]


def test_someone_through_is_a_participant() -> None:
    """``complete`` comes before ``absent`` (4.3): a participant, though out and with nothing due."""
    person = {
        "activations": [{"type": "part_time_job", "starts_on": "2010-11-08", "hours_per_week": 20}],
        "presence_events": [{"kind": "exit", "date": "2011-10-03", "reason": "job"}],
    }
    found = week(person, "2011-W41")
    assert found == {"state:complete": 1, "participants": 1}


def test_exits_are_the_effective_ones() -> None:
    """By date; an exit while out counts nowhere, of two on one date the first registered (4.1)."""
    events = [
        {"kind": "exit", "date": "2010-12-08", "reason": "benefit_ended"},  # while out
        {"kind": "exit", "date": "2010-11-24", "reason": "job"},
        {"kind": "exit", "date": "2010-11-24", "reason": "moved"},  # the second of the date
        {"kind": "re_entry", "date": "2011-01-05"},
        {"kind": "exit", "date": "2011-01-07", "reason": "deceased"},
        {"kind": "rematch", "date": "2010-11-17", "match_group": 3},  # moves nobody
    ]
    found = counted({"presence_events": events})
    exits = {monday: codes_of("exit", numbers) for monday, numbers in found.items() if codes_of("exit", numbers)}
    assert exits == {date(2010, 11, 22): {"job": 1}, date(2011, 1, 3): {"deceased": 1}}


def test_two_exits_in_one_week() -> None:
    events = [
        {"kind": "exit", "date": "2010-11-22", "reason": "job"},
        {"kind": "re_entry", "date": "2010-11-23"},
        {"kind": "exit", "date": "2010-11-24", "reason": "job"},
    ]
    assert codes_of("exit", week({"presence_events": events}, "2010-W47")) == {"job": 2}


def test_an_exit_after_the_last_week_is_counted_in_its_week() -> None:
    """A week past 4.3's last one is nobody's state, and its exits are exits."""
    found = week({"presence_events": [{"kind": "exit", "date": "2012-04-05", "reason": "job"}]}, "2012-W14")
    assert found == {"exit:job": 1}


def test_started_late_carries_its_day() -> None:
    """Assigned on Wednesday 10 November: the seven days end on the 17th, the deviation stands from the 18th (4.5)."""
    assert week({"interview_on": "2010-11-10"}, "2010-W45") == {
        "state:assignment_week": 1,
        "participants": 1,
        "entries": 1,
        "deviation:started_late@2010-11-18": 1,
    }
    in_time = {"interview_on": "2010-11-10", "conversations": [{"date": "2010-11-17"}]}
    assert codes_of("deviation", week(in_time, "2010-W45")) == {}


def test_a_whole_course() -> None:
    """Thirteen weeks without anything: 12 talks due, activation due from week 9 (W01) on."""
    found = add_up([counted({})])
    until = [numbers for monday, numbers in found.items() if monday <= date(2011, 1, 31)]
    total = sum(until, Counter[str]())
    assert {name: total[name] for name in SUMS} == {
        **dict.fromkeys(SUMS, 0),
        "conversation_due": 12,
        "activation_due": 5,
        "entries": 1,
        "first_conversations": 0,
    }
    assert codes_of("deviation", total) == {
        "activation_missing": 5,
        "conversation_missing": 12,
        "started_late@2010-11-16": 1,
    }


# --- adding up --------------------------------------------------------------------------------------------------------


def test_difference() -> None:
    """What changes and nothing else: one talk moves from W46, in the seven days of ``started_late``, to W47."""
    before = counted({"conversations": [{"date": "2010-11-15"}]})
    after = counted({"conversations": [{"date": "2010-11-24"}]})
    moved = {"form:in_person": 1, "conversation_held": 1, "conversation_conforming": 1, "first_conversations": 1}
    assert difference(before, after) == {
        date(2010, 11, 8): {"deviation:started_late@2010-11-16": 1},
        date(2010, 11, 15): {"deviation:conversation_missing": 1, **{name: -n for name, n in moved.items()}},
        date(2010, 11, 22): {"deviation:conversation_missing": -1, **moved},
    }
    assert difference(before, before) == {}
    assert difference({}, {}) == {}


def test_a_week_that_is_gone_is_taken_away() -> None:
    """A talk past the trial's end, moved into it: its week had nothing else."""
    before = counted({"conversations": [{"date": "2012-05-02"}]})
    assert difference(before, counted({}))[date(2012, 4, 30)] == {"form:in_person": -1, "first_conversations": -1}


@pytest.mark.parametrize("protocol", [PRVIJ, DRAFT], ids=lambda protocol: protocol.id)
def test_differences_bring_one_tally_to_another(protocol: Any) -> None:
    """What was, and the difference, make what is, of any two people; and back."""
    people = [history_of(random_person(protocol.id, seed)) for seed in range(40)]
    tallies = [count(protocol, ENDS_ON, person) for person in people]
    for one, other in zip(tallies, tallies[1:] + tallies[:1], strict=True):
        there = add_up([one, difference(one, other)])
        assert without_zeros(there) == without_zeros(other)
        assert without_zeros(add_up([there, difference(other, one)])) == without_zeros(one)


def without_zeros(numbers: WeeklyCounts) -> dict[date, dict[str, int]]:
    plain = {monday: {name: n for name, n in here.items() if n} for monday, here in numbers.items()}
    return {monday: here for monday, here in plain.items() if here}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=6), st.randoms(use_true_random=False))
def test_adding_up_knows_no_order(seeds: list[int], chance: Any) -> None:
    """In whatever order and grouping; the inputs stay as they were."""
    parts = [count(PRVIJ, ENDS_ON, history_of(random_person(PRVIJ.id, seed))) for seed in seeds]
    kept = [{monday: Counter(numbers) for monday, numbers in part.items()} for part in parts]
    whole = add_up(parts)
    assert parts == kept
    chance.shuffle(parts)
    cut = len(parts) // 2
    assert add_up([add_up(parts[:cut]), add_up(parts[cut:])]) == whole


# --- rates, conditions, grant -----------------------------------------------------------------------------------------


def test_a_rate_with_nothing_due_is_null() -> None:
    """Never 0 or 1."""
    assert rate(0, 0) is None
    assert rate(0, 3) == 0
    assert rate(2, 3) == Fraction(2, 3)
    assert astuple(figures_of({})) == (0, 0, 0, 0, 0, 0, None, None, None, None)


def test_the_four_rates() -> None:
    """Each flag over what was due of its own kind (the table of 5), with full precision."""
    sums = dict(zip(FLAGS, (7, 6, 5, 3, 2, 1), strict=True))
    figures = figures_of(sums)
    assert astuple(figures)[:6] == (7, 6, 5, 3, 2, 1)
    assert (figures.conversation_rate, figures.conforming_rate) == (6 / 7, 5 / 7)
    assert (figures.activation_rate, figures.workplace_rate) == (2 / 3, 1 / 3)


def standings(protocol: Any = PRVIJ, **sums: int) -> tuple[str, ...] | None:
    conditions = conditions_of(protocol, sums)
    return None if conditions is None else astuple(conditions)


def test_conditions_are_inclusive() -> None:
    """80, 80 and 40 per cent, met by exactly as much."""
    exactly = {"conversation_due": 5, "conversation_held": 4, "activation_due": 5, "activated": 4}
    assert standings(**exactly, workplace_activated=2) == ("met", "met", "met")
    assert standings(**exactly, workplace_activated=1) == ("met", "met", "not_met")
    assert standings(DRAFT, **exactly, workplace_activated=2) == ("met", "met", "not_met")  # 50 in the draft


def test_conditions_are_exact_fractions() -> None:
    """One conversation of millions below, where a float would say 0.8."""
    due = 10**17
    held = due * 4 // 5
    assert held / due == (held - 1) / due == 0.8
    assert standings(conversation_due=due, conversation_held=held) == ("met", "nothing_due", "nothing_due")
    assert standings(conversation_due=due, conversation_held=held - 1) == ("not_met", "nothing_due", "nothing_due")


def test_conditions_look_at_held_not_conforming() -> None:
    sums = {"conversation_due": 10, "conversation_held": 8, "conversation_conforming": 0}
    assert standings(**sums) == ("met", "nothing_due", "nothing_due")


def test_nothing_due_is_not_met() -> None:
    """A standing of its own; the grant is not payable."""
    assert standings() == ("nothing_due",) * 3
    grant = grant_of(PRVIJ, 5, {"conversation_due": 1, "conversation_held": 1, "first_conversations": 1})
    assert grant is not None
    assert (grant.amount_dkk, grant.payable, grant.payable_dkk) == (13_000, False, 0)


def test_no_thresholds_no_conditions() -> None:
    plain = replace(PRVIJ, thresholds=None)
    assert standings(plain, conversation_due=1) is None
    grant = grant_of(plain, 5, {"first_conversations": 2})
    assert grant is not None
    assert (grant.amount_dkk, grant.payable, grant.payable_dkk) == (26_000, None, None)
    assert grant_of(replace(PRVIJ, grant_dkk=None), 5, {"first_conversations": 2}) is None


@pytest.mark.parametrize(
    ("first", "agreed", "amount"), [(0, 2, 0), (1, 2, 13_000), (2, 2, 26_000), (3, 2, 26_000), (3, 0, 0)]
)
def test_grant(first: int, agreed: int, amount: int) -> None:
    """13,000 DKK for each with a counting conversation, at most for the agreed number."""
    met = {
        "conversation_due": 5,
        "conversation_held": 4,
        "activation_due": 5,
        "activated": 4,
        "workplace_activated": 2,
    }
    grant = grant_of(PRVIJ, agreed, {**met, "first_conversations": first})
    assert grant is not None
    assert (grant.first_conversations, grant.agreed_participants, grant.dkk_per_participant) == (first, agreed, 13_000)
    assert (grant.amount_dkk, grant.payable, grant.payable_dkk) == (amount, True, amount)
    one_short = grant_of(PRVIJ, agreed, {**met, "workplace_activated": 1, "first_conversations": first})
    assert one_short is not None
    assert (one_short.amount_dkk, one_short.payable, one_short.payable_dkk) == (amount, False, 0)


# --- rows -------------------------------------------------------------------------------------------------------------

ResolvedPerson = tuple[str, Arm, Mapping[str, Any]]
BY_JOBCENTRE = {code: Group(jobcentre=code) for code in ("450", "849", "860")}
BY_REGION = {
    "450": Group(region="syddanmark"),
    "849": Group(region="nord"),
    "860": Group(region="nord"),
}
BY_TRIAL = dict.fromkeys(BY_JOBCENTRE, Group())


def rows(
    people: Sequence[ResolvedPerson],
    first: str,
    last: str | None = None,
    groups: Mapping[str, Group] = BY_JOBCENTRE,
    today: date = LONG_AFTER,
) -> list[SummaryRow]:
    """The rows of a span of weeks out of people, divided as the database does: what was before it, and its weeks."""
    monday, until = monday_of_code(first), monday_of_code(last or first)
    kept = {
        (jobcentre, arm): add_up(counted(person) for code, of, person in people if (code, of) == (jobcentre, arm))
        for jobcentre, arm, _ in people
    }
    before = {
        key: sum((Counter({name: n[name] for name in SUMS}) for day, n in by_week.items() if day < monday), Counter())
        for key, by_week in kept.items()
    }
    weeks = {key: {day: n for day, n in by_week.items() if monday <= day <= until} for key, by_week in kept.items()}
    mondays = [monday + timedelta(days=7 * n) for n in range((until - monday).days // 7 + 1)]
    return summary_rows(PRVIJ, groups, before, weeks, mondays, today)


def test_a_row_adds_up_people() -> None:
    people: list[ResolvedPerson] = [
        ("849", "treatment", {"conversations": [{"date": "2010-11-16"}]}),
        ("849", "treatment", {"conversations": [{"date": "2010-11-16", "form": "telephone"}]}),
        ("849", "treatment", {"interview_on": "2010-11-17"}),
    ]
    (row,) = rows(people, "2010-W46")
    assert (row.monday, row.group, row.arm) == (date(2010, 11, 15), Group(jobcentre="849"), "treatment")
    assert {name: n for name, n in row.week.items() if n} == {
        "state:counted": 2,
        "state:assignment_week": 1,
        "participants": 3,
        "entries": 1,
        "conversation_due": 2,
        "conversation_held": 2,
        "conversation_conforming": 1,
        "form:in_person": 1,
        "form:telephone": 1,
        "first_conversations": 2,
        "deviation:remote_too_early": 1,
        "deviation:started_late": 1,
    }
    assert (row.cumulative["entries"], row.cumulative["conversation_due"]) == (3, 2)
    assert row.conditions == Conditions("met", "nothing_due", "nothing_due")


def test_groups() -> None:
    """By jobcentre, region and trial: sorted by group, treatment before control; the sums agree."""
    people: list[ResolvedPerson] = [
        ("860", "control", {}),
        ("860", "treatment", {}),
        ("849", "treatment", {}),
        ("450", "control", {}),
    ]
    named = {
        by: [(row.group.jobcentre or row.group.region, row.arm, row.week["participants"]) for row in shown]
        for by, shown in (
            ("jobcentre", rows(people, "2010-W47")),
            ("region", rows(people, "2010-W47", groups=BY_REGION)),
            ("trial", rows(people, "2010-W47", groups=BY_TRIAL)),
        )
    }
    assert named == {
        "jobcentre": [
            ("450", "control", 1),
            ("849", "treatment", 1),
            ("860", "treatment", 1),
            ("860", "control", 1),
        ],
        "region": [("nord", "treatment", 2), ("nord", "control", 1), ("syddanmark", "control", 1)],
        "trial": [(None, "treatment", 2), (None, "control", 2)],
    }


def test_a_group_has_rows_once_someone_was_assigned() -> None:
    """In that arm, by that week; and from then on, whether anyone is left or not."""
    gone = {"interview_on": "2010-11-24", "presence_events": [{"kind": "exit", "date": "2010-11-24", "reason": "job"}]}
    people: list[ResolvedPerson] = [("849", "treatment", gone), ("849", "control", {"interview_on": "2010-12-01"})]
    found = [(row.monday, row.arm, row.week["participants"]) for row in rows(people, "2010-W46", "2010-W49")]
    assert found == [
        (date(2010, 11, 22), "treatment", 1),
        (date(2010, 11, 29), "treatment", 0),
        (date(2010, 11, 29), "control", 1),
        (date(2010, 12, 6), "treatment", 0),
        (date(2010, 12, 6), "control", 1),
    ]


def test_a_talk_before_the_assignment_week_makes_no_row() -> None:
    """An activation, a conversation or an exemption of earlier weeks is nobody's figure."""
    early = {"conversations": [{"date": "2010-11-02"}, {"date": "2010-11-03", "status": "no_show"}]}
    assert rows([("849", "treatment", early)], "2010-W44") == []


def test_cumulative_begins_with_the_trial_whatever_the_span() -> None:
    """They "begin with the trial, whatever the span: one row a week, group and arm"."""
    people: list[ResolvedPerson] = [
        ("849", "treatment", {"conversations": [{"date": "2010-11-16"}, {"date": "2010-12-01"}]}),
        ("849", "treatment", {"interview_on": "2010-11-17", "conversations": [{"date": "2010-11-25"}]}),
    ]
    long = {row.monday: row for row in rows(people, "2010-W45", "2011-W10")}
    assert len(long) == 18
    for code in ("2010-W45", "2010-W48", "2011-W10"):
        (single,) = rows(people, code)
        assert single == long[monday_of_code(code)]
    at_w48 = long[monday_of_code("2010-W48")].cumulative
    assert {name: at_w48[name] for name in ("entries", "conversation_due", "conversation_held")} == {
        "entries": 2,
        "conversation_due": 5,
        "conversation_held": 3,
    }


def test_control_rows_have_no_conditions_and_no_action_plan() -> None:
    people: list[ResolvedPerson] = [("849", "control", {}), ("849", "treatment", {})]
    treatment, control = rows(people, "2010-W48")
    assert (control.conditions, control.action_plan) == (None, None)
    assert treatment.conditions is not None
    assert treatment.action_plan is True
    # nor has a region's or the trial's row a plan: it is for a jobcentre
    assert [row.action_plan for row in rows(people, "2010-W48", groups=BY_REGION)] == [None, None]
    assert [row.action_plan for row in rows(people, "2010-W48", groups=BY_TRIAL)] == [None, None]


def test_action_plan() -> None:
    """The same condition not met in this and the previous week's summary, cumulative."""
    talks = [{"date": day} for day in ("2010-11-23", "2010-11-30", "2010-12-07", "2010-12-14", "2010-12-21")]
    found = rows([("849", "treatment", {"conversations": talks})], "2010-W45", "2011-W02")
    # W46 missing; then 1/2, 2/3, 3/4, 4/5 (met), 5/6, 5/7 (not), 5/8 (not); activation 0/1 in W01, 0/2 in W02
    assert [(row.conditions.conversation, row.action_plan) for row in found if row.conditions is not None] == [
        ("nothing_due", False),
        ("not_met", False),
        ("not_met", True),
        ("not_met", True),
        ("not_met", True),
        ("met", False),
        ("met", False),
        ("not_met", False),
        ("not_met", True),
        ("not_met", True),
    ]


def test_action_plan_asks_for_the_same_condition() -> None:
    """One condition last week and another this week is no plan."""
    talk, activation = Conditions("not_met", "met", "met"), Conditions("met", "not_met", "not_met")
    nothing = Conditions("nothing_due", "nothing_due", "nothing_due")
    assert not activation.repeats_not_met(talk)
    assert activation.repeats_not_met(Conditions("not_met", "not_met", "met"))
    assert activation.repeats_not_met(activation)
    assert not nothing.repeats_not_met(nothing)


def test_the_running_week_has_no_deviations_yet() -> None:
    """It enters when it is named, cumulative too; deviations are of weeks that are over (4.3, 5)."""
    people: list[ResolvedPerson] = [("849", "treatment", {})]
    expected = {date(2010, 11, 21): {}, date(2010, 11, 22): {"conversation_missing": 1}}
    for today, deviations in expected.items():
        (row,) = rows(people, "2010-W46", today=today)
        assert codes_of("deviation", row.week) == deviations
        assert (row.week["conversation_due"], row.cumulative["conversation_due"]) == (1, 1)


def test_started_late_appears_on_its_day() -> None:
    """Assigned on Wednesday 10 and on Monday 8 November: both weeks over on the 15th, the seven days on the 18th and
    the 16th."""
    people: list[ResolvedPerson] = [("849", "treatment", {"interview_on": "2010-11-10"}), ("849", "treatment", {})]
    found = {}
    for day in range(14, 20):
        (row,) = rows(people, "2010-W45", today=date(2010, 11, day))
        found[day] = row.week["deviation:started_late"]
    assert found == {14: 0, 15: 0, 16: 1, 17: 1, 18: 2, 19: 2}
    (row,) = rows(people, "2010-W45")
    assert codes_of("deviation", row.week) == {"started_late": 2}


def test_codes_of_leaves_zeros_out_and_sorts() -> None:
    numbers = {"exit:moved": 2, "exit:job": 1, "exit:deceased": 0, "exits": 7, "form:other": 1, "deviation:x": -1}
    assert list(codes_of("exit", numbers).items()) == [("job", 1), ("moved", 2)]


def test_rows_come_by_week_group_and_arm() -> None:
    people: list[ResolvedPerson] = [("860", "treatment", {}), ("849", "control", {}), ("849", "treatment", {})]
    found = [(row.monday, row.group.jobcentre, row.arm) for row in rows(people, "2010-W46", "2010-W47")]
    places = [("849", "treatment"), ("849", "control"), ("860", "treatment")]
    assert found == [(monday_of(day), *place) for day in (date(2010, 11, 15), date(2010, 11, 22)) for place in places]


@pytest.mark.parametrize("protocol_id", sorted(TRIAL_DATES))
def test_a_change_is_the_difference_of_two_tallies(protocol_id: str) -> None:
    """The counts are kept by changes: they must never drift from what a rebuild counts. Of any two people with one day
    of assignment, and of a person with and without some of the records."""
    protocol, ends_on = protocols()[protocol_id], date.fromisoformat(TRIAL_DATES[protocol_id][2])
    people = [history_of(random_person(protocol_id, seed)) for seed in range(40)]
    for one, other in zip(people, people[1:] + people[:1], strict=True):
        fewer = replace(one, conversations=one.conversations[::2], activations=one.activations[1:])
        for after in (replace(other, assigned_on=one.assigned_on), fewer, one):
            expected = difference(count(protocol, ends_on, one), count(protocol, ends_on, after))
            assert count_change(protocol, ends_on, one, after) == {day: n for day, n in expected.items() if n}


@pytest.mark.parametrize("protocol_id", sorted(TRIAL_DATES))
def test_people_together_are_the_sum_of_each(protocol_id: str) -> None:
    protocol, ends_on = protocols()[protocol_id], date.fromisoformat(TRIAL_DATES[protocol_id][2])
    people = [history_of(random_person(protocol_id, seed)) for seed in range(30)]
    alone = add_up(count(protocol, ends_on, each) for each in people)
    assert without_zeros(count_people(protocol, ends_on, people)) == without_zeros(alone)
