"""Judged at the door (domain 4.8): every code at its boundary, and all of it against the slow reference."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.facts import Exemption, PresenceEvent
from app.domain.rules.warnings import ENFORCED_CODES, StandingWeeks
from app.domain.rules.weeks import judge
from app.protocols import protocols
from tests.domain.build import codes_for, history_of
from tests.reference import door as reference
from tests.reference.generate import TRIAL_DATES, activation_records, cases, conversation_records, random_person
from tests.thorough import so_many

FINAL, DRAFT, SICKNESS, FLEXIBLE = "prvij-2010-11", "prvij-2010-07", "aht-2008-sickness", "flex-2016"
GROUNDS = ("illness", "other_obstacle", "hospitalised")
Record = Mapping[str, Any]


def warning_codes(
    record: Record,
    protocol: str = FINAL,
    ends_on: str | None = None,
    *,
    assigned: str | None = None,
    **known: Any,
) -> list[str]:
    """What the sender of a record hears, of someone assigned on the first day of the intake; ``known`` came before."""
    first, _, last = TRIAL_DATES[protocol]
    kind = "conversations" if "date" in record else "activations"
    person = {"interview_on": assigned or first, **known}
    return codes_for(protocols()[protocol], date.fromisoformat(ends_on or last), person, kind, record)


# The person of FINAL is assigned on Monday 2010-11-08: W45 is week 1, W46 week 2, W52 (27 December to 2 January) is
# week 8, and that of Monday 2011-01-03 week 9.


def test_a_good_conversation_is_taken_without_a_word() -> None:
    assert warning_codes({"date": "2010-11-15"}) == []


@pytest.mark.parametrize(
    ("protocol", "accepted"),
    [
        (FINAL, {"in_person", "telephone", "digital", "other"}),
        (DRAFT, {"in_person", "telephone", "digital", "other"}),
        (SICKNESS, {"in_person", "group", "telephone"}),
        (FLEXIBLE, {"in_person", "telephone", "digital", "group", "industry_meeting", "other"}),
    ],
)
def test_form_not_accepted(protocol: str, accepted: set[str]) -> None:
    """Domain 6, forms accepted."""
    day = {FINAL: "2011-01-19", DRAFT: "2011-01-19", SICKNESS: "2009-02-18", FLEXIBLE: "2017-01-18"}[protocol]
    for form in ("in_person", "telephone", "digital", "group", "industry_meeting", "other"):
        codes = warning_codes({"date": day, "form": form, "remote_ground": "hospitalised"}, protocol)
        assert ("form_not_accepted" in codes) == (form not in accepted), form


@pytest.mark.parametrize(
    ("day", "codes"),
    [
        ("2010-11-14", ["remote_too_early"]),  # Sunday of week 1, which has the number 1
        ("2010-11-15", ["remote_too_early"]),
        ("2011-01-02", ["remote_too_early"]),  # Sunday of week 8
        ("2011-01-03", []),  # Monday of week 9
    ],
)
def test_remote_too_early_ends_with_week_8(day: str, codes: list[str]) -> None:
    """Domain 4.8: its week has n ≤ ``in_person_weeks`` [8]."""
    for form in ("telephone", "digital", "other"):
        assert warning_codes({"date": day, "form": form}) == codes
        assert [warning_codes({"date": day, "form": form, "remote_ground": ground}) for ground in GROUNDS] == [[]] * 3
    assert warning_codes({"date": day}) == []


def test_remote_too_early_follows_the_programme_weeks() -> None:
    """Two exempt weeks put week 9 off by two (domain 4.3)."""
    away = {"scope": "both", "ground": "illness", "starts_on": "2010-11-22", "ends_on": "2010-12-05"}
    assert warning_codes({"date": "2011-01-16", "form": "telephone"}, exemptions=[away]) == ["remote_too_early"]
    assert warning_codes({"date": "2011-01-17", "form": "telephone"}, exemptions=[away]) == []
    assert warning_codes({"date": "2010-11-24", "form": "telephone"}, exemptions=[away]) == ["week_without_number"]


def test_remote_too_early_in_the_draft_lasts_until_a_workplace_is_found() -> None:
    """Domain 6: before the week in which the first workplace activation on or after ``assigned_on`` starts."""
    place = {"type": "part_time_job", "starts_on": "2011-01-12", "hours_per_week": 10}
    earlier = {**place, "starts_on": "2010-10-20"}  # before the assignment: finds nothing
    telephone = {"date": "2011-01-09", "form": "telephone"}
    assert warning_codes(telephone, DRAFT) == ["remote_too_early"]
    assert warning_codes(telephone, DRAFT, activations=[earlier, place]) == ["remote_too_early"]
    after = warning_codes({**telephone, "date": "2011-01-10"}, DRAFT, activations=[earlier, place])
    assert after == ["remote_too_often"]
    assert warning_codes({**telephone, "date": "2011-06-10"}, DRAFT, activations=[earlier]) == ["remote_too_early"]


def test_remote_grounds_of_the_sickness_benefit_trial() -> None:
    """Domain 6: all weeks in person, hospitalised the only ground; a group is as good as meeting alone."""
    talk = {"date": "2009-04-15", "form": "telephone"}
    assert warning_codes(talk, SICKNESS) == ["remote_too_early"]
    assert warning_codes({**talk, "remote_ground": "illness"}, SICKNESS) == ["remote_too_early"]
    assert warning_codes({**talk, "remote_ground": "hospitalised"}, SICKNESS) == []
    assert warning_codes({**talk, "form": "group"}, SICKNESS) == []


def test_what_did_not_take_place_is_told_too() -> None:
    """The rules look at what was arranged: nobody should learn of it only when it is held."""
    assert warning_codes({"date": "2010-11-24", "form": "telephone", "status": "no_show"}) == ["remote_too_early"]
    cancelled = {"date": "2010-11-24", "conducted_by": "mentor", "status": "cancelled"}
    assert warning_codes(cancelled) == ["conducted_by_mentor"]


REMOTE_9 = {"date": "2011-01-05", "form": "telephone"}
REMOTE_10 = {"date": "2011-01-12", "form": "telephone"}


@pytest.mark.parametrize(
    ("known", "record", "codes"),
    [
        ([], REMOTE_9, []),  # k = 1 ≤ ceil(½ × 1)
        ([REMOTE_9], REMOTE_10, ["remote_too_often"]),  # 2 > ceil(½ × 2)
        ([REMOTE_9, {"date": "2011-01-12"}], {**REMOTE_10, "date": "2011-01-19"}, []),  # 2 ≤ ceil(½ × 3)
        ([REMOTE_9], {"date": "2011-01-07", "form": "digital"}, []),  # the same week a second time
        ([REMOTE_9, {"date": "2011-01-13"}], REMOTE_10, []),  # its week is in person already
        ([REMOTE_9], {**REMOTE_10, "remote_ground": "illness"}, []),  # grounded: neither in k nor in m
        ([REMOTE_9, {**REMOTE_10, "remote_ground": "illness"}], {**REMOTE_10, "date": "2011-01-13"}, []),
        ([REMOTE_9], {**REMOTE_10, "status": "no_show"}, []),  # does not count
        ([REMOTE_10], REMOTE_9, []),  # the week of the other gets the deviation now, this one's does not
        ([REMOTE_9], {**REMOTE_10, "conducted_by": "mentor"}, ["conducted_by_mentor"]),
        ([REMOTE_9], {**REMOTE_10, "form": "group"}, ["form_not_accepted"]),
        ([REMOTE_9, REMOTE_10], {**REMOTE_10, "status": "no_show"}, []),  # too often, but not by this one
    ],
)
def test_remote_too_often(known: list[Record], record: Record, codes: list[str]) -> None:
    """Domain 4.8: the week would get that deviation (4.5, share ½)."""
    assert warning_codes(record, conversations=known) == codes


def test_every_remote_talk_is_too_often_where_the_share_is_nothing() -> None:
    """Domain 6 [D]: "personal meeting … at the company"; with a ground it is grounded."""
    place = {"type": "part_time_job", "starts_on": "2010-11-01", "hours_per_week": 10}
    assert warning_codes(REMOTE_9, DRAFT, activations=[place]) == ["remote_too_often"]
    assert warning_codes({**REMOTE_9, "remote_ground": "illness"}, DRAFT, activations=[place]) == []
    assert warning_codes({**REMOTE_9, "date": "2017-01-05"}, FLEXIBLE) == []


def test_external_provider_not_accepted() -> None:
    """Domain 4.5: only where the trial lets the person's jobcentre have that."""
    talk = {"date": "2010-11-16", "conducted_by": "external_provider"}
    assert warning_codes(talk) == []
    assert warning_codes(talk, settings={"external_provider_talks": False}) == ["external_provider_not_accepted"]
    assert warning_codes({**talk, "conducted_by": "caseworker"}, settings={"external_provider_talks": False}) == []


