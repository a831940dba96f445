"""Properties of the ingest: order of arrival, repetition, and the dictionary model."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.facts import Conversation, Fact
from app.domain.figures.counts import count, difference
from tests.domain.records.ledger import ANNA, BO, ENDS_ON, KIND_OF, OTHER_TALK, PRVIJ, TALK, Ledger, Sent, Standing
from tests.domain.records.stories import REASONS, Story, deliveries, winners
from tests.thorough import few_or_many

KINDS = sorted(KIND_OF.values())


@few_or_many(25)
@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_arrival_never_changes_the_end_state(kind: str, examples: int) -> None:
    """api.md: "The order of arrival never changes the end state of revisioned records." Of each record the highest
    revision stands, and weeks and tallies are those of having sent nothing else: a correction equals having sent the
    right record at once."""

    @settings(max_examples=examples, deadline=None)
    @given(deliveries(kind))
    def check(delivery: tuple[Story, list[list[Sent]]]) -> None:
        story, batches = delivery
        ledger, at_once = Ledger(), Ledger()
        for batch in batches:
            ledger.send(*batch, kind=kind)
        at_once.send(*winners(story), kind=kind)
        assert ledger.end_state() == at_once.end_state()
        assert ledger.figures() == at_once.figures()

    check()


@few_or_many(25)
@pytest.mark.parametrize("kind", KINDS)
def test_sending_everything_twice_changes_nothing(kind: str, examples: int) -> None:
    """A repeated record, a late one and one of a revision that is taken write nothing at all."""

    @settings(max_examples=examples, deadline=None)
    @given(deliveries(kind))
    def check(delivery: tuple[Story, list[list[Sent]]]) -> None:
        _, batches = delivery
        ledger = Ledger()
        for batch in batches:
            ledger.send(*batch, kind=kind)
        stored, order = dict(ledger.stored), dict(ledger.order)
        for batch in batches:
            assert set(ledger.send(*batch, kind=kind)) <= {"unchanged", "stale"}
        assert (ledger.stored, ledger.order) == (stored, order)

    check()


@st.composite
def wild(draw: st.DrawFn) -> list[tuple[str, Sent]]:
    """Anything in any order: with and without revisions, several contents under one revision, two clients."""
    contents: list[Fact | str] = [TALK, OTHER_TALK, Conversation(date=date(2010, 12, 1)), *REASONS[:2]]
    sequence: list[tuple[str, Sent]] = []
    for _ in range(draw(st.integers(1, 14))):
        revision = draw(st.one_of(st.none(), st.none(), st.integers(0, 3)))
        person = draw(st.sampled_from([ANNA, ANNA, BO]))
        sent = (draw(st.sampled_from("ab")), revision, draw(st.sampled_from(contents)), person)
        sequence.append((draw(st.sampled_from(["one", "two"])), sent))
    return sequence


@settings(max_examples=200, deadline=None)
@given(wild(), st.booleans())
def test_against_a_dictionary(sequence: list[tuple[str, Sent]], one_batch: bool) -> None:
    """Every outcome and every state is the model's, in one batch or in many; no client touches another's records."""
    ledger = Ledger()
    models = {client: Standing() for client in ("one", "two")}
    if one_batch:
        outcomes: list[str] = []
        for client in models:
            mine = [sent for sender, sent in sequence if sender == client]
            outcomes += ledger.send(*mine, client=client)
        sequence = sorted(sequence, key=lambda each: each[0])
    else:
        outcomes = [ledger.send(sent, client=client)[0] for client, sent in sequence]
    expected = []
    for client, (external_id, revision, content, *person) in sequence:
        reason = content if isinstance(content, str) else None
        expected.append(models[client].receive(external_id, revision, person[0], content, reason))
    assert outcomes == expected
    for client, model in models.items():
        shown = {
            key[2]: (-1 if version.revision is None else version.revision, (version.participant_id, version.fact))
            for key, version in ledger.stored.items()
            if key[1] == client and not version.retracted
        }
        assert shown == model.standing()


@settings(max_examples=70, deadline=None)
@given(st.data())
def test_the_differences_add_up_to_the_tally(data: st.DataObject) -> None:
    """What is added to the kept counts after each batch makes them the tally of what stands (domain 5)."""
    ledger = Ledger()
    kept: dict[UUID, dict[tuple[date, str], int]] = {ANNA: {}, BO: {}}
    for kind in data.draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4)):
        _, batches = data.draw(deliveries(kind))
        before = ledger.histories()
        for batch in batches:
            ledger.send(*batch, kind=kind)
        after = ledger.histories()
        for person, numbers in kept.items():
            step = difference(count(PRVIJ, ENDS_ON, before[person]), count(PRVIJ, ENDS_ON, after[person]))
            for monday, changes in step.items():
                assert changes, "a week without a change is not in a difference"
                for name, n in changes.items():
                    assert n
                    numbers[monday, name] = numbers.get((monday, name), 0) + n
    nobody = Ledger().histories()
    for person, numbers in kept.items():
        whole = difference(count(PRVIJ, ENDS_ON, nobody[person]), count(PRVIJ, ENDS_ON, ledger.histories()[person]))
        flat = {(monday, name): n for monday, changes in whole.items() for name, n in changes.items()}
        assert {key: n for key, n in numbers.items() if n} == flat
