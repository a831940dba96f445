"""Messages of a record: most are sent once; some late, twice, corrected, mistyped, retracted or out of order (api.md).

Each function takes the true record and returns the messages after which the register holds it, in order of sending.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from app.domain.rules.calendar import monday_of
from app.simulate.model import REGISTER, Body, Enrolled, Message, Record, SimulatedPerson, Value
from app.simulate.scenarios import Scenario

DELIVERY_WEIGHTS = {
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
"""Weights. ``overtaken``: the correction arrives first. ``revived``: retracted, then sent again. ``with_slip``: a
second record is entered in error and retracted, at times before it arrives."""

NEED_REVISIONS = frozenset({"overtaken", "conflicting", "revived", "wrong_person"})
RETRACTIONS = ("entered_in_error", "duplicate", "wrong_person")
UNKNOWN = frozenset({"unknown_participant"})
UNKNOWN_OR_NOT_DRAWN = frozenset({"unknown_participant", "not_drawn"})


@dataclass(frozen=True, slots=True)
class _MessageBuilder:
    """Builder of the messages of one record. ``revisioned``: they carry a revision."""

    scenario: Scenario
    record: Record
    revisioned: bool

    def upsert(self, week: date, fields: Mapping[str, Value], revision: int, *expect: str) -> Message:
        body: Body = {"external_id": self.record.external_id}
        if self.revisioned:
            body["revision"] = revision
        person = self.record.person
        return self._message(week, person, {**body, **fields}, frozenset(expect))

    def retraction(self, week: date, revision: int, reason: str) -> Message:
        body: Body = {"external_id": self.record.external_id, "retracted": True, "retraction_reason": reason}
        if self.revisioned:
            body["revision"] = revision
        return self._message(week, self.record.person, body, frozenset())

    def _message(self, week: date, person: SimulatedPerson, body: Body, expect: frozenset[str]) -> Message:
        return Message(
            min(week, self.scenario.last_week), self.record.client_id, self.record.kind, person, body, expect
        )


def deliver(
    rng: Random, scenario: Scenario, record: Record, revisioned: bool, confused_with: SimulatedPerson | None
) -> list[Message]:
    """Return the messages of a case system's record. ``confused_with``: another participant, named by mistake."""
    builder = _MessageBuilder(scenario, record, revisioned)
    week = after(scenario, _day_of(record.fields), _lag(rng))
    fields = record.fields
    if "ends_on" in fields and rng.random() < 0.4:  # sent while it runs, again when it ends
        still_open = {name: value for name, value in fields.items() if name not in ("ends_on", "ended_because")}
        ended = max(week, after(scenario, date.fromisoformat(str(fields["ends_on"])), _lag(rng)))
        return [builder.upsert(week, still_open, 1), builder.upsert(ended, fields, 2)]
    delivery = rng.choices(list(DELIVERY_WEIGHTS), list(DELIVERY_WEIGHTS.values()))[0]
    if delivery in NEED_REVISIONS and not revisioned:
        delivery = "plain"
    if delivery == "wrong_person" and (confused_with is None or record.kind != "conversations"):
        delivery = "corrected"
    later = after(scenario, week, rng.randrange(1, 8))
    if delivery == "with_slip":
        return [builder.upsert(week, fields, 1), *_slip(rng, builder, week, later)]
    if delivery == "wrong_person" and confused_with is not None:
        return [replace(builder.upsert(week, fields, 1), person=confused_with), builder.upsert(later, fields, 2)]
    return _messages(rng, delivery, builder, week, later)


def _messages(rng: Random, delivery: str, builder: _MessageBuilder, week: date, later: date) -> list[Message]:
    fields = builder.record.fields
    if delivery == "twice":
        return [builder.upsert(week, fields, 1), builder.upsert(later if rng.random() < 0.5 else week, fields, 1)]
    if delivery == "corrected":
        return [builder.upsert(week, _with_mistake(rng, builder.record), 1), builder.upsert(later, fields, 2)]
    if delivery == "overtaken":
        return [builder.upsert(week, fields, 2), builder.upsert(later, _with_mistake(rng, builder.record), 1)]
    if delivery == "mistyped":
        wrong, code = _with_rejected_mistake(rng, builder)
        return [builder.upsert(week, wrong, 1, code), builder.upsert(later, fields, 2)]
    if delivery == "conflicting":
        return [
            builder.upsert(week, fields, 1),
            builder.upsert(later, _with_mistake(rng, builder.record), 1, "revision_conflict"),
        ]
    if delivery == "revived":
        reason = rng.choice(RETRACTIONS)
        return [builder.upsert(week, fields, 1), builder.retraction(week, 2, reason), builder.upsert(later, fields, 3)]
    return [builder.upsert(week, fields, 1)]


def _slip(rng: Random, builder: _MessageBuilder, week: date, later: date) -> list[Message]:
    """Return a record entered in error and its retraction. With revisions the retraction may arrive first."""
    record = builder.record
    slip = replace(builder, record=replace(record, external_id=f"{record.external_id}-x"))
    entered = slip.upsert(week, _with_mistake(rng, record), 1)
    retraction = slip.retraction(later, 2, rng.choice(RETRACTIONS))
    if slip.revisioned and rng.random() < 0.3:
        return [replace(retraction, week=entered.week), replace(entered, week=retraction.week)]
    return [entered, retraction]


