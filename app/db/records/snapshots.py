"""A snapshot of a jobcentre's activations as a delivery: what is new, changed or gone, found under the lock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES
from app.db.participants.resolve import ResolvedPerson, resolve_people
from app.db.records.batch_request import BatchRequest, BatchResult, RecordInput
from app.db.trials.strata import lock_strata
from app.domain.facts import Activation
from app.domain.records.ingest import RecordReport
from app.domain.records.spell_matching import Spell, match_spells

KIND = "activations"
_RETRACTED = "entered_in_error"
_LAST_REVISION = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SnapshotLine:
    """A record of a snapshot as sent, without an id of its own. ``person`` is legible even in a faulty one."""

    person: UUID | bytes | None
    record: RecordInput | RecordReport


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a client knows of a jobcentre's activations that start in a span of days."""

    jobcentre: str
    first: date
    last: date
    lines: Sequence[SnapshotLine]


@dataclass(frozen=True, slots=True)
class _Held:
    """A standing record that the snapshot replaces."""

    spell: Spell
    revision: int | None


ReceiptOf = Callable[[Sequence[str | None]], Callable[[BatchResult], bytes]]
"""Makes the receipt for a delivery whose records have these external ids, the vanished ones last."""


def delivery_of(delivery: BatchRequest, snapshot: Snapshot, receipt_of: ReceiptOf) -> BatchRequest:
    """The delivery of a snapshot: its records are found when its transaction has begun."""

    async def prepare(connection: AsyncConnection) -> BatchRequest:
        records, external_ids = await _records(connection, delivery, snapshot)
        return replace(delivery, records=records, receipt=receipt_of(external_ids))

    return replace(delivery, prepare=prepare)


async def _records(
    connection: AsyncConnection, delivery: BatchRequest, snapshot: Snapshot
) -> tuple[list[RecordInput | RecordReport], list[str | None]]:
    """The snapshot's lines as records with ids, and a retraction of each record that it no longer holds.

    Two snapshots of a jobcentre take turns: its stratum is locked before anything is compared.
    """
    await lock_strata(connection, delivery.trial.id, [snapshot.jobcentre])
    people = await _people(connection, delivery, snapshot)
    lines = [_placed(line, people, snapshot) for line in snapshot.lines]
    held = await _held(connection, delivery, snapshot)
    sound = [each for each in lines if isinstance(each, Spell)]
    spared = {
        people[line.person].participant_id
        for line, placed in zip(snapshot.lines, lines, strict=True)
        if isinstance(placed, RecordReport) and line.person is not None and line.person in people
    }
    aligned = match_spells({external_id: each.spell for external_id, each in held.items()}, sound, spared)
    named = iter(zip(sound, aligned.ids, strict=True))
    records: list[RecordInput | RecordReport] = []
    external_ids: list[str | None] = []
    for placed in lines:
        if isinstance(placed, RecordReport):
            records.append(placed)
            external_ids.append(None)
        else:
            spell, external_id = next(named)
            records.append(_sent(external_id, spell, held.get(external_id)))
            external_ids.append(external_id)
    for external_id in aligned.vanished:
        revision = _above(held[external_id].revision)
        records.append(RecordInput(external_id, revision, None, None, None, _RETRACTED))
        external_ids.append(external_id)
    return records, external_ids


async def _people(
    connection: AsyncConnection, delivery: BatchRequest, snapshot: Snapshot
) -> dict[UUID | bytes, ResolvedPerson]:
    ids = [line.person for line in snapshot.lines if isinstance(line.person, UUID)]
    indexes = [line.person for line in snapshot.lines if isinstance(line.person, bytes)]
    return await resolve_people(connection, delivery.trial.id, ids, indexes)


def _placed(line: SnapshotLine, people: dict[UUID | bytes, ResolvedPerson], snapshot: Snapshot) -> Spell | RecordReport:
    """The line as a spell of a participant, or why it is none of this snapshot."""
    record = line.record
    if isinstance(record, RecordReport):
        return record
    pointer = "/participant_id" if isinstance(line.person, UUID) else "/cpr"
    someone = None if line.person is None else people.get(line.person)
    if someone is None:
        return RecordReport("rejected", ((pointer, "unknown_participant"),))
    if someone.jobcentre != snapshot.jobcentre:
        return RecordReport("rejected", ((pointer, "other_jobcentre"),))
    if not someone.drawn:
        return RecordReport("rejected", ((pointer, "not_drawn"),))
    assert isinstance(record.fact, Activation), "a line that could be read is an activation"
    if not snapshot.first <= record.fact.starts_on <= snapshot.last:
        return RecordReport("rejected", (("/starts_on", "outside_span"),))
    return Spell(someone.participant_id, record.fact)


def _sent(external_id: str, spell: Spell, held: _Held | None) -> RecordInput:
    """The record of a spell; one that was stored with a revision and has changed gets the next."""
    changed = held is not None and held.spell != spell
    revision = _above(held.revision) if held is not None and changed else None
    return RecordInput(external_id, revision, spell.participant_id, None, spell.fact, None)


def _above(revision: int | None) -> int | None:
    return None if revision is None else min(revision + 1, _LAST_REVISION)


async def _held(connection: AsyncConnection, delivery: BatchRequest, snapshot: Snapshot) -> dict[str, _Held]:
    """The client's standing records of the jobcentre that start in the span, whatever way they were sent."""
    table = TABLES[KIND]
    rows = await connection.execute(
        text(
            f"""
            select external_id, participant_id, revision, {", ".join(table.columns)} from {table.name}
            where jobcentre_code = :jobcentre and trial_id = :trial and client_id = :client
              and starts_on between :first and :last and superseded_at = 'infinity' and retraction_reason is null
            """  # noqa: S608 - table and columns of our own
        ),
        {
            "jobcentre": snapshot.jobcentre,
            "trial": delivery.trial.id,
            "client": delivery.client,
            "first": snapshot.first,
            "last": snapshot.last,
        },
    )
    held: dict[str, _Held] = {}
    for row in rows:
        fact: Any = table.fact_of(row)
        held[row.external_id] = _Held(Spell(row.participant_id, fact), row.revision)
    return held
