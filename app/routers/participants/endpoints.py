"""People in a trial: screening with the draw, looking up, contact person, withdrawal, weeks (domain 3 and 4)."""

from datetime import date
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic_core import to_json

from app.db.core.session import SYSTEM_SCOPE
from app.db.participants.draws import assignment_of, draw_candidate
from app.db.participants.queries import (
    ParticipantView,
    change_contact_person,
    find_by_person,
    find_participant,
    list_assignments,
    list_participants,
    withdraw,
)
from app.db.participants.screening import ScreeningAnswer, ScreeningRequest, screen
from app.db.records.duplicates import correct_cpr
from app.db.trials.trials import Trial
from app.domain.records.errors import DomainError
from app.domain.rules.calendar import week_code
from app.domain.rules.draw import Arm
from app.domain.rules.eligibility import Screening, asked_for, looked_at
from app.domain.rules.protocol_validation import SCREENING_FIELDS
from app.domain.rules.weeks import FLAGS, Course, Week, as_seen_on, judge_on
from app.routers.common.services import (
    JSON,
    Cursor,
    Limit,
    ServicesDep,
    TrialPath,
    access_scope_of,
    decode_cursor,
    digest,
    encode_cursor,
    etag_response,
    json_response,
    page,
    trial_or_404,
)
from app.routers.common.types import JobcentreCode, WeekCode
from app.routers.participants.schemas import (
    AssignmentPage,
    AssignmentView,
    ContactPersonIn,
    CorrectedCprIn,
    LookupIn,
    ParticipantModel,
    ParticipantPage,
    ParticipantState,
    ScreeningIn,
    ScreeningView,
    Sent,
    WeekList,
    WithdrawalIn,
)
from app.web.auth import Principal, requires
from app.web.problems import BODY, COMMON, Problem, problem_responses

router = APIRouter(tags=["participants"])
ParticipantReader = Annotated[Principal, Depends(requires("participants:read"))]
ParticipantWriter = Annotated[Principal, Depends(requires("participants:write"))]
ParticipantPath = Annotated[UUID, Path(alias="id", description="The participant's id in the trial.")]
JobcentreQuery = Annotated[JobcentreCode | None, Query(description="Only the people of this jobcentre.")]
_NOBODY = UUID(int=0)


# --- screening and draw ---------------------------------------------------------------------------------------------


def _screening(trial: Trial, body: ScreeningIn, today: date) -> ScreeningRequest:
    """What the rules look at. Problem ``malformed``: every fault, those that only the protocol knows included.

    What the protocol has no use for may be stated, so that one form serves all trials; it is neither judged nor kept.
    """
    protocol = trial.protocol
    channel = body.channel if protocol.channels else None
    asked = asked_for(protocol, channel)
    missing = {f"/{name}" for name in asked if getattr(body, name) is None} - {pointer for pointer, _ in body.faults}
    errors = [*body.faults, *((pointer, "missing_field") for pointer in sorted(missing))]
    if channel is not None and channel not in protocol.channels:
        errors.append(("/channel", "invalid_value"))
    interview_on: date | None = body.interview_on  # None where it could not be read
    if interview_on is not None and interview_on > today:
        errors.append(("/interview_on", "date_in_future"))
    if interview_on is not None and body.unemployed_since is not None and body.unemployed_since > interview_on:
        errors.append(("/unemployed_since", "invalid_value"))
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


def _screening_view(result: ScreeningAnswer) -> dict[str, Any]:
    return {
        "participant_id": result.participant_id,
        "eligible": result.eligible,
        "failures": result.failures,
        "assignment": result.assignment,
    }


