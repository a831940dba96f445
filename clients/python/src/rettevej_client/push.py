"""A push: records of any number, in batches, each sent until it is acknowledged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from rettevej_client.batches import MOST_BYTES, Batch, Batcher
from rettevej_client.core import END, Request, RetryPolicy, Steps, TakeRecord, exchange, read_json
from rettevej_client.errors import AnswerError, RettevejError
from rettevej_client.paths import path_of
from rettevej_client.results import Acknowledged, Progress, PushResult, Tally, acknowledged, refused_here

BATCH_RECORDS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """How records are sent.

    ``dry_run``: everything is judged, nothing stored; each batch is judged for itself. ``warnings``: whether the rules'
    remarks on stored records are asked for. ``progress`` is called after each batch, and ``on_batch`` with what became
    of it; without ``keep_rows`` the rows are told there alone, and none are held for the result.

    ``run`` and ``first`` are for going on with a run that broke off: its name, and how many records of the input were
    acknowledged and are left out now. The same ``run`` and content give the same Idempotency-Keys, so that a batch
    whose answer was lost is answered once more, and not looked at again.
    """

    dry_run: bool = False
    warnings: bool = True
    batch_records: int = BATCH_RECORDS
    batch_bytes: int = MOST_BYTES
    progress: Callable[[Progress], None] | None = None
    on_batch: Callable[[Acknowledged], None] | None = None
    keep_rows: bool = True
    run: str | None = None
    first: int = 0


def push(trial: str, kind: str, options: PushOptions, retry_policy: RetryPolicy) -> Steps[PushResult]:
    """Takes records until there are none, and sends each batch as it fills. One batch is under way at a time: the
    order of the input is the order in which records are judged."""
    batcher = Batcher(options.run or uuid4().hex, options.batch_records, options.batch_bytes, options.first)
    tally = Tally(dry_run=options.dry_run, keep_rows=options.keep_rows)
    try:
        while (record := (yield TakeRecord())) is not END:
            for batch in batcher.add(record):
                yield from _deliver(trial, kind, batch, options, retry_policy, tally)
        for batch in batcher.rest():
            yield from _deliver(trial, kind, batch, options, retry_policy, tally)
    except RettevejError as error:
        error.so_far = tally.result()
        raise
    return tally.result()


def _deliver(
    trial: str, kind: str, batch: Any, options: PushOptions, retry_policy: RetryPolicy, tally: Tally
) -> Steps[None]:
    if isinstance(batch, Batch):
        answer = yield from exchange(batch_request(trial, kind, batch, options), retry_policy)
        report = read_json(answer)
        if answer.status != 207 or not isinstance(report, dict) or report.get("received") != batch.records:
            raise AnswerError("the answer is no report of the batch: is that the address of the register?")
        answered = acknowledged(kind, batch, report)
    else:
        answered = refused_here(batch.index, "too_large")
    progress = tally.add(answered)
    if options.on_batch is not None:
        options.on_batch(answered)
    if options.progress is not None:
        options.progress(progress)


def batch_request(trial: str, kind: str, batch: Batch, options: PushOptions) -> Request:
    """The request that sends a batch. Its key makes it safe to send again, whatever became of it before."""
    params = {"dry_run": "true"} if options.dry_run else {}
    if not options.warnings:
        params["report"] = "errors"
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": batch.key}
    return Request("POST", path_of("v1", "trials", trial, kind, "batch"), params, headers, batch.body)
