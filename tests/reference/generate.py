"""Hypothesis strategies: wild but valid persons, of the same shape as in the examples, all values plain JSON.

- `persons(protocol_id, ends_on=None)`: one person.
- `cases(protocol_id)`: (ends_on, person, as_of); the end sometimes in mid-week, today sometimes in the middle of the
  course.
- `conversation_records`, `activation_records`: one more record, for the door.
- `populations(protocol_id)`: (trial, people, week, as_of) for the figures.
- `random_person(protocol_id, seed)` (module `people`): no strategy, a person from a seed; for loops over thousands.

Long courses are made of *stretches* (one conversation a week, alike, for a number of weeks), so that counted weeks,
shares of remote talks and a full meter are common, and a failing example still shrinks to a few lines.
"""

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.reference.days import Person, Record, monday_of, week_name
from tests.reference.people import random_person
from tests.reference.protocols import ALL_FORMS, EVERYBODY, PROTOCOLS, WORKPLACE_TYPES
from tests.reference.vocabulary import (
    CLIENTS,
    CVR_NUMBERS,
    EXIT_REASONS,
    FOCUS,
    GROUNDS_OF_EXEMPTION,
    NOT_WORKPLACE_REASONS,
    OUTCOME_STATUSES,
    PLACES,
    REDUCED_HOURS_REASONS,
    REMOTE_GROUNDS,
    STATUSES,
    STRETCHES_ALIKE,
    TARGET_GROUPS,
    TELLING_HOURS,
    TRIAL_DATES,
    activation_types,
    all_numbered,
    text,
)

__all__ = [
    "TRIAL_DATES",
    "activation_records",
    "cases",
    "conversation_records",
    "persons",
    "populations",
    "random_person",
]


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
        "conducted_by": st.sampled_from(["caseworker", "caseworker", "external_provider", *EVERYBODY]),
        "remote_ground": st.sampled_from([None, None, *REMOTE_GROUNDS]),
        "mentor_present": st.booleans(),
        "job_interview": st.booleans(),
        "focus": st.lists(st.sampled_from(FOCUS), max_size=2, unique=True),
        "client": st.sampled_from(CLIENTS),
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
def told_again(draw: st.DrawFn, protocol_id: str, conversations: list[Record]) -> list[Record]:
    """Some of the conversations once more, alike or not, on the same date by another client."""
    if not conversations:
        return []
    again = draw(st.lists(st.sampled_from(conversations), max_size=4))
    return [
        {
            **(talk if draw(st.booleans()) else {"date": talk["date"], **draw(conversation_traits(protocol_id))}),
            "client": draw(st.sampled_from(CLIENTS)),
        }
        for talk in again
    ]


@st.composite
def outcome_records(draw: st.DrawFn, assigned_on: date, ends_on: date) -> Record:
    """One outcome of a week, before the assignment or after the end at times, with hours beside every status."""
    some_day = draw(days_about(assigned_on, ends_on, before=20))
    record: Record = {"week": week_name(some_day), "status": draw(st.sampled_from(OUTCOME_STATUSES))}
    return record | draw(optional(hours_per_week=hours(), client=st.sampled_from(CLIENTS)))


def jobcentre_settings() -> st.SearchStrategy[dict[str, Any]]:
    """A jobcentre's settings in the trial, often none."""
    talks = st.sampled_from([None, True, False])
    return st.one_of(st.just({}), st.fixed_dictionaries({"external_provider_talks": talks}))


@st.composite
def activation_records(draw: st.DrawFn, protocol_id: str, assigned_on: date, ends_on: date) -> Record:
    """One activation, at times begun before the assignment or over in a weekend, at times open."""
    starts_on = draw(days_about(assigned_on, ends_on, before=40))
    duration = draw(st.one_of(st.none(), st.integers(0, 6), st.integers(0, 60), st.integers(0, 400)))
    types = WORKPLACE_TYPES + activation_types(protocol_id)
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
            cvr_number=st.sampled_from(CVR_NUMBERS),
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
def presence_events(draw: st.DrawFn, on: date) -> Record:
    """One exit, re-entry or rematch on that day."""
    kind = draw(st.sampled_from(["exit", "exit", "re_entry", "re_entry", "rematch", "rematch"]))
    event: Record = {"kind": kind, "date": text(on)}
    if kind == "exit":
        event["reason"] = draw(st.sampled_from(["match_group_3", *EXIT_REASONS]))
    if kind == "rematch":
        event["match_group"] = draw(st.sampled_from([1, 2, 3, 3]))
    return event


