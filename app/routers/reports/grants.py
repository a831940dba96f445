"""Grant assessments: frozen as decided, answered beside what they are today (domain 5)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.db.reports.grants import Frozen, freeze, frozen_assessments
from app.db.trials.trials import Trial
from app.db.trials.watermarks import wait_for_writers
from app.domain.rules.calendar import is_over, week_code
from app.routers.common.services import ServicesDep, TrialPath, json_response, trial_or_404
from app.routers.common.types import JobcentreCode, WeekCode
from app.routers.reports.conditions import ConditionsRow, conditions_item
from app.routers.reports.weekly_summary import numbers_and_watermark, visible_groups
from app.web.auth import Principal, requires
from app.web.problems import BODY, COMMON, Problem, problem_responses

router = APIRouter(tags=["reports"])


class AssessmentIn(BaseModel):
    """Which figure to freeze."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"jobcentre": "849", "week": "2011-W26"}]}
    )

    jobcentre: JobcentreCode
    week: WeekCode = Field(description="A week that is over; the figures are cumulative to it.")


class AssessmentInput(BaseModel):
    """What one treatment participant adds to the sums, under the pseudonym of the published draws."""

    pseudonym: str = Field(description="Stands for the person.")
    conversation_due: int
    conversation_held: int
    conversation_conforming: int
    activation_due: int
    activated: int
    workplace_activated: int
    entries: int
    first_conversations: int = Field(description="1 where the person has had a counting conversation.")


class AssessmentView(BaseModel):
    """An assessment as it was decided, and the same figure today."""

    week: str = Field(examples=["2011-W26"])
    jobcentre: JobcentreCode
    frozen_at: datetime = Field(description="When it was decided.")
    client_id: str = Field(description="Who froze it.")
    watermark: datetime | None = Field(description="Everything registered up to this moment is in the frozen figures.")
    frozen: ConditionsRow = Field(description="The figures as they were decided.")
    inputs: list[AssessmentInput] = Field(description="The frozen sums are the sums of these.")
    today: ConditionsRow = Field(description="The same figures with everything that is known today.")


class AssessmentList(BaseModel):
    """The frozen assessments of the jobcentres that you see."""

    items: list[AssessmentView]


@router.post(
    "/v1/trials/{trial}/grant-assessments",
    operation_id="freezeGrantAssessment",
    summary="Freeze the grant of a jobcentre up to a week",
    status_code=201,
    response_model=AssessmentView,
    responses={
        200: {"model": AssessmentView, "description": "It was frozen before: the same."},
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
    """Keeps figures, watermark, date and every input as decided; later corrections never change them.

    There is one for each jobcentre and week: asked for again, the answer is the same (200).
    """
    async with services.write(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        if body.jobcentre not in trial.jobcentres or not principal.reads_person_of(body.jobcentre):
            raise Problem("not_found")
        if not is_over(body.week, services.today()):
            raise Problem("malformed", errors=[("/week", "date_in_future")])
        frozen = [
            each
            for each in await frozen_assessments(connection, trial_id, [body.jobcentre])
            if each.monday == body.week
        ]
        created = False
        today, watermark = await _figures(connection, trial, body.jobcentre, body.week)
        if not frozen:
            created = await freeze(connection, trial, body.jobcentre, body.week, watermark, today, principal.client_id)
            frozen = [
                each
                for each in await frozen_assessments(connection, trial_id, [body.jobcentre])
                if each.monday == body.week
            ]
    return json_response(request, _view(frozen[0], today), 201 if created else 200)


@router.get(
    "/v1/trials/{trial}/grant-assessments",
    operation_id="listGrantAssessments",
    summary="The frozen assessments beside today's figures",
    response_model=AssessmentList,
    responses=problem_responses(*COMMON, "not_found"),
)
async def list_assessments(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Annotated[Principal, Depends(requires("reports:read"))],
) -> Response:
    """What was decided, and what the same figures would be today; of the jobcentres that the token is bound to."""
    async with services.write(principal, keep=False) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        jobcentres = visible_groups(principal, trial, "jobcentre")
        await wait_for_writers(
            connection, trial_id, jobcentres
        )  # all at once: one by one, two could wait for each other
        frozen = await frozen_assessments(connection, trial_id, jobcentres)
        items = [_view(each, (await _figures(connection, trial, each.jobcentre, each.monday))[0]) for each in frozen]
    await services.audit_read(principal, "grant_assessments.read", trial_id, jobcentres)
    return json_response(request, {"items": items})


async def _figures(
    connection: Any, trial: Trial, jobcentre: str, monday: Any
) -> tuple[dict[str, Any], datetime | None]:
    """One jobcentre's conditions and grant up to a week, as they are now, and the watermark."""
    after = monday + timedelta(days=7)
    numbers, watermark = await numbers_and_watermark(connection, trial, [jobcentre], after, monday, None)
    sums: Mapping[str, int] = numbers.before.get((jobcentre, "treatment"), {})
    return conditions_item(trial, jobcentre, monday, sums), watermark


def _view(frozen: Frozen, today: dict[str, Any]) -> dict[str, Any]:
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
