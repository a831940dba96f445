"""The activity curve (domain 5), by hand and against published intervals."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from app.domain.facts import Activation, ActivationType, Conversation, History, PresenceEvent
from app.domain.figures.activity_curve import Difference, Measure, PersonWeek, Share, Tallies, curve, newcombe, weeks_of
from app.protocols import protocols

PROTOCOL = protocols()["prvij-2010-11"]
ENDS_ON, LONG_AFTER = date(2012, 3, 31), date(2012, 6, 1)
TUESDAY = date(2010, 11, 9)


def weeks(history: History, measure: Measure = "conversation", today: date = LONG_AFTER) -> list[PersonWeek]:
    return list(weeks_of(PROTOCOL, ENDS_ON, history, measure, today))


def talk(day: date, **facts: Any) -> tuple[str, Conversation]:
    return "a", Conversation(date=day, **facts)


def did(found: list[PersonWeek]) -> list[int]:
    return [k for k, week in enumerate(found) if week.did]


def absent(found: list[PersonWeek]) -> list[int]:
    return [k for k, week in enumerate(found) if not week.present]


def test_weeks_run_from_the_assignment_week_to_the_end_of_the_trial() -> None:
    """Domain 5: 0, 1, 2 … and not past the trial's end; PRVIJ from 2010-W45 to 2012-W13 are 73 weeks."""
    assert len(weeks(History(TUESDAY))) == 73
    assert len(list(weeks_of(PROTOCOL, date(2010, 11, 16), History(TUESDAY), "conversation", LONG_AFTER))) == 1


def test_only_weeks_that_are_over() -> None:
    """Domain 2: a week is over when its Sunday is past."""
    assert len(weeks(History(TUESDAY), today=date(2010, 11, 14))) == 0
    assert len(weeks(History(TUESDAY), today=date(2010, 11, 15))) == 1


def test_a_person_is_present_who_is_in_the_trial_on_all_five_working_days() -> None:
    """Domain 5, conditional: not in an assignment week that begins on a Tuesday, nor in a week left on its Friday."""
    out_and_back = (
        PresenceEvent(kind="exit", date=date(2010, 11, 26), reason="job"),
        PresenceEvent(kind="re_entry", date=date(2010, 12, 6)),
    )
    assert absent(weeks(History(TUESDAY, events=out_and_back))) == [0, 2, 3]
    assert absent(weeks(History(date(2010, 11, 8)))) == []


def test_people_through_with_the_course_are_present() -> None:
    """Domain 5: complete ones included; the weeks go on when the meter of 39 is full."""
    assert weeks(History(TUESDAY))[-1].present


def test_a_counting_conversation_while_out_is_told() -> None:
    """Domain 5, intention to treat: talks while out count; those that do not count (4.5) are none."""
    history = History(
        TUESDAY,
        conversations=(
            talk(TUESDAY),
            talk(date(2010, 11, 12)),
            talk(date(2010, 11, 30)),
            talk(date(2010, 12, 7), status="no_show"),
            talk(date(2010, 12, 14), form="group"),
        ),
        events=(PresenceEvent(kind="exit", date=date(2010, 11, 22), reason="job"),),
    )
    assert did(weeks(history)) == [0, 3]
    assert not weeks(history)[3].present


def work(hours: str, kind: ActivationType = "work_placement_public", **facts: Any) -> tuple[str, Activation]:
    spell = {"starts_on": date(2010, 11, 16), "ends_on": date(2010, 11, 22)}
    return "a", Activation(type=kind, hours_per_week=Decimal(hours), **{**spell, **facts})


def test_activation_is_that_of_the_week_due_or_not() -> None:
    """Domain 5 and 4.6: active, from the first week on; a covered day is enough; each type by its own."""
    history = History(TUESDAY, activations=(work("10"),))
    assert did(weeks(history, "activation")) == did(weeks(history, "workplace")) == [1, 2]
    assert did(weeks(history, "work_placement_public")) == [1, 2]
    assert did(weeks(history, "wage_subsidy_public")) == []


