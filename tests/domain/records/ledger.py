"""Record stores of the ingest tests.

``Ledger`` is their database: it stores versions, passes the stored ones to a ``RecordIngest``, and applies its writes.
``Standing`` is the dictionary model, typed from api.md and not from the code; the state machine of records uses it too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from app.domain.facts import Activation, Conversation, Exemption, Fact, History, PresenceEvent
from app.domain.figures.counts import count
from app.domain.records.ingest import (
    Person,
    RecordIngest,
    RecordKey,
    RecordReport,
    StandingRecord,
    Version,
)
from app.domain.rules.warnings import Enforcement
from app.domain.rules.weeks import judge
from app.protocols import protocols

PRVIJ = protocols()["prvij-2010-11"]
ENDS_ON = date(2012, 3, 31)
KIND_OF: Mapping[type, str] = {
    Conversation: "conversations",
    Activation: "activations",
    Exemption: "exemptions",
    PresenceEvent: "presence-events",
}
ANNA, BO = UUID(int=1), UUID(int=2)
PEOPLE = {ANNA: ("849", date(2010, 11, 8)), BO: ("860", date(2010, 11, 24))}
"""Who is drawn: jobcentre and day of assignment."""
TALK, OTHER_TALK = Conversation(date=date(2010, 11, 16)), Conversation(date=date(2010, 11, 17))
Sent = tuple[str, int | None, Fact | str] | tuple[str, int | None, Fact | str, UUID]
"""External id, revision, a fact or the reason of a retraction, and of whom (Anna's where nobody is named)."""


def version_of(sent: Sent) -> Version:
    _, revision, content, *person = sent
    if isinstance(content, str):
        return Version(None, revision, None, content)
    return Version(person[0] if person else ANNA, revision, content)


@dataclass
class Ledger:
    """Versions by key, written as the ingest says; people are made from what stands, as the database does it."""

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
        return self.deliver(kind, client, [(sent[0], version_of(sent)) for sent in batch])

    def deliver(self, kind: str, client: str, batch: Sequence[tuple[str, Version]]) -> list[str]:
        ingest = self._ingest(kind, client)
        before = {each: ingest.people[each].history() for each in self.people}
        reports = [ingest.receive(external_id, version) for external_id, version in batch]
        for change in ingest.changes:
            assert self.stored.get(change.key) == change.before
            self.stored[change.key] = change.after
            self.order.setdefault(change.key, len(self.order))
        # What the ingest believes afterwards is what is stored; what it gives as before was before.
        assert ingest.before == {each: before[each] for each in ingest.before}
        touched = {each.participant_id for change in ingest.changes for each in (change.before, change.after) if each}
        assert set(ingest.before) <= touched
        for participant_id, person in self._people().items():
            assert ingest.people[participant_id].history() == person.history()
            assert participant_id in ingest.before or person.history() == before[participant_id]
        self.reports = reports
        return [report.outcome for report in reports]

    def _ingest(self, kind: str, client: str) -> RecordIngest:
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
            each: (judge(PRVIJ, ENDS_ON, history).weeks, count(PRVIJ, ENDS_ON, history))
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