def test_the_day_of_the_draw_counts_where_the_protocol_says_so() -> None:
    """Domain 4.5 [S]: the draw is made before the first follow-up conversation."""
    assert warning_codes({"date": "2009-01-05"}, SICKNESS) == []
    assert warning_codes({"date": "2009-01-04"}, SICKNESS) == ["before_assignment"]


@pytest.mark.parametrize(
    ("conductor", "codes"),
    [("caseworker", []), ("company_consultant", []), ("external_provider", []), ("mentor", ["conducted_by_mentor"])],
)
def test_conducted_by_mentor(conductor: str, codes: list[str]) -> None:
    assert warning_codes({"date": "2010-11-16", "conducted_by": conductor}) == codes
    assert warning_codes({"date": "2017-01-17", "conducted_by": conductor}, FLEXIBLE) == []


@pytest.mark.parametrize(
    ("day", "codes"),
    [
        ("2010-11-07", ["before_assignment"]),  # the Sunday before: a week that is not the person's
        ("1990-01-01", ["before_assignment"]),
        ("2010-11-08", ["before_assignment"]),  # not later than assigned_on: the interview of the draw
        ("2010-11-09", []),
    ],
)
def test_before_assignment(day: str, codes: list[str]) -> None:
    assert warning_codes({"date": day}) == codes


