"""The figures: tallies added up, and held against the conditions (domain 5)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import lru_cache

from app.domain.figures.counts import BY_PERSON, FIRST_COORDINATION, cumulated
from app.domain.figures.report_types import (
    ActivationByPerson,
    ByPerson,
    Conditions,
    ConditionStatus,
    ConversationByPerson,
    Grant,
    Group,
)
from app.domain.judged_weeks import FLAGS
from app.domain.protocol import Protocol
from app.domain.rules.calendar import is_over
from app.domain.rules.draw import Arm

# --- rows -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums of a group and arm over a span of weeks, and the rates of domain 5; a rate with nothing due is None."""

    conversation_due: int
    conversation_held: int
    conversation_conforming: int
    activation_due: int
    activated: int
    workplace_activated: int
    conversation_rate: float | None
    conforming_rate: float | None
    activation_rate: float | None
    workplace_rate: float | None


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One row of the weekly summary: a week, a group and an arm."""

    monday: date
    group: Group
    arm: Arm
    week: Counter[str]
    cumulative: Counter[str]
    conditions: Conditions | None
    action_plan: bool | None
    """For treatment rows of a jobcentre: the same condition is not met in this and the previous week."""


def rate(part: int, whole: int) -> Fraction | None:
    """The share of a whole, None of nothing."""
    return Fraction(part, whole) if whole else None


def _number(part: int, whole: int) -> float | None:
    """The number nearest to ``rate``, which need not be made for it: a quotient of integers is rounded once."""
    return part / whole if whole else None


def figures_of(sums: Mapping[str, int]) -> Figures:
    """The six sums and four rates out of counted measures."""
    talks_due, held, conforming, offers_due, activated, at_workplace = [sums.get(flag, 0) for flag in FLAGS]
    return Figures(
        talks_due,
        held,
        conforming,
        offers_due,
        activated,
        at_workplace,
        _number(held, talks_due),
        _number(conforming, talks_due),
        _number(activated, offers_due),
        _number(at_workplace, offers_due),
    )


def by_person_of(cumulative: Mapping[str, int]) -> ByPerson:
    """People out of counted measures: of each duty those who had it, and those who did it."""

    def people(measure: str) -> int:
        return cumulative.get(BY_PERSON + measure, 0)

    return ByPerson(
        ActivationByPerson(people("activation_due"), people("activated"), people("workplace_activated")),
        ConversationByPerson(people("conversation_due"), people("held_80")),
    )


def conditions_of(protocol: Protocol, sums: Mapping[str, int]) -> Conditions | None:
    """Holds cumulative sums of the treatment arm against the thresholds, as exact fractions, inclusive."""
    limits = protocol.thresholds
    if limits is None:
        return None
    return Conditions(
        _standing(sums.get("conversation_held", 0), sums.get("conversation_due", 0), limits.conversation),
        _standing(sums.get("activated", 0), sums.get("activation_due", 0), limits.activation),
        _standing(sums.get("workplace_activated", 0), sums.get("activation_due", 0), limits.workplace),
    )


def _standing(part: int, whole: int, per_cent: int) -> ConditionStatus:
    if not whole:
        return "nothing_due"
    return "met" if 100 * part >= per_cent * whole else "not_met"


def summary_rows(
    protocol: Protocol,
    groups: Mapping[str, Group],
    before: Mapping[tuple[str, Arm], Mapping[str, int]],
    numbers: Mapping[tuple[str, Arm], Mapping[date, Mapping[str, int]]],
    weeks: Sequence[date],
    today: date,
) -> list[SummaryRow]:
    """The rows of consecutive ``weeks`` (Mondays), by week, group and arm.

    ``groups`` says to which group each jobcentre's numbers are added; ``before`` holds the sums of all earlier weeks by
    jobcentre and arm, ``numbers`` those of the weeks themselves. Deviations appear once their week is over.
    """
    lines: dict[tuple[Group, Arm], _Line] = {}
    for (jobcentre, arm), sums in before.items():
        _add(lines.setdefault((groups[jobcentre], arm), _Line()).total, sums)
    for (jobcentre, arm), by_week in numbers.items():
        lines.setdefault((groups[jobcentre], arm), _Line()).numbers.append(by_week)
    ordered = sorted(lines.items(), key=lambda each: _row_order(each[0]))
    rows: list[SummaryRow] = []
    for monday in weeks:
        over = is_over(monday, today)
        for (group, arm), line in ordered:
            earlier, counted = line.total, line.counted_in(monday)
            line.total = total = earlier.copy()
            _add(total, {name: n for name, n in counted.items() if _is_cumulative(name)})
            if total.get("entries"):
                seen = _seen(counted, today) if over else _without_deviations(counted)
                rows.append(_row(protocol, monday, group, arm, seen, total, earlier))
    return rows


@dataclass(slots=True)
class _Line:
    """The numbers of a group and arm: of its jobcentres by week, and of all weeks so far."""

    numbers: list[Mapping[date, Mapping[str, int]]] = field(default_factory=list)
    total: dict[str, int] = field(default_factory=dict)

    def counted_in(self, monday: date) -> Mapping[str, int]:
        parts = [by_week[monday] for by_week in self.numbers if monday in by_week]
        if len(parts) == 1:
            return parts[0]
        together: dict[str, int] = {}
        for part in parts:
            _add(together, part)
        return together


def _add(sums: dict[str, int], more: Mapping[str, int]) -> None:
    for name, n in more.items():
        sums[name] = sums.get(name, 0) + n


@lru_cache(maxsize=4096)
def _is_cumulative(name: str) -> bool:
    """Whether a measure is asked for cumulatively."""
    return bool(cumulated({name: 1}))


def _row_order(key: tuple[Group, Arm]) -> tuple[str, str, bool]:
    group, arm = key
    return (group.region or "", group.jobcentre or "", arm != "treatment")


def _row(
    protocol: Protocol,
    monday: date,
    group: Group,
    arm: Arm,
    seen: Mapping[str, int],
    total: Mapping[str, int],
    earlier: Mapping[str, int],
) -> SummaryRow:
    conditions = conditions_of(protocol, total) if arm == "treatment" else None
    plan: bool | None = None
    if arm == "treatment" and group.jobcentre is not None:
        previous = conditions_of(protocol, earlier)
        plan = conditions is not None and previous is not None and conditions.repeats_not_met(previous)
    return SummaryRow(monday, group, arm, Counter(seen), Counter(total), conditions, plan)


def _seen(counted: Mapping[str, int], today: date) -> dict[str, int]:
    """The numbers of a week that is over as they stand today: ``started_late`` counts from its day."""
    seen: dict[str, int] = {}
    for name, n in counted.items():
        code, since = _code_and_day(name)
        if since is None or since <= today:
            seen[code] = seen.get(code, 0) + n
    return seen


def _without_deviations(counted: Mapping[str, int]) -> dict[str, int]:
    return {name: n for name, n in counted.items() if not name.startswith(("deviation:", "missing:"))}


@lru_cache(maxsize=4096)
def _code_and_day(name: str) -> tuple[str, date | None]:
    """``deviation:started_late@2010-11-16`` is a deviation from that day on; all others stand at once."""
    if not name.startswith("deviation:"):
        return name, None
    code, _, since = name.partition("@")
    return code, date.fromisoformat(since) if since else None


def coordination_so_far(cumulative: Mapping[str, int]) -> dict[str, int]:
    """How many people had a mentor, or a support effort of each area, in any week up to one."""
    return {name: cumulative.get(first, 0) for name, first in FIRST_COORDINATION.items()}


def codes_of(family: str, counted: Mapping[str, int]) -> dict[str, int]:
    """The numbers of a family of measures by code, sorted, without zeros: ``codes_of("exit", …)`` → ``{"job": 2}``."""
    return families(counted).get(family, {})


def families(counted: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """All families of measures at once, each as ``codes_of`` gives it."""
    found: dict[str, dict[str, int]] = {}
    for name in sorted(counted):
        if n := counted[name]:
            family, code = _family_and_code(name)
            if code:
                found.setdefault(family, {})[code] = n
    return found


@lru_cache(maxsize=4096)
def _family_and_code(name: str) -> tuple[str, str]:
    family, _, code = name.partition(":")
    return family, code


# --- the grant ------------------------------------------------------------------------------------------------------


def grant_of(protocol: Protocol, agreed: int, sums: Mapping[str, int]) -> Grant | None:
    """The grant out of the cumulative sums of a jobcentre's treatment arm; None where the protocol pays none."""
    if protocol.grant_dkk is None:
        return None
    conditions = conditions_of(protocol, sums)
    payable = None
    if conditions is not None:
        payable = all(each == "met" for each in (conditions.conversation, conditions.activation, conditions.workplace))
    first = sums.get("first_conversations", 0)
    amount = min(first, agreed) * protocol.grant_dkk
    return Grant(first, agreed, protocol.grant_dkk, amount, payable, None if payable is None else amount * payable)
