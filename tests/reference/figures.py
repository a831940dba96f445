"""The weekly summary and the conditions (domain 5; "A summary row" of api.md), recomputed from each person's raw
records.

`people` is a list of {jobcentre, arm, duplicate?, target_group?, person}; `trial` is {ends_on, jobcentres: [{code,
name, region, agreed_participants, external_provider_talks?, required_contacts?}], required_contacts?}. Rates are
Fractions inside and floats outside.
"""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.reference import contacts
from tests.reference.conversations import counts, numbered_conversations, numbered_no_shows
from tests.reference.days import day, field, listed, monday_of
from tests.reference.presence import exits_in_week
from tests.reference.protocols import PROTOCOLS, Protocol
from tests.reference.weeks import FLAGS, Row, judged_weeks, monday_of_week

LONG_AFTER = date(9999, 12, 31)
STATES = ["counted", "absent", "exempt", "complete", "assignment_week"]
ARMS = ["treatment", "control"]
SETTINGS = ["external_provider_talks", "target_groups", "required_contacts"]

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


def without_duplicates(trial: dict[str, Any], people: list[Participant]) -> list[Participant]:
    """Duplicates are in no figure (domain 5). A person without settings gets those of the jobcentre in the trial."""
    of_jobcentre = {j["code"]: {name: j.get(name) for name in SETTINGS} for j in trial["jobcentres"]}
    result = [p for p in people if not p.get("duplicate")]
    for participant in result:
        participant["person"].setdefault("settings", of_jobcentre[participant["jobcentre"]])
    return result


def weeks_of(protocol_id: str, trial: dict[str, Any], participant: Participant, as_of: date) -> list[Row]:
    """The participant's weeks, by the one definition."""
    return judged_weeks(protocol_id, trial["ends_on"], participant["person"], as_of)


def assigned_by(participant: Participant, monday: date) -> bool:
    """Assigned in that week or an earlier one."""
    return monday_of(day(participant["person"]["interview_on"])) <= monday


def by_person(weeks_by_person: list[list[Row]]) -> dict[str, Any]:
    """Domain 5, "By person": of the people with any week of the duty, up to the week asked for."""
    sums = [sums_of(rows) for rows in weeks_by_person]
    with_activation = [s for s in sums if s["activation_due"] > 0]
    with_conversation = [s for s in sums if s["conversation_due"] > 0]
    held_80 = [s for s in with_conversation if 100 * s["conversation_held"] >= 80 * s["conversation_due"]]
    return {
        "activation": {
            "people": len(with_activation),
            "ever_activated": len([s for s in with_activation if s["activated"] > 0]),
            "ever_workplace": len([s for s in with_activation if s["workplace_activated"] > 0]),
        },
        "conversation": {"people": len(with_conversation), "held_80": len(held_80)},
    }


def counted_in_week(protocol: Protocol, people: list[Participant], this_week: list[Row], monday: date) -> Row:
    """What a row counts in its week beside sums and rates."""
    persons = [p["person"] for p in people]
    talks = [c for person in persons for c in numbered_conversations(protocol, person, monday)]
    return {
        "participants": len([r for r in this_week if r["state"] != "absent"]),
        "states": {state: len([r for r in this_week if r["state"] == state]) for state in STATES},
        "entries": len([p for p in persons if monday_of(day(p["interview_on"])) == monday]),
        "exits": count_codes([reason for p in persons for reason in exits_in_week(protocol, p, monday)]),
        "forms": count_codes([field(c, "form") for c in talks]),
        "no_shows": sum(len(numbered_no_shows(protocol, p, monday)) for p in persons),
        "deviations": count_codes([code for r in this_week for code in r["deviations"]]),
        "missing_because": count_codes([r["missing_because"] for r in this_week if r["missing_because"] is not None]),
    }


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
    weeks = [(p, weeks_of(protocol_id, trial, p, as_of)) for p in people]
    so_far = [[row for row in rows if row["monday"] <= monday] for _, rows in weeks]
    this_week = [row for rows in so_far for row in rows if row["monday"] == monday]
    sums, sums_so_far = sums_of(this_week), sums_of([row for rows in so_far for row in rows])
    rates = {name: rendered(rate) for name, rate in the_four_rates(sums).items()}
    rates_so_far = {name: rendered(rate) for name, rate in the_four_rates(sums_so_far).items()}
    cumulative: dict[str, Any] = {**sums_so_far, **rates_so_far}
    row: Row = {
        "week": week,
        "group": group,
        "arm": arm,
        **counted_in_week(protocol, people, this_week, monday),
        **sums,
        **rates,
        "cumulative": cumulative,
        "conditions": judged_conditions(protocol, sums_so_far) if arm == "treatment" else None,
        "by_person": by_person(so_far) if arm == "treatment" else None,
    }
    if protocol["cadence"] == "average":
        for place, first in ((row, monday), (cumulative, date(1, 1, 1))):
            del place["conversation_rate"]
            del place["conforming_rate"]
            place["contacts_per_four_weeks"] = contacts.contacts(protocol, weeks, first, monday)
            place["required_contacts"] = contacts.required_contacts(trial, weeks, first, monday)
    return row


def needs_action_plan(
    protocol_id: str, trial: dict[str, Any], people: list[Participant], week: str, as_of: date
) -> bool:
    """Domain 5: the same condition is `not_met` in this and in the previous week's summary."""
    monday = monday_of_week(week)
    not_met: list[set[str]] = []
    for last in (monday, monday - timedelta(days=7)):
        rows = [r for p in people for r in weeks_of(protocol_id, trial, p, as_of) if r["monday"] <= last]
        judged = judged_conditions(PROTOCOLS[protocol_id], sums_of(rows)) or {}
        not_met.append({name for name, status in judged.items() if status == "not_met"})
    return bool(not_met[0] & not_met[1])


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
    members_of = without_duplicates(trial, people)
    region_of = {j["code"]: j["region"] for j in trial["jobcentres"]}
    groups: list[tuple[dict[str, str], list[Participant]]] = []
    if by == "jobcentre":
        for code in sorted(region_of):
            groups.append(({"jobcentre": code}, [p for p in members_of if p["jobcentre"] == code]))
    elif by == "region":
        for region in sorted(set(region_of.values())):
            groups.append(({"region": region}, [p for p in members_of if region_of[p["jobcentre"]] == region]))
    elif by == "trial":
        groups.append(({}, members_of))
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
    treated = [p for p in without_duplicates(trial, people) if p["arm"] == "treatment"]
    result: list[Row] = []
    for jobcentre in sorted(trial["jobcentres"], key=lambda j: str(j["code"])):
        mine = [p for p in treated if p["jobcentre"] == jobcentre["code"]]
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
