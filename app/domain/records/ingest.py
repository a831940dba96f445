"""What a record does to what is known (api.md "Records"): outcome by outcome, pure, for every kind alike.

A batch is received into a ``RecordIngest``, which holds what is stored of the records and people concerned. Records
are judged in order, each against all that came before it; what must be written stands in ``changes`` afterwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any, Literal, NamedTuple
from uuid import UUID

from app.domain.facts import KINDS, Activation, Conversation, Fact, History, PresenceEvent
from app.domain.figures.counts import Judged
from app.domain.protocol import Protocol
from app.domain.rules.draw import Arm
from app.domain.rules.warnings import ENFORCED_CODES, Enforcement, conversation_warnings, warnings_of
from app.domain.rules.weeks import Course

RecordOutcome = Literal["created", "updated", "unchanged", "stale", "retracted", "rejected"]
OUTCOMES: tuple[RecordOutcome, ...] = ("created", "updated", "unchanged", "stale", "retracted", "rejected")
RecordKey = tuple[str, str, str]
"""Kind, client and external id: what a record is known by within a trial."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a record. ``fact`` is None only in a retraction that arrived before its record."""

    participant_id: UUID | None
    revision: int | None
    fact: Fact | None
    retraction_reason: str | None = None

    @property
    def retracted(self) -> bool:
        """Whether the version takes the record back."""
        return self.retraction_reason is not None


class Submission(NamedTuple):
    """One well-formed record as sent. Without a fact it is a retraction and names no participant."""

    external_id: str
    version: Version


@dataclass(frozen=True, slots=True)
class RecordReport:
    """What became of one record."""

    outcome: RecordOutcome
    errors: Sequence[tuple[str, str]] = ()
    """(JSON pointer within the record, code); the pointer is empty where the record as a whole is meant."""
    warnings: Sequence[str] = ()


def decide(stored: Version | None, sent: Version) -> RecordOutcome:
    """The outcome of a version against the stored one; ``rejected`` means ``revision_conflict``.

    No revision ranks below every revision. Same content is ``unchanged`` whatever its revision. Without revisions the
    later arrival wins, with two exceptions: it does not move a record to another participant, and a retraction that
    came before its record holds the record off.
    """
    written: RecordOutcome = "retracted" if sent.retracted else "updated"
    if stored is None:
        return "retracted" if sent.retracted else "created"
    if _same_content(stored, sent):
        return "unchanged"
    if _rank(sent) != _rank(stored):
        return written if _rank(sent) > _rank(stored) else "stale"
    if sent.revision is not None:
        return "rejected"
    if sent.retracted:
        return written
    if stored.fact is None:
        return "stale"
    return written if sent.participant_id == stored.participant_id else "rejected"


def _rank(version: Version) -> int:
    return -1 if version.revision is None else version.revision


def _same_content(stored: Version, sent: Version) -> bool:
    if sent.retracted:
        return stored.retraction_reason == sent.retraction_reason
    return not stored.retracted and stored.participant_id == sent.participant_id and stored.fact == sent.fact


@dataclass(slots=True)
class StandingRecord:
    """A record of a person as it stands now. ``order`` is that of first registration."""

    order: int
    client: str
    fact: Fact


@dataclass(slots=True)
class Person:
    """A drawn participant with the standing records, which an intake changes as records come in.

    Of a person whose records are not ``whole`` only the history is known, and what was put since: enough for records
    that were never registered before, which is what most are.
    """

    participant_id: UUID
    jobcentre: str
    arm: Arm
    assigned_on: date
    target_group: int | None = None
    records: dict[RecordKey, StandingRecord] = field(default_factory=dict)
    whole: bool = True
    judged: Judged | None = None
    """The weeks of a history that this person had, kept because working them out again costs more."""
    _history: History | None = None
    """The records as they were read last, but for the ``_late`` ones."""
    _last: int = -1
    """The order of the last record in all of it."""
    _late: list[StandingRecord] = field(default_factory=list)
    """What was put since, in its order, registered after all others."""

    def history(self) -> History:
        """The person's records as the rules read them, in the order of first registration."""
        if self._history is None:
            self._history, self._last = self._read()
        elif self._late:
            self._history = _appended(self._history, self._late)
        self._late = []
        return self._history

    def history_with(self, key: RecordKey, known: StandingRecord) -> History:
        """The same as it would be with a record put."""
        history, before = self.history(), self.records.get(key)
        if before is None and known.order > self._last:
            return _appended(history, [known])
        assert self.whole, "what is not known cannot be replaced"
        self.records[key] = known
        history, _ = self._read()
        if before is None:
            del self.records[key]
        else:
            self.records[key] = before
        return history

    def put(self, key: RecordKey, known: StandingRecord) -> None:
        """A record stands as given from now on."""
        if self._history is not None and key not in self.records and known.order > self._last:
            self._late.append(known)
            self._last = known.order
        else:
            assert self.whole, "what is not known cannot be replaced"
            self._forget_history()
        self.records[key] = known

    def drop(self, key: RecordKey) -> None:
        """A record stands no longer."""
        assert self.whole, "what is not known cannot be dropped"
        if self.records.pop(key, None) is not None:
            self._forget_history()

    def without_records(self) -> "Person":
        """The same person by history alone: a few bytes a record."""
        history = self.history()
        return replace(self, records={}, whole=False, _history=history, _last=REGISTERED, _late=[])

    def _forget_history(self) -> None:
        self._history, self._last, self._late = None, -1, []

    def _read(self) -> tuple[History, int]:
        facts: dict[type[Fact], list[Any]] = {kind: [] for kind in KINDS.values()}
        ordered = sorted(self.records.values(), key=lambda each: each.order)
        for known in ordered:
            facts[type(known.fact)].append(_entry(known))
        history = History(self.assigned_on, *map(tuple, facts.values()), target_group=self.target_group)
        return history, ordered[-1].order if ordered else -1


