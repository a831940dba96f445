"""The activity curve: treatment against control by weeks since the assignment (domain 5 [E, figure 1]).

A person is turned into what they did week by week (``weeks_of``), sums are kept by arm (``Sums``), and ``curve`` makes
the points out of them.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import sqrt
from typing import Literal, NamedTuple, get_args

from app.domain.facts import ActivationType, History
from app.domain.judged_weeks import WORKING_DAYS, JudgedWeeks
from app.domain.protocol import Protocol
from app.domain.rules.calendar import is_over
from app.domain.rules.draw import ARMS, Arm
from app.domain.rules.weeks import judge

Measure = Literal["conversation", "activation", "workplace", ActivationType]
"""A counting conversation in the week; active in it (4.6); active and at a workplace; covered by that activation."""
Analysis = Literal["conditional", "intention_to_treat"]
ANALYSES: tuple[Analysis, ...] = get_args(Analysis)

_Z = 1.959963984540054
"""The normal distribution's 97.5 % point: intervals are of 95 %."""


class PersonWeek(NamedTuple):
    """One person k weeks after the assignment week: in the trial on all five working days, and whether they did it."""

    present: bool
    did: bool


def weeks_of(
    protocol: Protocol, ends_on: date, history: History, measure: Measure, today: date
) -> Iterator[PersonWeek]:
    """The weeks that are over and not past the trial's end, from the assignment week (k = 0) on.

    Absence and exemption are not looked at: k counts ISO weeks. What was done while out of the trial counts too.
    """
    judged = judge(protocol, ends_on, history)
    did = _weeks_with(judged, history, measure)
    for index, days in enumerate(judged.days_in_trial):
        if not is_over(judged.monday(index), today):
            return
        yield PersonWeek(days == WORKING_DAYS, index in did)


def _weeks_with(judged: JudgedWeeks, history: History, measure: Measure) -> Collection[int]:
    if measure == "conversation":
        return {index for index, form in enumerate(judged.form) if form is not None}
    if measure == "activation":
        return {index for index, active in enumerate(judged.active) if active}
    if measure == "workplace":
        return {index for index, active in enumerate(judged.active) if active and judged.at_workplace[index]}
    offers = [offer for _, offer in history.activations if offer.type == measure]
    return {index for offer in offers for index in judged.indexes_of(offer.starts_on, offer.ends_on)}


@dataclass(slots=True)
class Sums:
    """People, and those who did it, by week since the assignment, for one arm and analysis."""

    n: list[int] = field(default_factory=list)
    count: list[int] = field(default_factory=list)

    def add(self, k: int, did: bool) -> None:
        """Adds one person's week."""
        while len(self.n) <= k:
            self.n.append(0)
            self.count.append(0)
        self.n[k] += 1
        self.count[k] += did

    def at(self, k: int) -> "Share":
        """The share k weeks after the assignment week."""
        return Share(self.n[k], self.count[k]) if k < len(self.n) else Share(0, 0)


class Tallies:
    """The sums of both arms and both analyses, person by person."""

    def __init__(self) -> None:
        self.sums: Mapping[tuple[Arm, Analysis], Sums] = {
            (arm, analysis): Sums() for arm in ARMS for analysis in ANALYSES
        }

    def add(self, arm: Arm, weeks: Iterator[PersonWeek]) -> None:
        """Adds one person: intention to treat every week, conditional those in the trial on all five working days."""
        everyone, conditional = self.sums[arm, "intention_to_treat"], self.sums[arm, "conditional"]
        for k, week in enumerate(weeks):
            everyone.add(k, week.did)
            if week.present:
                conditional.add(k, week.did)


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    n: int
    count: int

    @property
    def share(self) -> float | None:
        """From 0 to 1, None of nobody."""
        return self.count / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Difference:
    """Treatment − control with its 95 % interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Point:
    """The arms k weeks after the assignment week; ``running_sum`` is that of the differences up to it."""

    k: int
    analysis: Analysis
    treatment: Share
    control: Share
    difference: Difference | None
    running_sum: float


def curve(tallies: Tallies) -> list[Point]:
    """The points by analysis and week. With an empty arm the difference is None and adds nothing."""
    longest = max(len(sums.n) for sums in tallies.sums.values())
    points: list[Point] = []
    for analysis in ANALYSES:
        running = 0.0
        for k in range(longest):
            treatment, control = (tallies.sums[arm, analysis].at(k) for arm in ARMS)
            difference = newcombe(treatment, control)
            running += difference.estimate if difference is not None else 0.0
            points.append(Point(k, analysis, treatment, control, difference, running))
    return points


def newcombe(one: Share, other: Share) -> Difference | None:
    """The difference of two independent shares with Newcombe's interval, without continuity correction (1998, method
    10): out of the Wilson intervals of both. None with nobody in one of them."""
    if one.share is None or other.share is None:
        return None
    p, q = one.share, other.share
    (low_p, high_p), (low_q, high_q) = _wilson(one), _wilson(other)
    low, high = sqrt((p - low_p) ** 2 + (high_q - q) ** 2), sqrt((high_p - p) ** 2 + (q - low_q) ** 2)
    return Difference(p - q, p - q - low, p - q + high)


def _wilson(share: Share) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    n, p = share.n, share.count / share.n
    middle = p + _Z**2 / (2 * n)
    half = _Z * sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n))
    scale = 1 + _Z**2 / n
    return (middle - half) / scale, (middle + half) / scale
