"""What became of people: statuses by week, ways out, success criteria (domain 5, 7; [F] "Succeskriterier")."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.domain.facts import Activation, ActivationType, History, Outcome, OutcomeStatus, PresenceEvent
from app.domain.figures.outcomes import WeeklyOutcome, best_outcome, followed, lived_by_week, told_by_week
from app.domain.rules.calendar import week_code
from app.protocols import protocols
from tests.reference import outcomes as reference

ENDS_ON, LONG_AFTER = date(2012, 3, 31), date(2012, 6, 1)
TUESDAY, MONDAY = date(2010, 11, 9), date(2010, 11, 8)
PRVIJ = protocols()["prvij-2010-11"]
assert PRVIJ.ends_on == ENDS_ON


def lived(k: int, status: OutcomeStatus, hours: str | None = None) -> Outcome:
    return Outcome(
        week=MONDAY + timedelta(weeks=k), status=status, hours_per_week=None if hours is None else Decimal(hours)
    )


def history(*outcomes: Outcome, **more: Any) -> History:
    return History(TUESDAY, outcomes=outcomes, **more)


def exit_on(day: str, reason: str) -> PresenceEvent:
    return PresenceEvent(kind="exit", date=date.fromisoformat(day), reason=reason)  # type: ignore[arg-type]


def test_weeks_since_the_assignment_week_and_none_before_it() -> None:
    weeks = lived_by_week(history(lived(-1, "education"), lived(0, "benefit"), lived(5, "employed", "20")), LONG_AFTER)
    assert weeks == {0: WeeklyOutcome("benefit", Decimal(0)), 5: WeeklyOutcome("employed", Decimal(20))}


def test_weeks_that_are_not_over_are_left_out() -> None:
    """Domain 2."""
    told = history(lived(1, "benefit"))
    assert lived_by_week(told, date(2010, 11, 21)) == {}
    assert list(lived_by_week(told, date(2010, 11, 22))) == [1]


statuses = st.builds(
    lambda status, hours: lived(3, status, hours),
    st.sampled_from(["employed", "flex_job", "education", "benefit", "other"]),
    st.sampled_from(["7.5", "37", None]),
)


@given(st.permutations(["benefit", "other", "education"]), st.integers(0, 3))
def test_benefit_dominates_a_week(order: list[OutcomeStatus], left_out: int) -> None:
    """Domain 5: one day on benefit is enough; of the rest employed, education, other."""
    several = [status for status in order if status != ["benefit", "other", "education", ""][left_out]]
    (week,) = lived_by_week(history(*(lived(3, status) for status in several)), LONG_AFTER).values()
    assert week.status == next(status for status in ("benefit", "education", "other") if status in several)


@given(st.lists(statuses, min_size=1, max_size=6), st.randoms())
def test_the_order_of_arrival_changes_nothing(several: list[Outcome], rng: Any) -> None:
    before = lived_by_week(history(*several), LONG_AFTER)
    rng.shuffle(several)
    assert lived_by_week(history(*several), LONG_AFTER) == before
    hours = [each.hours_per_week for each in several if each.hours_per_week is not None]
    assert before[3].hours == max(hours, default=None if before[3].employed else Decimal(0))


def test_the_dead_have_no_outcome_whatever_records_say() -> None:
    """Domain 5.1, "Told": from the week after their death on, by the earliest event, effective or not; to the last
    week over."""
    gone = [exit_on("2010-11-10", "moved"), exit_on("2010-11-24", "deceased"), exit_on("2010-12-15", "deceased")]
    told = history(lived(1, "benefit"), lived(2, "benefit"), lived(4, "employed", "37"), events=tuple(gone))
    weeks = told_by_week(told, date(2010, 12, 20))
    assert sorted(weeks) == [1, 2, 3, 4, 5]
    assert [weeks[k].status for k in sorted(weeks)] == ["benefit", "benefit", None, None, None]
    assert not any(weeks[k].employed or weeks[k].hours for k in (3, 4, 5))
    assert lived_by_week(told, date(2010, 12, 20))[4].employed  # what records say


@given(st.lists(statuses, max_size=5), st.sampled_from(["", "2010-11-24", "2010-12-01"]))
def test_what_is_told_is_what_the_reference_says(several: list[Outcome], died: str) -> None:
    """Domain 5 and 5.1, by the slow reference."""
    events = [exit_on(died, "deceased")] if died else []
    weeks = told_by_week(history(*several, events=tuple(events)), date(2010, 12, 20))
    written = [{"week": week_code(x.week), "status": x.status, "hours_per_week": x.hours_per_week} for x in several]
    someone = {
        "interview_on": str(TUESDAY),
        "outcomes": written,
        "presence_events": [{"kind": "exit", "date": died, "reason": "deceased"}] if died else [],
    }
    for k in range(6):
        expected = reference.weekly_outcome(someone, MONDAY + timedelta(weeks=k))
        assert (k in weeks) == expected["told"]
        if k in weeks:
            found = weeks[k]
            assert (found.employed, found.in_education) == (expected["employed"], expected["education"])
            assert (found.status == "benefit", found.hours) == (expected["benefit"], expected["hours"])


def person(*events: PresenceEvent, today: date = LONG_AFTER) -> tuple[int | None, int]:
    found = followed(PRVIJ, "849", "treatment", ENDS_ON, history(events=events), today)
    return found.days_to_exit, found.days_observed


def test_time_to_the_first_exit_to_a_job_or_education() -> None:
    """An exit while out is none (4.1); another reason ends no observation; the trial's end does."""
    whole = (ENDS_ON - TUESDAY).days
    assert person() == (None, whole)
    assert person(exit_on("2010-11-16", "job")) == (7, whole)
    assert person(exit_on("2010-11-16", "moved"), exit_on("2010-11-23", "job")) == (None, whole)
    back = PresenceEvent(kind="re_entry", date=date(2010, 11, 18))
    assert person(exit_on("2010-11-16", "moved"), back, exit_on("2010-11-23", "education")) == (14, whole)
    assert person(exit_on("2012-04-02", "job")) == (None, whole)


