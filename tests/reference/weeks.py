"""The person's weeks (domain 4.3 and 4.4) and their deviations: loop over the weeks, loop over their days, call one
small function per rule. Slow on purpose; what it returns is what the production code must return."""

import math
from datetime import date, timedelta

from tests.reference.activations import at_workplace, covering_activations, has_mentor, has_sufficient_reason, is_active
from tests.reference.conversations import (
    counting_conversations,
    form_of_week,
    is_in_person_week,
    mentor_only,
    missing_because,
    no_justification,
    started_late,
    wrong_place,
)
from tests.reference.days import (
    Person,
    Record,
    Row,
    assigned_on,
    day,
    days_of,
    is_over,
    monday_of,
    monday_of_week,
    week_name,
    working_days_of,
)
from tests.reference.presence import event_without_effect, exempt_from_activation, exempt_from_conversations, in_trial
from tests.reference.protocols import PROTOCOLS, Protocol

__all__ = ["FLAGS", "Person", "Record", "Row", "judged_weeks", "monday_of", "monday_of_week", "week_name", "weeks"]

FLAGS = [
    "conversation_due",
    "conversation_held",
    "conversation_conforming",
    "activation_due",
    "activated",
    "workplace_activated",
]


def available(protocol: Protocol, person: Person, ends_on: date, some_day: date) -> bool:
    """Domain 4.3: a working day in the trial, and not exempt from both (by one exemption or by two together)."""
    if some_day.weekday() >= 5 or not in_trial(protocol, person, ends_on, some_day):
        return False
    return not (exempt_from_conversations(person, some_day) and exempt_from_activation(person, some_day))


def mondays_of_the_course(protocol: Protocol, person: Person, ends_on: date) -> list[date]:
    """Domain 4.3: from the assignment week, which is always there, to the last ISO week with at least 3 working days up
    to the trial's end."""
    monday = monday_of(assigned_on(person))
    result = [monday]
    while True:
        monday += timedelta(days=7)
        if len([d for d in working_days_of(monday) if d <= ends_on]) < protocol["countable_days"]:
            return result
        result.append(monday)


def state_of(protocol: Protocol, person: Person, ends_on: date, monday: date, *, complete: bool) -> str:
    """Domain 4.3: the state; `complete`: the course was over before this week."""
    if monday == monday_of(assigned_on(person)):
        return "assignment_week"
    if complete:
        return "complete"
    if len([d for d in days_of(monday) if available(protocol, person, ends_on, d)]) >= protocol["countable_days"]:
        return "counted"
    if len([d for d in working_days_of(monday) if in_trial(protocol, person, ends_on, d)]) < protocol["countable_days"]:
        return "absent"
    return "exempt"


def enough_days_for_conversation(protocol: Protocol, person: Person, ends_on: date, monday: date) -> bool:
    """Domain 4.4: at least 3 available days are not exempt from conversations."""
    days = [d for d in days_of(monday) if available(protocol, person, ends_on, d)]
    return len([d for d in days if not exempt_from_conversations(person, d)]) >= int(protocol["countable_days"])


def enough_days_for_activation(protocol: Protocol, person: Person, ends_on: date, monday: date) -> bool:
    """Domain 4.4: at least 3 available days are not exempt from activation."""
    days = [d for d in days_of(monday) if available(protocol, person, ends_on, d)]
    return len([d for d in days if not exempt_from_activation(person, d)]) >= int(protocol["countable_days"])


def judge_conversation(protocol: Protocol, person: Person, row: Row, earlier: list[Row]) -> None:
    """Domain 4.5, of a week in which a conversation is due: flags, deviations, the week's form. `earlier`: the weeks
    before this one."""
    monday, number = row["monday"], row["number"]
    counting = counting_conversations(protocol, person, monday)
    row["flags"].append("conversation_due")
    if not counting:
        row["missing_because"] = missing_because(person, monday, counting)
        row["deviations"].append("conversation_missing")
        if mentor_only(person, monday, counting):
            row["deviations"].append("mentor_only")
        return

    row["flags"].append("conversation_held")
    row["form"] = form_of_week(protocol, counting)
    conforming = True
    if is_in_person_week(protocol, person, monday, number):
        if row["form"] == "remote":
            row["deviations"].append("remote_too_early")
            conforming = False
        if row["form"] == "in_person" and wrong_place(protocol, person, monday, counting):
            row["deviations"].append("wrong_place")
    elif row["form"] == "remote":
        held = [w for w in [*earlier, row] if "conversation_held" in w["flags"]]
        held = [w for w in held if not is_in_person_week(protocol, person, w["monday"], w["number"])]
        m = len([w for w in held if w["form"] != "grounded"])
        k = len([w for w in held if w["form"] == "remote"])
        if k > math.ceil(protocol["remote_share_max"] * m):
            row["deviations"].append("remote_too_often")
            conforming = False
    if conforming:
        row["flags"].append("conversation_conforming")


