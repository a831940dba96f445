"""What looks wrong in the data of a jobcentre: an example of each code, and one just below its threshold [choice]."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.codes import CODES
from app.domain.facts import (
    Activation,
    Conversation,
    DeclinedOffer,
    Exemption,
    Fact,
    History,
    Mentor,
    Outcome,
    PresenceEvent,
    SupportEffort,
)
from app.domain.figures.data_quality import (
    Finding,
    FindingCode,
    SourceActivity,
    activation_over_exit,
    findings_of,
    quality_indicators,
)
from app.domain.rules.presence import read_presence
from app.protocols import protocols

ENDS_ON = date(2012, 3, 31)
ASSIGNED = date(2010, 11, 8)  # a Monday
DAY = date(2011, 3, 1)
LEFT = date(2011, 2, 7)  # a Monday
WEEK = timedelta(days=7)
ONE = timedelta(days=1)


def talk(day: date, **changes: Any) -> tuple[str, Conversation]:
    return "a", Conversation(date=day, **changes)


def offer(first: date, last: date | None = None, hours: str = "12.5") -> tuple[str, Activation]:
    spell = Activation(type="work_placement_public", starts_on=first, ends_on=last, hours_per_week=Decimal(hours))
    return "register", spell


def gone(day: date = LEFT) -> PresenceEvent:
    return PresenceEvent(kind="exit", date=day, reason="job")


def back(day: date) -> PresenceEvent:
    return PresenceEvent(kind="re_entry", date=day)


def person(**records: Any) -> History:
    """Someone of whom one conversation is recorded, and what is said here."""
    return History(**{"assigned_on": ASSIGNED, "conversations": (talk(ASSIGNED + ONE),), **records})


def findings(
    *people: History,
    sources: Sequence[SourceActivity] = (),
    duplicates: Sequence[UUID] = (),
    day: date = DAY,
    protocol: str = "prvij-2010-11",
) -> list[Finding]:
    rules = protocols()[protocol]
    signs = [quality_indicators(rules, ENDS_ON, UUID(int=number), each, day) for number, each in enumerate(people)]
    return findings_of(signs, sources, duplicates, day)


def codes(*people: History, **options: Any) -> list[str]:
    return [each.code for each in findings(*people, **options)]


# --- sources ----------------------------------------------------------------------------------------------------------


def test_a_source_that_has_gone_silent() -> None:
    silent = SourceActivity("momentum-849", "conversations", DAY - timedelta(days=15))
    lately = SourceActivity("momentum-849", "activations", DAY - timedelta(days=14))
    (found,) = findings(sources=[silent, lately])
    assert found == Finding(
        "source_silent", 15, kind="conversations", client_id="momentum-849", last_on=date(2011, 2, 14)
    )
    assert not findings(sources=[lately, replace(silent, last_on=DAY + WEEK)])


# --- patterns ---------------------------------------------------------------------------------------------------------


def on_weekdays(tuesdays: int, thursdays: int) -> History:
    """Talks of the last week that is over; several on one day are several people's."""
    tuesday = date(2011, 2, 22)
    days = [tuesday] * tuesdays + [tuesday + 2 * ONE] * thursdays
    return person(conversations=tuple(talk(day, form="telephone") for day in days))


def test_everything_on_one_day_of_the_week() -> None:
    assert findings(on_weekdays(18, 2)) == [Finding("one_day", 18, 20, "conversations", weekday=2)]
    assert findings(on_weekdays(10, 1), on_weekdays(10, 1)) == [Finding("one_day", 20, 22, "conversations", weekday=2)]
    assert not codes(on_weekdays(17, 3)), "85 % on one day"
    assert not codes(on_weekdays(19, 0)), "too few to tell"


