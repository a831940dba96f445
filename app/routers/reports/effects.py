"""The effect analysis by intention to treat, and the success criteria in their order (domain 5 [E], [F])."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.analysis.effects import ArmCell, EffectEstimate, Effects, JobcentreRow, OutcomeMeasure, SuccessRow, analyse
from app.db.reports.as_of import iter_participants
from app.domain.figures.activity_curve import Difference
from app.domain.figures.disclosure_control import SMALLEST_GROUP
from app.domain.figures.outcomes import Criterion, followed
from app.domain.rules.calendar import week_code
from app.domain.rules.draw import ARMS, Arm
from app.routers.common.services import KnownAt, ServicesDep, TrialPath
from app.routers.common.types import EffectWarning
from app.routers.reports.as_of import CSV, AsOfRequest, OneJobcentre, ReportReader, as_csv, load_as_of_request, report
from app.web.problems import COMMON, Problem, problem_responses

router = APIRouter(tags=["reports"])

_KINDS: Final = ("activations", "presence-events", "outcomes")


class EffectCell(BaseModel):
    """One arm's figure."""

    people: int = Field(description="Everyone drawn to the arm who is followed that long.")
    missing: int | None = Field(
        description="Of whom no outcome was delivered for the week: they count as having none. Null: not asked."
    )
    count: int | None = Field(description="Those with the outcome; of hours, those with any. Null where hidden.")
    mean: float | None = Field(
        description="The share of them, 0 to 1, or hours per person. Null where hidden, or of nobody."
    )
    hidden: bool = Field(description="A group is smaller than `smallest_group`, or would give such a one away.")


class CompareView(BaseModel):
    """The arms, and treatment − control with its 95 % interval; null where an arm is hidden or empty."""

    treatment: EffectCell
    control: EffectCell
    difference: float | None
    difference_low: float | None
    difference_high: float | None


class EffectRow(CompareView):
    """An outcome in one week since the assignment."""

    weeks_since_assignment: int = Field(description="ISO weeks after that of the assignment; of exits, times 7 days.")
    outcome: OutcomeMeasure


class EffectInterval(BaseModel):
    """A 95 % interval of a difference, and the p-value of there being none."""

    low: float
    high: float
    p_value: float | None


class EffectView(BaseModel):
    """Treatment − control after `after_weeks`, put together from the jobcentres by the weights of Mantel–Haenszel."""

    outcome: OutcomeMeasure
    difference: float | None
    stratified: EffectInterval | None = Field(description="Stratified by jobcentre (HC1 variance).")
    clustered: EffectInterval | None = Field(description="Clustered by jobcentre; null in one jobcentre.")
    jobcentres: int = Field(description="How many jobcentres have people of both arms.")


class JobcentreEffect(CompareView):
    """A share in one jobcentre after `after_weeks`."""

    jobcentre: str
    outcome: OutcomeMeasure
    p_value: float | None = Field(description="Fisher's exact test, of this jobcentre alone.")
    p_adjusted: float | None = Field(description="Adjusted for as many comparisons as there are jobcentres (Holm).")


class HeterogeneityView(BaseModel):
    """Whether the jobcentres' differences vary more than by chance (Cochran's Q)."""

    outcome: OutcomeMeasure
    q: float
    degrees_of_freedom: int
    p_value: float
    i_squared: float = Field(description="The part of the variation that is not chance, 0 to 1.")


class LogRankView(BaseModel):
    """Log-rank test of the time to the first exit to a job or education, stratified by jobcentre."""

    chi_squared: float = Field(description="With one degree of freedom.")
    p_value: float
    jobcentres: int = Field(description="How many jobcentres have people of both arms.")


class SuccessView(CompareView):
    """The people whose best outcome so far is this criterion, in the order of the criteria, the best first."""

    criterion: Criterion | None = Field(description="Null: none of them so far.")


class EffectsView(BaseModel):
    """The analysis, and what it rests on."""

    as_of: date = Field(description="The day in Copenhagen by which weeks are over.")
    watermark: datetime | None = Field(description="The latest registration in the trial that the figures hold.")
    jobcentre: str | None = Field(description="Null: the whole trial.")
    outcomes_until: str | None = Field(
        description="The last week that any outcome was delivered for: everyone is followed up to it.",
        examples=["2012-W13"],
    )
    after_weeks: int | None = Field(description="The week of `effects`, `by_jobcentre` and `heterogeneity`.")
    smallest_group: int = Field(description="No group of fewer people is shown.")
    warnings: list[EffectWarning]
    items: list[EffectRow] = Field(description="By week and outcome.")
    effects: list[EffectView]
    by_jobcentre: list[JobcentreEffect]
    heterogeneity: list[HeterogeneityView]
    log_rank: LogRankView | None
    success: list[SuccessView]


