"""Hypothesis strategies: wild but valid persons, of the same shape as in the examples, all values plain JSON.

- `persons(protocol_id, ends_on=None)`: one person.
- `cases(protocol_id)`: (ends_on, person, as_of); the end sometimes in mid-week, today sometimes in the middle of the
  course.
- `conversation_records`, `activation_records`: one more record, for the door.
- `populations(protocol_id)`: (trial, people, week, as_of) for the figures.
- `random_person(protocol_id, seed)`: no strategy, a person from a seed; for loops over thousands.

Long courses are made of *stretches* (one conversation a week, alike, for a number of weeks), so that counted weeks,
shares of remote talks and a full meter are common, and a failing example still shrinks to a few lines.
"""

import random
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.reference.protocols import ALL_FORMS, EVERYBODY, PROTOCOLS, WORKPLACE_TYPES
from tests.reference.weeks import Person, Record, monday_of, week_name

# First and last day of the intake, and the end, of a trial that has each protocol ([S] and [C] set theirs per trial).
TRIAL_DATES: dict[str, tuple[str, str, str]] = {
    "prvij-2010-11": ("2010-11-08", "2011-03-31", "2012-03-31"),
    "prvij-2010-07": ("2010-11-01", "2011-03-31", "2012-03-31"),
    "aht-2008-sickness": ("2009-01-05", "2009-04-30", "2009-08-31"),
    "aht-2008-flexjob": ("2009-01-05", "2009-04-30", "2009-08-31"),
    "flex-2016": ("2016-11-01", "2017-06-30", "2017-12-29"),
}
GROUNDS_OF_EXEMPTION = [
    "illness",
    "parental_leave",
    "child_care",
    "care_of_relative",
    "military_service",
    "sentence",
    "stu",
    "job_starts",
    "holiday",
    "offer_not_reasonable",
    "other",
]
EXIT_REASONS = ["match_group_3", "job", "education", "moved", "benefit_ended", "deceased"]
REMOTE_GROUNDS = ["illness", "other_obstacle", "hospitalised"]
STATUSES = ["held", "no_show", "cancelled"]
PLACES = ["jobcentre", "company", "home", "other"]
FOCUS = ["clarification", "motivation", "preparation", "follow_up", "retention", "progression", "transition_to_job"]
REDUCED_HOURS_REASONS = ["health", "gradual_start", "care", "other"]
NOT_WORKPLACE_REASONS = [
    "substance_abuse",
    "untreated_mental_illness",
    "other",
    "cannot_get_up",
    "no_transport",
    "unstable",
]
OTHER_TYPES = ["guidance_and_upskilling", "other_offer"]
CLIENTS = ["case-system", "register", "third-system"]

# Around the ten hours, and sums that reach them exactly or miss them by a hundredth.
TELLING_HOURS: list[int | float] = [
    4,
    5,
    5.0,
    5.01,
    4.99,
    6,
    3.33,
    3.34,
    0.01,
    9.99,
    10,
    10.0,
    10.01,
    20,
    25.25,
    37,
    60,
]


# What a stretch of conversations is mostly like: good ones, and one for each way of going wrong.
STRETCHES_ALIKE: list[Record] = [
    {},
    {},
    {},
    {"form": "telephone"},
    {"form": "telephone"},
    {"form": "telephone", "remote_ground": "hospitalised"},
    {"form": "digital", "remote_ground": "illness"},
    {"place": "home"},
    {"place": "company", "conducted_by": "external_provider"},
    {"conducted_by": "mentor"},
    {"form": "group"},
    {"status": "no_show"},
]


def text(some_day: date) -> str:
    """The date as JSON has it."""
    return some_day.isoformat()


def optional(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Record]:
    """A dict in which every field may be missing."""
    return st.fixed_dictionaries({}, optional=strategies)


def mostly(value: Any, others: list[Any]) -> st.SearchStrategy[Any]:
    """The value in more than half of the cases."""
    return st.sampled_from([value] * (len(others) + 2) + others)


