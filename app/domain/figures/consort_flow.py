"""The flow of people through a trial (CONSORT, domain 5 "Flow"): screened, eligible, drawn, out and back, complete."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from app.domain.facts import ExitReason, History
from app.domain.protocol import Protocol
from app.domain.rules.calendar import is_over
from app.domain.rules.draw import ARMS, Arm
from app.domain.rules.weeks import judge

CandidateStatus = Literal["ineligible", "waiting", "withdrawn", "drawn"]
_STRONGEST_FIRST: Sequence[CandidateStatus] = ("drawn", "waiting")
"""Whoever was drawn, or waits, is that, whatever was tried elsewhere afterwards (``not_available``) [choice]."""


@dataclass(frozen=True, slots=True)
class ScreenedPerson:
    """A person's latest screening in one jobcentre. ``order`` is that of registration, ``person`` who it is.

    The latest is the one registered last: it is the one that decided whether the person could be drawn [choice].
    """

    person: str
    order: int
    failures: tuple[str, ...]
    drawn: bool
    withdrawn: bool

    @property
    def standing(self) -> CandidateStatus:
        """What has become of it."""
        if self.failures:
            return "ineligible"
        return "drawn" if self.drawn else "withdrawn" if self.withdrawn else "waiting"


@dataclass(frozen=True, slots=True)
class IntakeFlow:
    """People by their latest screening: screened = ineligible + waiting + withdrawn + drawn."""

    people: Mapping[CandidateStatus, int]
    failures: Mapping[str, int]
    """The ineligible by code; a person counts under each."""


def intake_flow(screenings: Iterable[ScreenedPerson]) -> IntakeFlow:
    """Counts every person once, by the screening that stands for them."""
    standing_for: dict[str, ScreenedPerson] = {}
    for each in screenings:
        other = standing_for.get(each.person)
        if other is None or _rank(each) > _rank(other):
            standing_for[each.person] = each
    people = Counter(each.standing for each in standing_for.values())
    failures = Counter(code for each in standing_for.values() for code in each.failures)
    return IntakeFlow({each: people[each] for each in get_args(CandidateStatus)}, dict(sorted(failures.items())))


def _rank(screened: ScreenedPerson) -> tuple[bool, bool, int]:
    drawn, waiting = (screened.standing == each for each in _STRONGEST_FIRST)
    return drawn, waiting, screened.order


@dataclass(frozen=True, slots=True)
class Path:
    """What has become of one person drawn."""

    last_exit: ExitReason | None
    """Reason of the last exit that took effect; None of someone who never left."""
    re_entered: bool
    in_trial: bool
    complete: bool


def path_of(protocol: Protocol, ends_on: date, history: History, on: date, today: date) -> Path:
    """A drawn person's path: in the trial ``on`` a day; complete when the last week over ``today`` is."""
    judged = judge(protocol, ends_on, history)
    presence = judged.presence
    over = [state for index, state in enumerate(judged.state) if is_over(judged.monday(index), today)]
    return Path(
        last_exit=presence.exits[-1][1] if presence.exits else None,
        re_entered=bool(presence.re_entries),
        in_trial=presence.covers(on),
        complete=bool(over) and over[-1] == "complete",
    )


@dataclass(frozen=True, slots=True)
class ArmFlow:
    """The people drawn to an arm."""

    drawn: int
    exited: Mapping[str, int]
    """Ever effectively exited, by the reason of the last exit."""
    re_entered: int
    in_trial: int
    complete: int


class Paths:
    """The paths of both arms, person by person."""

    def __init__(self) -> None:
        self._numbers: Mapping[Arm, Counter[str]] = {arm: Counter() for arm in ARMS}
        self._exits: Mapping[Arm, Counter[str]] = {arm: Counter() for arm in ARMS}

    def add(self, arm: Arm, path: Path) -> None:
        """Adds one person drawn."""
        numbers = self._numbers[arm]
        numbers["drawn"] += 1
        numbers["re_entered"] += path.re_entered
        numbers["in_trial"] += path.in_trial
        numbers["complete"] += path.complete
        if path.last_exit is not None:
            self._exits[arm][path.last_exit] += 1

    def of(self, arm: Arm) -> ArmFlow:
        """The sums of an arm; every reason is there."""
        n = self._numbers[arm]
        exits = {reason: self._exits[arm][reason] for reason in get_args(ExitReason)}
        return ArmFlow(n["drawn"], exits, n["re_entered"], n["in_trial"], n["complete"])
