"""Effect analysis by intention to treat, and the success criteria in their order (domain 5 [E], [F])."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.analysis.differences import EffectInterval
from app.analysis.effects import EffectCell, EffectEstimate, Effects, OutcomeMeasure, SuccessCell, analyse
from app.analysis.survival import LogRank
from app.db.reports.as_of import iter_participants
from app.domain.figures.activity_curve import Difference
from app.domain.figures.disclosure_control import SMALLEST_GROUP
from app.domain.figures.outcomes import followed
from app.domain.protocol import Criterion
from app.domain.rules.calendar import week_code
from app.domain.rules.draw import ARMS, Arm
from app.routers.common.services import KnownAt, ServicesDep, TrialPath
from app.routers.common.tables import TABLE_RESPONSE, TableFormatDep, table_response
from app.routers.common.types import EffectWarning, ResponseModel
from app.routers.reports.as_of import AsOfRequest, load_as_of_request
from app.routers.reports.common import OneJobcentre, Report, ReportReader, difference_fields, report_fields
from app.web.problems import COMMON, Problem, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["reports"])

_KINDS: Final = ("activations", "presence-events", "outcomes")


class CompareView(ResponseModel):
    """The arms, and treatment − control with its 95 % interval; null if an arm is hidden or empty."""

    treatment: EffectCell
    control: EffectCell
    difference: float | None
    difference_low: float | None
    difference_high: float | None


class EffectRow(CompareView):
    """One outcome in one week since the assignment."""

    weeks_since_assignment: int = Field(
        description="ISO weeks since the assignment week; for exits, periods of 7 days since the assignment."
    )
    outcome: OutcomeMeasure


class EffectView(ResponseModel):
    """Treatment − control after `after_weeks`, combined over jobcentres with Mantel–Haenszel weights."""

    outcome: OutcomeMeasure
    difference: float | None
    stratified: EffectInterval | None = Field(description="Stratified by jobcentre (HC1 variance).")
    clustered: EffectInterval | None = Field(description="Clustered by jobcentre; null with one jobcentre.")
    jobcentres: int = Field(description="Number of jobcentres with people of both arms.")


class JobcentreEffect(CompareView):
    """A share in one jobcentre after `after_weeks`."""

    jobcentre: str
    outcome: OutcomeMeasure
    p_value: float | None = Field(description="Fisher's exact test of this jobcentre alone.")
    p_adjusted: float | None = Field(description="Adjusted for the number of jobcentres compared (Holm).")


class HeterogeneityView(ResponseModel):
    """Test of whether the jobcentres' differences vary more than by chance (Cochran's Q)."""

    outcome: OutcomeMeasure
    q: float
    degrees_of_freedom: int
    p_value: float
    i_squared: float = Field(description="Share of the variation that is not chance, 0 to 1.")


class SuccessView(CompareView):
    """People whose best outcome so far is this criterion. Rows are in the order of the criteria, best first."""

    treatment: SuccessCell
    control: SuccessCell
    criterion: Criterion | None = Field(description="Null: no criterion reached so far.")


class EffectsView(Report):
    """Effect analysis of a trial or of one of its jobcentres."""

    jobcentre: str | None = Field(description="Null: the whole trial.")
    outcomes_until: str | None = Field(
        description="Last week for which any outcome was delivered. Follow-up ends with it.", examples=["2012-W13"]
    )
    after_weeks: int | None = Field(description="Week of `effects`, `by_jobcentre` and `heterogeneity`.")
    smallest_group: int = Field(description="Smaller groups are hidden.")
    warnings: list[EffectWarning]
    items: list[EffectRow] = Field(description="By week and outcome.")
    effects: list[EffectView]
    by_jobcentre: list[JobcentreEffect]
    heterogeneity: list[HeterogeneityView]
    log_rank: LogRank | None
    success: list[SuccessView]


@router.get(
    "/v1/trials/{trial}/effects",
    operation_id="getEffects",
    summary="Effects by intention to treat, and success criteria",
    response_model=EffectsView,
    responses={200: TABLE_RESPONSE, **problem_responses(*COMMON, "not_found", "pilot_trial")},
)
async def get_effects(
    request: Request,
    services: ServicesDep,
    table_format: TableFormatDep,
    trial_id: TrialPath,
    principal: ReportReader,
    after_weeks: Annotated[
        int | None,
        Query(
            ge=0,
            le=520,
            description="Weeks since the assignment to analyse in detail. Default: the last in which all are followed.",
            examples=[52],
        ),
    ] = None,
    jobcentre: OneJobcentre = None,
    known_at: KnownAt = None,
) -> Response:
    """Compares the arms by weeks since the assignment: employment, education, hours of work, and the time to the first
    exit to a job or education (1 − Kaplan–Meier).

    Everyone drawn is included, in the arm of the draw. Shares are of everyone drawn whose week is over. In
    a week on benefit by any record nobody is employed or in education; the dead have no outcome. A person of whom an
    outcome is not told counts as not having it, and in `missing`. Intervals of differences by week are Newcombe's for
    shares, Welch's for hours and Greenwood's for exits. `success` counts each person by the best outcome so far;
    `rests_on` says whether the jobcentre's own records, a register's, or both say so.

    Groups smaller than `smallest_group` are hidden, and so are those that would reveal them. Duplicates are excluded. A
    pilot trial is refused. The response is JSON, or by `Accept` CSV or XLSX with the rows by week.
    """
    async with load_as_of_request(services, principal, trial_id, jobcentre, known_at, whole_trial=True) as scope:
        trial, today = scope.trial, scope.today
        if trial.pilot:
            raise Problem("pilot_trial")
        participants = iter_participants(scope.connection, trial_id, scope.jobcentres, scope.cut.moment, _KINDS)
        people = [
            followed(trial.protocol, person.jobcentre, person.arm, trial.ends_on, person.history(), today)
            async for person in participants
        ]
    effects = await asyncio.to_thread(  # too slow for the event loop
        analyse, people, jobcentre, after_weeks, trial.protocol.success_criteria
    )
    visible = scope.jobcentres if jobcentre is None else [jobcentre]
    await services.audit_read(principal, "effects.read", trial_id, visible, after_weeks=after_weeks, known_at=known_at)
    items = [_row(row) for row in effects.rows]
    return await table_response(request, table_format, trial, _view(effects, scope, jobcentre, items), items, _BLANK)


def _view(
    effects: Effects, scope: AsOfRequest, jobcentre: str | None, items: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    until = effects.outcomes_until
    return {
        **report_fields(scope.today, scope.cut),
        "jobcentre": jobcentre,
        "outcomes_until": None if until is None else week_code(until),
        "after_weeks": effects.after_weeks,
        "smallest_group": SMALLEST_GROUP,
        "warnings": effects.warnings,
        "items": items,
        "effects": [
            {
                "outcome": outcome,
                "difference": None if effect is None else effect.estimate,
                "stratified": None if effect is None else effect.stratified,
                "clustered": None if effect is None else effect.clustered,
                "jobcentres": 0 if effect is None else effect.jobcentres,
            }
            for outcome, effect in effects.effects.items()
        ],
        "by_jobcentre": [
            {
                "jobcentre": row.jobcentre,
                "outcome": row.outcome,
                **_comparison(row.arms, row.difference),
                "p_value": row.p_value,
                "p_adjusted": row.p_adjusted,
            }
            for row in effects.jobcentres
        ],
        "heterogeneity": [
            {"outcome": outcome, **asdict(test)} for outcome, test in effects.heterogeneity.items() if test is not None
        ],
        "log_rank": effects.log_rank,
        "success": [{"criterion": row.criterion, **_comparison(row.arms, row.difference)} for row in effects.success],
    }


def _comparison(arms: Mapping[Arm, EffectCell], difference: Difference | None) -> dict[str, Any]:
    return {**{arm: asdict(arms[arm]) for arm in ARMS}, **difference_fields(difference)}


def _row(row: EffectEstimate) -> dict[str, Any]:
    return {"weeks_since_assignment": row.k, "outcome": row.outcome, **_comparison(row.arms, row.difference)}


_EMPTY: Final = EffectCell(0, None, None, None, hidden=False)
_BLANK: Final = _row(EffectEstimate(0, "employment", dict.fromkeys(ARMS, _EMPTY), None))
