"""Receipts of batches: the report that a client got, for asking again, and for sending the same request again."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.statements import sql
from app.domain.records.errors import DomainError


@dataclass(frozen=True, slots=True)
class RequestKey:
    """An ``Idempotency-Key`` and the SHA-256 of the request that it came with."""

    key: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was answered to a batch, whole."""

    batch_id: UUID
    report: dict[str, Any]


async def store_receipt(
    connection: AsyncConnection,
    batch_id: UUID,
    client: str,
    trial_id: str,
    kind: str,
    report: bytes,
    request: RequestKey | None,
) -> bool:
    """Keeps the report of a batch for its client; False when another transaction used the request's key meanwhile."""
    stored = await connection.execute(
        sql(
            """
            insert into batch (batch_id, client_id, trial_id, kind, received_at, report, idempotency_key,
                               request_digest)
            values (:id, :client, :trial, :kind, clock_timestamp(), cast(cast(:report as text) as jsonb), :key, :digest)
            on conflict (client_id, idempotency_key) do nothing
            """
        ),
        {
            "id": batch_id,
            "client": client,
            "trial": trial_id,
            "kind": kind,
            "report": report.decode(),
            "key": None if request is None else request.key,
            "digest": None if request is None else request.digest,
        },
    )
    return bool(stored.rowcount)


async def find_receipt(connection: AsyncConnection, batch_id: UUID, client: str) -> dict[str, Any] | None:
    """The report of a batch that the client sent, None when there is none."""
    rows = await connection.execute(
        sql("select report from batch where batch_id = :id and client_id = :client"),
        {"id": batch_id, "client": client},
    )
    report: dict[str, Any] | None = rows.scalar_one_or_none()
    return report


async def find_receipt_by_key(connection: AsyncConnection, client: str, request: RequestKey) -> Receipt | None:
    """The receipt of the same request sent before. Refused: ``idempotency_key_reused`` for another request."""
    rows = await connection.execute(
        sql("select batch_id, report, request_digest from batch where client_id = :client and idempotency_key = :key"),
        {"client": client, "key": request.key},
    )
    row = rows.one_or_none()
    if row is None:
        return None
    if row.request_digest != request.digest:
        raise DomainError("idempotency_key_reused")
    return Receipt(row.batch_id, row.report)
