"""Judging n records of one person costs n (domain 4.8), new ones and changed ones alike."""

import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from app.domain.facts import Activation, Conversation, Fact
from app.domain.records.ingest import Person, RecordIngest, Version
from app.protocols import protocols

FEW, TIMES = 1_000, 6
ASSIGNED_ON, ENDS_ON, SOMEONE = date(2010, 11, 8), date(2012, 3, 31), UUID(int=1)


def weak_activation(number: int, hours: str) -> Fact:
    start = ASSIGNED_ON + timedelta(days=number % 300)
    return Activation(type="work_placement_public", starts_on=start, hours_per_week=Decimal(hours))


def remote_conversation(number: int, place: str) -> Fact:
    day = ASSIGNED_ON + timedelta(days=number % 480)
    return Conversation(date=day, form="telephone", place="home" if place == "1" else "other")


def seconds(make: Callable[[int, str], Fact], kind: str, n: int) -> float:
    """The processor's time for n records in one batch, each sent again with other facts, and the weeks after it."""
    person = Person(SOMEONE, "849", "treatment", ASSIGNED_ON)
    protocol = protocols()["prvij-2010-11"]
    ingest = RecordIngest(protocol, ENDS_ON, "flag", kind, "case", {SOMEONE: person}, {}, {})
    begun = time.process_time()
    for change in ("1", "2"):
        for number in range(n):
            report = ingest.receive(str(number), Version(SOMEONE, None, make(number, change)))
            assert report.outcome == ("created" if change == "1" else "updated")
    person.judged_weeks(protocol, ENDS_ON)
    return time.process_time() - begun


@pytest.mark.parametrize(("kind", "make"), [("activations", weak_activation), ("conversations", remote_conversation)])
def test_the_cost_grows_with_the_records(kind: str, make: Callable[[int, str], Fact]) -> None:
    """Six times as many: less than three times that, where each for each would be thirty-six."""
    few, many = (min(seconds(make, kind, n) for _ in range(4)) for n in (FEW, TIMES * FEW))
    assert many < 3 * TIMES * few
