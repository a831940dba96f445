"""Endpoint for batches of records of any number of people; each record is judged for itself."""

import hmac
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from app.db.core.session import EMPTY_SCOPE
from app.db.core.slices import in_slices
from app.db.personal_data.vault import trial_key_name
from app.db.records.batch_request import BatchRequest, BatchResult, MalformedRecord, RecordInput, RequestKey
from app.db.records.pipeline import receive
from app.db.trials.trials import Trial
from app.domain.records.ingest import RecordReport
from app.routers.common.services import Services, ServicesDep, TrialPath, access_scope_of
from app.routers.records.batch_io import BatchReport, ReportLevel, encode_report, media_type_of, read_batch, with_hints
from app.routers.records.kinds import RecordKind, is_register, jobcentres_of, require_jobcentre_access
from app.routers.records.parse import read_record, wire_of
from app.routers.records.schemas import batch_body
from app.web.auth import Principal, requires
from app.web.json_body import decoded
from app.web.meanings import respond_report
from app.web.metrics import BATCHES, RECORDS
from app.web.problems import BODY, COMMON, problem_responses

DryRun = Annotated[bool, Query(description="Judges everything and stores nothing.")]
Atomic = Annotated[bool, Query(description="Stores all or, if one is rejected, nothing.")]
Level = Annotated[ReportLevel, Query(description="`errors` leaves warnings out, `full` lists all.")]
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
    """Add the batch endpoint of a kind."""

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
        atomic: Atomic = False,
        report: Level = "default",
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
        trial = await services.get_trial(principal, trial_id)
        codes = frozenset(require_jobcentre_access(principal, trial))
        register = is_register(principal)
        records = await _read_records(services, kind, request, is_register=register)
        key = None if dry_run else await request_key(services, trial, request, await request.body(), idempotency_key)
        scope, make_receipt = access_scope_of(principal), partial(encode_report, level=report)
        batch = BatchRequest(trial, kind.kind, scope, codes, records, dry_run, atomic, key=key, is_register=register)
        result = await receive(services.database, services.participant_cache, batch, make_receipt)
        measure(kind.kind, result.reports, committed=result.committed)
        await audit_disclosure(services, principal, batch, result)
        return await respond_report(result.receipt, f"push{kind.plural}", request.scope)


async def _read_records(
    services: Services, kind: RecordKind, request: Request, *, is_register: bool
) -> list[RecordInput | MalformedRecord]:
    """Parse the body. Problems for the whole batch: see ``read_batch``."""
    media_type, wire = media_type_of(request), wire_of(kind.kind)
    raw = await decoded(read_batch, media_type, await request.body(), wire.names)
    today, index_of = services.today(), services.vault.blind_index
    return [
        with_hints(read_record(wire, each, today, index_of, follows_number=is_register), each)
        async for each in in_slices(raw)
    ]


def measure(kind: str, reports: Sequence[RecordReport], *, committed: bool = True) -> None:
    """Count a batch and its records in the metrics."""
    BATCHES.labels(kind, str(committed).lower()).inc()
    for outcome, n in Counter(report.outcome for report in reports).items():
        RECORDS.labels(kind, outcome).inc(n)


async def audit_disclosure(services: Services, principal: Principal, batch: BatchRequest, result: BatchResult) -> None:
    """Audit as reads what a batch discloses: who is not among the client's people, and outcomes without a change."""
    trial, kind, reports = batch.trial, batch.kind, result.reports
    if unknown := sum(code == "unknown_participant" for report in reports for _, code in report.errors):
        await services.audit_read(principal, "records.unknown_participant", trial.id, kind=kind, records=unknown)
    stored = result.committed and any(report.outcome in ("created", "updated", "retracted") for report in reports)
    if reports and not stored and unknown < len(reports):
        jobcentres = jobcentres_of(principal, trial)
        await services.audit_read(principal, "records.judged", trial.id, jobcentres, kind=kind, received=len(reports))


async def request_key(
    services: Services, trial: Trial, request: Request, body: bytes, key: str | None
) -> RequestKey | None:
    """Digest the key and the request under keys of the vault: both may have a CPR number, which could be guessed.

    None also once the trial's key is destroyed, with its people: a repeated request is then judged again.
    """
    if key is None:
        return None
    async with services.database.read(EMPTY_SCOPE) as connection:
        trial_key = await services.vault.find_key(connection, trial_key_name(trial.id))
    if trial_key is None:
        return None
    described = f"{request.url.path}?{request.url.query}\n{request.headers.get('content-type')}\n"
    digest = hmac.digest(trial_key, described.encode() + body, "sha256")
    return RequestKey(services.vault.digest_key(key), digest)
