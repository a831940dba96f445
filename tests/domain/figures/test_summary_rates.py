"""Rates, conditions and grant (domain 5)."""

from dataclasses import astuple, replace
from fractions import Fraction
from typing import Any

import pytest

from app.domain.figures.summary import (
    conditions_of,
    figures_of,
    grant_of,
    rate,
)
from app.domain.judged_weeks import FLAGS
from tests.domain.figures.weekly_figures import DRAFT, PRVIJ


def test_a_rate_with_nothing_due_is_null() -> None:
    """Never 0 or 1."""
    assert rate(0, 0) is None
    assert rate(0, 3) == 0
    assert rate(2, 3) == Fraction(2, 3)
    assert astuple(figures_of({})) == (0, 0, 0, 0, 0, 0, None, None, None, None)


def test_the_four_rates() -> None:
    """Each flag over what was due of its own kind (the table of 5), with full precision."""
    sums = dict(zip(FLAGS, (7, 6, 5, 3, 2, 1), strict=True))
    figures = figures_of(sums)
    assert astuple(figures)[:6] == (7, 6, 5, 3, 2, 1)
    assert (figures.conversation_rate, figures.conforming_rate) == (6 / 7, 5 / 7)
    assert (figures.activation_rate, figures.workplace_rate) == (2 / 3, 1 / 3)


def standings(protocol: Any = PRVIJ, **sums: int) -> tuple[str, ...] | None:
    conditions = conditions_of(protocol, sums)
    return None if conditions is None else astuple(conditions)


def test_conditions_are_inclusive() -> None:
    """80, 80 and 40 per cent, met by exactly as much."""
    exactly = {"conversation_due": 5, "conversation_held": 4, "activation_due": 5, "activated": 4}
    assert standings(**exactly, workplace_activated=2) == ("met", "met", "met")
    assert standings(**exactly, workplace_activated=1) == ("met", "met", "not_met")
    assert standings(DRAFT, **exactly, workplace_activated=2) == ("met", "met", "not_met")  # 50 in the draft


def test_conditions_are_exact_fractions() -> None:
    """One conversation of millions below, where a float would say 0.8."""
    due = 10**17
    held = due * 4 // 5
    assert held / due == (held - 1) / due == 0.8
    assert standings(conversation_due=due, conversation_held=held) == ("met", "nothing_due", "nothing_due")
    assert standings(conversation_due=due, conversation_held=held - 1) == ("not_met", "nothing_due", "nothing_due")


def test_conditions_look_at_held_not_conforming() -> None:
    sums = {"conversation_due": 10, "conversation_held": 8, "conversation_conforming": 0}
    assert standings(**sums) == ("met", "nothing_due", "nothing_due")


def test_nothing_due_is_not_met() -> None:
    """A standing of its own; the grant is not payable."""
    assert standings() == ("nothing_due",) * 3
    grant = grant_of(PRVIJ, 5, {"conversation_due": 1, "conversation_held": 1, "first_conversations": 1})
    assert grant is not None
    assert (grant.amount_dkk, grant.payable, grant.payable_dkk) == (13_000, False, 0)


def test_no_thresholds_no_conditions() -> None:
    plain = replace(PRVIJ, thresholds=None)
    assert standings(plain, conversation_due=1) is None
    grant = grant_of(plain, 5, {"first_conversations": 2})
    assert grant is not None
    assert (grant.amount_dkk, grant.payable, grant.payable_dkk) == (26_000, None, None)
    assert grant_of(replace(PRVIJ, grant_dkk=None), 5, {"first_conversations": 2}) is None


@pytest.mark.parametrize(
    ("first", "agreed", "amount"), [(0, 2, 0), (1, 2, 13_000), (2, 2, 26_000), (3, 2, 26_000), (3, 0, 0)]
)
def test_grant(first: int, agreed: int, amount: int) -> None:
    """13,000 DKK for each with a counting conversation, at most for the agreed number."""
    met = {
        "conversation_due": 5,
        "conversation_held": 4,
        "activation_due": 5,
        "activated": 4,
        "workplace_activated": 2,
    }
    grant = grant_of(PRVIJ, agreed, {**met, "first_conversations": first})
    assert grant is not None
    assert (grant.first_conversations, grant.agreed_participants, grant.dkk_per_participant) == (first, agreed, 13_000)
    assert (grant.amount_dkk, grant.payable, grant.payable_dkk) == (amount, True, amount)
    one_short = grant_of(PRVIJ, agreed, {**met, "workplace_activated": 1, "first_conversations": first})
    assert one_short is not None
    assert (one_short.amount_dkk, one_short.payable, one_short.payable_dkk) == (amount, False, 0)
