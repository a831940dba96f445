"""The digest by which the same again is told: alike for what is alike, however it is written, and for nothing else."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest

from app.db.versions import digest_of
from app.domain.facts import Activation, Conversation
from app.domain.ingest import Version

TALK = Conversation(date=date(2010, 11, 16))
OFFER = Activation(type="part_time_job", starts_on=date(2011, 1, 3), hours_per_week=Decimal(10))
VERSION = Version(uuid4(), 1, TALK)


def test_ten_hours_are_ten_hours_however_they_are_written() -> None:
    digests = {
        digest_of(Version(VERSION.participant_id, 1, replace(OFFER, hours_per_week=Decimal(hours))))
        for hours in ("10", "10.0", "10.00", "1E+1")
    }
    assert len(digests) == 1
    assert None not in digests


@pytest.mark.parametrize(
    "other",
    [
        replace(VERSION, participant_id=uuid4()),
        replace(VERSION, revision=2),
        replace(VERSION, revision=None),
        replace(VERSION, fact=replace(TALK, form="telephone")),
        replace(VERSION, fact=replace(TALK, focus=("motivation",))),
        replace(VERSION, fact=OFFER),
    ],
)
def test_what_differs_in_anything_has_another_digest(other: Version) -> None:
    assert digest_of(other) not in (None, digest_of(VERSION))


def test_what_says_nothing_of_a_participant_has_none() -> None:
    assert digest_of(Version(VERSION.participant_id, 1, TALK, "duplicate")) is None
    assert digest_of(Version(None, 1, None, "duplicate")) is None
