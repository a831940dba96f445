"""One short history a sentence of domain 4: the tests that ``test_mutations`` runs against changed rules.

They need the domain, the protocols and nothing else, so that all of them take a second.
"""

from datetime import date
from typing import Any

from app.domain.judged_weeks import Week
from app.domain.rules.conversations import told_once
from app.domain.rules.eligibility import failures_of
from app.domain.rules.weeks import as_seen_on, judge
from app.domain.screening import Screening, Terms
from app.protocols import protocols
from tests.domain.build import codes_for, history_of

FINAL, DRAFT, SICKNESS, FLEXIBLE = "prvij-2010-11", "prvij-2010-07", "aht-2008-sickness", "flex-2016"
ENDS_ON = date(2012, 3, 31)
MONDAY = "2010-11-08"
ALWAYS = {"type": "work_placement_public", "starts_on": "2010-11-08", "hours_per_week": 10, "mentor": "assigned"}
Record = dict[str, Any]


def weeks(protocol: str = FINAL, ends_on: date = ENDS_ON, on: str = MONDAY, **kinds: Any) -> list[Week]:
    """The weeks of someone assigned on a Monday."""
    return judge(protocols()[protocol], ends_on, history_of({"interview_on": on, **kinds})).weeks


def calls(*dates: str, **facts: Any) -> list[Record]:
    return [{"date": day, "form": "telephone", **facts} for day in dates]


def exit_on(day: str, reason: str = "job") -> Record:
    return {"kind": "exit", "date": day, "reason": reason}


def entry_on(day: str) -> Record:
    return {"kind": "re_entry", "date": day}


def rematch_on(day: str, group: int) -> Record:
    return {"kind": "rematch", "date": day, "match_group": group}


def exempt(scope: str, first: str, last: str | None) -> Record:
    return {"scope": scope, "ground": "illness", "starts_on": first, "ends_on": last}


def without_effect(*events: Record) -> int:
    return sum("event_without_effect" in week.deviations for week in weeks(presence_events=list(events)))


# --- 3.1 --------------------------------------------------------------------------------------------------------------


def failing(**changes: Any) -> list[str]:
    stated: dict[str, Any] = {"born_on": date(1970, 1, 1), "jobcentre": "849", "interview_on": date(2010, 11, 8)}
    stated |= {"channel": "new_match", "at_job_interview": True, "match_group": 2, "benefit": "cash_benefit"}
    terms = Terms({"849"}, date(2010, 11, 8), date(2011, 3, 31))
    screening = Screening(**stated | {"exempt_from": "none"} | changes)
    return [failure.code for failure in failures_of(protocols()[FINAL], terms, screening)]


def test_turning_twenty_on_the_day_is_enough() -> None:
    """Domain 3.1."""
    assert failing(born_on=date(1990, 11, 8)) == []
    assert failing(born_on=date(1990, 11, 9)) == ["under_20"]


def test_six_months_unemployed_are_no_more_than_six() -> None:
    """Domain 3.1: in the channel ``supplement`` only."""
    assert failing(channel="supplement", unemployed_since=date(2010, 5, 8)) == []
    assert failing(channel="supplement", unemployed_since=date(2010, 5, 7)) == ["unemployed_too_long"]
    assert failing(channel="rematch", unemployed_since=date(2010, 5, 7)) == []


# --- 4.1 --------------------------------------------------------------------------------------------------------------


def test_an_exit_is_the_first_day_out_and_a_re_entry_the_first_day_in() -> None:
    """Domain 4.1."""
    judged = weeks(presence_events=[exit_on("2010-11-18"), entry_on("2010-12-01")])
    assert [week.days_in_trial for week in judged[1:5]] == [3, 0, 3, 5]


def test_a_rematch_to_group_3_is_an_exit_where_the_protocol_says_so() -> None:
    """Domain 4.1: in ``prvij-*``, and one to group 1 or 2 is the way back."""
    events = [rematch_on("2010-11-15", 3), rematch_on("2010-11-29", 2)]
    assert [week.state for week in weeks(presence_events=events)[1:4]] == ["absent", "absent", "counted"]
    later = [{**event, "date": event["date"].replace("2010-11", "2009-01")} for event in events]
    assert {week.state for week in weeks(SICKNESS, date(2009, 4, 30), "2009-01-05", presence_events=later)[1:4]} == {
        "counted"
    }


