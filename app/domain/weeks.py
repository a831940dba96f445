"""A person's weeks, judged (domain 4.1 to 4.6): the one definition of every number, state, flag and deviation.

The steps, each a function: presence and exemptions become sets of working days; activations become weeks of activity;
the clock numbers the weeks and says what is due; talks and activity are held against what is due.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import NamedTuple

from app.domain.activity import Activity, activity_by_week
from app.domain.calendar import is_over
from app.domain.clock import Clock, State, Tick, run_clock
from app.domain.facts import WORKPLACE_TYPES, Conversation, History
from app.domain.presence import Presence, read_presence
from app.domain.protocol import Protocol
from app.domain.timeline import Timeline

FLAGS = (
    "conversation_due",
    "conversation_held",
    "conversation_conforming",
    "activation_due",
    "activated",
    "workplace_activated",
)
DAYS_TO_START = 7
"""A counting conversation is expected within this many days after the assignment (domain 4.5, ``started_late`` [F])."""


class Week(NamedTuple):
    """One ISO week of one person. The deviations are those of a week that is over: see ``as_seen_on``."""

    monday: date
    number: int | None
    state: State
    conversation_due: bool
    conversation_held: bool
    conversation_conforming: bool
    activation_due: bool
    activated: bool
    workplace_activated: bool
    deviations: tuple[str, ...]


_week = lru_cache(maxsize=16_384)(Week)
"""Many people have weeks alike: one object stands for all of them."""


def counts(protocol: Protocol, assigned_on: date, talk: Conversation) -> bool:
    """Whether a conversation counts (domain 4.5), whatever the person's presence or exemption that day."""
    return (
        talk.status == "held"
        and talk.date > assigned_on
        and talk.form in protocol.accepted_forms
        and talk.conducted_by in protocol.accepted_conductors
    )


@dataclass(frozen=True, slots=True)
class Course:
    """All that a person's weeks are but conversations, which change none of it: presence, activity, numbers, duties."""

    assigned_on: date
    line: Timeline
    presence: Presence
    activity: Mapping[int, Activity]
    ticks: Clock
    phase: "InPersonPhase"

    @classmethod
    def of(cls, protocol: Protocol, ends_on: date, history: History) -> "Course":
        """The course that a history describes."""
        line = Timeline.of(history.assigned_on, ends_on, protocol.countable_days)
        presence = read_presence(history, ends_on)
        activity = activity_by_week(protocol, line, history)
        ticks = run_clock(protocol, line, line.days_of(presence.spans), history.exemptions, activity)
        phase = InPersonPhase.of(protocol, line, history)
        return cls(history.assigned_on, line, presence, activity, ticks, phase)

    def tick_on(self, day: date) -> Tick | None:
        """What the clock says of the week of a day; None outside the person's weeks."""
        index = self.line.week(day)
        return self.ticks[index] if 0 <= index < len(self.ticks) else None


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
    talks: "TalkWeeks"
    any_remote: bool
    """Whether there may be remote weeks: see ``with_more``."""
    started_late: bool

    @classmethod
    def of(cls, course: Course, protocol: Protocol, conversations: Sequence[Conversation]) -> "JudgedWeeks":
        """The weeks of a course with these conversations.

        Most weeks of most people are alike: those in which nothing was recorded are made once for all who share a
        clock, and only the others are judged one by one.
        """
        talks = _talks_by_week(protocol, course, conversations, {})
        late = _started_late(protocol, course, conversations)
        judged = _judge_talks(protocol, course.phase, course.ticks, talks)
        without_effect = {course.line.week(event.date) for event in course.presence.without_effect}
        empty = _empty_weeks(course.line.first_monday, course.ticks)
        concerned = {0, *judged, *course.activity, *without_effect}
        weeks = _judge_weeks(protocol, course, empty, concerned, judged, started_late=late)
        return cls(course, weeks, talks, any(map(is_remote, talks.values())), late)

    def with_more(self, protocol: Protocol, conversations: Sequence[Conversation]) -> "JudgedWeeks":
        """The weeks with further conversations: the same as of all together, but only what may differ is judged.

        A conversation changes its own week. Where there are remote weeks it may change whether these are too many.
        """
        talks = _talks_by_week(protocol, self.course, conversations, self.talks)
        late = self.started_late and _started_late(protocol, self.course, conversations)
        own = {self.course.line.week(talk.date) for talk in conversations}
        touched = {index: talks[index] for index in own & talks.keys()}
        any_remote = self.any_remote or any(map(is_remote, touched.values()))
        judged = _judge_talks(protocol, self.course.phase, self.course.ticks, talks if any_remote else touched)
        weeks = _judge_weeks(protocol, self.course, self.weeks, {0, *judged}, judged, started_late=late)
        return JudgedWeeks(self.course, weeks, talks, any_remote, late)


