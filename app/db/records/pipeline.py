"""Batch pipeline for every kind of record: resolve, lock, load, judge, store, in one transaction.

``app.domain.records.ingest`` decides each record; ``judge`` prepares its decision and ``store`` writes it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import asyncpg
from pydantic_core import to_json
from sqlalchemy.exc import DBAPIError

from app.db.core.ids import uuid7_at
from app.db.core.session import BATCH, Database
from app.db.derived.participant_cache import ParticipantCache
from app.db.records.batch_request import BatchRequest, BatchResult
from app.db.records.judge import BatchJudge, Judgement, UnlockedStratumError, cache_people
from app.db.records.receipts import find_receipt_by_key, store_receipt
from app.db.records.snapshots import Snapshot, load_snapshot_records
from app.db.records.store import store_batch
from app.db.records.versions import ChangedMeanwhileError
from app.domain.records.errors import DomainError

MakeReceipt = Callable[[BatchRequest, BatchResult], bytes]
"""Encodes the report that the client gets, and that is stored for it."""
_ATTEMPTS = 10
RETRYABLE_SQLSTATES = frozenset({"40001", "40P01"})
"""SQL states after which the same transaction may succeed: serialization failure, deadlock."""


async def receive(
    database: Database,
    participant_cache: ParticipantCache,
    request: BatchRequest,
    make_receipt: MakeReceipt | None = None,
    snapshot: Snapshot | None = None,
) -> BatchResult:
    """Judge and store a batch. With ``committed`` all of it is on disk, and in every report from then on.

    The records are those of the request or, with a snapshot, are derived from it and what is stored. Error
    ``database_unavailable``: other transactions changed the same records in each of ten attempts; a repetition is safe.
    """
    extra_jobcentres: frozenset[str] = frozenset()
    for attempt in range(_ATTEMPTS):
        try:
            return await _receive_once(database, participant_cache, request, make_receipt, snapshot, extra_jobcentres)
        except UnlockedStratumError as error:
            extra_jobcentres |= error.jobcentres
        except ChangedMeanwhileError:
            pass
        except (DBAPIError, asyncpg.PostgresError) as error:
            driver_error = error.orig if isinstance(error, DBAPIError) else error
            if getattr(driver_error, "sqlstate", None) not in RETRYABLE_SQLSTATES or attempt == _ATTEMPTS - 1:
                raise
    raise DomainError("database_unavailable", "Other requests kept changing the same records; send it again.")


async def _receive_once(
    database: Database,
    participant_cache: ParticipantCache,
    request: BatchRequest,
    make_receipt: MakeReceipt | None,
    snapshot: Snapshot | None,
    extra_jobcentres: frozenset[str],
) -> BatchResult:
    limits = BATCH if make_receipt is not None else None
    async with database.write(request.scope, request.trial.id, commit=not request.dry_run, limits=limits) as connection:
        if request.key is not None:
            earlier = await find_receipt_by_key(connection, request.client, request.key)
            if earlier is not None:
                return BatchResult(earlier.batch_id, True, (), to_json(earlier.report))
        loaded = None if snapshot is None else await load_snapshot_records(connection, request, snapshot)
        if loaded is not None:
            request = replace(request, records=loaded.records)
        judgement = await BatchJudge(connection, request, participant_cache, extra_jobcentres).judge()
        batch_id = uuid7_at(judgement.moment)
        committed = _is_committed(judgement) and (loaded is None or not loaded.check.held_back)
        if committed:
            await store_batch(connection, judgement, batch_id)
        result = BatchResult(None if request.dry_run else batch_id, committed, judgement.reports)
        if loaded is not None:
            result = replace(result, reports=loaded.with_warnings(judgement.reports), snapshot=loaded.check)
        if make_receipt is not None:
            receipt = await asyncio.to_thread(make_receipt, request, result)
            result = replace(result, receipt=receipt)
            if not request.dry_run and not await store_receipt(connection, batch_id, request, result.receipt):
                raise ChangedMeanwhileError
    if committed:
        cache_people(participant_cache, judgement)
    return result


def _is_committed(judgement: Judgement) -> bool:
    request = judgement.request
    rejected = request.atomic and any(report.outcome == "rejected" for report in judgement.reports)
    return not (request.dry_run or rejected)
