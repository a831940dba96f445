"""Corrected CPR numbers: the jobcentre requests, a registrar decides (domain 3.4)."""

from datetime import datetime, time
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic_core import to_json

from app.db.core.session import SYSTEM_SCOPE
from app.db.participants.correction_reads import Correction, list_corrections, load_correction
from app.db.participants.correction_summary import load_summary
from app.db.participants.corrections import RequestedNumber, cancel_correction, request_correction
from app.db.records.corrections import decide
from app.domain.rules.calendar import COPENHAGEN, monday_of
from app.domain.rules.corrections import CorrectionStatus
from app.routers.common.access import FIRST_ID, ParticipantPath, ParticipantWriter, visible_participant
from app.routers.common.services import (
    JSON,
    Cursor,
    Limit,
    ServicesDep,
    TrialPath,
    TrialRoute,
    decode_cursor,
    digest,
    encode_cursor,
    etag_response,
    json_response,
    page,
    trial_or_404,
)
from app.routers.participants.correction_schemas import (
    CorrectCprIn,
    CorrectionPage,
    CorrectionRequestView,
    CorrectionSummaryView,
    CorrectionView,
    DecisionIn,
)
from app.web.auth import DECIDES_CORRECTIONS, Principal, requires, requires_any
from app.web.problems import BODY, COMMON, Problem, problem_responses

router = APIRouter(route_class=TrialRoute, tags=["participants"])
SummaryReader = Annotated[Principal, Depends(requires_any("panel:export", "audit:read"))]
Registrar = Annotated[Principal, Depends(requires(DECIDES_CORRECTIONS))]
CorrectionPath = Annotated[UUID, Path(alias="id", description="The id of the request.")]
StatusQuery = Annotated[CorrectionStatus | None, Query(description="Only requests in this status.")]
IfMatch = Annotated[str | None, Header(alias="If-Match", description="The ETag of the request as you read it.")]


