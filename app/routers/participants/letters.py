"""Letter about the draw, and history of contact persons (domain 3.3, 4.7)."""

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from app.db.participants.contact_persons import ContactPerson, load_contact_persons
from app.db.participants.draws import load_assignment
from app.domain.rules.calendar import civil_day
from app.letters import Letter, as_html, as_pdf
from app.routers.common.access import ParticipantPath, ParticipantReader, visible_participant
from app.routers.common.services import ServicesDep, TrialPath, digest, etag_response, json_response, trial_or_404
from app.routers.common.tables import negotiate
from app.routers.common.types import ResponseModel
from app.web.problems import COMMON, Problem, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["participants"])
HTML: Final = "text/html"
PDF: Final = "application/pdf"
_FORMS: Final[dict[str, Any]] = {
    "description": "The letter. `Vary: Accept`: HTML and PDF have different ETags.",
    "content": {HTML: {"schema": {"type": "string"}}, PDF: {"schema": {"type": "string", "format": "binary"}}},
}


class ContactPersonHistory(ResponseModel):
    """Contact persons of one participant, oldest first."""

    items: list[ContactPerson]


@router.get(
    "/v1/trials/{trial}/participants/{id}/letter",
    operation_id="getLetter",
    summary="The letter that a drawn person gets",
    response_class=HTMLResponse,
    responses={200: _FORMS, **problem_responses(*COMMON, "not_found", "not_drawn")},
)
async def get_letter(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantReader,
) -> Response:
    """Returns the letter in Danish as HTML, or as PDF for `Accept: application/pdf`. It explains the draw and its
    consequences, and names whom to ask and where to complain.

    The content follows the trial's protocol; a trial with one arm mentions no draw. The letter has no name and no CPR
    number: fill in the empty block `<div class="address">`, or print onto the empty first 55 mm of the page. The
    request is refused for a person who was not drawn and for a duplicate, whose earlier draw applies (`not_drawn`).
    """
    async with services.read(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        participant = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        assignment = await load_assignment(connection, trial_id, participant_id)
    if participant.state == "duplicate":
        raise Problem("not_drawn", "The person was drawn before: the letter is that of the earlier draw.")
    if assignment is None:
        raise Problem("not_drawn")
    letter = Letter(
        protocol=trial.protocol,
        title=trial.title,
        jobcentre=trial.jobcentres[participant.jobcentre].name,
        arm=assignment.arm,
        assigned_on=assignment.assigned_on,
        drawn_on=civil_day(assignment.drawn_at),
        ends_on=trial.ends_on,
        contact_person=participant.contact_person,
    )
    form = PDF if negotiate(request, [PDF], HTML) == PDF else HTML
    content = await asyncio.to_thread(as_pdf, letter) if form == PDF else as_html(letter).encode()
    await services.audit_read(principal, "letter.read", trial_id, [participant.jobcentre], participant_id, form=form)
    response = etag_response(request, content, form, digest(content))
    response.headers["Vary"] = "Accept"
    return response


@router.get(
    "/v1/trials/{trial}/participants/{id}/contact-persons",
    operation_id="listContactPersons",
    summary="Who has been the contact person",
    response_model=ContactPersonHistory,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_contact_persons(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantReader,
) -> Response:
    """Returns every contact person of the participant, oldest first, with the moment and the client that set it."""
    async with services.read(principal) as connection:
        participant = await visible_participant(connection, principal, trial_id, participant_id, services.today())
        items = await load_contact_persons(connection, trial_id, participant.jobcentre, participant_id)
    await services.audit_read(principal, "contact_persons.read", trial_id, [participant.jobcentre], participant_id)
    return json_response(request, {"items": items})
