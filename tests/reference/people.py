"""People from a seed, week by week as in histories.json: more mixed than what hypothesis grows, and they do not shrink.

The same seed gives the same person.
"""

import random
from datetime import date, timedelta
from typing import Any

from tests.reference.days import Person, Record, monday_of, week_name
from tests.reference.protocols import ALL_FORMS, EVERYBODY, PROTOCOLS, WORKPLACE_TYPES
from tests.reference.vocabulary import (
    CLIENTS,
    CVR_NUMBERS,
    ENDED_BECAUSE,
    EXIT_REASONS,
    FOCUS,
    GROUNDS_OF_EXEMPTION,
    NOT_WORKPLACE_REASONS,
    OUTCOME_STATUSES,
    P_NUMBERS,
    PLACES,
    PREVENTIVE_KINDS,
    REDUCED_HOURS_REASONS,
    REMOTE_GROUNDS,
    STATUSES,
    SUPPORT_AREAS,
    TELLING_HOURS,
    TRIAL_DATES,
    activation_types,
    all_numbered,
    text,
)


class Course:
    """Where one random person's records lie: protocol, source of chance, first Monday and number of weeks."""

    def __init__(self, protocol_id: str, rng: random.Random, assigned_on: date, ends_on: date) -> None:
        self.protocol_id = protocol_id
        self.rng = rng
        self.assigned_on = assigned_on
        self.monday = monday_of(assigned_on)
        self.weeks = (ends_on - self.monday).days // 7 + 3

    def some_day(self, before: int = 0) -> date:
        """A day of the course or shortly after its end, or up to so many days before it."""
        some_day = self.monday + timedelta(days=self.rng.randint(-before, 7 * self.weeks))
        return max(self.assigned_on - timedelta(days=before), some_day)

    def maybe(self, share: float) -> bool:
        """True with that probability."""
        return self.rng.random() < share


def random_settings(rng: random.Random) -> dict[str, Any]:
    """A jobcentre's settings in the trial; often none at all."""
    if rng.random() < 0.4:
        return {}
    return {"external_provider_talks": rng.random() < 0.5}


def random_talks(course: Course) -> list[Record]:
    """Conversations week by week, some of them told by a second client too, alike or not."""
    rng = course.rng
    diligence, remoteness, oddity = rng.choice([0.5, 0.9, 1]), rng.choice([0.05, 0.3, 0.6]), rng.choice([0, 0.05, 0.3])
    external, several = rng.choice([0, 0.1, 0.6]), rng.choice([0, 0.05, 0.4])
    talks: list[Record] = []
    for week in range(course.weeks):
        for _ in range(rng.choice([1, 1, 1, 1, 2]) if course.maybe(diligence) else 0):
            held_on = course.monday + timedelta(days=7 * week + rng.choice([0, 1, 2, 3, 4, 4, 5, 6]))
            talk = random_talk(course, held_on, remoteness, oddity)
            if course.maybe(external):
                talk["conducted_by"] = "external_provider"
            talks.append(talk)
            while course.maybe(several):
                again = dict(talk) if course.maybe(0.3) else random_talk(course, held_on, remoteness, 0.5)
                talks.append({**again, "client": rng.choice(CLIENTS)})
    if course.maybe(0.3):  # on the day of the assignment: counts in [S] alone
        talks.append({"date": text(course.assigned_on), "status": rng.choice(["held", "held", "no_show"])})
    rng.shuffle(talks)
    return talks


def random_talk(course: Course, held_on: date, remoteness: float, oddity: float) -> Record:
    """One conversation on that day."""
    rng = course.rng
    talk: Record = {"date": text(held_on)}
    if course.maybe(remoteness):
        talk["form"] = rng.choice(["telephone", "telephone", "digital", "other"])
    if course.maybe(oddity):
        talk["form"] = rng.choice(ALL_FORMS)
    if course.maybe(max(0.05, oddity)):
        talk["remote_ground"] = rng.choice(REMOTE_GROUNDS)
    if course.maybe(oddity):
        talk["status"] = rng.choice(STATUSES)
    if course.maybe(oddity):
        talk["conducted_by"] = rng.choice(EVERYBODY)
    if course.maybe(oddity):
        talk["place"] = rng.choice(PLACES)
    if course.maybe(0.2):
        talk |= {"focus": rng.sample(FOCUS, 2), "mentor_present": course.maybe(0.5), "job_interview": course.maybe(0.3)}
    if course.maybe(0.2):
        talk["client"] = rng.choice(CLIENTS)
    if PROTOCOLS[course.protocol_id]["cadence"] == "average" and course.maybe(0.6):
        talk["justification"] = "professional_assessment"
    return talk