def hours() -> st.SearchStrategy[int | float]:
    """More than 0, at most 60, at most two places."""
    cents = st.integers(1, 6000)
    as_number = cents.map(lambda c: c // 100 if c % 100 == 0 else float(f"{c // 100}.{c % 100:02d}"))
    return st.one_of(st.sampled_from(TELLING_HOURS), st.sampled_from(TELLING_HOURS), as_number)


def assignment_days(protocol_id: str) -> st.SearchStrategy[date]:
    """Any day of the week in the intake period, mostly early, at times its last day or after the year's end."""
    first, last, _ = (date.fromisoformat(d) for d in TRIAL_DATES[protocol_id])
    span = (last - first).days
    return st.one_of(
        st.integers(0, min(28, span)).map(lambda n: first + timedelta(days=n)),
        st.integers(0, span).map(lambda n: first + timedelta(days=n)),
        st.sampled_from([last, first]),
        st.integers(-5, 8).map(lambda n: min(last, max(first, date(first.year + 1, 1, 1) + timedelta(days=n)))),
    )


def days_about(assigned_on: date, ends_on: date, before: int = 0) -> st.SearchStrategy[date]:
    """A day of the course or near it: close to the assignment, anywhere, about the programme weeks 5 and 9, at the
    year's end, about the trial's end and after."""
    span = max(1, (ends_on - assigned_on).days)
    new_year = date(assigned_on.year + 1, 1, 1)
    return st.one_of(
        st.integers(-before, 10).map(lambda n: assigned_on + timedelta(days=n)),
        st.integers(0, span).map(lambda n: assigned_on + timedelta(days=n)),
        st.integers(0, min(span, 120)).map(lambda n: assigned_on + timedelta(days=n)),
        st.integers(-2, 2).flatmap(
            lambda n: st.sampled_from([4, 5, 8, 9]).map(
                lambda w: max(assigned_on, monday_of(assigned_on) + timedelta(days=7 * w + n))
            )
        ),
        st.integers(-6, 6).map(lambda n: max(assigned_on, new_year + timedelta(days=n))),
        st.integers(-10, 20).map(lambda n: max(assigned_on, ends_on + timedelta(days=n))),
    )


def conversation_traits(protocol_id: str) -> st.SearchStrategy[Record]:
    """Everything of a conversation but its date."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "status": mostly("held", STATUSES[1:]),
        "form": st.sampled_from(["in_person", "telephone", "telephone", *ALL_FORMS]),
        "place": mostly("jobcentre", PLACES),
        "conducted_by": mostly("caseworker", EVERYBODY),
        "remote_ground": st.sampled_from([None, None, *REMOTE_GROUNDS]),
        "mentor_present": st.booleans(),
        "job_interview": st.booleans(),
        "focus": st.lists(st.sampled_from(FOCUS), max_size=2, unique=True),
    }
    if PROTOCOLS[protocol_id]["cadence"] == "average":
        fields["justification"] = st.sampled_from([None, "professional_assessment"])
    return optional(**fields)


@st.composite
def stretches(draw: st.DrawFn, protocol_id: str, assigned_on: date, ends_on: date) -> list[Record]:
    """One conversation every week or every other, alike, for a number of weeks."""
    first_week = draw(st.one_of(st.just(1), st.integers(0, 12), st.integers(0, 70)))
    length = draw(st.one_of(st.integers(1, 12), st.integers(1, 75)))
    step = draw(st.sampled_from([1, 1, 1, 2, 3]))
    weekday = draw(st.sampled_from([0, 1, 2, 3, 4, 4, 5, 6]))
    traits = draw(st.one_of(st.sampled_from(STRETCHES_ALIKE), conversation_traits(protocol_id)))
    monday = monday_of(assigned_on)
    dates = [monday + timedelta(days=7 * w + weekday) for w in range(first_week, first_week + length, step)]
    return [{"date": text(d), **traits} for d in dates if d <= ends_on + timedelta(days=14)]


@st.composite
def conversation_records(draw: st.DrawFn, protocol_id: str, assigned_on: date, ends_on: date) -> Record:
    """One conversation, at times before the assignment."""
    some_day = draw(days_about(assigned_on, ends_on, before=10))
    return {"date": text(some_day), **draw(conversation_traits(protocol_id))}


@st.composite
def activation_records(draw: st.DrawFn, protocol_id: str, assigned_on: date, ends_on: date) -> Record:
    """One activation, at times begun before the assignment or over in a weekend, at times open."""
    starts_on = draw(days_about(assigned_on, ends_on, before=40))
    duration = draw(st.one_of(st.none(), st.integers(0, 6), st.integers(0, 60), st.integers(0, 400)))
    types = WORKPLACE_TYPES + OTHER_TYPES
    if protocol_id.startswith("aht-"):
        types = [*types, "partial_return", "preventive_offer"]
    record: Record = {
        "type": draw(st.sampled_from(types)),
        "starts_on": text(starts_on),
        "hours_per_week": draw(hours()),
    }
    if duration is not None:
        record["ends_on"] = text(starts_on + timedelta(days=duration))
    elif draw(st.booleans()):
        record["ends_on"] = None
    record |= draw(
        optional(
            reduced_hours_reason=st.sampled_from([None, None, None, *REDUCED_HOURS_REASONS]),
            not_workplace_reason=st.sampled_from([None, *NOT_WORKPLACE_REASONS]),
            company_centre=st.booleans(),
            client=st.sampled_from(CLIENTS),
        )
    )
    mentor = draw(st.sampled_from([None, "unknown", "assigned", "waived"]))
    if mentor is not None:
        record["mentor"] = mentor
    if mentor == "waived":
        record["mentor_waiver_reason"] = "no_purpose"
    return record


@st.composite
def exemption_records(draw: st.DrawFn, assigned_on: date, ends_on: date) -> Record:
    """One exemption, at times begun before the assignment, at times open."""
    starts_on = draw(days_about(assigned_on, ends_on, before=20))
    duration = draw(st.one_of(st.integers(0, 9), st.integers(0, 9), st.integers(0, 60), st.none()))
    return {
        "scope": draw(st.sampled_from(["both", "conversations", "activation"])),
        "ground": draw(st.sampled_from(GROUNDS_OF_EXEMPTION)),
        "starts_on": text(starts_on),
        "ends_on": None if duration is None else text(starts_on + timedelta(days=duration)),
    }


@st.composite
def presence_event_lists(draw: st.DrawFn, assigned_on: date, ends_on: date) -> list[Record]:
    """Exits, re-entries and rematches on few dates, so that they meet there; in any order of registration."""
    dates = draw(st.lists(days_about(assigned_on, ends_on), min_size=1, max_size=4))
    events: list[Record] = []
    if draw(st.booleans()):  # a plain absence
        out, back = draw(st.sampled_from(dates)), draw(st.integers(0, 150))
        events.append({"kind": "exit", "date": text(out), "reason": draw(st.sampled_from(EXIT_REASONS))})
        events.append({"kind": "re_entry", "date": text(out + timedelta(days=back))})
    for _ in range(draw(st.integers(0, 6))):
        some_day = text(draw(st.sampled_from(dates)))
        kind = draw(st.sampled_from(["exit", "exit", "re_entry", "re_entry", "rematch"]))
        event: Record = {"kind": kind, "date": some_day}
        if kind == "exit":
            event["reason"] = draw(st.sampled_from(EXIT_REASONS))
        if kind == "rematch":
            event["match_group"] = draw(st.sampled_from([1, 2, 3]))
        events.append(event)
    return events


@st.composite
def mentor_records(draw: st.DrawFn, assigned_on: date, ends_on: date) -> Record:
    """One mentor."""
    starts_on = draw(days_about(assigned_on, ends_on, before=10))
    duration = draw(st.one_of(st.none(), st.integers(0, 5), st.integers(0, 200)))
    return {
        "starts_on": text(starts_on),
        "ends_on": None if duration is None else text(starts_on + timedelta(days=duration)),
    }


def numbered(records: list[Record], prefix: str) -> list[Record]:
    """With an `external_id` of their own, in the order of registration."""
    return [{"external_id": f"{prefix}{i}", **record} for i, record in enumerate(records)]


@st.composite
def persons(draw: st.DrawFn, protocol_id: str, ends_on: str | None = None) -> Person:
    """One person with a history."""
    last_day = date.fromisoformat(ends_on or TRIAL_DATES[protocol_id][2])
    assigned_on = min(last_day, draw(assignment_days(protocol_id)))

    conversations: list[Record] = []
    for stretch in draw(st.lists(stretches(protocol_id, assigned_on, last_day), max_size=4)):
        conversations += stretch
    singles = draw(st.lists(conversation_records(protocol_id, assigned_on, last_day), max_size=10))
    conversations = singles + conversations if draw(st.booleans()) else conversations + singles

    activations = draw(st.lists(activation_records(protocol_id, assigned_on, last_day), max_size=5))
    if draw(st.booleans()):  # one that starts early and lasts: the meter fills, and active weeks are common
        early = monday_of(assigned_on) + timedelta(days=draw(st.integers(-10, 80)))
        lasting: Record = {
            "type": draw(st.sampled_from(["guidance_and_upskilling", "other_offer", *WORKPLACE_TYPES])),
            "starts_on": text(early),
            "ends_on": draw(st.one_of(st.none(), st.integers(30, 500).map(lambda n: text(early + timedelta(days=n))))),
            "hours_per_week": draw(st.sampled_from([20, 10, 37, 10.0, 5, 9.99])),
        }
        reason = draw(st.sampled_from([None, None, *NOT_WORKPLACE_REASONS]))
        if reason is not None:
            lasting["not_workplace_reason"] = reason
        activations.insert(draw(st.integers(0, len(activations))), lasting)
    exemptions = draw(st.lists(exemption_records(assigned_on, last_day), max_size=4))
    events = draw(st.one_of(st.just([]), presence_event_lists(assigned_on, last_day)))
    mentors = draw(st.lists(mentor_records(assigned_on, last_day), max_size=2))
    return {
        "interview_on": text(assigned_on),
        "conversations": numbered(conversations, "c"),
        "activations": numbered(activations, "a"),
        "exemptions": numbered(exemptions, "x"),
        "presence_events": numbered(events, "p"),
        "mentors": numbered(mentors, "m"),
    }


def trial_ends(protocol_id: str) -> st.SearchStrategy[str]:
    """The protocol's end, or one that cuts a week, or an early one."""
    usual = date.fromisoformat(TRIAL_DATES[protocol_id][2])
    last_intake = date.fromisoformat(TRIAL_DATES[protocol_id][1])
    return st.one_of(
        st.just(text(usual)),
        st.just(text(usual)),
        st.integers(-10, 10).map(lambda n: text(usual + timedelta(days=n))),
        st.integers(0, 60).map(lambda n: text(last_intake + timedelta(days=n))),
    )


@st.composite
def cases(draw: st.DrawFn, protocol_id: str) -> tuple[str, Person, str]:
    """(ends_on, person, as_of)."""
    ends_on = draw(trial_ends(protocol_id))
    person = draw(persons(protocol_id, ends_on))
    assigned_on, last_day = date.fromisoformat(person["interview_on"]), date.fromisoformat(ends_on)
    as_of = draw(st.one_of(st.just(date(2026, 1, 1)), days_about(assigned_on, last_day)))
    return ends_on, person, text(as_of)


@st.composite
def populations(
    draw: st.DrawFn, protocol_id: str, max_people: int = 6
) -> tuple[dict[str, Any], list[dict[str, Any]], str, str]:
    """(trial, people, week, as_of): a week that is over or runs on `as_of`."""
    first, last, ends_on = TRIAL_DATES[protocol_id]
    jobcentres = [
        {"code": "849", "name": "Jammerbugt", "region": "nord", "agreed_participants": draw(st.integers(0, 3))},
        {"code": "860", "name": "Hjørring", "region": "nord", "agreed_participants": draw(st.integers(0, 3))},
        {"code": "450", "name": "Nyborg", "region": "syddanmark", "agreed_participants": draw(st.integers(0, 3))},
    ]
    trial: dict[str, Any] = {
        "id": "t",
        "protocol": protocol_id,
        "intake_from": first,
        "intake_to": last,
        "ends_on": ends_on,
        "jobcentres": jobcentres,
    }
    randomised = PROTOCOLS[protocol_id]["randomised"]
    if not randomised:
        trial["required_contacts"] = 2
        trial["target_groups"] = [1, 2, 11]
    people: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, max_people))):
        someone: dict[str, Any] = {
            "jobcentre": draw(st.sampled_from(["849", "849", "860", "450"])),
            "arm": draw(st.sampled_from(["treatment", "treatment", "control"])) if randomised else "treatment",
            "person": draw(persons(protocol_id, ends_on)),
        }
        if randomised and draw(st.integers(0, 9)) == 9:
            someone["duplicate"] = True
        if not randomised:
            someone["target_group"] = draw(st.sampled_from([1, 2, 11]))
        people.append(someone)
    as_of = draw(
        st.one_of(st.just(date(2026, 1, 1)), days_about(date.fromisoformat(first), date.fromisoformat(ends_on)))
    )
    week_day = min(as_of, draw(days_about(date.fromisoformat(first), date.fromisoformat(ends_on))))
    return trial, people, week_name(week_day), text(as_of)


