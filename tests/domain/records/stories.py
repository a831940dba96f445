"""Generated histories: the versions of some records, and the deliveries that they arrive in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from app.domain.facts import Activation, Conversation, Exemption, Fact, PresenceEvent
from tests.domain.records.ledger import ANNA, BO, Sent

REASONS = ("entered_in_error", "duplicate", "wrong_person")
days = st.integers(0, 200).map(lambda n: date(2010, 11, 25) + timedelta(days=n))
talks = st.builds(
    Conversation,
    date=days,
    status=st.sampled_from(["held", "held", "no_show"]),
    form=st.sampled_from(["in_person", "telephone", "group"]),
)


@st.composite
def spans(draw: st.DrawFn) -> tuple[date, date | None]:
    first = draw(days)
    length = draw(st.one_of(st.none(), st.integers(0, 40)))
    return first, None if length is None else first + timedelta(days=length)


@st.composite
def offers(draw: st.DrawFn) -> Activation:
    first, last = draw(spans())
    kind: Any = draw(st.sampled_from(["part_time_job", "other_offer"]))
    hours = Decimal(draw(st.sampled_from(["5", "10", "20"])))
    return Activation(type=kind, starts_on=first, ends_on=last, hours_per_week=hours)


@st.composite
def exemptions(draw: st.DrawFn) -> Exemption:
    first, last = draw(spans())
    scope: Any = draw(st.sampled_from(["both", "conversations", "activation"]))
    return Exemption(scope=scope, ground="illness", starts_on=first, ends_on=last)


@st.composite
def events(draw: st.DrawFn, record: int) -> PresenceEvent:
    """An event on a day of the record's own: which of two exits on one date counts is the one thing that the order of
    registration decides (domain 4.1)."""
    day = date(2010, 11, 29) + timedelta(days=10 * draw(st.integers(0, 15)) + record)
    kind: Any = draw(st.sampled_from(["exit", "re_entry"]))
    return PresenceEvent(kind=kind, date=day, reason="job" if kind == "exit" else None)


def facts(kind: str, record: int) -> st.SearchStrategy[Fact]:
    known: Mapping[str, st.SearchStrategy[Fact]] = {
        "conversations": talks,
        "activations": offers(),
        "exemptions": exemptions(),
        "presence-events": events(record),
    }
    return known[kind]


@dataclass(frozen=True)
class Story:
    """What one client sends of one kind: by external id the contents, each with its revision and person."""

    kind: str
    versions: Sequence[Sent]


@st.composite
def stories(draw: st.DrawFn, kind: str) -> Story:
    """Up to four records, each with up to five revisions that have one content each; retractions among them."""
    versions: list[Sent] = []
    for number in range(draw(st.integers(1, 4))):
        for revision in draw(st.lists(st.integers(0, 6), min_size=1, max_size=5, unique=True)):
            if draw(st.integers(0, 3)) == 0:
                versions.append((f"r{number}", revision, draw(st.sampled_from(REASONS))))
            else:
                versions.append((f"r{number}", revision, draw(facts(kind, number)), draw(st.sampled_from([ANNA, BO]))))
    return Story(kind, versions)


def winners(story: Story) -> list[Sent]:
    """Of each record the version with the highest revision, in the order of the records."""
    highest: dict[str, Sent] = {}
    for sent in story.versions:
        held = highest.get(sent[0])
        if held is None or (sent[1] or 0) > (held[1] or 0):
            highest[sent[0]] = sent
    return [highest[external_id] for external_id in sorted(highest)]


@st.composite
def deliveries(draw: st.DrawFn, kind: str) -> tuple[Story, list[list[Sent]]]:
    """A story, and its versions in some order, some of them several times, cut into batches."""
    story = draw(stories(kind))
    repeated = draw(st.lists(st.sampled_from(list(story.versions)), max_size=5))
    sequence = draw(st.permutations([*story.versions, *repeated]))
    cuts = sorted(draw(st.lists(st.integers(0, len(sequence)), max_size=3)))
    places = [0, *cuts, len(sequence)]
    return story, [list(sequence[a:b]) for a, b in pairwise(places) if a < b]