def test_a_rematch_brings_back_whoever_is_out_for_that_alone() -> None:
    """Domain 4.1."""
    events = [exit_on("2010-11-15", "job"), rematch_on("2010-11-22", 2)]
    assert [week.state for week in weeks(presence_events=events)[1:3]] == ["absent", "absent"]


def test_on_one_date_exits_come_first_then_rematches_then_re_entries() -> None:
    """Domain 4.1: whatever was registered first."""
    assert weeks(presence_events=[entry_on("2010-11-15"), exit_on("2010-11-15")])[1].state == "counted"
    events = [rematch_on("2010-11-15", 2), rematch_on("2010-11-15", 3)]
    assert weeks(presence_events=events)[1].state == "counted"
    both = [exit_on("2010-11-15", "moved"), exit_on("2010-11-15", "job")]
    assert judge(
        protocols()[FINAL], ENDS_ON, history_of({"interview_on": MONDAY, "presence_events": both})
    ).presence.exits == ((date(2010, 11, 15), "job"),)


def test_an_event_that_changes_nothing_is_a_deviation_unless_it_says_the_same_twice() -> None:
    """Domain 4.1."""
    assert without_effect(entry_on("2010-11-15")) == 1
    assert without_effect(exit_on("2010-11-15"), exit_on("2010-11-16")) == 1
    assert without_effect(rematch_on("2010-11-15", 3), exit_on("2010-11-16", "match_group_3")) == 0
    assert without_effect(rematch_on("2010-11-15", 3), rematch_on("2010-11-22", 2), entry_on("2010-11-22")) == 0
    assert without_effect(exit_on("2010-11-15"), rematch_on("2010-11-16", 3), rematch_on("2010-11-17", 1)) == 0


# --- 4.2, 4.3 ---------------------------------------------------------------------------------------------------------


def test_both_days_of_an_exemption_are_included() -> None:
    """Domain 4.2: Monday to Wednesday leave two days."""
    states = [weeks(exemptions=[exempt("both", "2010-11-15", last)])[1].state for last in ("2010-11-16", "2010-11-17")]
    assert states == ["counted", "exempt"]


def test_two_exemptions_together_are_from_both() -> None:
    """Domain 4.3: a day is available unless it is exempt from both, by one exemption or by two together."""
    two = [exempt("conversations", "2010-11-15", None), exempt("activation", "2010-11-15", "2010-11-21")]
    assert [week.state for week in weeks(exemptions=two)[1:3]] == ["exempt", "counted"]
    assert weeks(exemptions=two[::-1])[1].state == "exempt"


def test_a_week_counts_from_three_available_days() -> None:
    """Domain 4.3: the others have no number, and the clock goes on where it stopped."""
    judged = weeks(exemptions=[exempt("both", "2010-11-17", "2010-11-24")])
    assert [week.number for week in judged[:5]] == [1, None, None, 2, 3]
    assert weeks(exemptions=[exempt("both", "2010-11-18", "2010-11-24")])[1].number == 2


def test_absent_is_whoever_has_fewer_than_three_days_in_the_trial() -> None:
    """Domain 4.3."""
    exemption = exempt("both", "2010-11-15", "2010-11-15")
    for day, state in (("2010-11-17", "absent"), ("2010-11-18", "exempt")):
        assert weeks(exemptions=[exemption], presence_events=[exit_on(day)])[1].state == state


def test_the_last_week_has_three_working_days_up_to_the_end() -> None:
    """Domain 4.3."""
    assert [len(weeks(ends_on=date(2010, 11, day))) for day in (16, 17)] == [1, 2]


# --- 4.4 --------------------------------------------------------------------------------------------------------------


def test_a_conversation_is_due_from_three_days_not_exempt_from_it() -> None:
    """Domain 4.4."""
    for last, due in (("2010-11-16", True), ("2010-11-17", False)):
        assert weeks(exemptions=[exempt("conversations", "2010-11-15", last)])[1].conversation_due == due


def test_an_activation_is_due_from_week_9_where_three_days_are_not_exempt_from_it() -> None:
    """Domain 4.4."""
    judged = weeks(exemptions=[exempt("activation", "2011-01-10", "2011-01-12")])
    assert [week.activation_due for week in judged[7:11]] == [False, True, False, True]


