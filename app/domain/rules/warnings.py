"""Judged at the door: what the rules say of a record at the moment it arrives (domain 4.8). Advice, not the figures.

The rules of a conversation look at what was arranged, whatever became of it: a no-show by telephone in week 3 is told
too.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Literal

from app.domain.facts import WORKPLACE_TYPES, Activation, Conversation, Fact, History
from app.domain.protocol import Protocol
from app.domain.rules.conversations import counts
from app.domain.rules.weeks import Course, judge_on

Enforcement = Literal["flag", "refuse"]
ENFORCED_CODES = frozenset(
    {"form_not_accepted", "remote_too_early", "conducted_by_mentor", "hours_too_few", "not_at_workplace"}
)
"""The codes that a trial with enforcement ``refuse`` rejects a record for; of the others it warns."""


def warnings_of(protocol: Protocol, course: Course, history: History, fact: Fact) -> Sequence[str]:
    """The codes of domain 4.8, sorted. ``history`` holds the record already; ``course`` is the person's."""
    if isinstance(fact, Conversation):
        return conversation_warnings(protocol, course, fact, lambda: history)
    if isinstance(fact, Activation):
        return sorted(_of_activation(protocol, course, history, fact))
    return ()


def conversation_warnings(
    protocol: Protocol, course: Course, talk: Conversation, history: Callable[[], History]
) -> Sequence[str]:
    """The same of a conversation. ``history``, which holds it already, is asked for only where all of it matters."""
    codes: set[str] = set()
    index = course.line.week(talk.date)
    tick = course.ticks[index] if 0 <= index < len(course.ticks) else None
    if talk.form not in protocol.accepted_forms:
        codes.add("form_not_accepted")
    if talk.conducted_by not in protocol.accepted_conductors:
        codes.add("conducted_by_mentor")
    if talk.date <= course.assigned_on:
        codes.add("before_assignment")
    if index >= 0 and (tick is None or tick.number is None):
        codes.add("week_without_number")
    if (
        tick is not None
        and tick.number is not None
        and talk.form not in protocol.in_person_forms
        and talk.remote_ground not in protocol.remote_grounds
    ):
        if course.phase.covers(index, tick.number):
            codes.add("remote_too_early")
        elif counts(protocol, course.assigned_on, talk):
            codes |= {"remote_too_often"} & set(judge_on(course, protocol, history())[index].deviations)
    return sorted(codes)


def _of_activation(protocol: Protocol, course: Course, history: History, offer: Activation) -> set[str]:
    codes: set[str] = set()
    minimum = protocol.min_weekly_hours
    if (
        minimum is not None
        and offer.hours_per_week < minimum
        and offer.reduced_hours_reason not in protocol.reduced_hours_reasons
    ):
        codes.add("hours_too_few")
    if offer.type not in WORKPLACE_TYPES:
        if protocol.judges_workplace and offer.not_workplace_reason not in protocol.sufficient_not_workplace_reasons:
            codes.add("not_at_workplace")
        return codes
    if protocol.judges_workplace and offer.mentor == "unknown":
        codes.add("mentor_missing")
    first = min(other.starts_on for _, other in history.activations if other.type in WORKPLACE_TYPES)
    if offer.starts_on <= first and _after_due_week(protocol, course, offer.starts_on):
        codes.add("starts_late")
    return codes


def _after_due_week(protocol: Protocol, course: Course, day: date) -> bool:
    """Whether a day lies in an ISO week after the programme week in which activation becomes due."""
    before = course.ticks[: max(course.line.week(day), 0)]
    return any(tick.number is not None and tick.number == protocol.activation_due_week for tick in before)
