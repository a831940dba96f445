"""The person's weeks (domain 4), by the dumbest readable means: loop over the weeks, loop over their days, ask one
small function per rule. Slow on purpose; what it returns is what the production code must return.

A person is a dict as in examples/weeks.yaml: `interview_on` and the lists `conversations`, `activations`, `exemptions`,
`presence_events`, `mentors`, each in the order of registration, with the field names and defaults of api.md.
"""

import math
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.reference.protocols import PROTOCOLS, SUFFICIENT_REASONS_FOR_NO_WORKPLACE, WORKPLACE_TYPES, Protocol

Person = dict[str, Any]
Record = dict[str, Any]
Row = dict[str, Any]
Event = tuple[date, Record, bool]

FLAGS = [
    "conversation_due",
    "conversation_held",
    "conversation_conforming",
    "activation_due",
    "activated",
    "workplace_activated",
]

# The defaults of api.md ("Records"); everything else is null or false.
DEFAULTS: dict[str, Any] = {
    "status": "held",
    "form": "in_person",
    "place": "jobcentre",
    "conducted_by": "caseworker",
    "mentor": "unknown",
}


# --- calendar (domain 2) ----------------------------------------------------------------------------------------------


def day(value: date | str) -> date:
    """A date, or its ISO text, as a date."""
    return value if isinstance(value, date) else date.fromisoformat(value)


def monday_of(some_day: date) -> date:
    """The Monday of the day's ISO week."""
    return some_day - timedelta(days=some_day.weekday())


def week_name(some_day: date) -> str:
    """The ISO week of the day, `2011-W05`."""
    year, week, _ = some_day.isocalendar()
    return f"{year:04d}-W{week:02d}"


def monday_of_week(name: str) -> date:
    """The Monday of the week `2011-W05`."""
    return date.fromisocalendar(int(name[:4]), int(name[6:]), 1)


def days_of(monday: date) -> list[date]:
    """The seven days of a week."""
    return [monday + timedelta(days=i) for i in range(7)]


def working_days_of(monday: date) -> list[date]:
    """Monday to Friday; public holidays are not looked at (domain 2)."""
    return [monday + timedelta(days=i) for i in range(5)]


def is_over(monday: date, as_of: date) -> bool:
    """A week is over when its Sunday is past (domain 2)."""
    sunday = monday + timedelta(days=6)
    return sunday < as_of


# --- records ----------------------------------------------------------------------------------------------------------


def field(record: Record, name: str) -> Any:
    """The field of a record, with the defaults of api.md."""
    value = record.get(name)
    return DEFAULTS.get(name) if value is None else value


def client_of(record: Record) -> str:
    """Who sent it; one and the same where nobody is named."""
    return record.get("client") or "the one client"


def listed(person: Person, kind: str) -> list[Record]:
    """The person's records of a kind, in the order of registration."""
    return person.get(kind) or []


def covers_day(record: Record, some_day: date) -> bool:
    """First and last day are both included, and the last may be open."""
    if some_day < day(record["starts_on"]):
        return False
    if record.get("ends_on") is None:
        return True
    return some_day <= day(record["ends_on"])


def covers_working_day(record: Record, monday: date) -> bool:
    """Domain 4.6: something covers a week when it covers at least one of its working days."""
    return any(covers_day(record, d) for d in working_days_of(monday))


# --- presence (domain 4.1) --------------------------------------------------------------------------------------------


def presence_events_read(person: Person) -> list[Event]:
    """Domain 4.1: exits and re-entries by date, on one date the exits before the re-entries, otherwise as registered;
    each with whether it changed anything. A rematch moves nobody and is not looked at."""
    movements = [e for e in listed(person, "presence_events") if e["kind"] in ("exit", "re_entry")]
    all_dates = sorted({day(e["date"]) for e in movements})
    in_order: list[Record] = []
    for some_day in all_dates:
        in_order += [e for e in movements if day(e["date"]) == some_day and e["kind"] == "exit"]
        in_order += [e for e in movements if day(e["date"]) == some_day and e["kind"] == "re_entry"]
    result: list[Event] = []
    inside = True
    for event in in_order:
        inside_afterwards = event["kind"] == "re_entry"
        result.append((day(event["date"]), event, inside_afterwards != inside))
        inside = inside_afterwards
    return result