@pytest.mark.parametrize(
    ("day", "codes"),
    [
        ("2010-11-28", []),
        ("2010-11-29", ["week_without_number"]),  # absent: two working days in the trial
        ("2010-12-03", ["week_without_number"]),
        ("2010-12-08", ["week_without_number"]),
        ("2010-12-13", []),  # back on Wednesday: three days
    ],
)
def test_week_without_number_absent(day: str, codes: list[str]) -> None:
    """Domain 4.3: out from Wednesday 1 to Wednesday 15 December."""
    events = [
        {"kind": "exit", "date": "2010-12-01", "reason": "job"},
        {"kind": "re_entry", "date": "2010-12-15"},
    ]
    assert warning_codes({"date": day}, presence_events=events) == codes


def test_week_without_number_exempt() -> None:
    """Exempt from both, by two exemptions together; from one of the two the week has its number."""
    talks = {"scope": "conversations", "ground": "illness", "starts_on": "2010-11-22", "ends_on": "2010-11-28"}
    offers = {**talks, "scope": "activation"}
    assert warning_codes({"date": "2010-11-24"}, exemptions=[talks]) == []
    assert warning_codes({"date": "2010-11-24"}, exemptions=[talks, offers]) == ["week_without_number"]
    # three working days left: the week counts
    short = {**talks, "scope": "both", "ends_on": "2010-11-23"}
    assert warning_codes({"date": "2010-11-24"}, exemptions=[short]) == []


def test_week_without_number_through() -> None:
    """Domain 4.4: active from week 2 on, the meter is full with week 40, that of Monday 2011-08-08."""
    place = {"type": "work_placement_public", "starts_on": "2010-11-08", "hours_per_week": 10}
    assert warning_codes({"date": "2011-08-14"}, activations=[place]) == []
    assert warning_codes({"date": "2011-08-15"}, activations=[place]) == ["week_without_number"]
    # exempt weeks after it change nothing: the course is over
    away = {"scope": "both", "ground": "illness", "starts_on": "2011-08-15", "ends_on": None}
    assert warning_codes({"date": "2011-08-17"}, activations=[place], exemptions=[away]) == ["week_without_number"]


def test_week_without_number_past_the_end() -> None:
    """The last week of the trial goes to its Sunday; one with fewer than three working days is not there at all.

    An exemption from activation keeps the meter still: otherwise everyone is through by then.
    """
    still: Any = {
        "exemptions": [{"scope": "activation", "ground": "other", "starts_on": "2010-11-08", "ends_on": None}]
    }
    assert warning_codes({"date": "2012-04-01"}, **still) == []
    assert warning_codes({"date": "2012-04-02"}, **still) == ["week_without_number"]
    assert warning_codes({"date": "2012-03-27"}, ends_on="2012-03-27", **still) == ["week_without_number"]
    assert warning_codes({"date": "2012-03-27"}, ends_on="2012-03-28", **still) == []


