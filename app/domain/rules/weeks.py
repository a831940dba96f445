"""A person's weeks, judged (domain 4.3 to 4.6): the one definition of every number, state, flag and deviation.

Records are read into columns by ISO week, with the rules of their section; then each rule goes through the weeks in
order. Week ``i`` is the ``i``-th ISO week after the assignment week. Days are ordinals where they are counted.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from app.domain.facts import History
from app.domain.judged_weeks import JudgedWeeks, Week
from app.domain.protocol import Protocol
from app.domain.rules.activity import judge_activations, read_activity
from app.domain.rules.calendar import is_over, monday_of
from app.domain.rules.conversations import (
    ConversationWeeks,
    judge_conversations,
    read_conversations,
    started_late_from,
)
from app.domain.rules.presence import DaysOfWeeks, count_days, read_presence


def judge(protocol: Protocol, ends_on: date, history: History) -> JudgedWeeks:
    """Judge every ISO week of a person, from the assignment week to the last one of domain 4.3.

    ``ends_on`` is the trial's last day. Weeks not over are judged by what is recorded so far.
    """
    first_monday = monday_of(history.assigned_on).toordinal()
    weeks = week_count(history.assigned_on, ends_on, protocol.countable_days)
    presence = read_presence(protocol, history.assigned_on, ends_on, history.events)
    days = count_days(presence, history.exemptions, first_monday, weeks)
    talks = read_conversations(protocol, history, first_monday, weeks)
    activity = read_activity(protocol, history, first_monday, weeks)
    monday = date.fromordinal(first_monday)
    judged = JudgedWeeks(history, monday, presence, days[0], talks.form, activity.active, activity.at_workplace)
    _number_weeks(protocol, days, judged)
    judge_conversations(protocol, talks, activity, judged)
    judge_activations(protocol, activity, judged)
    _add_other_deviations(protocol, talks, judged)
    return judged


def _number_weeks(protocol: Protocol, days: DaysOfWeeks, judged: JudgedWeeks) -> None:
    """Which weeks count, and their numbers (4.3); what is due in them, and the meter (4.4)."""
    enough, due_week = protocol.countable_days, protocol.activation_due_week
    most_active, most_weeks = protocol.max_activation_weeks, protocol.max_programme_weeks
    talk_due = judged.conversation_due if protocol.cadence == "weekly" else judged.contact_week
    activation_due = judged.activation_due
    in_trial, available, open_to_talks, open_to_offers = days
    numbers, state, active, meter = judged.number, judged.state, judged.active, judged.meter
    state[0], numbers[0] = "assignment_week", 1
    number, used = 1, 0
    for index in range(1, len(state)):
        if used == most_active or number == most_weeks:
            state[index] = "complete"
        elif available[index] >= enough:
            number += 1
            numbers[index] = number
            if open_to_talks[index] >= enough:
                talk_due[index] = True
            if due_week is not None and number >= due_week and open_to_offers[index] >= enough:
                activation_due[index] = True
            if active[index]:
                used += 1
        else:
            state[index] = "absent" if in_trial[index] < enough else "exempt"
        meter[index] = used


def _add_other_deviations(protocol: Protocol, talks: ConversationWeeks, judged: JudgedWeeks) -> None:
    """``started_late``: no counting conversation in the days after ``assigned_on``, present or not (4.5 [F]);
    ``event_without_effect`` (4.1); ``no_justification``, whatever the week's state (6 [C])."""
    late_from = started_late_from(protocol, judged.assigned_on)
    if late_from is not None and (talks.first is None or talks.first >= late_from.toordinal()):
        judged.deviations[0] += ("started_late",)
    for index in {judged.index_of(event.date) for event in judged.presence.without_effect}:
        if judged.has(index):
            judged.deviations[index] += ("event_without_effect",)
    for index in talks.unjustified:
        judged.deviations[index] += ("no_justification",)


def week_count(assigned_on: date, ends_on: date, countable_days: int) -> int:
    """How many weeks a person has: the assignment week, which is always there, to the last ISO week with enough working
    days up to the trial's end (4.3)."""
    return max((last_monday(ends_on, countable_days) - monday_of(assigned_on)).days // 7, 0) + 1


def last_monday(ends_on: date, countable_days: int) -> date:
    """The Monday of the last ISO week with enough working days up to the trial's end."""
    monday = monday_of(ends_on)
    return monday if ends_on.weekday() + 1 >= countable_days else monday - timedelta(days=7)


def as_seen_on(protocol: Protocol, judged: JudgedWeeks, today: date) -> Iterator[Week]:
    """The weeks as they stand on a day: those not over have no deviations yet, ``started_late`` waits for its days."""
    late_from = started_late_from(protocol, judged.assigned_on)
    for week in judged.weeks:
        if not is_over(week.monday, today):
            yield week._replace(deviations=(), missing_because=None)
        elif late_from is not None and today < late_from and "started_late" in week.deviations:
            yield week._replace(deviations=tuple([code for code in week.deviations if code != "started_late"]))
        else:
            yield week