def _judge_weeks(
    protocol: Protocol,
    course: Course,
    before: Sequence[Week],
    concerned: Iterable[int],
    judged: Mapping[int, "_JudgedTalks"],
    *,
    started_late: bool,
) -> tuple[Week, ...]:
    """Weeks, those concerned judged anew."""
    weeks = list(before)
    without_effect = {course.line.week(event.date) for event in course.presence.without_effect}
    for index in concerned:
        if 0 <= index < len(weeks):
            number, state, talk_due, activation_due, *_ = course.ticks[index]
            held, conforming, found = judged.get(index) or (_NOT_HELD if talk_due else _NOTHING)
            active = at_workplace = False
            if activation_due:
                active, at_workplace, more = _judge_deed(protocol.judges_workplace, course.activity.get(index))
                found += more
            if index in without_effect:
                found += ("event_without_effect",)
            if started_late and index == 0:
                found += ("started_late",)
            deviations = tuple(sorted(found)) if len(found) > 1 else found
            talk = (talk_due, held, conforming)
            weeks[index] = _week(
                weeks[index].monday, number, state, *talk, activation_due, active, at_workplace, deviations
            )
    return tuple(weeks)


@lru_cache(maxsize=512)
def _empty_weeks(first_monday: int, ticks: "Clock") -> tuple[Week, ...]:
    """The weeks of a clock in which nothing is recorded."""
    return tuple(
        _week(
            monday,
            number,
            state,
            talk_due,
            False,
            False,
            activation_due,
            False,
            False,
            _EMPTY[activation_due, talk_due],
        )
        for monday, (number, state, talk_due, activation_due, _, _) in zip(
            _mondays(first_monday, len(ticks)), ticks, strict=True
        )
    )


_EMPTY: Mapping[tuple[bool, bool], tuple[str, ...]] = {
    (False, False): (),
    (False, True): ("conversation_missing",),
    (True, False): ("activation_missing",),
    (True, True): ("activation_missing", "conversation_missing"),
}
"""The deviations of a week in which nothing is recorded: activation due, conversation due."""


@lru_cache(maxsize=1024)
def _mondays(first: int, weeks: int) -> tuple[date, ...]:
    return tuple(date.fromordinal(first + 7 * index) for index in range(weeks))


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


# --- conversations (4.5) --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InPersonPhase:
    """The weeks in which a conversation is to be in person: by programme number, or until a workplace is found."""

    last_number: int | None
    first_free_week: int | None
    first_workplace_week: int | None
    """Index of the week in which any workplace activation starts first, before the assignment included."""

    @classmethod
    def of(cls, protocol: Protocol, line: Timeline, history: History) -> "InPersonPhase":
        """The phase of a person's history."""
        starts = [offer.starts_on for _, offer in history.activations if offer.type in WORKPLACE_TYPES]
        later = [start for start in starts if start >= history.assigned_on]
        rule = protocol.in_person_weeks
        return cls(
            rule if isinstance(rule, int) else None,
            line.week(min(later)) if rule == "before_first_workplace_activation" and later else None,
            line.week(min(starts)) if starts else None,
        )

    def covers(self, index: int, number: int | None) -> bool:
        """Whether week ``index`` with programme number ``number`` lies in the phase."""
        if self.last_number is not None:
            return number is not None and number <= self.last_number
        return self.first_free_week is None or index < self.first_free_week

    def workplace_started_by(self, index: int) -> bool:
        """Whether a workplace activation has started by that week's Sunday."""
        return self.first_workplace_week is not None and self.first_workplace_week <= index


TalkWeeks = Mapping[int, int]
"""What was held in each week, by index: the marks below, put together."""
_HELD, _COUNTED, _IN_PERSON, _GROUNDED, _AT_JOBCENTRE, _UNJUSTIFIED, _NOT_BY_MENTOR = (1 << bit for bit in range(7))


def is_remote(week: int) -> bool:
    """Whether the talks that count in a week are neither in person nor grounded."""
    return week & (_COUNTED | _IN_PERSON | _GROUNDED) == _COUNTED


def _is_in_share(week: int) -> bool:
    """Whether the week is one of the m of 4.5, once held: all but the grounded ones."""
    return bool(week & _IN_PERSON) or not week & _GROUNDED