@st.composite
def presence_event_lists(draw: st.DrawFn, assigned_on: date, ends_on: date) -> list[Record]:
    """Exits, re-entries and rematches on few dates, so that they meet there; in any order of registration."""
    dates = draw(st.lists(days_about(assigned_on, ends_on), min_size=1, max_size=4))
    events: list[Record] = []
    if draw(st.booleans()):  # a plain absence, by exit or by rematch at either end
        out = draw(st.sampled_from(dates))
        back = out + timedelta(days=draw(st.integers(0, 150)))
        by_exit = {"kind": "exit", "date": text(out), "reason": draw(st.sampled_from(EXIT_REASONS))}
        events.append(draw(st.sampled_from([by_exit, {"kind": "rematch", "date": text(out), "match_group": 3}])))
        by_entry = {"kind": "re_entry", "date": text(back)}
        events.append(draw(st.sampled_from([by_entry, {"kind": "rematch", "date": text(back), "match_group": 2}])))
        dates.append(back)
    for _ in range(draw(st.integers(0, 6))):
        events.append(draw(presence_events(draw(st.sampled_from(dates)))))
    return draw(st.permutations(events))


@st.composite
def mentor_records(draw: st.DrawFn, assigned_on: date, ends_on: date) -> Record:
    """One mentor."""
    starts_on = draw(days_about(assigned_on, ends_on, before=10))
    duration = draw(st.one_of(st.none(), st.integers(0, 5), st.integers(0, 200)))
    record: Record = {
        "starts_on": text(starts_on),
        "ends_on": None if duration is None else text(starts_on + timedelta(days=duration)),
    }
    return record | draw(optional(cvr_number=st.sampled_from(CVR_NUMBERS)))


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
    conversations += draw(told_again(protocol_id, conversations))

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
    records = {
        "conversations": conversations,
        "activations": activations,
        "exemptions": exemptions,
        "presence_events": events,
        "mentors": draw(st.lists(mentor_records(assigned_on, last_day), max_size=2)),
        "outcomes": draw(st.lists(outcome_records(assigned_on, last_day), max_size=5)),
    }
    return {"interview_on": text(assigned_on), "settings": draw(jobcentre_settings()), **all_numbered(records)}


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
def trials(draw: st.DrawFn, protocol_id: str) -> dict[str, Any]:
    """A trial of three jobcentres with settings of their own."""
    first, last, ends_on = TRIAL_DATES[protocol_id]
    trial: dict[str, Any] = {"id": "t", "protocol": protocol_id, "intake_from": first, "intake_to": last}
    trial["ends_on"] = ends_on
    trial["jobcentres"] = [
        {"code": code, "name": name, "region": region, "agreed_participants": draw(st.integers(0, 3))}
        for code, name, region in (
            ("849", "Jammerbugt", "nord"),
            ("860", "Hjørring", "nord"),
            ("450", "Nyborg", "syddanmark"),
        )
    ]
    for jobcentre in trial["jobcentres"]:
        jobcentre.update(draw(jobcentre_settings()))
    if not PROTOCOLS[protocol_id]["randomised"]:
        by_group = {str(group): draw(st.sampled_from([1, 1.5, 2, 4])) for group in TARGET_GROUPS}
        trial["required_contacts"] = draw(st.sampled_from([None, 2, by_group]))
        trial["target_groups"] = TARGET_GROUPS
        for jobcentre in trial["jobcentres"]:
            jobcentre["required_contacts"] = draw(st.sampled_from([None, 3, {"1": 1, "2": 2, "11": 0.5}]))
    return trial


@st.composite
def participants(draw: st.DrawFn, protocol_id: str, trial: dict[str, Any]) -> dict[str, Any]:
    """Someone drawn into the trial, with the settings of their jobcentre."""
    randomised = PROTOCOLS[protocol_id]["randomised"]
    jobcentre = draw(st.sampled_from([trial["jobcentres"][0], *trial["jobcentres"]]))
    participant: dict[str, Any] = {
        "jobcentre": jobcentre["code"],
        "arm": draw(st.sampled_from(["treatment", "treatment", "control"])) if randomised else "treatment",
        "person": draw(persons(protocol_id, trial["ends_on"])),
    }
    names = ("external_provider_talks", "target_groups", "required_contacts")
    participant["person"]["settings"] = {name: jobcentre.get(name) for name in names}
    if randomised and draw(st.integers(0, 9)) == 9:
        participant["duplicate"] = True
    if not randomised:
        participant["target_group"] = draw(st.sampled_from(TARGET_GROUPS))
    return participant


@st.composite
def populations(
    draw: st.DrawFn, protocol_id: str, max_people: int = 6
) -> tuple[dict[str, Any], list[dict[str, Any]], str, str]:
    """(trial, people, week, as_of): a week that is over or runs on `as_of`."""
    trial = draw(trials(protocol_id))
    people = draw(st.lists(participants(protocol_id, trial), min_size=1, max_size=max_people))
    first, last_day = date.fromisoformat(trial["intake_from"]), date.fromisoformat(trial["ends_on"])
    as_of = draw(st.one_of(st.just(date(2026, 1, 1)), days_about(first, last_day)))
    week_day = min(as_of, draw(days_about(first, last_day)))
    return trial, people, week_name(week_day), text(as_of)
