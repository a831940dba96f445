"""The weekly summary and the conditions (domain 5; "A summary row" of api.md), recomputed from each person's raw
records.

`people` is a list of {jobcentre, arm, duplicate?, target_group?, person}; `trial` is {ends_on, jobcentres: [{code,
name, region, agreed_participants}], required_contacts?}. Rates are Fractions inside and floats outside.
"""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.reference.protocols import PROTOCOLS, Protocol
from tests.reference.weeks import (
    FLAGS,
    Person,
    Row,
    counting_conversations,
    counts,
    day,
    field,
    judged_weeks,
    listed,
    monday_of,
    monday_of_week,
    presence_events_read,
)

LONG_AFTER = date(9999, 12, 31)
STATES = ["counted", "absent", "exempt", "complete", "assignment_week"]
ARMS = ["treatment", "control"]

Participant = dict[str, Any]


def ratio(part: int, whole: int) -> Fraction | None:
    """A rate with nothing due is null, never 0 or 1 (domain 5)."""
    return None if whole == 0 else Fraction(part, whole)


def rendered(rate: Fraction | None) -> float | None:
    """Full precision."""
    return None if rate is None else float(rate)


def the_four_rates(sums: dict[str, int]) -> dict[str, Fraction | None]:
    """The table of domain 5."""
    return {
        "conversation_rate": ratio(sums["conversation_held"], sums["conversation_due"]),
        "conforming_rate": ratio(sums["conversation_conforming"], sums["conversation_due"]),
        "activation_rate": ratio(sums["activated"], sums["activation_due"]),
        "workplace_rate": ratio(sums["workplace_activated"], sums["activation_due"]),
    }


def sums_of(rows: list[Row]) -> dict[str, int]:
    """How many person-weeks carry each flag."""
    return {flag: len([row for row in rows if flag in row["flags"]]) for flag in FLAGS}


def count_codes(codes: list[str]) -> dict[str, int]:
    """Only the codes that occurred."""
    return {code: codes.count(code) for code in sorted(set(codes))}


def judged_conditions(protocol: Protocol, sums: dict[str, int]) -> dict[str, str] | None:
    """Domain 5: each `met`, `not_met` or `nothing_due`, thresholds inclusive, as exact fractions; null without
    thresholds."""
    if protocol["thresholds"] is None:
        return None
    rates = the_four_rates(sums)
    result: dict[str, str] = {}
    for name in ("conversation", "activation", "workplace"):
        rate = rates[f"{name}_rate"]
        if rate is None:
            result[name] = "nothing_due"
        elif rate >= Fraction(protocol["thresholds"][name], 100):
            result[name] = "met"
        else:
            result[name] = "not_met"
    return result


def weeks_of(protocol_id: str, trial: dict[str, Any], participant: Participant, as_of: date) -> list[Row]:
    """The participant's weeks, by the one definition."""
    return judged_weeks(protocol_id, trial["ends_on"], participant["person"], as_of)


def assigned_by(participant: Participant, monday: date) -> bool:
    """Assigned in that week or an earlier one."""
    return monday_of(day(participant["person"]["interview_on"])) <= monday


def contacts(
    protocol_id: str, trial: dict[str, Any], people: list[Participant], mondays_from: date, monday_to: date, as_of: date
) -> dict[str, Any]:
    """Domain 6 [C]: 4 x counting conversations in the contact weeks / those weeks; in total, by form (splitting the
    numerator) and by target group (a ratio of the group's own)."""
    protocol = PROTOCOLS[protocol_id]

    def tally(some: list[Participant]) -> tuple[int, list[str]]:
        number_of_weeks = 0
        forms: list[str] = []
        for participant in some:
            for row in weeks_of(protocol_id, trial, participant, as_of):
                if row["contact_week"] and mondays_from <= row["monday"] <= monday_to:
                    number_of_weeks += 1
                    counting = counting_conversations(protocol, participant["person"], row["monday"])
                    forms += [field(c, "form") for c in counting]
        return number_of_weeks, forms

    number_of_weeks, forms = tally(people)
    groups = sorted({p["target_group"] for p in people if p.get("target_group") is not None})
    by_group: dict[str, float | None] = {}
    for group in groups:
        group_weeks, group_forms = tally([p for p in people if p.get("target_group") == group])
        by_group[str(group)] = rendered(ratio(4 * len(group_forms), group_weeks))
    return {
        "total": rendered(ratio(4 * len(forms), number_of_weeks)),
        "by_form": {form: rendered(ratio(4 * n, number_of_weeks)) for form, n in count_codes(forms).items()},
        "by_target_group": by_group,
    }