def _with_mistake(rng: Random, record: Record) -> Body:
    """Return the record with a plausible mistake: well-formed, and never equal to the true one."""
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


def _with_rejected_mistake(rng: Random, builder: _MessageBuilder) -> tuple[Body, str]:
    """Return the record with a mistake that the register rejects, and the code of the rejection."""
    record, fields = builder.record, dict(builder.record.fields)
    if record.kind == "declined-offers":
        del fields["type"]
        return fields, "missing_field"
    if record.kind == "conversations":
        if rng.random() < 0.5:
            del fields["date"]
            return fields, "missing_field"
        return {**fields, "form": "fax"}, "invalid_value"
    if record.kind == "presence-events":
        return {**fields, "date": (builder.scenario.intake_from - timedelta(days=38)).isoformat()}, "event_order"
    if record.kind == "activations" and rng.random() < 0.6:
        if "cvr_number" in fields and rng.random() < 0.5:
            return {**fields, "cvr_number": "12345678"}, "invalid_cvr"
        return {**fields, "hours_per_week": rng.choice([0, 75, 370])}, "hours_out_of_range"
    return {**fields, "ends_on": _shifted(fields["starts_on"], -1)}, "ends_before_start"


def deliver_as_register(rng: Random, scenario: Scenario, record: Record) -> list[Message]:
    """Return the messages of a register's record: in its monthly file, and again in the file after its end."""
    builder = _MessageBuilder(scenario, record, revisioned=True)
    fields = record.fields
    first_file = _file_after(scenario, _day_of(fields))
    if "ends_on" not in fields:
        return [builder.upsert(first_file, fields, _revision_of(first_file))]
    closing_file = _file_after(scenario, date.fromisoformat(str(fields["ends_on"])))
    if closing_file > first_file:
        still_open = {name: value for name, value in fields.items() if name != "ends_on"}
        return [
            builder.upsert(first_file, still_open, _revision_of(first_file)),
            builder.upsert(closing_file, fields, _revision_of(closing_file)),
        ]
    repeat_file = _file_after(scenario, first_file + timedelta(days=14))
    luck = rng.random()
    if luck < 0.1:
        return [
            builder.upsert(first_file, fields, _revision_of(first_file)),
            builder.upsert(repeat_file, fields, _revision_of(first_file)),
        ]
    if luck < 0.13 and repeat_file > first_file:
        return [
            builder.upsert(first_file, _with_mistake(rng, record), _revision_of(first_file)),
            builder.upsert(repeat_file, fields, _revision_of(repeat_file)),
        ]
    return [builder.upsert(first_file, fields, _revision_of(first_file))]


def unknown_to_trial(rng: Random, scenario: Scenario, person: SimulatedPerson, screened: bool) -> list[Message]:
    """Return a message about a person outside the trial: rejected, which is normal for a register (api.md)."""
    starts_on = scenario.first_week + timedelta(days=rng.randrange(450))
    fields: Body = {
        "type": rng.choice(["guidance_and_upskilling", "work_placement_private", "wage_subsidy_public"]),
        "starts_on": starts_on.isoformat(),
        "ends_on": (starts_on + timedelta(days=rng.randrange(10, 90))).isoformat(),
        "hours_per_week": rng.choice([15, 20, 30, 37]),
    }
    record = Record(REGISTER, "activations", f"AMF-{person.index}-u", person, fields)
    expect = UNKNOWN_OR_NOT_DRAWN if screened else UNKNOWN
    first_file = _file_after(scenario, starts_on)
    return [
        _MessageBuilder(scenario, record, revisioned=True).upsert(first_file, fields, _revision_of(first_file), *expect)
    ]


def people_beside(enrolled: Sequence[Enrolled]) -> dict[int, SimulatedPerson]:
    """Map each person to another one drawn in the same jobcentre; a jobcentre's first person has none."""
    by_jobcentre: dict[str, list[SimulatedPerson]] = {}
    for participant in enrolled:
        by_jobcentre.setdefault(participant.jobcentre, []).append(participant.person)
    return {
        person.index: people[position - 1]
        for people in by_jobcentre.values()
        for position, person in enumerate(people)
        if position
    }


def after(scenario: Scenario, day: date, weeks: int) -> date:
    """Return the Monday ``weeks`` weeks after the week of ``day``, within the weeks of the simulation."""
    return min(max(monday_of(day), scenario.first_week) + timedelta(days=7 * weeks), scenario.last_week)


def _day_of(fields: Mapping[str, Value]) -> date:
    return date.fromisoformat(str(fields["date"] if "date" in fields else fields["starts_on"]))


def _lag(rng: Random) -> int:
    """Choose the weeks from the event to its sending: mostly 0."""
    luck = rng.random()
    if luck < 0.87:
        return 0
    if luck < 0.94:
        return 1
    return rng.randrange(2, 5) if luck < 0.985 else rng.randrange(5, 20)


def _file_after(scenario: Scenario, day: date) -> date:
    """Return the week of the first file of the register that covers ``day``: around the 10th of the next month."""
    month = (day.replace(day=1) + timedelta(days=32)).replace(day=10)
    return after(scenario, month, 0)


def _revision_of(week: date) -> int:
    """Return the revision that a file gives its records: 201113 for the one sent in 2011-W13."""
    year, number, _ = week.isocalendar()
    return year * 100 + number


def _shifted(day: Value, days: int) -> str:
    return (date.fromisoformat(str(day)) + timedelta(days=days)).isoformat()
