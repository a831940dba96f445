"""Who may take part (domain 3.1), and who of the supplement comes first (domain 3.2)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.protocol import Protocol
from app.domain.rules.eligibility import (
    NOT_AVAILABLE,
    Candidate,
    ahead_of,
    details_of,
    failures_of,
    weekly_target,
)
from app.domain.screening import Benefit, Channel, Circumstance, ExemptFrom, Screening, Terms, asked_for, looked_at
from app.protocols import protocols
from tests.reference import eligibility as reference

PATIENT = settings(deadline=None)
PRVIJ = protocols()["prvij-2010-11"]
FIRST, LAST = date(2010, 11, 8), date(2011, 3, 31)
JOBCENTRES = ("849", "860")
TERMS = Terms(JOBCENTRES, FIRST, LAST)
ELIGIBLE = Screening(
    born_on=date(1970, 1, 1),
    jobcentre="849",
    interview_on=date(2011, 1, 10),
    channel="new_match",
    at_job_interview=True,
    match_group=2,
    benefit="cash_benefit",
    exempt_from="none",
)


def codes(**changes: Any) -> list[str]:
    screening = replace(ELIGIBLE, **{"unemployed_since": date(2010, 10, 1), **changes})
    return [failure.code for failure in failures_of(PRVIJ, TERMS, screening)]


# --- single rules (3.1) -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, []),
        ({"match_group": 1}, ["not_match_group_2"]),
        ({"match_group": 3}, ["not_match_group_2"]),
        ({"at_job_interview": False}, ["not_at_job_interview"]),
        ({"benefit": "start_benefit"}, []),
        ({"benefit": "sickness_benefit"}, ["wrong_benefit"]),
        ({"benefit": "other"}, ["wrong_benefit"]),
        ({"circumstances": frozenset({"in_stu"})}, ["in_stu"]),
        ({"circumstances": frozenset({"pregnancy_related_illness"})}, ["pregnancy_related_illness"]),
        ({"circumstances": frozenset({"residential_programme"})}, ["residential_programme"]),
        # What other protocols look at excludes nobody here.
        ({"circumstances": frozenset({"pension_case_started", "terminal_illness", "after_first_follow_up"})}, []),
        ({"circumstances": frozenset({"treatment_prevents_offers", "referred_to_flexjob"})}, []),
        ({"exempt_from": "both"}, ["exempt_from_everything"]),
        ({"exempt_from": "conversations"}, []),
        ({"exempt_from": "activation"}, []),
        ({"interview_on": date(2010, 11, 7)}, ["outside_intake_period"]),
        ({"interview_on": date(2010, 11, 8)}, []),
        ({"interview_on": date(2011, 3, 31)}, []),
        ({"interview_on": date(2011, 4, 1)}, ["outside_intake_period"]),
        ({"jobcentre": "450"}, ["unknown_jobcentre"]),
        ({"channel": "rematch"}, []),
    ],
    ids=str,
)
def test_each_rule_alone(changes: dict[str, Any], failing: list[str]) -> None:
    """Domain 3.1."""
    assert codes(**changes) == failing


@pytest.mark.parametrize(
    ("born_on", "failing"),
    [
        (date(1991, 1, 9), []),
        (date(1991, 1, 10), []),
        (date(1991, 1, 11), ["under_20"]),
        (date(2011, 2, 1), ["under_20"]),
    ],
)
def test_turning_twenty_on_the_day_is_enough(born_on: date, failing: list[str]) -> None:
    """Domain 3.1."""
    assert codes(born_on=born_on) == failing


@pytest.mark.parametrize(
    ("since", "last_day"),
    [
        ("2010-07-10", "2011-01-10"),
        ("2010-08-31", "2011-02-28"),  # six months after the end of August is the end of February
        ("2010-08-29", "2011-02-28"),
        ("2010-08-28", "2011-02-28"),
        ("2010-08-27", "2011-02-27"),
        ("2010-09-30", "2011-03-30"),
    ],
)
def test_the_supplement_is_unemployed_for_at_most_six_months(since: str, last_day: str) -> None:
    """Domain 3.1: ``unemployed_since`` + 6 calendar months ≥ ``interview_on``, clamped to the month's last day."""
    day = date.fromisoformat(last_day)
    known = {"channel": "supplement", "unemployed_since": date.fromisoformat(since)}
    assert codes(**known, interview_on=day) == []
    assert codes(**known, interview_on=day + timedelta(days=1)) == ["unemployed_too_long"]