def _entry(known: StandingRecord) -> Any:
    """A fact as it stands in a history: an activation beside its client."""
    return (known.client, known.fact) if isinstance(known.fact, Activation) else known.fact


def _appended(history: History, several: Sequence[StandingRecord]) -> History:
    """A history with more records, registered after all others."""
    added: dict[str, list[Any]] = {}
    for known in several:
        added.setdefault(_PLACES[type(known.fact)], []).append(_entry(known))
    changes: dict[str, Any] = {name: (*getattr(history, name), *entries) for name, entries in added.items()}
    return replace(history, **changes)


_PLACES: Mapping[type[Fact], str] = dict(
    zip(KINDS.values(), (each.name for each in fields(History) if each.name != "assigned_on"), strict=False)
)
"""Where in a history the facts of each kind stand."""


class Change(NamedTuple):
    """A version to be written, and the one that it supersedes."""

    key: RecordKey
    before: Version | None
    after: Version


@dataclass(slots=True)
class RecordIngest:
    """Receives the records of one client and kind into a trial."""

    protocol: Protocol
    ends_on: date
    enforcement: Enforcement
    kind: str
    client: str
    people: Mapping[UUID, Person]
    stored: dict[str, Version]
    """The latest version by external id, of this client and kind."""
    order: dict[str, int]
    """The order of first registration by external id, for the stored records."""
    changes: list[Change] = field(default_factory=list)
    before: dict[UUID, History] = field(default_factory=dict)
    """What was known of each person whom a change touches, before the first of them."""

    def receive(self, sent: Submission) -> RecordReport:
        """Judges one record and, unless it is refused, makes it part of what is known.

        Codes: ``event_order``, ``revision_conflict``, and in a trial that refuses those of ``door.ENFORCED_CODES``.
        """
        version = sent.version
        stored = self.stored.get(sent.external_id)
        outcome = decide(stored, version)
        if outcome == "rejected":
            return RecordReport("rejected", (("/revision", "revision_conflict"),))
        if outcome == "unchanged":
            if stored is not None and _rank(version) > _rank(stored):
                self._write(sent.external_id, stored, replace(stored, revision=version.revision))
            return RecordReport("unchanged")
        if isinstance(version.fact, PresenceEvent) and self._person(version).assigned_on > version.fact.date:
            return RecordReport("rejected", (("/date", "event_order"),))
        if outcome == "stale":
            return RecordReport("stale")
        if version.fact is None:
            self._write(sent.external_id, stored, _retraction(stored, version))
            return RecordReport(outcome)
        warnings = self._warnings(sent.external_id, version)
        if self.enforcement == "refuse" and (refused := [code for code in warnings if code in ENFORCED_CODES]):
            return RecordReport("rejected", tuple((_FIELD_OF[code], code) for code in refused))
        self._write(sent.external_id, stored, version)
        return RecordReport(outcome, warnings=warnings)

    def _person(self, version: Version) -> Person:
        assert version.participant_id is not None, "a fact names its participant"
        return self.people[version.participant_id]

    def _touch(self, participant_id: UUID) -> Person:
        person = self.people[participant_id]
        if participant_id not in self.before:
            self.before[participant_id] = person.history()
        return person

    def _key(self, external_id: str) -> RecordKey:
        return (self.kind, self.client, external_id)

    def _warnings(self, external_id: str, version: Version) -> Sequence[str]:
        """Holds a record against its person's weeks as they would be with it, and leaves everything as it was."""
        fact = version.fact
        if not isinstance(fact, WARNED_KINDS):
            return ()
        person = self._person(version)
        key, known = self._key(external_id), StandingRecord(self._order_of(external_id), self.client, fact)
        if isinstance(fact, Conversation):
            course = self._course_of(person)
            return conversation_warnings(self.protocol, course, fact, lambda: person.history_with(key, known))
        history = person.history_with(key, known)
        return warnings_of(self.protocol, Course.of(self.protocol, self.ends_on, history), history, fact)

    def _course_of(self, person: Person) -> Course:
        """The course of a person to whom conversations are put, which change none of it."""
        if person.judged is None:
            person.judged = Judged.of(self.protocol, self.ends_on, person.history())
        return person.judged.course

    def _order_of(self, external_id: str) -> int:
        return self.order.get(external_id, NEW + len(self.order))

    def _write(self, external_id: str, before: Version | None, after: Version) -> None:
        self.order[external_id] = self._order_of(external_id)
        key = self._key(external_id)
        if before is not None and before.participant_id is not None and not before.retracted:
            self._touch(before.participant_id).drop(key)
        if after.fact is not None and after.participant_id is not None and not after.retracted:
            known = StandingRecord(self._order_of(external_id), self.client, after.fact)
            self._touch(after.participant_id).put(key, known)
        self.stored[external_id] = after
        self.changes.append(Change(key, before, after))


WARNED_KINDS = (Conversation, Activation)
NEW = 1 << 128
"""Orders from here on belong to records first registered in this intake."""
REGISTERED = NEW - 1
"""No order of a record that was registered before is higher."""


def _retraction(stored: Version | None, sent: Version) -> Version:
    """A retraction keeps what it retracts, so that the history shows it."""
    if stored is None:
        return sent
    return Version(stored.participant_id, sent.revision, stored.fact, sent.retraction_reason)


_FIELD_OF: Mapping[str, str] = {
    "form_not_accepted": "/form",
    "remote_too_early": "/form",
    "conducted_by_mentor": "/conducted_by",
    "hours_too_few": "/hours_per_week",
    "not_at_workplace": "/type",
}
