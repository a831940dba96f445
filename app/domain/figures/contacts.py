"""Contacts per person and four weeks: the measure of protocols whose cadence is an average (domain 6 [C]).

An average is 4 × counting conversations / weeks, over the *contact weeks*: counted weeks with enough days not exempt
from conversations. In total; by form, which splits the conversations; and by target group, each with its own people's
conversations and weeks. Nothing is due in a single week, of a single person.

Counted by week as measures that begin with ``contacts:``, so that sums of them stay exact: ``contacts:weeks``,
``contacts:form:telephone``, and for the target group 2 ``contacts:people:2``, ``contacts:weeks:2``,
``contacts:held:2``. What is required of them is added by jobcentre when counts are read (``with_requirements``):
``contacts:due:1.5:2`` are weeks of the group 2 and ``contacts:bound:1.5:2`` its people, of whom 1.5 contacts are
required. Groups without a number do not enter what is required in total [choice].
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from app.domain.facts import Conversation
from app.domain.judged_weeks import JudgedWeeks
from app.domain.protocol import Protocol
from app.domain.rules.calendar import monday_of

MEASURES = "contacts:"
"""What the names of these measures begin with. All of them are asked for cumulatively."""
_FORM, _PEOPLE, _WEEKS, _HELD = (f"{MEASURES}{name}:" for name in ("form", "people", "weeks", "held"))
_DUE, _BOUND = f"{MEASURES}due:", f"{MEASURES}bound:"
_ALL_WEEKS = f"{MEASURES}weeks"
RequiredContacts = float | Mapping[str, float] | None
"""Contacts per person and four weeks that are required: one number for all, or by target group; None: not set."""
WEEKS_OF_AVERAGE = 4


@dataclass(frozen=True, slots=True)
class Contacts:
    """Contacts per person and four weeks; None where no week is in the denominator."""

    total: float | None
    by_form: Mapping[str, float]
    """The forms that occurred."""
    by_target_group: Mapping[str, float | None]
    """The target groups of which somebody was assigned."""


def count_contacts(
    protocol: Protocol,
    judged: JudgedWeeks,
    counting: Sequence[Conversation],
    group: int | None,
    numbers: Counter[tuple[date, str]],
    n: int,
) -> None:
    """Add, ``n`` times, the measures of one person by Monday and measure; none where the cadence is weekly.

    ``counting`` are the person's counting conversations, ``group`` the person's target group.
    """
    if protocol.cadence != "average":
        return
    weeks = [judged.monday(index) for index, counts in enumerate(judged.contact_week) if counts]
    for monday in weeks:
        numbers[monday, _ALL_WEEKS] += n
    within = set(weeks)
    held = [(monday, talk.form) for talk in counting if (monday := monday_of(talk.date)) in within]
    for monday, form in held:
        numbers[monday, f"{_FORM}{form}"] += n
    if group is None:
        return
    numbers[judged.first_monday, f"{_PEOPLE}{group}"] += n
    for monday in weeks:
        numbers[monday, f"{_WEEKS}{group}"] += n
    for monday, _ in held:
        numbers[monday, f"{_HELD}{group}"] += n


def contacts_of(sums: Mapping[str, int], people: Mapping[str, int]) -> Contacts:
    """The averages out of sums over a span of weeks; ``people`` are the sums up to its end, which say whose groups."""
    weeks = sums.get(_ALL_WEEKS, 0)
    forms = _codes(_FORM, sums)
    return Contacts(
        _average(sum(forms.values()), weeks),
        {form: average for form, n in forms.items() if (average := _average(n, weeks)) is not None},
        {
            group: _average(sums.get(f"{_HELD}{group}", 0), sums.get(f"{_WEEKS}{group}", 0))
            for group in sorted(_codes(_PEOPLE, people), key=int)
        },
    )


@dataclass(frozen=True, slots=True)
class Required:
    """Contacts per person and four weeks that are required; None where nothing is, or no week counts."""

    total: float | None
    """The mean of what is required of the groups, weighted by counted weeks."""
    by_target_group: Mapping[str, float | None]
    """Of jobcentres that require different numbers of a group their mean, weighted by its counted weeks."""


def with_requirements(counted: Mapping[str, int], required: RequiredContacts) -> dict[str, int]:
    """Add to counts of one jobcentre what is required of whom: sums over jobcentres then say it of a row."""
    weeks, people = _codes(_WEEKS, counted), _codes(_PEOPLE, counted)
    if apart := counted.get(_ALL_WEEKS, 0) - sum(weeks.values()):
        weeks[""] = apart
    return {
        **counted,
        **{f"{_DUE}{_required_of(group, required)}:{group}": n for group, n in weeks.items()},
        **{f"{_BOUND}{_required_of(group, required)}:{group}": n for group, n in people.items()},
    }


def _required_of(group: str, required: RequiredContacts) -> str:
    number = required.get(group) if isinstance(required, Mapping) else required
    return "" if number is None else str(float(number))


def required_of(sums: Mapping[str, int], people: Mapping[str, int]) -> Required:
    """What is required over a span of weeks; ``people`` are the sums up to its end, which say whose groups."""
    weeks, bound = _codes(_DUE, sums), [key.split(":") for key in _codes(_BOUND, people)]
    by_group: dict[str, float | None] = {}
    for group in sorted({group for _, group in bound}, key=int):
        numbers = {number for number, of_group in bound if of_group == group}
        only = numbers.pop() if len(numbers) == 1 else ""
        by_group[group] = (
            float(only) if only else _mean({key: n for key, n in weeks.items() if key.endswith(f":{group}")})
        )
    return Required(_mean(weeks), by_group)


def _mean(weeks: Mapping[str, int]) -> float | None:
    """The mean of the numbers in the keys of weeks, exact but for the last step; None of no week."""
    numbers = [(Fraction(number), n) for key, n in weeks.items() if (number := key.partition(":")[0])]
    total = sum([n for _, n in numbers])
    return float(sum([number * n for number, n in numbers], Fraction(0)) / total) if total else None


def _average(conversations: int, weeks: int) -> float | None:
    return float(Fraction(WEEKS_OF_AVERAGE * conversations, weeks)) if weeks else None


def _codes(family: str, counted: Mapping[str, int]) -> dict[str, int]:
    return {name[len(family) :]: n for name, n in sorted(counted.items()) if n and name.startswith(family)}
