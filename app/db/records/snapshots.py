"""Snapshots of a jobcentre's activations as records: compared with the stored ones under the stratum's lock."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES
from app.db.core.statements import sql
from app.db.participants.resolve import ResolvedPerson, resolve_people
from app.db.records.batch_request import BatchRequest, MalformedRecord, RecordInput, SnapshotCheck
from app.db.trials.strata import lock_strata
from app.domain.facts import Activation
from app.domain.records.ingest import RecordReport
from app.domain.records.spell_matching import HoldReason, Removals, Spell, count_removals, match_spells

KIND = "activations"
_IDENTICAL = "identical_line"
_RETRACTED = "entered_in_error"
_MAX_REVISION = 2**63 - 1
_REFUSED = frozenset({"hours_out_of_range", "ends_before_start"})
"""Faults of lines that can be read, and that a rule refuses: they hold nothing back."""


@dataclass(frozen=True, slots=True)
class SnapshotLine:
    """A record of a snapshot, without an id of its own. ``person`` may be legible even if the record is malformed."""

    person: UUID | bytes | None
    record: RecordInput | MalformedRecord

    @property
    def is_unreadable(self) -> bool:
        """Whether the line may be any spell of any person, so that nothing may be taken back."""
        if not isinstance(self.record, MalformedRecord):
            return False
        return self.person is None or any(code not in _REFUSED for _, code in self.record.report.errors)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All activations of a jobcentre that a client has, and that start in a span of days, ends included.

    ``accept_removals`` is the number of records that may be taken back; None: a tenth, and nobody's every spell.
    """

    jobcentre: str
    first: date
    last: date
    lines: Sequence[SnapshotLine]
    accept_removals: int | None = None


@dataclass(frozen=True, slots=True)
class SnapshotRecords:
    """A snapshot as records with ids, and what has to be known before they are stored."""

    records: Sequence[RecordInput | MalformedRecord]
    repeats: Collection[int]
    """Positions of lines that are identical to an earlier one."""
    check: SnapshotCheck

    def with_warnings(self, reports: Sequence[RecordReport]) -> Sequence[RecordReport]:
        """Return the reports with the warning ``identical_line`` for each repeated line that was not rejected."""
        return [
            replace(report, warnings=(*report.warnings, _IDENTICAL))
            if position in self.repeats and report.outcome != "rejected"
            else report
            for position, report in enumerate(reports)
        ]


@dataclass(frozen=True, slots=True)
class _StoredSpell:
    """A standing record that the snapshot replaces."""

    spell: Spell
    revision: int | None


async def load_snapshot_records(
    connection: AsyncConnection, request: BatchRequest, snapshot: Snapshot
) -> SnapshotRecords:
    """Return the snapshot's lines as records with ids, then a retraction of each stored record that it lacks.

    Locks the stratum before it compares, so that two snapshots of a jobcentre run one after the other.
    """
    await lock_strata(connection, request.trial.id, [snapshot.jobcentre])
    ids = [line.person for line in snapshot.lines if isinstance(line.person, UUID)]
    indexes = [line.person for line in snapshot.lines if isinstance(line.person, bytes)]
    people = await resolve_people(connection, request.trial.id, ids, indexes)
    lines = [_spell_or_malformed(line, people, snapshot) for line in snapshot.lines]
    stored = await _load_stored_spells(connection, request, snapshot)
    stored_spells = {external_id: row.spell for external_id, row in stored.items()}
    positions = [position for position, line in enumerate(lines) if isinstance(line, Spell)]
    spells = [line for line in lines if isinstance(line, Spell)]
    unread_people = {
        people[line.person].participant_id
        for line, parsed in zip(snapshot.lines, lines, strict=True)
        if isinstance(parsed, MalformedRecord) and line.person is not None and line.person in people
    }
    match = match_spells(stored_spells, spells, unread_people)
    ids_of_spells = iter(match.ids)
    records = [
        parsed if isinstance(parsed, MalformedRecord) else _spell_record(next(ids_of_spells), line, parsed, stored)
        for line, parsed in zip(snapshot.lines, lines, strict=True)
    ]
    for external_id in match.vanished:
        revision = _next_revision(stored[external_id].revision)
        records.append(RecordInput(external_id, revision, None, None, None, _RETRACTED))
    removals = count_removals(stored_spells, spells, match.vanished)
    return SnapshotRecords(records, {positions[index] for index in match.repeats}, _check(snapshot, removals))


def _check(snapshot: Snapshot, removals: Removals) -> SnapshotCheck:
    unreadable = sum(line.is_unreadable for line in snapshot.lines)
    reasons: list[HoldReason] = ["unreadable_line"] if unreadable else []
    return SnapshotCheck(removals, unreadable, reasons + removals.excess(snapshot.accept_removals))


def _spell_or_malformed(
    line: SnapshotLine, people: Mapping[UUID | bytes, ResolvedPerson], snapshot: Snapshot
) -> Spell | MalformedRecord:
    """Return the line as a spell of a participant, or why it is not a spell of this snapshot."""
    record = line.record
    if isinstance(record, MalformedRecord):
        return record
    pointer = "/participant_id" if isinstance(line.person, UUID) else "/cpr"
    person = None if line.person is None else people.get(line.person)
    if person is None:
        return _malformed(pointer, "unknown_participant")
    if person.jobcentre != snapshot.jobcentre:
        return _malformed(pointer, "other_jobcentre")
    if not person.drawn:
        return _malformed(pointer, "not_drawn")
    assert isinstance(record.fact, Activation), "a well-formed line is an activation"
    if not snapshot.first <= record.fact.starts_on <= snapshot.last:
        return _malformed("/starts_on", "outside_span")
    return Spell(person.participant_id, record.fact)


def _malformed(pointer: str, code: str) -> MalformedRecord:
    return MalformedRecord(None, RecordReport("rejected", ((pointer, code),)))


def _spell_record(
    external_id: str, line: SnapshotLine, spell: Spell, stored: Mapping[str, _StoredSpell]
) -> RecordInput:
    """Return the record of a spell. If a record with a revision has changed, it gets the next revision."""
    earlier = stored.get(external_id)
    changed = earlier is not None and earlier.spell != spell
    revision = _next_revision(earlier.revision) if earlier is not None and changed else None
    sent_number = line.record.sent_number if isinstance(line.record, RecordInput) else None
    return RecordInput(external_id, revision, spell.participant_id, None, spell.fact, None, sent_number)


def _next_revision(revision: int | None) -> int | None:
    return None if revision is None else min(revision + 1, _MAX_REVISION)


async def _load_stored_spells(
    connection: AsyncConnection, request: BatchRequest, snapshot: Snapshot
) -> dict[str, _StoredSpell]:
    """Return the client's standing records of the jobcentre that start in the span, by external id."""
    table = TABLES[KIND]
    rows = await connection.execute(
        sql(
            """
            select external_id, participant_id, revision, {columns} from {table}
            where jobcentre_code = :jobcentre and trial_id = :trial and client_id = :client
              and starts_on between :first and :last and superseded_at = 'infinity' and retraction_reason is null
            """,
            columns=table.columns,
            table=table.name,
        ),
        {
            "jobcentre": snapshot.jobcentre,
            "trial": request.trial.id,
            "client": request.client,
            "first": snapshot.first,
            "last": snapshot.last,
        },
    )
    stored: dict[str, _StoredSpell] = {}
    for row in rows:
        fact: Any = table.fact_of(row)
        stored[row.external_id] = _StoredSpell(Spell(row.participant_id, fact), row.revision)
    return stored
