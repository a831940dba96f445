"""Presence (domain 4.1) and exemptions (domain 4.2)."""

from datetime import date
from typing import Any

from tests.reference.days import Person, Record, assigned_on, covers_day, day, days_of, listed
from tests.reference.protocols import Protocol

REASONS_IN_ORDER = ["match_group_3", "job", "education", "moved", "benefit_ended", "deceased"]
Step = dict[str, Any]


def events_in_order(person: Person) -> list[Record]:
    """Domain 4.1: by date; on one date exits in the order of the reasons, then rematches, to group 3 first, then
    re-entries, whatever was registered first."""
    events = listed(person, "presence_events")
    result: list[Record] = []
    for some_day in sorted({day(e["date"]) for e in events}):
        that_day = [e for e in events if day(e["date"]) == some_day]
        for reason in REASONS_IN_ORDER:
            result += [e for e in that_day if e["kind"] == "exit" and e["reason"] == reason]
        result += [e for e in that_day if e["kind"] == "rematch" and e["match_group"] == 3]
        result += [e for e in that_day if e["kind"] == "rematch" and e["match_group"] != 3]
        result += [e for e in that_day if e["kind"] == "re_entry"]
    return result


def presence_steps(protocol: Protocol, person: Person) -> list[Step]:
    """Every event with what it did: `did` is "exit", "re_entry" or None, `reason` that of an exit, `without_effect`
    whether it is that deviation."""
    steps: list[Step] = []
    out_because: str | None = None  # None: the person is in the trial
    brought_back_by_rematch = False
    for event in events_in_order(person):
        kind = event["kind"]
        did: str | None = None
        reason: str | None = None
        without_effect = False
        is_exit_by_rematch = kind == "rematch" and protocol["rematch_to_3_is_exit"] and event["match_group"] == 3
        is_entry_by_rematch = kind == "rematch" and protocol["rematch_to_3_is_exit"] and event["match_group"] != 3
        if kind == "exit":
            if out_because is None:
                did, reason = "exit", event["reason"]
            elif not (event["reason"] == "match_group_3" and out_because == "match_group_3"):
                without_effect = True
        elif is_exit_by_rematch and out_because is None:
            did, reason = "exit", "match_group_3"
        elif is_entry_by_rematch and out_because == "match_group_3":
            did = "re_entry"
        elif kind == "re_entry":
            if out_because is not None:
                did = "re_entry"
            elif not brought_back_by_rematch:
                without_effect = True
        if did == "exit":
            out_because = reason
            brought_back_by_rematch = False
        if did == "re_entry":
            out_because = None
            brought_back_by_rematch = kind == "rematch"
        steps.append({"date": day(event["date"]), "did": did, "reason": reason, "without_effect": without_effect})
    return steps


def in_trial(protocol: Protocol, person: Person, ends_on: date, some_day: date) -> bool:
    """Domain 4.1: from `assigned_on`, never after the trial's end; the date of an exit is the first day out, that of a
    re-entry the first day in."""
    if some_day < assigned_on(person) or some_day > ends_on:
        return False
    inside = True
    for step in presence_steps(protocol, person):
        if step["date"] <= some_day and step["did"] is not None:
            inside = step["did"] == "re_entry"
    return inside


def event_without_effect(protocol: Protocol, person: Person, monday: date) -> bool:
    """Domain 4.1: an event of the week that changed nothing, and did not only repeat what a rematch did."""
    return any(step["date"] in days_of(monday) and step["without_effect"] for step in presence_steps(protocol, person))


def exits_in_week(protocol: Protocol, person: Person, monday: date) -> list[str]:
    """Domain 5: the reasons of the effective exits, by date; a rematch to group 3 is one where the protocol says so."""
    steps = presence_steps(protocol, person)
    return [step["reason"] for step in steps if step["did"] == "exit" and step["date"] in days_of(monday)]


def exempt_from_conversations(person: Person, some_day: date) -> bool:
    """Domain 4.2: exempt when any exemption of that scope covers the day."""
    covering = [e for e in listed(person, "exemptions") if covers_day(e, some_day)]
    return any(e["scope"] in ("conversations", "both") for e in covering)


def exempt_from_activation(person: Person, some_day: date) -> bool:
    """Domain 4.2: exempt when any exemption of that scope covers the day."""
    covering = [e for e in listed(person, "exemptions") if covers_day(e, some_day)]
    return any(e["scope"] in ("activation", "both") for e in covering)