def test_observed_up_to_the_last_week_over() -> None:
    """Domain 2: on Sunday 2010-11-21 the last week over is that of the 14th."""
    assert person(exit_on("2010-11-16", "job"), today=date(2010, 11, 21)) == (None, 5)
    assert person(exit_on("2010-11-16", "job"), today=date(2010, 11, 22)) == (7, 12)
    assert person(today=TUESDAY) == (None, 0)


def spell(kind: ActivationType, starts_on: str = "2011-01-10", ends_on: str | None = None) -> tuple[str, Activation]:
    ends = None if ends_on is None else date.fromisoformat(ends_on)
    starts = date.fromisoformat(starts_on)
    return "a", Activation(type=kind, starts_on=starts, ends_on=ends, hours_per_week=Decimal(3))


def test_the_criteria_are_in_the_order_of_the_trial_description() -> None:
    """[F] 1: job or education; 2: part-time job with supplementary cash benefit; 3: wage subsidy or work placement."""
    assert PRVIJ.success_criteria == ("job_or_education", "part_time_job", "workplace_activation")
    placement, part_time = spell("work_placement_public"), spell("part_time_job")

    def best(told: History) -> str | None:
        found = best_outcome(PRVIJ, told, ENDS_ON, LONG_AFTER)
        return None if found is None else found[0]

    assert best(history()) is None
    assert best(history(activations=(spell("guidance_and_upskilling"),))) is None
    assert best(history(activations=(placement,))) == "workplace_activation"
    assert best(history(activations=(placement, part_time))) == "part_time_job"
    assert best(history(lived(9, "education"), activations=(part_time,))) == "job_or_education"
    assert best(history(activations=(part_time,), events=(exit_on("2011-05-02", "job"),))) == "job_or_education"
    assert best(history(lived(9, "other"), events=(exit_on("2011-05-02", "moved"),))) is None


def test_so_far_and_since_the_assignment() -> None:
    """Neither what comes later, nor what ended before the assignment, nor the week of the assignment itself."""
    before = spell("wage_subsidy_private", "2010-08-02", "2010-11-08")
    until_then = spell("wage_subsidy_private", "2010-08-02", "2010-11-09")
    assert best_outcome(PRVIJ, history(activations=(before,)), ENDS_ON, LONG_AFTER) is None
    assert best_outcome(PRVIJ, history(activations=(until_then,)), ENDS_ON, LONG_AFTER) == (
        "workplace_activation",
        "jobcentre",
    )
    assert best_outcome(PRVIJ, history(activations=(spell("part_time_job"),)), ENDS_ON, date(2011, 1, 9)) is None
    assert best_outcome(PRVIJ, history(lived(0, "employed", "37")), ENDS_ON, LONG_AFTER) is None
    assert best_outcome(PRVIJ, history(lived(1, "employed", "37")), ENDS_ON, date(2010, 11, 21)) is None


def test_hours_beside_benefit_are_a_part_time_job() -> None:
    """Domain 5 [F]: "part-time work with supplementary benefit"; whoever is on benefit is not employed."""
    both = history(lived(9, "benefit"), lived(9, "employed", "12"))
    assert lived_by_week(both, LONG_AFTER)[9] == WeeklyOutcome("benefit", Decimal(12))
    assert best_outcome(PRVIJ, both, ENDS_ON, LONG_AFTER) == ("part_time_job", "register")


def test_by_what_a_criterion_was_reached() -> None:
    own, register = exit_on("2011-05-02", "job"), lived(30, "flex_job")
    found = {
        "jobcentre": history(events=(own,)),
        "register": history(register),
        "both": history(register, events=(own,)),
    }
    for evidence, told in found.items():
        assert best_outcome(PRVIJ, told, ENDS_ON, LONG_AFTER) == ("job_or_education", evidence)


def test_the_criteria_are_the_protocols() -> None:
    """Domain 6: [S] and [C] have others."""
    sickness, flexjob, flexible = (protocols()[x] for x in ("aht-2008-sickness", "aht-2008-flexjob", "flex-2016"))
    returned = history(activations=(spell("partial_return"),))
    assert best_outcome(sickness, returned, ENDS_ON, LONG_AFTER) == ("partial_return", "jobcentre")
    assert best_outcome(flexjob, returned, ENDS_ON, LONG_AFTER) == ("active_offer", "jobcentre")
    assert best_outcome(flexible, returned, ENDS_ON, LONG_AFTER) is None
    assert best_outcome(flexjob, history(lived(9, "flex_job")), ENDS_ON, LONG_AFTER) == ("flex_job", "register")
    beside = history(lived(9, "flex_job", "10"), lived(9, "benefit"), lived(9, "employed"))
    assert best_outcome(flexjob, beside, ENDS_ON, LONG_AFTER) == ("flex_job", "register")  # an outcome of that status
    assert best_outcome(sickness, beside, ENDS_ON, LONG_AFTER) is None  # benefit dominates the week
    assert best_outcome(flexible, history(lived(9, "education")), ENDS_ON, LONG_AFTER) is None
