"""The audit trail: who did or read what, when. Append-only, one hash chain per jobcentre for writes and one for reads.

An entry's hash is SHA-256 over the hash before it and the entry's content in canonical JSON (RFC 8785), so that a
changed, removed or inserted row breaks the chain from there on. Nothing personal stands in an entry: ids, codes, counts
and dates. What belongs to no single jobcentre stands in the chain of ``EVERYWHERE``.
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
    """Something that was done. ``details`` holds strings, integers, null, and lists and maps of these."""

    jobcentre: str
    client: str | None
    action: str
    trial: str | None = None
    participant_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it stands in its chain."""

    entry: NewAuditEntry
    chain: Chain
    position: int
    at: datetime
    previous_hash: bytes
    hash: bytes


def hash_of(previous: bytes, entry: NewAuditEntry, chain: Chain, position: int, at: datetime) -> bytes:
    """The hash that an entry at this place of its chain must have."""
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
    """Appends entries in the transaction of what they tell. Locks the chains in the order of their jobcentres."""
    await append_by(driver_of(connection), entries, chain)


async def append_by(driver: asyncpg.Connection, entries: Sequence[NewAuditEntry], chain: Chain) -> None:
    """The same on the driver's connection: every single record and read is noted, and waits for it."""
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
        [each.entry.jobcentre for each in stored],
        [each.position for each in stored],
        [each.entry.client for each in stored],
        [each.entry.action for each in stored],
        [each.entry.trial for each in stored],
        [each.entry.participant_id for each in stored],
        [to_json(each.entry.details).decode() for each in stored],
        [each.previous_hash for each in stored],
        [each.hash for each in stored],
    )


# Entries and heads in one statement: every append costs a round trip less, and so does every single record and read.
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

# The moment is read when the last lock is held: an aggregate is there when all it is made of is.
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
    """Length and head of each chain, held until the transaction ends, and the moment from which all were held.

    A chain begins when it is first needed.
    """
    rows = await driver.fetch(_LOCK, jobcentres, chain, len(jobcentres))
    if not rows:
        await driver.execute(_BEGIN, jobcentres, chain, _BEGINNING)
        rows = await driver.fetch(_LOCK, jobcentres, chain, len(jobcentres))
    return {code: (length, head) for code, length, head, _ in rows}, rows[0]["at"]


# --- verifying ------------------------------------------------------------------------------------------------------


def check_chain(entries: Iterable[StoredEntry], length: int, head: bytes) -> Iterator[str]:
    """Every break in a chain, in one sentence each: a changed, removed, inserted or moved entry."""
    previous, expected = _BEGINNING, 0
    for each in entries:
        place = f"{each.entry.jobcentre or 'everywhere'}, {each.chain}, entry {each.position}"
        if each.position != expected:
            yield f"{place}: entry {expected} should stand here"
            expected = each.position
        if each.previous_hash != previous:
            yield f"{place}: does not follow the entry before it"
        if hash_of(each.previous_hash, each.entry, each.chain, each.position, each.at) != each.hash:
            yield f"{place}: its content is not what was hashed"
        previous, expected = each.hash, expected + 1
    if (expected, previous) != (length, head):
        yield f"the chain ends at entry {expected - 1}, its head says {length - 1}"


async def check_audit(connection: AsyncConnection) -> tuple[int, list[str]]:
    """How many entries there are, and every fault in any chain."""
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
    known = {(row.jobcentre_code, row.chain) for row in heads}
    strays = await connection.execute(text("select distinct jobcentre_code, chain from audit_entry"))
    faults += [f"{code}, {chain}: entries without a chain" for code, chain in strays if (code, chain) not in known]
    return checked, faults


async def load_chain_heads(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The head of every chain: who keeps these can tell later whether anything before was changed."""
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
    """The batches that brought versions of a participant's records: their entries speak of the participant too."""
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
    """Entries by their moment, those after one of them."""
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
