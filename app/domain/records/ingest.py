"""Outcome of each record of a batch (api.md "Records"), pure, for every kind alike.

``RecordIngest`` starts from the stored records and people of a batch. It judges records in order, each against all
before it, and collects the versions to be written in ``changes``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any, Literal, NamedTuple
from uuid import UUID

from app.domain.facts import (
    DEFAULT_SETTINGS,
    KINDS,
    Activation,
    Conversation,
    Fact,
    History,
    JobcentreSettings,
    PresenceEvent,
)
from app.domain.judged_weeks import JudgedWeeks
from app.domain.protocol import Protocol
from app.domain.rules.draw import Arm
from app.domain.rules.warnings import ENFORCED_CODES, Enforcement, StandingWeeks
from app.domain.rules.weeks import judge

RecordOutcome = Literal["created", "updated", "unchanged", "stale", "retracted", "rejected"]
OUTCOMES: tuple[RecordOutcome, ...] = ("created", "updated", "unchanged", "stale", "retracted", "rejected")
RecordKey = tuple[str, str, str]
"""Kind, client and external id: identifies a record within a trial."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a record. ``fact`` is None only in a retraction that arrived before its record."""

    participant_id: UUID | None
    revision: int | None
    fact: Fact | None
    retraction_reason: str | None = None
    sent_number: bytes | None = field(default=None, compare=False)
    """Blind index of the CPR number by which a register named the person: the record follows this number."""

    @property
    def retracted(self) -> bool:
        """Whether the version retracts the record."""
        return self.retraction_reason is not None


@dataclass(frozen=True, slots=True)
class RecordReport:
    """Outcome of one record, with its errors or warnings."""

    outcome: RecordOutcome
    errors: Sequence[tuple[str, str]] = ()
    """(JSON pointer within the record, code); an empty pointer is the record as a whole."""
    warnings: Sequence[str] = ()