def exits_in_week(person: Person, monday: date) -> list[str]:
    """The reasons of the effective exits, by date."""
    return [
        event["reason"]
        for event_day, event, effective in presence_events_read(person)
        if event["kind"] == "exit" and effective and monday_of(event_day) == monday
    ]


def no_shows_in_week(person: Person, monday: date) -> int:
    """No-shows later than `assigned_on`, dated in the week, due or not."""
    assigned_on = day(person["interview_on"])
    return len(
        [
            c
            for c in listed(person, "conversations")
            if field(c, "status") == "no_show" and day(c["date"]) > assigned_on and monday_of(day(c["date"])) == monday
        ]
    )


def one_row(
    protocol_id: str,
    trial: dict[str, Any],
    group: dict[str, str],
    arm: str,
    people: list[Participant],
    week: str,
    as_of: date,
) -> Row:
    """The row of one week, group and arm; `people` are those of the group and the arm, without duplicates."""
    protocol = PROTOCOLS[protocol_id]
    monday = monday_of_week(week)
    people = [p for p in people if assigned_by(p, monday)]
    all_weeks = [row for p in people for row in weeks_of(protocol_id, trial, p, as_of)]
    this_week = [row for row in all_weeks if row["monday"] == monday]
    so_far = [row for row in all_weeks if row["monday"] <= monday]
    counting = [c for p in people for c in counting_conversations(protocol, p["person"], monday)]
    sums, sums_so_far = sums_of(this_week), sums_of(so_far)
    rates = {name: rendered(rate) for name, rate in the_four_rates(sums).items()}
    rates_so_far = {name: rendered(rate) for name, rate in the_four_rates(sums_so_far).items()}
    cumulative: dict[str, Any] = {**sums_so_far, **rates_so_far}

    row: Row = {
        "week": week,
        "group": group,
        "arm": arm,
        "participants": len([r for r in this_week if r["state"] != "absent"]),
        "states": {state: len([r for r in this_week if r["state"] == state]) for state in STATES},
        "entries": len([p for p in people if monday_of(day(p["person"]["interview_on"])) == monday]),
        "exits": count_codes([reason for p in people for reason in exits_in_week(p["person"], monday)]),
        **sums,
        **rates,
        "forms": count_codes([field(c, "form") for c in counting]),
        "no_shows": sum(no_shows_in_week(p["person"], monday) for p in people),
        "deviations": count_codes([code for r in this_week for code in r["deviations"]]),
        "cumulative": cumulative,
        "conditions": judged_conditions(protocol, sums_so_far) if arm == "treatment" else None,
    }
    if protocol["cadence"] == "average":
        for place in (row, cumulative):
            del place["conversation_rate"]
            del place["conforming_rate"]
        row["contacts_per_four_weeks"] = contacts(protocol_id, trial, people, monday, monday, as_of)
        row["required_contacts"] = trial.get("required_contacts")
        cumulative["contacts_per_four_weeks"] = contacts(protocol_id, trial, people, date(1, 1, 1), monday, as_of)
    return row


def week_before(week: str) -> str:
    """The ISO week before."""
    year, number, _ = (monday_of_week(week) - timedelta(days=7)).isocalendar()
    return f"{year:04d}-W{number:02d}"


