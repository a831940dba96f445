"""How a record travels: mostly at once; some late, twice, corrected, mistyped, retracted or out of order (api.md).

Each function takes the record as it truly is and returns the messages that bring it there, in the order of sending.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from app.domain.rules.calendar import monday_of
from app.simulate.model import REGISTER, Body, Enrolled, Message, Record, SimulatedPerson, Value
from app.simulate.scenarios import Scenario

FATES = {
    "plain": 850,
    "twice": 50,
    "corrected": 50,
    "overtaken": 12,
    "mistyped": 8,
    "conflicting": 4,
    "revived": 6,
    "wrong_person": 5,
    "with_slip": 15,
}
"""Weights. ``overtaken``: the correction arrives first. ``revived``: retracted, then brought back. ``with_slip``: a
second record is entered in error and retracted, now and then before it arrives."""

NEED_REVISIONS = frozenset({"overtaken", "conflicting", "revived", "wrong_person"})
RETRACTIONS = ("entered_in_error", "duplicate", "wrong_person")
UNKNOWN = frozenset({"unknown_participant"})
UNKNOWN_OR_NOT_DRAWN = frozenset({"unknown_participant", "not_drawn"})


@dataclass(frozen=True, slots=True)
class _Mail:
    """Builds the messages of one record. Without revisions, none is sent."""

    script: Scenario
    record: Record
    revisioned: bool

    def says(self, week: date, fields: Mapping[str, Value], revision: int, *expect: str) -> Message:
        body: Body = {"external_id": self.record.external_id}
        if self.revisioned:
            body["revision"] = revision
        person = self.record.person
        return self._message(week, person, {**body, **fields}, frozenset(expect))

    def takes_back(self, week: date, revision: int, reason: str) -> Message:
        body: Body = {"external_id": self.record.external_id, "retracted": True, "retraction_reason": reason}
        if self.revisioned:
            body["revision"] = revision
        return self._message(week, self.record.person, body, frozenset())

    def _message(self, week: date, person: SimulatedPerson, body: Body, expect: frozenset[str]) -> Message:
        return Message(min(week, self.script.last_week), self.record.client_id, self.record.kind, person, body, expect)


def deliver(
    rng: Random, script: Scenario, record: Record, revisioned: bool, sibling: SimulatedPerson | None
) -> list[Message]:
    """The messages of a case system's record. ``sibling``: someone else drawn there, to be mistaken for the person."""
    mail = _Mail(script, record, revisioned)
    week = after(script, _happened(record.fields), _lag(rng))
    fields = record.fields
    if "ends_on" in fields and rng.random() < 0.4:  # told while it runs, closed when it ends
        still_open = {name: value for name, value in fields.items() if name != "ends_on"}
        ended = max(week, after(script, date.fromisoformat(str(fields["ends_on"])), _lag(rng)))
        return [mail.says(week, still_open, 1), mail.says(ended, fields, 2)]
    fate = rng.choices(list(FATES), list(FATES.values()))[0]
    if fate in NEED_REVISIONS and not revisioned:
        fate = "plain"
    if fate == "wrong_person" and (sibling is None or record.kind != "conversations"):
        fate = "corrected"
    later = after(script, week, rng.randrange(1, 8))
    if fate == "with_slip":
        return [mail.says(week, fields, 1), *_slip(rng, mail, week, later)]
    if fate == "wrong_person" and sibling is not None:
        return [replace(mail.says(week, fields, 1), person=sibling), mail.says(later, fields, 2)]
    return _by_fate(rng, fate, mail, week, later)


def _by_fate(rng: Random, fate: str, mail: _Mail, week: date, later: date) -> list[Message]:
    fields = mail.record.fields
    if fate == "twice":
        return [mail.says(week, fields, 1), mail.says(later if rng.random() < 0.5 else week, fields, 1)]
    if fate == "corrected":
        return [mail.says(week, _otherwise(rng, mail.record), 1), mail.says(later, fields, 2)]
    if fate == "overtaken":
        return [mail.says(week, fields, 2), mail.says(later, _otherwise(rng, mail.record), 1)]
    if fate == "mistyped":
        wrong, code = _mistyped(rng, mail)
        return [mail.says(week, wrong, 1, code), mail.says(later, fields, 2)]
    if fate == "conflicting":
        return [mail.says(week, fields, 1), mail.says(later, _otherwise(rng, mail.record), 1, "revision_conflict")]
    if fate == "revived":
        reason = rng.choice(RETRACTIONS)
        return [mail.says(week, fields, 1), mail.takes_back(week, 2, reason), mail.says(later, fields, 3)]
    return [mail.says(week, fields, 1)]


def _slip(rng: Random, mail: _Mail, week: date, later: date) -> list[Message]:
    """A record that never was, and its retraction. With revisions the retraction may arrive first and hold it off."""
    record = mail.record
    slip = replace(mail, record=replace(record, external_id=f"{record.external_id}-x"))
    entered = slip.says(week, _otherwise(rng, record), 1)
    taken_back = slip.takes_back(later, 2, rng.choice(RETRACTIONS))
    if slip.revisioned and rng.random() < 0.3:
        return [replace(taken_back, week=entered.week), replace(entered, week=taken_back.week)]
    return [entered, taken_back]


