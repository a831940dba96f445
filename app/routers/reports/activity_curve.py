"""Activity curve: treatment against control by weeks since the assignment (domain 5)."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.db.reports.as_of import iter_participants
from app.domain.figures.activity_curve import Measure, Point, Share, Tallies, curve, weeks_of
from app.routers.common.services import KnownAt, ServicesDep, TrialPath
from app.routers.common.tables import TABLE_RESPONSE, TableFormatDep, table_response
from app.routers.common.types import JobcentreCode, ResponseModel
from app.routers.reports.as_of import load_as_of_request
from app.routers.reports.common import OneJobcentre, Report, ReportReader, difference_fields, report_fields
from app.web.problems import COMMON, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["reports"])

_CONVERSATION_KINDS: Final = ("conversations", "presence-events")
_ACTIVATION_KINDS: Final = ("activations", "mentors", "presence-events")


class ShareView(ResponseModel):
    """Share of people who had the measured activity."""

    n: int = Field(description="People.")
    count: int = Field(description="People with the activity in the week.")
    share: float | None = Field(description="`count` / `n`, 0 to 1; null without people.")


class CurvePoint(ResponseModel):
    """The two arms in one week since the assignment."""

    weeks_since_assignment: int = Field(description="ISO weeks since the assignment week, which is 0.", examples=[9])
    analysis: Literal["conditional", "intention_to_treat"]
    treatment: ShareView
    control: ShareView
    difference: float | None = Field(description="Treatment − control; null if an arm is empty.")
    difference_low: float | None = Field(description="Lower end of the 95 % interval (Newcombe).")
    difference_high: float | None = Field(description="Upper end of the 95 % interval (Newcombe).")
    running_sum: float = Field(description="Sum of the differences since week 0: additional weeks with the activity.")


class ActivityCurve(Report):
    """Points of the curve, and the people that it includes."""

    measure: Measure
    jobcentres: list[JobcentreCode] = Field(description="Jobcentres whose people are included, all together.")
    items: list[CurvePoint] = Field(description="By analysis and week.")


@router.get(
    "/v1/trials/{trial}/activity-curve",
    operation_id="getActivityCurve",
    summary="Treatment against control by weeks since assignment",
    response_model=ActivityCurve,
    responses={200: TABLE_RESPONSE, **problem_responses(*COMMON, "not_found")},
)
async def get_activity_curve(
    request: Request,
    services: ServicesDep,
    table_format: TableFormatDep,
    trial_id: TrialPath,
    principal: ReportReader,
    measure: Annotated[Measure, Query(description="Activity to measure.", examples=["conversation"])] = "conversation",
    jobcentre: OneJobcentre = None,
    known_at: KnownAt = None,
) -> Response:
    """Compares the arms in each week that is over, in two analyses.

    *Conditional* includes people who were in the trial on all five working days of the week. *Intention to treat*
    includes everyone drawn, with what they did while out of the trial. Weeks are ISO weeks since the assignment week,
    regardless of absence. Without `jobcentre`, the people of all jobcentres that the token is bound to are analysed
    together. The response is JSON, or by `Accept` CSV or XLSX.
    """
    tallies = Tallies()
    kinds = _CONVERSATION_KINDS if measure == "conversation" else _ACTIVATION_KINDS
    async with load_as_of_request(services, principal, trial_id, jobcentre, known_at) as scope:
        trial = scope.trial
        async for person in iter_participants(scope.connection, trial_id, scope.jobcentres, scope.cut.moment, kinds):
            tallies.add(person.arm, weeks_of(trial.protocol, trial.ends_on, person.history(), measure, scope.today))
    await services.audit_read(
        principal, "activity_curve.read", trial_id, scope.jobcentres, measure=measure, known_at=known_at
    )
    items = [_item(point) for point in curve(tallies)]
    value = {
        **report_fields(scope.today, scope.cut),
        "measure": measure,
        "jobcentres": scope.jobcentres,
        "items": items,
    }
    return await table_response(request, table_format, trial, value, items, _BLANK)


def _share(share: Share) -> dict[str, Any]:
    return {"n": share.n, "count": share.count, "share": share.share}


def _item(point: Point) -> dict[str, Any]:
    return {
        "weeks_since_assignment": point.k,
        "analysis": point.analysis,
        "treatment": _share(point.treatment),
        "control": _share(point.control),
        **difference_fields(point.difference),
        "running_sum": point.running_sum,
    }


_BLANK: Final = _item(Point(0, "conditional", Share(0, 0), Share(0, 0), None, 0.0))
