"""Endpoint for register snapshots: a jobcentre's activations of a span of days replace the client's earlier ones."""

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.db.core.slices import in_slices
from app.db.records.batch_request import BatchRequest, MalformedRecord
from app.db.records.pipeline import receive
from app.db.records.snapshots import KIND, Snapshot, SnapshotLine
from app.domain.records.ingest import RecordReport
from app.routers.common.services import Services, ServicesDep, TrialPath, TrialRoute, access_scope_of, trial_or_404
from app.routers.common.types import IsoDate, JobcentreCode, RequestModel
from app.routers.records.batch import Atomic, DryRun, IdempotencyKey, Level, audit_disclosure, measure, request_key
from app.routers.records.batch_io import MAX_RECORDS, SnapshotReport, encode_report
from app.routers.records.kinds import is_register, jobcentres_of
from app.routers.records.parse import read_record, wire_of
from app.web.auth import Principal, requires
from app.web.identifiers import parse_cpr
from app.web.json_body import RepeatedObject
from app.web.meanings import respond_report
from app.web.problems import BODY, COMMON, Problem, problem_responses

router = APIRouter(route_class=TrialRoute, tags=["activations"])
_WIRE: Final = wire_of(KIND)
_FORBIDDEN_FIELDS: Final = frozenset({"external_id", "revision", "retracted", "retraction_reason"})
_PLACEHOLDER_ID: Final = "spell"
_UUID: Final = TypeAdapter(UUID)
Records = Annotated[
    list[Any],
    WithJsonSchema(
        {"type": "array", "maxItems": MAX_RECORDS, "items": {"$ref": "#/components/schemas/ActivationSpell"}}
    ),
]


AcceptRemovals = Annotated[
    int | None,
    Query(
        ge=0,
        le=1_000_000,
        description=(
            "How many of the stored records may be taken back. Left out: a tenth of them, rounded down, but at least"
            " one, and nobody's every spell."
        ),
    ),
]


class SnapshotIn(RequestModel):
    """Everything that the register holds of one jobcentre's people and that starts in the span."""

    jobcentre: JobcentreCode
    first: IsoDate = Field(alias="from", description="First day of the span.")
    last: IsoDate = Field(alias="to", description="Last day of the span, included.")
    records: Records = Field(description="The spells; none takes back all that was sent before.")


@router.post(
    "/v1/trials/{trial}/activations/snapshot",
    operation_id="replaceActivations",
    summary="Replace the activations of a jobcentre and a span",
    status_code=207,
    response_model=SnapshotReport,
    responses=problem_responses(*COMMON, *BODY, "not_found", "idempotency_key_reused"),
)
async def post_snapshot(
    request: Request,
    body: SnapshotIn,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Annotated[Principal, Depends(requires("activations:write"))],
    dry_run: DryRun = False,
    atomic: Atomic = False,
    report: Level = "default",
    accept_removals: AcceptRemovals = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """For a register without ids, whose newest file replaces the last: what you sent before of spells that start in
    the span, in that jobcentre, becomes what you send now, in one transaction.

    A spell is known by person, type and first day. A new one is `created`, one with other content `updated`, one that
    is no longer there `retracted`; the rest is `unchanged`. The ids are made from the spells, so that the same spell in
    the next file is the same record. Retracted records stand in `results` with the index null. What other clients sent
    stays as it is.

    Records are activations without `external_id` and `revision`. Identical ones are one spell (warning
    `identical_line`). One that a rule refuses is rejected alone; nothing of its person is taken back then.
    `unknown_participant` is normal.

    The snapshot is held back as a whole, with `committed: false` and the reasons in `held_back`, if a record cannot be
    read, or if it would take back more than `accept_removals`. The counts are then what would have been. `dry_run` with
    `report=full` shows the difference first.
    """
    if body.first > body.last:
        raise Problem("malformed", errors=[("/to", "ends_before_start")])
    if len(body.records) > MAX_RECORDS:
        raise Problem("too_large", f"A snapshot holds at most {MAX_RECORDS} records.")
    async with services.read(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id)
    jobcentres = frozenset(jobcentres_of(principal, trial))
    if body.jobcentre not in jobcentres:
        raise Problem("not_found")
    today, register = services.today(), is_register(principal)
    lines = [_line(services, today, raw, follows_number=register) async for raw in in_slices(body.records)]
    snapshot = Snapshot(body.jobcentre, body.first, body.last, lines, accept_removals)
    key = None if dry_run else await request_key(services, trial, request, await request.body(), idempotency_key)
    scope = access_scope_of(principal)
    batch = BatchRequest(trial, KIND, scope, jobcentres, (), dry_run, atomic, key=key, is_register=register)
    make_receipt = partial(encode_report, level=report, received=len(body.records))
    result = await receive(services.database, services.participant_cache, batch, make_receipt, snapshot)
    measure(KIND, result.reports, committed=result.committed)
    await audit_disclosure(services, principal, batch, result)
    return await respond_report(result.receipt, "replaceActivations", request.scope)


def _line(services: Services, today: date, raw: Any, *, follows_number: bool) -> SnapshotLine:
    """Parse one raw record like one of a batch, but without an id, and never a retraction."""
    if not isinstance(raw, dict):
        return SnapshotLine(None, MalformedRecord(None, RecordReport("rejected", (("", "invalid_json"),))))
    if isinstance(raw, RepeatedObject):
        return SnapshotLine(None, MalformedRecord(None, RecordReport("rejected", (("", "repeated_field"),))))
    fields = {name: value for name, value in raw.items() if name not in _FORBIDDEN_FIELDS}
    named = {**fields, "external_id": _PLACEHOLDER_ID}
    record = read_record(_WIRE, named, today, services.vault.blind_index, follows_number=follows_number)
    errors = list(record.report.errors) if isinstance(record, MalformedRecord) else []
    if fields.keys() != raw.keys():
        errors = [("", "unknown_field"), *errors]
    if errors:
        hints = record.hints if isinstance(record, MalformedRecord) else {}
        record = MalformedRecord(None, RecordReport("rejected", tuple(dict.fromkeys(errors))), hints)
    return SnapshotLine(_person_of(services, fields), record)


def _person_of(services: Services, fields: Mapping[str, Any]) -> UUID | bytes | None:
    """Return the participant id or blind index in a record that may be malformed, or None if it is illegible."""
    try:
        if fields.get("participant_id") is not None:
            return _UUID.validate_python(fields["participant_id"])
        return services.vault.blind_index(parse_cpr(fields.get("cpr")).number)
    except (ValidationError, PydanticCustomError):
        return None
