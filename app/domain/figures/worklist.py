"""What is to be done for whom in a week (domain 5, "Worklist")."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from app.domain.facts import History
from app.domain.figures.report_types import EndingExemption
from app.domain.judged_weeks import JudgedWeeks, WeekState
from app.domain.protocol import Protocol
from app.domain.rules.conversations import remote_too_often
from app.domain.rules.weeks import judge

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
class Task:
    """A person for whom something is to be done in a week."""

    number: int | None
    """The programme week, None for a week without number."""
    state: WeekState
    reasons: tuple[Reason, ...]
    exemptions_ending: tuple[EndingExemption, ...]


def task_of(protocol: Protocol, ends_on: date, history: History, has_contact_person: bool, monday: date) -> Task | None:
    """What is to be done for a person in the week of a Monday; None for nothing, for weeks outside the person's, and
    for someone who is absent in that week or whose course is complete.

    Sources: domain 5; 4.4 (complete), 4.5 (counting conversations, remote share), 4.6 (active).
    """
    judged = judge(protocol, ends_on, history)
    index = judged.index_of(monday)
    if not judged.has(index) or judged.state[index] in ("absent", "complete"):
        return None
    sunday = monday + timedelta(days=6)
    ending = tuple(
        EndingExemption(exemption.scope, exemption.ground, exemption.ends_on)
        for exemption in history.exemptions
        if exemption.ends_on and monday <= exemption.ends_on <= sunday
    )
    reasons: list[Reason] = []
    if judged.conversation_due[index] and judged.form[index] is None:
        reasons.append("no_conversation_this_week")
    if not any(judged.form[: index + 1]):
        reasons.append("no_conversation_yet")
    if _activation_to_arrange(protocol, judged, index):
        reasons.append("activation_to_arrange")
    stop = index + 1
    held, in_person, forms = judged.conversation_held[:stop], judged.in_person[:stop], judged.form[:stop]
    if judged.conversation_due[index] and not in_person[index] and remote_too_often(protocol, held, in_person, forms):
        reasons.append("remote_used_up")
    if ending:
        reasons.append("exemption_ends")
    if not has_contact_person:
        reasons.append("no_contact_person")
    return Task(judged.number[index], judged.state[index], tuple(reasons), ending) if reasons else None


def _activation_to_arrange(protocol: Protocol, judged: JudgedWeeks, index: int) -> bool:
    """The number + 2 has reached the activation week, and the person is not active in the week."""
    due, number = protocol.activation_due_week, judged.number[index]
    return due is not None and number is not None and number + WEEKS_AHEAD >= due and not judged.active[index]
