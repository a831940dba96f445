"""Register extracts: a jobcentre's activations of a span of days, which replace what the same client sent before."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError, to_json

from app.db.records.batch_request import BatchRequest, BatchResult
from app.db.records.pipeline import receive
from app.db.records.snapshots import KIND, Snapshot, SnapshotLine, delivery_of
from app.domain.records.ingest import RecordReport
from app.routers.common.services import JSON, Services, ServicesDep, TrialPath, access_scope_of, trial_or_404
from app.routers.common.types import IsoDate, JobcentreCode
from app.routers.records.batch import DryRun, IdempotencyKey, measure, request_key
from app.routers.records.batch_io import MAX_RECORDS, BatchReport, ReportLevel, report_of
from app.routers.records.parse import read_record, wire_of
from app.web.auth import Principal, requires
from app.web.identifiers import parse_cpr
from app.web.problems import BODY, COMMON, Problem, problem_responses

router = APIRouter(tags=["records"])
_WIRE: Final = wire_of(KIND)
_NOT_SENT: Final = frozenset({"external_id", "revision", "retracted", "retraction_reason"})
_SOME_ID: Final = "spell"
_ID: Final = TypeAdapter(UUID)
Records = Annotated[
    list[Any],
    WithJsonSchema(
        {"type": "array", "maxItems": MAX_RECORDS, "items": {"$ref": "#/components/schemas/ActivationSpell"}}
    ),
]


class SnapshotIn(BaseModel):
    """Everything that the register holds of one jobcentre's people and that starts in the span."""

    model_config = ConfigDict(extra="forbid")

    jobcentre: JobcentreCode
    first: IsoDate = Field(alias="from", description="First day of the span.")
    last: IsoDate = Field(alias="to", description="Last day of the span, included.")
    records: Records = Field(description="The spells; none takes back all that was sent before.")


@router.post(
    "/v1/trials/{trial}/activations/snapshot",
    operation_id="replaceActivations",
    summary="Replace the activations of a jobcentre and a span",
    status_code=207,
    response_model=BatchReport,
    responses=problem_responses(*COMMON, *BODY, "not_found", "idempotency_key_reused"),
)
async def post_snapshot(
    request: Request,
    body: SnapshotIn,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Annotated[Principal, Depends(requires("activations:write"))],
    dry_run: DryRun = False,
    atomic: Annotated[bool, Query(description="Stores all or, if one is rejected, nothing.")] = False,
    report: Annotated[ReportLevel, Query(description="`errors` leaves warnings out, `full` lists all.")] = "default",
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """For a register without ids, whose newest file replaces the last: what you sent before of spells that start in
    the span, in that jobcentre, becomes what you send now, in one transaction.

    A spell is known by person, type and first day. A new one is `created`, one with other content `updated`, one that
    is no longer there `retracted`; the rest is `unchanged`. The ids are made from the spells, so that the same spell in
    the next file is the same record. Retracted records stand in `results` with the index null. What other clients sent
    stays as it is.

    Records are activations without `external_id` and `revision`. A faulty one is rejected alone; nothing of its person
    is taken back then. `unknown_participant` is normal. `dry_run` with `report=full` shows the difference first.
    """
    if body.first > body.last:
        raise Problem("malformed", errors=[("/to", "ends_before_start")])
    if len(body.records) > MAX_RECORDS:
        raise Problem("too_large", f"A snapshot holds at most {MAX_RECORDS} records.")
    async with services.read(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id)
    if body.jobcentre not in trial.jobcentres or not principal.reads_person_of(body.jobcentre):
        raise Problem("not_found")
    today = services.today()
    snapshot = Snapshot(body.jobcentre, body.first, body.last, [_line(services, today, each) for each in body.records])

    def receipt_of(external_ids: Sequence[str | None]) -> Callable[[BatchResult], bytes]:
        return lambda received: to_json(report_of(received, external_ids, report, len(body.records)))

    delivery = BatchRequest(
        trial,
        KIND,
        principal.client_id,
        principal.reads_person_of,
        access_scope_of(principal),
        (),
        keep=not dry_run,
        atomic=atomic,
        request=None if dry_run else request_key(request, await request.body(), idempotency_key),
    )
    received = await receive(services.database, services.participant_cache, delivery_of(delivery, snapshot, receipt_of))
    measure(KIND, received.reports, committed=received.committed)
    return Response(received.receipt, 207, media_type=JSON)


def _line(services: Services, today: date, raw: Any) -> SnapshotLine:
    """One record as sent; it is read like one of a batch, but has no id and takes nothing back."""
    if not isinstance(raw, dict):
        return SnapshotLine(None, RecordReport("rejected", (("", "invalid_json"),)))
    sent = {name: value for name, value in raw.items() if name not in _NOT_SENT}
    _, record = read_record(_WIRE, {**sent, "external_id": _SOME_ID}, today, services.vault.blind_index)
    if sent.keys() != raw.keys():
        errors = record.errors if isinstance(record, RecordReport) else ()
        record = RecordReport("rejected", tuple(dict.fromkeys((("", "unknown_field"), *errors))))
    return SnapshotLine(_person_of(services, sent), record)


def _person_of(services: Services, sent: Mapping[str, Any]) -> UUID | bytes | None:
    """Who a record is about, whatever else may be wrong with it; None where that cannot be told."""
    try:
        if sent.get("participant_id") is not None:
            return _ID.validate_python(sent["participant_id"])
        return services.vault.blind_index(parse_cpr(sent.get("cpr")).number)
    except (ValidationError, PydanticCustomError):
        return None