@router.post(
    "/v1/trials/{trial}/participants",
    operation_id="screenParticipant",
    summary="Screen a person, and draw",
    status_code=201,
    response_model=ScreeningView,
    responses={
        200: {"model": ScreeningView, "description": "The same screening was sent before, or it is a dry run."},
        **problem_responses(*COMMON, *BODY, "not_found", "already_drawn", "screening_conflict", "trial_closed"),
    },
)
async def post_participant(
    request: Request,
    body: Sent,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: ParticipantWriter,
    dry_run: Annotated[bool, Query(description="Screens, and keeps and draws nothing.")] = False,
) -> Response:
    """States what is known of a person at the job interview; the answer says whether the trial takes the person in.

    Whoever is eligible as `new_match` or `rematch` is drawn at once, and `assignment` has the arm. A `supplement`
    candidate waits for a draw of their own. Of someone ineligible every failing rule is told, and little is kept.

    Which fields are asked for depends on the trial's protocol: those of `screening_fields` there, and
    `unemployed_since` in the channel `supplement`. What a protocol has no use for may be stated all the same: no rule
    looks at it, and it is not kept. In a trial of one arm the eligible screening is the assignment. Sending the same
    screening again gives the same answer (200). Other facts about someone who was drawn are refused (`already_drawn`),
    and so are other facts of the same day (`screening_conflict`).
    """
    if not body.faults and not principal.reads_person_of(body.jobcentre):
        raise Problem("not_found")
    try:
        async with services.write(principal, keep=not dry_run) as connection:
            trial = await trial_or_404(connection, trial_id)
            wanted = _screening(trial, body, services.today())
            result = await screen(connection, services.vault, trial, wanted, principal.client_id)
    except DomainError as refused:  # tells of the person too
        await services.audit_read(principal, "screening.refused", trial_id, [body.jobcentre], code=refused.code)
        raise
    if not result.created and not dry_run:
        await services.audit_read(principal, "screening.repeated", trial_id, [body.jobcentre], result.participant_id)
    if dry_run:
        told = [failure.code for failure in result.failures]
        await services.audit_read(principal, "screening.tried", trial_id, [body.jobcentre], failures=told)
    if dry_run and result.created:
        return json_response(request, _screening_view(result) | {"participant_id": None, "assignment": None})
    return json_response(request, _screening_view(result), 201 if result.created else 200)