def test_several_codes_are_sorted() -> None:
    record = {"date": "2010-11-08", "form": "group", "conducted_by": "mentor"}
    codes = ["before_assignment", "conducted_by_mentor", "form_not_accepted", "remote_too_early"]
    assert warning_codes(record) == codes


# --- activations ------------------------------------------------------------------------------------------------------

PLACE = {"type": "part_time_job", "starts_on": "2010-12-01", "hours_per_week": 10, "mentor": "assigned"}
OFFER = {"type": "other_offer", "starts_on": "2010-12-01", "hours_per_week": 10, "not_workplace_reason": "other"}


def test_a_good_activation_is_taken_without_a_word() -> None:
    assert warning_codes(PLACE) == warning_codes(OFFER) == []


@pytest.mark.parametrize(
    ("hours", "codes"), [("9.99", ["hours_too_few"]), ("0.01", ["hours_too_few"]), ("10", []), ("10.00", []), (37, [])]
)
def test_hours_too_few(hours: Any, codes: list[str]) -> None:
    assert warning_codes({**PLACE, "hours_per_week": hours}) == codes
    for reason in ("health", "gradual_start", "care", "other"):
        assert warning_codes({**PLACE, "hours_per_week": hours, "reduced_hours_reason": reason}) == []


def test_hours_are_judged_alone() -> None:
    """Together they are enough for the week (4.6); at the door each stands alone."""
    half = {**PLACE, "hours_per_week": 5}
    assert warning_codes(half, activations=[half]) == ["hours_too_few"]


def test_hours_of_the_other_protocols() -> None:
    """Domain 6: [S] accepts ``health`` alone; [C] knows no minimum."""
    short = {"type": "other_offer", "starts_on": "2009-02-02", "hours_per_week": 1}
    assert warning_codes(short, SICKNESS) == ["hours_too_few"]
    assert warning_codes({**short, "reduced_hours_reason": "gradual_start"}, SICKNESS) == ["hours_too_few"]
    assert warning_codes({**short, "reduced_hours_reason": "health"}, SICKNESS) == []
    assert warning_codes({**short, "starts_on": "2017-01-02"}, FLEXIBLE) == []


@pytest.mark.parametrize(
    ("reason", "codes"),
    [
        (None, ["not_at_workplace"]),
        ("substance_abuse", []),
        ("untreated_mental_illness", []),
        ("other", []),
        ("cannot_get_up", ["not_at_workplace"]),
        ("no_transport", ["not_at_workplace"]),
        ("unstable", ["not_at_workplace"]),
    ],
)
def test_not_at_workplace(reason: str | None, codes: list[str]) -> None:
    """Domain 4.6: three reasons are recorded, and are not sufficient [F]."""
    for kind in ("guidance_and_upskilling", "other_offer"):
        record = {"type": kind, "starts_on": "2010-12-01", "hours_per_week": 10, "not_workplace_reason": reason}
        assert warning_codes(record) == codes
    assert warning_codes({**OFFER, "starts_on": "2009-02-02", "not_workplace_reason": reason}, SICKNESS) == []


@pytest.mark.parametrize(
    ("mentor", "codes"), [("unknown", ["mentor_missing"]), ("assigned", []), ("waived", []), (None, ["mentor_missing"])]
)
def test_mentor_missing(mentor: str | None, codes: list[str]) -> None:
    stated = {} if mentor is None else {"mentor": mentor}
    record = {"type": "wage_subsidy_private", "starts_on": "2010-12-01", "hours_per_week": 10, **stated}
    assert warning_codes(record) == codes
    assert warning_codes({**record, "starts_on": "2009-02-02"}, SICKNESS) == []
    assert warning_codes({**OFFER, **stated}) == []  # not at a workplace: no mentor is asked for