def _talks_by_week(
    protocol: Protocol, course: Course, conversations: Iterable[Conversation], before: TalkWeeks
) -> TalkWeeks:
    """The marks of the weeks, those of further conversations put to those before."""
    by_week = dict(before)
    line, assigned_on = course.line, course.assigned_on
    for talk in conversations:
        if talk.status != "held":
            continue
        marks = _HELD if talk.conducted_by == "mentor" else _HELD | _NOT_BY_MENTOR
        if counts(protocol, assigned_on, talk):
            marks |= _COUNTED
            if talk.form in protocol.in_person_forms:
                marks |= _IN_PERSON | _AT_JOBCENTRE if talk.place == "jobcentre" else _IN_PERSON
            elif protocol.requires_justification and talk.justification is None:
                marks |= _UNJUSTIFIED
            if talk.remote_ground in protocol.remote_grounds:
                marks |= _GROUNDED
        index = line.week(talk.date)
        by_week[index] = by_week.get(index, 0) | marks
    return by_week


_JudgedTalks = tuple[bool, bool, tuple[str, ...]]
"""Of a week's talks: held, conforming, deviations."""
_NOTHING: _JudgedTalks = (False, False, ())
_NOT_HELD: _JudgedTalks = (False, False, ("conversation_missing",))
_BY_MENTOR_ONLY: _JudgedTalks = (False, False, ("conversation_missing", "mentor_only"))
_CONFORMING: _JudgedTalks = (True, True, ())


def _judge_talks(
    protocol: Protocol, phase: InPersonPhase, ticks: Sequence[Tick], talks: TalkWeeks
) -> dict[int, _JudgedTalks]:
    """The weeks in which there were talks, judged. The share of remote ones runs through them in their order."""
    judged: dict[int, _JudgedTalks] = {}
    held_later = remote_later = 0
    for index in sorted(talks):
        if not 0 <= index < len(ticks):
            continue
        week, tick = talks[index], ticks[index]
        remote = is_remote(week)
        if not tick.conversation_due:
            of_talks = _NOTHING
        elif not week & _COUNTED:
            of_talks = _NOT_HELD if week & _NOT_BY_MENTOR else _BY_MENTOR_ONLY
        elif phase.covers(index, tick.number):
            of_talks = _CONFORMING
            if remote:
                of_talks = (True, False, ("remote_too_early",))
            elif protocol.judges_workplace and week & _IN_PERSON and not week & _AT_JOBCENTRE:
                of_talks = _CONFORMING if phase.workplace_started_by(index) else (True, True, ("wrong_place",))
        else:
            held_later += _is_in_share(week)
            remote_later += remote
            too_often = remote and not _remote_share_kept(protocol, remote_later, held_later)
            of_talks = (True, False, ("remote_too_often",)) if too_often else _CONFORMING
        if week & _UNJUSTIFIED:
            of_talks = (*of_talks[:2], ("no_justification", *of_talks[2]))
        judged[index] = of_talks
    return judged


def next_remote_too_often(protocol: Protocol, course: Course, history: History, index: int) -> bool:
    """Whether, after the talks up to week ``index``, one more remote talk in a week of its own would be
    ``remote_too_often`` (domain 4.5, 5 "Worklist"). In the in-person weeks it would be too early instead."""
    talks = _talks_by_week(protocol, course, history.conversations, {})
    if course.phase.covers(index, course.ticks[index].number):
        return False
    later = [
        week
        for i, tick in enumerate(course.ticks[: index + 1])
        if tick.conversation_due and (week := talks.get(i, 0)) & _COUNTED and not course.phase.covers(i, tick.number)
    ]
    remote, held = sum(map(is_remote, later)), sum(map(_is_in_share, later))
    return not _remote_share_kept(protocol, remote + 1, held + 1)


def _remote_share_kept(protocol: Protocol, remote: int, held: int) -> bool:
    """K ≤ ceil(share × m), exactly (4.5)."""
    share = protocol.remote_share_max
    return share is None or remote <= -(-share.numerator * held // share.denominator)


def _started_late(protocol: Protocol, course: Course, conversations: Iterable[Conversation]) -> bool:
    """No counting conversation in the 7 days after the assignment, present or not (4.5)."""
    limit = course.assigned_on + timedelta(days=DAYS_TO_START)
    return protocol.cadence == "weekly" and not any(
        talk.date <= limit and counts(protocol, course.assigned_on, talk) for talk in conversations
    )


# --- activations (4.6) ----------------------------------------------------------------------------------------------


@cache
def _judge_deed(judges_workplace: bool, deed: Activity | None) -> tuple[bool, bool, tuple[str, ...]]:
    """Of a week in which activation is due: activated, at a workplace, deviations."""
    if deed is None:
        return False, False, ("activation_missing",)
    if not deed.active:
        return False, False, ("hours_too_few",)
    if not judges_workplace:
        return True, deed.at_workplace, ()
    if not deed.at_workplace:
        return True, False, () if deed.excused else ("not_at_workplace",)
    return True, True, () if deed.mentored else ("mentor_missing",)
