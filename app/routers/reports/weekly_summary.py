"""Weekly summary: figures of jobcentres, regions or the trial, by week and arm (domain 5)."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from functools import cache, lru_cache, partial
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, get_args

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field
from pydantic_core import to_json

from app.db.reports.summary import DeliverySource, WeekCounts, load_sources
from app.db.trials.trials import Trial
from app.domain.codes import CODES
from app.domain.facts import ConversationForm, ExitReason
from app.domain.figures.coordination import COORDINATION
from app.domain.figures.report_types import ByPerson, Conditions, Group
from app.domain.figures.summary import (
    Figures,
    SummaryRow,
    by_person_of,
    coordination_so_far,
    families,
    figures_of,
    summary_rows,
)
from app.domain.judged_weeks import MissingReason
from app.domain.rules.calendar import week_code
from app.routers.common.services import JSON, KnownAt, Services, ServicesDep, TrialPath, digest, etag_response
from app.routers.common.tables import TABLE_RESPONSE, TableFormat, TableFormatDep
from app.routers.common.types import DeviationCode, ResponseModel
from app.routers.reports.common import (
    MAX_WEEKS,
    FirstWeek,
    Grouping,
    Report,
    ReportReader,
    WeekQuery,
    as_of_day,
    counts_and_watermark,
    report_fields,
    requested_weeks,
    visible_groups,
)
from app.routers.reports.contacts import (
    CONTACTS,
    ContactsView,
    RequiredContactsView,
    contact_cells,
    with_contacts,
    with_requirements_of,
)
from app.routers.reports.response_cache import CachedResponse, ResponseCacheDep
from app.web.auth import Principal
from app.web.problems import COMMON, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["reports"])


class StatesView(ResponseModel):
    """Number of participants by the state of their week."""

    counted: int
    absent: int
    exempt: int
    complete: int
    assignment_week: int


class FiguresView(ResponseModel):
    """Person-weeks, and rates from 0 to 1 (null if nothing was due)."""

    conversation_due: int = Field(description="Person-weeks in which a conversation was due.")
    conversation_held: int = Field(description="Of these, with a conversation that counts.")
    conversation_conforming: int = Field(
        description="Of these, with a conversation in the form that the rules ask for."
    )
    activation_due: int = Field(description="Person-weeks in which an activation was due.")
    activated: int = Field(description="Of these, with enough hours of activation.")
    workplace_activated: int = Field(description="Of these, with activation at a workplace.")
    conversation_rate: float | None = Field(description="`conversation_held` / `conversation_due`.")
    conforming_rate: float | None = Field(description="`conversation_conforming` / `conversation_due`.")
    activation_rate: float | None = Field(description="`activated` / `activation_due`.")
    workplace_rate: float | None = Field(description="`workplace_activated` / `activation_due`.")


class CoordinationView(ResponseModel):
    """Number of participants with a mentor, or with a support effort of an area."""

    mentor: int = Field(description="With a mentor record, or a mentor assigned in an activation at a workplace.")
    company: int
    social_services: int
    health: int


class SummaryFiguresView(FiguresView):
    """Person-weeks and rates. If the protocol's cadence is an average, contacts replace the conversation rates."""

    conversation_rate: float | None = Field(None, description="`conversation_held` / `conversation_due`.")
    conforming_rate: float | None = Field(None, description="`conversation_conforming` / `conversation_due`.")
    contacts_per_four_weeks: ContactsView | None = Field(
        None, description="Present if the protocol's cadence is an average."
    )
    required_contacts: RequiredContactsView | None = Field(
        None, description="Present if the protocol's cadence is an average."
    )


