"""A person's weeks, judged (domain 4.3 to 4.6): the one definition of every number, state, flag and deviation.

Records are put into buckets by ISO week (``_Buckets``); one pass goes through the weeks in order (``judge``). Week
``i`` is the ``i``-th ISO week after the assignment week. Days are ordinals. What is judged stands in columns
(``JudgedWeeks``), an entry a week: a ``Week`` is made only where one is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from app.domain.facts import Conversation, History
from app.domain.judged_weeks import WORKING_DAYS, JudgedWeeks, Week
from app.domain.protocol import Protocol
from app.domain.rules.activity import first_workplace_start, judge_activity
from app.domain.rules.calendar import is_over, monday_of
from app.domain.rules.conversations import (
    counts,
    exceeds_remote_share,
    form_of_week,
    is_mentor_only,
    is_wrong_place,
    lacks_justification,
    missing_because,
)
from app.domain.rules.presence import read_presence


def judge(protocol: Protocol, ends_on: date, history: History) -> JudgedWeeks:
    """Judge every ISO week of a person, from the assignment week to the last one of domain 4.3.

    ``ends_on`` is the trial's last day. Weeks not over are judged by what is recorded so far.
    """
    buckets = _Buckets(protocol, ends_on, history)
    judged = JudgedWeeks.unjudged(history, buckets.first_monday, buckets.presence, buckets.in_trial)
    for index, talks in buckets.counting.items():
        if index < buckets.weeks:
            judged.form[index] = form_of_week(protocol, talks)
    for index in buckets.activity.active:
        judged.active[index] = True
    for index in buckets.activity.at_workplace:
        judged.at_workplace[index] = True
    _number_weeks(protocol, buckets, judged)
    _judge_conversations(protocol, buckets, judged)
    _judge_activations(protocol, buckets, judged)
    _put_deviations_of_the_person(protocol, buckets, judged)
    judged.deviations = [codes if len(codes) < 2 else tuple(sorted(codes)) for codes in judged.deviations]
    return judged


def _number_weeks(protocol: Protocol, buckets: "_Buckets", judged: JudgedWeeks) -> None:
    """Which weeks count, and their numbers (4.3); what is due in them, and the meter (4.4)."""
    enough, due_week = protocol.countable_days, protocol.activation_due_week
    most_active, most_weeks = protocol.max_activation_weeks, protocol.max_programme_weeks
    talk_due = judged.conversation_due if protocol.cadence == "weekly" else judged.contact_week
    available, numbers, state, meter = buckets.available, judged.number, judged.state, judged.meter
    number, used, complete = 1, 0, False
    state[0], numbers[0] = "assignment_week", 1
    for index in range(1, buckets.weeks):
        if complete:
            state[index] = "complete"
        elif available[index] < enough:
            state[index] = "absent" if judged.days_in_trial[index] < enough else "exempt"
        else:
            number += 1
            numbers[index] = number
            if buckets.open_to_talks[index] >= enough:
                talk_due[index] = True
            if due_week is not None and number >= due_week and buckets.open_to_offers[index] >= enough:
                judged.activation_due[index] = True
            if judged.active[index]:
                used += 1
            complete = used == most_active or number == most_weeks
        meter[index] = used


def _judge_conversations(protocol: Protocol, buckets: "_Buckets", judged: JudgedWeeks) -> None:
    """The weeks in which a conversation is to be in person; where one is due: held, conforming, deviations (4.5)."""
    deviations = judged.deviations
    later_held = later_remote = 0  # m and k
    for index, number in enumerate(judged.number):
        if number is not None and number <= buckets.last_in_person_number and index < buckets.first_free_week:
            judged.in_person[index] = True
        if not judged.conversation_due[index]:
            continue
        form = judged.form[index]
        if form is None:
            _judge_missing(buckets.others.get(index), judged, index)
            continue
        judged.conversation_held[index] = True
        if judged.in_person[index]:
            judged.conversation_conforming[index] = form != "remote"
            if form == "remote":
                deviations[index] += ("remote_too_early",)
            elif form == "in_person" and _is_wrong_place(protocol, buckets, index):
                deviations[index] += ("wrong_place",)
            continue
        later_held += form != "grounded"
        later_remote += form == "remote"
        too_often = form == "remote" and exceeds_remote_share(protocol, later_remote, later_held)
        judged.conversation_conforming[index] = not too_often
        if too_often:
            deviations[index] += ("remote_too_often",)


def _judge_missing(others: Sequence[Conversation] | None, judged: JudgedWeeks, index: int) -> None:
    """A due conversation that is missing, and why; ``others`` are the week's talks, which do not count."""
    judged.deviations[index] += ("conversation_missing",)
    judged.missing_because[index] = "nothing" if others is None else missing_because(others)
    if others is not None and is_mentor_only(others):
        judged.deviations[index] += ("mentor_only",)


