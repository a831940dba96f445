"""Rows of the summary: by group, arm and week, with cumulative sums and conditions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from app.domain.figures.counts import add_up, cumulated
from app.domain.figures.report_types import Conditions, Group
from app.domain.figures.summary import SummaryRow, codes_of, summary_rows
from app.domain.rules.calendar import monday_of, monday_of_code
from app.domain.rules.draw import Arm
from tests.domain.figures.weekly_figures import PRVIJ, counted

LONG_AFTER = date(2012, 6, 1)
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
    before: dict[tuple[str, Arm], Counter[str]] = {key: Counter() for key in kept}
    for key, by_week in kept.items():
        for day, numbers in by_week.items():
            if day < monday:
                before[key].update(cumulated(numbers))
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
        "person:conversation_due": 2,
        "person:held_80": 2,
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
