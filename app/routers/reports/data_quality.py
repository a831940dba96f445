"""The data-quality report: what looks wrong in what the jobcentres deliver."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field, WithJsonSchema

from app.db.core.session import AccessScope
from app.db.reports.as_of import load_as_of
from app.db.reports.data_quality import findings_in
from app.domain.figures.data_quality import Finding
from app.routers.common.services import KnownAt, ServicesDep, TrialPath, trial_or_404
from app.routers.common.types import JobcentreCode
from app.routers.reports.as_of import CSV, as_csv, report
from app.routers.reports.weekly_summary import as_of_day, visible_groups
from app.web.auth import Principal, requires
from app.web.problems import COMMON, Problem, problem_responses

router = APIRouter(tags=["reports"])
FindingCode = Annotated[str, WithJsonSchema({"type": "string", "x-component": "FindingCode"})]


class FindingView(BaseModel):
    """Something to look into at one jobcentre. What does not belong to the code is null."""

    code: FindingCode
    jobcentre: JobcentreCode
    count: int = Field(description="How many: people, spells, conversations, activations or days, as the code says.")
    total: int | None = Field(description="Of how many, where the code is about a share.")
    kind: str | None = Field(description="The kind of record, as in the address.", examples=["conversations"])
    client_id: str | None = Field(description="The client that went silent.")
    last_on: date | None = Field(description="The day of its last delivery.")
    weekday: int | None = Field(description="The day of the week: 1 is Monday, 7 Sunday.", ge=1, le=7)
    participants: list[UUID] | None = Field(
        description="Whom it is about; null for tokens that read no people there, empty for what is about nobody."
    )


class DataQuality(BaseModel):
    """What was found, and what the report rests on."""

    as_of: date = Field(description="The day in Copenhagen by which things are looked at.")
    watermark: datetime | None = Field(description="The latest registration that the report holds.")
    items: list[FindingView] = Field(description="By jobcentre and code; empty where nothing is to be looked into.")


@router.get(
    "/v1/trials/{trial}/data-quality",
    operation_id="getDataQuality",
    summary="What looks wrong in the data",
    response_model=DataQuality,
    responses={200: CSV, **problem_responses(*COMMON, "not_found")},
)
async def get_data_quality(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Annotated[Principal, Depends(requires("reports:read"))],
    jobcentre: Annotated[JobcentreCode | None, Query(description="Only this jobcentre; else all of yours.")] = None,
    known_at: KnownAt = None,
) -> Response:
    """Questions to those who deliver, jobcentre by jobcentre: sources gone silent, patterns that are hardly true,
    people of whom nothing is heard. No figure depends on them.

    Once the trial is over, things are looked at as of its last day. The ids of people are told only to tokens with
    `participants:read` that are bound to the jobcentre. JSON, or CSV for `Accept: text/csv`, with several ids joined by
    `|`.
    """
    today = as_of_day(services, known_at)
    async with services.report(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        visible = visible_groups(principal, trial, "jobcentre")
        if jobcentre is not None and jobcentre not in visible:
            raise Problem("not_found")
        codes = sorted(visible) if jobcentre is None else [jobcentre]
        cut = await load_as_of(connection, trial_id, codes, known_at)
    day = min(today, trial.ends_on)
    items = []
    async with services.reports.read(AccessScope(jobcentres=frozenset(codes))) as connection:
        for code in codes:
            open_to_client = principal.may("participants:read") and principal.reads_person_of(code)
            found = await findings_in(connection, trial, code, day, cut.moment, known_at)
            items += [_item(code, each, open_to_client) for each in found]
    await services.audit_read(principal, "data_quality.read", trial_id, codes, known_at=known_at)
    value = {"as_of": today, "watermark": cut.watermark, "items": items}
    return report(request, value, [_cells(item) for item in items], _BLANK)


def _item(jobcentre: str, finding: Finding, with_people: bool) -> dict[str, Any]:
    return {
        "code": finding.code,
        "jobcentre": jobcentre,
        "count": finding.count,
        "total": finding.total,
        "kind": finding.kind,
        "client_id": finding.client_id,
        "last_on": finding.last_on,
        "weekday": finding.weekday,
        "participants": finding.participants if with_people else None,
    }


def _cells(item: Mapping[str, Any]) -> dict[str, Any]:
    people = item["participants"]
    return {**item, "participants": None if people is None else "|".join(map(str, people))}


_BLANK: Final = dict.fromkeys(FindingView.model_fields)


def quality_csv(items: Sequence[Mapping[str, Any]]) -> bytes:
    """Findings as CSV."""
    return as_csv([_cells(item) for item in items], _BLANK)
