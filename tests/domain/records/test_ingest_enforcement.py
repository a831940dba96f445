"""Enforcement (domain 4.8): what is refused, what is flagged, and what is warned of."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from app.domain.facts import Activation, Conversation, Fact
from app.domain.rules.warnings import Enforcement
from tests.domain.records.ledger import ANNA, TALK, Ledger

TELEPHONE_EARLY = Conversation(date=date(2010, 11, 16), form="telephone")
BAD_OFFER = Activation(type="other_offer", starts_on=date(2011, 1, 10), hours_per_week=Decimal("9.99"))
REFUSALS: list[tuple[Fact, list[tuple[str, str]]]] = [
    (Conversation(date=date(2011, 1, 19), form="group"), [("/form", "form_not_accepted")]),
    (TELEPHONE_EARLY, [("/form", "remote_too_early")]),
    (Conversation(date=date(2010, 11, 16), conducted_by="mentor"), [("/conducted_by", "conducted_by_mentor")]),
    (
        Conversation(date=date(2010, 11, 16), conducted_by="mentor", form="group"),
        [("/conducted_by", "conducted_by_mentor"), ("/form", "form_not_accepted"), ("/form", "remote_too_early")],
    ),
    (BAD_OFFER, [("/hours_per_week", "hours_too_few"), ("/type", "not_at_workplace")]),
]
WARNED: list[tuple[Fact, list[str]]] = [
    (Conversation(date=date(2010, 11, 8)), ["before_assignment"]),
    (Conversation(date=date(2012, 4, 5)), ["week_without_number"]),
    (Activation(type="part_time_job", starts_on=date(2011, 1, 3), hours_per_week=Decimal(10)), ["mentor_missing"]),
    (
        Activation(type="part_time_job", starts_on=date(2011, 1, 10), hours_per_week=Decimal(10), mentor="assigned"),
        ["starts_late"],
    ),
]


@pytest.mark.parametrize(("fact", "errors"), REFUSALS)
def test_refuse_rejects_what_breaks_the_rules(fact: Fact, errors: list[tuple[str, str]]) -> None:
    ledger = Ledger(enforcement="refuse")
    assert ledger.send(("r", 1, fact)) == ["rejected"]
    assert sorted(ledger.reports[0].errors) == errors
    assert ledger.stored == {}


@pytest.mark.parametrize(("fact", "errors"), REFUSALS)
def test_flag_stores_it_and_says_so(fact: Fact, errors: list[tuple[str, str]]) -> None:
    ledger = Ledger()
    assert ledger.send(("r", 1, fact)) == ["created"]
    assert list(ledger.reports[0].warnings) == sorted(code for _, code in errors)
    assert len(ledger.stored) == 1


@pytest.mark.parametrize("enforcement", ["flag", "refuse"])
@pytest.mark.parametrize(("fact", "codes"), WARNED)
def test_both_warn_of_the_others(enforcement: Enforcement, fact: Fact, codes: list[str]) -> None:
    ledger = Ledger(enforcement=enforcement)
    assert ledger.send(("r", 1, fact)) == ["created"]
    assert list(ledger.reports[0].warnings) == codes


def test_a_refused_correction_leaves_what_stands() -> None:
    ledger = Ledger(enforcement="refuse")
    outcomes = ledger.send(("r", 1, TALK), ("r", 2, TELEPHONE_EARLY), ("r", 1, TALK))
    assert outcomes == ["created", "rejected", "unchanged"]
    assert ledger.standing("r") == (1, ANNA, TALK)


def test_a_correction_is_judged_without_what_it_replaces() -> None:
    """The remote talk of one week, moved to the next, is still the only one."""
    remote = Conversation(date=date(2011, 1, 5), form="telephone")
    later = Conversation(date=date(2011, 1, 12), form="telephone")
    ledger = Ledger()
    assert ledger.send(("r", 1, remote), ("r", 2, later)) == ["created", "updated"]
    assert [report.warnings for report in ledger.reports] == [[], []]
    # and as a second one it is too often: one of two is half, two of two are not (4.5)
    assert ledger.send(("s", 1, remote)) == ["created"]
    assert list(ledger.reports[0].warnings) == []
    ledger.send(("t", 1, Conversation(date=date(2011, 1, 19), form="telephone")))
    assert list(ledger.reports[0].warnings) == ["remote_too_often"]


def test_a_batch_is_judged_by_what_came_before_in_it() -> None:
    """The second of two remote weeks is k = 2 > ceil(½ × 2) (domain 4.5); that of three, one in person, is not."""
    telephone = [Conversation(date=date(2011, 1, 5) + timedelta(days=7 * n), form="telephone") for n in range(3)]
    ledger = Ledger()
    ledger.send(("a", 1, telephone[0]), ("b", 1, telephone[1]))
    assert [list(report.warnings) for report in ledger.reports] == [[], ["remote_too_often"]]
    ledger = Ledger()
    ledger.send(("a", 1, telephone[0]), ("b", 1, Conversation(date=date(2011, 1, 12))), ("c", 1, telephone[2]))
    assert [list(report.warnings) for report in ledger.reports] == [[], [], []]


def test_a_first_placement_is_known_to_the_next_in_the_batch() -> None:
    """``starts_late`` is said of the person's first activation at a workplace alone (domain 4.8)."""
    late = Activation(type="part_time_job", starts_on=date(2011, 1, 12), hours_per_week=Decimal(10), mentor="assigned")
    later = Activation(type="part_time_job", starts_on=date(2011, 2, 7), hours_per_week=Decimal(10), mentor="assigned")
    ledger = Ledger()
    ledger.send(("a", 1, late), ("b", 1, later))
    assert [list(report.warnings) for report in ledger.reports] == [["starts_late"], []]


def test_nothing_repeated_is_warned_of_again() -> None:
    ledger = Ledger()
    assert ledger.send(("r", 1, TELEPHONE_EARLY), ("r", 1, TELEPHONE_EARLY)) == ["created", "unchanged"]
    assert [list(report.warnings) for report in ledger.reports] == [["remote_too_early"], []]