def in_trial(person: Person, ends_on: date, some_day: date) -> bool:
    """Domain 4.1: from `assigned_on`, never after the trial's end; the date of an exit is the first day out, that of a
    re-entry the first day in."""
    if some_day < day(person["interview_on"]) or some_day > ends_on:
        return False
    inside = True
    for event_day, event, _ in presence_events_read(person):
        if event_day <= some_day:
            inside = event["kind"] == "re_entry"
    return inside


def event_without_effect(person: Person, monday: date) -> bool:
    """Domain 4.1: an event of the week that changed nothing."""
    return any(
        event_day in days_of(monday) and not effective for event_day, _, effective in presence_events_read(person)
    )


# --- exemptions (domain 4.2) ------------------------------------------------------------------------------------------


def exempt_from_conversations(person: Person, some_day: date) -> bool:
    """Domain 4.2: exempt when any exemption of that scope covers the day."""
    covering = [e for e in listed(person, "exemptions") if covers_day(e, some_day)]
    return any(e["scope"] in ("conversations", "both") for e in covering)


def exempt_from_activation(person: Person, some_day: date) -> bool:
    """Domain 4.2: exempt when any exemption of that scope covers the day."""
    covering = [e for e in listed(person, "exemptions") if covers_day(e, some_day)]
    return any(e["scope"] in ("activation", "both") for e in covering)


# --- which weeks count (domain 4.3) -----------------------------------------------------------------------------------


def available(person: Person, ends_on: date, some_day: date) -> bool:
    """Domain 4.3: a working day in the trial, and not exempt from both (by one exemption or by two together)."""
    if some_day.weekday() >= 5 or not in_trial(person, ends_on, some_day):
        return False
    return not (exempt_from_conversations(person, some_day) and exempt_from_activation(person, some_day))


def available_days(person: Person, ends_on: date, monday: date) -> list[date]:
    """The week's available days."""
    return [d for d in days_of(monday) if available(person, ends_on, d)]


def mondays_of_the_course(person: Person, ends_on: date) -> list[date]:
    """Domain 4.3: from the assignment week, always there, to the last ISO week with at least 3 working days up to the
    trial's end."""
    monday = monday_of(day(person["interview_on"]))
    result = [monday]
    while True:
        monday += timedelta(days=7)
        if len([d for d in working_days_of(monday) if d <= ends_on]) < 3:
            return result
        result.append(monday)


# --- conversations (domain 4.5) ---------------------------------------------------------------------------------------


def counts(protocol: Protocol, person: Person, conversation: Record) -> bool:
    """Domain 4.5: held, later than `assigned_on`, in an accepted form, by someone accepted."""
    return (
        field(conversation, "status") == "held"
        and day(conversation["date"]) > day(person["interview_on"])
        and field(conversation, "form") in protocol["forms_accepted"]
        and field(conversation, "conducted_by") in protocol["conducted_by_accepted"]
    )


def conversations_dated_in(person: Person, monday: date) -> list[Record]:
    """All conversations, of whatever status, with a date in the week."""
    return [c for c in listed(person, "conversations") if monday_of(day(c["date"])) == monday]


def counting_conversations(protocol: Protocol, person: Person, monday: date) -> list[Record]:
    """The week's counting conversations."""
    return [c for c in conversations_dated_in(person, monday) if counts(protocol, person, c)]


def form_of_week(protocol: Protocol, counting: list[Record]) -> str:
    """Domain 4.5: in person if one of them is; else grounded if one carries an accepted ground; else remote."""
    if any(field(c, "form") in protocol["in_person_forms"] for c in counting):
        return "in_person"
    if any(field(c, "remote_ground") in protocol["remote_grounds"] for c in counting):
        return "grounded"
    return "remote"


def is_in_person_week(protocol: Protocol, person: Person, monday: date, number: int) -> bool:
    """Domain 4.5 and 6: n <= `in_person_weeks`; in the draft, a week before the one in which the first workplace
    activation on or after `assigned_on` starts."""
    limit = protocol["in_person_weeks"]
    if limit == "all":
        return True
    if limit == "none":
        return False
    if limit == "until_workplace":
        assigned_on = day(person["interview_on"])
        starts = [day(a["starts_on"]) for a in listed(person, "activations") if a["type"] in WORKPLACE_TYPES]
        starts = [start for start in starts if start >= assigned_on]
        return not starts or monday < monday_of(min(starts))
    return number <= int(limit)


def mentor_only(person: Person, monday: date, counting: list[Record]) -> bool:
    """Domain 4.5: none counts, and every talk held that week was a mentor's (there was one, that is)."""
    held = [c for c in conversations_dated_in(person, monday) if field(c, "status") == "held"]
    return not counting and bool(held) and all(field(c, "conducted_by") == "mentor" for c in held)