@pytest.mark.parametrize(
    ("day", "codes"), [("2011-01-09", []), ("2011-01-10", ["starts_late"]), ("2012-01-10", ["starts_late"])]
)
def test_starts_late(day: str, codes: list[str]) -> None:
    """After programme week 9, whose Sunday is 9 January."""
    late = {**PLACE, "starts_on": day}
    assert warning_codes(late) == codes
    assert warning_codes({**OFFER, "starts_on": day}) == []  # only an activation at a workplace
    assert warning_codes(late, activations=[OFFER]) == codes  # another offer is not the first at a workplace
    assert warning_codes(late, activations=[PLACE]) == []  # this one was
    assert warning_codes(late, activations=[{**PLACE, "starts_on": "2009-05-01", "ends_on": "2009-06-01"}]) == []
    assert warning_codes(late, activations=[{**PLACE, "starts_on": "2012-03-01"}]) == codes  # a later one, sent before
    assert warning_codes(late, activations=[late]) == codes  # a copy by another client: both are the first


def test_starts_late_follows_the_programme_weeks() -> None:
    away = {"scope": "both", "ground": "illness", "starts_on": "2010-11-22", "ends_on": "2010-12-05"}
    assert warning_codes({**PLACE, "starts_on": "2011-01-23"}, exemptions=[away]) == []
    assert warning_codes({**PLACE, "starts_on": "2011-01-24"}, exemptions=[away]) == ["starts_late"]
    # someone who never comes to week 9 is never late
    out = {"kind": "exit", "date": "2010-12-01", "reason": "job"}
    assert warning_codes({**PLACE, "starts_on": "2011-01-24"}, presence_events=[out]) == []


def test_starts_late_in_the_other_protocols() -> None:
    """Domain 6: due from week 5 in the draft and [S], never in [C]."""
    assert warning_codes({**PLACE, "starts_on": "2010-12-05"}, DRAFT) == []
    assert warning_codes({**PLACE, "starts_on": "2010-12-06"}, DRAFT) == ["starts_late"]
    assert warning_codes({**PLACE, "starts_on": "2009-02-09"}, SICKNESS) == ["starts_late"]
    assert warning_codes({**PLACE, "starts_on": "2017-11-09"}, FLEXIBLE) == []


def test_the_other_kinds_are_taken_without_a_word() -> None:
    history = history_of({"interview_on": "2010-11-08"})
    rules = protocols()[FINAL]
    weeks = StandingWeeks(rules, judge(rules, date(2012, 3, 31), history))
    exemption = Exemption(scope="both", ground="illness", starts_on=date(1990, 1, 1))
    event = PresenceEvent(kind="re_entry", date=date(2010, 11, 9))
    assert [list(weeks.warnings_of(fact)) for fact in (exemption, event)] == [[], []]


def test_what_refuse_rejects() -> None:
    """Domain 4.8, the five codes."""
    assert set(reference.REFUSING) == ENFORCED_CODES


# --- against the reference --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "examples", [12, pytest.param(so_many(800), marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
@pytest.mark.parametrize("protocol", list(TRIAL_DATES))
def test_against_the_reference(protocol: str, examples: int) -> None:
    """Wild persons and one more record of theirs: the codes are those of the slow engine, typed from domain 4.8."""
    rules = protocols()[protocol]

    @settings(max_examples=examples, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        ends_on, person, as_of = data.draw(cases(protocol))
        assigned_on, last_day = date.fromisoformat(person["interview_on"]), date.fromisoformat(ends_on)
        for kind, records in (("conversations", conversation_records), ("activations", activation_records)):
            record = data.draw(records(protocol, assigned_on, last_day))
            found = codes_for(rules, last_day, person, kind, record)
            assert found == reference.warnings(protocol, ends_on, person, kind, record, as_of)

    check()


def test_records_of_a_batch_are_held_against_those_before_them() -> None:
    """Domain 4.8: put and dropped one by one, the weeks are as if judged anew."""
    rules, chance = protocols()[FINAL], Random(1)
    history = history_of(random_person(FINAL, 3))
    weeks = StandingWeeks(rules, judge(rules, date(2012, 3, 31), history))
    for _ in range(60):
        kind = chance.choice(["conversations", "activations"])
        known = list(getattr(history, kind))
        client, fact = chance.choice([*getattr(history_of(random_person(FINAL, chance.randint(0, 99))), kind), *known])
        anew = StandingWeeks(rules, judge(rules, date(2012, 3, 31), history))
        if kind == "conversations":
            assert weeks.warnings_of(fact) == anew.warnings_of(fact)
        if known and chance.random() < 0.3:
            weeks.drop(known.pop()[1])
        else:
            weeks.put(fact)
            known.append((client, fact))
        if kind == "conversations":
            history = replace(history, conversations=tuple(known))
        else:
            weeks = anew