def random_person(protocol_id: str, seed: int, ends_on: str | None = None) -> Person:
    """One person from a seed, week by week as in histories.json: more mixed than what hypothesis grows, and it does not
    shrink. The same seed gives the same person."""
    rng = random.Random(f"{protocol_id}:{seed}")
    first, last, usual_end = TRIAL_DATES[protocol_id]
    end = date.fromisoformat(ends_on or usual_end)
    intake = (date.fromisoformat(last) - date.fromisoformat(first)).days
    assigned_on = min(
        end, date.fromisoformat(first) + timedelta(days=min(rng.randint(0, intake), rng.randint(0, intake)))
    )
    monday = monday_of(assigned_on)
    number_of_weeks = (end - monday).days // 7 + 3
    diligence, remoteness, oddity = rng.choice([0.5, 0.9, 1]), rng.choice([0.05, 0.3, 0.6]), rng.choice([0, 0.05, 0.3])

    def some_day(before: int = 0) -> date:
        return max(
            assigned_on - timedelta(days=before), monday + timedelta(days=rng.randint(-before, 7 * number_of_weeks))
        )

    conversations: list[Record] = []
    for week in range(number_of_weeks):
        for _ in range(rng.choice([1, 1, 1, 1, 2]) if rng.random() < diligence else 0):
            talk: Record = {"date": text(monday + timedelta(days=7 * week + rng.choice([0, 1, 2, 3, 4, 4, 5, 6])))}
            if rng.random() < remoteness:
                talk["form"] = rng.choice(["telephone", "telephone", "digital", "other"])
            if rng.random() < oddity:
                talk["form"] = rng.choice(ALL_FORMS)
            if rng.random() < max(0.05, oddity):
                talk["remote_ground"] = rng.choice(REMOTE_GROUNDS)
            if rng.random() < oddity:
                talk["status"] = rng.choice(STATUSES)
            if rng.random() < oddity:
                talk["conducted_by"] = rng.choice(EVERYBODY)
            if rng.random() < oddity:
                talk["place"] = rng.choice(PLACES)
            if PROTOCOLS[protocol_id]["cadence"] == "average" and rng.random() < 0.6:
                talk["justification"] = "professional_assessment"
            conversations.append(talk)
    rng.shuffle(conversations)

    activations: list[Record] = []
    types = WORKPLACE_TYPES + OTHER_TYPES
    if protocol_id.startswith("aht-"):
        types = [*types, "partial_return", "preventive_offer"]
    for _ in range(rng.choice([0, 1, 2, 3, 6])):
        starts_on = some_day(before=30)
        offer: Record = {"type": rng.choice(types), "starts_on": text(starts_on)}
        offer["ends_on"] = (
            None if rng.random() < 0.15 else text(starts_on + timedelta(days=rng.choice([0, 4, 30, 150])))
        )
        offer["hours_per_week"] = rng.choice([*TELLING_HOURS, 10, 12, 20, 30])
        if rng.random() < 0.2:
            offer["reduced_hours_reason"] = rng.choice(REDUCED_HOURS_REASONS)
        if rng.random() < 0.4:
            offer["not_workplace_reason"] = rng.choice(NOT_WORKPLACE_REASONS)
        if rng.random() < 0.6:
            offer["client"] = rng.choice(CLIENTS)
        if rng.random() < 0.5:
            offer["mentor"] = rng.choice(["unknown", "assigned", "waived"])
        if offer.get("mentor") == "waived":
            offer["mentor_waiver_reason"] = "no_purpose"
        activations.append(offer)

    exemptions: list[Record] = []
    for _ in range(rng.choice([0, 0, 1, 2, 5])):
        starts_on = some_day(before=10)
        exemptions.append(
            {
                "scope": rng.choice(["both", "conversations", "activation"]),
                "ground": rng.choice(GROUNDS_OF_EXEMPTION),
                "starts_on": text(starts_on),
                "ends_on": None
                if rng.random() < 0.1
                else text(starts_on + timedelta(days=rng.choice([0, 2, 5, 9, 40]))),
            }
        )

    events: list[Record] = []
    out = some_day()
    for _ in range(rng.choice([0, 0, 1, 2, 3])):
        back = out + timedelta(days=rng.choice([0, 1, 5, 12, 60]))
        events.append({"kind": "exit", "date": text(out), "reason": rng.choice(EXIT_REASONS)})
        if rng.random() < 0.9:
            events.append({"kind": "re_entry", "date": text(back)})
        if rng.random() < 0.2:
            events.append({"kind": "rematch", "date": text(back), "match_group": rng.choice([1, 2, 3])})
        if rng.random() < 0.2:
            events.append({"kind": "exit", "date": text(out), "reason": rng.choice(EXIT_REASONS)})
        out = back + timedelta(days=rng.choice([0, 3, 30, 90]))
    rng.shuffle(events)

    mentors: list[Record] = []
    if rng.random() < 0.3:
        starts_on = some_day()
        mentors.append(
            {"starts_on": text(starts_on), "ends_on": rng.choice([None, text(starts_on + timedelta(days=20))])}
        )
    return {
        "interview_on": text(assigned_on),
        "conversations": numbered(conversations, "c"),
        "activations": numbered(activations, "a"),
        "exemptions": numbered(exemptions, "x"),
        "presence_events": numbered(events, "p"),
        "mentors": numbered(mentors, "m"),
    }
