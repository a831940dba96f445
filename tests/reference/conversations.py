"""Conversations (domain 4.5)."""

from datetime import date, timedelta

from tests.reference.days import Person, Record, assigned_on, client_of, day, field, listed, monday_of, setting
from tests.reference.protocols import WORKPLACE_TYPES, Protocol


def late_enough(protocol: Protocol, person: Person, conversation: Record) -> bool:
    """Domain 4.5: later than `assigned_on`; in [S] on that day too."""
    if protocol["counts_on_assigned_on"]:
        return day(conversation["date"]) >= assigned_on(person)
    return day(conversation["date"]) > assigned_on(person)


def external_provider_refused(person: Person, conversation: Record) -> bool:
    """Domain 4.5: by an external provider, where the trial does not let the person's jobcentre have that."""
    external = field(conversation, "conducted_by") == "external_provider"
    return external and not setting(person, "external_provider_talks", default=True)


def counts(protocol: Protocol, person: Person, conversation: Record) -> bool:
    """Domain 4.5: held, late enough, in an accepted form, by someone accepted, whatever presence and exemption."""
    return (
        field(conversation, "status") == "held"
        and late_enough(protocol, person, conversation)
        and field(conversation, "form") in protocol["forms_accepted"]
        and field(conversation, "conducted_by") in protocol["conducted_by_accepted"]
        and not external_provider_refused(person, conversation)
    )


def told_by_one_client(protocol: Protocol, person: Person) -> list[Record]:
    """Domain 4.5, "Told by several": of each date the conversations of one client, that with the most counting ones,
    then the most, then the first by name. Only these enter the numbers of conversations."""
    conversations = listed(person, "conversations")
    result: list[Record] = []
    for some_day in sorted({day(c["date"]) for c in conversations}):
        that_day = [c for c in conversations if day(c["date"]) == some_day]
        best: list[Record] = []
        best_counting = -1
        for client in sorted({client_of(c) for c in that_day}):
            of_client = [c for c in that_day if client_of(c) == client]
            counting = len([c for c in of_client if counts(protocol, person, c)])
            if counting > best_counting or (counting == best_counting and len(of_client) > len(best)):
                best, best_counting = of_client, counting
        result += best
    return result


def conversations_dated_in(person: Person, monday: date) -> list[Record]:
    """All conversations, of whatever status and client, with a date in the week."""
    return [c for c in listed(person, "conversations") if monday_of(day(c["date"])) == monday]


def counting_conversations(protocol: Protocol, person: Person, monday: date) -> list[Record]:
    """The week's counting conversations, whoever sent them: what the week holds."""
    return [c for c in conversations_dated_in(person, monday) if counts(protocol, person, c)]


def numbered_conversations(protocol: Protocol, person: Person, monday: date) -> list[Record]:
    """The week's counting conversations as they enter numbers (forms, contacts, the content of domain 5)."""
    once = told_by_one_client(protocol, person)
    return [c for c in once if monday_of(day(c["date"])) == monday and counts(protocol, person, c)]


def numbered_no_shows(protocol: Protocol, person: Person, monday: date) -> list[Record]:
    """Domain 5: the no-shows later than `assigned_on`, dated in the week, due or not, as they enter numbers."""
    return [
        c
        for c in told_by_one_client(protocol, person)
        if field(c, "status") == "no_show"
        and day(c["date"]) > assigned_on(person)
        and monday_of(day(c["date"])) == monday
    ]


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
        starts = [day(a["starts_on"]) for a in listed(person, "activations") if a["type"] in WORKPLACE_TYPES]
        starts = [start for start in starts if start >= assigned_on(person)]
        return not starts or monday < monday_of(min(starts))
    return number <= int(limit)


def mentor_only(person: Person, monday: date, counting: list[Record]) -> bool:
    """Domain 4.5: none counts, and every talk held that week was a mentor's; there was one, that is."""
    held = [c for c in conversations_dated_in(person, monday) if field(c, "status") == "held"]
    return not counting and bool(held) and all(field(c, "conducted_by") == "mentor" for c in held)


def missing_because(person: Person, monday: date, counting: list[Record]) -> str:
    """Domain 5: why a due conversation is missing, the first that applies to that week."""
    conversations = conversations_dated_in(person, monday)
    statuses = [field(c, "status") for c in conversations]
    if "no_show" in statuses:
        return "no_show"
    if "cancelled" in statuses:
        return "cancelled"
    if mentor_only(person, monday, counting):
        return "mentor_only"
    if "held" in statuses:
        return "not_accepted"
    return "nothing"


def wrong_place(protocol: Protocol, person: Person, monday: date, counting: list[Record]) -> bool:
    """Domain 4.5: (of a held week, n <= `in_person_weeks`) in person, none of those talks at the jobcentre, and no
    workplace activation started by the week's Sunday, at whatever date, ended or not; where the table of 6 says so."""
    in_person = [c for c in counting if field(c, "form") in protocol["in_person_forms"]]
    sunday = monday + timedelta(days=6)
    workplace = [a for a in listed(person, "activations") if a["type"] in WORKPLACE_TYPES]
    return (
        protocol["judges_place_workplace_mentor"]
        and bool(in_person)
        and not any(field(c, "place") == "jobcentre" for c in in_person)
        and not any(day(a["starts_on"]) <= sunday for a in workplace)
    )


def started_late(protocol: Protocol, person: Person, as_of: date) -> bool:
    """Domain 4.5: `prvij-*` only; no counting conversation in the 7 days after `assigned_on`, once they are over,
    present or not."""
    if not protocol["judges_started_late"]:
        return False
    seven_days = [assigned_on(person) + timedelta(days=i) for i in range(1, 8)]
    if not seven_days[-1] < as_of:
        return False
    counting = [c for c in listed(person, "conversations") if counts(protocol, person, c)]
    return not any(day(c["date"]) in seven_days for c in counting)


def no_justification(protocol: Protocol, counting: list[Record]) -> bool:
    """Domain 6 [C]: a counting conversation in another form than `in_person` without its professional justification."""
    if not protocol["needs_justification"]:
        return False
    remote = [c for c in counting if field(c, "form") not in protocol["in_person_forms"]]
    return any(field(c, "justification") is None for c in remote)
