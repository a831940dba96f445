"""Worklist of a jobcentre: the participants who need an action in a week (domain 5)."""

from dataclasses import asdict, fields
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.db.reports.worklist import WorklistEntry, load_worklist
from app.db.trials.watermarks import load_as_of
from app.domain.rules.calendar import monday_of, week_code
from app.routers.common.access import JobcentreQuery, ParticipantReader, visible_jobcentres
from app.routers.common.services import KnownAt, ServicesDep, TrialPath, access_scope_of, trial_or_404
from app.routers.common.tables import TABLE_RESPONSE, TableFormatDep, table_response
from app.routers.common.types import WeekCode
from app.routers.reports.common import Report, as_of_day, report_fields
from app.web.problems import COMMON, Problem, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["reports"])
_BLANK: Final = dict.fromkeys(field.name for field in fields(WorklistEntry))


class Worklist(Report):
    """Participants who need an action in the week."""

    week: str = Field(examples=["2011-W05"])
    items: list[WorklistEntry] = Field(description="By jobcentre, the longest assigned first.")


@router.get(
    "/v1/trials/{trial}/worklist",
    operation_id="getWorklist",
    summary="What to do this week, and for whom",
    response_model=Worklist,
    responses={200: TABLE_RESPONSE, **problem_responses(*COMMON, "not_found")},
)
async def get_worklist(
    request: Request,
    services: ServicesDep,
    table_format: TableFormatDep,
    trial_id: TrialPath,
    principal: ParticipantReader,
    jobcentre: JobcentreQuery = None,
    week: Annotated[
        WeekCode | None, Query(description="The week, not after the running one. Default: that one.")
    ] = None,
    known_at: KnownAt = None,
) -> Response:
    """Returns the treatment participants who need an action in the week, are in the trial and have not completed the
    course.

    - `no_conversation_this_week`: a conversation is due, and none counts so far.
    - `no_conversation_yet`: no conversation has counted since the assignment.
    - `activation_to_arrange`: activation becomes due within two programme weeks or is overdue, and the participant is
      not active.
    - `remote_used_up`: another conversation by telephone would exceed the permitted share.
    - `exemption_ends`: an exemption ends in the week.
    - `no_contact_person`: the participant has no contact person.

    The response is JSON, or by `Accept` CSV or XLSX.
    """
    today = as_of_day(services, known_at)
    monday = monday_of(today) if week is None else week
    if monday > today:
        raise Problem("malformed", errors=[("/query/week", "date_in_future")])
    async with services.report(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        codes = visible_jobcentres(principal, trial, jobcentre)
        cut = await load_as_of(connection, trial_id, codes, known_at)
    async with services.reports.read(access_scope_of(principal)) as connection:
        entries = await load_worklist(connection, trial, codes, monday, cut.moment)
    await services.audit_read(principal, "worklist.read", trial_id, codes, week=week_code(monday), known_at=known_at)
    value = {**report_fields(today, cut), "week": week_code(monday), "items": entries}
    return await table_response(request, table_format, trial, value, map(_cells, entries), _BLANK)


def _cells(entry: WorklistEntry) -> dict[str, Any]:
    """Return the CSV row: reasons, and exemptions such as ``both:illness:2011-02-04``, joined by ``|``."""
    endings = (f"{ending.scope}:{ending.ground}:{ending.ends_on}" for ending in entry.exemptions_ending)
    return {**asdict(entry), "reasons": "|".join(entry.reasons), "exemptions_ending": "|".join(endings)}
