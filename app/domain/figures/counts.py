"""People counted by week: the numbers that every figure is a sum of (domain 5).

Counting happens here and nowhere else; all later steps add such numbers up. A measure is named by a string: a flag,
``participants``, ``entries``, ``no_shows``, ``first_conversations``, or a code behind its family: ``state:counted``,
``exit:job``, ``form:telephone``, ``deviation:remote_too_often``, ``coordination:mentor``.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from app.domain.facts import Conversation, History
from app.domain.figures.contacts import MEASURES as CONTACTS
from app.domain.figures.contacts import count_contacts
from app.domain.figures.coordination import coordination_by_week
from app.domain.protocol import Protocol
from app.domain.rules.calendar import monday_of
from app.domain.rules.conversations import DAYS_TO_START
from app.domain.rules.judged import Judged, added_conversations
from app.domain.rules.weeks import FLAGS, Week

WeeklyCounts = Mapping[date, Counter[str]]
"""Numbers by the Monday of the week and by measure."""
Numbers = Counter[tuple[date, str]]
"""The same while it is added up."""
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


def count(protocol: Protocol, ends_on: date, history: History) -> dict[date, Counter[str]]:
    """One person's contribution to every figure, by week.

    Deviations are counted as of a week that is over; ``started_late`` carries the day from which it stands,
    ``deviation:started_late@2010-11-16``, since its seven days may end after the week.
    """
    return count_people(protocol, ends_on, (history,))


def count_people(protocol: Protocol, ends_on: date, histories: Iterable[History]) -> dict[date, Counter[str]]:
    """The contributions of several people, added up. Weeks that are alike are counted first and looked into once."""
    weeks: Counter[Week] = Counter()
    forms, beside = Numbers(), Numbers()
    for history in histories:
        judged = Judged.of(protocol, ends_on, history)
        weeks.update(judged.weeks)
        forms.update([(talk.date, talk.form) for talk in judged.talks.counting])
        _add_person_counts(protocol, judged, beside)
    for (day, form), n in forms.items():
        beside[monday_of(day), f"form:{form}"] += n
    for week, n in weeks.items():
        for name in _measures_of(*week[2:]):
            beside[week.monday, name] += n
    return by_week(beside)


def count_change(protocol: Protocol, ends_on: date, before: History, after: History) -> dict[date, Counter[str]]:
    """What must be added to sums that hold a person as known ``before`` so that they hold the person ``after``.

    The same as ``difference`` of the two tallies; but only the weeks that differ are looked into.
    """
    judged, numbers = Judged.of(protocol, ends_on, before), Numbers()
    add_count_change(protocol, judged, judged.then(protocol, ends_on, after), numbers)
    return by_week(numbers)


def add_count_change(protocol: Protocol, before: Judged, after: Judged, numbers: Numbers) -> None:
    """Adds the same, of histories that are judged already."""
    for earlier, later in zip(before.weeks, after.weeks, strict=True):
        if earlier is not later and earlier != later:
            monday = earlier.monday
            for name, n in _step(earlier[2:], later[2:]):
                numbers[monday, name] += n
    _change_beside(protocol, before, after, numbers)


@lru_cache(maxsize=8192)
def _step(before: tuple[Any, ...], after: tuple[Any, ...]) -> Sequence[tuple[str, int]]:
    """What a week counts more and less when it becomes another one, of the fields after its number."""
    step = Counter(_measures_of(*after))
    step.subtract(_measures_of(*before))
    return [(name, n) for name, n in step.items() if n]


def _change_beside(protocol: Protocol, before: Judged, after: Judged, numbers: Numbers) -> None:
    added = added_conversations(before.history, after.history)
    if added is not None and before.course is after.course and protocol.cadence == "weekly":
        _change_of_talks(before, after, added, numbers)
        return
    _add_person_counts(protocol, after, numbers)
    _add_forms(after.talks.counting, numbers)
    taken = Numbers()
    _add_person_counts(protocol, before, taken)
    _add_forms(before.talks.counting, taken)
    numbers.subtract(taken)


def difference(before: WeeklyCounts, after: WeeklyCounts) -> dict[date, dict[str, int]]:
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
    total: defaultdict[date, Counter[str]] = defaultdict(Counter)
    for part in parts:
        for monday, numbers in part.items():
            here = total[monday]
            for name, n in numbers.items():
                here[name] += n
    return dict(total)


def by_week(numbers: Mapping[tuple[date, str], int]) -> dict[date, Counter[str]]:
    """Numbers by Monday and measure as a tally, without those that are 0."""
    total: defaultdict[date, Counter[str]] = defaultdict(Counter)
    for (monday, name), n in numbers.items():
        if n:
            total[monday][name] = n
    return dict(total)


def cumulated(counted: Mapping[str, int]) -> Counter[str]:
    """The measures among those counted that are asked for cumulatively."""
    return Counter({name: n for name, n in counted.items() if name in SUMS or name.startswith(CONTACTS)})


# --- one person -----------------------------------------------------------------------------------------------------


def _add_person_counts(protocol: Protocol, judged: Judged, numbers: Numbers) -> None:
    """Adds one person's contribution to every figure besides the weeks and the forms, by Monday and measure."""
    history, course = judged.history, judged.course
    numbers[course.line.monday(0), "entries"] += 1
    if judged.judged.started_late:
        numbers[_started_late(judged)] += 1
    for event in course.presence.exits:
        numbers[monday_of(event.date), f"exit:{event.reason}"] += 1
    _add_no_shows(history.assigned_on, history.conversations, numbers)
    if judged.talks.first is not None:
        numbers[monday_of(judged.talks.first), "first_conversations"] += 1
    count_contacts(protocol, course, judged.talks.counting, history.target_group, numbers)
    for name, indexes in coordination_by_week(course.line, history).items():
        for index in indexes:
            numbers[course.line.monday(index), f"coordination:{name}"] += 1
        if indexes:
            numbers[course.line.monday(indexes[0]), FIRST_COORDINATION[name]] += 1


def _add_forms(counting: Iterable[Conversation], numbers: Numbers) -> None:
    for talk in counting:
        numbers[monday_of(talk.date), f"form:{talk.form}"] += 1


def _add_no_shows(assigned_on: date, talks: Iterable[Conversation], numbers: Numbers) -> None:
    for talk in talks:
        if talk.status == "no_show" and talk.date > assigned_on:
            numbers[monday_of(talk.date), "no_shows"] += 1


def _started_late(judged: Judged) -> tuple[date, str]:
    """What tells of a late start: the day from which it stands, in the assignment week."""
    stands_from = judged.history.assigned_on + timedelta(days=DAYS_TO_START + 1)
    return judged.weeks[0].monday, f"deviation:started_late@{stands_from}"


def _change_of_talks(before: Judged, after: Judged, added: Sequence[Conversation], changed: Numbers) -> None:
    """What further conversations change beside the weeks, where the cadence is weekly."""
    _add_forms(after.talks.counting[len(before.talks.counting) :], changed)
    _add_no_shows(before.history.assigned_on, added, changed)
    earlier, first = before.talks.first, after.talks.first
    if first is not None and first != earlier:
        changed[monday_of(first), "first_conversations"] += 1
        if earlier is not None:
            changed[monday_of(earlier), "first_conversations"] -= 1
    if before.judged.started_late and not after.judged.started_late:
        changed[_started_late(before)] -= 1


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