@pytest.mark.parametrize("channel", ["new_match", "rematch"])
@pytest.mark.parametrize("since", [date(1990, 1, 1), None])
def test_a_new_match_may_have_been_unemployed_for_any_time(channel: Channel, since: date | None) -> None:
    """Domain 3.1."""
    assert codes(channel=channel, unemployed_since=since) == []


# --- all rules together -----------------------------------------------------------------------------------------------


def test_every_failing_rule_is_reported() -> None:
    """Domain 3.1: never only the first; each with a sentence of its own."""
    everything = Screening(
        born_on=date(2005, 1, 1),
        jobcentre="999",
        interview_on=date(2011, 6, 1),
        channel="supplement",
        at_job_interview=False,
        match_group=3,
        benefit="other",
        unemployed_since=date(2009, 1, 1),
        circumstances=frozenset({"in_stu", "pregnancy_related_illness", "residential_programme"}),
        exempt_from="both",
    )
    failures = failures_of(PRVIJ, TERMS, everything)
    assert sorted(failure.code for failure in failures) == [
        "exempt_from_everything",
        "in_stu",
        "not_at_job_interview",
        "not_match_group_2",
        "outside_intake_period",
        "pregnancy_related_illness",
        "residential_programme",
        "under_20",
        "unemployed_too_long",
        "unknown_jobcentre",
        "wrong_benefit",
    ]
    assert len({failure.detail for failure in failures}) == len(failures)


def test_details_of_kept_codes_are_those_said_before() -> None:
    """Domain 3.1: of the ineligible the codes are kept; the same screening again gets the same answer."""
    failures = failures_of(PRVIJ, TERMS, replace(ELIGIBLE, match_group=1, jobcentre="450"))
    assert details_of(PRVIJ, [failure.code for failure in failures]) == failures
    assert details_of(PRVIJ, [NOT_AVAILABLE.code]) == [NOT_AVAILABLE]


def test_nothing_is_said_of_why_someone_is_not_available() -> None:
    """Domain 3.1: no more is said."""
    assert "jobcentre" not in NOT_AVAILABLE.detail
    assert "drawn" not in NOT_AVAILABLE.detail


@pytest.mark.parametrize("protocol", protocols().values(), ids=lambda protocol: protocol.id)
def test_every_rule_of_a_protocol_has_a_sentence(protocol: Any) -> None:
    """Domain 3.1, 6."""
    for failure in details_of(protocol, [rule.code for rule in protocol.eligibility]):
        assert failure.detail != details_of(PRVIJ, ["no such code"])[0].detail, failure.code


SCREENINGS = st.fixed_dictionaries(
    {
        "born_on": st.dates(date(1985, 1, 1), date(1995, 12, 31)),
        "jobcentre": st.sampled_from(["849", "450"]),
        "interview_on": st.dates(date(2010, 10, 25), date(2011, 4, 15)),
        "channel": st.sampled_from(get_args(Channel)),
        "at_job_interview": st.booleans(),
        "match_group": st.integers(1, 3),
        "benefit": st.sampled_from(get_args(Benefit)),
        "unemployed_since": st.dates(date(2010, 4, 1), date(2010, 10, 25)),
        "circumstances": st.frozensets(st.sampled_from(get_args(Circumstance)), max_size=3),
        "exempt_from": st.sampled_from(get_args(ExemptFrom)),
    }
)


def _as_sent(screening: Screening) -> dict[str, Any]:
    """The body that the reference reads."""
    assert screening.unemployed_since is not None
    return {
        "cpr": screening.born_on.strftime("%d%m%y") + "1234",
        "jobcentre": screening.jobcentre,
        "interview_on": screening.interview_on.isoformat(),
        "channel": screening.channel,
        "at_job_interview": screening.at_job_interview,
        "match_group": screening.match_group,
        "benefit": screening.benefit,
        "unemployed_since": screening.unemployed_since.isoformat(),
        "circumstances": sorted(screening.circumstances),
        "exempt_from": screening.exempt_from,
    }


@settings(deadline=None, max_examples=400)
@given(SCREENINGS)
def test_failures_are_those_of_the_plain_reference(facts: dict[str, Any]) -> None:
    """Domain 3.1, whatever comes together; and no code twice."""
    screening = Screening(**facts)
    found = [failure.code for failure in failures_of(PRVIJ, TERMS, screening)]
    trial = {"jobcentres": [{"code": code} for code in JOBCENTRES]}
    assert sorted(found) == reference.failures(PRVIJ.id, trial, _as_sent(screening))
    assert len(found) == len(set(found))


