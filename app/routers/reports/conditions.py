"""The three conditions and the grant by jobcentre (domain 5 [F])."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.db.reports.summary import WeekCounts
from app.db.trials.trials import Trial
from app.domain.figures.counts import CONDITION_SUMS
from app.domain.figures.summary import conditions_of, figures_of, grant_of
from app.domain.rules.calendar import week_code
from app.domain.rules.draw import Arm
from app.routers.common.services import KnownAt, ServicesDep, TrialPath, json_response, trial_or_404
from app.routers.common.tables import to_csv, wants_csv
from app.routers.reports.weekly_summary import (
    CSV,
    NO_CONDITIONS,
    ConditionsView,
    FiguresView,
    FirstWeek,
    GroupView,
    ReportReader,
    WeekQuery,
    as_of_day,
    csv_answer,
    numbers_and_watermark,
    or_null,
    span_of,
    visible_groups,
)
from app.web.problems import COMMON, problem_responses

router = APIRouter(tags=["reports"])


class ThresholdsView(BaseModel):
    """What the rates must reach, in per cent."""

    conversation: int
    activation: int
    workplace: int


class GrantView(BaseModel):
    """The grant up to the week, in DKK."""

    first_conversations: int = Field(description="Treatment participants with at least one counting conversation.")
    agreed_participants: int = Field(description="At most this many are paid for.")
    dkk_per_participant: int
    amount_dkk: int = Field(description="The smaller number of people times the amount for one.")
    payable: bool | None = Field(description="While all three conditions are met.")
    payable_dkk: int | None = Field(description="The amount while it is payable, else 0; null with `payable`.")


class ConditionsRow(BaseModel):
    """One jobcentre, everything up to the week."""

    week: str = Field(examples=["2011-W05"])
    group: GroupView
    figures: FiguresView = Field(description="Cumulative, treatment arm.")
    thresholds: ThresholdsView | None = Field(description="In per cent, inclusive.")
    conditions: ConditionsView | None = Field(description="Null where the protocol has no thresholds.")
    grant: GrantView | None = Field(description="Null where the protocol has no grant.")


class ConditionsReport(BaseModel):
    """The jobcentres that you see, and what their figures rest on."""

    as_of: date = Field(description="The day in Copenhagen by which weeks are over.")
    watermark: datetime | None = Field(description="The latest registration that the figures hold.")
    items: list[ConditionsRow]


@router.get(
    "/v1/trials/{trial}/conditions",
    operation_id="getConditions",
    summary="The three conditions and the grant by jobcentre",
    response_model=ConditionsReport,
    responses={200: CSV, **problem_responses(*COMMON, "not_found")},
)
async def get_conditions(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: ReportReader,
    week: WeekQuery = None,
    first: FirstWeek = None,
    known_at: KnownAt = None,
) -> Response:
    """The treatment arm of each jobcentre that you see, from the beginning of the trial to the end of the week; with
    `from`, one row for each week of the span.

    The grant is paid while conversation, activation and workplace rate all reach their thresholds. JSON, or CSV for
    `Accept: text/csv`, whose columns are the same in every trial.
    """
    async with services.report(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        groups = visible_groups(principal, trial, "jobcentre")
        today = as_of_day(services, known_at)
        weeks = span_of(trial, today, first, week)
        numbers, watermark = await numbers_and_watermark(connection, trial, groups, weeks[0], weeks[-1], known_at)
    await services.audit_read(principal, "conditions.read", trial_id, groups, week=week, first=first, known_at=known_at)
    items = [item for code in sorted(groups) for item in _items_of(trial, code, numbers, weeks)]
    if wants_csv(request.headers.get("accept")):
        return csv_answer(request, conditions_csv(items))
    return json_response(request, {"as_of": today, "watermark": watermark, "items": items})


def _items_of(trial: Trial, jobcentre: str, numbers: WeekCounts, weeks: Sequence[date]) -> Iterator[dict[str, Any]]:
    """A jobcentre's rows, week by week, each over everything up to it."""
    key: tuple[str, Arm] = (jobcentre, "treatment")
    sums = Counter(numbers.before.get(key, {}))
    for monday in weeks:
        counted = numbers.weeks.get(key, {}).get(monday, Counter())
        sums.update({name: counted[name] for name in CONDITION_SUMS})
        yield conditions_item(trial, jobcentre, monday, sums)


_NO_GRANT: Final = dict.fromkeys(GrantView.model_fields)


def conditions_csv(items: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows of the conditions as CSV, their columns the same where a protocol has no thresholds or no grant."""
    return to_csv(
        {
            **item,
            "thresholds": item["thresholds"] or NO_CONDITIONS,
            "conditions": item["conditions"] or NO_CONDITIONS,
            "grant": item["grant"] or _NO_GRANT,
        }
        for item in items
    )


def conditions_item(trial: Trial, jobcentre: str, monday: date, sums: Mapping[str, int]) -> dict[str, Any]:
    return {
        "week": week_code(monday),
        "group": {"jobcentre": jobcentre},
        "figures": asdict(figures_of(sums)),
        "thresholds": or_null(trial.protocol.thresholds),
        "conditions": or_null(conditions_of(trial.protocol, sums)),
        "grant": or_null(grant_of(trial.protocol, trial.jobcentres[jobcentre].agreed_participants, sums)),
    }
