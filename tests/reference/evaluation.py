"""The activity curve and the flow of domain 5, recomputed from each person's raw records, day by day.

`people` is a list of {arm, duplicate?, person}, as in `figures`.
"""

from datetime import date
from typing import Any

from tests.reference.activations import at_workplace, covering_activations, is_active
from tests.reference.conversations import counting_conversations
from tests.reference.days import Person, day, is_over, listed, monday_of, working_days_of
from tests.reference.outcomes import recorded_outcome
from tests.reference.presence import in_trial, presence_steps
from tests.reference.protocols import OTHER_TYPES, PROTOCOLS, WORKPLACE_TYPES, Protocol
from tests.reference.weeks import judged_weeks, mondays_of_the_course

ARMS = ["treatment", "control"]
MEASURES = ["conversation", "activation", "workplace", *sorted(WORKPLACE_TYPES), *sorted(OTHER_TYPES)]
ANALYSES = ["conditional", "intention_to_treat"]


def did_it(protocol: Protocol, person: Person, monday: date, measure: str) -> bool:
    """Domain 5: a counting conversation that week; active (4.6), due or not; at a workplace; covered by a type."""
    if measure == "conversation":
        return bool(counting_conversations(protocol, person, monday))
    if measure == "activation":
        return is_active(protocol, person, monday)
    if measure == "workplace":
        return is_active(protocol, person, monday) and at_workplace(person, monday)
    return any(activation["type"] == measure for activation in covering_activations(person, monday))


def is_in(protocol: Protocol, person: Person, ends_on: date, monday: date, analysis: str) -> bool:
    """Domain 5: everyone drawn; people in the trial on all five working days; people whose outcomes of that week say
    benefit."""
    if analysis == "conditional":
        return all(in_trial(protocol, person, ends_on, some_day) for some_day in working_days_of(monday))
    if analysis == "on_benefit":
        return bool(recorded_outcome(person, monday)["benefit"])
    return True


def curve(
    protocol_id: str,
    ends_on: date,
    people: list[dict[str, Any]],
    measure: str,
    as_of: date,
    analyses: list[str] = ANALYSES,
) -> list[dict[str, Any]]:
    """Domain 5, "Activity curve", over weeks that are over and not past the trial's end: n and count of each arm, and
    the running sum of the difference. `on_benefit` has no rows in a trial without outcomes."""
    protocol = PROTOCOLS[protocol_id]
    counted: dict[tuple[str, int, str], list[bool]] = {}
    for participant in people:
        if participant.get("duplicate"):
            continue
        person = participant["person"]
        first = monday_of(day(person["interview_on"]))
        for monday in mondays_of_the_course(protocol, person, ends_on):
            if not is_over(monday, as_of):
                continue
            k = (monday - first).days // 7
            did = did_it(protocol, person, monday, measure)
            for analysis in analyses:
                if is_in(protocol, person, ends_on, monday, analysis):
                    counted.setdefault((analysis, k, participant["arm"]), []).append(did)
            counted.setdefault(("", k, ""), [])  # the weeks that there are, whoever is in an analysis
    longest = max((k for _, k, _ in counted), default=-1)
    any_outcomes = any(listed(p["person"], "outcomes") for p in people)
    rows: list[dict[str, Any]] = []
    for analysis in analyses:
        running_sum = 0.0
        for k in range(longest + 1):
            if analysis == "on_benefit" and not any_outcomes:
                continue
            row: dict[str, Any] = {"weeks_since_assignment": k, "analysis": analysis}
            for arm in ARMS:
                values = counted.get((analysis, k, arm), [])
                row[arm] = (len(values), values.count(True))
            if row["treatment"][0] and row["control"][0]:
                running_sum += row["treatment"][1] / row["treatment"][0] - row["control"][1] / row["control"][0]
            rows.append({**row, "running_sum": running_sum})
    return rows


def path(protocol_id: str, ends_on: date, person: Person, on: date, as_of: date) -> dict[str, Any]:
    """Domain 5, "Flow", of someone drawn: last effective exit, re-entered, in the trial on the day, complete."""
    protocol = PROTOCOLS[protocol_id]
    steps = presence_steps(protocol, person)
    exits = [step["reason"] for step in steps if step["did"] == "exit"]
    over = [row for row in judged_weeks(protocol_id, ends_on, person, as_of) if is_over(row["monday"], as_of)]
    return {
        "last_exit": exits[-1] if exits else None,
        "re_entered": any(step["did"] == "re_entry" for step in steps),
        "in_trial": in_trial(protocol, person, ends_on, on),
        "complete": bool(over) and over[-1]["state"] == "complete",
    }
