"""A person's weeks, judged (domain 4.1 to 4.6): the one definition of every number, state, flag and deviation.

The steps, each a module: presence and exemptions become sets of working days; activations become weeks of activity
(``activity``); the clock numbers the weeks and says what is due (``clock``); talks are held against that (``talks``).
Here all of it becomes weeks.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from app.domain.facts import Conversation, History
from app.domain.protocol import Protocol
from app.domain.rules.activity import MARKS, Activity, ActivityByWeek, activity_by_week, activity_of
from app.domain.rules.calendar import is_over
from app.domain.rules.clock import Clock, WeekState, WeekStatus, run_clock
from app.domain.rules.conversations import (
    CONFORMING,
    DAYS_TO_START,
    FINDINGS,
    HELD,
    TALK_DEVIATIONS,
    InPersonPhase,
    WeeklyConversations,
    is_remote,
    judge_conversations,
)
from app.domain.rules.presence import Presence, read_presence
from app.domain.rules.timeline import Timeline

FLAGS = (
    "conversation_due",
    "conversation_held",
    "conversation_conforming",
    "activation_due",
    "activated",
    "workplace_activated",
)


class Week(NamedTuple):
    """One ISO week of one person. The deviations are those of a week that is over: see ``as_seen_on``."""

    monday: date
    number: int | None
    state: WeekState
    conversation_due: bool
    conversation_held: bool
    conversation_conforming: bool
    activation_due: bool
    activated: bool
    workplace_activated: bool
    deviations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """All that a person's weeks are but conversations, which change none of it: presence, activity, numbers, duties."""

    assigned_on: date
    line: Timeline
    presence: Presence
    activity: ActivityByWeek
    ticks: Clock
    phase: InPersonPhase

    @classmethod
    def of(cls, protocol: Protocol, ends_on: date, history: History) -> "Course":
        """The course that a history describes."""
        line = Timeline.of(history.assigned_on, ends_on, protocol.countable_days)
        presence = read_presence(history, ends_on)
        activity = activity_by_week(protocol, line, history)
        ticks = run_clock(protocol, line, line.days_of(presence.spans), history.exemptions, activity)
        phase = InPersonPhase.of(protocol, line, history)
        return cls(history.assigned_on, line, presence, activity, ticks, phase)

    def tick_on(self, day: date) -> WeekStatus | None:
        """What the clock says of the week of a day; None outside the person's weeks."""
        index = self.line.week(day)
        return self.ticks[index] if 0 <= index < len(self.ticks) else None

    def talks(self, protocol: Protocol, conversations: Sequence[Conversation]) -> WeeklyConversations:
        """The person's conversations on this course."""
        return WeeklyConversations(self.assigned_on).with_more(protocol, self.line, conversations)


def judge(protocol: Protocol, ends_on: date, history: History) -> tuple[Week, ...]:
    """Every ISO week of a person, from the assignment week to the last one of domain 4.3.

    ``ends_on`` is the trial's last day. Weeks not over are judged by what is recorded so far.
    """
    return judge_on(Course.of(protocol, ends_on, history), protocol, history)


def judge_on(course: Course, protocol: Protocol, history: History) -> tuple[Week, ...]:
    """The same on a course that is known already; only the conversations of ``history`` are read."""
    return JudgedWeeks.of(course, protocol, history.conversations).weeks


@dataclass(frozen=True, slots=True)
class JudgedWeeks:
    """A person's weeks with what is needed to judge them again when further conversations come to be known."""

    course: Course
    weeks: tuple[Week, ...]
    talks: WeeklyConversations
    any_remote: bool
    """Whether there may be remote weeks: see ``with_more``."""
    started_late: bool

    @classmethod
    def of(cls, course: Course, protocol: Protocol, conversations: Sequence[Conversation]) -> "JudgedWeeks":
        """The weeks of a course with these conversations."""
        talks = course.talks(protocol, conversations)
        late = talks.started_late(protocol)
        judged = judge_conversations(protocol, course.phase, course.ticks, talks.by_week)
        marks = list(course.activity.marks)
        for index, found in _found(course, judged, late=late).items():
            marks[index] |= found
        cells = _cells(course.line.first_monday, course.ticks, protocol.judges_workplace)
        weeks = tuple([cell[of_week] for cell, of_week in zip(cells, marks, strict=True)])
        return cls(course, weeks, talks, any(map(is_remote, talks.by_week.values())), late)

    def with_more(self, protocol: Protocol, conversations: Sequence[Conversation]) -> "JudgedWeeks":
        """The weeks with further conversations: the same as of all together, but only what may differ is judged.

        A conversation changes its own week, and the first, which may not be late any more. Where there are remote weeks
        it may change whether these are too many.
        """
        course = self.course
        talks = self.talks.with_more(protocol, course.line, conversations)
        late = talks.started_late(protocol)
        own = {0, *(course.line.week(talk.date) for talk in conversations)}
        touched = {index: talks.by_week[index] for index in own & talks.by_week.keys()}
        any_remote = self.any_remote or any(map(is_remote, touched.values()))
        judged = judge_conversations(protocol, course.phase, course.ticks, talks.by_week if any_remote else touched)
        found = _found(course, judged, late=late)
        cells = _cells(course.line.first_monday, course.ticks, protocol.judges_workplace)
        weeks = list(self.weeks)
        for index in {0, *judged}:
            weeks[index] = cells[index][course.activity.marks[index] | found.get(index, 0)]
        return JudgedWeeks(course, tuple(weeks), talks, any_remote, late)


