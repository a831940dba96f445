"""The weekly summary (domain 5): figures of jobcentres, regions and the trial."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from functools import cache, lru_cache, partial
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, get_args

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.session import AccessScope, set_access_scope
from app.db.reports.summary import (
    WeekCounts,
    counts_as_of,
    load_sources,
    load_week_counts,
)
from app.db.trials.trials import Trial
from app.db.trials.watermarks import load_watermark, wait_for_writers
from app.domain.codes import CODES
from app.domain.facts import ConversationForm, ExitReason
from app.domain.figures.coordination import COORDINATION
from app.domain.figures.summary import (
    Conditions,
    Figures,
    Group,
    SummaryRow,
    coordination_so_far,
    families,
    figures_of,
    summary_rows,
)
from app.domain.rules.calendar import civil_day, last_week_over, monday_of, week_code
from app.domain.rules.timeline import last_monday
from app.routers.common.services import JSON, KnownAt, Services, ServicesDep, TrialPath, digest, etag_response
from app.routers.common.tables import to_csv, wants_csv
from app.routers.common.types import DeviationCode, WeekCode
from app.routers.reports.contacts import CONTACTS, ContactsView, contact_cells, with_contacts
from app.routers.reports.response_cache import CachedResponse, ResponseCacheDep
from app.web.auth import Principal, requires
from app.web.problems import COMMON, Problem, problem_responses

router = APIRouter(tags=["reports"])
GroupingQuery = Literal["jobcentre", "region", "trial"]
ReportReader = Annotated[Principal, Depends(requires("reports:read"))]
WeekQuery = Annotated[WeekCode | None, Query(description="The week; the last one that is over, where left out.")]
FirstWeek = Annotated[WeekCode | None, Query(alias="from", description="First week of a span up to `week`.")]
_STATES = ("counted", "absent", "exempt", "complete", "assignment_week")
_MAX_WEEKS = 520


class GroupView(BaseModel):
    """Whose figures: one jobcentre's, one region's, or, empty, the trial's."""

    jobcentre: str | None = None
    region: str | None = None


class StatesView(BaseModel):
    """How many people's week is in which state."""

    counted: int
    absent: int
    exempt: int
    complete: int
    assignment_week: int


class FiguresView(BaseModel):
    """Person-weeks and rates (0 to 1, null with nothing due)."""

    conversation_due: int = Field(description="Weeks in which a conversation was due.")
    conversation_held: int = Field(description="Those with a conversation that counts.")
    conversation_conforming: int = Field(description="Those in the form that the protocol asks for.")
    activation_due: int = Field(description="Weeks in which an activation was due.")
    activated: int = Field(description="Those with enough hours of activation.")
    workplace_activated: int = Field(description="Those at a workplace.")
    conversation_rate: float | None = Field(description="Held of due.")
    conforming_rate: float | None = Field(description="Conforming of due.")
    activation_rate: float | None = Field(description="Activated of due.")
    workplace_rate: float | None = Field(description="At a workplace of due.")


class ConditionsView(BaseModel):
    """How the three conditions of the grant stand."""

    conversation: Literal["met", "not_met", "nothing_due"]
    activation: Literal["met", "not_met", "nothing_due"]
    workplace: Literal["met", "not_met", "nothing_due"]


class CoordinationView(BaseModel):
    """How many people had a mentor, or a support effort of an area."""

    mentor: int = Field(description="A mentor recorded, or assigned in an activation at a workplace.")
    company: int
    social_services: int
    health: int


class SummaryFiguresView(FiguresView):
    """Person-weeks and rates; where the cadence is an average, contacts instead of the conversation rates."""

    conversation_rate: float | None = Field(None, description="Held of due.")
    conforming_rate: float | None = Field(None, description="Conforming of due.")
    contacts_per_four_weeks: ContactsView | None = Field(None, description="Only where the cadence is an average.")


class SummaryRowView(SummaryFiguresView):
    """A week of a group and arm, and everything up to it."""

    week: str = Field(examples=["2011-W05"])
    group: GroupView
    arm: Literal["treatment", "control"]
    participants: int = Field(description="People whose week is not absent.")
    states: StatesView
    entries: int = Field(description="People assigned in the week.")
    exits: dict[ExitReason, int] = Field(description="People who left in the week, by reason.")
    forms: dict[ConversationForm, int] = Field(description="Conversations that count, by form, due or not.")
    no_shows: int = Field(description="Conversations to which the person did not come.")
    coordination: CoordinationView = Field(description="On a working day of the week at least.")
    coordination_so_far: CoordinationView = Field(description="In any week up to this one.")
    deviations: dict[DeviationCode, int] = Field(description="By code; none while the week is not over.")
    cumulative: SummaryFiguresView
    conditions: ConditionsView | None = Field(description="Cumulative; null for the control arm.")
    required_contacts: float | None = Field(
        None, description="What the trial is to reach in four weeks; only where the cadence is an average."
    )
    action_plan: bool | None = Field(
        None,
        description="Jobcentre rows of the treatment arm: the same condition is not met in this and the last week.",
    )


