"""The figures: tallies added up, and held against the conditions (domain 5)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

from app.domain.calendar import is_over
from app.domain.draw import Arm
from app.domain.protocol import Protocol
from app.domain.tallies import FIRST_COORDINATION, Tally, cumulated
from app.domain.weeks import FLAGS

Standing = Literal["met", "not_met", "nothing_due"]


# --- rows -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """Whose figures a row holds: a jobcentre's, a region's, or, with neither, the trial's."""

    jobcentre: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """The three conditions of the grant (domain 5 [F]); None where the protocol has no thresholds."""

    conversation: Standing
    activation: Standing
    workplace: Standing

    def repeats_not_met(self, other: "Conditions") -> bool:
        """Whether the same condition is not met in both."""
        return any(
            mine == theirs == "not_met"
            for mine, theirs in zip(
                (self.conversation, self.activation, self.workplace),
                (other.conversation, other.activation, other.workplace),
                strict=True,
            )
        )


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


def figures_of(sums: Mapping[str, int]) -> Figures:
    """The six sums and four rates out of counted measures."""
    six = [sums.get(flag, 0) for flag in FLAGS]
    talks_due, held, conforming, offers_due, activated, at_workplace = six
    talks = (rate(held, talks_due), rate(conforming, talks_due))
    offers = (rate(activated, offers_due), rate(at_workplace, offers_due))
    return Figures(*six, *(None if each is None else float(each) for each in talks + offers))


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


def _standing(part: int, whole: int, per_cent: int) -> Standing:
    if not whole:
        return "nothing_due"
    return "met" if 100 * part >= per_cent * whole else "not_met"


def summary_rows(
    protocol: Protocol,
    groups: Mapping[str, Group],
    before: Mapping[tuple[str, Arm], Mapping[str, int]],
    numbers: Mapping[tuple[str, Arm], Tally],
    weeks: Sequence[date],
    today: date,
) -> list[SummaryRow]:
    """The rows of consecutive ``weeks`` (Mondays), by week, group and arm.

    ``groups`` says to which group each jobcentre's numbers are added; ``before`` holds the sums of all earlier weeks by
    jobcentre and arm, ``numbers`` those of the weeks themselves. Deviations appear once their week is over.
    """
    totals: dict[tuple[Group, Arm], Counter[str]] = {}
    for (jobcentre, arm), sums in before.items():
        totals.setdefault((groups[jobcentre], arm), Counter()).update(sums)
    rows: list[SummaryRow] = []
    for monday in weeks:
        here: dict[tuple[Group, Arm], Counter[str]] = {}
        for (jobcentre, arm), by_week in numbers.items():
            if monday in by_week:
                here.setdefault((groups[jobcentre], arm), Counter()).update(by_week[monday])
        for key in sorted(totals.keys() | here.keys(), key=_row_order):
            earlier, counted = totals.get(key, Counter()), here.get(key, Counter())
            total = totals[key] = earlier + cumulated(counted)
            if total["entries"]:
                rows.append(_row(protocol, monday, *key, _seen(counted, monday, today), total, earlier))
    return rows


def _row_order(key: tuple[Group, Arm]) -> tuple[str, str, bool]:
    group, arm = key
    return (group.region or "", group.jobcentre or "", arm != "treatment")


def _row(
    protocol: Protocol,
    monday: date,
    group: Group,
    arm: Arm,
    counted: Counter[str],
    total: Counter[str],
    earlier: Counter[str],
) -> SummaryRow:
    conditions = conditions_of(protocol, total) if arm == "treatment" else None
    plan: bool | None = None
    if arm == "treatment" and group.jobcentre is not None:
        previous = conditions_of(protocol, earlier)
        plan = conditions is not None and previous is not None and conditions.repeats_not_met(previous)
    return SummaryRow(monday, group, arm, counted, total, conditions, plan)


def _seen(counted: Counter[str], monday: date, today: date) -> Counter[str]:
    """The week's numbers as they stand today: deviations of weeks that are over only, ``started_late`` from its day."""
    over = is_over(monday, today)
    seen: Counter[str] = Counter()
    for name, n in counted.items():
        if name.startswith("deviation:"):
            code, _, since = name.partition("@")
            if over and (not since or date.fromisoformat(since) <= today):
                seen[code] += n
        else:
            seen[name] += n
    return seen


def coordination_so_far(cumulative: Mapping[str, int]) -> dict[str, int]:
    """How many people had a mentor, or a support effort of each area, in any week up to one."""
    return {name: cumulative.get(first, 0) for name, first in FIRST_COORDINATION.items()}


def codes_of(family: str, counted: Mapping[str, int]) -> dict[str, int]:
    """The numbers of a family of measures by code, sorted, without zeros: ``codes_of("exit", …)`` → ``{"job": 2}``."""
    prefix = f"{family}:"
    return {name[len(prefix) :]: n for name, n in sorted(counted.items()) if n and name.startswith(prefix)}


# --- the grant ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grant:
    """The grant of a jobcentre up to a week (domain 5 [F]), in DKK."""

    first_conversations: int
    """Treatment participants with at least one counting conversation."""
    agreed_participants: int
    dkk_per_participant: int
    amount_dkk: int
    """For the participants with a conversation, at most for the agreed number."""
    payable: bool | None
    """While all three conditions are met; None where the protocol has no thresholds."""
    payable_dkk: int | None
    """The amount while it is payable, else 0; None where the protocol has no thresholds."""


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
