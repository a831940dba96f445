"""Grant assessments: figures frozen at the decision, beside the same figures today (domain 5)."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.reports.grants import FrozenAssessment, freeze, load_frozen
from app.db.trials.strata import lock_strata
from app.db.trials.trials import Trial
from app.db.trials.watermarks import load_as_of
from app.domain.rules.calendar import is_over, week_code
from app.routers.common.services import ServicesDep, TrialPath, TrialRoute, json_response, trial_or_404
from app.routers.common.types import JobcentreCode, RequestModel, ResponseModel, WeekCode
from app.routers.reports.common import ReportReader, counts_and_watermark, visible_groups
from app.routers.reports.conditions import ConditionsRow, conditions_item
from app.web.auth import Principal, requires
from app.web.problems import BODY, COMMON, Problem, problem_responses

router = APIRouter(route_class=TrialRoute, tags=["reports"])


class AssessmentIn(RequestModel):
    """Jobcentre and week to assess."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"jobcentre": "849", "week": "2011-W26"}]})

    jobcentre: JobcentreCode
    week: WeekCode = Field(description="A week that is over. The figures are cumulative to it.")


class AssessmentInput(ResponseModel):
    """Contribution of one treatment participant to the sums, under the pseudonym of the published draws."""

    pseudonym: str = Field(description="Pseudonym of the participant.")
    conversation_due: int
    conversation_held: int
    conversation_conforming: int
    activation_due: int
    activated: int
    workplace_activated: int
    entries: int
    first_conversations: int = Field(description="1 if any conversation of the participant has counted, else 0.")


class AssessmentView(ResponseModel):
    """Frozen figures of an assessment, and the same figures today."""

    week: str = Field(examples=["2011-W26"])
    jobcentre: JobcentreCode
    frozen_at: datetime = Field(description="Moment of the decision.")
    client_id: str = Field(description="Client that froze the assessment.")
    watermark: datetime | None = Field(description="Latest registration that the frozen figures include.")
    frozen: ConditionsRow = Field(description="Figures at the decision.")
    inputs: list[AssessmentInput] = Field(description="Contributions that add up to the frozen sums.")
    today: ConditionsRow = Field(description="The same figures from everything known today.")


class AssessmentList(ResponseModel):
    """Frozen assessments of the jobcentres that the token is bound to."""

    items: list[AssessmentView]


@router.post(
    "/v1/trials/{trial}/grant-assessments",
    operation_id="freezeGrantAssessment",
    summary="Freeze the grant of a jobcentre up to a week",
    status_code=201,
    response_model=AssessmentView,
    responses={
        200: {"model": AssessmentView, "description": "The assessment was frozen before."},
        **problem_responses(*COMMON, *BODY, "not_found"),
    },
)
async def post_assessment(
    request: Request,
    body: AssessmentIn,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Annotated[Principal, Depends(requires("trials:write"))],
) -> Response:
    """Stores the figures with their watermark, date and inputs. Later corrections of records never change them.

    Each jobcentre and week has one assessment; a repeated request returns it unchanged (200).
    """
    created = False
    async with services.write(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        if body.jobcentre not in trial.jobcentres or not principal.reads_person_of(body.jobcentre):
            raise Problem("not_found")
        if not is_over(body.week, services.today()):
            raise Problem("malformed", errors=[("/week", "date_in_future")])
        # Locked before the figures are read, which share the lock.
        _, moment = await lock_strata(connection, trial_id, [body.jobcentre])
        frozen = await _find(connection, trial_id, body.jobcentre, body.week)
        today, watermark = await _figures(connection, trial, body.jobcentre, body.week)
        if frozen is None:
            created = await freeze(
                connection, trial, body.jobcentre, body.week, watermark, today, principal.client_id, moment
            )
            frozen = await _find(connection, trial_id, body.jobcentre, body.week)
            assert frozen is not None  # stored by this request, or by one that was faster
    return json_response(request, _view(frozen, today), 201 if created else 200)


async def _find(connection: AsyncConnection, trial_id: str, jobcentre: str, monday: date) -> FrozenAssessment | None:
    assessments = await load_frozen(connection, trial_id, [jobcentre])
    return next((assessment for assessment in assessments if assessment.monday == monday), None)


@router.get(
    "/v1/trials/{trial}/grant-assessments",
    operation_id="listGrantAssessments",
    summary="The frozen assessments beside today's figures",
    response_model=AssessmentList,
    responses=problem_responses(*COMMON, "not_found"),
)
async def list_assessments(
    request: Request, services: ServicesDep, trial_id: TrialPath, principal: ReportReader
) -> Response:
    """Returns each frozen assessment and the same figures today, for the jobcentres that the token is bound to."""
    async with services.write(principal, trial_id, commit=False) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        jobcentres = visible_groups(principal, trial, "jobcentre")
        # All jobcentres at once: waiting for one at a time, two requests could deadlock.
        await load_as_of(connection, trial_id, jobcentres, None)
        items = [
            _view(frozen, (await _figures(connection, trial, frozen.jobcentre, frozen.monday))[0])
            for frozen in await load_frozen(connection, trial_id, jobcentres)
        ]
    await services.audit_read(principal, "grant_assessments.read", trial_id, jobcentres)
    return json_response(request, {"items": items})


async def _figures(
    connection: AsyncConnection, trial: Trial, jobcentre: str, monday: date
) -> tuple[dict[str, Any], datetime | None]:
    """Return a jobcentre's current conditions and grant up to a week, and the watermark."""
    after = monday + timedelta(days=7)
    counts, as_of = await counts_and_watermark(connection, trial, [jobcentre], after, monday, None)
    sums: Mapping[str, int] = counts.before.get((jobcentre, "treatment"), {})
    return conditions_item(trial, jobcentre, monday, sums), as_of.watermark


def _view(frozen: FrozenAssessment, today: dict[str, Any]) -> dict[str, Any]:
    return {
        "week": week_code(frozen.monday),
        "jobcentre": frozen.jobcentre,
        "frozen_at": frozen.frozen_at,
        "client_id": frozen.client_id,
        "watermark": frozen.watermark,
        "frozen": frozen.figures,
        "inputs": frozen.inputs,
        "today": today,
    }