class SourceView(BaseModel):
    """When a client last delivered a kind of record."""

    client_id: str
    kind: str = Field(description="As in the address: `conversations`, `presence-events` …", examples=["conversations"])
    last_received_at: datetime


class WeeklySummary(BaseModel):
    """The rows, and what they rest on."""

    as_of: date = Field(description="The day in Copenhagen by which weeks are over.")
    watermark: datetime | None = Field(description="The latest registration that the figures hold.")
    sources: list[SourceView]
    items: list[SummaryRowView]


CSV_TYPE: Final = "text/csv; charset=utf-8"
CSV = {"content": {"text/csv": {"schema": {"type": "string"}}}}


@router.get(
    "/v1/trials/{trial}/weekly-summary",
    operation_id="getWeeklySummary",
    summary="The weekly summary",
    response_model=WeeklySummary,
    responses={200: CSV, **problem_responses(*COMMON, "not_found")},
)
async def get_weekly_summary(
    request: Request,
    services: ServicesDep,
    response_cache: ResponseCacheDep,
    trial_id: TrialPath,
    principal: ReportReader,
    week: WeekQuery = None,
    by: Annotated[GroupingQuery, Query(description="Whose rows.")] = "jobcentre",
    first: FirstWeek = None,
    known_at: KnownAt = None,
) -> Response:
    """Rows by group and arm for a week, or for the weeks `from` to `week`, each with the sums of everything up to it.

    Only of groups that lie wholly within what the token is bound to: a region's row needs all its jobcentres of the
    trial. The running week enters only when it is named; a later one is refused. A span has at most 520 weeks. JSON, or
    CSV for `Accept: text/csv`, whose columns are the names here joined by dots: the same ones whatever occurred, with 0
    for a code that did not. Where the protocol's cadence is an average, rows have `contacts_per_four_weeks` and
    `required_contacts` instead of the conversation rates.
    """
    trial = await services.reported_trial(principal, trial_id)
    today = as_of_day(services, known_at)
    groups = visible_groups(principal, trial, by)
    weeks = span_of(trial, today, first, week)
    as_csv = wants_csv(request.headers.get("accept"))
    made = partial(_make_summary, services, principal, _Asked(trial, groups, weeks, today, known_at, as_csv))
    asked = {"by": by, "week": week, "first": first, "known_at": known_at}
    async with services.audited_read(principal, "weekly_summary.read", trial_id, groups, None, **asked):
        if known_at is None:
            variant = (by, weeks[0], weeks[-1], today, as_csv)
            told = await response_cache.get(trial_id, groups, variant, made)
        else:
            told = await made()
    return etag_response(request, told.content, CSV_TYPE if as_csv else JSON, told.etag)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a summary is made from."""

    trial: Trial
    groups: Mapping[str, Group]
    weeks: Sequence[date]
    today: date
    known_at: datetime | None
    as_csv: bool


async def _make_summary(services: Services, principal: Principal, asked: _Asked) -> CachedResponse:
    trial, groups, weeks, known_at = asked.trial, asked.groups, asked.weeks, asked.known_at
    async with services.report(principal, trial.id) as connection:
        numbers, watermark = await numbers_and_watermark(connection, trial, groups, weeks[0], weeks[-1], known_at)
        sources = await load_sources(connection, trial.id, groups, known_at)
    rows = summary_rows(trial.protocol, groups, numbers.before, numbers.weeks, weeks, asked.today)
    items = [_summary_item(row, trial) for row in rows]
    if asked.as_csv:
        content = summary_csv(next(iter(groups.values())), items, trial)
    else:
        content = to_json({"as_of": asked.today, "watermark": watermark, "sources": sources, "items": items})
    return CachedResponse(content, digest(content))


def csv_answer(request: Request, content: bytes) -> Response:
    return etag_response(request, content, CSV_TYPE, digest(content))


_CODED: Final[Mapping[str, Mapping[str, int]]] = {
    "exits": dict.fromkeys(get_args(ExitReason), 0),
    "forms": dict.fromkeys(get_args(ConversationForm), 0),
    "deviations": dict.fromkeys(map(str, CODES["DeviationCode"].meaning), 0),
}
"""The maps of a summary row by code, with every code that there is."""
NO_CONDITIONS: Final = dict.fromkeys(ConditionsView.model_fields)


def summary_csv(group: Group, items: Sequence[Mapping[str, Any]], trial: Trial | None = None) -> bytes:
    """Rows of the summary as CSV, of groups like this one. The columns never depend on what occurred, or on any row.

    Without a trial those of a weekly cadence; an average has columns for every form, and for the trial's target groups.
    """
    nothing = _summary_item(SummaryRow(date.min, group, "treatment", Counter(), Counter(), None, None), trial)
    groups = trial.target_groups if trial is not None else ()
    cells = [
        {
            **item,
            **{name: {**codes, **item[name]} for name, codes in _CODED.items()},
            "conditions": item["conditions"] or NO_CONDITIONS,
            "action_plan": item.get("action_plan"),
        }
        for item in ((contact_cells(each, groups) if CONTACTS in each else each) for each in (nothing, *items))
    ]
    header, _, rows = to_csv(cells).split(b"\r\n", 2)  # the line of nothing gave its columns, and goes
    return header + b"\r\n" + rows


def visible_groups(principal: Principal, trial: Trial, by: GroupingQuery) -> dict[str, Group]:
    """The group of each jobcentre whose group the client sees as a whole; Problem ``not_found`` when it sees none.

    A sum over jobcentres of which some are not the client's would be nobody's figure.
    """
    group_of = {code: _group(by, code, place.region) for code, place in trial.jobcentres.items()}
    if principal.all_jobcentres and group_of:
        return group_of
    hidden = {
        group_of[code] for code, place in trial.jobcentres.items() if not principal.reads_figures_of(code, place.region)
    }
    visible = {code: group for code, group in group_of.items() if group not in hidden}
    if not visible:
        raise Problem("not_found")
    return visible


@lru_cache(maxsize=1024)
def _group(by: GroupingQuery, jobcentre: str, region: str) -> Group:
    return Group(jobcentre=jobcentre) if by == "jobcentre" else Group(region=region) if by == "region" else Group()


def span_of(trial: Trial, today: date, first: date | None, last: date | None) -> list[date]:
    """The Mondays asked for. Problem ``malformed``: a week after the running one, or a span that runs backwards."""
    if last is None:
        last = min(last_week_over(today), last_monday(trial.ends_on, trial.protocol.countable_days))
    if last > monday_of(today):
        raise Problem("malformed", errors=[("/query/week", "date_in_future")])
    first = last if first is None else first
    if first > last:
        raise Problem("malformed", errors=[("/query/from", "invalid_value")])
    if (last - first).days // 7 >= _MAX_WEEKS:
        raise Problem("malformed", f"A span has at most {_MAX_WEEKS} weeks.", errors=[("/query/from", "invalid_value")])
    return [first + timedelta(days=7 * place) for place in range((last - first).days // 7 + 1)]


def as_of_day(services: Services, known_at: datetime | None) -> date:
    """The day by which weeks are over: of the earlier of now and ``known_at``."""
    now = services.clock()
    return civil_day(now if known_at is None else min(now, known_at))


async def numbers_and_watermark(
    connection: AsyncConnection,
    trial: Trial,
    groups: Collection[str],
    first: date,
    last: date,
    known_at: datetime | None,
) -> tuple[WeekCounts, datetime | None]:
    """The counts of weeks with the watermark that they are cut to; as known then, when a moment is given."""
    await wait_for_writers(connection, trial.id, groups)
    watermark = await load_watermark(connection, trial.id, groups)
    if known_at is not None:  # judged anew out of the people of these groups, whom a region does not see
        await set_access_scope(connection, AccessScope(jobcentres=frozenset(groups)))
    if known_at is None or watermark is None or watermark <= known_at:
        return await load_week_counts(connection, trial, groups, first, last), watermark
    return await counts_as_of(connection, trial, groups, first, last, known_at), known_at


@lru_cache(maxsize=1024)
def _group_view(group: Group) -> dict[str, str]:
    return {name: value for name, value in asdict(group).items() if value is not None}


def or_null(value: Any) -> dict[str, Any] | None:
    """A dataclass as a JSON object."""
    return None if value is None else asdict(value)


@cache
def _conditions_view(conditions: Conditions | None) -> dict[str, Any] | None:
    return or_null(conditions)


_week_code = lru_cache(maxsize=2 * _MAX_WEEKS)(week_code)
_FIGURES: Final = tuple(each.name for each in fields(Figures))
_values_of = attrgetter(*_FIGURES)


def _figures_view(sums: Mapping[str, int]) -> dict[str, Any]:
    return dict(zip(_FIGURES, _values_of(figures_of(sums)), strict=True))


def _summary_item(row: SummaryRow, trial: Trial | None = None) -> dict[str, Any]:
    counted = families(row.week)
    states = counted.get("state", {})
    item = {
        "week": _week_code(row.monday),
        "group": _group_view(row.group),
        "arm": row.arm,
        "participants": row.week["participants"],
        "states": {state: states.get(state, 0) for state in _STATES},
        "entries": row.week["entries"],
        "exits": counted.get("exit", {}),
        **_figures_view(row.week),
        "forms": counted.get("form", {}),
        "no_shows": row.week["no_shows"],
        "coordination": {**dict.fromkeys(COORDINATION, 0), **counted.get("coordination", {})},
        "coordination_so_far": coordination_so_far(row.cumulative),
        "deviations": counted.get("deviation", {}),
        "cumulative": _figures_view(row.cumulative),
        "conditions": _conditions_view(row.conditions),
    }
    if trial is not None and trial.protocol.cadence == "average":
        item = with_contacts(item, row, trial.required_contacts)
    return item if row.action_plan is None else {**item, "action_plan": row.action_plan}
