"""A batch of records into the register: resolve, lock, load, judge, write, all in one transaction.

One pipeline for every kind. What a record does is decided by ``app.domain.ingest``; here is only what it takes to ask
it (``hearing``) and to keep the answer (``writing``).
"""

from dataclasses import replace

import asyncpg
from pydantic_core import to_json
from sqlalchemy.exc import DBAPIError

from app.db.core.ids import uuid7_at
from app.db.core.session import Database
from app.db.derived.participant_cache import ParticipantCache
from app.db.records.batch_request import BatchRequest, BatchResult
from app.db.records.judge import BatchJudge, UnlockedStratumError
from app.db.records.receipts import find_receipt_by_key, store_receipt
from app.db.records.store import store_batch
from app.db.records.versions import ChangedMeanwhileError
from app.domain.records.errors import DomainError

_ATTEMPTS = 10
RETRYABLE_SQLSTATES = frozenset({"40001", "40P01"})
"""SQL states after which the same transaction may go well: serialization failure, deadlock."""


async def receive(database: Database, participant_cache: ParticipantCache, delivery: BatchRequest) -> BatchResult:
    """Judges and stores a delivery. When it returns with ``committed``, all of it is on disk and in every report.

    Refused: ``unavailable`` when others of the same client were quicker every time; sending it again is safe.
    """
    elsewhere: frozenset[str] = frozenset()
    for attempt in range(_ATTEMPTS):
        try:
            return await _receive_once(database, participant_cache, delivery, elsewhere)
        except UnlockedStratumError as error:
            elsewhere |= error.places
        except ChangedMeanwhileError:
            pass
        except (DBAPIError, asyncpg.PostgresError) as error:
            of_driver = error.orig if isinstance(error, DBAPIError) else error
            if getattr(of_driver, "sqlstate", None) not in RETRYABLE_SQLSTATES or attempt == _ATTEMPTS - 1:
                raise
    raise DomainError("unavailable", "Other requests kept changing the same records; send it again.")


async def _receive_once(
    database: Database, participant_cache: ParticipantCache, delivery: BatchRequest, elsewhere: frozenset[str]
) -> BatchResult:
    async with database.write(delivery.scope, keep=delivery.keep) as connection:
        if delivery.request is not None:
            earlier = await find_receipt_by_key(connection, delivery.client, delivery.request)
            if earlier is not None:
                return BatchResult(earlier.batch_id, True, (), to_json(earlier.report))
        if delivery.prepare is not None:
            delivery = await delivery.prepare(connection)
        hearing = BatchJudge(connection, delivery, participant_cache, elsewhere)
        reports = await hearing.judge()
        rejected = any(report.outcome == "rejected" for report in reports)
        committed = delivery.keep and not (delivery.atomic and rejected)
        batch_id = uuid7_at(hearing.moment)
        if committed:
            await store_batch(hearing, batch_id)
        received = BatchResult(batch_id if delivery.keep else None, committed, reports)
        if delivery.receipt is not None:
            received = replace(received, receipt=delivery.receipt(received))
            if delivery.keep:
                owner = (delivery.client, delivery.trial.id, delivery.kind)
                if not await store_receipt(connection, batch_id, *owner, received.receipt, delivery.request):
                    raise ChangedMeanwhileError
    if committed:
        hearing.remember()
    return received
