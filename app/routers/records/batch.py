"""Batches of records: any number of people at once, judged one by one."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic_core import to_json

from app.db.records.batch_request import BatchRequest, BatchResult, RecordInput
from app.db.records.pipeline import receive
from app.db.records.receipts import RequestKey
from app.domain.records.ingest import RecordReport
from app.routers.common.services import JSON, Services, ServicesDep, TrialPath, access_scope_of
from app.routers.records.batch_io import BatchReport, ReportLevel, media_type_of, read_batch, report_of
from app.routers.records.kinds import RecordKind, require_jobcentre_access
from app.routers.records.parse import RecordWire, read_record, wire_of
from app.routers.records.schemas import batch_body
from app.web.auth import Principal, requires
from app.web.metrics import BATCHES, RECORDS
from app.web.problems import BODY, COMMON, problem_responses

DryRun = Annotated[bool, Query(description="Judges everything and stores nothing.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description=(
            "Your own key of this request: sent again with the same request, it gets the report of the first; with"
            " another one it is refused (`idempotency_key_reused`)."
        ),
    ),
]


def add_batch(router: APIRouter, kind: RecordKind) -> None:
    wire = wire_of(kind.kind)

    @router.post(
        "/batch",
        operation_id=f"push{kind.plural}",
        summary=f"Send up to 10,000 {kind.kind}",
        status_code=207,
        response_model=BatchReport,
        openapi_extra=batch_body(kind),
        responses=problem_responses(*COMMON, *BODY, "not_found", "idempotency_key_reused"),
    )
    async def push(
        request: Request,
        services: ServicesDep,
        trial_id: TrialPath,
        principal: Annotated[Principal, Depends(requires(kind.writes))],
        dry_run: DryRun = False,
        atomic: Annotated[bool, Query(description="Stores all or, if one is rejected, nothing.")] = False,
        report: Annotated[
            ReportLevel, Query(description="`errors` leaves warnings out, `full` lists all.")
        ] = "default",
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Sends what is new, changed or taken back, for any number of people. Sending again is always safe.

        Each record is judged for itself: a faulty one is `rejected` with every fault and its pointer, and never stops
        the others. The answer is 207 whenever the records were looked at; it lists what was not plainly stored, and
        counts the rest. What was stored is on disk then, and in every report asked for afterwards.

        The same content again is `unchanged`. Other content replaces what is stored when its `revision` is higher; a
        lower one is `stale`, the same one is rejected (`revision_conflict`). Without revisions the later arrival wins.
        So send a `revision` with every record if your messages can overtake each other: the order of arrival then never
        matters.

        `atomic` stores all or nothing, `dry_run` judges and stores nothing. Without a list of 1 to 10,000 records, or
        when the body cannot be read, the whole batch is refused with 400, 413 or 422, and nothing is stored.
        """
        body = await request.body()
        records = read_batch(media_type_of(request), body)
        trial = await services.get_trial(principal, trial_id)
        require_jobcentre_access(principal, trial)
        external_ids, parsed = _read(wire, services, records)
        delivery = BatchRequest(
            trial,
            kind.kind,
            principal.client_id,
            principal.reads_person_of,
            access_scope_of(principal),
            parsed,
            keep=not dry_run,
            atomic=atomic,
            request=None if dry_run else request_key(request, body, idempotency_key),
            receipt=lambda received: to_json(report_of(received, external_ids, report)),
        )
        received = await receive(services.database, services.participant_cache, delivery)
        measure(kind.kind, received.reports, committed=received.committed)
        await _note_questions(services, principal, delivery, received)
        return Response(received.receipt, 207, media_type=JSON)


def measure(kind: str, reports: Sequence[RecordReport], *, committed: bool = True) -> None:
    BATCHES.labels(kind, str(committed).lower()).inc()
    for outcome, n in Counter(report.outcome for report in reports).items():
        RECORDS.labels(kind, outcome).inc(n)


async def _note_questions(
    services: Services, principal: Principal, delivery: BatchRequest, received: BatchResult
) -> None:
    """What a batch asks, it learns: whether the people in it are the client's, and what it would come to."""
    trial, kind, reports = delivery.trial, delivery.kind, received.reports
    if unknown := sum(code == "unknown_participant" for report in reports for _, code in report.errors):
        await services.audit_read(principal, "records.unknown_participant", trial.id, kind=kind, records=unknown)
    stored = received.committed and any(each.outcome in ("created", "updated", "retracted") for each in reports)
    if reports and not stored and unknown < len(reports):
        jobcentres = [code for code in trial.jobcentres if principal.reads_person_of(code)]
        await services.audit_read(principal, "records.judged", trial.id, jobcentres, kind=kind, received=len(reports))


def request_key(request: Request, body: bytes, key: str | None) -> RequestKey | None:
    """Of the key, too, only the hash is kept: a client may have put anything into it."""
    if key is None:
        return None
    described = f"{request.url.path}?{request.url.query}\n{request.headers.get('content-type')}\n"
    return RequestKey(hashlib.sha256(key.encode()).hexdigest(), hashlib.sha256(described.encode() + body).digest())


def _read(
    wire: RecordWire, services: Services, records: list[Any]
) -> tuple[list[str | None], list[RecordInput | RecordReport]]:
    today = services.today()
    read = [read_record(wire, record, today, services.vault.blind_index) for record in records]
    return [external_id for external_id, _ in read], [record for _, record in read]