# --- a week -----------------------------------------------------------------------------------------------------------

_OF_ACTIVITY: Final = (1 << MARKS) - 1
_WITHOUT_EFFECT, _STARTED_LATE = 1 << MARKS + FINDINGS, 1 << MARKS + FINDINGS + 1
"""The marks of a week: those of its activity, those found of its talks, and these two."""


def _found(course: Course, talks: Mapping[int, int], *, late: bool) -> dict[int, int]:
    """The marks of weeks besides their activity: what is found of the talks, and of the person."""
    found = {index: marks << MARKS for index, marks in talks.items()}
    for event in course.presence.without_effect:
        index = course.line.week(event.date)
        if 0 <= index < len(course.ticks):
            found[index] = found.get(index, 0) | _WITHOUT_EFFECT
    if late:
        found[0] = found.get(0, 0) | _STARTED_LATE
    return found


class _Cell(dict[int, Week]):
    """What a Monday, and what the clock says of it, can become: a week for each set of marks, made when first met.

    Most weeks of most people are alike: one object stands for all of them.
    """

    __slots__ = ("_judges_workplace", "_monday", "_tick")

    def __init__(self, monday: date, tick: WeekStatus, *, judges_workplace: bool) -> None:
        self._monday, self._tick, self._judges_workplace = monday, tick, judges_workplace

    def __missing__(self, marks: int) -> Week:
        number, state, talk_due, activation_due, *_ = self._tick
        deed = activity_of(marks & _OF_ACTIVITY)
        activated, at_workplace, deviations = False, False, list[str]()
        if activation_due:
            activated, at_workplace, deviations = _judge_deed(deed, judges_workplace=self._judges_workplace)
        elif deed is not None:
            return self.setdefault(marks, self[marks & ~_OF_ACTIVITY])
        talks = marks >> MARKS
        held, conforming = bool(talks & HELD), bool(talks & CONFORMING)
        deviations += [code for mark, code in TALK_DEVIATIONS.items() if talks & mark]
        if talk_due and not held:
            deviations.append("conversation_missing")
        if marks & _WITHOUT_EFFECT:
            deviations.append("event_without_effect")
        if marks & _STARTED_LATE:
            deviations.append("started_late")
        flags = (talk_due, held, conforming, activation_due, activated, at_workplace)
        return self.setdefault(marks, Week(self._monday, number, state, *flags, tuple(sorted(deviations))))


def _judge_deed(deed: Activity | None, *, judges_workplace: bool) -> tuple[bool, bool, list[str]]:
    """Of a week in which activation is due (4.6): activated, at a workplace, deviations."""
    if deed is None:
        return False, False, ["activation_missing"]
    if not deed.active:
        return False, False, ["hours_too_few"]
    if not judges_workplace:
        return True, deed.at_workplace, []
    if not deed.at_workplace:
        return True, False, [] if deed.excused else ["not_at_workplace"]
    return True, True, [] if deed.mentored else ["mentor_missing"]


@lru_cache(maxsize=512)
def _cells(first_monday: int, ticks: Clock, judges_workplace: bool) -> Sequence[_Cell]:
    """The cells of a clock."""
    return [
        _cell(monday, tick[:4], judges_workplace)
        for monday, tick in zip(range(first_monday, first_monday + 7 * len(ticks), 7), ticks, strict=True)
    ]


@lru_cache(maxsize=8192)
def _cell(monday: int, tick: tuple[int | None, WeekState, bool, bool], judges_workplace: bool) -> _Cell:
    return _Cell(date.fromordinal(monday), WeekStatus(*tick), judges_workplace=judges_workplace)


def as_seen_on(weeks: Sequence[Week], assigned_on: date, today: date) -> Iterator[Week]:
    """The weeks as they stand on a day: those not over have no deviations yet, ``started_late`` waits for its days."""
    for week in weeks:
        if not week.deviations or is_over(week.monday, today):
            if "started_late" in week.deviations and today <= assigned_on + timedelta(days=DAYS_TO_START):
                yield week._replace(deviations=tuple(code for code in week.deviations if code != "started_late"))
            else:
                yield week
        else:
            yield week._replace(deviations=())
