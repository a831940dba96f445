"""Table of outcomes (api.md "Records"): what is stored, what is sent, and what results."""

from collections.abc import Mapping, Sequence

import pytest

from app.domain.records.ingest import (
    Version,
    decide,
)
from tests.domain.records.ledger import ANNA, BO, OTHER_TALK, TALK, Ledger

MAX_REVISION = 2**63 - 1
# What is stored, what is sent, and the outcome where the sent revision is lower than the stored one, the same, higher,
# and where neither has one. No revision is lower than any (api.md: "No revision ranks below every revision").
TABLE = """
nothing          | record                   | created   | created   | created   | created
nothing          | retraction               | retracted | retracted | retracted | retracted
record           | record                   | unchanged | unchanged | unchanged | unchanged
record           | other content            | stale     | rejected  | updated   | updated
record           | other person             | stale     | rejected  | updated   | rejected
record           | other content and person | stale     | rejected  | updated   | rejected
record           | retraction               | stale     | rejected  | retracted | retracted
retraction       | record                   | stale     | rejected  | updated   | updated
retraction       | other content            | stale     | rejected  | updated   | updated
retraction       | other person             | stale     | rejected  | updated   | rejected
retraction       | other content and person | stale     | rejected  | updated   | rejected
retraction       | retraction               | unchanged | unchanged | unchanged | unchanged
retraction       | other reason             | stale     | rejected  | retracted | retracted
early retraction | record                   | stale     | rejected  | updated   | stale
early retraction | other content            | stale     | rejected  | updated   | stale
early retraction | other person             | stale     | rejected  | updated   | stale
early retraction | other content and person | stale     | rejected  | updated   | stale
early retraction | retraction               | unchanged | unchanged | unchanged | unchanged
early retraction | other reason             | stale     | rejected  | retracted | retracted
"""
REVISIONS: Mapping[str, Sequence[tuple[int | None, int | None]]] = {
    "lower": [(5, 4), (5, 0), (5, None), (0, None), (MAX_REVISION, MAX_REVISION - 1)],
    "same": [(5, 5), (0, 0), (MAX_REVISION, MAX_REVISION)],
    "higher": [(5, 6), (0, 1), (None, 0), (None, 5), (5, MAX_REVISION)],
    "neither": [(None, None)],
}
CASES = [
    (stored, sent, revisions, outcome)
    for line in TABLE.strip().splitlines()
    for stored, sent, *outcomes in [[cell.strip() for cell in line.split("|")]]
    for relation, outcome in zip(REVISIONS, outcomes, strict=True)
    for revisions in REVISIONS[relation]
]


def stored_version(what: str, revision: int | None) -> Version | None:
    return {
        "nothing": None,
        "record": Version(ANNA, revision, TALK),
        "retraction": Version(ANNA, revision, TALK, "duplicate"),
        "early retraction": Version(None, revision, None, "duplicate"),
    }[what]


def sent_version(what: str, revision: int | None) -> Version:
    return {
        "record": Version(ANNA, revision, TALK),
        "other content": Version(ANNA, revision, OTHER_TALK),
        "other person": Version(BO, revision, TALK),
        "other content and person": Version(BO, revision, OTHER_TALK),
        "retraction": Version(None, revision, None, "duplicate"),
        "other reason": Version(None, revision, None, "wrong_person"),
    }[what]


@pytest.mark.parametrize(("stored", "sent", "revisions", "outcome"), CASES)
def test_table_of_outcomes(stored: str, sent: str, revisions: tuple[int | None, int | None], outcome: str) -> None:
    """api.md "Sending again is always safe", every combination of it."""
    assert decide(stored_version(stored, revisions[0]), sent_version(sent, revisions[1])) == outcome


def test_the_table_is_whole() -> None:
    """Every stored state meets everything that can be sent to it."""
    sent_to = {stored: {sent for other, sent, *_ in CASES if other == stored} for stored, *_ in CASES}
    records = {"record", "other content", "other person", "other content and person"}
    retractions = {"retraction", "other reason"}
    assert sent_to["record"] == records | {"retraction"}
    assert sent_to["retraction"] == sent_to["early retraction"] == records | retractions


def test_the_same_content_with_a_higher_revision_keeps_the_revision() -> None:
    """Otherwise a revision in between, arriving late, would win (order of arrival)."""
    ledger = Ledger()
    assert ledger.send(("r", 1, TALK), ("r", 3, TALK), ("r", 2, OTHER_TALK)) == ["created", "unchanged", "stale"]
    assert ledger.standing("r") == (3, ANNA, TALK)