def workplace_started_by(person: Person, last_day: date) -> bool:
    """Domain 4.5: a workplace activation has started by that day, at whatever date, ended or not."""
    workplace = [a for a in listed(person, "activations") if a["type"] in WORKPLACE_TYPES]
    return any(day(a["starts_on"]) <= last_day for a in workplace)


def wrong_place(protocol: Protocol, person: Person, monday: date, counting: list[Record]) -> bool:
    """Domain 4.5: (of a held in-person week) in person, none of those talks at the jobcentre, and no workplace
    activation started by the week's Sunday; where the table of 6 says so."""
    in_person = [c for c in counting if field(c, "form") in protocol["in_person_forms"]]
    return (
        protocol["judges_place_workplace_mentor"]
        and bool(in_person)
        and not any(field(c, "place") == "jobcentre" for c in in_person)
        and not workplace_started_by(person, monday + timedelta(days=6))
    )


def started_late(protocol: Protocol, person: Person, as_of: date) -> bool:
    """Domain 4.5: no counting conversation in the 7 days after `assigned_on`, once they are over, present or not."""
    assigned_on = day(person["interview_on"])
    seven_days = [assigned_on + timedelta(days=i) for i in range(1, 8)]
    if not seven_days[-1] < as_of:
        return False
    mine = [c for c in listed(person, "conversations") if counts(protocol, person, c)]
    return not any(day(c["date"]) in seven_days for c in mine)


def no_justification(protocol: Protocol, counting: list[Record]) -> bool:
    """Domain 6 [C]: a counting conversation in another form than `in_person` without its professional justification."""
    if protocol["cadence"] != "average":
        return False
    return any(field(c, "form") != "in_person" and field(c, "justification") is None for c in counting)


# --- activations (domain 4.6) -----------------------------------------------------------------------------------------


def covering_activations(person: Person, monday: date) -> list[Record]:
    """The activations that cover the week."""
    return [a for a in listed(person, "activations") if covers_working_day(a, monday)]


def hours_of_week(person: Person, monday: date) -> Decimal:
    """Domain 4.6: the largest, over the five working days, of the sum of one client's activations covering that day;
    the client with the largest sum counts, clients are never added up. Decimals, exactly."""
    largest = Decimal(0)
    for some_day in working_days_of(monday):
        covering = [a for a in listed(person, "activations") if covers_day(a, some_day)]
        for client in {client_of(a) for a in covering}:
            total = Decimal(0)
            for activation in covering:
                if client_of(activation) == client:
                    total += Decimal(str(activation["hours_per_week"]))
            largest = max(largest, total)
    return largest


def is_active(protocol: Protocol, person: Person, monday: date) -> bool:
    """Domain 4.6: the hours reach the minimum, or a covering activation carries an accepted reason for reduced hours;
    without a minimum any covering activation will do."""
    covering = covering_activations(person, monday)
    if protocol["min_weekly_hours"] is None:
        return bool(covering)
    if hours_of_week(person, monday) >= protocol["min_weekly_hours"]:
        return True
    return any(field(a, "reduced_hours_reason") in protocol["reduced_hours_reasons"] for a in covering)


def at_workplace(person: Person, monday: date) -> bool:
    """Domain 4.6: at least one covering activation is at a workplace."""
    return any(a["type"] in WORKPLACE_TYPES for a in covering_activations(person, monday))


def has_sufficient_reason(person: Person, monday: date) -> bool:
    """Domain 4.6: a covering activation, anyone's, says why it is not at a workplace, and the reason is sufficient."""
    covering = covering_activations(person, monday)
    return any(field(a, "not_workplace_reason") in SUFFICIENT_REASONS_FOR_NO_WORKPLACE for a in covering)


def has_mentor(person: Person, monday: date) -> bool:
    """Domain 4.6: a covering workplace activation has a mentor assigned or waived, or a mentor record covers a working
    day."""
    workplace = [a for a in covering_activations(person, monday) if a["type"] in WORKPLACE_TYPES]
    if any(field(a, "mentor") in ("assigned", "waived") for a in workplace):
        return True
    return any(covers_working_day(m, monday) for m in listed(person, "mentors"))


# --- the weeks --------------------------------------------------------------------------------------------------------