def random_offers(course: Course) -> list[Record]:
    """Activations, some of them long enough to fill the meter."""
    rng = course.rng
    types = WORKPLACE_TYPES + activation_types(course.protocol_id)
    offers: list[Record] = []
    for _ in range(rng.choice([0, 1, 2, 3, 6])):
        starts_on = course.some_day(before=30)
        offer: Record = {"type": rng.choice(types), "starts_on": text(starts_on)}
        offer["ends_on"] = None if course.maybe(0.15) else text(starts_on + timedelta(days=rng.choice([0, 4, 30, 150])))
        offer["hours_per_week"] = rng.choice([*TELLING_HOURS, 10, 12, 20, 30])
        offers.append(offer)
    if course.maybe(0.3):
        starts_on = course.monday + timedelta(days=rng.randint(-10, 80))
        ends_on = text(starts_on + timedelta(days=rng.randint(200, 400)))
        offers.append({"type": rng.choice(types), "starts_on": text(starts_on), "ends_on": ends_on})
        offers[-1]["hours_per_week"] = rng.choice([10, 10.0, 20])
    for offer in offers:
        if course.maybe(0.2):
            offer["reduced_hours_reason"] = rng.choice(REDUCED_HOURS_REASONS)
        if course.maybe(0.4):
            offer["not_workplace_reason"] = rng.choice(NOT_WORKPLACE_REASONS)
        if course.maybe(0.6):
            offer["client"] = rng.choice(CLIENTS)
        if course.maybe(0.5):
            offer["mentor"] = rng.choice(["unknown", "assigned", "waived"])
        if offer.get("mentor") == "waived":
            offer["mentor_waiver_reason"] = "no_purpose"
        if offer["type"] in WORKPLACE_TYPES and course.maybe(0.5):
            offer |= {"cvr_number": rng.choice(CVR_NUMBERS), "p_number": rng.choice([None, *P_NUMBERS])}
            offer["company_centre"] = course.maybe(0.5)
    return offers


def random_exemptions(course: Course) -> list[Record]:
    """Exemptions that may overlap."""
    rng = course.rng
    exemptions: list[Record] = []
    for _ in range(rng.choice([0, 0, 1, 2, 5])):
        starts_on = course.some_day(before=10)
        length = None if course.maybe(0.1) else rng.choice([0, 2, 5, 9, 40])
        exemptions.append(
            {
                "scope": rng.choice(["both", "conversations", "activation"]),
                "ground": rng.choice(GROUNDS_OF_EXEMPTION),
                "starts_on": text(starts_on),
                "ends_on": None if length is None else text(starts_on + timedelta(days=length)),
            }
        )
    return exemptions


def random_event(course: Course, on: date) -> Record:
    """An exit, a re-entry or a rematch on that day."""
    rng = course.rng
    kind = rng.choice(["exit", "re_entry", "rematch", "rematch"])
    event: Record = {"kind": kind, "date": text(on)}
    if kind == "exit":
        event["reason"] = rng.choice(["match_group_3", *EXIT_REASONS])
    if kind == "rematch":
        event["match_group"] = rng.choice([1, 2, 3, 3])
    return event


def random_events(course: Course) -> list[Record]:
    """Absences, by exits or by rematches, told twice or at odds now and then; in any order of registration."""
    rng = course.rng
    events: list[Record] = []
    out = course.some_day()
    for _ in range(rng.choice([0, 0, 1, 2, 3])):
        back = out + timedelta(days=rng.choice([0, 1, 5, 12, 60]))
        if course.maybe(0.4):
            events.append({"kind": "rematch", "date": text(out), "match_group": 3})
        if not events or course.maybe(0.6):
            reason = rng.choice(["match_group_3", "match_group_3", *EXIT_REASONS])
            events.append({"kind": "exit", "date": text(out + timedelta(days=rng.choice([0, 0, 1]))), "reason": reason})
        if course.maybe(0.5):
            events.append({"kind": "re_entry", "date": text(back)})
        if course.maybe(0.5):
            match_group = rng.choice([1, 2, 2])
            events.append({"kind": "rematch", "date": text(back), "match_group": match_group})
        for _ in range(rng.choice([0, 0, 1, 3])):
            events.append(random_event(course, rng.choice([out, back, back, back + timedelta(days=1)])))
        out = back + timedelta(days=rng.choice([0, 3, 30, 90]))
    rng.shuffle(events)
    return events