@router.post(
    "/v1/trials/{trial}/participants/{id}/cpr",
    operation_id="correctCpr",
    summary="Request a corrected CPR number",
    status_code=202,
    response_model=CorrectionRequestView,
    responses={
        200: {"model": CorrectionRequestView, "description": "The participant has this number already."},
        **problem_responses(*COMMON, *BODY, "not_found", "not_drawn", "duplicate", "trial_closed"),
    },
)
async def post_cpr(
    request: Request,
    body: CorrectCprIn,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantWriter,
) -> Response:
    """Requests another CPR number for a drawn participant, or a swap of the numbers of two. A registrar decides.

    The response is the same whatever the new number is. One request waits at a time on a participant; a later one
    replaces it, the same again is the same. Until the decision records find the person by the former number, and in the
    jobcentre nobody is screened or drawn under the new one (`correction_waiting`). A waiting candidate is not
    corrected: withdraw the candidate with `entered_in_error`, and screen again. After the trial is closed only a
    `new_number` is accepted.
    """
    requested = _requested(body, participant_id)
    async with services.write(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        view = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        if body.cpr is not None and body.cpr.born_on > view.interview_on:
            raise Problem("malformed", errors=[("/cpr", "invalid_cpr")])
        correction_id = await request_correction(
            connection, services.vault, trial, view.jobcentre, participant_id, requested, principal.client_id
        )
    if correction_id is None:
        await services.audit_read(principal, "participant.read", trial_id, [view.jobcentre], participant_id)
        return json_response(request, {"correction_id": None, "status": None})
    return json_response(request, {"correction_id": correction_id, "status": "waiting"}, 202)


def _requested(body: CorrectCprIn, participant_id: UUID) -> RequestedNumber | UUID:
    """Return the number with its reason, or the other participant. Problem ``malformed`` for both, or for neither."""
    number = {"/cpr": body.cpr, "/reason": body.reason}
    if body.swap_with is None:
        if body.cpr is not None and body.reason is not None:
            return RequestedNumber(body.cpr.number, body.reason)
        errors = [(pointer, "missing_field") for pointer, value in number.items() if value is None]
    else:
        errors = [(pointer, "invalid_value") for pointer, value in number.items() if value is not None]
        if body.swap_with == participant_id:
            errors.append(("/swap_with", "invalid_value"))
        if not errors:
            return body.swap_with
    raise Problem("malformed", errors=errors)


@router.delete(
    "/v1/trials/{trial}/participants/{id}/cpr",
    operation_id="cancelCprCorrection",
    summary="Cancel the requested correction",
    response_model=CorrectionRequestView,
    responses=problem_responses(*COMMON, "not_found"),
)
async def delete_cpr(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantWriter,
) -> Response:
    """Cancels the request that waits on a participant, and destroys the requested number. 404 if none waits."""
    async with services.write(principal, trial_id) as connection:
        view = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        client = principal.client_id
        correction_id = await cancel_correction(connection, trial_id, view.jobcentre, participant_id, client)
    if correction_id is None:
        raise Problem("not_found")
    return json_response(request, {"correction_id": correction_id, "status": "cancelled"})


@router.get(
    "/v1/trials/{trial}/cpr-corrections",
    operation_id="listCprCorrections",
    summary="Requests for corrected CPR numbers",
    response_model=CorrectionPage,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_corrections(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Registrar,
    status: StatusQuery = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Returns the requests in the order of their random ids. No answer holds a number, a person, an arm or a moment."""
    (after,) = decode_cursor(request, cursor, UUID) or (FIRST_ID,)
    async with services.database.read(SYSTEM_SCOPE) as connection:  # a number is compared with those of the trial
        trial = await trial_or_404(services, connection, trial_id)
        found = await list_corrections(connection, services.vault, trial, status, after, limit + 1)
    await services.audit_read(principal, "corrections.listed", trial_id, status=status)
    return page(request, [_view(each) for each in found], limit, lambda item: encode_cursor(request, item["id"]))


@router.get(
    "/v1/trials/{trial}/cpr-corrections/summary",
    operation_id="getCprCorrectionSummary",
    summary="Requests by jobcentre, arm and decision",
    response_model=CorrectionSummaryView,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_summary(
    request: Request, services: ServicesDep, trial_id: TrialPath, principal: SummaryReader
) -> Response:
    """Counts the people of requests that ended before this week, and tests whether they are spread as the draws are.

    For evaluators and auditors: a token with `trials:write` is refused, because arms by jobcentre are shown.
    """
    if principal.may("trials:write") and not principal.may("audit:read"):
        raise Problem("insufficient_scope", "Whoever creates trials does not read corrections by arm.")
    week = datetime.combine(monday_of(services.today()), time(), COPENHAGEN)
    async with services.database.read(SYSTEM_SCOPE) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        summary = await load_summary(connection, trial.id, week)
    await services.audit_read(principal, "corrections.summarised", trial_id)
    return json_response(request, summary)


@router.get(
    "/v1/trials/{trial}/cpr-corrections/{id}",
    operation_id="getCprCorrection",
    summary="One request",
    response_model=CorrectionView,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_correction(
    request: Request, services: ServicesDep, trial_id: TrialPath, correction_id: CorrectionPath, principal: Registrar
) -> Response:
    """Returns what a decision rests on. Its ETag is the `If-Match` of the decision."""
    async with services.database.read(SYSTEM_SCOPE) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        found = await load_correction(connection, services.vault, trial, correction_id)
    if found is None:
        raise Problem("not_found")
    await services.audit_read(principal, "correction.read", trial_id, correction=correction_id)
    content = to_json(_view(found))
    return etag_response(request, content, JSON, digest(content))


@router.post(
    "/v1/trials/{trial}/cpr-corrections/{id}/decision",
    operation_id="decideCprCorrection",
    summary="Decide a request",
    response_model=CorrectionView,
    responses=problem_responses(*COMMON, *BODY, "not_found", "precondition_failed", "already_decided", "number_taken"),
)
async def post_decision(
    request: Request,
    body: DecisionIn,
    services: ServicesDep,
    trial_id: TrialPath,
    correction_id: CorrectionPath,
    principal: Registrar,
    if_match: IfMatch = None,
) -> Response:
    """Accepts or refuses a request, once. `If-Match` names what was read: 412 without it, or when it has changed.

    Arm, position and day of assignment stay. If the number is another participant's, the draw made under the right
    number governs (for a `new_number`, and of two such, the earlier), and the other is a `duplicate`. A number that is
    another's former one, of an erased person or, in a closed trial, anybody's can only be refused (`number_taken`). The
    same decision again changes nothing.
    """
    if if_match is None:
        raise Problem("precondition_failed", "Send the ETag of what you read as If-Match.")
    tags = {tag.strip().strip('"') for tag in if_match.split(",")}
    async with services.database.write(SYSTEM_SCOPE, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        decided, is_new = await decide(
            connection,
            services.vault,
            trial,
            correction_id,
            (body.decision, body.reason),
            lambda correction: digest(to_json(_view(correction))) in tags,
            principal.client_id,
        )
    if not is_new:
        await services.audit_read(principal, "correction.read", trial_id, correction=correction_id)
    content = to_json(_view(decided))
    return etag_response(request, content, JSON, digest(content))


def _view(correction: Correction) -> dict[str, Any]:
    return {name: getattr(correction, name) for name in CorrectionView.model_fields}
