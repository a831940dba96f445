"""The simulated trial's curve is the evaluation's figure 1: about 22 conversations more in 64 weeks (domain 7 [E])."""

from datetime import date

import pytest

from app.domain.facts import Conversation, Exemption, History, PresenceEvent
from app.domain.figures.activity_curve import Tallies, curve, weeks_of
from app.domain.rules.calendar import monday_of
from app.domain.rules.draw import Arm
from app.simulate.scenarios import PRVIJ
from tests.simulate.drawn import planned
from tests.simulate.test_behaviour import fact_of, prvij


def test_about_22_conversations_more_in_64_weeks() -> None:
    enrolled, plan = planned(2000)
    facts = [(record.person.index, fact_of(record)) for record in plan.records if record.kind != "outcomes"]
    by_person: dict[int, list[object]] = {}
    for index, fact in facts:
        by_person.setdefault(index, []).append(fact)
    tallies = Tallies()
    for someone in enrolled:
        known = by_person.get(someone.person.index, [])
        history = History(
            assigned_on=someone.assigned_on,
            conversations=tuple(("", fact) for fact in known if isinstance(fact, Conversation)),
            exemptions=tuple(fact for fact in known if isinstance(fact, Exemption)),
            events=tuple(fact for fact in known if isinstance(fact, PresenceEvent)),
        )
        assert monday_of(someone.assigned_on) >= PRVIJ.first_week
        arm: Arm = "treatment" if someone.arm == "treatment" else "control"
        tallies.add(arm, weeks_of(prvij(), PRVIJ.ends_on, history, "conversation", date(2012, 6, 1)))
    points = {(point.analysis, point.k): point for point in curve(tallies)}
    assert points["conditional", 64].running_sum == pytest.approx(22, abs=1.5)
    assert points["conditional", 3].treatment.share == pytest.approx(0.76, abs=0.06)
    assert points["conditional", 20].control.share == pytest.approx(0.10, abs=0.03)
