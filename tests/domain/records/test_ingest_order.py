"""Order of records: repeated ids, early retractions, moves to another person, and events."""

from datetime import date
from typing import Any

import pytest

from app.domain.facts import PresenceEvent
from app.domain.records.ingest import (
    Version,
)
from tests.domain.records.ledger import ANNA, BO, OTHER_TALK, TALK, Ledger, Sent


def test_two_of_one_id_in_one_batch_are_judged_in_order() -> None:
    """api.md: twice the same external_id in one batch is "judged in order, like two batches"."""
    ledger = Ledger()
    batch = [("r", 2, TALK), ("r", 1, OTHER_TALK), ("r", 2, OTHER_TALK), ("r", 3, OTHER_TALK), ("r", 3, TALK)]
    assert ledger.send(*batch) == ["created", "stale", "rejected", "updated", "rejected"]
    assert ledger.standing("r") == (3, ANNA, OTHER_TALK)


def test_a_retraction_that_comes_first_holds_its_record_off() -> None:
    ledger = Ledger()
    assert ledger.send(("r", None, "duplicate"), ("r", None, TALK)) == ["retracted", "stale"]
    assert ledger.send(("s", 2, "duplicate"), ("s", 1, TALK), ("s", 2, TALK)) == ["retracted", "stale", "rejected"]
    assert ledger.histories()[ANNA].conversations == ()


def test_a_higher_revision_brings_a_record_back() -> None:
    ledger = Ledger()
    assert ledger.send(("r", 1, TALK), ("r", 2, "duplicate"), ("r", 3, TALK)) == ["created", "retracted", "updated"]
    assert ledger.send(("s", 2, "duplicate"), ("s", 3, TALK)) == ["retracted", "updated"]
    assert ledger.histories()[ANNA].conversations == (("system", TALK), ("system", TALK))


def test_a_retraction_without_a_revision_does_not_reach_a_revisioned_record() -> None:
    """api.md: no revision "ranks below every revision, for retractions too"."""
    ledger = Ledger()
    assert ledger.send(("r", 0, TALK), ("r", None, "duplicate")) == ["created", "stale"]
    assert ledger.send(("s", None, "duplicate"), ("s", 0, TALK)) == ["retracted", "updated"]


def test_a_retraction_keeps_what_it_retracts() -> None:
    """The history shows it."""
    ledger = Ledger()
    ledger.send(("r", 1, TALK), ("r", 2, "wrong_person"))
    assert ledger.stored["conversations", "system", "r"] == Version(ANNA, 2, TALK, "wrong_person")


def test_a_record_moves_to_another_person_by_a_higher_revision_alone() -> None:
    ledger = Ledger()
    assert ledger.send(("r", None, TALK, ANNA), ("r", None, TALK, BO)) == ["created", "rejected"]
    assert [report.errors for report in ledger.reports] == [(), (("/revision", "revision_conflict"),)]
    assert ledger.send(("r", 0, TALK, BO)) == ["updated"]
    assert {who: history.conversations for who, history in ledger.histories().items()} == {
        ANNA: (),
        BO: (("system", TALK),),
    }


def test_one_id_of_two_clients_is_two_records() -> None:
    ledger = Ledger()
    assert ledger.send(("r", 1, TALK), client="one") == ["created"]
    assert ledger.send(("r", 1, OTHER_TALK), client="two") == ["created"]
    assert ledger.send(("r", 2, "duplicate"), client="two") == ["retracted"]
    assert ledger.standing("r", client="one") == (1, ANNA, TALK)


def test_a_corrected_record_keeps_its_place_in_the_order_of_registration() -> None:
    """Of two exits on one date the second registered changes nothing (domain 4.1): a correction does not make the first
    the second, not even when it comes back from a retraction."""
    day = date(2010, 12, 1)
    job = PresenceEvent(kind="exit", date=day, reason="job")
    moved = PresenceEvent(kind="exit", date=day, reason="moved")
    ledger = Ledger()
    ledger.send(("first", 1, PresenceEvent(kind="exit", date=day, reason="education")), ("second", 1, moved))
    ledger.send(("first", 2, "entered_in_error"), ("first", 3, job), kind="presence-events")
    assert ledger.histories()[ANNA].events == (job, moved)


def test_an_early_retraction_is_a_first_registration() -> None:
    """A record that comes back from one stands before what was registered in between, within a batch as after it: the
    kept counts would otherwise differ from those made anew (domain 4.1: of two exits on one date the second)."""
    day = date(2010, 12, 1)
    job = PresenceEvent(kind="exit", date=day, reason="job")
    moved = PresenceEvent(kind="exit", date=day, reason="moved")
    at_once, one_by_one = Ledger(), Ledger()
    batch: list[Sent] = [("a", 1, "duplicate"), ("b", 1, moved), ("a", 2, job)]
    assert at_once.send(*batch, kind="presence-events") == ["retracted", "created", "updated"]
    for sent in batch:
        one_by_one.send(sent, kind="presence-events")
    assert at_once.histories()[ANNA].events == one_by_one.histories()[ANNA].events == (job, moved)


@pytest.mark.parametrize("kind", ["exit", "re_entry", "rematch"])
def test_event_order(kind: Any) -> None:
    """Only an event before ``assigned_on`` is rejected (domain 4.1), whatever it is; the day itself is none."""
    needs: dict[str, dict[str, Any]] = {"exit": {"reason": "job"}, "rematch": {"match_group": 1}}
    rest = needs.get(kind, {})
    early = PresenceEvent(kind=kind, date=date(2010, 11, 7), **rest)
    on_the_day = PresenceEvent(kind=kind, date=date(2010, 11, 8), **rest)
    ledger = Ledger()
    assert ledger.send(("early", 1, early), ("on the day", 1, on_the_day)) == ["rejected", "created"]
    assert ledger.reports[0].errors == (("/date", "event_order"),)
    assert set(ledger.stored) == {("presence-events", "system", "on the day")}
    # a correction that moves the event before the assignment, or to someone assigned later
    assert ledger.send(("on the day", 2, early), ("on the day", 3, on_the_day, BO)) == ["rejected", "rejected"]
    assert {code for report in ledger.reports for _, code in report.errors} == {"event_order"}
    assert ledger.standing("on the day", "presence-events") == (1, ANNA, on_the_day)


def test_events_come_in_any_order() -> None:
    """A re-entry without its exit, an exit after one: kept, whatever they change (domain 4.1)."""
    back = PresenceEvent(kind="re_entry", date=date(2010, 12, 15))
    out = PresenceEvent(kind="exit", date=date(2010, 12, 1), reason="job")
    ledger = Ledger()
    assert ledger.send(("b", 1, back), ("a", 1, out), ("c", 1, out)) == ["created"] * 3
    assert ledger.histories()[ANNA].events == (back, out, out)