def test_the_meter_counts_active_weeks_due_or_not() -> None:
    """Domain 4.4: exempt from activation or not, never the assignment week; with the 39th the course is over."""
    judged = weeks(activations=[ALWAYS], exemptions=[exempt("activation", "2011-01-17", "2011-01-23")])
    assert [week.meter for week in judged[:3]] == [0, 1, 2]
    assert [(week.number, week.state) for week in judged[39:41]] == [(40, "counted"), (None, "complete")]
    assert not any(week.state == "complete" for week in weeks())


def test_after_programme_week_17_of_the_sickness_trial_every_week_is_complete() -> None:
    """Domain 6 [S]."""
    judged = weeks(SICKNESS, date(2009, 8, 31), "2009-01-05")
    assert [(week.number, week.state) for week in judged[16:18]] == [(17, "counted"), (None, "complete")]


# --- 4.5 --------------------------------------------------------------------------------------------------------------


def test_a_conversation_counts_later_than_the_assignment_in_an_accepted_form_by_someone_accepted() -> None:
    """Domain 4.5."""
    for facts, form in [
        ({}, "in_person"),
        ({"form": "group"}, None),
        ({"conducted_by": "mentor"}, None),
        ({"status": "cancelled"}, None),
    ]:
        assert weeks(conversations=[{"date": "2010-11-09", **facts}])[0].form == form
    assert weeks(conversations=[{"date": MONDAY}])[0].form is None


def test_the_conversation_on_the_day_of_the_draw_is_the_first_of_the_sickness_trial() -> None:
    """Domain 4.5 [S]."""
    assert weeks(SICKNESS, date(2009, 8, 31), "2009-01-05", conversations=[{"date": "2009-01-05"}])[0].form
    assert weeks(SICKNESS, date(2009, 8, 31), "2009-01-06", conversations=[{"date": "2009-01-05"}])[0].form is None


def test_an_external_provider_counts_where_the_jobcentre_may_have_one() -> None:
    """Domain 4.5."""
    talk = {"date": "2010-11-16", "conducted_by": "external_provider"}
    assert weeks(conversations=[talk])[1].conversation_held
    refused = weeks(conversations=[talk], settings={"external_provider_talks": False})[1]
    assert (refused.conversation_held, refused.missing_because) == (False, "not_accepted")


def test_told_by_several_is_counted_of_one_client() -> None:
    """Domain 4.5: of the client with the most counting ones, then the most, then the first by name."""

    def client(*talks: Record) -> str:
        chosen, _ = told_once(
            protocols()[FINAL],
            history_of({"interview_on": MONDAY, "conversations": [{"date": "2010-11-16", **talk} for talk in talks]}),
        )[0]
        return chosen.place

    missed = {"status": "no_show"}
    first, second = {"client": "a", "place": "home"}, {"client": "b", "place": "company"}
    assert client(first, second) == client(second, first) == "home"
    assert client({**first, **missed}, second) == "company"
    assert client(first, second, {**second, **missed}) == "company"


def test_the_form_of_a_week_is_that_of_its_best_conversation() -> None:
    """Domain 4.5: in person, else grounded by a ground that the protocol accepts, else remote."""
    grounded = calls("2010-11-16", remote_ground="illness")
    assert weeks(conversations=grounded + calls("2010-11-17"))[1].form == "grounded"
    assert weeks(conversations=[{"date": "2010-11-15"}, *calls("2010-11-17"), *grounded])[1].form == "in_person"
    ill = calls("2009-01-13", remote_ground="illness")
    refused = weeks(SICKNESS, date(2009, 8, 31), "2009-01-05", conversations=ill)
    assert (refused[1].form, refused[1].deviations) == ("remote", ("remote_too_early",))


def test_weeks_1_to_8_are_in_person() -> None:
    """Domain 4.5: n ≤ ``in_person_weeks``."""
    judged = weeks(conversations=calls("2010-12-28", "2011-01-04"))
    assert ["remote_too_early" in week.deviations for week in judged[7:9]] == [True, False]
    assert judged[8].conversation_conforming


def test_the_draft_is_in_person_before_the_week_of_the_first_workplace_activation() -> None:
    """Domain 6 [D]: on or after ``assigned_on``; there a remote talk needs a ground."""
    earlier = {**ALWAYS, "starts_on": "2010-11-05"}
    judged = weeks(DRAFT, activations=[earlier, {**ALWAYS, "starts_on": "2010-11-25"}])
    assert [week.in_person for week in judged[:4]] == [True, True, False, False]
    assert weeks(DRAFT, activations=[ALWAYS], conversations=calls("2010-11-16"))[1].deviations == ("remote_too_often",)


