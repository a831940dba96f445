"""A person's weeks, judged (domain 4.1 to 4.6): the one definition of every number, state, flag and deviation.

The steps, each a function: presence and exemptions become sets of working days; activations become weeks of activity;
the clock numbers the weeks and says what is due; talks and activity are held against what is due.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from app.domain.activity import Activity, activity_by_week
from app.domain.calendar import is_over
from app.domain.facts import WORKPLACE_TYPES, Conversation, Exemption, History
from app.domain.presence import Presence, read_presence
from app.domain.protocol import Protocol
from app.domain.timeline import Timeline, weeks_with

State = Literal["assignment_week", "counted", "absent", "exempt", "complete"]
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

    line: Timeline
    presence: Presence
    activity: Mapping[int, Activity]
    ticks: "Clock"
    phase: "InPersonPhase"

    @classmethod
    def of(cls, protocol: Protocol, ends_on: date, history: History) -> "Course":
        """The course that a history describes."""
        line = Timeline.of(history.assigned_on, ends_on, protocol.countable_days)
        presence = read_presence(history, ends_on)
        activity = activity_by_week(protocol, line, history)
        ticks = _run_clock(protocol, line, line.days_of(presence.spans), history.exemptions, activity)
        return cls(line, presence, activity, ticks, InPersonPhase.of(protocol, line, history))

    def tick_on(self, day: date) -> "Tick | None":
        """What the clock says of the week of a day; None outside the person's weeks."""
        index = self.line.week(day)
        return self.ticks[index] if 0 <= index < len(self.ticks) else None


def judge(protocol: Protocol, ends_on: date, history: History) -> tuple[Week, ...]:
    """Every ISO week of a person, from the assignment week to the last one of domain 4.3.

    ``ends_on`` is the trial's last day. Weeks not over are judged by what is recorded so far.
    """
    return judge_on(Course.of(protocol, ends_on, history), protocol, history)


def judge_on(course: Course, protocol: Protocol, history: History) -> tuple[Week, ...]:
    """The same on a course that is known already; only the conversations of ``history`` are read.

    Most weeks of most people are alike: those in which nothing was recorded are made once for all who share a clock,
    and only the others are judged one by one.
    """
    line = course.line
    talks = _talks_by_week(protocol, line, history)
    judged = _judge_talks(protocol, course.phase, course.ticks, talks)
    extra: dict[int, tuple[str, ...]] = {}
    for event in course.presence.without_effect:
        extra[line.week(event.date)] = ("event_without_effect",)
    if _started_late(protocol, history):
        extra[0] = (*extra.get(0, ()), "started_late")
    weeks = list(_empty_weeks(line.first_monday, course.ticks))
    for index in judged.keys() | course.activity.keys() | extra.keys():
        if 0 <= index < len(weeks):
            number, state, talk_due, activation_due, *_ = course.ticks[index]
            held, conforming, found = judged.get(index) or (_NOT_HELD if talk_due else _NOTHING)
            active = at_workplace = False
            if activation_due:
                active, at_workplace, more = _judge_deed(protocol.judges_workplace, course.activity.get(index))
                found += more
            if index in extra:
                found += extra[index]
            deviations = tuple(sorted(found)) if len(found) > 1 else found
            talk = (talk_due, held, conforming)
            weeks[index] = Week(
                weeks[index].monday, number, state, *talk, activation_due, active, at_workplace, deviations
            )
    return tuple(weeks)


