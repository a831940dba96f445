"""Judging n records of one person costs n (domain 4.8), new ones and changed ones alike: counted in lines run."""

import sys
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from types import FrameType
from typing import Any
from uuid import UUID

import pytest

from app.domain.facts import Activation, Conversation, Fact
from app.domain.records.ingest import Person, RecordIngest, Version
from app.protocols import protocols

FEW, TIMES = 150, 6
ASSIGNED_ON, ENDS_ON, SOMEONE = date(2010, 11, 8), date(2012, 3, 31), UUID(int=1)


def weak_activation(number: int, hours: str) -> Fact:
    start = ASSIGNED_ON + timedelta(days=number % 300)
    return Activation(type="work_placement_public", starts_on=start, hours_per_week=Decimal(hours))


def remote_conversation(number: int, place: str) -> Fact:
    day = ASSIGNED_ON + timedelta(days=number % 480)
    return Conversation(date=day, form="telephone", place="home" if place == "1" else "other")


def lines_run(work: Callable[[], None]) -> int:
    """How many lines of Python run, each turn of a loop counted."""
    count, before = 0, sys.gettrace()

    def trace(_: FrameType, event: str, __: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def judge_records(make: Callable[[int, str], Fact], kind: str, n: int) -> None:
    """Judge n records in one batch, each sent again with other facts, and the weeks after it."""
    person = Person(SOMEONE, "849", "treatment", ASSIGNED_ON)
    protocol = protocols()["prvij-2010-11"]
    ingest = RecordIngest(protocol, ENDS_ON, "flag", kind, "case", {SOMEONE: person}, {}, {})
    for change in ("1", "2"):
        for number in range(n):
            report = ingest.receive(str(number), Version(SOMEONE, None, make(number, change)))
            assert report.outcome == ("created" if change == "1" else "updated")
    person.judged_weeks(protocol, ENDS_ON)


@pytest.mark.parametrize(("kind", "make"), [("activations", weak_activation), ("conversations", remote_conversation)])
def test_the_cost_grows_with_the_records(kind: str, make: Callable[[int, str], Fact]) -> None:
    """Six times as many: about six times the lines, where each for each would be thirty-six times."""
    few, many = (lines_run(lambda n=n: judge_records(make, kind, n)) for n in (FEW, TIMES * FEW))  # type: ignore[misc]
    assert few > 10 * FEW
    assert many < 1.5 * TIMES * few