def random_mentors(course: Course) -> list[Record]:
    """Mentor records, with and without the company."""
    rng = course.rng
    mentors: list[Record] = []
    for _ in range(rng.choice([0, 0, 1, 2])):
        starts_on = course.some_day(before=10)
        length = rng.choice([None, 0, 5, 20, 100])
        mentor: Record = {"starts_on": text(starts_on)}
        mentor["ends_on"] = None if length is None else text(starts_on + timedelta(days=length))
        if course.maybe(0.4):
            mentor["cvr_number"] = rng.choice(CVR_NUMBERS)
        mentors.append(mentor)
    return mentors


def random_outcomes(course: Course) -> list[Record]:
    """Outcomes of many weeks, from before the assignment to after the trial's end, of one or several clients; hours
    beside every status."""
    rng = course.rng
    told, hours_told = rng.choice([0, 0.6, 1]), rng.choice([0.2, 0.6])
    statuses = rng.choice([OUTCOME_STATUSES, ["benefit"], ["benefit", "other"]])
    status = rng.choice(statuses)
    outcomes: list[Record] = []
    for week in range(-3, course.weeks + 4):
        if course.maybe(0.1):
            status = rng.choice(statuses)
        while course.maybe(told * 0.8):
            name = week_name(course.monday + timedelta(days=7 * week))
            outcome: Record = {"week": name, "status": rng.choice([status, status, status, *statuses])}
            outcome["client"] = rng.choice(CLIENTS)
            if course.maybe(hours_told):
                outcome["hours_per_week"] = rng.choice(TELLING_HOURS)
            outcomes.append(outcome)
    return outcomes


def add_content(course: Course, person: Person) -> None:
    """What no rule of the weeks reads, but the content of the effort does (domain 5)."""
    rng = course.rng
    for offer in person["activations"]:
        if course.maybe(0.4):
            planned = date.fromisoformat(offer["starts_on"]) + timedelta(days=rng.choice([0, 30, 91]))
            offer["planned_ends_on"] = text(planned)
        if offer["ends_on"] is not None and course.maybe(0.6):
            offer["ended_because"] = rng.choice(ENDED_BECAUSE)
        if offer["type"] == "preventive_offer":
            offer["preventive_kind"] = rng.choice(PREVENTIVE_KINDS)
    efforts: list[Record] = []
    for _ in range(rng.choice([0, 1, 3])):
        effort = {
            "area": rng.choice(SUPPORT_AREAS),
            "kind": "coordination",
            "starts_on": text(course.some_day(before=5)),
        }
        efforts.append(effort)
    declined: list[Record] = []
    for _ in range(rng.choice([0, 0, 2])):
        offer_type = rng.choice(WORKPLACE_TYPES + activation_types(course.protocol_id))
        reason = rng.choice([None, "health", "transport"])
        declined.append({"date": text(course.some_day(before=5)), "type": offer_type, "reason": reason})
    person |= all_numbered({"support_efforts": efforts, "declined_offers": declined})


def random_person(protocol_id: str, seed: int, ends_on: str | None = None, *, content: bool = False) -> Person:
    """One person from a seed, with the settings of their jobcentre; `content`: with what only figures read."""
    rng = random.Random(f"{protocol_id}:{seed}")
    first, last, usual_end = TRIAL_DATES[protocol_id]
    end = date.fromisoformat(ends_on or usual_end)
    intake = (date.fromisoformat(last) - date.fromisoformat(first)).days
    days = min(rng.randint(0, intake), rng.randint(0, intake))
    assigned_on = min(end, date.fromisoformat(first) + timedelta(days=days))
    course = Course(protocol_id, rng, assigned_on, end)
    records = {
        "conversations": random_talks(course),
        "activations": random_offers(course),
        "exemptions": random_exemptions(course),
        "presence_events": [e for e in random_events(course) if e["date"] >= text(assigned_on)],
        "mentors": random_mentors(course),
        "outcomes": random_outcomes(course),
    }
    person: Person = {"interview_on": text(assigned_on), "settings": random_settings(rng), **all_numbered(records)}
    if content:
        add_content(course, person)
    return person
