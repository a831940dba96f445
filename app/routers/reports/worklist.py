"""The worklist of a jobcentre (domain 5): whom to do what for this week."""

from datetime import date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from app.db.reports.as_of import load_as_of
from app.db.reports.worklist import WorklistItem, load_worklist
from app.domain.facts import ExemptionGround, ExemptionScope
from app.domain.figures.worklist import Reason, Task
from app.domain.rules.calendar import monday_of, week_code
from app.domain.rules.clock import WeekState
from app.routers.common.services import KnownAt, ServicesDep, TrialPath, access_scope_of, trial_or_404
from app.routers.common.types import JobcentreCode, WeekCode
from app.routers.reports.as_of import CSV, report
from app.routers.reports.weekly_summary import as_of_day
from app.web.auth import Principal, requires
from app.web.problems import COMMON, Problem, problem_responses

router = APIRouter(tags=["reports"])


class EndingExemption(BaseModel):
    """An exemption whose last day lies in the week."""

    scope: ExemptionScope
    ground: ExemptionGround
    ends_on: date


class WorklistEntry(BaseModel):
    """A treatment participant for whom something is to be done."""

    participant_id: UUID
    jobcentre: str
    assigned_on: date
    contact_person: str | None
    number: int | None = Field(description="Programme week; null for a week without number.")
    state: WeekState
    reasons: list[Reason] = Field(description="What is to be done, at least one.")
    exemptions_ending: list[EndingExemption]


class Worklist(BaseModel):
    """The people, and what the list rests on."""

    as_of: date = Field(description="The day in Copenhagen by which weeks are over.")
    watermark: datetime | None = Field(description="The latest registration that the list holds.")
    week: str = Field(examples=["2011-W05"])
    items: list[WorklistEntry] = Field(description="By jobcentre, the longest assigned first.")


@router.get(
    "/v1/trials/{trial}/worklist",
    operation_id="getWorklist",
    summary="What to do this week, and for whom",
    response_model=Worklist,
    responses={200: CSV, **problem_responses(*COMMON, "not_found")},
)
async def get_worklist(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Annotated[Principal, Depends(requires("participants:read"))],
    jobcentre: Annotated[JobcentreCode | None, Query(description="Only this jobcentre; else all of yours.")] = None,
    week: Annotated[WeekCode | None, Query(description="The week; the running one, where left out.")] = None,
    known_at: KnownAt = None,
) -> Response:
    """The treatment participants in the trial, not through with the course, for whom something is to be done.

    `no_conversation_this_week`: one is due, and none counts yet. `no_conversation_yet`: none since the assignment.
    `activation_to_arrange`: the week in which activation becomes due is at most two programme weeks away, or past, and
    the person is not active. `remote_used_up`: one more conversation by telephone would be too often.
    `exemption_ends`: an exemption ends in the week. `no_contact_person`: nobody is named. Weeks after the running one
    are refused. JSON, or CSV for `Accept: text/csv`.
    """
    today = as_of_day(services, known_at)
    monday = monday_of(today) if week is None else week
    if monday > today:
        raise Problem("malformed", errors=[("/query/week", "date_in_future")])
    async with services.report(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        asked = trial.jobcentres if jobcentre is None else [jobcentre]
        codes = [code for code in asked if code in trial.jobcentres and principal.reads_person_of(code)]
        if not codes:
            raise Problem("not_found")
        cut = await load_as_of(connection, trial_id, codes, known_at)
    async with services.reports.read(access_scope_of(principal)) as connection:
        entries = await load_worklist(connection, trial, codes, monday, cut.moment)
    await services.audit_read(principal, "worklist.read", trial_id, codes, week=week_code(monday), known_at=known_at)
    items = [_item(entry) for entry in entries]
    value = {"as_of": today, "watermark": cut.watermark, "week": week_code(monday), "items": items}
    rows = [{**item, "reasons": "|".join(item["reasons"]), "exemptions_ending": _as_cell(item)} for item in items]
    return report(request, value, rows, _BLANK)


def _item(entry: WorklistItem) -> dict[str, Any]:
    task = entry.task
    return {
        "participant_id": entry.participant_id,
        "jobcentre": entry.jobcentre,
        "assigned_on": entry.assigned_on,
        "contact_person": entry.contact_person,
        "number": task.number,
        "state": task.state,
        "reasons": task.reasons,
        "exemptions_ending": [
            {"scope": each.scope, "ground": each.ground, "ends_on": each.ends_on} for each in task.exemptions_ending
        ],
    }


def _as_cell(item: dict[str, Any]) -> str:
    """``both:illness:2011-02-04``, several joined by ``|``."""
    return "|".join(f"{each['scope']}:{each['ground']}:{each['ends_on']}" for each in item["exemptions_ending"])


_BLANK: Final = _item(WorklistItem(UUID(int=0), "", date.min, None, Task(None, "counted", (), ())))
