"""Push: any number of records in batches, each sent until it is acknowledged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from rettevej_client.batches import MAX_BYTES, Batch, Batcher
from rettevej_client.core import END, NextRecord, Operation, Request, RetryPolicy, read_json, send_with_retries
from rettevej_client.errors import AnswerError, RettevejError
from rettevej_client.paths import path_of
from rettevej_client.results import Acknowledged, Progress, PushResult, ResultBuilder, parse_report, rejected_locally

BATCH_RECORDS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """Options of a push.

    ``dry_run`` judges every batch for itself and stores nothing. ``warnings`` requests the warnings of stored records.
    After each batch, ``progress`` is called with the counts so far and ``on_batch`` with the acknowledged batch.
    Without ``keep_rows`` the result has no rows; ``on_batch`` gets them.

    ``run`` and ``first`` resume a push: its name, and the number of records that were acknowledged and are skipped.
    The same ``run`` and content have the same Idempotency-Keys, so the register repeats the report of a batch whose
    response was lost, and does not process the batch again.
    """

    dry_run: bool = False
    warnings: bool = True
    batch_records: int = BATCH_RECORDS
    batch_bytes: int = MAX_BYTES
    progress: Callable[[Progress], None] | None = None
    on_batch: Callable[[Acknowledged], None] | None = None
    keep_rows: bool = True
    run: str | None = None
    first: int = 0


def push(trial: str, kind: str, options: PushOptions, retry_policy: RetryPolicy) -> Operation[PushResult]:
    """Read all records, and send each batch that is full. One batch is sent at a time, so that the register judges the
    records in the order of the input."""
    batcher = Batcher(options.run or uuid4().hex, options.batch_records, options.batch_bytes, options.first)
    results = ResultBuilder(dry_run=options.dry_run, keep_rows=options.keep_rows)
    try:
        while (record := (yield NextRecord())) is not END:
            for batch in batcher.add(record):
                yield from _send_batch(trial, kind, batch, options, retry_policy, results)
        for batch in batcher.flush():
            yield from _send_batch(trial, kind, batch, options, retry_policy, results)
    except RettevejError as error:
        error.so_far = results.result()
        raise
    return results.result()


def _send_batch(
    trial: str, kind: str, batch: Any, options: PushOptions, retry_policy: RetryPolicy, results: ResultBuilder
) -> Operation[None]:
    if isinstance(batch, Batch):
        response = yield from send_with_retries(batch_request(trial, kind, batch, options), retry_policy)
        report = read_json(response)
        if response.status != 207 or not isinstance(report, dict) or report.get("received") != batch.records:
            raise AnswerError("the answer is no report of the batch: is that the address of the register?")
        batch_result = parse_report(batch, report)
    else:
        batch_result = rejected_locally(batch.index)
    progress = results.add(batch_result)
    if options.on_batch is not None:
        options.on_batch(batch_result)
    if options.progress is not None:
        options.progress(progress)


def batch_request(trial: str, kind: str, batch: Batch, options: PushOptions) -> Request:
    """Return the request that sends a batch. The Idempotency-Key makes it safe to repeat."""
    params = {"dry_run": "true"} if options.dry_run else {}
    if not options.warnings:
        params["report"] = "errors"
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": batch.key}
    return Request("POST", path_of("v1", "trials", trial, kind, "batch"), params, headers, batch.body)