def _is_wrong_place(protocol: Protocol, buckets: "_Buckets", index: int) -> bool:
    """In person, none of it at the jobcentre, and no workplace activation has started by that week's Sunday (4.5)."""
    if not protocol.judges_workplace or index >= buckets.workplace_week:
        return False
    return is_wrong_place(protocol, buckets.counting[index])


def _judge_activations(protocol: Protocol, buckets: "_Buckets", judged: JudgedWeeks) -> None:
    """Where an activation is due: activated, at a workplace, deviations (4.6)."""
    deviations, activity = judged.deviations, buckets.activity
    for index, due in enumerate(judged.activation_due):
        if not due:
            continue
        if index not in activity.covered:
            deviations[index] += ("activation_missing",)
        elif not judged.active[index]:
            deviations[index] += ("hours_too_few",)
        else:
            judged.activated[index] = True
            judged.workplace_activated[index] = at_workplace = judged.at_workplace[index]
            if not protocol.judges_workplace:
                continue
            if not at_workplace and index not in activity.excused:
                deviations[index] += ("not_at_workplace",)
            elif at_workplace and index not in activity.mentored:
                deviations[index] += ("mentor_missing",)


def _put_deviations_of_the_person(protocol: Protocol, buckets: "_Buckets", judged: JudgedWeeks) -> None:
    """``started_late``: no counting conversation in the days after ``assigned_on``, present or not (4.5 [F]);
    ``event_without_effect`` (4.1); ``no_justification``, whatever the week's state (6 [C])."""
    late_from = started_late_from(protocol, judged.assigned_on)
    if late_from is not None:
        weeks = range(judged.index_of(late_from) + 1)
        if not any(talk.date < late_from for index in weeks for talk in buckets.counting.get(index, ())):
            judged.deviations[0] += ("started_late",)
    for index in {judged.index_of(event.date) for event in buckets.presence.without_effect}:
        if judged.has(index):
            judged.deviations[index] += ("event_without_effect",)
    if protocol.requires_justification:
        for index, talks in buckets.counting.items():
            if judged.has(index) and lacks_justification(protocol, talks):
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


def started_late_from(protocol: Protocol, assigned_on: date) -> date | None:
    """The day from which ``started_late`` can be said: its days are over. None where the protocol does not judge it."""
    days = protocol.first_talk_within_days
    return None if days is None else assigned_on + timedelta(days=days + 1)


def remote_too_often(protocol: Protocol, judged: JudgedWeeks, index: int) -> bool:
    """Whether one more held week, remote and after the in-person weeks, is one too many after the weeks before
    ``index`` (4.5)."""
    remote = held = 0
    for each in range(index):
        if judged.conversation_held[each] and not judged.in_person[each] and judged.form[each] != "grounded":
            held += 1
            remote += judged.form[each] == "remote"
    return exceeds_remote_share(protocol, remote + 1, held + 1)


# --- buckets ----------------------------------------------------------------------------------------------------------

