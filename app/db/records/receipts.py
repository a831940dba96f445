"""Receipts of batches: the stored reports, read again by batch id or by the idempotency key of the request."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.statements import sql
from app.db.records.batch_request import BatchRequest, RequestKey
from app.domain.records.errors import DomainError


@dataclass(frozen=True, slots=True)
class Receipt:
    """The stored report of a batch."""

    batch_id: UUID
    report: dict[str, Any]


async def store_receipt(connection: AsyncConnection, batch_id: UUID, request: BatchRequest, report: bytes) -> bool:
    """Store the report of a batch. Returns False if another transaction stored the request's key meanwhile."""
    key = request.key
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
            "client": request.client,
            "trial": request.trial.id,
            "kind": request.kind,
            "report": report.decode(),
            "key": None if key is None else key.key,
            "digest": None if key is None else key.digest,
        },
    )
    return bool(stored.rowcount)


async def find_receipt(connection: AsyncConnection, batch_id: UUID, client: str) -> tuple[str, dict[str, Any]] | None:
    """Return the kind and the report of a batch that the client sent, or None."""
    rows = await connection.execute(
        sql("select kind, report from batch where batch_id = :id and client_id = :client"),
        {"id": batch_id, "client": client},
    )
    row = rows.one_or_none()
    return None if row is None else (row.kind, row.report)


async def find_receipt_by_key(connection: AsyncConnection, client: str, key: RequestKey) -> Receipt | None:
    """Return the receipt of the same request, or None. Error ``idempotency_key_reused``: another request's key."""
    rows = await connection.execute(
        sql("select batch_id, report, request_digest from batch where client_id = :client and idempotency_key = :key"),
        {"client": client, "key": key.key},
    )
    row = rows.one_or_none()
    if row is None:
        return None
    if row.request_digest != key.digest:
        raise DomainError("idempotency_key_reused")
    return Receipt(row.batch_id, row.report)
