"""Outcomes of the simulation: one a week, from exits alone, 7 % employed after 64 weeks in both arms (domain 7)."""

from collections import Counter
from datetime import date, timedelta
from random import Random

import pytest

from app.domain.rules.calendar import monday_of, monday_of_code
from app.simulate.behaviour import make_plan
from app.simulate.model import REGISTER, Body, Enrolled, SimulatedPerson
from app.simulate.outcomes import make_outcomes
from app.simulate.population import make_population
from app.simulate.scenarios import PRVIJ
from tests.simulate.drawn import draw, planned

SOMEONE = Enrolled(SimulatedPerson(1, "6801701234"), "p-1", "849", "treatment", date(2010, 11, 9))


def statuses(*events: Body) -> dict[int, str]:
    records = make_outcomes(Random(1), PRVIJ, SOMEONE, events)
    return {
        (monday_of_code(str(r.fields["week"])) - monday_of(SOMEONE.assigned_on)).days // 7: str(r.fields["status"])
        for r in records
    }


def test_a_week_is_told_once_from_the_assignment_week_to_the_last() -> None:
    told = statuses()
    assert set(told.values()) == {"benefit"}
    assert (min(told), max(told)) == (0, 72)
    assert len(told) >= 70


def test_work_lasts_from_the_exit_to_the_re_entry() -> None:
    out: Body = {"kind": "exit", "date": "2010-12-01", "reason": "job"}
    again: Body = {"kind": "exit", "date": "2010-12-03", "reason": "job"}
    back: Body = {"kind": "re_entry", "date": "2011-01-12"}
    told = statuses(out, again, back)
    assert {k for k, status in told.items() if status == "employed"} == {k for k in told if 3 <= k < 9}


def test_nothing_is_told_of_the_dead() -> None:
    assert max(statuses({"kind": "exit", "date": "2011-02-02", "reason": "deceased"})) == 11


def test_the_arm_changes_nothing() -> None:
    population = make_population(60, 1)
    plans = [
        make_plan(
            1,
            [Enrolled(x.person, x.participant_id, x.jobcentre, arm, x.assigned_on) for x in draw(population)],
            population,
        )
        for arm in ("treatment", "control")
    ]
    one, other = ([record for record in plan.records if record.kind == "outcomes"] for plan in plans)
    assert one == other != []


@pytest.mark.slow
def test_seven_in_a_hundred_are_employed_after_64_weeks() -> None:
    enrolled, plan = planned(2000)
    followed = {x.person.index for x in enrolled if monday_of(x.assigned_on) + timedelta(weeks=64) <= PRVIJ.last_week}
    after = Counter(
        record.fields["status"]
        for record in plan.records
        if record.kind == "outcomes" and record.person.index in followed and record.external_id.endswith("-64")
    )
    assert after["employed"] / len(followed) == pytest.approx(0.07, abs=0.02)


def test_files_come_every_fourth_week_from_the_register() -> None:
    _, plan = planned(300)
    messages = [message for message in plan.messages if message.kind == "outcomes"]
    weeks = {(message.week - PRVIJ.first_week).days // 7 for message in messages}
    assert {message.client_id for message in messages} == {REGISTER}
    assert all(week % 4 == 0 for week in weeks)
    for message in messages:
        told = monday_of_code(str(message.body["week"]))
        assert told < message.week or message.week == told == PRVIJ.last_week
