"""Participants: lists, lookup, contact person, withdrawal (domain 3)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic_core import to_json

from app.db.participants.queries import (
    ParticipantView,
    change_contact_person,
    changed_participants,
    find_by_person,
    list_participants,
    withdraw,
)
from app.domain.judged_weeks import FLAGS, Week
from app.domain.rules.calendar import week_code
from app.domain.rules.draw import Arm
from app.domain.rules.weeks import as_seen_on, judge
from app.routers.common.access import (
    FIRST_ID,
    JobcentreQuery,
    ParticipantPath,
    ParticipantReader,
    ParticipantWriter,
    visible_jobcentres,
    visible_participant,
)
from app.routers.common.feeds import ChangedSince, decode_positions, encode_positions
from app.routers.common.services import (
    JSON,
    Cursor,
    Limit,
    Services,
    ServicesDep,
    TrialPath,
    TrialRoute,
    access_scope_of,
    decode_cursor,
    digest,
    encode_cursor,
    etag_response,
    json_response,
    page,
    trial_or_404,
)
from app.routers.common.types import WeekCode
from app.routers.participants.schemas import (
    ContactPersonIn,
    LookupIn,
    ParticipantModel,
    ParticipantPage,
    ParticipantState,
    WeekList,
    WithdrawalIn,
)
from app.web.auth import Principal
from app.web.problems import BODY, COMMON, Problem, problem_responses

router = APIRouter(route_class=TrialRoute, tags=["participants"])


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
    arm: Annotated[Arm | None, Query(description="Only participants of this arm.")] = None,
    state: Annotated[ParticipantState | None, Query(description="Only participants in this state today.")] = None,
    changed_since: ChangedSince = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Returns the eligible people of the token's jobcentres, whether drawn, waiting or withdrawn, as of today.

    With `changed_since` it is a change feed instead, in the order of registration: who was drawn (`drawn`), has another
    number (`number_changed`; no number in it), became a `duplicate`, was withdrawn (`withdrawn`), was erased
    (`erased`), or has records that passed to another client (`handed_over`). So a sender knows of whom to send again.
    Its `next` is never null: keep it, and ask with it again later. It misses nothing, whatever is written meanwhile.
    Begin with `0`. It takes no `arm` and no `state`, which would hide changes.
    """
    if changed_since is not None:
        if errors := [(f"/query/{name}", "invalid_value") for name in ("arm", "state") if name in request.query_params]:
            raise Problem("malformed", errors=errors)
        return await _read_feed(request, services, principal, trial_id, jobcentre, changed_since, limit)
    after = decode_cursor(request, cursor, str, UUID) or ("", FIRST_ID)
    async with services.read(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        jobcentres = visible_jobcentres(principal, trial, jobcentre)
        today = services.today()
        items = await list_participants(connection, trial_id, jobcentres, arm, state, today, after, limit + 1)
    await services.audit_read(principal, "participants.listed", trial_id, jobcentres, arm=arm, state=state)
    return page(request, items, limit, lambda item: encode_cursor(request, item.jobcentre, item.participant_id))


async def _read_feed(
    request: Request,
    services: Services,
    principal: Principal,
    trial_id: str,
    jobcentre: str | None,
    changed_since: str,
    limit: int,
) -> Response:
    """Return the changes since, with the cursor reached."""
    async with services.read(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        jobcentres = visible_jobcentres(principal, trial, jobcentre)
        positions = decode_positions(request, changed_since, jobcentres)
        changed, reached = await changed_participants(connection, trial_id, positions, services.today(), limit)
    await services.audit_read(principal, "participants.followed", trial_id, jobcentres)
    return json_response(request, {"items": changed, "next": encode_positions(request, reached)})


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
    """Returns the participant with a CPR number. The number is in the body, since CPR numbers never appear in a URL.

    404 if the person is not in the trial, or belongs to a jobcentre that the token is not bound to.
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
    """Returns a participant as of today: arm, state, programme week, contact person."""
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
    """Sets the contact person from now on; null removes it. Earlier contact persons remain in the history."""
    async with services.write(principal, trial_id) as connection:
        before = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        await change_contact_person(connection, trial_id, before, body.contact_person, principal.client_id)
        after = await visible_participant(connection, principal, trial_id, participant_id, services.today())
    return await _changed(request, services, principal, trial_id, before, after)


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
    """Withdraws a candidate who waits for a draw. The candidate no longer precedes others, and may be screened again.

    A person who was drawn cannot be withdrawn (`already_drawn`): send a presence event of the kind `exit` instead.
    """
    async with services.write(principal, trial_id) as connection:
        before = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        await withdraw(connection, trial_id, before.jobcentre, participant_id, body.reason, principal.client_id)
        after = await visible_participant(connection, principal, trial_id, participant_id, services.today())
    return await _changed(request, services, principal, trial_id, before, after)


async def _changed(
    request: Request,
    services: Services,
    principal: Principal,
    trial_id: str,
    before: ParticipantView,
    after: ParticipantView,
) -> Response:
    """Return the participant after a write. A write without effect is audited as a read: it wrote no entry itself."""
    if after == before:
        await services.audit_read(principal, "participant.read", trial_id, [after.jobcentre], after.participant_id)
    return json_response(request, after)


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
    until: Annotated[WeekCode | None, Query(description="Last week to return.")] = None,
) -> Response:
    """Returns every ISO week from the assignment week to the end of the trial, with what was due and what was done.

    The programme week and `meter` do not advance while the person is absent or exempt. The course is complete once
    `meter` reaches the protocol's `max_activation_weeks`. Weeks that are not over are computed from the records so far,
    and have no deviations. 404 for a person who was not drawn.
    """
    trial = await services.get_trial(principal, trial_id)
    person = await services.people.find(access_scope_of(principal), trial_id, participant_id)
    if person is None or not principal.reads_person_of(person.jobcentre):
        raise Problem("not_found")
    await services.audit_read(principal, "weeks.read", trial_id, [person.jobcentre], participant_id)
    judged = judge(trial.protocol, trial.ends_on, person.history())
    weeks = as_seen_on(trial.protocol, judged, services.today())
    items = b",".join([to_json(week_body(week)) for week in weeks if until is None or week.monday <= until])
    content = b'{"items":[%b]}' % items
    return etag_response(request, content, JSON, digest(content))


def week_body(week: Week) -> dict[str, Any]:
    """Return the response body of a judged week."""
    return {
        "week": week_code(week.monday),
        "number": week.number,
        "state": week.state,
        **{flag: getattr(week, flag) for flag in FLAGS},
        "meter": week.meter,
        "deviations": week.deviations,
    }