# --- the supplement (3.2) ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_target", "agreed", "first", "last", "target"),
    [
        (None, 85, "2010-11-08", "2011-03-31", 9),  # 170 / 21 weeks
        (None, 84, "2010-11-08", "2011-03-31", 8),  # 168 / 21, exactly
        (None, 0, "2010-11-08", "2011-03-31", 0),
        (None, 1, "2010-11-08", "2011-03-31", 1),
        (None, 5, "2010-11-08", "2010-11-08", 10),  # a day is a week
        (None, 5, "2010-11-14", "2010-11-15", 5),  # a Sunday and a Monday are two
        (None, 5, "2010-11-08", "2010-11-28", 4),
        (None, 3, "2010-12-27", "2011-01-16", 2),  # over the turn of the year
        (0, 85, "2010-11-08", "2011-03-31", 0),
        (4, 85, "2010-11-08", "2011-03-31", 4),
    ],
)
def test_weekly_target(given_target: int | None, agreed: int, first: str, last: str, target: int) -> None:
    """Domain 3.2: given, or ceil(2 × agreed / ISO weeks touched by the intake period)."""
    assert weekly_target(given_target, agreed, date.fromisoformat(first), date.fromisoformat(last)) == target


@PATIENT
@given(st.integers(0, 5000), st.dates(date(2010, 1, 1), date(2012, 12, 31)), st.integers(0, 400))
def test_the_weekly_target_is_the_least_that_reaches_both_arms(agreed: int, first: date, days: int) -> None:
    """Domain 3.2: in whole numbers, never short of twice the agreed and never a person more than needed."""
    last = first + timedelta(days=days)
    mondays = {day - timedelta(days=day.weekday()) for day in (first + timedelta(days=n) for n in range(days + 1))}
    target = weekly_target(None, agreed, first, last)
    assert target * len(mondays) >= 2 * agreed
    assert (target - 1) * len(mondays) < 2 * agreed
    assert target == reference.weekly_target({"agreed_participants": agreed}, first, last)


NOON = datetime(2010, 11, 9, 12, tzinfo=UTC)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.dates(date(2010, 10, 1), date(2010, 10, 4)),
        st.integers(0, 5).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    ),
    unique=True,
    max_size=12,
)


def test_the_shortest_unemployment_comes_first_and_ties_by_registration() -> None:
    """Domain 3.2."""
    short = Candidate(date(2010, 10, 2), NOON + timedelta(hours=2))
    tied = Candidate(date(2010, 10, 1), NOON)
    later = Candidate(date(2010, 10, 1), NOON + timedelta(microseconds=1))
    everyone = [later, tied, short]
    assert [ahead_of(candidate, everyone) for candidate in (short, tied, later)] == [0, 1, 2]


@PATIENT
@given(CANDIDATES)
def test_everyone_has_a_place_of_their_own(candidates: list[Candidate]) -> None:
    """Domain 3.2: exactly one may be drawn next, and as many are ahead of each as the order says."""
    places = [ahead_of(candidate, candidates) for candidate in candidates]
    assert sorted(places) == list(range(len(candidates)))
    in_order = sorted(candidates, key=lambda each: (-each.unemployed_since.toordinal(), each.registered_at))
    assert [ahead_of(candidate, candidates) for candidate in in_order] == list(range(len(candidates)))


# --- the other protocols (6) ------------------------------------------------------------------------------------------

SICKNESS, FLEXJOB, FLEXIBLE = (protocols()[name] for name in ("aht-2008-sickness", "aht-2008-flexjob", "flex-2016"))
TUESDAY, NEXT_MONDAY = date(2009, 1, 6), date(2009, 1, 12)
AHT_TERMS = Terms(JOBCENTRES, TUESDAY, date(2009, 4, 30))
"""Intake begins in mid-week: the first ISO week has a Monday before it."""


def stated(interview_on: date, **facts: Any) -> Screening:
    facts["circumstances"] = frozenset(facts.get("circumstances", ()))
    return Screening(born_on=date(1995, 1, 1), jobcentre="849", interview_on=interview_on, **facts)


