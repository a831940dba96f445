"""Plan of all records and messages after the draw: pure, and equal for equal seed and arms.

The true records of each person follow from the arm (domain 7 has the shares); the messages follow from the records.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from app.simulate.conversations import make_conversations
from app.simulate.course import make_course
from app.simulate.delivery import deliver, deliver_as_register, people_beside, unknown_to_trial
from app.simulate.jobcentres import BY_CODE, WITHOUT_REVISIONS
from app.simulate.model import REGISTER, Body, Enrolled, Message, Plan, Population, Record, SimulatedPerson, client_of
from app.simulate.offers import add_details, make_offers
from app.simulate.outcomes import deliver_outcome, make_outcomes
from app.simulate.scenarios import PRVIJ, Scenario

IN_REGISTER, BEFORE_TRIAL, OTHER_HOURS, SCREENED_IN_REGISTER = 0.85, 0.06, 0.05, 0.3
"""Shares: placements that the register has too, people with a measure before the trial, register records with other
hours, people screened but not drawn whom the register sends too."""

ID_PREFIXES = {
    "presence-events": "p",
    "exemptions": "e",
    "declined-offers": "d",
    "activations": "a",
    "conversations": "c",
}


def make_plan(seed: int, enrolled: Sequence[Enrolled], population: Population, scenario: Scenario = PRVIJ) -> Plan:
    """Return every record of the trial and every message about it. ``enrolled`` may have any order."""
    messages: list[Message] = []
    records: list[Record] = []
    enrolled = sorted(enrolled, key=lambda participant: participant.person.index)
    beside = people_beside(enrolled)
    for participant in enrolled:
        index = participant.person.index
        rng = Random(f"{seed}/delivery/{index}")
        for record in true_records(seed, scenario, participant):
            records.append(record)
            if record.kind == "outcomes":
                messages += deliver_outcome(rng, scenario, record)
            elif record.client_id == REGISTER:
                messages += deliver_as_register(rng, scenario, record)
            else:
                revisioned = participant.jobcentre not in WITHOUT_REVISIONS
                messages += deliver(rng, scenario, record, revisioned, beside.get(index))
    messages += _outsider_messages(seed, scenario, {participant.person.index for participant in enrolled}, population)
    messages.sort(key=lambda message: message.week)
    return Plan(tuple(messages), tuple(records))


def true_records(seed: int, scenario: Scenario, participant: Enrolled) -> list[Record]:
    """Return the true records of one person: the case system's, then the register's."""
    person, jobcentre = participant.person, BY_CODE[participant.jobcentre]
    course = make_course(Random(f"{seed}/course/{person.index}"), scenario, participant.assigned_on)
    offers = make_offers(Random(f"{seed}/offers/{person.index}"), scenario, participant.arm, jobcentre, course.weeks)
    rng = Random(f"{seed}/talks/{person.index}")
    conversations = make_conversations(
        rng, scenario, participant.arm, jobcentre, course.weeks, participant.assigned_on, offers
    )
    facts: dict[str, Sequence[Body]] = {
        "presence-events": course.events,
        "exemptions": course.exemptions,
        "declined-offers": _declined_offers(
            Random(f"{seed}/declined/{person.index}"), scenario, participant.assigned_on
        ),
        "activations": add_details(Random(f"{seed}/details/{person.index}"), offers.activations),
        "conversations": conversations,
    }
    client_id = client_of(jobcentre.code)
    records = [
        Record(client_id, kind, f"{ID_PREFIXES[kind]}{person.index}-{number}", person, body)
        for kind, bodies in facts.items()
        for number, body in enumerate(bodies, start=1)
    ]
    records += _register_records(Random(f"{seed}/register/{person.index}"), scenario, participant, offers.activations)
    return records + make_outcomes(Random(f"{seed}/outcomes/{person.index}"), scenario, participant, course.events)


def _declined_offers(rng: Random, scenario: Scenario, assigned_on: date) -> list[Body]:
    """Generate at most one declined offer, with its reason (domain 6 [S])."""
    if rng.random() >= scenario.declined_share:
        return []
    day = min(assigned_on + timedelta(days=rng.randrange(7, 60)), scenario.ends_on)
    kinds, reasons = ("preventive_offer", "work_placement_private"), ("health", "soon_back", "not_relevant")
    return [{"date": day.isoformat(), "type": rng.choice(kinds), "reason": rng.choice(reasons)}]


def _register_records(
    rng: Random, scenario: Scenario, participant: Enrolled, activations: Sequence[Body]
) -> list[Record]:
    """Return the register's records of a participant: most of the same placements, and some from before the trial."""
    spells: list[Body] = []
    if rng.random() < BEFORE_TRIAL:
        ends_on = participant.assigned_on - timedelta(days=rng.randrange(20, 90))
        starts_on = max(scenario.intake_from - timedelta(days=130), ends_on - timedelta(days=rng.randrange(20, 80)))
        spells.append(
            {
                "type": "guidance_and_upskilling",
                "starts_on": starts_on.isoformat(),
                "ends_on": max(starts_on, ends_on).isoformat(),
                "hours_per_week": 20,
            }
        )
    for activation in activations:
        if rng.random() < IN_REGISTER:
            names = ("type", "starts_on", "ends_on", "hours_per_week", "cvr_number", "p_number")
            spell = {name: activation[name] for name in names if name in activation}
            if rng.random() < OTHER_HOURS:
                spell["hours_per_week"] = rng.choice([12, 20, 30])
            spells.append(spell)
    return [
        Record(REGISTER, "activations", f"AMF-{participant.person.index}-{number}", participant.person, spell)
        for number, spell in enumerate(spells, start=1)
    ]


def _outsider_messages(seed: int, scenario: Scenario, drawn: set[int], population: Population) -> list[Message]:
    """Return the register's messages about people whom the trial does not know or has not drawn."""
    rng = Random(f"{seed}/outsiders")
    messages: list[Message] = []
    screened: list[SimulatedPerson] = [person for person in population.people if person.index not in drawn]
    for person in population.strangers:
        messages += unknown_to_trial(rng, scenario, person, screened=False)
    for person in screened:
        if rng.random() < SCREENED_IN_REGISTER:
            messages += unknown_to_trial(rng, scenario, person, screened=True)
    return messages
