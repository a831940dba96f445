"""What must hold of any person's weeks, whatever was recorded (domain 4): wild persons under all five protocols."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.facts import Activation, Exemption, History, PresenceEvent
from app.domain.judged_weeks import BYTES_A_WEEK, FLAGS, Week, pack, unpack
from app.domain.protocol import Protocol
from app.domain.rules.calendar import monday_of
from app.domain.rules.conversations import CountingRule
from app.domain.rules.warnings import StandingWeeks
from app.domain.rules.weeks import as_seen_on, judge
from app.protocols import protocols
from tests.domain.build import history_of
from tests.reference.generate import TRIAL_DATES, cases, random_person
from tests.thorough import few_or_many

ALL_PROTOCOLS = list(protocols())
WEEKLY = [name for name, protocol in protocols().items() if protocol.cadence == "weekly"]
FAR = date(2030, 1, 1)


@st.composite
def histories(draw: st.DrawFn, protocol_id: str) -> tuple[date, History, date]:
    """(the trial's end, a history, a day to look at it)."""
    ends_on, person, as_of = draw(cases(protocol_id))
    return date.fromisoformat(ends_on), history_of(person), date.fromisoformat(as_of)


def check_shape(rules: Protocol, ends_on: date, history: History, weeks: Sequence[Week]) -> None:
    """Domain 4.3: the weeks go from the assignment week to the last with three working days, without a gap; the
    numbers are consecutive and belong to counted weeks; after ``complete`` comes nothing else."""
    first = weeks[0]
    assert (first.monday, first.number, first.state) == (monday_of(history.assigned_on), 1, "assignment_week")
    assert all(later.monday - earlier.monday == timedelta(days=7) for earlier, later in pairwise(weeks))
    after = weeks[-1].monday + timedelta(days=7)
    assert after + timedelta(days=2) > ends_on, "the week after would have three working days"
    assert len(weeks) == 1 or weeks[-1].monday + timedelta(days=2) <= ends_on
    numbers = [week.number for week in weeks if week.number is not None]
    assert numbers == list(range(1, len(numbers) + 1))
    for week in weeks[1:]:
        assert week.state in ("counted", "absent", "exempt", "complete")
        assert (week.number is not None) == (week.state == "counted")
    states = [week.state for week in weeks]
    if "complete" in states:
        assert set(states[states.index("complete") :]) == {"complete"}
        assert states[states.index("complete") - 1] in ("counted", "assignment_week")
    if rules.max_programme_weeks is not None:
        assert max(numbers) <= rules.max_programme_weeks


def check_flags(rules: Protocol, weeks: Sequence[Week]) -> None:
    """Domain 4.4 to 4.6: nothing is due outside counted weeks; each flag implies the one that it is held against."""
    for week in weeks:
        if week.state != "counted":
            assert not any(week[3:9])
        assert week.conversation_conforming <= week.conversation_held <= week.conversation_due
        assert week.workplace_activated <= week.activated <= week.activation_due
        if week.activation_due:
            assert rules.activation_due_week is not None
            assert week.number is not None
            assert week.number >= rules.activation_due_week
        if rules.cadence == "average":
            assert not week.conversation_due


def check_meter(rules: Protocol, weeks: Sequence[Week]) -> None:
    """Domain 4.4: counted weeks in which the person is active, due or not; with the 39th the course is over, and not
    before."""
    limit = rules.max_activation_weeks
    meter = 0
    for week in weeks:
        if limit is not None and meter == limit:
            assert week.state == "complete"
        elif rules.max_programme_weeks is None:
            assert week.state != "complete"
        meter += week.state == "counted" and week.active
        assert week.meter == meter


def check_deviations(rules: Protocol, weeks: Sequence[Week]) -> None:
    """Domain 4.5, 4.6: sorted and each once; every deviation beside the flags that it goes with."""
    for index, week in enumerate(weeks):
        found = set(week.deviations)
        assert list(week.deviations) == sorted(found)
        assert ("conversation_missing" in found) == (week.conversation_due and not week.conversation_held)
        assert ("remote_too_early" in found or "remote_too_often" in found) == (
            week.conversation_held and not week.conversation_conforming
        )
        assert not {"remote_too_early", "remote_too_often"} <= found
        assert ("activation_missing" in found or "hours_too_few" in found) == (
            week.activation_due and not week.activated
        )
        assert not {"activation_missing", "hours_too_few"} <= found
        assert "mentor_only" not in found or "conversation_missing" in found
        assert "wrong_place" not in found or (week.conversation_conforming and rules.judges_workplace)
        assert "mentor_missing" not in found or (week.workplace_activated and rules.judges_workplace)
        assert "not_at_workplace" not in found or (
            week.activated and not week.workplace_activated and rules.judges_workplace
        )
        assert "started_late" not in found or (index == 0 and rules.first_talk_within_days is not None)
        assert (week.missing_because is not None) == ("conversation_missing" in found)
        assert "no_justification" not in found or rules.requires_justification


@few_or_many(20)
@pytest.mark.parametrize("protocol_id", ALL_PROTOCOLS)
def test_what_always_holds(protocol_id: str, examples: int) -> None:
    rules = protocols()[protocol_id]

    @settings(max_examples=examples, deadline=None)
    @given(histories(protocol_id))
    def check(case: tuple[date, History, date]) -> None:
        ends_on, history, _ = case
        weeks = judged_weeks(rules, ends_on, history)
        check_shape(rules, ends_on, history, weeks)
        check_flags(rules, weeks)
        check_meter(rules, weeks)
        check_deviations(rules, weeks)

    check()


@pytest.mark.parametrize("protocol_id", ALL_PROTOCOLS)
def test_what_always_holds_of_mixed_persons(protocol_id: str) -> None:
    """The same of persons by seed, whose courses are longer and more mixed than what hypothesis grows."""
    rules, ends_on = protocols()[protocol_id], date.fromisoformat(TRIAL_DATES[protocol_id][2])
    complete = 0
    for seed in range(150):
        history = history_of(random_person(protocol_id, seed))
        weeks = judged_weeks(rules, ends_on, history)
        check_shape(rules, ends_on, history, weeks)
        check_flags(rules, weeks)
        check_meter(rules, weeks)
        check_deviations(rules, weeks)
        complete += weeks[-1].state == "complete"
    assert complete or not (rules.max_activation_weeks or rules.max_programme_weeks), "nobody came through"


def judged_weeks(rules: Protocol, ends_on: date, history: History) -> list[Week]:
    return judge(rules, ends_on, history).weeks


@few_or_many(12)
@pytest.mark.parametrize("protocol_id", ALL_PROTOCOLS)
def test_the_order_of_the_records_is_irrelevant(protocol_id: str, examples: int) -> None:
    """Events are read by date and content (domain 4.1), everything else is a set."""
    rules = protocols()[protocol_id]

    @settings(max_examples=examples, deadline=None)
    @given(histories(protocol_id), st.randoms(use_true_random=False))
    def check(case: tuple[date, History, date], chance: Any) -> None:
        ends_on, history, _ = case

        def shuffled(of: History) -> History:
            parts: dict[str, Any] = {}
            for name in ("conversations", "activations", "exemptions", "events", "mentors"):
                records = list(getattr(of, name))
                chance.shuffle(records)
                parts[name] = tuple(records)
            return replace(of, **parts)

        assert judge(rules, ends_on, history).weeks == judge(rules, ends_on, shuffled(history)).weeks

    check()


@few_or_many(8)
@pytest.mark.parametrize("protocol_id", ALL_PROTOCOLS)
def test_a_record_twice_changes_no_week(protocol_id: str, examples: int) -> None:
    """Two systems that report the same conversation or exemption; an activation of another client is never added up."""
    rules = protocols()[protocol_id]

    @settings(max_examples=examples, deadline=None)
    @given(histories(protocol_id))
    def check(case: tuple[date, History, date]) -> None:
        ends_on, history, _ = case
        copied = tuple((f"copy of {client}", offer) for client, offer in history.activations)
        twice = replace(
            history,
            conversations=history.conversations + tuple((f"copy of {by}", talk) for by, talk in history.conversations),
            exemptions=history.exemptions * 2,
            activations=history.activations + copied,
            mentors=history.mentors * 2,
        )
        assert judge(rules, ends_on, twice).weeks == judge(rules, ends_on, history).weeks

    check()


@few_or_many(8)
@pytest.mark.parametrize("protocol_id", WEEKLY)
def test_a_conversation_more_never_makes_a_week_less_held(protocol_id: str, examples: int) -> None:
    """What does not count changes nothing but ``mentor_only``; one more in person is held and conforming where due."""
    rules = protocols()[protocol_id]

    @settings(max_examples=examples, deadline=None)
    @given(histories(protocol_id))
    def check(case: tuple[date, History, date]) -> None:
        ends_on, history, _ = case
        weeks = judged_weeks(rules, ends_on, history)
        rule = CountingRule(rules, history)
        counting = tuple([told for told in history.conversations if rule.accepts(told[1], told[1].date.toordinal())])
        fewer = judged_weeks(rules, ends_on, replace(history, conversations=counting))
        for week, other in zip(weeks, fewer, strict=True):
            left = tuple(code for code in week.deviations if code != "mentor_only")
            missing = week.missing_because and "nothing"
            assert week._replace(deviations=left, missing_because=missing) == other

    check()


def bare(week: Week) -> Week:
    return week._replace(deviations=(), missing_because=None)


@few_or_many(10)
@pytest.mark.parametrize("protocol_id", ALL_PROTOCOLS)
def test_as_seen_on(protocol_id: str, examples: int) -> None:
    """Domain 2, 4.3: a week that is not over has no deviations yet; ``started_late`` waits for its seven days; numbers,
    states and flags are what is recorded so far. Once everything is past, all of it is seen."""
    rules = protocols()[protocol_id]

    @settings(max_examples=examples, deadline=None)
    @given(histories(protocol_id))
    def check(case: tuple[date, History, date]) -> None:
        ends_on, history, today = case
        judged = judge(rules, ends_on, history)
        weeks, seen = judged.weeks, list(as_seen_on(rules, judged, today))
        assert [bare(week) for week in seen] == [bare(week) for week in weeks]
        for week, shown in zip(weeks, seen, strict=True):
            over = week.monday + timedelta(days=6) < today
            known = {
                code
                for code in week.deviations
                if over and (code != "started_late" or history.assigned_on + timedelta(days=7) < today)
            }
            assert set(shown.deviations) == known
        assert list(as_seen_on(rules, judged, FAR)) == weeks
        assert not any(week.deviations for week in as_seen_on(rules, judged, history.assigned_on))

    check()


@few_or_many(8)
@pytest.mark.parametrize("protocol_id", ALL_PROTOCOLS)
def test_exempt_from_everything_all_the_time(protocol_id: str, examples: int) -> None:
    """Domain 4.2 to 4.4: of what someone is exempt from nothing is due; exempt from both, no week has a number but the
    first."""
    rules = protocols()[protocol_id]

    @settings(max_examples=examples, deadline=None)
    @given(histories(protocol_id))
    def check(case: tuple[date, History, date]) -> None:
        ends_on, history, _ = case
        open_end = Exemption(scope="conversations", ground="other", starts_on=history.assigned_on)
        talks, offers = (open_end, replace(open_end, scope="activation"))
        assert not any(judge(rules, ends_on, replace(history, exemptions=(talks,))).conversation_due)
        assert not any(judge(rules, ends_on, replace(history, exemptions=(offers,))).activation_due)
        for exemptions in ((talks, offers), (replace(open_end, scope="both"),)):
            weeks = judged_weeks(rules, ends_on, replace(history, exemptions=exemptions))
            assert {week.state for week in weeks[1:]} <= {"exempt", "absent"}
            assert not any(any(week[3:9]) for week in weeks)

    check()


@few_or_many(8)
@pytest.mark.parametrize("protocol_id", ALL_PROTOCOLS)
def test_out_and_in_again_on_one_date(protocol_id: str, examples: int) -> None:
    """Domain 4.1: on one date the exit is read before the re-entry, so that both took effect and nobody was away."""
    rules = protocols()[protocol_id]

    @settings(max_examples=examples, deadline=None)
    @given(histories(protocol_id), st.integers(0, 300), st.booleans())
    def check(case: tuple[date, History, date], days: int, turned: bool) -> None:
        ends_on, history, _ = case
        day = history.assigned_on + timedelta(days=days)
        events = (PresenceEvent(kind="exit", date=day, reason="job"), PresenceEvent(kind="re_entry", date=day))
        there = replace(history, events=())
        moved = replace(history, events=events[::-1] if turned else events)
        judged = judge(rules, ends_on, moved)
        assert judged.weeks == judged_weeks(rules, ends_on, there)
        presence = judged.presence
        assert (presence.exits, presence.re_entries, presence.without_effect) == (((day, "job"),), (day,), ())

    check()


def test_started_late_is_seen_when_its_seven_days_are_over() -> None:
    """Assigned on Wednesday 10 November: the week is over on Monday 15, the seven days on Thursday 18."""
    rules, history = protocols()["prvij-2010-11"], history_of({"interview_on": "2010-11-10"})
    judged = judge(rules, date(2012, 3, 31), history)
    found = {}
    for day in range(14, 20):
        first = next(as_seen_on(rules, judged, date(2010, 11, day)))
        found[day] = first.deviations
    assert found == {14: (), 15: (), 16: (), 17: (), 18: ("started_late",), 19: ("started_late",)}


def test_the_flags_are_all_there() -> None:
    """``check_flags`` looks at the fields between ``state`` and ``deviations``."""
    assert Week._fields[3:9] == FLAGS


@few_or_many(8)
@pytest.mark.parametrize("protocol_id", ALL_PROTOCOLS)
def test_packed_weeks_unpack_to_the_same(protocol_id: str, examples: int) -> None:
    """Eight bytes a week hold the whole week."""
    rules = protocols()[protocol_id]

    @settings(max_examples=examples, deadline=None)
    @given(histories(protocol_id))
    def check(case: tuple[date, History, date]) -> None:
        ends_on, history, _ = case
        judged = judge(rules, ends_on, history)
        packed = pack(judged.weeks)
        assert len(packed) == BYTES_A_WEEK * len(judged.weeks)
        assert unpack(judged.first_monday, packed) == judged.weeks

    check()


def test_packed_weeks_of_another_layout_are_refused() -> None:
    packed = bytearray(pack(judge(protocols()["flex-2016"], date(2017, 12, 29), History(date(2017, 1, 2))).weeks))
    packed[0] ^= 15
    with pytest.raises(ValueError, match="another layout"):
        unpack(date(2017, 1, 2), bytes(packed))


def test_ten_thousand_weak_activations_make_a_week_active() -> None:
    """Domain 4.6: their hours are added up, and each alone is too few (4.8)."""
    rules = protocols()["prvij-2010-11"]
    weak = Activation(type="other_offer", starts_on=date(2010, 11, 9), hours_per_week=Decimal("0.01"))
    history = History(date(2010, 11, 8), activations=(("a", weak),) * 10_000)
    judged = judge(rules, date(2012, 3, 31), history)
    weeks = StandingWeeks(rules, judged)
    for _ in range(10_000):
        assert weeks.warnings_of(weak) == ["hours_too_few", "not_at_workplace"]
        weeks.put(weak)
    assert judged.active[1]