def failing(protocol: Protocol, terms: Terms, screening: Screening) -> list[str]:
    return [failure.code for failure in failures_of(protocol, terms, screening)]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"benefit": "sickness_benefit"}, []),
        ({"benefit": "cash_benefit"}, ["wrong_benefit"]),
        ({"benefit": "sickness_benefit", "circumstances": ["after_first_follow_up"]}, ["after_first_follow_up"]),
        ({"benefit": "sickness_benefit", "circumstances": ["pension_case_started"]}, ["pension_case_started"]),
        ({"benefit": "sickness_benefit", "circumstances": ["terminal_illness"]}, ["terminal_illness"]),
        (
            {"benefit": "sickness_benefit", "circumstances": ["treatment_prevents_offers"]},
            ["treatment_prevents_offers"],
        ),
        (
            {"benefit": "sickness_benefit", "circumstances": ["pregnancy_related_illness"]},
            ["pregnancy_related_illness"],
        ),
        # What other protocols look at excludes nobody here: someone of 14, in STU, referred to a flex-job.
        ({"benefit": "sickness_benefit", "circumstances": ["in_stu", "referred_to_flexjob"]}, []),
        ({"benefit": "other", "circumstances": ["after_first_follow_up"]}, ["wrong_benefit", "after_first_follow_up"]),
    ],
    ids=str,
)
def test_sickness_benefit(facts: dict[str, Any], expected: list[str]) -> None:
    """Domain 6 [S]."""
    assert failing(SICKNESS, AHT_TERMS, stated(NEXT_MONDAY, **facts)) == expected


@pytest.mark.parametrize(
    ("interview_on", "since", "expected"),
    [
        (TUESDAY, date(2008, 12, 1), []),  # 36 days
        (TUESDAY, date(2008, 12, 2), ["unemployed_too_short"]),  # 35 days: not more than five weeks
        (TUESDAY, date(2008, 9, 6), []),  # four months to the day
        (TUESDAY, date(2008, 9, 5), ["unemployed_too_long"]),
        (NEXT_MONDAY, date(2008, 9, 6), []),  # it is the trial's start that matters, not the interview
        (NEXT_MONDAY, date(2008, 9, 5), ["unemployed_too_long"]),
        (NEXT_MONDAY, date(1999, 1, 1), ["unemployed_too_long"]),
        (date(2009, 1, 5), date(1999, 1, 1), ["unemployed_too_long", "outside_intake_period"]),  # the Monday before
    ],
)
def test_flexjob(interview_on: date, since: date, expected: list[str]) -> None:
    """Domain 6 [S]: more than 5 weeks unemployed, and in the ISO week of the first intake day at most 4 months."""
    someone = stated(interview_on, unemployed_since=since, circumstances=["referred_to_flexjob"])
    assert failing(FLEXJOB, AHT_TERMS, someone) == expected
    assert failing(FLEXJOB, AHT_TERMS, replace(someone, circumstances=frozenset())) == [
        "not_referred_to_flexjob",
        *expected,
    ]


def test_a_target_group_is_one_that_the_trial_has_picked() -> None:
    """Domain 6 [C]."""
    terms = Terms(JOBCENTRES, TUESDAY, date(2009, 4, 30), (2, 11))
    assert failing(FLEXIBLE, terms, stated(NEXT_MONDAY, target_group=2)) == []
    assert failing(FLEXIBLE, terms, stated(NEXT_MONDAY, target_group=3)) == ["wrong_target_group"]
    everything = stated(date(2009, 5, 1), target_group=14, circumstances=["terminal_illness"])
    outside = replace(everything, jobcentre="450")
    assert failing(FLEXIBLE, terms, outside) == ["wrong_target_group", "outside_intake_period", "unknown_jobcentre"]


def test_what_a_screening_must_state() -> None:
    """Api.md, "Trials and people"; domain 3.2: candidates of the supplement are ordered by their unemployment.

    It may be told of anyone; in [S] also the sick leave and the job.
    """
    everyone = {"channel", "at_job_interview", "match_group", "benefit", "exempt_from"}
    assert asked_for(PRVIJ, "new_match") == everyone
    assert asked_for(PRVIJ, "supplement") == everyone | {"unemployed_since"} == looked_at(PRVIJ)
    for protocol, fields in (
        (protocols()["prvij-2010-07"], everyone),
        (SICKNESS, {"benefit"}),
        (FLEXJOB, {"unemployed_since"}),
        (FLEXIBLE, {"target_group"}),
    ):
        assert asked_for(protocol, None) == fields
        more = {"sick_since", "has_job"} if protocol in (SICKNESS, FLEXJOB) else set()
        assert looked_at(protocol) == fields | more | {"unemployed_since"}
