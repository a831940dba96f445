"""The audit log: who did or read what, when. Append-only, one hash chain per jobcentre for writes and one for reads.

An entry's hash is SHA-256 over the previous hash and the entry's content in canonical JSON (RFC 8785), so that a
changed, removed or inserted row breaks the chain from there on. Entries contain ids, codes, counts and dates, and no
personal data. Entries that belong to no single jobcentre are in the chain of ``EVERYWHERE``.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import rfc8785
from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES
from app.db.core.session import driver_of
from app.db.core.statements import compose

Chain = Literal["writes", "reads"]
EVERYWHERE = ""
_BEGINNING = bytes(32)


@dataclass(frozen=True, slots=True)
class NewAuditEntry:
    """An entry to append. ``details`` has strings, integers, null, and lists and maps of these."""

    jobcentre: str
    client: str | None
    action: str
    trial: str | None = None
    participant_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry with its place in a chain."""

    entry: NewAuditEntry
    chain: Chain
    position: int
    at: datetime
    previous_hash: bytes
    hash: bytes


def hash_of(previous: bytes, entry: NewAuditEntry, chain: Chain, position: int, at: datetime) -> bytes:
    """Compute the hash of an entry at this position of its chain."""
    content: dict[str, Any] = {
        "jobcentre": entry.jobcentre,
        "chain": chain,
        "position": position,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "client": entry.client,
        "action": entry.action,
        "trial": entry.trial,
        "participant": None if entry.participant_id is None else str(entry.participant_id),
        "details": dict(entry.details),
    }
    return hashlib.sha256(previous + rfc8785.dumps(content)).digest()


async def append_entries(
    connection: AsyncConnection, entries: Sequence[NewAuditEntry], chain: Chain = "writes"
) -> None:
    """Append entries in the transaction that they describe. Locks the chains in the order of their jobcentres."""
    await append_by(driver_of(connection), entries, chain)


async def append_by(driver: asyncpg.Connection, entries: Sequence[NewAuditEntry], chain: Chain) -> None:
    """Append entries on the driver's connection, for frequent appends: see ``append_entries``."""
    if not entries:
        return
    heads, at = await _lock_heads(driver, sorted({entry.jobcentre for entry in entries}), chain)
    stored: list[StoredEntry] = []
    for entry in entries:
        position, previous = heads[entry.jobcentre]
        digest = hash_of(previous, entry, chain, position, at)
        stored.append(StoredEntry(entry, chain, position, at, previous, digest))
        heads[entry.jobcentre] = (position + 1, digest)
    await driver.fetch(
        _APPEND,
        chain,
        at,
        list(heads),
        [length for length, _ in heads.values()],
        [head for _, head in heads.values()],
        [row.entry.jobcentre for row in stored],
        [row.position for row in stored],
        [row.entry.client for row in stored],
        [row.entry.action for row in stored],
        [row.entry.trial for row in stored],
        [row.entry.participant_id for row in stored],
        [to_json(row.entry.details).decode() for row in stored],
        [row.previous_hash for row in stored],
        [row.hash for row in stored],
    )


# Entries and heads in one statement: a round trip less for every append, and so for every single record and read.
_APPEND = """
    with moved as (
        update audit_chain set length = new.length, head = new.head
        from unnest($3::text[], $4::bigint[], $5::bytea[]) as new (jobcentre_code, length, head)
        where audit_chain.jobcentre_code = new.jobcentre_code and audit_chain.chain = $1::text
    )
    insert into audit_entry (jobcentre_code, chain, position, at, client_id, action, trial_id, participant_id, details,
                             previous_hash, hash)
    select jobcentre_code, $1::text, position, $2::timestamptz, client_id, action, trial_id, participant_id,
           cast(details as jsonb), previous_hash, hash
    from unnest($6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::uuid[], $12::text[], $13::bytea[],
                $14::bytea[])
         as entry (jobcentre_code, position, client_id, action, trial_id, participant_id, details, previous_hash, hash)
"""

# The moment is read when the last lock is held: the aggregate needs all rows.
_LOCK = """
    with held as materialized (
        select jobcentre_code, length, head from audit_chain
        where jobcentre_code = any($1::text[]) and chain = $2 order by jobcentre_code for update
    )
    select jobcentre_code, length, head, at
    from held, (select count(*) as chains, clock_timestamp() as at from held) as now where chains = $3
"""
_BEGIN = """
    insert into audit_chain (jobcentre_code, chain, length, head)
    select code, $2, 0, $3 from unnest($1::text[]) as code order by code
    on conflict do nothing
"""


async def _lock_heads(
    driver: asyncpg.Connection, jobcentres: Sequence[str], chain: Chain
) -> tuple[dict[str, tuple[int, bytes]], datetime]:
    """Lock chains until the transaction ends. Returns length and head of each, and the moment when all were locked.

    A chain begins when it is first needed.
    """
    rows = await driver.fetch(_LOCK, jobcentres, chain, len(jobcentres))
    if not rows:
        await driver.execute(_BEGIN, jobcentres, chain, _BEGINNING)
        rows = await driver.fetch(_LOCK, jobcentres, chain, len(jobcentres))
    return {code: (length, head) for code, length, head, _ in rows}, rows[0]["at"]


