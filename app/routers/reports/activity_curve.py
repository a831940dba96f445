"""The activity curve (domain 5): treatment against control by weeks since the assignment."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.db.reports.as_of import iter_participants
from app.domain.figures.activity_curve import Measure, Point, Share, Tallies, curve, weeks_of
from app.routers.common.services import KnownAt, ServicesDep, TrialPath
from app.routers.common.types import JobcentreCode
from app.routers.reports.as_of import CSV, OneJobcentre, ReportReader, as_csv, load_as_of_request, report
from app.web.problems import COMMON, problem_responses

router = APIRouter(tags=["reports"])

_KINDS: Final = {"conversation": ("conversations", "presence-events")}
_OTHERS: Final = ("activations", "mentors", "presence-events")


class ShareView(BaseModel):
    """How many of how many."""

    n: int = Field(description="People.")
    count: int = Field(description="Those of them who did it in that week.")
    share: float | None = Field(description="Count of n, 0 to 1; null of nobody.")


class CurvePoint(BaseModel):
    """The two arms in one week since the assignment."""

    weeks_since_assignment: int = Field(description="ISO weeks after that of the assignment, which is 0.", examples=[9])
    analysis: Literal["conditional", "intention_to_treat"]
    treatment: ShareView
    control: ShareView
    difference: float | None = Field(description="Treatment − control; null where an arm is empty.")
    difference_low: float | None = Field(description="Lower end of the 95 % interval (Newcombe).")
    difference_high: float | None = Field(description="Upper end of the 95 % interval (Newcombe).")
    running_sum: float = Field(description="Sum of the differences from week 0 on: how many more weeks with it.")


class ActivityCurve(BaseModel):
    """The curve, and what it rests on."""

    as_of: date = Field(description="The day in Copenhagen by which weeks are over.")
    watermark: datetime | None = Field(description="The latest registration that the figures hold.")
    measure: Measure
    jobcentres: list[JobcentreCode] = Field(description="Whose people: all of these together.")
    items: list[CurvePoint] = Field(description="By analysis and week.")


@router.get(
    "/v1/trials/{trial}/activity-curve",
    operation_id="getActivityCurve",
    summary="Treatment against control by weeks since assignment",
    response_model=ActivityCurve,
    responses={200: CSV, **problem_responses(*COMMON, "not_found")},
)
async def get_activity_curve(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: ReportReader,
    measure: Annotated[Measure, Query(description="What is looked at.", examples=["conversation"])] = "conversation",
    jobcentre: OneJobcentre = None,
    known_at: KnownAt = None,
) -> Response:
    """Two analyses, each week that is over: *conditional* on being in the trial on all five working days, and by
    *intention to treat*, of everyone drawn, what was done while out of the trial included.

    Weeks are ISO weeks since that of the assignment, whatever the absence. Without a jobcentre the people of all those
    that the token is bound to are looked at together. JSON, or CSV for `Accept: text/csv`.
    """
    tallies = Tallies()
    async with load_as_of_request(services, principal, trial_id, jobcentre, known_at) as cohort:
        trial, kinds = cohort.trial, _KINDS.get(measure, _OTHERS)
        async for person in iter_participants(cohort.connection, trial_id, cohort.jobcentres, cohort.cut.moment, kinds):
            tallies.add(person.arm, weeks_of(trial.protocol, trial.ends_on, person.history(), measure, cohort.today))
    await services.audit_read(
        principal, "activity_curve.read", trial_id, cohort.jobcentres, measure=measure, known_at=known_at
    )
    items = [_item(point) for point in curve(tallies)]
    value = {
        "as_of": cohort.today,
        "watermark": cohort.cut.watermark,
        "measure": measure,
        "jobcentres": cohort.jobcentres,
        "items": items,
    }
    return report(request, value, items, _BLANK)


def _share(share: Share) -> dict[str, Any]:
    return {"n": share.n, "count": share.count, "share": share.share}


def _item(point: Point) -> dict[str, Any]:
    difference = point.difference
    return {
        "weeks_since_assignment": point.k,
        "analysis": point.analysis,
        "treatment": _share(point.treatment),
        "control": _share(point.control),
        "difference": None if difference is None else difference.estimate,
        "difference_low": None if difference is None else difference.low,
        "difference_high": None if difference is None else difference.high,
        "running_sum": point.running_sum,
    }


_BLANK: Final = _item(Point(0, "conditional", Share(0, 0), Share(0, 0), None, 0.0))


def curve_csv(items: Sequence[Mapping[str, Any]]) -> bytes:
    """Points of a curve as CSV."""
    return as_csv(items, _BLANK)