def needs_action_plan(
    protocol_id: str, trial: dict[str, Any], people: list[Participant], week: str, as_of: date
) -> bool:
    """Domain 5: the same condition is `not_met` in this and in the previous week's summary."""
    now = one_row(protocol_id, trial, {}, "treatment", people, week, as_of)["conditions"]
    before = one_row(protocol_id, trial, {}, "treatment", people, week_before(week), as_of)["conditions"]
    if now is None or before is None:
        return False
    return any(now[name] == "not_met" and before[name] == "not_met" for name in now)


def summary(
    protocol_id: str,
    trial: dict[str, Any],
    people: list[Participant],
    week: str,
    by: str,
    as_of: date | str = LONG_AFTER,
) -> list[Row]:
    """The rows of one week, by jobcentre, region or trial; sorted by group, treatment before control. A group has a row
    once someone was assigned there, in that arm, by that week. `week` may be the running one of `as_of`."""
    today = day(as_of)
    without_duplicates = [p for p in people if not p.get("duplicate")]
    region_of = {j["code"]: j["region"] for j in trial["jobcentres"]}
    groups: list[tuple[dict[str, str], list[Participant]]] = []
    if by == "jobcentre":
        for code in sorted(region_of):
            groups.append(({"jobcentre": code}, [p for p in without_duplicates if p["jobcentre"] == code]))
    elif by == "region":
        for region in sorted(set(region_of.values())):
            groups.append(({"region": region}, [p for p in without_duplicates if region_of[p["jobcentre"]] == region]))
    elif by == "trial":
        groups.append(({}, without_duplicates))
    else:
        raise ValueError(by)

    rows: list[Row] = []
    for group, members in groups:
        for arm in ARMS:
            of_arm = [p for p in members if p["arm"] == arm]
            if not any(assigned_by(p, monday_of_week(week)) for p in of_arm):
                continue
            row = one_row(protocol_id, trial, group, arm, of_arm, week, today)
            if by == "jobcentre" and arm == "treatment":
                row["action_plan"] = needs_action_plan(protocol_id, trial, of_arm, week, today)
            rows.append(row)
    return rows


def earns_grant(protocol: Protocol, participant: Participant, monday: date) -> bool:
    """Domain 5: at least one counting conversation up to the week's Sunday."""
    sunday = monday + timedelta(days=6)
    person = participant["person"]
    return any(counts(protocol, person, c) and day(c["date"]) <= sunday for c in listed(person, "conversations"))


def conditions(
    protocol_id: str, trial: dict[str, Any], people: list[Participant], week: str, as_of: date | str = LONG_AFTER
) -> list[Row]:
    """The three conditions and the grant of every jobcentre of the trial, cumulative to the week, treatment arm:
    `conditions` (or null), `sums`, the three `rates`, `participants_with_conversation`, `agreed_participants`, `grant`
    in DKK, `payable`."""
    protocol = PROTOCOLS[protocol_id]
    monday = monday_of_week(week)
    result: list[Row] = []
    for jobcentre in sorted(trial["jobcentres"], key=lambda j: str(j["code"])):
        mine = [
            p
            for p in people
            if p["jobcentre"] == jobcentre["code"] and p["arm"] == "treatment" and not p.get("duplicate")
        ]
        rows = [row for p in mine for row in weeks_of(protocol_id, trial, p, day(as_of)) if row["monday"] <= monday]
        sums = sums_of(rows)
        judged = judged_conditions(protocol, sums)
        with_conversation = len([p for p in mine if earns_grant(protocol, p, monday)])
        paid_for = min(with_conversation, int(jobcentre["agreed_participants"]))
        rates = the_four_rates(sums)
        result.append(
            {
                "jobcentre": jobcentre["code"],
                "week": week,
                "sums": sums,
                "rates": {
                    name: rendered(rates[name]) for name in ("conversation_rate", "activation_rate", "workplace_rate")
                },
                "conditions": judged,
                "participants_with_conversation": with_conversation,
                "agreed_participants": int(jobcentre["agreed_participants"]),
                "grant": None if protocol["grant"] is None else paid_for * int(protocol["grant"]),
                "payable": None if judged is None else all(status == "met" for status in judged.values()),
            }
        )
    return result
