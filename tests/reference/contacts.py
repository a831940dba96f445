"""Contacts a person and four weeks, and what is required of them (domain 6 [C])."""

from datetime import date
from fractions import Fraction
from typing import Any

from tests.reference.conversations import counts, told_by_one_client
from tests.reference.days import Row, day, field, monday_of, setting
from tests.reference.protocols import Protocol

Participant = dict[str, Any]
Weeks = list[tuple[Participant, list[Row]]]
"""Everyone of a group with their judged weeks."""
ContactWeeks = list[tuple[Participant, list[date]]]
"""Everyone with the Mondays of the weeks that enter the average."""


def contact_weeks(weeks: Weeks, first: date, last: date) -> ContactWeeks:
    """The counted weeks with at least 3 days not exempt from conversations, first and last Monday included."""
    return [
        (participant, [row["monday"] for row in rows if row["contact_week"] and first <= row["monday"] <= last])
        for participant, rows in weeks
    ]


def number_of(in_weeks: ContactWeeks) -> int:
    """The person-weeks."""
    return sum(len(mondays) for _, mondays in in_weeks)


def contact_forms(protocol: Protocol, in_weeks: ContactWeeks) -> list[str]:
    """The form of each counting conversation in those weeks, told by several once (domain 4.5)."""
    forms: list[str] = []
    for participant, mondays in in_weeks:
        person = participant["person"]
        for conversation in told_by_one_client(protocol, person):
            if counts(protocol, person, conversation) and monday_of(day(conversation["date"])) in mondays:
                forms.append(field(conversation, "form"))
    return forms


def per_four_weeks(conversations: int, weeks: int) -> float | None:
    """4 x conversations / weeks; null without weeks."""
    return None if weeks == 0 else float(Fraction(4 * conversations, weeks))


def of_group(in_weeks: ContactWeeks, group: int) -> ContactWeeks:
    """Those of one target group."""
    return [(participant, mondays) for participant, mondays in in_weeks if participant.get("target_group") == group]


def groups_of(weeks: Weeks) -> list[int]:
    """The target groups that anyone in the row belongs to."""
    return sorted({p["target_group"] for p, _ in weeks if p.get("target_group") is not None})


def contacts(protocol: Protocol, weeks: Weeks, first: date, last: date) -> dict[str, Any]:
    """In total, by form (which splits the numerator), by target group (a ratio of the group's own)."""
    in_weeks = contact_weeks(weeks, first, last)
    forms = contact_forms(protocol, in_weeks)
    number = number_of(in_weeks)
    by_group: dict[str, float | None] = {}
    for group in groups_of(weeks):
        mine = of_group(in_weeks, group)
        by_group[str(group)] = per_four_weeks(len(contact_forms(protocol, mine)), number_of(mine))
    return {
        "total": per_four_weeks(len(forms), number),
        "by_form": {form: per_four_weeks(forms.count(form), number) for form in sorted(set(forms))},
        "by_target_group": by_group,
    }


def required_of(trial: dict[str, Any], participant: Participant) -> Fraction | None:
    """What is required of one participant's target group: of their jobcentre, and where it names none, of the trial;
    one number holds for all groups."""
    required = setting(participant["person"], "required_contacts")
    if required is None:
        required = trial.get("required_contacts")
    if isinstance(required, dict):
        group = participant.get("target_group")
        required = required.get(str(group), required.get(group))
    return None if required is None else Fraction(str(required))


def mean_required(trial: dict[str, Any], in_weeks: ContactWeeks) -> float | None:
    """The mean of what is required, weighted by counted weeks; groups without a number do not enter."""
    numbers: list[Fraction] = []
    for participant, mondays in in_weeks:
        required = required_of(trial, participant)
        if required is not None:
            numbers += [required for _ in mondays]
    return float(sum(numbers, Fraction(0)) / len(numbers)) if numbers else None


def required_contacts(trial: dict[str, Any], weeks: Weeks, first: date, last: date) -> dict[str, Any]:
    """Each group's own number (over several jobcentres their mean, weighted by counted weeks), and the mean of all."""
    in_weeks = contact_weeks(weeks, first, last)
    by_group: dict[str, float | None] = {}
    for group in groups_of(weeks):
        numbers = {required_of(trial, p) for p, _ in weeks if p.get("target_group") == group}
        only = numbers.pop() if len(numbers) == 1 else None
        by_group[str(group)] = float(only) if only is not None else mean_required(trial, of_group(in_weeks, group))
    return {"total": mean_required(trial, in_weeks), "by_target_group": by_group}