def _otherwise(rng: Random, record: Record) -> Body:
    """The same record with a plausible mistake in it, well-formed and never equal to the truth."""
    fields = dict(record.fields)
    if record.kind == "conversations":
        if rng.random() < 0.4:
            fields["form"] = "telephone" if fields.get("form", "in_person") != "telephone" else "in_person"
        elif rng.random() < 0.5:
            fields["status"] = "no_show" if fields.get("status", "held") == "held" else "held"
        else:
            fields["date"] = _shifted(fields["date"], rng.choice([1, 2, 7]))
    elif record.kind == "activations":
        if rng.random() < 0.5 and "ends_on" in fields:
            fields["ends_on"] = _shifted(fields["ends_on"], 14)
        else:
            fields["hours_per_week"] = 37 if fields["hours_per_week"] != 37 else 7
    elif record.kind == "exemptions":
        fields["scope"] = "both" if fields["scope"] != "both" else "activation"
    else:
        fields["date"] = _shifted(fields["date"], rng.choice([1, 3, 7]))
    return fields


def _mistyped(rng: Random, mail: _Mail) -> tuple[Body, str]:
    """The same record with a mistake that the register refuses, and the code of the refusal."""
    record, fields = mail.record, dict(mail.record.fields)
    if record.kind == "declined-offers":
        del fields["type"]
        return fields, "missing_field"
    if record.kind == "conversations":
        if rng.random() < 0.5:
            del fields["date"]
            return fields, "missing_field"
        return {**fields, "form": "fax"}, "invalid_value"
    if record.kind == "presence-events":
        return {**fields, "date": (mail.script.intake_from - timedelta(days=38)).isoformat()}, "event_order"
    if record.kind == "activations" and rng.random() < 0.6:
        if "cvr_number" in fields and rng.random() < 0.5:
            return {**fields, "cvr_number": "12345678"}, "invalid_cvr"
        return {**fields, "hours_per_week": rng.choice([0, 75, 370])}, "hours_out_of_range"
    return {**fields, "ends_on": _shifted(fields["starts_on"], -1)}, "ends_before_start"


def deliver_as_register(rng: Random, script: Scenario, record: Record) -> list[Message]:
    """The messages of a record of the register: told in its monthly file, closed in the file after its end."""
    mail = _Mail(script, record, revisioned=True)
    fields = record.fields
    told = _file_after(script, _happened(fields))
    if "ends_on" not in fields:
        return [mail.says(told, fields, _number(told))]
    closed = _file_after(script, date.fromisoformat(str(fields["ends_on"])))
    if closed > told:
        still_open = {name: value for name, value in fields.items() if name != "ends_on"}
        return [mail.says(told, still_open, _number(told)), mail.says(closed, fields, _number(closed))]
    again = _file_after(script, told + timedelta(days=14))
    luck = rng.random()
    if luck < 0.1:
        return [mail.says(told, fields, _number(told)), mail.says(again, fields, _number(told))]
    if luck < 0.13 and again > told:
        return [mail.says(told, _otherwise(rng, record), _number(told)), mail.says(again, fields, _number(again))]
    return [mail.says(told, fields, _number(told))]


def unknown_to_trial(rng: Random, script: Scenario, person: SimulatedPerson, screened: bool) -> list[Message]:
    """A measure of someone who takes no part: refused, which is normal for a register (api.md)."""
    starts_on = script.first_week + timedelta(days=rng.randrange(450))
    fields: Body = {
        "type": rng.choice(["guidance_and_upskilling", "work_placement_private", "wage_subsidy_public"]),
        "starts_on": starts_on.isoformat(),
        "ends_on": (starts_on + timedelta(days=rng.randrange(10, 90))).isoformat(),
        "hours_per_week": rng.choice([15, 20, 30, 37]),
    }
    record = Record(REGISTER, "activations", f"AMF-{person.index}-u", person, fields)
    expect = UNKNOWN_OR_NOT_DRAWN if screened else UNKNOWN
    told = _file_after(script, starts_on)
    return [_Mail(script, record, revisioned=True).says(told, fields, _number(told), *expect)]


def siblings(enrolled: Sequence[Enrolled]) -> dict[int, SimulatedPerson]:
    """For each person another one drawn in the same jobcentre, where there is one."""
    by_jobcentre: dict[str, list[SimulatedPerson]] = {}
    for someone in enrolled:
        by_jobcentre.setdefault(someone.jobcentre, []).append(someone.person)
    return {
        person.index: people[place - 1]
        for people in by_jobcentre.values()
        for place, person in enumerate(people)
        if place
    }


def after(script: Scenario, day: date, weeks: int) -> date:
    """The Monday ``weeks`` weeks after the week of ``day``, within the weeks of the simulation."""
    return min(max(monday_of(day), script.first_week) + timedelta(days=7 * weeks), script.last_week)


def _happened(fields: Mapping[str, Value]) -> date:
    return date.fromisoformat(str(fields["date"] if "date" in fields else fields["starts_on"]))


def _lag(rng: Random) -> int:
    """Weeks from the event to its sending: mostly none."""
    luck = rng.random()
    if luck < 0.87:
        return 0
    if luck < 0.94:
        return 1
    return rng.randrange(2, 5) if luck < 0.985 else rng.randrange(5, 20)


def _file_after(script: Scenario, day: date) -> date:
    """The week of the register's file that first knows of ``day``: around the 10th of the month after."""
    month = (day.replace(day=1) + timedelta(days=32)).replace(day=10)
    return after(script, month, 0)


def _number(week: date) -> int:
    """The revision that a file gives its records: 201113 for the one sent in 2011-W13."""
    year, number, _ = week.isocalendar()
    return year * 100 + number


def _shifted(day: Value, days: int) -> str:
    return (date.fromisoformat(str(day)) + timedelta(days=days)).isoformat()
