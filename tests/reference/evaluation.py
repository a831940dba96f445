"""The activity curve and the flow of domain 5, recomputed from each person's raw records, day by day.

`people` is a list of {arm, duplicate?, person}, as in `figures`.
"""

from datetime import date, timedelta
from typing import Any

from tests.reference.protocols import PROTOCOLS, WORKPLACE_TYPES
from tests.reference.weeks import (
    Person,
    at_workplace,
    counting_conversations,
    covering_activations,
    day,
    in_trial,
    is_active,
    is_over,
    judged_weeks,
    monday_of,
    mondays_of_the_course,
    presence_events_read,
    working_days_of,
)

ARMS = ["treatment", "control"]
MEASURES = ["conversation", "activation", "workplace", *sorted(WORKPLACE_TYPES), "guidance_and_upskilling"]


def did_it(protocol_id: str, person: Person, monday: date, measure: str) -> bool:
    """Domain 5: a counting conversation that week; active (4.6), due or not; at a workplace; covered by a type."""
    protocol = PROTOCOLS[protocol_id]
    if measure == "conversation":
        return bool(counting_conversations(protocol, person, monday))
    if measure == "activation":
        return is_active(protocol, person, monday)
    if measure == "workplace":
        return is_active(protocol, person, monday) and at_workplace(person, monday)
    return any(activation["type"] == measure for activation in covering_activations(person, monday))


def curve(
    protocol_id: str, ends_on: date, people: list[dict[str, Any]], measure: str, as_of: date
) -> list[dict[str, Any]]:
    """Domain 5, "Activity curve": conditional n = people in the trial on all five working days, intention to treat n =
    everyone drawn whose week k is over and not past the trial's end."""
    counted: dict[tuple[str, int, str], list[bool]] = {}
    for each in people:
        if each.get("duplicate"):
            continue
        person = each["person"]
        first = monday_of(day(person["interview_on"]))
        for monday in mondays_of_the_course(person, ends_on):
            if not is_over(monday, as_of):
                continue
            k = (monday - first) // timedelta(weeks=1)
            did = did_it(protocol_id, person, monday, measure)
            counted.setdefault(("intention_to_treat", k, each["arm"]), []).append(did)
            if all(in_trial(person, ends_on, some_day) for some_day in working_days_of(monday)):
                counted.setdefault(("conditional", k, each["arm"]), []).append(did)
    longest = max((k for _, k, _ in counted), default=-1)
    rows: list[dict[str, Any]] = []
    for analysis in ("conditional", "intention_to_treat"):
        running_sum = 0.0
        for k in range(longest + 1):
            row: dict[str, Any] = {"weeks_since_assignment": k, "analysis": analysis}
            for arm in ARMS:
                deeds = counted.get((analysis, k, arm), [])
                row[arm] = (len(deeds), deeds.count(True))
            if row["treatment"][0] and row["control"][0]:
                running_sum += row["treatment"][1] / row["treatment"][0] - row["control"][1] / row["control"][0]
            rows.append({**row, "running_sum": running_sum})
    return rows


def path(protocol_id: str, ends_on: date, person: Person, on: date, as_of: date) -> dict[str, Any]:
    """Domain 5, "Flow": what became of someone drawn."""
    effective = [event for _, event, changed in presence_events_read(person) if changed]
    exits = [event["reason"] for event in effective if event["kind"] == "exit"]
    over = [row for row in judged_weeks(protocol_id, ends_on, person, as_of) if is_over(monday_of_row(row), as_of)]
    return {
        "last_exit": exits[-1] if exits else None,
        "re_entered": any(event["kind"] == "re_entry" for event in effective),
        "in_trial": in_trial(person, ends_on, on),
        "complete": bool(over) and over[-1]["state"] == "complete",
    }


def monday_of_row(row: dict[str, Any]) -> date:
    """The Monday of a judged week."""
    return date.fromisocalendar(int(row["week"][:4]), int(row["week"][6:]), 1)
