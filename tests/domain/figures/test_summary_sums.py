"""Sums and differences of weekly figures: independent of order."""

from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.figures.counts import WeeklyCounts, add_up, count, count_change, count_people, difference
from app.protocols import protocols
from tests.domain.build import history_of
from tests.domain.figures.weekly_figures import DRAFT, ENDS_ON, PRVIJ, counted
from tests.reference.generate import TRIAL_DATES, random_person


def test_difference() -> None:
    """What changes and nothing else: one talk moves from W46, in the seven days of ``started_late``, to W47."""
    before = counted({"conversations": [{"date": "2010-11-15"}]})
    after = counted({"conversations": [{"date": "2010-11-24"}]})
    moved = {"form:in_person": 1, "conversation_held": 1, "conversation_conforming": 1, "first_conversations": 1}
    missing = {"deviation:conversation_missing": 1, "missing:nothing": 1}
    assert difference(before, after) == {
        date(2010, 11, 8): {"deviation:started_late@2010-11-16": 1},
        date(2010, 11, 15): {**missing, "person:held_80": -1, **{name: -n for name, n in moved.items()}},
        date(2010, 11, 22): {**{name: -n for name, n in missing.items()}, "person:held_80": 1, **moved},
    }
    assert difference(before, before) == {}
    assert difference({}, {}) == {}


def test_a_week_that_is_gone_is_taken_away() -> None:
    """A talk past the trial's end, moved into it: its week had nothing else."""
    before = counted({"conversations": [{"date": "2012-05-02"}]})
    assert difference(before, counted({}))[date(2012, 4, 30)] == {"form:in_person": -1, "first_conversations": -1}


@pytest.mark.parametrize("protocol", [PRVIJ, DRAFT], ids=lambda protocol: protocol.id)
def test_differences_bring_one_tally_to_another(protocol: Any) -> None:
    """What was, and the difference, make what is, of any two people; and back."""
    people = [history_of(random_person(protocol.id, seed)) for seed in range(40)]
    tallies = [count(protocol, ENDS_ON, person) for person in people]
    for one, other in zip(tallies, tallies[1:] + tallies[:1], strict=True):
        there = add_up([one, difference(one, other)])
        assert without_zeros(there) == without_zeros(other)
        assert without_zeros(add_up([there, difference(other, one)])) == without_zeros(one)


def without_zeros(numbers: WeeklyCounts) -> dict[date, dict[str, int]]:
    plain = {monday: {name: n for name, n in here.items() if n} for monday, here in numbers.items()}
    return {monday: here for monday, here in plain.items() if here}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=6), st.randoms(use_true_random=False))
def test_adding_up_knows_no_order(seeds: list[int], chance: Any) -> None:
    """In whatever order and grouping; the inputs stay as they were."""
    parts = [count(PRVIJ, ENDS_ON, history_of(random_person(PRVIJ.id, seed))) for seed in seeds]
    kept = [{monday: Counter(numbers) for monday, numbers in part.items()} for part in parts]
    whole = add_up(parts)
    assert parts == kept
    chance.shuffle(parts)
    cut = len(parts) // 2
    assert add_up([add_up(parts[:cut]), add_up(parts[cut:])]) == whole


@pytest.mark.parametrize("protocol_id", sorted(TRIAL_DATES))
def test_a_change_is_the_difference_of_two_tallies(protocol_id: str) -> None:
    """The counts are kept by changes: they must never drift from what a rebuild counts. Of any two people with one day
    of assignment, and of a person with and without some of the records."""
    protocol, ends_on = protocols()[protocol_id], date.fromisoformat(TRIAL_DATES[protocol_id][2])
    people = [history_of(random_person(protocol_id, seed)) for seed in range(40)]
    for one, other in zip(people, people[1:] + people[:1], strict=True):
        fewer = replace(one, conversations=one.conversations[::2], activations=one.activations[1:])
        for after in (replace(other, assigned_on=one.assigned_on), fewer, one):
            expected = difference(count(protocol, ends_on, one), count(protocol, ends_on, after))
            assert count_change(protocol, ends_on, one, after) == {day: n for day, n in expected.items() if n}


@pytest.mark.parametrize("protocol_id", sorted(TRIAL_DATES))
def test_people_together_are_the_sum_of_each(protocol_id: str) -> None:
    protocol, ends_on = protocols()[protocol_id], date.fromisoformat(TRIAL_DATES[protocol_id][2])
    people = [history_of(random_person(protocol_id, seed)) for seed in range(30)]
    alone = add_up(count(protocol, ends_on, each) for each in people)
    assert without_zeros(count_people(protocol, ends_on, people)) == without_zeros(alone)