class SummaryRowView(SummaryFiguresView):
    """One week of one group and arm, with the sums of all weeks up to it."""

    week: str = Field(examples=["2011-W05"])
    group: Group
    arm: Literal["treatment", "control"]
    participants: int = Field(description="Participants who are not absent in the week.")
    states: StatesView
    entries: int = Field(description="Participants assigned in the week.")
    exits: dict[ExitReason, int] = Field(description="Participants who left in the week, by reason.")
    forms: dict[ConversationForm, int] = Field(description="Conversations that count, by form, whether due or not.")
    no_shows: int = Field(description="Conversations that the participant did not attend.")
    coordination: CoordinationView = Field(description="On at least one working day of the week.")
    coordination_so_far: CoordinationView = Field(description="In any week up to this one.")
    deviations: dict[DeviationCode, int] = Field(description="By code; empty until the week is over.")
    missing_because: dict[MissingReason, int] = Field(
        description="Conversations due and not held, by the first reason that applies; empty until the week is over."
    )
    cumulative: SummaryFiguresView
    conditions: Conditions | None = Field(description="Cumulative; null for the control arm.")
    by_person: ByPerson | None = Field(description="Up to this week; null for the control arm.")
    action_plan: bool | None = Field(
        None,
        description="Present for jobcentre rows of the treatment arm: whether a condition is unmet two weeks in a row.",
    )


class WeeklySummary(Report):
    """Rows by week, group and arm, with the latest delivery of each source."""

    sources: list[DeliverySource]
    items: list[SummaryRowView]


@router.get(
    "/v1/trials/{trial}/weekly-summary",
    operation_id="getWeeklySummary",
    summary="The weekly summary",
    response_model=WeeklySummary,
    responses={200: TABLE_RESPONSE, **problem_responses(*COMMON, "not_found")},
)
async def get_weekly_summary(
    request: Request,
    services: ServicesDep,
    table_format: TableFormatDep,
    response_cache: ResponseCacheDep,
    trial_id: TrialPath,
    principal: ReportReader,
    week: WeekQuery = None,
    by: Annotated[Grouping, Query(description="Group of each row.")] = "jobcentre",
    first: FirstWeek = None,
    known_at: KnownAt = None,
) -> Response:
    """Returns one row per week, group and arm, each with the sums of all weeks up to it.

    A group is included only if the token is bound to all its jobcentres in the trial. The running week is included only
    if `week` names it; later weeks are refused. A span has at most 520 weeks. If the protocol's cadence is an average,
    rows have `contacts_per_four_weeks` and `required_contacts` instead of the conversation rates.

    The response is JSON, or by `Accept` CSV or XLSX. CSV columns are the field names joined by dots, and are always
    the same: a code without occurrences has 0.
    """
    trial = await services.reported_trial(principal, trial_id)
    today = as_of_day(services, known_at)
    groups = visible_groups(principal, trial, by)
    weeks = requested_weeks(trial, today, first, week)
    scope = _SummaryScope(trial, groups, weeks, today, known_at, table_format)
    make = partial(_make_summary, services, principal, scope)
    filters = {"by": by, "week": week, "first": first, "known_at": known_at}
    async with services.audited_read(principal, "weekly_summary.read", trial_id, groups, None, **filters):
        if known_at is None:
            variant = (by, weeks[0], weeks[-1], today, table_format)
            summary = await response_cache.get(trial_id, groups, variant, make)
        else:
            summary = await make()
    return etag_response(request, summary.content, table_format.content_type, summary.etag)


@dataclass(frozen=True, slots=True)
class _SummaryScope:
    """Groups, weeks, moment and format of a summary."""

    trial: Trial
    groups: Mapping[str, Group]
    weeks: Sequence[date]
    today: date
    known_at: datetime | None
    table_format: TableFormat


async def _make_summary(services: Services, principal: Principal, scope: _SummaryScope) -> CachedResponse:
    trial, groups, weeks, known_at = scope.trial, scope.groups, scope.weeks, scope.known_at
    async with services.report(principal, trial.id) as connection:
        counts, as_of = await counts_and_watermark(connection, trial, groups, weeks[0], weeks[-1], known_at)
        sources = await load_sources(connection, trial.id, groups, known_at if as_of.is_latest else as_of.moment)
    items = await asyncio.to_thread(_items_of, scope, counts)  # 520 weeks take a second
    value = {**report_fields(scope.today, as_of), "sources": sources, "items": items}
    if scope.table_format.media_type == JSON:
        content = to_json(value)
    else:
        cells, blank = await asyncio.to_thread(summary_table, next(iter(groups.values())), items, trial)
        content = await scope.table_format.encode(trial, value, cells, blank)
    return CachedResponse(content, digest(content))


