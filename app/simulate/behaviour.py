"""What the case systems and the register do once everyone is drawn: pure, and the same for the same seed and arms.

The true records of each person follow from the arm (domain 7 has the shares); the messages follow from the records.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from app.simulate.conversations import make_talks
from app.simulate.course import make_course
from app.simulate.delivery import deliver, deliver_as_register, siblings, unknown_to_trial
from app.simulate.jobcentres import BY_CODE, WITHOUT_REVISIONS
from app.simulate.model import REGISTER, Body, Enrolled, Message, Plan, Population, Record, SimulatedPerson, client_of
from app.simulate.offers import make_offers
from app.simulate.outcomes import deliver_outcome, make_outcomes
from app.simulate.scenarios import PRVIJ, Scenario

IN_REGISTER, BEFORE_TRIAL, OTHER_HOURS, SCREENED_IN_REGISTER = 0.85, 0.06, 0.05, 0.3
"""Shares: placements that the register knows too, people with a measure before the trial, register records with other
hours, people screened but not drawn whom the register sends all the same."""

LETTERS = {"presence-events": "p", "exemptions": "e", "declined-offers": "d", "activations": "a", "conversations": "c"}


def make_plan(seed: int, enrolled: Sequence[Enrolled], population: Population, script: Scenario = PRVIJ) -> Plan:
    """Every record of the trial and every message that tells of it. ``enrolled`` in any order."""
    messages: list[Message] = []
    records: list[Record] = []
    enrolled = sorted(enrolled, key=lambda someone: someone.person.index)
    neighbours = siblings(enrolled)
    for someone in enrolled:
        index = someone.person.index
        rng = Random(f"{seed}/delivery/{index}")
        for record in true_records(seed, script, someone):
            records.append(record)
            if record.kind == "outcomes":
                messages += deliver_outcome(rng, script, record)
            elif record.client_id == REGISTER:
                messages += deliver_as_register(rng, script, record)
            else:
                revisioned = someone.jobcentre not in WITHOUT_REVISIONS
                messages += deliver(rng, script, record, revisioned, neighbours.get(index))
    messages += _outsiders(seed, script, {someone.person.index for someone in enrolled}, population)
    messages.sort(key=lambda message: message.week)
    return Plan(tuple(messages), tuple(records))


def true_records(seed: int, script: Scenario, someone: Enrolled) -> list[Record]:
    """The records of one person as they truly are: the case system's, then the register's."""
    person, place = someone.person, BY_CODE[someone.jobcentre]
    course = make_course(Random(f"{seed}/course/{person.index}"), script, someone.assigned_on)
    offers = make_offers(Random(f"{seed}/offers/{person.index}"), script, someone.arm, place, course.weeks)
    rng = Random(f"{seed}/talks/{person.index}")
    talks = make_talks(rng, script, someone.arm, place, course.weeks, someone.assigned_on, offers)
    facts: dict[str, Sequence[Body]] = {
        "presence-events": course.events,
        "exemptions": course.exemptions,
        "declined-offers": _declined(Random(f"{seed}/declined/{person.index}"), script, someone.assigned_on),
        "activations": offers.activations,
        "conversations": talks,
    }
    client_id = client_of(place.code)
    records = [
        Record(client_id, kind, f"{LETTERS[kind]}{person.index}-{number}", person, body)
        for kind, bodies in facts.items()
        for number, body in enumerate(bodies, start=1)
    ]
    records += _register(Random(f"{seed}/register/{person.index}"), script, someone, offers.activations)
    return records + make_outcomes(Random(f"{seed}/outcomes/{person.index}"), script, someone, course.events)


def _declined(rng: Random, script: Scenario, assigned_on: date) -> list[Body]:
    """An offer that was declined, with the reason given (domain 6 [S])."""
    if rng.random() >= script.declines:
        return []
    day = min(assigned_on + timedelta(days=rng.randrange(7, 60)), script.ends_on)
    kinds, reasons = ("preventive_offer", "work_placement_private"), ("health", "soon_back", "not_relevant")
    return [{"date": day.isoformat(), "type": rng.choice(kinds), "reason": rng.choice(reasons)}]


def _register(rng: Random, script: Scenario, someone: Enrolled, activations: Sequence[Body]) -> list[Record]:
    """What the register knows of someone drawn: most of the same placements, in its own words, and some from before."""
    spells: list[Body] = []
    if rng.random() < BEFORE_TRIAL:
        ends_on = someone.assigned_on - timedelta(days=rng.randrange(20, 90))
        starts_on = max(script.intake_from - timedelta(days=130), ends_on - timedelta(days=rng.randrange(20, 80)))
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
            known = ("type", "starts_on", "ends_on", "hours_per_week", "cvr_number", "p_number")
            spell = {name: activation[name] for name in known if name in activation}
            if rng.random() < OTHER_HOURS:
                spell["hours_per_week"] = rng.choice([12, 20, 30])
            spells.append(spell)
    return [
        Record(REGISTER, "activations", f"AMF-{someone.person.index}-{number}", someone.person, spell)
        for number, spell in enumerate(spells, start=1)
    ]


def _outsiders(seed: int, script: Scenario, drawn: set[int], population: Population) -> list[Message]:
    """The register's measures of people whom the trial does not know or has not drawn."""
    rng = Random(f"{seed}/outsiders")
    messages: list[Message] = []
    screened: list[SimulatedPerson] = [person for person in population.people if person.index not in drawn]
    for person in population.strangers:
        messages += unknown_to_trial(rng, script, person, screened=False)
    for person in screened:
        if rng.random() < SCREENED_IN_REGISTER:
            messages += unknown_to_trial(rng, script, person, screened=True)
    return messages
