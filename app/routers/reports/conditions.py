"""The three conditions and the grant by jobcentre (domain 5 [F])."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import Field

from app.db.reports.summary import WeekCounts
from app.db.trials.trials import Trial
from app.domain.figures.counts import CONDITION_SUMS
from app.domain.figures.report_types import Conditions, Grant, Group
from app.domain.figures.summary import conditions_of, figures_of, grant_of
from app.domain.protocol import Thresholds
from app.domain.rules.calendar import week_code
from app.domain.rules.draw import Arm
from app.routers.common.services import KnownAt, ServicesDep, TrialPath, trial_or_404
from app.routers.common.tables import TABLE_RESPONSE, TableFormatDep, table_response
from app.routers.common.types import ResponseModel
from app.routers.reports.common import (
    FirstWeek,
    Report,
    ReportReader,
    WeekQuery,
    as_of_day,
    counts_and_watermark,
    report_fields,
    requested_weeks,
    visible_groups,
)
from app.routers.reports.weekly_summary import NO_CONDITIONS, FiguresView
from app.web.problems import COMMON, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["reports"])


class ConditionsRow(ResponseModel):
    """One jobcentre, with the sums of all weeks up to this one."""

    week: str = Field(examples=["2011-W05"])
    group: Group
    figures: FiguresView = Field(description="Cumulative, treatment arm.")
    thresholds: Thresholds | None = Field(description="In per cent, inclusive.")
    conditions: Conditions | None = Field(description="Null if the protocol has no thresholds.")
    grant: Grant | None = Field(description="Null if the protocol has no grant.")


class ConditionsReport(Report):
    """Conditions and grant of the jobcentres that the token is bound to."""

    items: list[ConditionsRow]


@router.get(
    "/v1/trials/{trial}/conditions",
    operation_id="getConditions",
    summary="The three conditions and the grant by jobcentre",
    response_model=ConditionsReport,
    responses={200: TABLE_RESPONSE, **problem_responses(*COMMON, "not_found")},
)
async def get_conditions(
    request: Request,
    services: ServicesDep,
    table_format: TableFormatDep,
    trial_id: TrialPath,
    principal: ReportReader,
    week: WeekQuery = None,
    first: FirstWeek = None,
    known_at: KnownAt = None,
) -> Response:
    """Returns the treatment arm's figures of each jobcentre that the token is bound to, cumulative to the week.

    With `from` there is one row for each week of the span. The grant is payable while the conversation, activation and
    workplace rates all reach their thresholds. The response is JSON, or by `Accept` CSV or XLSX with the same
    columns in every trial.
    """
    async with services.report(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        groups = visible_groups(principal, trial, "jobcentre")
        today = as_of_day(services, known_at)
        weeks = requested_weeks(trial, today, first, week)
        counts, as_of = await counts_and_watermark(connection, trial, groups, weeks[0], weeks[-1], known_at)
    await services.audit_read(principal, "conditions.read", trial_id, groups, week=week, first=first, known_at=known_at)
    items = [item for code in sorted(groups) for item in _jobcentre_items(trial, code, counts, weeks)]
    value = {**report_fields(today, as_of), "items": items}
    return await table_response(request, table_format, trial, value, condition_rows(items), {})


def _jobcentre_items(
    trial: Trial, jobcentre: str, counts: WeekCounts, weeks: Sequence[date]
) -> Iterator[dict[str, Any]]:
    """Yield a jobcentre's row of each week, cumulative to it."""
    key: tuple[str, Arm] = (jobcentre, "treatment")
    sums = Counter(counts.before.get(key, {}))
    for monday in weeks:
        counted = counts.weeks.get(key, {}).get(monday, Counter())
        sums.update({name: counted[name] for name in CONDITION_SUMS})
        yield conditions_item(trial, jobcentre, monday, sums)


_NO_GRANT: Final = dict.fromkeys(field.name for field in fields(Grant))


def condition_rows(items: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table, with the same columns whether or not the protocol has thresholds and a grant."""
    for item in items:
        yield {
            **item,
            "thresholds": item["thresholds"] or NO_CONDITIONS,
            "conditions": item["conditions"] or NO_CONDITIONS,
            "grant": item["grant"] or _NO_GRANT,
        }


def conditions_item(trial: Trial, jobcentre: str, monday: date, sums: Mapping[str, int]) -> dict[str, Any]:
    """Return the row of a jobcentre from its cumulative sums."""
    return {
        "week": week_code(monday),
        "group": {"jobcentre": jobcentre},
        "figures": asdict(figures_of(sums)),
        "thresholds": _optional_item(trial.protocol.thresholds),
        "conditions": _optional_item(conditions_of(trial.protocol, sums)),
        "grant": _optional_item(grant_of(trial.protocol, trial.jobcentres[jobcentre].agreed_participants, sums)),
    }


def _optional_item(value: Thresholds | Conditions | Grant | None) -> dict[str, Any] | None:
    return None if value is None else asdict(value)