_OUT, _IN, _NO_TALK, _NO_OFFER, _NEITHER = b"-", b"i", b"c", b"a", b"b"
"""A day out of the trial; in it; in it and exempt from conversations; from activation; from both."""
_EXEMPTING: Final[Mapping[str, bytes]] = {
    "conversations": bytes.maketrans(_IN + _NO_OFFER, _NO_TALK + _NEITHER),
    "activation": bytes.maketrans(_IN + _NO_TALK, _NO_OFFER + _NEITHER),
    "both": bytes.maketrans(_IN + _NO_TALK + _NO_OFFER, _NEITHER * 3),
}


class _Buckets:
    """A person's records by week, and the days of each week."""

    def __init__(self, protocol: Protocol, ends_on: date, history: History) -> None:
        self.history = history
        self.first_monday = first = monday_of(history.assigned_on).toordinal()
        self.weeks = weeks = week_count(history.assigned_on, ends_on, protocol.countable_days)
        self.presence = read_presence(protocol, history.assigned_on, ends_on, history.events)
        self._put_days()
        self.activity = judge_activity(protocol, history, first, weeks)
        self._put_conversations(protocol)
        self._put_workplace(protocol)

    def _put_days(self) -> None:
        """Working days of each week in the trial, available, and of these not exempt from one of the two (4.1 to 4.4).

        Only weeks that the assignment, an exit, an exemption or the end touches have fewer than five.
        """
        first, length = self.first_monday, 7 * self.weeks
        days, touched, inside = bytearray(_OUT * length), set[int](), 0
        for start, last in self.presence.spans:
            begin, end = max(start.toordinal() - first, 0), min(last.toordinal() - first + 1, length)
            if begin < end:
                days[begin:end] = _IN * (end - begin)
                touched.update(range(inside // 7, begin // 7 + 1))
                inside = end
        touched.update(range(inside // 7, self.weeks))
        for exemption in self.history.exemptions:
            begin = max(exemption.starts_on.toordinal() - first, 0)
            end = length if exemption.ends_on is None else min(exemption.ends_on.toordinal() - first + 1, length)
            if begin < end:
                days[begin:end] = days[begin:end].translate(_EXEMPTING[exemption.scope])
                touched.update(range(begin // 7, (end - 1) // 7 + 1))
        self.in_trial = [WORKING_DAYS] * self.weeks
        self.available = self.in_trial.copy()
        self.open_to_talks, self.open_to_offers = self.in_trial.copy(), self.in_trial.copy()
        for index in touched:
            week = days[7 * index : 7 * index + WORKING_DAYS]
            self.in_trial[index] = in_trial = WORKING_DAYS - week.count(_OUT)
            self.available[index] = available = in_trial - week.count(_NEITHER)
            self.open_to_talks[index] = available - week.count(_NO_TALK)
            self.open_to_offers[index] = available - week.count(_NO_OFFER)

    def _put_conversations(self, protocol: Protocol) -> None:
        self.counting: dict[int, list[Conversation]] = {}
        """The conversations that count."""
        self.others: dict[int, list[Conversation]] = {}
        """Those that do not."""
        first, settings, assigned_on = self.first_monday, self.history.settings, self.history.assigned_on
        for _, talk in self.history.conversations:
            bucket = self.counting if counts(protocol, settings, assigned_on, talk) else self.others
            index = (talk.date.toordinal() - first) // 7
            if index in bucket:
                bucket[index].append(talk)
            else:
                bucket[index] = [talk]

    def _put_workplace(self, protocol: Protocol) -> None:
        """When conversations are to be in person (domain 6): to which programme number, before which week;
        and the week in which any workplace activation has started, at whatever date."""
        rule = protocol.in_person_weeks
        self.last_in_person_number = rule if isinstance(rule, int) else self.weeks
        activations = self.history.activations
        until_start = rule == "before_first_workplace_activation"
        start = first_workplace_start(activations, self.history.assigned_on) if until_start else None
        self.first_free_week = self._week_of(start)
        self.workplace_week = self._week_of(first_workplace_start(activations, date.min))

    def _week_of(self, day: date | None) -> int:
        return self.weeks if day is None else (day.toordinal() - self.first_monday) // 7
