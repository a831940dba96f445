"""Flow of people through a trial (CONSORT; domain 5 "Flow")."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from app.db.reports.as_of import iter_participants
from app.db.reports.consort_flow import load_latest_screenings
from app.db.reports.corrected_people import load_corrected_people
from app.domain.facts import ExitReason
from app.domain.figures.consort_flow import IntakeFlow, Paths, intake_flow, path_of
from app.domain.rules.draw import ARMS, Arm
from app.routers.common.services import KnownAt, ServicesDep, TrialPath
from app.routers.common.tables import TABLE_RESPONSE, TableFormatDep, table_response
from app.routers.common.types import FailureCode, IsoDate, JobcentreCode, ResponseModel
from app.routers.reports.as_of import load_as_of_request
from app.routers.reports.common import OneJobcentre, Report, ReportReader, report_fields
from app.web.problems import COMMON, Problem, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["reports"])

_KINDS: Final = ("activations", "exemptions", "presence-events")


class IneligibleView(ResponseModel):
    """People whose latest screening failed."""

    people: int
    by_code: dict[FailureCode, int] = Field(description="By failing rule; a person counts under each of them.")


class EligibleView(ResponseModel):
    """People whose latest screening passed."""

    people: int = Field(description="Waiting, withdrawn and drawn people together.")
    waiting: int = Field(description="Candidates not drawn yet.")
    withdrawn: int = Field(description="Candidates withdrawn before a draw.")
    drawn: int


class ExitedView(ResponseModel):
    """People who left the trial at least once, including those who came back."""

    people: int
    by_reason: dict[ExitReason, int] = Field(description="By the reason of the last exit.")


class ArmFlowView(ResponseModel):
    """People drawn to one arm."""

    arm: Literal["treatment", "control"]
    drawn: int
    exited: ExitedView
    re_entered: int = Field(description="People who came back at least once.")
    in_trial: int = Field(description="People in the trial on the day `on`.")
    complete: int = Field(description="People who completed the course by their last week that is over.")


class CorrectedPeopleView(ResponseModel):
    """People of one jobcentre with a corrected number. Requests count as they were when this week began."""

    jobcentre: JobcentreCode
    number_corrected: int = Field(description="Drawn people with a correction accepted by then.")
    correction_waiting: int = Field(description="Drawn people whose request waited then.")
    same_person_twice: int = Field(description="Duplicates: the draw made under the right number governs.")
    ineligible_found: int = Field(description="Drawn people whose corrected number fails an eligibility rule.")


class FlowView(Report):
    """People by stage of the trial."""

    on: date = Field(description="Day of `in_trial`.")
    jobcentres: list[JobcentreCode] = Field(description="Jobcentres whose people are included, all together.")
    screened: int = Field(description="Ineligible and eligible people together.")
    ineligible: IneligibleView
    eligible: EligibleView
    arms: list[ArmFlowView] = Field(description="Without duplicates.")
    corrections: list[CorrectedPeopleView] = Field(description="By jobcentre, whatever the size.")


@router.get(
    "/v1/trials/{trial}/flow",
    operation_id="getFlow",
    summary="The flow of people through the trial (CONSORT)",
    response_model=FlowView,
    responses={200: TABLE_RESPONSE, **problem_responses(*COMMON, "not_found")},
)
async def get_flow(
    request: Request,
    services: ServicesDep,
    table_format: TableFormatDep,
    trial_id: TrialPath,
    principal: ReportReader,
    on: Annotated[
        IsoDate | None,
        Query(description="Day of `in_trial`, not in the future. Default: today.", examples=["2011-02-08"]),
    ] = None,
    jobcentre: OneJobcentre = None,
    known_at: KnownAt = None,
) -> Response:
    """Counts everyone screened once, by the latest screening; a person who was drawn counts as drawn.

    The flow of one jobcentre includes only the screenings there. A person drawn elsewhere may be ineligible here, so
    jobcentres do not add up to the trial. Without `jobcentre`, the people of all jobcentres that the token is bound to
    are counted together. The response is JSON, or by `Accept` CSV or XLSX with one number per row.
    """
    paths = Paths()
    async with load_as_of_request(services, principal, trial_id, jobcentre, known_at) as scope:
        trial, today, jobcentres, moment = scope.trial, scope.today, scope.jobcentres, scope.cut.moment
        day = today if on is None else on
        if day > today:
            raise Problem("malformed", errors=[("/query/on", "date_in_future")])
        screenings, latest = await load_latest_screenings(
            scope.connection, trial_id, None if scope.is_whole else jobcentres, moment
        )
        corrected = await load_corrected_people(scope.connection, trial_id, jobcentres, today, moment)
        async for person in iter_participants(scope.connection, trial_id, jobcentres, moment, _KINDS):
            paths.add(person.arm, path_of(trial.protocol, trial.ends_on, person.history(), day, today))
    await services.audit_read(principal, "flow.read", trial_id, jobcentres, on=on, known_at=known_at)
    registrations = [registered for registered in (scope.cut.watermark, latest) if registered is not None]
    corrections = [
        {"jobcentre": code, **{name: len(ids) for name, ids in people.items()}} for code, people in corrected.items()
    ]
    figures = {**_figures(intake_flow(screenings), paths), "corrections": corrections}
    value = {
        **report_fields(today, scope.cut),
        "on": day,
        "watermark": max(registrations, default=None),
        "jobcentres": jobcentres,
        **figures,
    }
    return await table_response(request, table_format, trial, value, flow_rows(figures), _BLANK)


def _figures(intake: IntakeFlow, paths: Paths) -> dict[str, Any]:
    stages = {stage: intake.people[stage] for stage in ("waiting", "withdrawn", "drawn")}
    ineligible, eligible = intake.people["ineligible"], sum(stages.values())
    return {
        "screened": ineligible + eligible,
        "ineligible": {"people": ineligible, "by_code": intake.failures},
        "eligible": {"people": eligible, **stages},
        "arms": [_arm(arm, paths) for arm in ARMS],
    }


def _arm(arm: Arm, paths: Paths) -> dict[str, Any]:
    flow = paths.of(arm)
    return {
        "arm": arm,
        "drawn": flow.drawn,
        "exited": {"people": sum(flow.exited.values()), "by_reason": flow.exited},
        "re_entered": flow.re_entered,
        "in_trial": flow.in_trial,
        "complete": flow.complete,
    }


_BLANK: Final[Mapping[str, Any]] = dict.fromkeys(("stage", "arm", "code", "people", "jobcentre"))


def flow_rows(figures: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield one number per row, with its stage and, where it has them, its arm and code."""

    def row(stage: str, people: int, arm: str | None = None, code: str | None = None) -> dict[str, Any]:
        return {"stage": stage, "arm": arm, "code": code, "people": people, "jobcentre": None}

    yield row("screened", figures["screened"])
    yield row("ineligible", figures["ineligible"]["people"])
    for code, people in figures["ineligible"]["by_code"].items():
        yield row("ineligible", people, code=code)
    yield row("eligible", figures["eligible"]["people"])
    for stage in ("waiting", "withdrawn", "drawn"):
        yield row(stage, figures["eligible"][stage])
    for flow in figures["arms"]:
        yield row("drawn", flow["drawn"], flow["arm"])
        yield row("exited", flow["exited"]["people"], flow["arm"])
        for code, people in flow["exited"]["by_reason"].items():
            yield row("exited", people, flow["arm"], code)
        for stage in ("re_entered", "in_trial", "complete"):
            yield row(stage, flow[stage], flow["arm"])
    for place in figures["corrections"]:
        for stage, people in list(place.items())[1:]:
            yield {**row(stage, people), "jobcentre": place["jobcentre"]}