def test_one_day_looks_at_eight_weeks_and_at_what_was_held() -> None:
    old, first = DAY - 8 * WEEK, DAY - 8 * WEEK + ONE
    assert not codes(person(conversations=(talk(old, form="telephone"),) * 30))
    assert codes(person(conversations=(talk(first, form="telephone"),) * 30)) == ["one_day"]
    missed = talk(first, status="no_show")
    assert not codes(person(conversations=(missed,) * 30))
    assert not codes(person(conversations=(talk(DAY + ONE, form="telephone"),) * 30)), "not yet"


def later_talks(in_person: int, telephone: int = 0) -> History:
    """Two talks a week from programme week 9 on, on changing days."""
    forms = ["in_person"] * in_person + ["telephone"] * telephone
    start = date(2011, 1, 3)
    days = [start + (number // 2) * WEEK + (number % 4) * ONE for number in range(len(forms))]
    return person(conversations=tuple(talk(day, form=form) for day, form in zip(days, forms, strict=True)))


def test_every_talk_in_person() -> None:
    """Domain 4.5: after the in-person weeks half of them may be remote; not one is."""
    far = date(2011, 6, 1)
    assert findings(later_talks(20), day=far) == [Finding("all_in_person", 20, 20, "conversations")]
    assert findings(later_talks(10), later_talks(10), day=far)
    assert not codes(later_talks(20, 1), day=far)
    assert not codes(later_talks(19), day=far)


def test_in_person_weeks_say_nothing_of_the_form() -> None:
    """Domain 6: where all weeks are in person nothing else is to be expected; nor in weeks 1 to 8 or without number."""
    early = tuple(talk(ASSIGNED + WEEK + (number % 5) * ONE + (number // 5) * WEEK) for number in range(30))
    assert not codes(person(conversations=early), day=date(2011, 6, 1))
    assert not codes(later_talks(30), day=date(2011, 6, 1), protocol="aht-2008-sickness")
    away = replace(later_talks(30), events=(gone(date(2010, 12, 31)),))
    assert "all_in_person" not in codes(away, day=date(2011, 6, 1))
    mentors = tuple((client, replace(each, conducted_by="mentor")) for client, each in later_talks(30).conversations)
    assert not codes(person(conversations=mentors), day=date(2011, 6, 1))


def with_hours(*hours: str) -> History:
    return person(activations=tuple(offer(LEFT, LEFT + WEEK, each) for each in hours))


def test_round_hours() -> None:
    assert findings(with_hours(*["15"] * 19, "12.5")) == [Finding("round_hours", 19, 20, "activations")]
    assert findings(with_hours(*["10.00"] * 10), with_hours(*["37"], *["30"] * 19))
    assert not codes(with_hours(*["15"] * 18, "12", "7.4")), "90 %"
    assert not codes(with_hours(*["15"] * 19)), "too few to tell"


# --- people -----------------------------------------------------------------------------------------------------------


def test_someone_of_whom_nothing_is_recorded() -> None:
    silent = person(conversations=())
    day = ASSIGNED + timedelta(days=29)
    (found,) = findings(person(), silent, day=day)
    assert found == Finding("no_records", 1, participants=(UUID(int=1),))
    assert not codes(silent, day=day - ONE), "28 days"
    assert codes(silent, day=ENDS_ON) == ["no_records"], "the trial's last day"


ANYTHING: Sequence[tuple[str, Fact]] = [
    ("conversations", talk(LEFT, status="no_show")[1]),
    ("activations", offer(LEFT, LEFT)[1]),
    ("exemptions", Exemption(scope="both", ground="illness", starts_on=LEFT, ends_on=LEFT)),
    ("events", PresenceEvent(kind="rematch", date=LEFT, match_group=1)),
    ("support_efforts", SupportEffort(area="health", kind="therapy", starts_on=LEFT, ends_on=LEFT)),
    ("mentors", Mentor(starts_on=LEFT, ends_on=LEFT)),
    ("declined_offers", DeclinedOffer(date=LEFT, type="other_offer")),
    ("outcomes", Outcome(week=LEFT, status="benefit")),
]


@pytest.mark.parametrize(("name", "fact"), ANYTHING, ids=[name for name, _ in ANYTHING])
def test_any_record_will_do(name: str, fact: Fact) -> None:
    record: Any = ("register", fact) if name in {"activations", "conversations"} else fact
    assert not codes(person(**{"conversations": (), name: (record,)}))


def test_nobody_expects_records_of_someone_who_left() -> None:
    assert not codes(person(conversations=(), events=(gone(),)))


def test_an_activation_that_goes_on_over_an_exit() -> None:
    """Domain 4.1: the exit's date is the first day out."""
    one = person(activations=(offer(LEFT - WEEK, LEFT),), events=(gone(),))
    (found,) = findings(one)
    assert found == Finding("activation_over_exit", 1, participants=(UUID(int=0),))
    assert not codes(person(activations=(offer(LEFT - WEEK, LEFT - ONE),), events=(gone(),)))
    assert codes(person(activations=(offer(LEFT - WEEK),), events=(gone(),))) == ["activation_over_exit"]


def test_a_weekend_out_is_no_working_day() -> None:
    saturday, monday = LEFT - 2 * ONE, LEFT
    events = (gone(saturday), back(monday))
    assert not codes(person(activations=(offer(LEFT - WEEK, LEFT + WEEK),), events=events))
    for out in ((gone(saturday - ONE), back(monday)), (gone(saturday), back(monday + ONE))):
        assert codes(person(activations=(offer(LEFT - WEEK, LEFT + WEEK),), events=out)) == ["activation_over_exit"]


def test_what_lies_ahead_is_not_held_against_anyone() -> None:
    planned = person(activations=(offer(DAY + WEEK, DAY + 4 * WEEK),), events=(gone(),))
    assert not codes(planned)
    assert codes(planned, day=DAY + WEEK) == ["activation_over_exit", "reentry_due"]


OPEN: Sequence[tuple[str, str, Any]] = [
    ("activations", "activations", offer(ASSIGNED)),
    ("exemptions", "exemptions", Exemption(scope="activation", ground="care_of_relative", starts_on=ASSIGNED)),
    ("support_efforts", "support-efforts", SupportEffort(area="health", kind="therapy", starts_on=ASSIGNED)),
    ("mentors", "mentors", Mentor(starts_on=ASSIGNED)),
]


@pytest.mark.parametrize(("name", "kind", "spell"), OPEN, ids=[kind for _, kind, _ in OPEN])
def test_a_spell_without_end(name: str, kind: str, spell: Any) -> None:
    one = person(**{name: (spell,)})
    after = ASSIGNED + 26 * WEEK
    (found,) = findings(person(), one, one, day=after + ONE)
    assert found == Finding("open_spell", 2, kind=kind, participants=(UUID(int=1), UUID(int=2)))
    assert not codes(one, day=after)
    ended = (
        ("register", replace(spell[1], ends_on=ENDS_ON)) if name == "activations" else replace(spell, ends_on=ENDS_ON)
    )
    assert not codes(person(**{name: (ended,)}), day=after + ONE)


def test_someone_who_is_back_but_was_not_said_to_be() -> None:
    """Domain 4.1: the day of the exit is out, but no return."""
    (found,) = findings(person(conversations=(talk(LEFT + ONE),), events=(gone(),)))
    assert found == Finding("reentry_due", 1, participants=(UUID(int=0),))
    assert not codes(person(conversations=(talk(LEFT),), events=(gone(),)))
    assert not codes(person(conversations=(talk(LEFT + ONE),), events=(gone(), back(LEFT + ONE))))
    assert not codes(person(conversations=(talk(LEFT + ONE, status="no_show"),), events=(gone(),)))
    assert not codes(person(conversations=(talk(LEFT + ONE, conducted_by="mentor"),), events=(gone(),)))


def test_only_the_last_exit_matters() -> None:
    events = (gone(LEFT - 4 * WEEK), back(LEFT - 2 * WEEK), gone(LEFT))
    assert not codes(person(conversations=(talk(LEFT - 3 * WEEK),), events=events))
    started = person(activations=(offer(LEFT + 5 * ONE, LEFT + 6 * ONE),), events=events)  # a weekend
    assert codes(started) == ["reentry_due"]


def test_the_same_person_twice() -> None:
    """Domain 3.3: a corrected CPR number turned out to be a person drawn before."""
    twice = UUID(int=7)
    assert findings(person(), duplicates=[twice]) == [Finding("same_person_twice", 1, participants=(twice,))]
    assert not findings(person())


# --- everything -------------------------------------------------------------------------------------------------------


def test_every_code_is_explained() -> None:
    assert set(get_args(FindingCode)) == CODES["FindingCode"].meaning.keys()


@st.composite
def clean(draw: st.DrawFn, number: int, in_person: int) -> History:
    """Someone looked after well, with records that differ as they do in life: days, forms, hours, an interruption."""
    assigned_on = ASSIGNED + draw(st.integers(0, 100)) * ONE
    left = draw(st.none() | st.integers(2, 30))
    weeks_out = draw(st.integers(1, 10))
    out: range | tuple[()] = () if left is None else range(left, left + weeks_out)
    monday = assigned_on - assigned_on.weekday() * ONE
    talks = [
        talk(monday + k * WEEK + (k + number) % 5 * ONE, form="in_person" if k < in_person else "telephone")
        for k in range(1, 60)
        if k not in out
    ]
    stop = ENDS_ON if left is None else monday + left * WEEK - ONE
    hours = ("12.5", "15", "11.75", "20", "37")[number % 5]
    spells = (offer(monday + 8 * WEEK, stop, hours),) if stop > monday + 8 * WEEK else ()
    events = () if left is None else (gone(monday + left * WEEK), back(monday + (left + weeks_out) * WEEK))
    return History(assigned_on=assigned_on, conversations=tuple(talks), activations=spells, events=events)


@given(data=st.data(), protocol=st.sampled_from(sorted(protocols())), after=st.integers(0, 400))
def test_nothing_is_found_where_nothing_is_wrong(data: st.DataObject, protocol: str, after: int) -> None:
    """Whatever the protocol and the day, over a jobcentre of up to forty people."""
    day = min(ASSIGNED + after * ONE, ENDS_ON)
    in_person = 0 if protocols()[protocol].in_person_weeks == 0 else 8
    people = [data.draw(clean(number, in_person)) for number in range(data.draw(st.integers(1, 40)))]
    known = [
        replace(
            each,
            conversations=tuple(told for told in each.conversations if told[1].date <= day),
            events=tuple(event for event in each.events if event.date <= day),
        )
        for each in people
        if each.assigned_on <= day
    ]
    sources = [SourceActivity("momentum-849", "conversations", day)]
    assert not findings(*known, sources=sources, day=day, protocol=protocol)


@given(first=st.integers(0, 20), length=st.integers(0, 20), out=st.integers(0, 20), away=st.integers(1, 20))
def test_activation_over_exit_is_what_counting_days_says(first: int, length: int, out: int, away: int) -> None:
    """Domain 2 and 4.1, day by day."""
    starts_on, left = ASSIGNED + first * ONE, ASSIGNED + out * ONE
    history = person(
        activations=(offer(starts_on, starts_on + length * ONE),), events=(gone(left), back(left + away * ONE))
    )
    days = {starts_on + n * ONE for n in range(length + 1)} & {left + n * ONE for n in range(away)}
    expected = any(day.weekday() < 5 and day <= DAY for day in days)
    presence = read_presence(protocols()["prvij-2010-11"], ASSIGNED, ENDS_ON, history.events)
    assert activation_over_exit(presence, history, DAY) == expected