def judged_weeks(protocol_id: str, ends_on: date | str, person: Person, as_of: date | str) -> list[Row]:
    """The weeks with more than is shown: `monday`, `active`, `form` (of a held week), `contact_week` (domain 6 [C])."""
    protocol = PROTOCOLS[protocol_id]
    last_day, today = day(ends_on), day(as_of)
    rows: list[Row] = []
    number = 1
    meter = 0  # of nine months, domain 4.4
    ungrounded_weeks = 0  # m of domain 4.5
    remote_weeks = 0  # k of domain 4.5
    complete = False

    for monday in mondays_of_the_course(person, last_day):
        days = available_days(person, last_day, monday)
        counting = counting_conversations(protocol, person, monday)
        active = is_active(protocol, person, monday)
        flags: list[str] = []
        deviations: list[str] = []
        form: str | None = None
        contact_week = False

        # domain 4.3: states and numbers
        this_number: int | None = None
        if not rows:
            state = "assignment_week"
            this_number = 1
        elif complete:
            state = "complete"
        elif len(days) >= protocol["countable_days"]:
            state = "counted"
            number += 1
            this_number = number
        elif len([d for d in working_days_of(monday) if in_trial(person, last_day, d)]) < 3:
            state = "absent"
        else:
            state = "exempt"

        if state == "assignment_week" and protocol["cadence"] == "weekly" and started_late(protocol, person, today):
            deviations.append("started_late")

        if state == "counted":
            enough_for_conversation = len([d for d in days if not exempt_from_conversations(person, d)]) >= 3
            enough_for_activation = len([d for d in days if not exempt_from_activation(person, d)]) >= 3
            contact_week = protocol["cadence"] == "average" and enough_for_conversation

            # domain 4.4 and 4.5: the conversation
            if protocol["cadence"] == "weekly" and enough_for_conversation:
                flags.append("conversation_due")
                early = is_in_person_week(protocol, person, monday, number)
                if counting:
                    flags.append("conversation_held")
                    form = form_of_week(protocol, counting)
                    too_early = early and form == "remote"
                    too_often = False
                    if not early and form != "grounded":
                        ungrounded_weeks += 1
                        if form == "remote":
                            remote_weeks += 1
                            too_often = remote_weeks > math.ceil(protocol["remote_share_max"] * ungrounded_weeks)
                    if too_early:
                        deviations.append("remote_too_early")
                    if too_often:
                        deviations.append("remote_too_often")
                    if not too_early and not too_often:
                        flags.append("conversation_conforming")
                    if early and wrong_place(protocol, person, monday, counting):
                        deviations.append("wrong_place")
                else:
                    deviations.append("conversation_missing")
                    if mentor_only(person, monday, counting):
                        deviations.append("mentor_only")

            # domain 4.4 and 4.6: the activation
            due_week = protocol["activation_due_week"]
            activation_due = due_week is not None and number >= due_week and enough_for_activation
            if activation_due:
                flags.append("activation_due")
                if active:
                    flags.append("activated")
                    if at_workplace(person, monday):
                        flags.append("workplace_activated")
                        if protocol["judges_place_workplace_mentor"] and not has_mentor(person, monday):
                            deviations.append("mentor_missing")
                    elif protocol["judges_place_workplace_mentor"] and not has_sufficient_reason(person, monday):
                        deviations.append("not_at_workplace")
                elif covering_activations(person, monday):
                    deviations.append("hours_too_few")
                else:
                    deviations.append("activation_missing")

            # domain 4.4: the meter, and the end of the course with this week
            if activation_due or (due_week is not None and number < due_week and active):
                meter += 1
            if protocol["max_activation_weeks"] is not None and meter >= protocol["max_activation_weeks"]:
                complete = True
            if protocol["max_programme_weeks"] is not None and number >= protocol["max_programme_weeks"]:
                complete = True

        if event_without_effect(person, monday):
            deviations.append("event_without_effect")
        if no_justification(protocol, counting):
            deviations.append("no_justification")
        if not is_over(monday, today):
            deviations = []

        rows.append(
            {
                "week": week_name(monday),
                "number": this_number,
                "state": state,
                "flags": flags,
                "deviations": sorted(deviations),
                "monday": monday,
                "active": active,
                "form": form,
                "contact_week": contact_week,
            }
        )
    return rows


def weeks(protocol_id: str, ends_on: date | str, person: Person, as_of: date | str) -> list[Row]:
    """The person's weeks as the examples show them, from the assignment week to the last of domain 4.3. `as_of` is the
    day today: weeks whose Sunday is not before it have no deviations yet."""
    shown = ["week", "number", "state", "flags", "deviations"]
    return [{name: row[name] for name in shown} for row in judged_weeks(protocol_id, ends_on, person, as_of)]
