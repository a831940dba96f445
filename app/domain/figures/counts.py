"""People counted by week: the numbers that every figure is a sum of (domain 5).

Counting happens here and nowhere else; all later steps add such numbers up. A measure is named by a string: a flag,
``participants``, ``entries``, ``no_shows``, ``first_conversations``, or a code behind its family: ``state:counted``,
``exit:job``, ``form:telephone``, ``deviation:remote_too_often``, ``missing:no_show``, ``coordination:mentor``,
``person:activated``.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from app.domain.facts import History
from app.domain.figures.contacts import MEASURES as CONTACTS
from app.domain.figures.contacts import count_contacts
from app.domain.figures.coordination import coordination_by_week
from app.domain.judged_weeks import FLAGS, JudgedWeeks
from app.domain.protocol import Protocol
from app.domain.rules.calendar import monday_of
from app.domain.rules.conversations import is_no_show, started_late_from, told_once
from app.domain.rules.weeks import judge

VERSION: Final = 1
"""Of the rules that stored counts are made by: it rises when the same records would be counted otherwise."""
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
HELD_PER_CENT: Final = 80
"""Of a person's due conversations, to count as held (domain 5, "By person")."""
CONDITION_SUMS = (*FLAGS, "entries", "first_conversations")
"""What the conditions and the grant are computed from."""
SUMS = (*CONDITION_SUMS, *FIRST_COORDINATION.values())
"""The measures that are asked for cumulatively, and have a column of their own."""
BY_PERSON: Final = "person:"
"""What the names of the measures by person begin with (domain 5). Added up over all weeks up to one they say how many
people had any such week; ``person:held_80``: of whose due conversations at least 80 % were held by then."""


def count(protocol: Protocol, ends_on: date, history: History) -> dict[date, Counter[str]]:
    """One person's contribution to every figure, by week.

    Deviations are counted as of a week that is over; ``started_late`` carries the day from which it is one,
    ``deviation:started_late@2010-11-16``, since its seven days may end after the week.
    """
    return count_people(protocol, ends_on, (history,))


def count_people(protocol: Protocol, ends_on: date, histories: Iterable[History]) -> dict[date, Counter[str]]:
    """The contributions of several people, added up."""
    return count_judged(protocol, (judge(protocol, ends_on, history) for history in histories))


def count_judged(protocol: Protocol, people: Iterable[JudgedWeeks]) -> dict[date, Counter[str]]:
    """The contributions of several people by their judged weeks. Weeks that are alike are looked into once."""
    weeks: Counter[tuple[Any, ...]] = Counter()
    numbers = Numbers()
    for judged in people:
        weeks.update(_counted_weeks(judged))
        _add_person_counts(protocol, judged, numbers, 1)
    for (monday, *week), n in weeks.items():
        for name in measures_of(*week):
            numbers[date.fromordinal(monday), name] += n
    return by_week(numbers)


def count_change(protocol: Protocol, ends_on: date, before: History, after: History) -> dict[date, Counter[str]]:
    """What must be added to sums that hold a person as known ``before`` so that they hold the person ``after``.

    The same as ``difference`` of the two counts; but only the weeks that differ are looked into.
    """
    numbers = Numbers()
    add_count_change(protocol, judge(protocol, ends_on, before), judge(protocol, ends_on, after), numbers)
    return by_week(numbers)


def add_count_change(protocol: Protocol, before: JudgedWeeks, after: JudgedWeeks, numbers: Numbers) -> None:
    """Adds the same, of histories that are judged already."""
    for earlier, later in zip(_counted_weeks(before), _counted_weeks(after), strict=True):
        if earlier != later:
            monday = date.fromordinal(later[0])
            for name in measures_of(*earlier[1:]):
                numbers[monday, name] -= 1
            for name in measures_of(*later[1:]):
                numbers[monday, name] += 1
    _add_person_counts(protocol, before, numbers, -1)
    _add_person_counts(protocol, after, numbers, 1)


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
    return Counter({name: n for name, n in counted.items() if name in SUMS or name.startswith((CONTACTS, BY_PERSON))})