# --- verifying ------------------------------------------------------------------------------------------------------


def check_chain(entries: Iterable[StoredEntry], length: int, head: bytes) -> Iterator[str]:
    """Yield a sentence for every break in a chain: a changed, removed, inserted or moved entry."""
    previous, expected = _BEGINNING, 0
    for stored in entries:
        place = f"{stored.entry.jobcentre or 'everywhere'}, {stored.chain}, entry {stored.position}"
        if stored.position != expected:
            yield f"{place}: entry {expected} should stand here"
            expected = stored.position
        if stored.previous_hash != previous:
            yield f"{place}: does not follow the entry before it"
        if hash_of(stored.previous_hash, stored.entry, stored.chain, stored.position, stored.at) != stored.hash:
            yield f"{place}: its content is not what was hashed"
        previous, expected = stored.hash, expected + 1
    if (expected, previous) != (length, head):
        yield f"the chain ends at entry {expected - 1}, its head says {length - 1}"


async def check_audit(connection: AsyncConnection) -> tuple[int, list[str]]:
    """Return the number of entries, and a sentence for every fault in any chain."""
    faults: list[str] = []
    checked = 0
    chains = await connection.execute(
        text("select jobcentre_code, chain, length, head from audit_chain order by jobcentre_code, chain")
    )
    heads = chains.all()
    for row in heads:
        entries = await _entries_of(connection, row.jobcentre_code, row.chain)
        checked += len(entries)
        faults += check_chain(entries, row.length, row.head)
    with_head = {(row.jobcentre_code, row.chain) for row in heads}
    strays = await connection.execute(text("select distinct jobcentre_code, chain from audit_entry"))
    faults += [f"{code}, {chain}: entries without a chain" for code, chain in strays if (code, chain) not in with_head]
    return checked, faults


async def load_chain_heads(connection: AsyncConnection) -> list[dict[str, Any]]:
    """Load the head of every chain. A stored copy shows later whether an earlier entry was changed."""
    rows = await connection.execute(
        text("select jobcentre_code, chain, length, head from audit_chain order by jobcentre_code, chain")
    )
    return [
        {"jobcentre": row.jobcentre_code, "chain": row.chain, "length": row.length, "head": row.head.hex()}
        for row in rows
    ]


_SELECT = """
    select jobcentre_code, chain, position, at, client_id, action, trial_id, participant_id, details, previous_hash,
           hash
    from audit_entry
"""


async def _entries_of(connection: AsyncConnection, jobcentre: str, chain: str) -> list[StoredEntry]:
    rows = await connection.execute(
        text(f"{_SELECT} where jobcentre_code = :code and chain = :chain order by position"),
        {"code": jobcentre, "chain": chain},
    )
    return [_stored(row) for row in rows]


def _stored(row: Any) -> StoredEntry:
    entry = NewAuditEntry(row.jobcentre_code, row.client_id, row.action, row.trial_id, row.participant_id, row.details)
    return StoredEntry(entry, row.chain, row.position, row.at, row.previous_hash, row.hash)


async def _batches_of(connection: AsyncConnection, participant_id: UUID) -> list[str]:
    """Load the batches with versions of a participant's records: their entries concern the participant too."""
    versions = " union ".join(
        compose(
            """
            select batch_id from {table}
            where (jobcentre_code, trial_id, participant_id) in (
                select jobcentre_code, trial_id, participant_id from participant where participant_id = :participant)
            """,
            table=table.name,
        )
        for table in TABLES.values()
    )
    rows = await connection.execute(text(versions), {"participant": participant_id})
    return [str(batch_id) for batch_id in rows.scalars()]


async def list_entries(
    connection: AsyncConnection,
    participant_id: UUID | None,
    client: str | None,
    since: datetime | None,
    after: tuple[datetime, str, str, int] | None,
    limit: int,
) -> list[StoredEntry]:
    """List entries by their moment, from ``after`` on."""
    at, jobcentre, chain, position = after or (None, "", "", -1)
    batches = [] if participant_id is None else await _batches_of(connection, participant_id)
    rows = await connection.execute(
        text(
            f"""
            {_SELECT}
            where (cast(:participant as uuid) is null or participant_id = :participant
                   or details ->> 'batch' = any(cast(:batches as text[])))
              and (cast(:client as text) is null or client_id = :client)
              and (cast(:since as timestamptz) is null or at >= :since)
              and (cast(:at as timestamptz) is null
                   or (at, jobcentre_code, chain, position) > (:at, :jobcentre, :chain, :position))
            order by at, jobcentre_code, chain, position limit :limit
            """
        ),
        {
            "participant": participant_id,
            "batches": batches,
            "client": client,
            "since": since,
            "at": at,
            "jobcentre": jobcentre,
            "chain": chain,
            "position": position,
            "limit": limit,
        },
    )
    return [_stored(row) for row in rows]