def _items_of(scope: _SummaryScope, counts: WeekCounts) -> list[dict[str, Any]]:
    trial = scope.trial
    if trial.protocol.cadence == "average":
        counts = with_requirements_of(trial, counts)
    rows = summary_rows(trial.protocol, scope.groups, counts.before, counts.weeks, scope.weeks, scope.today)
    return [_summary_item(row, trial) for row in rows]


_ZERO_COUNTS: Final[Mapping[str, Mapping[str, int]]] = {
    "exits": dict.fromkeys(get_args(ExitReason), 0),
    "forms": dict.fromkeys(get_args(ConversationForm), 0),
    "deviations": dict.fromkeys(map(str, CODES["DeviationCode"].meaning), 0),
    "missing_because": dict.fromkeys(get_args(MissingReason), 0),
}
"""Every code of the maps by code in a summary row."""
NO_CONDITIONS: Final = dict.fromkeys(field.name for field in fields(Conditions))
_NO_PEOPLE: Final = {name: dict.fromkeys(counts) for name, counts in asdict(by_person_of({})).items()}


def summary_table(
    group: Group, items: Sequence[Mapping[str, Any]], trial: Trial | None = None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return rows of the summary for a table, and a blank one.

    The columns depend on the kind of ``group`` and the trial, never on the rows.

    Without a trial they are those of a weekly cadence. An average has columns for every form and for the trial's target
    groups.
    """
    blank = _summary_item(SummaryRow(date.min, group, "treatment", Counter(), Counter(), None, None), trial)
    return [_summary_cells(item, trial) for item in items], _summary_cells(blank, trial)


def _summary_cells(item: Mapping[str, Any], trial: Trial | None) -> dict[str, Any]:
    if CONTACTS in item:
        item = contact_cells(item, trial.target_groups if trial is not None else ())
    return {
        **item,
        **{name: {**codes, **item[name]} for name, codes in _ZERO_COUNTS.items()},
        "conditions": item["conditions"] or NO_CONDITIONS,
        "by_person": item["by_person"] or _NO_PEOPLE,
        "action_plan": item.get("action_plan"),
    }


@lru_cache(maxsize=1024)
def _group_item(group: Group) -> dict[str, str]:
    return {name: value for name, value in asdict(group).items() if value is not None}


@cache
def _conditions_item(conditions: Conditions | None) -> dict[str, Any] | None:
    return None if conditions is None else asdict(conditions)


_week_code = lru_cache(maxsize=2 * MAX_WEEKS)(week_code)
_FIGURES: Final = tuple(field.name for field in fields(Figures))
_figure_values = attrgetter(*_FIGURES)


def _figures_item(sums: Mapping[str, int]) -> dict[str, Any]:
    return dict(zip(_FIGURES, _figure_values(figures_of(sums)), strict=True))


def _by_person_item(sums: Mapping[str, int]) -> dict[str, dict[str, int]]:
    people = by_person_of(sums)
    activation, conversation = people.activation, people.conversation
    return {
        "activation": {
            "people": activation.people,
            "ever_activated": activation.ever_activated,
            "ever_workplace": activation.ever_workplace,
        },
        "conversation": {"people": conversation.people, "held_80": conversation.held_80},
    }


def _summary_item(row: SummaryRow, trial: Trial | None = None) -> dict[str, Any]:
    counted = families(row.week)
    states = counted.get("state", {})
    item = {
        "week": _week_code(row.monday),
        "group": _group_item(row.group),
        "arm": row.arm,
        "participants": row.week["participants"],
        "states": {state: states.get(state, 0) for state in StatesView.model_fields},
        "entries": row.week["entries"],
        "exits": counted.get("exit", {}),
        **_figures_item(row.week),
        "forms": counted.get("form", {}),
        "no_shows": row.week["no_shows"],
        "coordination": {**dict.fromkeys(COORDINATION, 0), **counted.get("coordination", {})},
        "coordination_so_far": coordination_so_far(row.cumulative),
        "deviations": counted.get("deviation", {}),
        "missing_because": counted.get("missing", {}),
        "cumulative": _figures_item(row.cumulative),
        "conditions": _conditions_item(row.conditions),
        "by_person": _by_person_item(row.cumulative) if row.arm == "treatment" else None,
    }
    if trial is not None and trial.protocol.cadence == "average":
        item = with_contacts(item, row)
    return item if row.action_plan is None else {**item, "action_plan": row.action_plan}
