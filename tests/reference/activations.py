"""Activations (domain 4.6)."""

from datetime import date
from decimal import Decimal

from tests.reference.days import (
    Person,
    Record,
    client_of,
    covers_day,
    covers_working_day,
    field,
    listed,
    working_days_of,
)
from tests.reference.protocols import WORKPLACE_TYPES, Protocol


def covering_activations(person: Person, monday: date) -> list[Record]:
    """The activations that cover the week."""
    return [a for a in listed(person, "activations") if covers_working_day(a, monday)]


def hours_of_day(person: Person, client: str, some_day: date) -> Decimal:
    """The sum of one client's activations covering the day. Decimals, exactly."""
    total = Decimal(0)
    for activation in listed(person, "activations"):
        if client_of(activation) == client and covers_day(activation, some_day):
            total += Decimal(str(activation["hours_per_week"]))
    return total


def hours_of_week(person: Person, monday: date) -> Decimal:
    """Domain 4.6: the largest, over the five working days and the clients, of that client's sum; clients are never
    added up."""
    largest = Decimal(0)
    for client in {client_of(a) for a in listed(person, "activations")}:
        for some_day in working_days_of(monday):
            largest = max(largest, hours_of_day(person, client, some_day))
    return largest


def is_active(protocol: Protocol, person: Person, monday: date) -> bool:
    """Domain 4.6: the hours reach the minimum, or a covering activation carries an accepted reason for reduced hours;
    without a minimum any covering activation makes the week active."""
    covering = covering_activations(person, monday)
    if protocol["min_weekly_hours"] is None:
        return bool(covering)
    if hours_of_week(person, monday) >= protocol["min_weekly_hours"]:
        return True
    return any(field(a, "reduced_hours_reason") in protocol["reduced_hours_reasons"] for a in covering)


def at_workplace(person: Person, monday: date) -> bool:
    """Domain 4.6: at least one covering activation is at a workplace."""
    return any(a["type"] in WORKPLACE_TYPES for a in covering_activations(person, monday))


def has_sufficient_reason(protocol: Protocol, person: Person, monday: date) -> bool:
    """Domain 4.6: a covering activation, anyone's, says why it is not at a workplace, and the reason is sufficient."""
    covering = covering_activations(person, monday)
    return any(field(a, "not_workplace_reason") in protocol["sufficient_reasons"] for a in covering)


def has_mentor(person: Person, monday: date) -> bool:
    """Domain 4.6: a covering workplace activation has a mentor assigned or waived, or a mentor record covers a working
    day of the week."""
    workplace = [a for a in covering_activations(person, monday) if a["type"] in WORKPLACE_TYPES]
    if any(field(a, "mentor") in ("assigned", "waived") for a in workplace):
        return True
    return any(covers_working_day(m, monday) for m in listed(person, "mentors"))
