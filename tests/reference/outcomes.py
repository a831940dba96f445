"""Outcomes of a week and success criteria (domain 5 and 5.1, "Told").

An outcome record is {client?, week, status, hours_per_week?}, the week as `2011-W05`.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from tests.reference.days import Person, Record, assigned_on, day, listed, monday_of, monday_of_week
from tests.reference.presence import presence_steps
from tests.reference.protocols import PROTOCOLS, WORKPLACE_TYPES, Protocol


def outcomes_in(person: Person, monday: date) -> list[Record]:
    """The week's records, of all sources."""
    return [o for o in listed(person, "outcomes") if monday_of_week(o["week"]) == monday]


def hours_told(records: list[Record]) -> list[Decimal]:
    """The hours that records say, with every status."""
    return [Decimal(str(o["hours_per_week"])) for o in records if o.get("hours_per_week") is not None]


def died_on(person: Person) -> date | None:
    """The earliest presence event `deceased`, effective or not."""
    events = [e for e in listed(person, "presence_events") if e["kind"] == "exit" and e["reason"] == "deceased"]
    return min((day(e["date"]) for e in events), default=None)


def recorded_outcome(person: Person, monday: date) -> dict[str, Any]:
    """Domain 5, "Outcomes": on benefit if any record says so; employed and in education if any says so, and none
    benefit; hours the most that any record says."""
    records = outcomes_in(person, monday)
    statuses = [o["status"] for o in records]
    benefit = "benefit" in statuses
    hours = hours_told(records)
    return {
        "told": bool(records),
        "benefit": benefit,
        "employed": not benefit and ("employed" in statuses or "flex_job" in statuses),
        "education": not benefit and "education" in statuses,
        "hours": max(hours) if hours else None,
    }


def weekly_outcome(person: Person, monday: date) -> dict[str, Any]:
    """Domain 5.1, "Told": the dead are told from the week after their death on, without every outcome; hours are untold
    of an employed person without a record of hours, and else 0 without hours."""
    death = died_on(person)
    if death is not None and monday > monday_of(death):
        nothing: dict[str, Any] = {"told": True, "dead": True, "benefit": False, "employed": False, "education": False}
        return {**nothing, "hours_told": True, "hours": Decimal(0)}
    recorded = recorded_outcome(person, monday)
    hours_known = recorded["told"] and not (recorded["employed"] and recorded["hours"] is None)
    hours = (recorded["hours"] or Decimal(0)) if hours_known else None
    return {**recorded, "dead": False, "hours_told": hours_known, "hours": hours}


def begun(person: Person, types: list[str], as_of: date) -> bool:
    """An activation of such a type that has begun, and had not ended before the assignment."""
    return any(
        a["type"] in types
        and day(a["starts_on"]) <= as_of
        and (a.get("ends_on") is None or day(a["ends_on"]) >= assigned_on(person))
        for a in listed(person, "activations")
    )


def exited_for(protocol: Protocol, person: Person, reasons: list[str], as_of: date) -> bool:
    """An effective exit for one of the reasons."""
    steps = [step for step in presence_steps(protocol, person) if step["did"] == "exit" and step["date"] <= as_of]
    return any(step["reason"] in reasons for step in steps)


def mondays_after_assignment(person: Person, as_of: date) -> list[date]:
    """The weeks later than the assignment week, up to the running one."""
    monday = monday_of(assigned_on(person))
    result: list[date] = []
    while monday + timedelta(days=7) <= as_of:
        monday += timedelta(days=7)
        result.append(monday)
    return result


def reached(protocol: Protocol, person: Person, criterion: str, as_of: date) -> tuple[bool, bool]:
    """Domain 5, "Success criteria": (by the jobcentre's own events and activations, by an outcome register)."""
    weeks = mondays_after_assignment(person, as_of)
    outcomes = [recorded_outcome(person, monday) for monday in weeks]
    statuses = [o["status"] for monday in weeks for o in outcomes_in(person, monday)]
    if criterion == "job_or_education":
        by_register = any(o["employed"] or o["education"] for o in outcomes)
        return exited_for(protocol, person, ["job", "education"], as_of), by_register
    if criterion == "job":
        return exited_for(protocol, person, ["job"], as_of), any(o["employed"] for o in outcomes)
    if criterion == "flex_job":
        return False, "flex_job" in statuses
    if criterion == "part_time_job":
        beside_benefit = any(o["benefit"] and (o["hours"] or 0) > 0 for o in outcomes)
        return begun(person, ["part_time_job"], as_of), beside_benefit
    if criterion == "partial_return":
        return begun(person, ["partial_return"], as_of), False
    if criterion == "workplace_activation":
        return begun(person, WORKPLACE_TYPES, as_of), False
    if criterion == "active_offer":
        every_type = [a["type"] for a in listed(person, "activations")]
        return begun(person, every_type, as_of), False
    raise ValueError(criterion)


def best_success(protocol_id: str, person: Person, as_of: date | str) -> tuple[str | None, str | None]:
    """The best criterion reached so far, in the protocol's order, and what says so: jobcentre, register or both."""
    protocol = PROTOCOLS[protocol_id]
    for criterion in protocol["success"]:
        by_jobcentre, by_register = reached(protocol, person, criterion, day(as_of))
        if by_jobcentre and by_register:
            return criterion, "both"
        if by_jobcentre or by_register:
            return criterion, "jobcentre" if by_jobcentre else "register"
    return None, None
