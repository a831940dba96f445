"""People counted by week: the numbers that every figure is a sum of (domain 5).

Counting happens here and nowhere else; all later steps add such numbers up. A measure is named by a string: a flag,
``participants``, ``entries``, ``no_shows``, ``first_conversations``, or a code behind its family: ``state:counted``,
``exit:job``, ``form:telephone``, ``deviation:remote_too_often``, ``coordination:mentor``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from app.domain.calendar import monday_of
from app.domain.contacts import MEASURES as CONTACTS
from app.domain.contacts import tally_contacts
from app.domain.coordination import coordination_by_week
from app.domain.facts import History
from app.domain.protocol import Protocol
from app.domain.weeks import DAYS_TO_START, FLAGS, Course, Week, counts, judge_on

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


@dataclass(frozen=True, slots=True)
class _Contribution:
    """One person's contribution to every figure: the judged weeks, and what is counted beside them."""

    weeks: tuple[Week, ...]
    beside: Counter[tuple[date, str]]
    """By Monday and measure."""


def tally(protocol: Protocol, ends_on: date, history: History) -> dict[date, Counter[str]]:
    """One person's contribution to every figure, by week.

    Deviations are counted as of a week that is over; ``started_late`` carries the day from which it stands,
    ``deviation:started_late@2010-11-16``, since its seven days may end after the week.
    """
    return tally_people(protocol, ends_on, (history,))


def tally_people(protocol: Protocol, ends_on: date, histories: Iterable[History]) -> dict[date, Counter[str]]:
    """The contributions of several people, added up. Weeks that are alike are counted first and looked into once."""
    weeks: Counter[Week] = Counter()
    beside: Counter[tuple[date, str]] = Counter()
    for history in histories:
        contribution = _contribution(protocol, ends_on, history)
        weeks.update(contribution.weeks)
        for key, n in contribution.beside.items():
            beside[key] += n
    total: dict[date, Counter[str]] = {}
    for week, n in weeks.items():
        here = total.setdefault(week.monday, Counter())
        for name in _measures_of(*week[2:]):
            here[name] += n
    for (monday, name), n in beside.items():
        total.setdefault(monday, Counter())[name] += n
    return total


def change(protocol: Protocol, ends_on: date, before: History, after: History) -> dict[date, dict[str, int]]:
    """What must be added to sums that hold a person as known ``before`` so that they hold the person ``after``.

    The same as ``difference`` of the two tallies; but only the weeks that differ are looked into.
    """
    old, new = _contribution(protocol, ends_on, before), _contribution(protocol, ends_on, after)
    changed: Counter[tuple[date, str]] = Counter()
    for earlier, later in zip(old.weeks, new.weeks, strict=True):
        if earlier is not later and earlier != later:
            for name in _measures_of(*earlier[2:]):
                changed[earlier.monday, name] -= 1
            for name in _measures_of(*later[2:]):
                changed[later.monday, name] += 1
    if old.beside != new.beside:
        for key, n in new.beside.items():
            changed[key] += n
        for key, n in old.beside.items():
            changed[key] -= n
    by_week: dict[date, dict[str, int]] = {}
    for (monday, name), n in changed.items():
        if n:
            by_week.setdefault(monday, {})[name] = n
    return by_week


def difference(before: Tally, after: Tally) -> dict[date, dict[str, int]]:
    """What must be added to sums that hold ``before`` so that they hold ``after``; nothing where nothing changed."""
    changed: dict[date, dict[str, int]] = {}
    nothing: Counter[str] = Counter()
    for monday in before.keys() | after.keys():
        old, new = before.get(monday, nothing), after.get(monday, nothing)
        if old != new:
            changed[monday] = {name: n for name in old.keys() | new.keys() if (n := new[name] - old[name])}
    return changed


def add_up(parts: Iterable[Mapping[date, Mapping[str, int]]]) -> dict[date, Counter[str]]:
    """Adds tallies or differences up, week by week."""
    total: dict[date, Counter[str]] = {}
    for part in parts:
        for monday, numbers in part.items():
            here = total.setdefault(monday, Counter())
            for name, n in numbers.items():
                here[name] += n
    return total


def cumulated(counted: Mapping[str, int]) -> Counter[str]:
    """The measures among those counted that are asked for cumulatively."""
    return Counter({name: n for name, n in counted.items() if name in SUMS or name.startswith(CONTACTS)})


# --- one person -----------------------------------------------------------------------------------------------------


def _contribution(protocol: Protocol, ends_on: date, history: History) -> _Contribution:
    course = Course.of(protocol, ends_on, history)
    weeks = judge_on(course, protocol, history)
    beside: Counter[tuple[date, str]] = Counter({(course.line.monday(0), "entries"): 1})
    if "started_late" in weeks[0].deviations:
        stands_from = history.assigned_on + timedelta(days=DAYS_TO_START + 1)
        beside[weeks[0].monday, f"deviation:started_late@{stands_from}"] = 1
    for event in course.presence.exits:
        beside[monday_of(event.date), f"exit:{event.reason}"] += 1
    _count_talks(protocol, history, beside)
    tally_contacts(protocol, course, history, beside)
    for name, indexes in coordination_by_week(course.line, history).items():
        for index in indexes:
            beside[course.line.monday(index), f"coordination:{name}"] = 1
        if indexes:
            beside[course.line.monday(indexes[0]), FIRST_COORDINATION[name]] = 1
    return _Contribution(weeks, beside)


@lru_cache(maxsize=4096)
def _measures_of(state: str, *flags_and_deviations: object) -> tuple[str, ...]:
    """The measures that a week counts under, of a week's fields after its number; ``started_late`` stands beside."""
    *flags, deviations = flags_and_deviations
    assert isinstance(deviations, tuple)
    return (
        f"state:{state}",
        *(("participants",) if state != "absent" else ()),
        *(name for name, value in zip(FLAGS, flags, strict=True) if value),
        *(f"deviation:{code}" for code in deviations if code != "started_late"),
    )


def _count_talks(protocol: Protocol, history: History, beside: Counter[tuple[date, str]]) -> None:
    """Forms of the counting conversations, no-shows after the assignment, and the first counting conversation."""
    first: date | None = None
    for talk in history.conversations:
        if counts(protocol, history.assigned_on, talk):
            beside[monday_of(talk.date), f"form:{talk.form}"] += 1
            first = talk.date if first is None else min(first, talk.date)
        elif talk.status == "no_show" and talk.date > history.assigned_on:
            beside[monday_of(talk.date), "no_shows"] += 1
    if first is not None:
        beside[monday_of(first), "first_conversations"] = 1
