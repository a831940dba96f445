"""Endpoints that write one record: a batch of one, with an HTTP status for its outcome."""

import re
from collections.abc import Collection
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic_core import to_json

from app.db.records.batch_request import BatchRequest, MalformedRecord, RecordInput
from app.domain.facts import RetractionReason
from app.domain.records.ingest import RecordReport
from app.domain.rules.warnings import ENFORCED_CODES
from app.routers.common.services import JSON, Services, ServicesDep, TrialPath, access_scope_of, etag_response
from app.routers.common.types import MAX_REVISION
from app.routers.records.batch import measure
from app.routers.records.batch_io import media_type_of
from app.routers.records.kinds import ExternalIdPath, RecordKind, is_register, require_jobcentre_access
from app.routers.records.parse import read_record, wire_of
from app.routers.records.schemas import models_of, record_body
from app.web.auth import Principal, requires
from app.web.json_body import RepeatedObject, read_json
from app.web.problems import BODY, COMMON, Fault, Problem, problem_responses

_VERSION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""ETag of a single record: the id of its version."""
_ENFORCED = {
    "conversations": ("form_not_accepted", "remote_too_early", "conducted_by_mentor"),
    "activations": ("hours_too_few", "not_at_workplace"),
}
_CONFLICTS = ("not_drawn", "event_order", "revision_conflict")
_VERSION_CODES = ("revision_conflict", "stale", "precondition_failed")
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag that the record must still have, or several of which one; `*` is any. Else 412.",
    ),
]


IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        description="`*`: the record must be new, else 412; or ETags of which the record may have none.",
    ),
]


def add_writes(router: APIRouter, kind: RecordKind) -> None:
    """Add the endpoints that write one record of a kind."""
    _add_put(router, kind)
    _add_delete(router, kind)


def _add_put(router: APIRouter, kind: RecordKind) -> None:
    order = ("event_order",) if kind.kind == "presence-events" else ()
    person_codes = ("unknown_participant", "not_drawn", *order, *_ENFORCED.get(kind.kind, ()))

    @router.put(
        "/{external_id:path}",
        operation_id=f"put{kind.singular}",
        summary="Send one record",
        response_model=models_of(kind).written,
        openapi_extra=record_body(kind),
        responses={
            200: {"description": "Stored, in a new version or unchanged; see `outcome`."},
            201: {"model": models_of(kind).written, "description": "Stored for the first time."},
            **problem_responses(*COMMON, *BODY, "not_found", *person_codes, *_VERSION_CODES),
        },
    )
    async def put(
        request: Request,
        services: ServicesDep,
        trial_id: TrialPath,
        external_id: ExternalIdPath,
        principal: Annotated[Principal, Depends(requires(kind.writes))],
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Stores one record under your own id, by the rules of a batch: again is safe, a higher revision corrects.

        Refused with 409 is what contradicts what is stored (`revision_conflict`, `stale`, `not_drawn`, `event_order`)
        or, in a trial that enforces its rules, breaks one of them. Everything else that is wrong is 422, every fault
        with its pointer. With `If-Match` it is written only while the stored version has that ETag, with
        `If-None-Match: *` only if it is new.
        """
        raw = await _body_of(request, external_id)
        record = {**raw, "external_id": external_id}
        return await _write_one(request, services, kind, trial_id, record, principal, if_match, if_none_match)


async def _body_of(request: Request, external_id: str) -> dict[str, Any]:
    """Parse the body. Problem ``malformed`` if its external id is not that of the path."""
    if media_type_of(request) != JSON:
        raise Problem("unsupported_media_type")
    raw = read_json(await request.body())
    if not isinstance(raw, dict):
        raise Problem("malformed", errors=[("", "invalid_value")])
    if isinstance(raw, RepeatedObject):
        raise Problem("malformed", errors=[("", "repeated_field")])
    if raw.get("external_id", external_id) != external_id:
        raise Problem("malformed", errors=[("/external_id", "invalid_value")])
    return raw