@router.post(
    "/v1/trials/{trial}/participants/{id}/assignment",
    operation_id="drawParticipant",
    summary="The draw of a supplement candidate",
    status_code=201,
    response_model=AssignmentView,
    responses={
        200: {"model": AssignmentView, "description": "The person was drawn before: the same assignment."},
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
    """Draws someone who was found eligible by the channel `supplement`.

    Of anyone drawn before: the same assignment (200). Refused while the week's intake is sufficient
    (`intake_sufficient`), and while candidates with shorter unemployment are ahead (`supplement_order`, with their
    number as `ahead`).
    """
    async with services.write(principal) as connection:
        trial = await trial_or_404(connection, trial_id)
        view = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        drawn, is_new = await draw_candidate(
            connection, services.vault, trial, view.jobcentre, participant_id, principal.client_id
        )
    if not is_new:
        await services.audit_read(principal, "assignment.read", trial_id, [view.jobcentre], participant_id)
    return json_response(request, drawn, 201 if is_new else 200)


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
    """To which arm the person was drawn, and when. 404 for someone who was not drawn."""
    async with services.read(principal) as connection:
        view = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        assignment = await assignment_of(connection, trial_id, participant_id)
    if assignment is None:
        raise Problem("not_found")
    await services.audit_read(principal, "assignment.read", trial_id, [view.jobcentre], participant_id)
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
    """Everyone of your jobcentres who was drawn, with the arm; a draw that turned out to be a duplicate is left out."""
    after = decode_cursor(cursor, str, UUID) or ("", _NOBODY)
    async with services.read(principal) as connection:
        trial = await trial_or_404(connection, trial_id)
        jobcentres = _visible_jobcentres(principal, trial, jobcentre)
        items = await list_assignments(connection, trial_id, jobcentres, after, limit + 1)
    await services.audit_read(principal, "assignments.listed", trial_id, jobcentres)
    return page(request, items, limit, lambda item: encode_cursor(item["jobcentre"], item["participant_id"]))


# --- reading and changing -------------------------------------------------------------------------------------------


async def visible_participant(
    connection: Any, principal: Principal, trial_id: str, participant_id: UUID, today: date
) -> ParticipantView:
    """The participant, or Problem ``not_found`` when there is none or it is not the client's."""
    view = await find_participant(connection, trial_id, participant_id, today)
    if view is None or not principal.reads_person_of(view.jobcentre):
        raise Problem("not_found")
    return view


def _visible_jobcentres(principal: Principal, trial: Trial, jobcentre: str | None) -> list[str]:
    """The jobcentres of the trial whose people the client sees, or the one asked for; ``not_found`` for none."""
    asked = trial.jobcentres if jobcentre is None else [jobcentre]
    visible = [code for code in asked if code in trial.jobcentres and principal.reads_person_of(code)]
    if not visible:
        raise Problem("not_found")
    return visible


@router.get(
    "/v1/trials/{trial}/participants",
    operation_id="listParticipants",
    summary="The people of your jobcentres",
    response_model=ParticipantPage,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_participants(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: ParticipantReader,
    jobcentre: JobcentreQuery = None,
    arm: Annotated[Arm | None, Query(description="Only who was drawn to this arm.")] = None,
    state: Annotated[ParticipantState | None, Query(description="Only who is in this state today.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Everyone who was found eligible at your jobcentres, as they stand today: drawn, waiting or withdrawn."""
    after = decode_cursor(cursor, str, UUID) or ("", _NOBODY)
    async with services.read(principal) as connection:
        trial = await trial_or_404(connection, trial_id)
        jobcentres = _visible_jobcentres(principal, trial, jobcentre)
        today = services.today()
        items = await list_participants(connection, trial_id, jobcentres, arm, state, today, after, limit + 1)
    await services.audit_read(principal, "participants.listed", trial_id, jobcentres, arm=arm, state=state)
    return page(request, items, limit, lambda item: encode_cursor(item.jobcentre, item.participant_id))


@router.post(
    "/v1/trials/{trial}/participants/lookup",
    operation_id="lookUpParticipant",
    summary="The participant behind a CPR number",
    response_model=ParticipantModel,
    responses=problem_responses(*COMMON, *BODY, "not_found"),
)
async def post_lookup(
    request: Request, body: LookupIn, services: ServicesDep, trial_id: TrialPath, principal: ParticipantReader
) -> Response:
    """Finds the participant of a CPR number, which is sent in the body because it may never be in an address.

    404 for someone who is not in the trial, and for someone of a jobcentre that is not yours.
    """
    async with services.read(principal) as connection:
        participant_id = await find_by_person(connection, trial_id, services.vault.blind_index(body.cpr.number))
        if participant_id is None:
            raise Problem("not_found")
        view = await visible_participant(connection, principal, trial_id, participant_id, services.today())
    await services.audit_read(principal, "participant.looked_up", trial_id, [view.jobcentre], participant_id)
    return json_response(request, view)


@router.get(
    "/v1/trials/{trial}/participants/{id}",
    operation_id="getParticipant",
    summary="One participant",
    response_model=ParticipantModel,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_participant(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantReader,
) -> Response:
    """The person as they stand today: arm, state, programme week, contact person."""
    async with services.read(principal) as connection:
        view = await visible_participant(connection, principal, trial_id, participant_id, services.today())
    await services.audit_read(principal, "participant.read", trial_id, [view.jobcentre], participant_id)
    return json_response(request, view)


@router.patch(
    "/v1/trials/{trial}/participants/{id}",
    operation_id="changeContactPerson",
    summary="Change the contact person",
    response_model=ParticipantModel,
    responses=problem_responses(*COMMON, *BODY, "not_found"),
)
async def patch_participant(
    request: Request,
    body: ContactPersonIn,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantWriter,
) -> Response:
    """Names who answers for the person from now on; the history is kept. Null means nobody."""
    async with services.write(principal) as connection:
        before = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        await change_contact_person(connection, trial_id, before, body.contact_person, principal.client_id)
        view = await visible_participant(connection, principal, trial_id, participant_id, services.today())
    if view == before:
        await services.audit_read(principal, "participant.read", trial_id, [view.jobcentre], participant_id)
    return json_response(request, view)


@router.post(
    "/v1/trials/{trial}/participants/{id}/withdrawal",
    operation_id="withdrawCandidate",
    summary="Withdraw an undrawn candidate",
    response_model=ParticipantModel,
    responses=problem_responses(*COMMON, *BODY, "not_found", "already_drawn", "not_waiting"),
)
async def post_withdrawal(
    request: Request,
    body: WithdrawalIn,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantWriter,
) -> Response:
    """Takes back someone who is eligible and waits for a draw. The candidate blocks nobody from then on, and may be
    screened anew. Someone drawn cannot be withdrawn (`already_drawn`): send a presence event of the kind `exit`.
    """
    async with services.write(principal) as connection:
        before = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        await withdraw(connection, trial_id, before.jobcentre, participant_id, body.reason, principal.client_id)
        view = await visible_participant(connection, principal, trial_id, participant_id, services.today())
    if view == before:
        await services.audit_read(principal, "participant.read", trial_id, [view.jobcentre], participant_id)
    return json_response(request, view)


@router.post(
    "/v1/trials/{trial}/participants/{id}/cpr",
    operation_id="correctCpr",
    summary="Correct a CPR number",
    response_model=ParticipantModel,
    responses=problem_responses(*COMMON, *BODY, "not_found"),
)
async def post_cpr(
    request: Request,
    body: CorrectedCprIn,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantWriter,
) -> Response:
    """Puts another number in the place of one that was wrong; the reason is kept.

    When it turns out to be the number of a person drawn before, the earlier draw governs: this or the other participant
    becomes a `duplicate`, leaves all figures, and its records pass to the earlier one.
    """
    async with services.read(principal) as connection:
        trial = await trial_or_404(connection, trial_id)
        before = await visible_participant(connection, principal, trial_id, participant_id, services.today())
    async with services.database.write(SYSTEM_SCOPE) as connection:
        number = body.cpr.number
        await correct_cpr(connection, services.vault, trial, participant_id, number, body.reason, principal.client_id)
    async with services.read(principal) as connection:
        view = await visible_participant(connection, principal, trial_id, participant_id, services.today())
    if view == before:
        await services.audit_read(principal, "participant.read", trial_id, [view.jobcentre], participant_id)
    return json_response(request, view)


@router.get(
    "/v1/trials/{trial}/participants/{id}/weeks",
    operation_id="getWeeks",
    summary="The person's weeks, judged",
    response_model=WeekList,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_weeks(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantReader,
    until: Annotated[WeekCode | None, Query(description="The last week wanted.")] = None,
) -> Response:
    """Every ISO week from the assignment week to the last of the trial: number, state, what was due, what was done.

    A programme week's number stands still while the person is absent or exempt, and so does the meter of weeks of
    activation, at whose end (`max_activation_weeks` of the protocol) the course is complete. Weeks that are not over
    are computed from what is known so far, and have no deviations yet. 404 for someone who was not drawn.
    """
    trial = await services.get_trial(principal, trial_id)
    person = await services.people.find(access_scope_of(principal), trial_id, participant_id)
    if person is None or not principal.reads_person_of(person.jobcentre):
        raise Problem("not_found")
    await services.audit_read(principal, "weeks.read", trial_id, [person.jobcentre], participant_id)
    history = person.history()
    course = Course.of(trial.protocol, trial.ends_on, history)
    weeks = as_seen_on(judge_on(course, trial.protocol, history), history.assigned_on, services.today())
    items = b",".join(
        [
            _week_json(week, tick.meter)
            for week, tick in zip(weeks, course.ticks, strict=True)
            if until is None or week.monday <= until
        ]
    )
    content = b'{"items":[%b]}' % items
    return etag_response(request, content, JSON, digest(content))


@lru_cache(maxsize=8192)
def _week_json(week: Week, meter: int) -> bytes:
    """A week as JSON. Most weeks of most people are alike."""
    return to_json(
        {
            "week": week_code(week.monday),
            "number": week.number,
            "state": week.state,
            **{flag: getattr(week, flag) for flag in FLAGS},
            "meter": meter,
            "deviations": week.deviations,
        }
    )