def test_too_few_hours_cover_and_do_not_activate() -> None:
    """Domain 4.6: under 10 hours a week nobody is active; the type is told all the same."""
    history = History(TUESDAY, activations=(work("9.5"),))
    assert did(weeks(history, "activation")) == did(weeks(history, "workplace")) == []
    assert did(weeks(history, "work_placement_public")) == [1, 2]


def test_upskilling_is_activation_and_not_at_a_workplace() -> None:
    """Domain 4.6."""
    history = History(TUESDAY, activations=(work("20", "guidance_and_upskilling"),))
    assert (did(weeks(history, "activation")), did(weeks(history, "workplace"))) == ([1, 2], [])


def test_every_measure_is_read() -> None:
    assert {"conversation", "activation", "workplace"} == set(get_args(Measure)) - set(get_args(ActivationType))
    for measure in get_args(Measure):
        assert len(weeks(History(TUESDAY), measure)) == 73


def test_points_by_hand() -> None:
    """Domain 5: n, share, difference, running sum; an empty arm adds nothing."""
    tallies = Tallies()
    tallies.add("treatment", iter([PersonWeek(True, True), PersonWeek(True, True)]))
    tallies.add("treatment", iter([PersonWeek(True, True), PersonWeek(False, False)]))
    tallies.add("control", iter([PersonWeek(True, False), PersonWeek(False, True)]))
    conditional, treated = curve(tallies)[:2], curve(tallies)[2:]
    assert [point.analysis for point in (*conditional, *treated)] == ["conditional"] * 2 + ["intention_to_treat"] * 2
    assert (conditional[0].treatment, conditional[0].control) == (Share(2, 2), Share(1, 0))
    assert (conditional[1].treatment, conditional[1].control) == (Share(1, 1), Share(0, 0))
    assert (conditional[1].difference, conditional[1].running_sum) == (None, 1.0)
    assert (treated[1].treatment, treated[1].control) == (Share(2, 1), Share(1, 1))
    assert [point.running_sum for point in treated] == [1.0, 0.5]


def test_nobody_has_no_curve() -> None:
    assert curve(Tallies()) == []


PUBLISHED = [
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ((0, 10), (0, 10), (-0.2775, 0.2775)),
    ((10, 10), (0, 20), (0.6791, 1.0000)),
    ((10, 10), (0, 10), (0.6075, 1.0000)),
]
"""Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10: the eight examples (a) to (h)."""


@pytest.mark.parametrize(("one", "other", "interval"), PUBLISHED)
def test_newcombes_examples(one: tuple[int, int], other: tuple[int, int], interval: tuple[float, float]) -> None:
    """Domain 5: Newcombe, without continuity correction."""
    found = newcombe(Share(one[1], one[0]), Share(other[1], other[0]))
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == interval
    assert found.estimate == pytest.approx(one[0] / one[1] - other[0] / other[1])


shares = st.integers(1, 3000).flatmap(lambda n: st.builds(Share, st.just(n), st.integers(0, n)))


@given(shares, shares)
def test_the_interval_is_that_of_statsmodels(one: Share, other: Share) -> None:
    found = newcombe(one, other)
    assert isinstance(found, Difference)
    low, high = confint_proportions_2indep(one.count, one.n, other.count, other.n, method="newcomb", compare="diff")
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-7)
    assert -1 - 1e-9 <= found.low <= found.estimate <= found.high <= 1 + 1e-9


@given(st.lists(st.dates(TUESDAY, LONG_AFTER), max_size=40), st.integers(0, 600))
def test_who_did_it_is_never_more_than_who_was_there(days: list[date], later: int) -> None:
    """Domain 5: count ≤ n, conditional n ≤ that of intention to treat; a longer look changes no earlier week."""
    history = History(TUESDAY, conversations=tuple(map(talk, days)))
    today = TUESDAY + timedelta(days=later)
    seen = weeks(history, today=today)
    assert seen == weeks(history)[: len(seen)]
    tallies = Tallies()
    tallies.add("treatment", iter(seen))
    for point in curve(tallies):
        assert 0 <= point.treatment.count <= point.treatment.n <= 1
        assert point.control == Share(0, 0)
