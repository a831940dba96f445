"""The clock of a person's weeks (domain 4.3, 4.4): which are counted, their numbers, the meter, and what is due."""

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import compress, count, islice
from typing import Literal, NamedTuple

from app.domain.facts import Exemption
from app.domain.protocol import Protocol
from app.domain.rules.activity import ActivityByWeek
from app.domain.rules.timeline import Timeline, weeks_with

WeekState = Literal["assignment_week", "counted", "absent", "exempt", "complete"]


class WeekStatus(NamedTuple):
    """What the clock says of a week: programme number, state, and what is due."""

    number: int | None
    state: WeekState
    conversation_due: bool = False
    activation_due: bool = False
    contact_week: bool = False
    """Where the cadence is an average: a counted week with enough days not exempt from conversations, which is a part
    of the denominator of contacts per four weeks (domain 6 [C]). Nothing is due in it."""
    meter: int = 0
    """Weeks of the nine months used up, this one included (4.4)."""


class Clock(tuple[WeekStatus, ...]):
    """The ticks of a person's weeks. Two clocks are the same only if they are one object: see ``_clock_of``."""

    __slots__ = ()
    __hash__ = object.__hash__
    __eq__ = object.__eq__


def run_clock(
    protocol: Protocol, line: Timeline, in_trial: int, exemptions: Sequence[Exemption], activity: ActivityByWeek
) -> Clock:
    """The clock of a person: days in the trial as a set of working days, exemptions, and the weeks of activity."""
    from_talks = _exempt(line, (x for x in exemptions if x.scope != "activation"))
    from_activation = _exempt(line, (x for x in exemptions if x.scope != "conversations"))
    enough, due_week = protocol.countable_days, protocol.activation_due_week
    rule = (enough, protocol.cadence == "weekly", due_week, protocol.max_activation_weeks, protocol.max_programme_weeks)
    early = _early_weeks(line.weeks, in_trial & ~(from_talks & from_activation), enough, due_week)
    return _clock_of(line.weeks, in_trial, from_talks, from_activation, activity.active()[:early], rule)


def _exempt(line: Timeline, exemptions: Iterable[Exemption]) -> int:
    return line.days_of((x.starts_on, x.ends_on) for x in exemptions)


@lru_cache(maxsize=2048)
def _early_weeks(weeks: int, available: int, enough: int, due_week: int | None) -> int:
    """How many weeks there are before the one whose number is that in which activation becomes due: activity has a part
    in no clock after these. It only keeps the keys of clocks alike; what is due in a week the clock itself says."""
    if due_week is None:
        return 0
    # The assignment week has number 1, the first available one after it number 2.
    numbered = compress(count(1), weeks_with(available, weeks, enough)[1:])
    return next(islice(numbered, max(due_week - 2, 0), None), weeks)


@lru_cache(maxsize=2048)
def _clock_of(
    weeks: int,
    in_trial: int,
    from_talks: int,
    from_activation: int,
    active: bytes,
    rule: tuple[int, bool, int | None, int | None, int | None],
) -> Clock:
    """The clock of everyone with the same days in the trial, exemptions and early active weeks: worked out once.

    ``active`` has a byte for each early week, 1 or 0; ``rule`` is countable days, whether the cadence is weekly, the
    week in which activation becomes due, and how many weeks of activation and of the programme there are at most.
    """
    enough, weekly, due_week, max_activation_weeks, max_programme_weeks = rule
    present = weeks_with(in_trial, weeks, enough)
    open_to_talks = weeks_with(in_trial & ~from_talks, weeks, enough)
    open_to_offers = weeks_with(in_trial & ~from_activation, weeks, enough)
    available = weeks_with(in_trial & ~(from_talks & from_activation), weeks, enough)
    ticks: list[WeekStatus] = [_tick(1, "assignment_week")]
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
        early = due_week is not None and not reached and active[index]
        meter += bool(activation_due or early)
        talks = open_to_talks[index] == 1
        ticks.append(_tick(number, "counted", talks and weekly, activation_due, talks and not weekly, meter))
        through = meter == max_activation_weeks or number == max_programme_weeks
    return Clock(ticks)


_tick = cache(WeekStatus)
"""One object for all ticks alike: there are no more than a trial has numbers, meters and states."""
