"""Screening of people for a trial, and the draw of their arm (domain 3.1, 3.3)."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.db.participants.draws import draw_candidate, load_assignment
from app.db.participants.queries import list_assignments
from app.db.participants.screening import ScreeningAnswer, ScreeningRequest, screen
from app.db.trials.trials import Trial
from app.domain.protocol_validation import SCREENING_FIELDS
from app.domain.records.errors import DomainError
from app.domain.screening import Screening, asked_for, looked_at
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
    TrialRoute,
    decode_cursor,
    encode_cursor,
    json_response,
    page,
    trial_or_404,
)
from app.routers.participants.schemas import (
    AssignmentPage,
    AssignmentView,
    ScreeningBody,
    ScreeningIn,
    ScreeningView,
)
from app.web.problems import BODY, COMMON, Fault, Problem, problem_responses

router = APIRouter(route_class=TrialRoute, tags=["participants"])


def _screening_request(trial: Trial, body: ScreeningIn, today: date) -> ScreeningRequest:
    """Return the facts that the trial's rules need. Problem ``malformed`` with every fault of the body.

    Fields that the protocol does not use are accepted, so that one form serves all trials. They are not stored.
    """
    protocol = trial.protocol
    channel = body.channel if protocol.channels else None
    required = asked_for(protocol, channel)
    faulty = {fault.pointer for fault in body.faults}
    missing = {f"/{name}" for name in required if getattr(body, name) is None} - faulty
    errors: list[tuple[str, str] | Fault] = [*body.faults]
    errors += [(pointer, "missing_field") for pointer in sorted(missing)]
    if channel is not None and channel not in protocol.channels:
        errors.append(("/channel", "invalid_value"))
    interview_on: date | None = body.interview_on  # None if it was malformed
    if interview_on is not None and interview_on > today:
        errors.append(("/interview_on", "date_in_future"))
    for name in ("unemployed_since", "sick_since"):
        since = getattr(body, name)
        if interview_on is not None and since is not None and since > interview_on:
            errors.append((f"/{name}", "invalid_value"))
    if interview_on is not None and body.cpr is not None and body.cpr.born_on > interview_on:
        errors.append(("/cpr", "invalid_cpr"))
    if errors:
        raise Problem("malformed", errors=errors)
    body = body.model_copy(update=dict.fromkeys(SCREENING_FIELDS - looked_at(protocol)))
    facts = body.model_dump(mode="json", exclude={"cpr"})
    facts["circumstances"] = sorted(set(body.circumstances))
    screening = Screening(
        born_on=body.cpr.born_on,
        jobcentre=body.jobcentre,
        interview_on=body.interview_on,
        channel=body.channel,
        at_job_interview=body.at_job_interview,
        match_group=body.match_group,
        benefit=body.benefit,
        unemployed_since=body.unemployed_since,
        circumstances=frozenset(body.circumstances),
        exempt_from=body.exempt_from,
        target_group=body.target_group,
    )
    return ScreeningRequest(body.cpr.number, screening, facts, body.contact_person)


def _screening_view(result: ScreeningAnswer, *, with_draw: bool) -> dict[str, Any]:
    return {
        "participant_id": result.participant_id if with_draw else None,
        "eligible": result.eligible,
        "failures": result.failures,
        "assignment": result.assignment if with_draw else None,
    }


@router.post(
    "/v1/trials/{trial}/participants",
    operation_id="screenParticipant",
    summary="Screen a person, and draw",
    status_code=201,
    response_model=ScreeningView,
    responses={
        200: {"model": ScreeningView, "description": "The same screening was sent before, or it is a dry run."},
        **problem_responses(
            *COMMON, *BODY, "not_found", "already_drawn", "correction_waiting", "screening_conflict", "trial_closed"
        ),
    },
)
async def post_participant(
    request: Request,
    body: ScreeningBody,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: ParticipantWriter,
    dry_run: Annotated[bool, Query(description="Check eligibility only: store and draw nothing.")] = False,
) -> Response:
    """Checks whether a person is eligible for the trial and, if so, draws the arm.

    An eligible person with the channel `new_match` or `rematch` is drawn at once: `assignment` holds the arm. A
    `supplement` candidate is drawn by a separate request. In a trial with one arm, an eligible person is assigned
    without a draw. For an ineligible person the response lists every failing rule; only the failure codes are stored.

    The protocol's `screening_fields` list the required fields; the channel `supplement` also requires
    `unemployed_since`. Fields that the protocol does not take are accepted, ignored and not stored. The same screening
    sent again gives the same response (200). Different facts about a person who was drawn are refused with
    `already_drawn`, different facts for the same day with `screening_conflict`, and a number to which a correction
    waits in the jobcentre with `correction_waiting`. A number that a drawn person has or had is never drawn again.
    """
    if not body.faults and not principal.reads_person_of(body.jobcentre):
        raise Problem("not_found", errors=[("/jobcentre", "not_found")])
    try:
        async with services.write(principal, trial_id, commit=not dry_run) as connection:
            trial = await trial_or_404(services, connection, trial_id)
            screening = _screening_request(trial, body, services.today())
            result = await screen(connection, services.vault, trial, screening, principal.client_id)
    except DomainError as error:  # the code reveals something about the person
        await services.audit_read(principal, "screening.refused", trial_id, [body.jobcentre], code=error.code)
        raise
    if not result.created and not dry_run:
        await services.audit_read(principal, "screening.repeated", trial_id, [body.jobcentre], result.participant_id)
    if dry_run:
        codes = [failure.code for failure in result.failures]
        await services.audit_read(principal, "screening.tried", trial_id, [body.jobcentre], failures=codes)
    discarded = dry_run and result.created
    view = _screening_view(result, with_draw=not discarded)
    return json_response(request, view, 201 if result.created and not dry_run else 200)


@router.post(
    "/v1/trials/{trial}/participants/{id}/assignment",
    operation_id="drawParticipant",
    summary="The draw of a supplement candidate",
    status_code=201,
    response_model=AssignmentView,
    responses={
        200: {"model": AssignmentView, "description": "The person was drawn before."},
        **problem_responses(
            *COMMON,
            "not_found",
            "intake_sufficient",
            "supplement_order",
            "trial_closed",
            "not_waiting",
            "correction_waiting",
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
    async with services.write(principal, trial_id) as connection:
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
    after = decode_cursor(request, cursor, str, UUID) or ("", FIRST_ID)
    async with services.read(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        jobcentres = visible_jobcentres(principal, trial, jobcentre)
        items = await list_assignments(connection, trial_id, jobcentres, after, limit + 1)
    await services.audit_read(principal, "assignments.listed", trial_id, jobcentres)
    return page(request, items, limit, lambda item: encode_cursor(request, item["jobcentre"], item["participant_id"]))
