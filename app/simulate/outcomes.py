"""Weekly outcomes as a register like DREAM has them (domain 7), in a file every fourth week.

They follow from the person's exits, not from the arm: 7 % are employed after 64 weeks in both [E].
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from random import Random

from app.domain.rules.calendar import monday_of, week_code
from app.simulate.model import REGISTER, Body, Enrolled, Message, Record, Value
from app.simulate.scenarios import Scenario

EMPLOYED_WHEN_OUT = 0.2
"""Share of those whose benefit ended or who moved that had found work: chosen so that with those who left for a job
7 % of all are employed after 64 weeks."""
HOURS = (12, 15, 18.5, 20, 25, 30, 34, 37, 37, 37, 37, 37)
WITHOUT_HOURS, MISSING, CORRECTED = 0.05, 0.003, 0.01
"""Shares: employment without hours, weeks without a record, weeks that a later file corrects."""
BESIDE_BENEFIT, HOURS_BESIDE = 0.08, (3, 4.5, 6, 7.4, 8, 10, 12, 14)
"""Share of people who work some weeks beside their benefit [F], and their hours."""
WEEKS_A_FILE = 4
_BENEFIT_CODES = {"benefit": ("kontanthjaelp_passiv", "kontanthjaelp_aktiv"), "other": ("selvforsorgelse",)}


def make_outcomes(rng: Random, scenario: Scenario, participant: Enrolled, events: Sequence[Body]) -> list[Record]:
    """Generate the register's records of one person, one a week from the assignment week to the trial's last."""
    spells = list(_spells(rng, scenario, events))
    records: list[Record] = []
    first = monday_of(participant.assigned_on)
    beside = _hours_beside_benefit(rng)
    for number in range((scenario.last_week - first).days // 7 + 1):
        week = first + timedelta(weeks=number)
        middle = week + timedelta(days=2)
        outcome = next((body for since, until, body in spells if since <= middle < until), {"status": "benefit"})
        if not outcome or rng.random() < MISSING:
            continue
        body: Body = {"week": week_code(week), **outcome}
        if outcome["status"] == "benefit" and number in beside:
            body["hours_per_week"] = beside[number]
        if body["status"] in _BENEFIT_CODES:
            body["benefit_code"] = rng.choice(_BENEFIT_CODES[str(body["status"])])
        index = participant.person.index
        records.append(Record(REGISTER, "outcomes", f"DRM-{index}-{number}", participant.person, body))
    return records


def _hours_beside_benefit(rng: Random) -> Mapping[int, float]:
    """Generate the hours of part-time work beside benefit by week since the assignment; mostly none."""
    if rng.random() >= BESIDE_BENEFIT:
        return {}
    first = rng.randrange(4, 50)
    return {first + week: rng.choice(HOURS_BESIDE) for week in range(rng.randrange(3, 20))}


def _spells(rng: Random, scenario: Scenario, events: Sequence[Body]) -> Iterator[tuple[date, date, Body]]:
    """Yield the spells out of the trial and the outcome during each; no outcome after death."""
    out: Body | None = None
    for event in [*events, None]:
        if event is None or event["kind"] == "re_entry":
            if out is not None:
                until = date.max if event is None else date.fromisoformat(str(event["date"]))
                yield date.fromisoformat(str(out["date"])), until, _outcome_after(rng, scenario, str(out["reason"]))
            out = None
        elif event["kind"] == "exit" and out is None:
            out = event


def _outcome_after(rng: Random, scenario: Scenario, reason: str) -> Body:
    found_work = reason in ("benefit_ended", "moved") and rng.random() < EMPLOYED_WHEN_OUT
    if reason == "job" or found_work:
        hours = {} if rng.random() < WITHOUT_HOURS else {"hours_per_week": rng.choice(HOURS)}
        return {"status": scenario.job_status, **hours}
    if reason == "deceased":
        return {}
    return {"status": {"education": "education", "benefit_ended": "other"}.get(reason, "benefit")}


def deliver_outcome(rng: Random, scenario: Scenario, record: Record) -> list[Message]:
    """Return the messages of a week: in the first file after it; a few wrong there, and corrected in the next."""
    fields = record.fields
    week = date.fromisocalendar(int(str(fields["week"])[:4]), int(str(fields["week"])[6:]), 1)
    file = (week - scenario.first_week).days // 7 // WEEKS_A_FILE + 1
    if rng.random() < CORRECTED and _sent_on(scenario, file + 1) > _sent_on(scenario, file):
        wrong: Body = {"week": fields["week"], "status": "other" if fields["status"] != "other" else "benefit"}
        return [_message(scenario, record, wrong, file), _message(scenario, record, fields, file + 1)]
    return [_message(scenario, record, fields, file)]


def _sent_on(scenario: Scenario, file: int) -> date:
    return min(scenario.first_week + timedelta(weeks=WEEKS_A_FILE * file), scenario.last_week)


def _message(scenario: Scenario, record: Record, fields: Mapping[str, Value], file: int) -> Message:
    body: Body = {"external_id": record.external_id, "revision": file, **fields}
    return Message(_sent_on(scenario, file), record.client_id, record.kind, record.person, body)