def test_later_weeks_are_remote_up_to_half_of_those_held_rounded_up() -> None:
    """Domain 4.5: k ≤ ceil(½ × m), without the grounded ones."""
    remote = calls("2011-01-04", "2011-01-11", "2011-01-25")
    talks = [*remote, *calls("2011-01-18", remote_ground="illness"), {"date": "2011-02-01"}]
    judged = weeks(conversations=talks)
    assert [week.conversation_conforming for week in judged[8:13]] == [True, False, True, False, True]
    grounded = calls("2011-01-11", remote_ground="illness")
    judged = weeks(conversations=[*calls("2011-01-04", "2011-01-18"), *grounded])
    assert [week.conversation_conforming for week in judged[8:11]] == [True, True, False]


def test_a_mentor_alone_and_why_a_conversation_is_missing() -> None:
    """Domain 4.5, 5: the first that applies to the week."""
    mentor = {"date": "2010-11-16", "conducted_by": "mentor"}
    missed, cancelled = ({"date": "2010-11-17", "status": status} for status in ("no_show", "cancelled"))
    only = weeks(conversations=[mentor])[1]
    assert (only.deviations, only.missing_because) == (("conversation_missing", "mentor_only"), "mentor_only")
    assert weeks(conversations=[cancelled, missed, mentor])[1].missing_because == "no_show"
    assert weeks(conversations=[mentor, cancelled])[1].missing_because == "cancelled"
    assert weeks()[1].missing_because == "nothing"


def test_wrong_place_until_a_workplace_activation_has_started_by_that_sunday() -> None:
    """Domain 4.5: in person, none of it at the jobcentre; at whatever date it started, ended or not."""
    talks = [{"date": "2010-11-16", "place": "home"}]
    assert weeks(conversations=talks)[1].deviations == ("wrong_place",)
    assert weeks(conversations=[*talks, {"date": "2010-11-17"}])[1].deviations == ()
    starts = ("2010-11-21", "2010-11-22", "2009-05-01")
    found = [weeks(conversations=talks, activations=[{**ALWAYS, "starts_on": day}])[1].deviations for day in starts]
    assert found == [(), ("wrong_place",), ()]


def test_started_late_without_a_counting_conversation_in_seven_days() -> None:
    """Domain 4.5 [F]: in ``prvij-*``, once the seven days are over."""
    late = [
        "started_late" in weeks(conversations=[{"date": day}])[0].deviations for day in ("2010-11-15", "2010-11-16")
    ]
    assert late == [False, True]
    judged = judge(protocols()[FINAL], ENDS_ON, history_of({"interview_on": MONDAY}))
    for today, expected in ((date(2010, 11, 15), ()), (date(2010, 11, 16), ("started_late",))):
        assert next(as_seen_on(protocols()[FINAL], judged, today)).deviations == expected
    assert "started_late" not in weeks(SICKNESS, date(2009, 8, 31), "2009-01-05")[0].deviations


def test_another_form_needs_its_justification_where_the_protocol_says_so() -> None:
    """Domain 6 [C]."""
    talks = [*calls("2016-11-15"), *calls("2016-11-22", justification="distance"), {"date": "2016-11-29"}]
    judged = weeks(FLEXIBLE, date(2017, 12, 29), "2016-11-07", conversations=talks)
    assert [week.deviations for week in judged[1:4]] == [("no_justification",), (), ()]


# --- 4.6 --------------------------------------------------------------------------------------------------------------

WEEK_9 = 8


def week_9(*offers: Record, protocol: str = FINAL, **kinds: Any) -> Week:
    first = {"type": "work_placement_public", "starts_on": "2011-01-03", "hours_per_week": 10, "mentor": "assigned"}
    on, ends_on = (MONDAY, ENDS_ON) if protocol == FINAL else ("2010-11-08", date(2011, 8, 31))
    activations = [{**first, **offer} for offer in offers]
    return weeks(protocol, ends_on, on, activations=activations, **kinds)[WEEK_9]


def test_ten_hours_make_a_week_active() -> None:
    """Domain 4.6: exactly; hours of one client's activations of a day are added up, those of different ones never."""
    assert week_9({}).workplace_activated
    assert week_9({"hours_per_week": 9.99}).deviations == ("conversation_missing", "hours_too_few")
    half = {"hours_per_week": 5}
    assert week_9(half, half).activated
    assert not week_9({**half, "client": "a"}, {**half, "client": "b"}).activated
    assert not week_9({**half, "ends_on": "2011-01-04"}, {**half, "starts_on": "2011-01-05"}).activated
    assert week_9({**half, "ends_on": "2011-01-05"}, {**half, "starts_on": "2011-01-05"}).activated


