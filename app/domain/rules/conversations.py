"""Conversations held against what is due (domain 4.5): which count, which weeks are to be in person, and the share of
remote ones. Each week's talks are put together as marks, and what is found of them is marks again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from app.domain.facts import WORKPLACE_TYPES, Conversation, History
from app.domain.protocol import Protocol
from app.domain.rules.clock import WeekStatus
from app.domain.rules.timeline import Timeline

DAYS_TO_START: Final = 7
"""A counting conversation is expected within this many days after the assignment (domain 4.5, ``started_late`` [F])."""


def counts(protocol: Protocol, assigned_on: date, talk: Conversation) -> bool:
    """Whether a conversation counts (domain 4.5), whatever the person's presence or exemption that day."""
    return (
        talk.status == "held"
        and talk.date > assigned_on
        and talk.form in protocol.accepted_forms
        and talk.conducted_by in protocol.accepted_conductors
    )


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


# --- what was held ----------------------------------------------------------------------------------------------------

_COUNTED, _IN_PERSON, _GROUNDED, _AT_JOBCENTRE, _UNJUSTIFIED, _NOT_BY_MENTOR = (1 << bit for bit in range(6))


@dataclass(frozen=True, slots=True)
class WeeklyConversations:
    """What is to be known of a person's conversations."""

    assigned_on: date
    by_week: Mapping[int, int] = field(default_factory=dict)
    """What was held in each week, by index: the marks above, put together."""
    counting: tuple[Conversation, ...] = ()
    """Those that count, as they came."""
    first: date | None = None
    """The day of the first of them."""

    def with_more(
        self, protocol: Protocol, line: Timeline, conversations: Iterable[Conversation]
    ) -> "WeeklyConversations":
        """The same with further conversations."""
        by_week, counting, first = dict(self.by_week), list(self.counting), self.first
        for talk in conversations:
            if talk.status != "held":
                continue
            marks = 0 if talk.conducted_by == "mentor" else _NOT_BY_MENTOR
            if counts(protocol, self.assigned_on, talk):
                counting.append(talk)
                if first is None or talk.date < first:
                    first = talk.date
                marks |= _marks_of(protocol, talk)
            index = line.week(talk.date)
            by_week[index] = by_week.get(index, 0) | marks
        return WeeklyConversations(self.assigned_on, by_week, tuple(counting), first)

    def started_late(self, protocol: Protocol) -> bool:
        """No counting conversation in the 7 days after the assignment, present or not (4.5)."""
        limit = self.assigned_on + timedelta(days=DAYS_TO_START)
        return protocol.cadence == "weekly" and (self.first is None or self.first > limit)


def _marks_of(protocol: Protocol, talk: Conversation) -> int:
    """The marks of a conversation that counts."""
    marks = _COUNTED
    if talk.form in protocol.in_person_forms:
        marks |= _IN_PERSON | _AT_JOBCENTRE if talk.place == "jobcentre" else _IN_PERSON
    elif protocol.requires_justification and talk.justification is None:
        marks |= _UNJUSTIFIED
    if talk.remote_ground in protocol.remote_grounds:
        marks |= _GROUNDED
    return marks


def is_remote(week: int) -> bool:
    """Whether the talks that count in a week are neither in person nor grounded."""
    return week & (_COUNTED | _IN_PERSON | _GROUNDED) == _COUNTED


def _is_in_share(week: int) -> bool:
    """Whether the week is one of the m of 4.5, once held: all but the grounded ones."""
    return bool(week & _IN_PERSON) or not week & _GROUNDED


# --- what is found ----------------------------------------------------------------------------------------------------

FINDINGS: Final = 7
"""How many marks there are of what is found."""
HELD, CONFORMING, _MENTOR_ONLY, _TOO_EARLY, _WRONG_PLACE, _TOO_OFTEN, _NO_JUSTIFICATION = (
    1 << bit for bit in range(FINDINGS)
)
TALK_DEVIATIONS: Final[Mapping[int, str]] = {
    _MENTOR_ONLY: "mentor_only",
    _TOO_EARLY: "remote_too_early",
    _WRONG_PLACE: "wrong_place",
    _TOO_OFTEN: "remote_too_often",
    _NO_JUSTIFICATION: "no_justification",
}
"""The deviations among them. That a due conversation is missing is seen by ``HELD`` not being there."""


def judge_conversations(
    protocol: Protocol, phase: InPersonPhase, ticks: Sequence[WeekStatus], talks: Mapping[int, int]
) -> dict[int, int]:
    """What is found of the weeks in which there were talks. The share of remote ones runs through them in order."""
    found: dict[int, int] = {}
    held_later = remote_later = 0
    for index in sorted(talks):
        if not 0 <= index < len(ticks):
            continue
        week, tick = talks[index], ticks[index]
        marks = 0
        if tick.conversation_due:
            if not week & _COUNTED:
                marks = 0 if week & _NOT_BY_MENTOR else _MENTOR_ONLY
            elif phase.covers(index, tick.number):
                marks = _in_person_week(protocol, week, workplace_started=phase.workplace_started_by(index))
            else:
                remote = is_remote(week)
                held_later += _is_in_share(week)
                remote_later += remote
                too_often = remote and not _remote_share_kept(protocol, remote_later, held_later)
                marks = HELD | _TOO_OFTEN if too_often else HELD | CONFORMING
        if week & _UNJUSTIFIED:
            marks |= _NO_JUSTIFICATION
        found[index] = marks
    return found


def _in_person_week(protocol: Protocol, week: int, *, workplace_started: bool) -> int:
    """What is found of counting talks in a week in which one is to be in person."""
    if is_remote(week):
        return HELD | _TOO_EARLY
    elsewhere = week & _IN_PERSON and not week & _AT_JOBCENTRE
    if elsewhere and protocol.judges_workplace and not workplace_started:
        return HELD | CONFORMING | _WRONG_PLACE
    return HELD | CONFORMING


def next_remote_too_often(
    protocol: Protocol, phase: InPersonPhase, ticks: Sequence[WeekStatus], talks: Mapping[int, int], index: int
) -> bool:
    """Whether, after the talks up to week ``index``, one more remote talk in a week of its own would be
    ``remote_too_often`` (domain 4.5, 5 "Worklist"). In the in-person weeks it would be too early instead."""
    if phase.covers(index, ticks[index].number):
        return False
    later = [
        week
        for i, tick in enumerate(ticks[: index + 1])
        if tick.conversation_due and (week := talks.get(i, 0)) & _COUNTED and not phase.covers(i, tick.number)
    ]
    remote, held = sum(map(is_remote, later)), sum(map(_is_in_share, later))
    return not _remote_share_kept(protocol, remote + 1, held + 1)


def _remote_share_kept(protocol: Protocol, remote: int, held: int) -> bool:
    """K ≤ ceil(share × m), exactly (4.5)."""
    share = protocol.remote_share_max
    return share is None or remote <= -(-share.numerator * held // share.denominator)
