"""What is to be done for whom in a week (domain 5, "Worklist")."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.figures.worklist import Task, task_of
from app.domain.rules.calendar import monday_of_code
from app.domain.rules.weeks import judge
from app.protocols import protocols
from tests.domain.build import history_of

PRVIJ = protocols()["prvij-2010-11"]
ENDS_ON = date(2012, 3, 31)
TELEPHONE = {"form": "telephone"}


def task(week: str, *, contact: bool = True, **records: Any) -> Task | None:
    """For someone assigned on 2010-11-08, a Monday: 2010-W46 is programme week 2, 2011-W01 is 9."""
    history = history_of({"interview_on": "2010-11-08", **records})
    return task_of(PRVIJ, ENDS_ON, history, contact, monday_of_code(week))


def reasons(week: str, **records: Any) -> list[str]:
    found = task(week, **records)
    return [] if found is None else list(found.reasons)


def talks(*days: str, **facts: Any) -> list[Mapping[str, Any]]:
    return [{"date": day, **facts} for day in days]


WEEKLY = [f"{day:%Y-%m-%d}" for n in range(60) for day in [date.fromordinal(date(2010, 11, 9).toordinal() + 7 * n)]]
"""A talk every Tuesday from the assignment week on."""


def test_no_counting_conversation_this_week_where_due() -> None:
    """Neither one of another week, nor one that was missed, nor the mentor's."""
    assert reasons("2010-W46", conversations=talks("2010-11-16")) == []
    for other in (
        talks("2010-11-09"),
        [*talks("2010-11-09"), *talks("2010-11-16", status="no_show")],
        [*talks("2010-11-09"), *talks("2010-11-16", conducted_by="mentor")],
        [*talks("2010-11-09"), *talks("2010-11-22")],
    ):
        assert reasons("2010-W46", conversations=other) == ["no_conversation_this_week"]


def test_none_at_all_since_the_assignment() -> None:
    """In the assignment week nothing is due, but a first conversation is awaited; the interview itself is none."""
    assert reasons("2010-W45", conversations=talks("2010-11-08")) == ["no_conversation_yet"]
    assert reasons("2010-W46") == ["no_conversation_this_week", "no_conversation_yet"]


def test_not_asked_for_where_none_is_due() -> None:
    exempt = {"scope": "conversations", "ground": "illness", "starts_on": "2010-11-15", "ends_on": "2010-12-31"}
    assert reasons("2010-W46", conversations=talks("2010-11-09"), exemptions=[exempt]) == []


@pytest.mark.parametrize(("week", "found"), [("2010-W50", False), ("2010-W51", True), ("2011-W01", True)])
def test_number_plus_two_has_reached_the_activation_week(week: str, found: bool) -> None:
    """Activation is due from number 9 on (4.4): on the list from 7 on, which 2010-W51 has."""
    assert ("activation_to_arrange" in reasons(week, conversations=talks(*WEEKLY))) == found


def test_who_is_active_needs_no_activation() -> None:
    """Active as in 4.6: enough hours, or an accepted reason for fewer; at a workplace or not."""
    offer = {"type": "guidance_and_upskilling", "starts_on": "2010-12-20", "hours_per_week": 10}
    held = talks(*WEEKLY)
    assert reasons("2011-W01", conversations=held, activations=[offer]) == []
    few = {**offer, "hours_per_week": 9}
    assert reasons("2011-W01", conversations=held, activations=[few]) == ["activation_to_arrange"]
    excused = {**few, "reduced_hours_reason": "health"}
    assert reasons("2011-W01", conversations=held, activations=[excused]) == []


ACTIVE = [{"type": "work_placement_public", "starts_on": "2010-12-06", "hours_per_week": 20}]
UNTIL_8 = talks(*WEEKLY[:8])
"""In person up to programme week 8, 2010-W52."""


@pytest.mark.parametrize(
    ("later", "week", "found"),
    [
        ([], "2010-W52", False),  # in the in-person weeks it would be too early, not too often
        ([], "2011-W01", False),  # k = 1 of m = 1
        (talks("2011-01-04", **TELEPHONE), "2011-W02", True),  # 2 of 2
        (talks("2011-01-04", **TELEPHONE), "2011-W01", True),  # held already: the next one
        ([*talks("2011-01-04", **TELEPHONE), *talks("2011-01-11")], "2011-W03", False),  # 2 of 3: ceil(1.5)
        (
            [*talks("2011-01-04", "2011-01-18", **TELEPHONE), *talks("2011-01-11")],
            "2011-W04",
            True,  # 3 of 4
        ),
        # grounded ones are in neither number
        (talks("2011-01-04", **TELEPHONE, remote_ground="illness"), "2011-W02", False),
    ],
)
def test_a_further_remote_talk_would_be_too_often(later: list[Any], week: str, found: bool) -> None:
    """Domain 4.5: k ≤ ceil(½ × m) among the held weeks after the eighth."""
    shown = reasons(week, conversations=[*UNTIL_8, *later], activations=ACTIVE)
    assert ("remote_used_up" in shown) == found


@pytest.mark.parametrize(
    ("ends_on", "found"), [("2010-11-14", 0), ("2010-11-15", 1), ("2010-11-21", 1), ("2010-11-22", 0)]
)
def test_an_exemption_that_ends_in_the_week(ends_on: str, found: int) -> None:
    exemption = {"scope": "activation", "ground": "holiday", "starts_on": "2010-11-10", "ends_on": ends_on}
    shown = task("2010-W46", contact=False, conversations=talks(*WEEKLY), exemptions=[exemption])
    assert shown is not None
    assert ("exemption_ends" in shown.reasons, len(shown.exemptions_ending)) == (bool(found), found)


def test_no_contact_person() -> None:
    shown = task("2010-W46", contact=False, conversations=talks(*WEEKLY))
    assert shown is not None
    assert shown.reasons == ("no_contact_person",)


def test_only_who_is_in_the_trial_and_not_complete() -> None:
    """Absent, complete, before the assignment week, after the trial's last week: nothing to do."""
    away = [{"kind": "exit", "date": "2010-11-15", "reason": "job"}]
    assert task("2010-W46", contact=False, presence_events=away) is None
    assert task("2010-W44", contact=False) is None
    assert task("2012-W14", contact=False) is None
    placed = [{"type": "work_placement_public", "starts_on": "2010-11-15", "hours_per_week": 20}]
    assert task("2011-W32", contact=False, activations=placed) is not None  # number 40: the meter of 39 is full with it
    assert task("2011-W33", contact=False, activations=placed) is None


@given(week=st.integers(0, 72), every=st.integers(1, 4))
def test_the_list_agrees_with_the_weeks(week: int, every: int) -> None:
    """Who misses a due conversation in a week that is over is on its list for that, and nobody else (4.5)."""
    history = history_of({"interview_on": "2010-11-08", "conversations": talks(*WEEKLY[::every])})
    judged = judge(PRVIJ, ENDS_ON, history).week(week)
    shown = task_of(PRVIJ, ENDS_ON, history, True, judged.monday)
    missing = shown is not None and "no_conversation_this_week" in shown.reasons
    assert missing == ("conversation_missing" in judged.deviations)