def test_an_accepted_reason_makes_fewer_hours_enough() -> None:
    """Domain 4.6; [S] accepts ``health`` alone (6)."""
    short = {"hours_per_week": 1, "reduced_hours_reason": "gradual_start"}
    assert week_9(short).activated
    assert not week_9(short, protocol=SICKNESS).activated
    assert week_9({**short, "reduced_hours_reason": "health"}, protocol=SICKNESS).activated


def test_an_activation_covers_a_week_by_a_working_day() -> None:
    """Domain 4.6."""
    assert "activation_missing" in week_9({"starts_on": "2011-01-08"}).deviations
    assert week_9({"starts_on": "2011-01-07"}).activated
    assert week_9({"starts_on": "2010-12-01", "ends_on": "2011-01-03"}).activated
    assert "activation_missing" in week_9({"starts_on": "2010-12-01", "ends_on": "2011-01-02"}).deviations


def test_not_at_a_workplace_needs_a_sufficient_reason() -> None:
    """Domain 4.6: where the protocol judges it (6)."""
    elsewhere = {"type": "other_offer"}
    assert "not_at_workplace" in week_9(elsewhere).deviations
    assert "not_at_workplace" in week_9({**elsewhere, "not_workplace_reason": "unstable"}).deviations
    assert "not_at_workplace" not in week_9({**elsewhere, "not_workplace_reason": "other"}).deviations
    assert "not_at_workplace" not in week_9(elsewhere, protocol=SICKNESS).deviations


def test_a_workplace_activation_needs_a_mentor() -> None:
    """Domain 4.6: assigned, waived, or a mentor record that covers a working day; where the protocol judges it (6)."""
    unknown = {"mentor": "unknown"}
    assert "mentor_missing" in week_9(unknown).deviations
    assert "mentor_missing" not in week_9({"mentor": "waived"}).deviations
    assert "mentor_missing" not in week_9(unknown, protocol=SICKNESS).deviations
    for ends_on, missing in (("2011-01-02", True), ("2011-01-03", False)):
        mentors = [{"starts_on": "2010-12-01", "ends_on": ends_on}]
        assert ("mentor_missing" in week_9(unknown, mentors=mentors).deviations) == missing


# --- 4.8 --------------------------------------------------------------------------------------------------------------


def warned(kind: str, record: Record, **known: Any) -> list[str]:
    return codes_for(protocols()[FINAL], ENDS_ON, {"interview_on": MONDAY, **known}, kind, record)


def test_warnings_of_a_conversation() -> None:
    """Domain 4.8."""
    (early, late, later) = calls("2010-12-28", "2011-01-04", "2011-01-11")
    assert warned("conversations", early) == ["remote_too_early"]
    assert warned("conversations", late) == []
    assert warned("conversations", later, conversations=[late]) == ["remote_too_often"]
    assert warned("conversations", {"date": "2010-11-16", "conducted_by": "mentor"}) == ["conducted_by_mentor"]
    external = {"date": "2010-11-16", "conducted_by": "external_provider"}
    assert warned("conversations", external, settings={"external_provider_talks": False}) == [
        "external_provider_not_accepted"
    ]
    assert warned("conversations", {"date": MONDAY}) == ["before_assignment"]
    out = warned("conversations", {"date": "2010-11-16"}, presence_events=[exit_on("2010-11-15")])
    assert out == ["week_without_number"]


def test_warnings_of_an_activation() -> None:
    """Domain 4.8: ``starts_late`` after the programme week in which one is due, the first at a workplace only."""
    first = {**ALWAYS, "starts_on": "2011-01-09"}
    late = {**ALWAYS, "starts_on": "2011-01-10"}
    assert warned("activations", first) == []
    assert warned("activations", late) == ["starts_late"]
    assert warned("activations", late, activations=[first]) == []
    assert warned("activations", {**first, "mentor": "unknown"}) == ["mentor_missing"]
    assert warned("activations", {**first, "hours_per_week": 9.99}) == ["hours_too_few"]
    assert warned("activations", {**first, "type": "other_offer"}) == ["not_at_workplace"]
