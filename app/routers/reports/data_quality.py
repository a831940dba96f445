"""Data-quality report: implausible patterns in the data that jobcentres deliver."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field, WithJsonSchema

from app.db.core.session import AccessScope
from app.db.reports.as_of import load_as_of
from app.db.reports.data_quality import load_findings
from app.domain.figures.data_quality import Finding
from app.routers.common.services import KnownAt, ServicesDep, TrialPath, trial_or_404
from app.routers.common.tables import CSV_RESPONSE, table_response
from app.routers.common.types import JobcentreCode, ResponseModel
from app.routers.reports.common import OneJobcentre, Report, ReportReader, as_of_day, visible_codes
from app.web.problems import COMMON, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["reports"])
FindingCode = Annotated[str, WithJsonSchema({"type": "string", "x-component": "FindingCode"})]


class FindingView(ResponseModel):
    """Something to check at one jobcentre. Fields that do not apply to the code are null."""

    code: FindingCode
    jobcentre: JobcentreCode
    count: int = Field(description="Number of people, spells, conversations, activations or days, as the code says.")
    total: int | None = Field(description="Total that `count` is part of, if the code is about a share.")
    kind: str | None = Field(description="Kind of record, as in the address.", examples=["conversations"])
    client_id: str | None = Field(description="Client that stopped delivering.")
    last_on: date | None = Field(description="Day of the client's last delivery.")
    weekday: int | None = Field(description="Day of the week: 1 is Monday, 7 Sunday.", ge=1, le=7)
    participants: list[UUID] | None = Field(
        description="Participants concerned, perhaps none; null if the token may not read the jobcentre's people."
    )


class DataQuality(Report):
    """Findings by jobcentre."""

    items: list[FindingView] = Field(description="By jobcentre and code; empty without findings.")


@router.get(
    "/v1/trials/{trial}/data-quality",
    operation_id="getDataQuality",
    summary="What looks wrong in the data",
    response_model=DataQuality,
    responses={200: CSV_RESPONSE, **problem_responses(*COMMON, "not_found")},
)
async def get_data_quality(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: ReportReader,
    jobcentre: OneJobcentre = None,
    known_at: KnownAt = None,
) -> Response:
    """Returns what a jobcentre should check in its data: clients that stopped delivering, implausible patterns, and
    people without any record. No figure depends on the findings.

    Once the trial is over, the report is as of its last day. Ids of participants are included for tokens with
    `participants:read` that are bound to the jobcentre. The response is JSON, or CSV for `Accept: text/csv` with
    several ids joined by `|`.
    """
    today = as_of_day(services, known_at)
    async with services.report(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        codes = visible_codes(principal, trial, jobcentre)
        cut = await load_as_of(connection, trial_id, codes, known_at)
    day = min(today, trial.ends_on)
    items = []
    async with services.reports.read(AccessScope(jobcentres=frozenset(codes))) as connection:
        for code in codes:
            with_people = principal.may("participants:read") and principal.reads_person_of(code)
            findings = await load_findings(connection, trial, code, day, cut.moment, known_at)
            items += [_item(code, finding, with_people) for finding in findings]
    await services.audit_read(principal, "data_quality.read", trial_id, codes, known_at=known_at)
    value = {"as_of": today, "watermark": cut.watermark, "items": items}
    return table_response(request, value, map(_cells, items), _BLANK)


def _item(jobcentre: str, finding: Finding, with_people: bool) -> dict[str, Any]:
    people = {} if with_people else {"participants": None}
    return {"code": finding.code, "jobcentre": jobcentre, **asdict(finding), **people}


def _cells(item: Mapping[str, Any]) -> dict[str, Any]:
    people = item["participants"]
    return {**item, "participants": None if people is None else "|".join(map(str, people))}


_BLANK: Final = dict.fromkeys(FindingView.model_fields)
