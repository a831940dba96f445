"""The digest by which the same again is told: alike for what is alike, however it is written, and for nothing else."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db.records.versions import digest_of
from app.domain.facts import Activation, Conversation
from app.domain.records.ingest import Version, decide

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


PEOPLE = (uuid4(), uuid4())
VERSIONS = st.builds(
    Version,
    st.sampled_from(PEOPLE),
    st.sampled_from([None, 0, 1]),
    st.one_of(
        st.builds(
            Conversation,
            date=st.sampled_from([date(2010, 11, 16), date(2010, 11, 17)]),
            form=st.sampled_from(["in_person", "telephone"]),
            focus=st.sampled_from([(), ("motivation",)]),
        ),
        st.builds(
            Activation,
            type=st.just("part_time_job"),
            starts_on=st.just(date(2011, 1, 3)),
            hours_per_week=st.sampled_from([Decimal(10), Decimal("10.00"), Decimal("10.5")]),
        ),
    ),
    st.sampled_from([None, None, "duplicate"]),
)


@given(VERSIONS, VERSIONS)
def test_the_digest_says_what_the_rule_says(stored: Version, sent: Version) -> None:
    """Api.md "Records": the same content is unchanged. With one digest nothing is written, not even a revision."""
    if digest_of(stored) is not None and digest_of(stored) == digest_of(sent):
        assert decide(stored, sent) == "unchanged"
        assert stored.revision == sent.revision
    elif not stored.retracted and not sent.retracted and stored.revision == sent.revision:
        assert decide(stored, sent) != "unchanged"
