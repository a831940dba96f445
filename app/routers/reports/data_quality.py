"""Data-quality report: implausible patterns in the data that jobcentres deliver."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, WithJsonSchema

from app.db.core.session import AccessScope, set_access_scope
from app.db.reports.choosing import load_signs
from app.db.reports.corrected_people import load_corrected_people
from app.db.reports.data_quality import load_findings
from app.db.trials.trials import Trial
from app.db.trials.watermarks import load_as_of
from app.domain.figures.data_quality import Finding
from app.domain.rules.draw import Arm
from app.routers.common.services import KnownAt, ServicesDep, TrialPath, trial_or_404
from app.routers.common.tables import TABLE_RESPONSE, TableFormatDep, table_response
from app.routers.common.types import JobcentreCode, ResponseModel
from app.routers.reports.common import OneJobcentre, Report, as_of_day, report_fields, visible_codes
from app.web.auth import Principal, requires_any
from app.web.problems import COMMON, Problem, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["reports"])
QualityReader = Annotated[Principal, Depends(requires_any("reports:read", "panel:export", "audit:read"))]
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


class SignView(ResponseModel):
    """Corrected numbers and signs of choosing at one jobcentre, whole whatever the size."""

    code: FindingCode
    jobcentre: JobcentreCode
    arm: Arm | None = Field(description="For evaluators and auditors; null of people who were not drawn.")
    count: int = Field(description="Number of people, candidates or screenings, as the code says.")
    total: int | None = Field(description="Total that `count` is part of.")
    participants: list[UUID] | None = Field(
        description="Participants concerned; null if the token may not read the jobcentre's people."
    )


class DataQuality(Report):
    """Findings and signs by jobcentre."""

    items: list[FindingView] = Field(description="By jobcentre and code; empty without findings.")
    signs: list[SignView] = Field(description="By jobcentre; a code or arm that counts nobody is left out.")


@router.get(
    "/v1/trials/{trial}/data-quality",
    operation_id="getDataQuality",
    summary="What looks wrong in the data",
    response_model=DataQuality,
    responses={200: TABLE_RESPONSE, **problem_responses(*COMMON, "not_found")},
)
async def get_data_quality(
    request: Request,
    services: ServicesDep,
    table_format: TableFormatDep,
    trial_id: TrialPath,
    principal: QualityReader,
    jobcentre: OneJobcentre = None,
    known_at: KnownAt = None,
) -> Response:
    """Returns what a jobcentre should check in its data: clients that stopped delivering, implausible patterns, and
    people without any record. No figure depends on the findings.

    `signs` count what a jobcentre that chooses whom to draw would leave, and corrected numbers, whose requests count as
    they were when this week began. Evaluators and auditors, who may read all jobcentres, read the signs of
    choosing by arm. Numbers are compared as they are today, also with `known_at`: of a former number only a digest is
    stored, which has no digits to compare.

    Once the trial is over, the report is as of its last day. Ids of participants are included for tokens with
    `participants:read` that are bound to the jobcentre. The response is JSON, or by `Accept` CSV or XLSX with
    several ids joined by `|`.
    """
    today = as_of_day(services, known_at)
    is_bound = principal.may("reports:read")
    reads_arms = principal.may("audit:read") or (principal.may("panel:export") and not principal.may("trials:write"))
    by_arm = reads_arms and (principal.all_jobcentres or not is_bound)
    async with services.report(principal, trial_id) as connection:
        trial = await trial_or_404(services, connection, trial_id)
        codes = visible_codes(principal, trial, jobcentre) if is_bound else _every_code(trial, jobcentre)
        await set_access_scope(connection, AccessScope(jobcentres=frozenset(codes)))
        cut = await load_as_of(connection, trial_id, codes, known_at)
    day = min(today, trial.ends_on)
    items, signs, registrations = [], [], [] if cut.watermark is None else [cut.watermark]
    async with services.reports.read(AccessScope(jobcentres=frozenset(codes))) as connection:
        corrected = await load_corrected_people(connection, trial.id, codes, today, cut.moment)
        for code in codes:
            with_people = principal.may("participants:read") and principal.reads_person_of(code)
            findings = await load_findings(connection, trial, code, day, cut.moment, known_at)
            items += [_item(FindingView, code, finding, with_people) for finding in findings]
            found = [
                Finding(name, len(people), participants=tuple(people))
                for name, people in corrected[code].items()
                if people and name != "same_person_twice"
            ]
            choosing, latest = await load_signs(connection, services.vault, trial.id, code, cut.moment, by_arm=by_arm)
            signs += [_item(SignView, code, finding, with_people) for finding in [*found, *choosing]]
            registrations += latest
    await services.audit_read(principal, "data_quality.read", trial_id, codes, known_at=known_at)
    value = {**report_fields(today, cut), "watermark": max(registrations, default=None), "items": items, "signs": signs}
    return await table_response(request, table_format, trial, value, map(_cells, [*items, *signs]), _BLANK)


def _every_code(trial: Trial, jobcentre: str | None) -> list[str]:
    """Return every jobcentre of the trial, or the given one. Problem ``not_found``."""
    if jobcentre is not None and jobcentre not in trial.jobcentres:
        raise Problem("not_found")
    return sorted(trial.jobcentres) if jobcentre is None else [jobcentre]


def _item(view: type[ResponseModel], jobcentre: str, finding: Finding, with_people: bool) -> dict[str, Any]:
    people = {} if with_people else {"participants": None}
    values = {**asdict(finding), "jobcentre": jobcentre, **people}
    return {name: values[name] for name in view.model_fields}


def _cells(item: Mapping[str, Any]) -> dict[str, Any]:
    people = item["participants"]
    return {**_BLANK, **item, "participants": None if people is None else "|".join(map(str, people))}


_BLANK: Final[Mapping[str, Any]] = dict.fromkeys([*FindingView.model_fields, "arm"])