def decide(stored: Version | None, sent: Version) -> RecordOutcome:
    """Return the outcome of a version against the stored one; ``rejected`` means ``revision_conflict``.

    No revision ranks below every revision. Same content is ``unchanged`` whatever its revision. Without revisions the
    later arrival wins, with two exceptions: it does not move a record to another participant, and a record that arrives
    after its retraction is ``stale``.
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
    """A current record of a person. ``order`` is that of first registration."""

    order: int
    client: str
    fact: Fact


@dataclass(slots=True)
class Person:
    """A drawn participant with the standing records, changed by ``RecordIngest`` record by record.

    If not ``complete``, only the history and later records are loaded. They suffice for records never registered
    before, which most are.
    """

    participant_id: UUID
    jobcentre: str
    arm: Arm
    assigned_on: date
    target_group: int | None = None
    settings: JobcentreSettings = DEFAULT_SETTINGS
    records: dict[RecordKey, StandingRecord] = field(default_factory=dict)
    complete: bool = True
    judged: JudgedWeeks | None = None
    """The judged weeks of an earlier history of this person, or of the present one."""
    _standing: StandingWeeks | None = None
    """The weeks that arriving records are judged against, since the first of them."""
    _history: History | None = None
    """The history without the ``_appended`` records."""
    _last: int = -1
    """The highest order in the history and the appended records."""
    _appended: list[StandingRecord] = field(default_factory=list)
    """Records put after ``_history`` was built, in order, registered after all in it."""

    def history(self) -> History:
        """Return the records as the rules read them, in the order of first registration."""
        if self._history is None:
            self._history, self._last = self._build_history()
        elif self._appended:
            self._history = _with_records(self._history, self._appended)
        self._appended = []
        return self._history

    def judged_weeks(self, protocol: Protocol, ends_on: date) -> JudgedWeeks:
        """Return the weeks of the present history, judged anew only if it has changed."""
        history = self.history()
        if self.judged is None or self.judged.history is not history:
            self.judged = judge(protocol, ends_on, history)
        return self.judged

    def standing_weeks(self, protocol: Protocol, ends_on: date) -> StandingWeeks:
        """Return the weeks to judge arriving records against; ``put`` and ``drop`` update them."""
        if self._standing is None:
            self._standing = StandingWeeks(protocol, self.judged_weeks(protocol, ends_on))
        return self._standing

    def put(self, key: RecordKey, record: StandingRecord) -> None:
        """Add or replace a record."""
        if self._history is not None and key not in self.records and record.order > self._last:
            self._appended.append(record)
            self._last = record.order
        else:
            assert self.complete, "a record that is not loaded cannot be replaced"
            self._forget_history()
        if self._standing is not None:
            if (replaced := self.records.get(key)) is not None:
                self._standing.drop(replaced.fact)
            self._standing.put(record.fact)
        self.records[key] = record

    def drop(self, key: RecordKey) -> None:
        """Remove a record, if it is there."""
        assert self.complete, "a record that is not loaded cannot be removed"
        if (dropped := self.records.pop(key, None)) is not None:
            self._forget_history()
            if self._standing is not None:
                self._standing.drop(dropped.fact)

    def without_records(self) -> "Person":
        """Return the person with the history alone, which takes a few bytes a record."""
        history = self.history()
        last = FIRST_NEW_ORDER - 1
        return replace(self, records={}, complete=False, _standing=None, _history=history, _last=last, _appended=[])

    def _forget_history(self) -> None:
        self._history, self._last, self._appended = None, -1, []

    def _build_history(self) -> tuple[History, int]:
        facts: dict[type[Fact], list[Any]] = {kind: [] for kind in KINDS.values()}
        ordered = sorted(self.records.values(), key=lambda record: record.order)
        for record in ordered:
            facts[type(record.fact)].append(_entry(record))
        kinds = map(tuple, facts.values())
        history = History(self.assigned_on, *kinds, target_group=self.target_group, settings=self.settings)
        return history, ordered[-1].order if ordered else -1


def _entry(record: StandingRecord) -> Any:
    """Return the fact as it is in a history: a conversation or an activation with its client."""
    return (record.client, record.fact) if isinstance(record.fact, WARNED_KINDS) else record.fact


def _with_records(history: History, records: Sequence[StandingRecord]) -> History:
    """Return a history with more records, registered after all in it."""
    added: dict[str, list[Any]] = {}
    for record in records:
        added.setdefault(_HISTORY_FIELDS[type(record.fact)], []).append(_entry(record))
    changes: dict[str, Any] = {name: (*getattr(history, name), *entries) for name, entries in added.items()}
    return replace(history, **changes)


_HISTORY_FIELDS: Mapping[type[Fact], str] = dict(
    zip(KINDS.values(), (each.name for each in fields(History) if each.name != "assigned_on"), strict=False)
)
"""The field of a history for the facts of each kind."""


class Change(NamedTuple):
    """A version to be written, with the one that it supersedes."""

    key: RecordKey
    before: Version | None
    after: Version


@dataclass(slots=True)
class RecordIngest:
    """Judges the records that one client sends of one kind."""

    protocol: Protocol
    ends_on: date
    enforcement: Enforcement
    kind: str
    client: str
    people: Mapping[UUID, Person]
    stored: dict[str, Version]
    """By external id the latest version of this client and kind."""
    order: dict[str, int]
    """By external id the order of first registration of the stored records."""
    changes: list[Change] = field(default_factory=list)
    before: dict[UUID, History] = field(default_factory=dict)
    """The history of each person whom a change touches, before the first change."""

    def receive(self, external_id: str, version: Version) -> RecordReport:
        """Judge one record and, unless it is refused, apply it.

        Codes: ``event_order``, ``revision_conflict``, and ``warnings.ENFORCED_CODES`` in a trial that enforces them.
        """
        stored = self.stored.get(external_id)
        outcome = decide(stored, version)
        if outcome == "rejected":
            return RecordReport("rejected", (("/revision", "revision_conflict"),))
        if outcome == "unchanged":
            if stored is not None and _rank(version) > _rank(stored):
                self._write(external_id, stored, replace(stored, revision=version.revision))
            return RecordReport("unchanged")
        if isinstance(version.fact, PresenceEvent) and self._person(version).assigned_on > version.fact.date:
            return RecordReport("rejected", (("/date", "event_order"),))
        if outcome == "stale":
            return RecordReport("stale")
        if version.fact is None:
            self._write(external_id, stored, _retraction(stored, version))
            return RecordReport(outcome)
        warnings = self._warnings(external_id, version)
        if self.enforcement == "refuse" and (refused := [code for code in warnings if code in ENFORCED_CODES]):
            return RecordReport("rejected", tuple((_POINTERS[code], code) for code in refused))
        self._write(external_id, stored, version)
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
        """Return the warnings against the person's weeks without the record. Changes nothing."""
        if not isinstance(version.fact, WARNED_KINDS):
            return ()
        person = self._person(version)
        weeks = person.standing_weeks(self.protocol, self.ends_on)
        replaced = person.records.get(self._key(external_id))
        if replaced is not None:
            weeks.drop(replaced.fact)
        warnings = weeks.warnings_of(version.fact)
        if replaced is not None:
            weeks.put(replaced.fact)
        return warnings

    def _order_of(self, external_id: str) -> int:
        return self.order.get(external_id, FIRST_NEW_ORDER + len(self.order))

    def _write(self, external_id: str, before: Version | None, after: Version) -> None:
        self.order[external_id] = self._order_of(external_id)
        key = self._key(external_id)
        if before is not None and before.participant_id is not None and not before.retracted:
            self._touch(before.participant_id).drop(key)
        if after.fact is not None and after.participant_id is not None and not after.retracted:
            record = StandingRecord(self._order_of(external_id), self.client, after.fact)
            self._touch(after.participant_id).put(key, record)
        self.stored[external_id] = after
        self.changes.append(Change(key, before, after))


WARNED_KINDS = (Conversation, Activation)
"""The facts that rules can warn of."""
FIRST_NEW_ORDER = 1 << 128
"""Orders from here on are of records first registered in this batch; stored records have 128-bit ids."""


def _retraction(stored: Version | None, sent: Version) -> Version:
    """Return the retraction with the fact that it retracts, so that the record's history shows it."""
    if stored is None:
        return sent
    return Version(stored.participant_id, sent.revision, stored.fact, sent.retraction_reason)


_POINTERS: Mapping[str, str] = {
    "form_not_accepted": "/form",
    "remote_too_early": "/form",
    "conducted_by_mentor": "/conducted_by",
    "hours_too_few": "/hours_per_week",
    "not_at_workplace": "/type",
}
