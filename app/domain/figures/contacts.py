"""Contacts per person and four weeks: the measure of protocols whose cadence is an average (domain 6 [C]).

An average is 4 × counting conversations / weeks, over the *contact weeks*: counted weeks with enough days not exempt
from conversations. In total; by form, which splits the conversations; and by target group, each with its own people's
conversations and weeks. Nothing is due in a single week, of a single person.

Counted by week as measures that begin with ``contacts:``, so that sums of them stay exact: ``contacts:weeks``,
``contacts:form:telephone``, and for the target group 2 ``contacts:people:2``, ``contacts:weeks:2``,
``contacts:held:2``.
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
_ALL_WEEKS = f"{MEASURES}weeks"
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


def _average(conversations: int, weeks: int) -> float | None:
    return float(Fraction(WEEKS_OF_AVERAGE * conversations, weeks)) if weeks else None


def _codes(family: str, counted: Mapping[str, int]) -> dict[str, int]:
    return {name[len(family) :]: n for name, n in sorted(counted.items()) if n and name.startswith(family)}