def judge_activation(protocol: Protocol, person: Person, row: Row) -> None:
    """Domain 4.6, of a week in which an activation is due."""
    monday = row["monday"]
    row["flags"].append("activation_due")
    if not covering_activations(person, monday):
        row["deviations"].append("activation_missing")
    elif not row["active"]:
        row["deviations"].append("hours_too_few")
    else:
        row["flags"].append("activated")
        if at_workplace(person, monday):
            row["flags"].append("workplace_activated")
            if protocol["judges_place_workplace_mentor"] and not has_mentor(person, monday):
                row["deviations"].append("mentor_missing")
        elif protocol["judges_place_workplace_mentor"] and not has_sufficient_reason(protocol, person, monday):
            row["deviations"].append("not_at_workplace")


def judge_counted_week(protocol: Protocol, person: Person, ends_on: date, row: Row, earlier: list[Row]) -> None:
    """Domain 4.4: what is due in a counted week, and what there was."""
    monday = row["monday"]
    if enough_days_for_conversation(protocol, person, ends_on, monday):
        if protocol["cadence"] == "weekly":
            judge_conversation(protocol, person, row, earlier)
        else:
            row["contact_week"] = True
    due_from = protocol["activation_due_week"]
    enough_days = enough_days_for_activation(protocol, person, ends_on, monday)
    if due_from is not None and row["number"] >= due_from and enough_days:
        judge_activation(protocol, person, row)


def judged_weeks(protocol_id: str, ends_on: date | str, person: Person, as_of: date | str) -> list[Row]:
    """The weeks with more than is shown: `monday`, `active`, `form` (of a held week), `contact_week` (domain 6 [C]),
    `missing_because` (of a conversation due, over and not held), `meter` (after the week)."""
    protocol = PROTOCOLS[protocol_id]
    last_day, today = day(ends_on), day(as_of)
    rows: list[Row] = []
    number = 0
    meter = 0
    complete = False
    for monday in mondays_of_the_course(protocol, person, last_day):
        state = state_of(protocol, person, last_day, monday, complete=complete)
        row: Row = {"week": week_name(monday), "number": None, "state": state, "flags": [], "deviations": []}
        row |= {"monday": monday, "active": is_active(protocol, person, monday), "form": None}
        row |= {"contact_week": False, "missing_because": None}
        if state in ("assignment_week", "counted"):
            number += 1
            row["number"] = number
        if state == "assignment_week" and started_late(protocol, person, today):
            row["deviations"].append("started_late")
        if state == "counted":
            judge_counted_week(protocol, person, last_day, row, rows)
            # domain 4.4: the meter counts weeks of activation, due or not
            if row["active"]:
                meter += 1
            if protocol["max_activation_weeks"] is not None and meter >= protocol["max_activation_weeks"]:
                complete = True
            if protocol["max_programme_weeks"] is not None and number >= protocol["max_programme_weeks"]:
                complete = True
        row["meter"] = meter
        if event_without_effect(protocol, person, monday):
            row["deviations"].append("event_without_effect")
        if no_justification(protocol, counting_conversations(protocol, person, monday)):
            row["deviations"].append("no_justification")
        row["deviations"].sort()
        if not is_over(monday, today):
            row["deviations"] = []
            row["missing_because"] = None
        rows.append(row)
    return rows


def weeks(protocol_id: str, ends_on: date | str, person: Person, as_of: date | str) -> list[Row]:
    """The person's weeks as the examples show them, from the assignment week to the last of domain 4.3. `as_of` is the
    day today: weeks whose Sunday is not before it have no deviations yet."""
    shown = ["week", "number", "state", "flags", "deviations"]
    return [{name: row[name] for name in shown} for row in judged_weeks(protocol_id, ends_on, person, as_of)]
