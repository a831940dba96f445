"""Assignments: the draw of a supplement candidate, and the arm that each person was drawn to (domain 3.3)."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.db.participants.draws import draw_candidate, load_assignment
from app.db.participants.queries import list_assignments
from app.routers.common.access import (
    FIRST_ID,
    JobcentreQuery,
    ParticipantPath,
    ParticipantReader,
    ParticipantWriter,
    visible_jobcentres,
    visible_participant,
)
from app.routers.common.services import (
    Cursor,
    Limit,
    ServicesDep,
    TrialPath,
    decode_cursor,
    encode_cursor,
    json_response,
    page,
    trial_or_404,
)
from app.routers.participants.schemas import AssignmentPage, AssignmentView
from app.web.problems import COMMON, Problem, problem_responses

router = APIRouter(tags=["participants"])


@router.post(
    "/v1/trials/{trial}/participants/{id}/assignment",
    operation_id="drawParticipant",
    summary="The draw of a supplement candidate",
    status_code=201,
    response_model=AssignmentView,
    responses={
        200: {"model": AssignmentView, "description": "The person was drawn before."},
        **problem_responses(
            *COMMON, "not_found", "intake_sufficient", "supplement_order", "trial_closed", "not_waiting"
        ),
    },
)
async def post_assignment(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantWriter,
) -> Response:
    """Draws the arm of a candidate who is eligible through the channel `supplement`.

    A person drawn before keeps the assignment (200). The draw is refused while the week's intake is sufficient
    (`intake_sufficient`), and while candidates with shorter unemployment come first (`supplement_order`, with their
    number as `ahead`).
    """
    async with services.write(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        participant = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        assignment, is_new = await draw_candidate(
            connection, services.vault, trial, participant.jobcentre, participant_id, principal.client_id
        )
    if not is_new:
        await services.audit_read(principal, "assignment.read", trial_id, [participant.jobcentre], participant_id)
    return json_response(request, assignment, 201 if is_new else 200)


@router.get(
    "/v1/trials/{trial}/participants/{id}/assignment",
    operation_id="getAssignment",
    summary="The assignment of one person",
    response_model=AssignmentView,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_assignment(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantReader,
) -> Response:
    """Returns the arm of a participant and the moment of the draw. 404 for a person who was not drawn."""
    async with services.read(principal) as connection:
        participant = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        assignment = await load_assignment(connection, trial_id, participant_id)
    if assignment is None:
        raise Problem("not_found")
    await services.audit_read(principal, "assignment.read", trial_id, [participant.jobcentre], participant_id)
    return json_response(request, assignment)


@router.get(
    "/v1/trials/{trial}/assignments",
    operation_id="listAssignments",
    summary="Who was drawn to which arm",
    response_model=AssignmentPage,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_assignments(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: ParticipantReader,
    jobcentre: JobcentreQuery = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Returns everyone drawn in the token's jobcentres, with the arm. Duplicates are left out."""
    after = decode_cursor(cursor, str, UUID) or ("", FIRST_ID)
    async with services.read(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        jobcentres = visible_jobcentres(principal, trial, jobcentre)
        items = await list_assignments(connection, trial_id, jobcentres, after, limit + 1)
    await services.audit_read(principal, "assignments.listed", trial_id, jobcentres)
    return page(request, items, limit, lambda item: encode_cursor(item["jobcentre"], item["participant_id"]))
