"""What is to be done for whom in a week (domain 5, "Worklist")."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from app.domain.facts import ExemptionGround, ExemptionScope, History
from app.domain.protocol import Protocol
from app.domain.rules.clock import WeekState, WeekStatus
from app.domain.rules.conversations import counts, next_remote_too_often
from app.domain.rules.weeks import Course

Reason = Literal[
    "no_conversation_this_week",
    "no_conversation_yet",
    "activation_to_arrange",
    "remote_used_up",
    "exemption_ends",
    "no_contact_person",
]
WEEKS_AHEAD = 2
"""An activation is to be arranged this many weeks before it becomes due."""


@dataclass(frozen=True, slots=True)
class EndingExemption:
    """Exemption whose last day is in the week."""

    scope: ExemptionScope
    ground: ExemptionGround
    ends_on: date


@dataclass(frozen=True, slots=True)
class Task:
    """A person for whom something is to be done in a week."""

    number: int | None
    """The programme week, None for a week without number."""
    state: WeekState
    reasons: tuple[Reason, ...]
    exemptions_ending: tuple[EndingExemption, ...]


def task_of(protocol: Protocol, ends_on: date, history: History, has_contact_person: bool, monday: date) -> Task | None:
    """What is to be done for a person in the week of a Monday; None for nothing, for weeks outside the person's, and
    for someone who is absent in that week or has completed the course.

    Sources: domain 5; 4.4 (complete), 4.5 (counting conversations, remote share), 4.6 (active).
    """
    course = Course.of(protocol, ends_on, history)
    index = course.line.week(monday)
    tick = course.tick_on(monday)
    if tick is None or tick.state in ("absent", "complete"):
        return None
    sunday = monday + timedelta(days=6)
    ending = tuple(
        EndingExemption(exemption.scope, exemption.ground, exemption.ends_on)
        for exemption in history.exemptions
        if exemption.ends_on and monday <= exemption.ends_on <= sunday
    )
    talks = [
        talk.date
        for talk in history.conversations
        if talk.date <= sunday and counts(protocol, history.assigned_on, talk)
    ]
    reasons: list[Reason] = []
    if tick.conversation_due and not any(day >= monday for day in talks):
        reasons.append("no_conversation_this_week")
    if not talks:
        reasons.append("no_conversation_yet")
    if _activation_to_arrange(protocol, course, tick, index):
        reasons.append("activation_to_arrange")
    if tick.conversation_due and _is_remote_used_up(protocol, course, history, index):
        reasons.append("remote_used_up")
    if ending:
        reasons.append("exemption_ends")
    if not has_contact_person:
        reasons.append("no_contact_person")
    return Task(tick.number, tick.state, tuple(reasons), ending) if reasons else None


def _is_remote_used_up(protocol: Protocol, course: Course, history: History, index: int) -> bool:
    known = course.talks(protocol, history.conversations)
    return next_remote_too_often(protocol, course.phase, course.ticks, known.by_week, index)


def _activation_to_arrange(protocol: Protocol, course: Course, tick: WeekStatus, index: int) -> bool:
    """The number + 2 has reached the activation week, and the person is not active in the week."""
    due = protocol.activation_due_week
    if due is None or tick.number is None or tick.number + WEEKS_AHEAD < due:
        return False
    deed = course.activity.get(index)
    return deed is None or not deed.active