@lru_cache(maxsize=512)
def _empty_weeks(first_monday: int, ticks: "Clock") -> tuple[Week, ...]:
    """The weeks of a clock in which nothing is recorded."""
    return tuple(
        Week(
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


# --- the clock (4.3, 4.4) -------------------------------------------------------------------------------------------


class Tick(NamedTuple):
    """What the clock says of a week: programme number, state, and what is due."""

    number: int | None
    state: State
    conversation_due: bool = False
    activation_due: bool = False
    contact_week: bool = False
    """Where the cadence is an average: a counted week with enough days not exempt from conversations, which is a part
    of the denominator of contacts per four weeks (domain 6 [C]). Nothing is due in it."""
    meter: int = 0
    """Weeks of the nine months used up, this one included (4.4)."""


class Clock(tuple[Tick, ...]):
    """The ticks of a person's weeks. Two clocks are the same only if they are one object: see ``_clock_of``."""

    __slots__ = ()
    __hash__ = object.__hash__
    __eq__ = object.__eq__


def _run_clock(
    protocol: Protocol, line: Timeline, in_trial: int, exemptions: Sequence[Exemption], activity: Mapping[int, Activity]
) -> Clock:
    from_talks = line.days_of((x.starts_on, x.ends_on) for x in exemptions if x.scope != "activation")
    from_activation = line.days_of((x.starts_on, x.ends_on) for x in exemptions if x.scope != "conversations")
    active = sum(1 << index for index, deed in activity.items() if deed.active)
    limits = (protocol.activation_due_week, protocol.max_activation_weeks, protocol.max_programme_weeks)
    rule = (protocol.countable_days, protocol.cadence == "weekly", *limits)
    return _clock_of(line.weeks, in_trial, from_talks, from_activation, active, rule)


@lru_cache(maxsize=2048)
def _clock_of(
    weeks: int,
    in_trial: int,
    from_talks: int,
    from_activation: int,
    active: int,
    rule: tuple[int, bool, int | None, int | None, int | None],
) -> Clock:
    """The clock of everyone with the same days in the trial, exemptions and active weeks: worked out once.

    ``active`` has one bit a week, the other sets five; ``rule`` is countable days, whether the cadence is weekly, the
    week in which activation becomes due, and how many weeks of activation and of the programme there are at most.
    """
    enough, weekly, due_week, max_activation_weeks, max_programme_weeks = rule
    present = weeks_with(in_trial, weeks, enough)
    open_to_talks = weeks_with(in_trial & ~from_talks, weeks, enough)
    open_to_offers = weeks_with(in_trial & ~from_activation, weeks, enough)
    available = weeks_with(in_trial & ~(from_talks & from_activation), weeks, enough)
    ticks: list[Tick] = [_tick(1, "assignment_week")]
    number, meter, through = 1, 0, False
    for index in range(1, weeks):
        if through:
            ticks.append(_tick(None, "complete", False, False, False, meter))
            continue
        if not available[index]:
            ticks.append(_tick(None, "exempt" if present[index] else "absent", False, False, False, meter))
            continue
        number += 1
        reached = due_week is not None and number >= due_week
        activation_due = reached and open_to_offers[index] == 1
        early = due_week is not None and not reached and active >> index & 1
        meter += bool(activation_due or early)
        talks = open_to_talks[index] == 1
        ticks.append(_tick(number, "counted", talks and weekly, activation_due, talks and not weekly, meter))
        through = meter == max_activation_weeks or number == max_programme_weeks
    return Clock(ticks)


_tick = cache(Tick)
"""One object for all ticks alike: there are no more than a trial has numbers, meters and states."""


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


@dataclass(slots=True)
class _TalkWeek:
    """The talks held in a week."""

    counted: bool = False
    in_person: bool = False
    grounded: bool = False
    at_jobcentre: bool = False
    unjustified: bool = False
    only_mentor: bool = True

    @property
    def is_remote(self) -> bool:
        """Neither in person nor grounded."""
        return not (self.in_person or self.grounded)

    @property
    def is_in_share(self) -> bool:
        """Whether the week is one of the m of 4.5, once held: all but the grounded ones."""
        return self.in_person or not self.grounded


def _talks_by_week(protocol: Protocol, line: Timeline, history: History) -> dict[int, _TalkWeek]:
    by_week: dict[int, _TalkWeek] = {}
    for talk in history.conversations:
        if talk.status != "held":
            continue
        week = by_week.setdefault(line.week(talk.date), _TalkWeek())
        week.only_mentor = week.only_mentor and talk.conducted_by == "mentor"
        if not counts(protocol, history.assigned_on, talk):
            continue
        week.counted = True
        if talk.form in protocol.in_person_forms:
            week.in_person = True
            week.at_jobcentre = week.at_jobcentre or talk.place == "jobcentre"
        elif protocol.requires_justification and talk.justification is None:
            week.unjustified = True
        if talk.remote_ground in protocol.remote_grounds:
            week.grounded = True
    return by_week


_JudgedTalks = tuple[bool, bool, tuple[str, ...]]
"""Of a week's talks: held, conforming, deviations."""
_NOTHING: _JudgedTalks = (False, False, ())
_NOT_HELD: _JudgedTalks = (False, False, ("conversation_missing",))
_CONFORMING: _JudgedTalks = (True, True, ())


def _judge_talks(
    protocol: Protocol, phase: InPersonPhase, ticks: Sequence[Tick], talks: Mapping[int, _TalkWeek]
) -> dict[int, _JudgedTalks]:
    """The weeks in which there were talks, judged. The share of remote ones runs through them in their order."""
    judged: dict[int, _JudgedTalks] = {}
    held_later = remote_later = 0
    for index in sorted(talks):
        if not 0 <= index < len(ticks):
            continue
        week, tick = talks[index], ticks[index]
        remote = week.is_remote
        if not tick.conversation_due:
            of_talks = _NOTHING
        elif not week.counted:
            mentor_only = ("mentor_only",) if week.only_mentor else ()
            of_talks = (False, False, ("conversation_missing", *mentor_only))
        elif phase.covers(index, tick.number):
            of_talks = _CONFORMING
            if remote:
                of_talks = (True, False, ("remote_too_early",))
            elif protocol.judges_workplace and week.in_person and not week.at_jobcentre:
                of_talks = _CONFORMING if phase.workplace_started_by(index) else (True, True, ("wrong_place",))
        else:
            held_later += week.is_in_share
            remote_later += remote
            too_often = remote and not _remote_share_kept(protocol, remote_later, held_later)
            of_talks = (True, False, ("remote_too_often",)) if too_often else _CONFORMING
        if week.unjustified:
            of_talks = (*of_talks[:2], ("no_justification", *of_talks[2]))
        judged[index] = of_talks
    return judged


def next_remote_too_often(protocol: Protocol, course: Course, history: History, index: int) -> bool:
    """Whether, after the talks up to week ``index``, one more remote talk in a week of its own would be
    ``remote_too_often`` (domain 4.5, 5 "Worklist"). In the in-person weeks it would be too early instead."""
    talks = _talks_by_week(protocol, course.line, history)
    if course.phase.covers(index, course.ticks[index].number):
        return False
    later = [
        talks[i]
        for i, tick in enumerate(course.ticks[: index + 1])
        if tick.conversation_due and i in talks and talks[i].counted and not course.phase.covers(i, tick.number)
    ]
    remote, held = sum(week.is_remote for week in later), sum(week.is_in_share for week in later)
    return not _remote_share_kept(protocol, remote + 1, held + 1)


def _remote_share_kept(protocol: Protocol, remote: int, held: int) -> bool:
    """K ≤ ceil(share × m), exactly (4.5)."""
    share = protocol.remote_share_max
    return share is None or remote <= -(-share.numerator * held // share.denominator)


def _started_late(protocol: Protocol, history: History) -> bool:
    """No counting conversation in the 7 days after the assignment, present or not (4.5)."""
    limit = history.assigned_on + timedelta(days=DAYS_TO_START)
    return protocol.cadence == "weekly" and not any(
        talk.date <= limit and counts(protocol, history.assigned_on, talk) for talk in history.conversations
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
