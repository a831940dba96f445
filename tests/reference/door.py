"""Judged at the door (domain 4.8): the warnings a sender gets for one conversation or activation. The record is held
against the person's weeks as they would be known with it stored; `person` holds everything stored before it (and no
earlier version of the record itself)."""

from datetime import date, timedelta
from decimal import Decimal

from tests.reference.conversations import counts, external_provider_refused, is_in_person_week, late_enough
from tests.reference.days import Person, Record, Row, day, field, listed, monday_of
from tests.reference.protocols import PROTOCOLS, WORKPLACE_TYPES, Protocol
from tests.reference.weeks import judged_weeks, mondays_of_the_course

LONG_AFTER = date(9999, 12, 31)
REFUSING = ["form_not_accepted", "remote_too_early", "conducted_by_mentor", "hours_too_few", "not_at_workplace"]


def remote_too_early(protocol: Protocol, person: Person, record: Record, its_week: Row) -> bool:
    """Its week has a number n <= `in_person_weeks`, the form is remote, no ground is accepted."""
    if its_week["number"] is None:
        return False
    return (
        is_in_person_week(protocol, person, its_week["monday"], its_week["number"])
        and field(record, "form") not in protocol["in_person_forms"]
        and field(record, "remote_ground") not in protocol["remote_grounds"]
    )


def conversation_warnings(
    protocol: Protocol, ends_on: date | str, person: Person, record: Record, rows: list[Row]
) -> list[str]:
    """The codes of a conversation; `rows` are the weeks with the record stored, all of them taken as over."""
    codes: list[str] = []
    monday = monday_of(day(record["date"]))
    its_week = next((row for row in rows if row["monday"] == monday), None)
    if field(record, "form") not in protocol["forms_accepted"]:
        codes.append("form_not_accepted")
    if its_week is not None and remote_too_early(protocol, person, record, its_week):
        codes.append("remote_too_early")
    # remote_too_often: the week would get that deviation, by a record that counts
    if its_week is not None and counts(protocol, person, record) and "remote_too_often" in its_week["deviations"]:
        codes.append("remote_too_often")
    # by someone the protocol does not accept: the code that names them
    accepted = field(record, "conducted_by") in protocol["conducted_by_accepted"]
    external = field(record, "conducted_by") == "external_provider"
    if not accepted and not external:
        codes.append("conducted_by_mentor")
    if external_provider_refused(person, record) or (external and not accepted):
        codes.append("external_provider_not_accepted")
    # before_assignment: too early to count
    if not late_enough(protocol, person, record):
        codes.append("before_assignment")
    # week_without_number: absent, exempt or through; past the last week of the trial everyone is absent
    if its_week is not None and its_week["number"] is None:
        codes.append("week_without_number")
    if monday > mondays_of_the_course(protocol, person, day(ends_on))[-1]:
        codes.append("week_without_number")
    return codes


def hours_too_few_alone(protocol: Protocol, record: Record) -> bool:
    """The record alone is under the protocol's minimum, and gives no accepted reason."""
    if protocol["min_weekly_hours"] is None:
        return False
    if field(record, "reduced_hours_reason") in protocol["reduced_hours_reasons"]:
        return False
    return Decimal(str(record["hours_per_week"])) < Decimal(protocol["min_weekly_hours"])


def starts_late(protocol: Protocol, person_before: Person, record: Record, rows: list[Row]) -> bool:
    """The person's first activation at a workplace, and it starts after the programme week `activation_due_week`."""
    if record["type"] not in WORKPLACE_TYPES or protocol["activation_due_week"] is None:
        return False
    starts_on = day(record["starts_on"])
    earlier = [a for a in listed(person_before, "activations") if a["type"] in WORKPLACE_TYPES]
    if any(day(a["starts_on"]) < starts_on for a in earlier):
        return False
    due_week = next((row for row in rows if row["number"] == protocol["activation_due_week"]), None)
    return due_week is not None and starts_on > due_week["monday"] + timedelta(days=6)


def activation_warnings(protocol: Protocol, person_before: Person, record: Record, rows: list[Row]) -> list[str]:
    """The codes of an activation; `rows` are the weeks with the record stored."""
    codes: list[str] = []
    is_workplace = record["type"] in WORKPLACE_TYPES
    if hours_too_few_alone(protocol, record):
        codes.append("hours_too_few")
    # not_at_workplace and mentor_missing: where the table of 6 says that they are judged
    if protocol["judges_place_workplace_mentor"]:
        if not is_workplace and field(record, "not_workplace_reason") not in protocol["sufficient_reasons"]:
            codes.append("not_at_workplace")
        if is_workplace and field(record, "mentor") == "unknown":
            codes.append("mentor_missing")
    if starts_late(protocol, person_before, record, rows):
        codes.append("starts_late")
    return codes


def warnings(
    protocol_id: str, ends_on: date | str, person: Person, kind: str, record: Record, as_of: date | str
) -> list[str]:
    """The sorted codes of domain 4.8. `as_of` decides nothing: whether a week is over has no part in these rules."""
    day(as_of)
    protocol = PROTOCOLS[protocol_id]
    with_it = {**person, kind: [*listed(person, kind), record]}
    rows = judged_weeks(protocol_id, ends_on, with_it, LONG_AFTER)
    if kind == "conversations":
        return sorted(conversation_warnings(protocol, ends_on, with_it, record, rows))
    if kind == "activations":
        return sorted(activation_warnings(protocol, person, record, rows))
    raise ValueError(kind)


def refused_with(codes: list[str]) -> list[str]:
    """The codes for which a trial with `enforcement: refuse` rejects the record (domain 4.8)."""
    return [code for code in codes if code in REFUSING]
