"""What a record does to what is known (api.md "Records"): the table of outcomes, and what must hold of any delivery.

``Ledger`` is the database of these tests: it keeps versions, hands a ``RecordIngest`` what is stored, and keeps what
the intake wants written. ``Standing`` is the dictionary model, typed from api.md and not from the code; the state
machine of records uses it too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.facts import Activation, Conversation, Exemption, Fact, History, PresenceEvent
from app.domain.figures.counts import count, difference
from app.domain.records.ingest import (
    Person,
    RecordIngest,
    RecordKey,
    RecordReport,
    StandingRecord,
    Submission,
    Version,
    decide,
)
from app.domain.rules.warnings import Enforcement
from app.domain.rules.weeks import judge
from app.protocols import protocols

PRVIJ = protocols()["prvij-2010-11"]
ENDS_ON = date(2012, 3, 31)
MAX_REVISION = 2**63 - 1
KIND_OF: Mapping[type, str] = {
    Conversation: "conversations",
    Activation: "activations",
    Exemption: "exemptions",
    PresenceEvent: "presence-events",
}

ANNA, BO = UUID(int=1), UUID(int=2)
PEOPLE = {ANNA: ("849", date(2010, 11, 8)), BO: ("860", date(2010, 11, 24))}
"""Who is drawn: jobcentre and day of assignment."""

# --- the table --------------------------------------------------------------------------------------------------------

TALK, OTHER_TALK = Conversation(date=date(2010, 11, 16)), Conversation(date=date(2010, 11, 17))

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


# --- a database for the intake ----------------------------------------------------------------------------------------

Sent = tuple[str, int | None, Fact | str] | tuple[str, int | None, Fact | str, UUID]
"""External id, revision, a fact or the reason of a retraction, and of whom (Anna's where nobody is named)."""


def submission(sent: Sent) -> Submission:
    external_id, revision, content, *person = sent
    if isinstance(content, str):
        return Submission(external_id, Version(None, revision, None, content))
    return Submission(external_id, Version(person[0] if person else ANNA, revision, content))


@dataclass
class Ledger:
    """Versions by key, written as the intake says; people are made from what stands, as the database does it."""

    enforcement: Enforcement = "flag"
    people: Mapping[UUID, tuple[str, date]] = field(default_factory=lambda: dict(PEOPLE))
    stored: dict[RecordKey, Version] = field(default_factory=dict)
    order: dict[RecordKey, int] = field(default_factory=dict)
    reports: Sequence[RecordReport] = ()
    """Those of the latest delivery."""

    def send(self, *batch: Sent, client: str = "system", kind: str | None = None) -> list[str]:
        """One batch of one kind; the outcomes, with errors and warnings in ``reports``."""
        found = {KIND_OF[type(sent[2])] for sent in batch if not isinstance(sent[2], str)}
        kind = kind or next(iter(found), "conversations")
        assert found <= {kind}, "a batch is of one kind"
        return self.deliver(kind, client, [submission(sent) for sent in batch])

    def deliver(self, kind: str, client: str, batch: Sequence[Submission]) -> list[str]:
        intake = self._intake(kind, client)
        before = {each: intake.people[each].history() for each in self.people}
        reports = [intake.receive(each) for each in batch]
        for change in intake.changes:
            assert self.stored.get(change.key) == change.before
            self.stored[change.key] = change.after
            self.order.setdefault(change.key, len(self.order))
        # What the intake believes afterwards is what is stored; what it gives as before was before.
        assert intake.before == {each: before[each] for each in intake.before}
        touched = {each.participant_id for change in intake.changes for each in (change.before, change.after) if each}
        assert set(intake.before) <= touched
        for participant_id, person in self._people().items():
            assert intake.people[participant_id].history() == person.history()
            assert participant_id in intake.before or person.history() == before[participant_id]
        self.reports = reports
        return [report.outcome for report in reports]

    def _intake(self, kind: str, client: str) -> RecordIngest:
        mine = {key: version for key, version in self.stored.items() if key[:2] == (kind, client)}
        return RecordIngest(
            protocol=PRVIJ,
            ends_on=ENDS_ON,
            enforcement=self.enforcement,
            kind=kind,
            client=client,
            people=self._people(),
            stored={key[2]: version for key, version in mine.items()},
            order={key[2]: self.order[key] for key in mine},
        )

    def _people(self) -> dict[UUID, Person]:
        people = {each: Person(each, place, "treatment", day) for each, (place, day) in self.people.items()}
        for key, version in self.stored.items():
            if not version.retracted and version.participant_id is not None and version.fact is not None:
                known = StandingRecord(self.order[key], key[1], version.fact)
                people[version.participant_id].records[key] = known
        return people

    def standing(self, external_id: str, kind: str = "conversations", client: str = "system") -> Any:
        """Revision, person and fact of a record, or revision and reason of a retraction."""
        version = self.stored[kind, client, external_id]
        if version.retracted:
            return version.revision, version.retraction_reason
        return version.revision, version.participant_id, version.fact

    def histories(self) -> dict[UUID, History]:
        return {each: person.history() for each, person in self._people().items()}

    def figures(self) -> dict[UUID, Any]:
        """Everybody's weeks and tally."""
        return {
            each: (judge(PRVIJ, ENDS_ON, history), count(PRVIJ, ENDS_ON, history))
            for each, history in self.histories().items()
        }

    def end_state(self) -> dict[RecordKey, Any]:
        return {key: self.standing(key[2], key[0], key[1]) for key in self.stored}


@dataclass
class Standing:
    """The dictionary model of one client and kind: what stands by external id, after api.md alone.

    ``content`` is whatever a record says, its person included; a retraction is ``(None, reason)``.
    """

    records: dict[str, tuple[int, Any, str | None]] = field(default_factory=dict)
    """By external id: rank (−1 without a revision), content, reason of a retraction."""
    never_seen: set[str] = field(default_factory=set)
    """Retracted before their record came."""

    def receive(self, external_id: str, revision: int | None, person: Any, content: Any, reason: str | None) -> str:
        """The outcome of a record, or with a ``reason`` of a retraction."""
        rank = -1 if revision is None else revision
        sent = (rank, None if reason else (person, content), reason)
        if external_id not in self.records:
            self.records[external_id] = sent
            if reason:
                self.never_seen.add(external_id)
            return "retracted" if reason else "created"
        highest, known, known_reason = self.records[external_id]
        if (reason, None if reason else (person, content)) == (known_reason, None if known_reason else known):
            self.records[external_id] = (max(rank, highest), known, known_reason)
            return "unchanged"
        if rank < highest:
            return "stale"
        if rank == highest >= 0:
            return "rejected"  # revision_conflict: of two contents with one revision the first stands
        if rank == highest and not reason:
            if external_id in self.never_seen:
                return "stale"  # held off
            if known[0] != person:
                return "rejected"  # participant_id changes only by a higher revision
        if reason:
            self.records[external_id] = (rank, known, reason)
            return "retracted"
        self.records[external_id] = sent
        self.never_seen.discard(external_id)
        return "updated"

    def standing(self) -> dict[str, tuple[int, Any]]:
        """Rank and (person, content) of the records that are not retracted."""
        return {key: (rank, known) for key, (rank, known, reason) in self.records.items() if reason is None}


# --- what is generated ------------------------------------------------------------------------------------------------

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


KINDS = sorted(KIND_OF.values())
PLENTY = settings(max_examples=70, deadline=None)

# --- properties -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_arrival_never_changes_the_end_state(kind: str) -> None:
    """api.md: "The order of arrival never changes the end state of revisioned records." Of each record the highest
    revision stands, and weeks and tallies are those of having sent nothing else: a correction equals having sent the
    right record at once."""

    @PLENTY
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


@pytest.mark.parametrize("kind", KINDS)
def test_sending_everything_twice_changes_nothing(kind: str) -> None:
    """A repeated record, a late one and one of a revision that is taken write nothing at all."""

    @PLENTY
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


# --- the intake -------------------------------------------------------------------------------------------------------


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
    assert ledger.histories()[ANNA].conversations == (TALK, TALK)


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
    assert {who: history.conversations for who, history in ledger.histories().items()} == {ANNA: (), BO: (TALK,)}


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


# --- flag and refuse (domain 4.8) -------------------------------------------------------------------------------------

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