@router.get(
    "/v1/trials/{trial}/effects",
    operation_id="getEffects",
    summary="Effects by intention to treat, and success criteria",
    response_model=EffectsView,
    responses={200: CSV, **problem_responses(*COMMON, "not_found", "pilot_trial")},
)
async def get_effects(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: ReportReader,
    after_weeks: Annotated[
        int | None,
        Query(
            ge=0,
            le=520,
            description="Weeks since the assignment to look at closely; left out: the last in which all are followed.",
            examples=[52],
        ),
    ] = None,
    jobcentre: OneJobcentre = None,
    known_at: KnownAt = None,
) -> Response:
    """Everyone drawn, by the arm of the draw, whatever happened afterwards: employment, education, hours of work, and
    the time to the first exit to a job or education (1 − Kaplan–Meier), by weeks since the assignment.

    Shares are of everyone drawn whose week is over; of whom no outcome was delivered, counts as having none, and is
    `missing`. Differences by week have Newcombe's interval (shares), Welch's (hours) or Greenwood's (exits). In
    `success` people stand by their best outcome so far. Groups smaller than `smallest_group` are hidden, and those
    that would give them away. A pilot is refused, duplicates are in no figure. JSON, or for `Accept: text/csv` the
    rows by week.
    """
    async with load_as_of_request(services, principal, trial_id, jobcentre, known_at, everyone=True) as cohort:
        trial, today = cohort.trial, cohort.today
        if trial.pilot:
            raise Problem("pilot_trial")
        everyone = iter_participants(cohort.connection, trial_id, cohort.jobcentres, cohort.cut.moment, _KINDS)
        people = [followed(each.jobcentre, each.arm, trial.ends_on, each.history(), today) async for each in everyone]
    # In a thread, others are answered meanwhile.
    effects = await asyncio.to_thread(analyse, people, jobcentre, after_weeks)
    shown = cohort.jobcentres if jobcentre is None else [jobcentre]
    await services.audit_read(principal, "effects.read", trial_id, shown, after_weeks=after_weeks, known_at=known_at)
    items = [_row(row) for row in effects.rows]
    return report(request, _view(effects, cohort, jobcentre, items), items, _BLANK)


def _view(
    effects: Effects, cohort: AsOfRequest, jobcentre: str | None, items: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    until = effects.outcomes_until
    return {
        "as_of": cohort.today,
        "watermark": cohort.cut.watermark,
        "jobcentre": jobcentre,
        "outcomes_until": None if until is None else week_code(until),
        "after_weeks": effects.after_weeks,
        "smallest_group": SMALLEST_GROUP,
        "warnings": effects.warnings,
        "items": items,
        "effects": [
            {
                "outcome": outcome,
                "difference": None if found is None else found.estimate,
                "stratified": None if found is None else asdict(found.stratified),
                "clustered": None if found is None or found.clustered is None else asdict(found.clustered),
                "jobcentres": 0 if found is None else found.jobcentres,
            }
            for outcome, found in effects.effects.items()
        ],
        "by_jobcentre": [_jobcentre(row) for row in effects.jobcentres],
        "heterogeneity": [
            {"outcome": outcome, **asdict(found)}
            for outcome, found in effects.heterogeneity.items()
            if found is not None
        ],
        "log_rank": None if effects.log_rank is None else asdict(effects.log_rank),
        "success": [_success(row) for row in effects.success],
    }


def _compared(arms: Mapping[Arm, ArmCell], difference: Difference | None) -> dict[str, Any]:
    return {
        **{arm: asdict(arms[arm]) for arm in ARMS},
        "difference": None if difference is None else difference.estimate,
        "difference_low": None if difference is None else difference.low,
        "difference_high": None if difference is None else difference.high,
    }


def _row(row: EffectEstimate) -> dict[str, Any]:
    where = {"weeks_since_assignment": row.k, "outcome": row.outcome}
    return {**where, **_compared(row.arms, row.difference)}


def _jobcentre(row: JobcentreRow) -> dict[str, Any]:
    where = {"jobcentre": row.jobcentre, "outcome": row.outcome}
    return {
        **where,
        **_compared(row.arms, row.difference),
        "p_value": row.p_value,
        "p_adjusted": row.p_adjusted,
    }


def _success(row: SuccessRow) -> dict[str, Any]:
    return {"criterion": row.criterion, **_compared(row.arms, row.difference)}


_NOBODY: Final = ArmCell(0, None, None, None, hidden=False)
_BLANK: Final = _row(EffectEstimate(0, "employment", dict.fromkeys(ARMS, _NOBODY), None))


def effects_csv(items: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows by week as CSV."""
    return as_csv(items, _BLANK)