# --- one week -------------------------------------------------------------------------------------------------------


def _counted_weeks(judged: JudgedWeeks) -> Iterator[tuple[Any, ...]]:
    """Each week's Monday (ordinal) and the columns that ``measures_of`` takes."""
    first = judged.first_monday.toordinal()
    flags = [getattr(judged, name) for name in FLAGS]
    mondays = range(first, first + 7 * len(judged.state), 7)
    return zip(mondays, judged.state, *flags, judged.deviations, judged.missing_because, strict=True)


def measures_of(state: str, *columns: Any) -> list[str]:
    """What a judged week counts for (domain 5): the measures under which it counts one. ``columns`` are the flags, the
    deviations and why a due conversation is missing; ``started_late`` is counted of the person."""
    *flags, deviations, missing_because = columns
    measures = [f"state:{state}", *[name for name, value in zip(FLAGS, flags, strict=True) if value]]
    if state != "absent":
        measures.append("participants")
    if missing_because is not None:
        measures.append(f"missing:{missing_because}")
    measures += [f"deviation:{code}" for code in deviations if code != "started_late"]
    return measures


# --- one person -----------------------------------------------------------------------------------------------------


def _add_person_counts(protocol: Protocol, judged: JudgedWeeks, numbers: Numbers, n: int) -> None:
    """Adds, ``n`` times, one person's contribution to every figure besides the weeks, by Monday and measure."""
    numbers[judged.first_monday, "entries"] += n
    if "started_late" in judged.deviations[0]:
        since = started_late_from(protocol, judged.assigned_on)
        numbers[judged.first_monday, f"deviation:started_late@{since}"] += n
    for day, reason in judged.presence.exits:
        numbers[monday_of(day), f"exit:{reason}"] += n
    _add_conversations(protocol, judged, numbers, n)
    for name, indexes in coordination_by_week(judged).items():
        for index in indexes:
            numbers[judged.monday(index), f"coordination:{name}"] += n
        if indexes:
            numbers[judged.monday(indexes[0]), FIRST_COORDINATION[name]] += n
    for index, name in _by_person(judged):
        numbers[judged.monday(index), BY_PERSON + name] += n
    for index, step in _steps_of_held_80(judged):
        numbers[judged.monday(index), f"{BY_PERSON}held_80"] += step * n


def _add_conversations(protocol: Protocol, judged: JudgedWeeks, numbers: Numbers, n: int) -> None:
    """Adds the numbers of conversations: what counts by form, no-shows, contacts, and whose first one it is."""
    history, counting = judged.history, []
    for talk, counts in told_once(protocol, history):
        if counts:
            counting.append(talk)
            numbers[monday_of(talk.date), f"form:{talk.form}"] += n
        elif is_no_show(history, talk):
            numbers[monday_of(talk.date), "no_shows"] += n
    if counting:
        numbers[monday_of(min([talk.date for talk in counting])), "first_conversations"] += n
    count_contacts(protocol, judged, counting, history.target_group, numbers, n)


def _by_person(judged: JudgedWeeks) -> Iterator[tuple[int, str]]:
    """In which week a person first had an activation or a conversation due, was activated, was at a workplace."""
    for name in ("activation_due", "activated", "workplace_activated", "conversation_due"):
        column: Sequence[bool] = getattr(judged, name)
        if True in column:
            yield column.index(True), name


def _steps_of_held_80(judged: JudgedWeeks) -> Iterator[tuple[int, int]]:
    """The weeks from which at least 80 % of the person's conversations due so far were held (1), or no longer (-1)."""
    due = held = 0
    enough = False
    for index, is_due in enumerate(judged.conversation_due):
        if is_due:
            due += 1
            held += judged.conversation_held[index]
            if (100 * held >= HELD_PER_CENT * due) != enough:
                enough = not enough
                yield index, 1 if enough else -1