def _add_delete(router: APIRouter, kind: RecordKind) -> None:
    @router.delete(
        "/{external_id:path}",
        operation_id=f"retract{kind.singular}",
        summary="Take one record back",
        response_model=models_of(kind).written,
        responses={
            200: {"description": "Retracted. If the record arrives later, the service does not store it."},
            **problem_responses(*COMMON, "not_found", "unknown_participant", *_VERSION_CODES),
        },
    )
    async def delete(
        request: Request,
        services: ServicesDep,
        trial_id: TrialPath,
        external_id: ExternalIdPath,
        principal: Annotated[Principal, Depends(requires(kind.writes))],
        retraction_reason: Annotated[RetractionReason, Query(description="Why it is taken back.")] = "entered_in_error",
        revision: Annotated[
            int | None,
            Query(ge=0, le=MAX_REVISION, description="Higher than that of the record, where it was sent with one."),
        ] = None,
        if_match: IfMatch = None,
    ) -> Response:
        """Takes your own record back. It may even come before its record, and holds that off then.

        A record that was sent with a revision needs a higher one here. A still higher one, put later, brings it back.
        """
        raw = {
            "external_id": external_id,
            "revision": revision,
            "retracted": True,
            "retraction_reason": retraction_reason,
        }
        return await _write_one(request, services, kind, trial_id, raw, principal, if_match)


async def _write_one(
    request: Request,
    services: Services,
    kind: RecordKind,
    trial_id: str,
    raw: dict[str, Any],
    principal: Principal,
    if_match: str | None,
    if_none_match: str | None = None,
) -> Response:
    """Store a batch of one. Status 201 created, 200 otherwise; a problem if it is rejected or stale."""
    trial = await services.get_trial(principal, trial_id)
    jobcentres = frozenset(require_jobcentre_access(principal, trial))
    wire, index_of = wire_of(kind.kind), services.vault.blind_index
    register = is_register(principal)
    parsed = read_record(wire, raw, services.today(), index_of, follows_number=register)
    batch = BatchRequest(
        trial,
        kind.kind,
        access_scope_of(principal),
        jobcentres,
        [parsed],
        if_match=_versions(if_match),
        if_none_match=_versions(if_none_match),
        is_register=register,
    )
    report, stored = await services.group_commit.receive(batch)
    measure(kind.kind, [report])
    if report.outcome == "stale":
        raise Problem("stale")
    if report.errors:
        raise _problem_of(report, parsed)
    if stored is None:
        raise Problem("not_found")
    version_id, record = stored
    if report.outcome == "unchanged":
        await services.audit_read(principal, "record.read", trial_id, (), record["participant_id"], kind=kind.kind)
    content = to_json({**record, "outcome": report.outcome, "warnings": report.warnings})
    return etag_response(request, content, JSON, str(version_id), 201 if report.outcome == "created" else 200)


def _versions(header: str | None) -> Collection[UUID] | Literal["any"] | None:
    """Parse a list of ETags to version ids (RFC 9110, 13.1.1). Weak and foreign ones match nothing."""
    if header is None:
        return None
    if header.strip() == "*":
        return "any"
    tags = [tag.strip().strip('"') for tag in header.split(",")]
    return {UUID(tag) for tag in tags if _VERSION.fullmatch(tag)}


def _problem_of(report: RecordReport, record: RecordInput | MalformedRecord) -> Problem:
    """Return the problem of a rejected record: a code with a status of its own, else ``malformed`` with all faults."""
    hints = record.hints if isinstance(record, MalformedRecord) else {}
    errors = [Fault(pointer, code, hints.get(pointer, "")) for pointer, code in report.errors]
    for _, code in report.errors:
        if code in ENFORCED_CODES or code in (*_CONFLICTS, "unknown_participant"):
            return Problem(code, errors=errors)
    return Problem("malformed", errors=errors)
