"""The figures: person-weeks counted, added up, and held against the conditions (domain 5).

Counting happens once, in ``tally``: it turns one person into numbers by week. All later steps add such numbers up. A
measure is named by a string: a flag, ``participants``, ``entries``, ``no_shows``, ``first_conversations``, or a code
behind its family: ``state:counted``, ``exit:job``, ``form:telephone``, ``deviation:remote_too_often``,
``coordination:mentor``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal

from app.domain.calendar import is_over, monday_of
from app.domain.contacts import MEASURES as CONTACTS
from app.domain.contacts import tally_contacts
from app.domain.coordination import coordination_by_week
from app.domain.draw import Arm
from app.domain.facts import History
from app.domain.protocol import Protocol
from app.domain.weeks import DAYS_TO_START, FLAGS, Course, counts, judge_on

Tally = Mapping[date, Counter[str]]
"""Numbers by the Monday of the week and by measure."""
FIRST_COORDINATION = {
    "mentor": "first_mentor",
    "company": "first_company_support",
    "social_services": "first_social_services_support",
    "health": "first_health_support",
}
"""The measure that counts a person in the first week of each kind of coordination."""
CONDITION_SUMS = (*FLAGS, "entries", "first_conversations")
"""What the conditions and the grant are computed from."""
SUMS = (*CONDITION_SUMS, *FIRST_COORDINATION.values())
"""The measures that are asked for cumulatively."""
Standing = Literal["met", "not_met", "nothing_due"]


def tally(protocol: Protocol, ends_on: date, history: History) -> dict[date, Counter[str]]:
    """One person's contribution to every figure, by week.

    Deviations are counted as of a week that is over; ``started_late`` carries the day from which it stands,
    ``deviation:started_late@2010-11-16``, since its seven days may end after the week.
    """
    course = Course.of(protocol, ends_on, history)
    numbers: dict[date, Counter[str]] = {}
    for week in judge_on(course, protocol, history):
        counted = numbers[week.monday] = Counter({f"state:{week.state}": 1})
        if week.state != "absent":
            counted["participants"] = 1
        for flag, value in zip(FLAGS, week[3:9], strict=True):
            if value:
                counted[flag] = 1
        for code in week.deviations:
            counted[f"deviation:{_dated(code, history.assigned_on)}"] = 1
    numbers[monday_of(history.assigned_on)]["entries"] = 1
    for event in course.presence.exits:
        numbers.setdefault(monday_of(event.date), Counter())[f"exit:{event.reason}"] += 1
    _tally_talks(protocol, history, numbers)
    tally_contacts(protocol, course, history, numbers)
    for name, weeks in coordination_by_week(course.line, history).items():
        for index in weeks:
            numbers[course.line.monday(index)][f"coordination:{name}"] = 1
        if weeks:
            numbers[course.line.monday(weeks[0])][FIRST_COORDINATION[name]] = 1
    return numbers


def _dated(code: str, assigned_on: date) -> str:
    return f"{code}@{assigned_on + timedelta(days=DAYS_TO_START + 1)}" if code == "started_late" else code


def _tally_talks(protocol: Protocol, history: History, numbers: dict[date, Counter[str]]) -> None:
    """Forms of the counting conversations, no-shows after the assignment, and the first counting conversation."""
    first: date | None = None
    for talk in history.conversations:
        if counts(protocol, history.assigned_on, talk):
            numbers.setdefault(monday_of(talk.date), Counter())[f"form:{talk.form}"] += 1
            first = talk.date if first is None else min(first, talk.date)
        elif talk.status == "no_show" and talk.date > history.assigned_on:
            numbers.setdefault(monday_of(talk.date), Counter())["no_shows"] += 1
    if first is not None:
        numbers[monday_of(first)]["first_conversations"] = 1


def cumulated(counted: Mapping[str, int]) -> Counter[str]:
    """The measures among those counted that are asked for cumulatively."""
    return Counter({name: n for name, n in counted.items() if name in SUMS or name.startswith(CONTACTS)})


def difference(before: Tally, after: Tally) -> dict[date, dict[str, int]]:
    """What must be added to sums that hold ``before`` so that they hold ``after``; nothing where nothing changed."""
    changed: dict[date, dict[str, int]] = {}
    nothing: Counter[str] = Counter()
    for monday in before.keys() | after.keys():
        old, new = before.get(monday, nothing), after.get(monday, nothing)
        if old != new:
            changed[monday] = {name: n for name in old.keys() | new.keys() if (n := new[name] - old[name])}
    return changed


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


def add_up(parts: Iterable[Mapping[date, Mapping[str, int]]]) -> dict[date, Counter[str]]:
    """Adds tallies or differences up, week by week."""
    total: dict[date, Counter[str]] = {}
    for part in parts:
        for monday, numbers in part.items():
            here = total.setdefault(monday, Counter())
            for name, n in numbers.items():
                here[name] += n
    return total
