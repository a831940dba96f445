"""The flow of people through a trial (CONSORT; domain 5 "Flow")."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from app.db.reports.as_of import iter_participants
from app.db.reports.consort_flow import latest_screenings
from app.domain.facts import ExitReason
from app.domain.figures.consort_flow import IntakeFlow, Paths, intake_flow, path_of
from app.domain.rules.draw import ARMS
from app.routers.common.services import KnownAt, ServicesDep, TrialPath
from app.routers.common.types import FailureCode, IsoDate, JobcentreCode
from app.routers.reports.as_of import CSV, OneJobcentre, ReportReader, as_csv, load_as_of_request, report
from app.web.problems import COMMON, Problem, problem_responses

router = APIRouter(tags=["reports"])

_KINDS: Final = ("activations", "exemptions", "presence-events")


class IneligibleView(BaseModel):
    """People whose latest screening failed."""

    people: int
    by_code: dict[FailureCode, int] = Field(description="A person counts under every code.")


class EligibleView(BaseModel):
    """People whose screening failed no rule."""

    people: int = Field(description="Waiting, withdrawn or drawn.")
    waiting: int = Field(description="Candidates who are not drawn yet.")
    withdrawn: int = Field(description="Withdrawn before a draw.")
    drawn: int


class ExitedView(BaseModel):
    """People who ever left, whether they came back or not."""

    people: int
    by_reason: dict[ExitReason, int] = Field(description="By the reason of the last exit.")


class ArmFlowView(BaseModel):
    """The people drawn to an arm."""

    arm: Literal["treatment", "control"]
    drawn: int
    exited: ExitedView
    re_entered: int = Field(description="Those who ever came back.")
    in_trial: int = Field(description="Those in the trial on the day `on`.")
    complete: int = Field(description="Those through with the course: their last week that is over is complete.")


class FlowView(BaseModel):
    """Everyone screened, and what became of them."""

    as_of: date = Field(description="The day in Copenhagen by which weeks are over.")
    on: date = Field(description="The day of `in_trial`.")
    watermark: datetime | None = Field(description="The latest registration that the figures hold.")
    jobcentres: list[JobcentreCode] = Field(description="Whose people: all of these together.")
    screened: int = Field(description="People; ineligible and eligible together.")
    ineligible: IneligibleView
    eligible: EligibleView
    arms: list[ArmFlowView] = Field(description="Without duplicates.")


@router.get(
    "/v1/trials/{trial}/flow",
    operation_id="getFlow",
    summary="The flow of people through the trial (CONSORT)",
    response_model=FlowView,
    responses={200: CSV, **problem_responses(*COMMON, "not_found")},
)
async def get_flow(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: ReportReader,
    on: Annotated[
        IsoDate | None,
        Query(description="The day of `in_trial`, not in the future; today, where left out.", examples=["2011-02-08"]),
    ] = None,
    jobcentre: OneJobcentre = None,
    known_at: KnownAt = None,
) -> Response:
    """Everyone screened is counted once, by the latest screening; whoever was drawn is that, whatever was tried later.

    The flow of one jobcentre knows the screenings there: someone drawn elsewhere may be ineligible here, so jobcentres
    do not add up to the trial. Without a jobcentre the people of all those that the token is bound to are looked at
    together. JSON, or for `Accept: text/csv` one number a row.
    """
    paths = Paths()
    async with load_as_of_request(services, principal, trial_id, jobcentre, known_at) as cohort:
        trial, today = cohort.trial, cohort.today
        day = today if on is None else on
        if day > today:
            raise Problem("malformed", errors=[("/query/on", "date_in_future")])
        screenings, last = await latest_screenings(
            cohort.connection, trial_id, None if cohort.is_whole else cohort.jobcentres, cohort.cut.moment
        )
        async for person in iter_participants(
            cohort.connection, trial_id, cohort.jobcentres, cohort.cut.moment, _KINDS
        ):
            paths.add(person.arm, path_of(trial.protocol, trial.ends_on, person.history(), day, today))
    await services.audit_read(principal, "flow.read", trial_id, cohort.jobcentres, on=on, known_at=known_at)
    moments = [each for each in (cohort.cut.watermark, last) if each is not None]
    figures = _figures(intake_flow(screenings), paths)
    value = {
        "as_of": today,
        "on": day,
        "watermark": max(moments, default=None),
        "jobcentres": cohort.jobcentres,
        **figures,
    }
    return report(request, value, list(flow_rows(figures)), _BLANK)


def _figures(intake: IntakeFlow, paths: Paths) -> dict[str, Any]:
    waiting, withdrawn, drawn = (intake.people[each] for each in ("waiting", "withdrawn", "drawn"))
    ineligible = intake.people["ineligible"]
    eligible = waiting + withdrawn + drawn
    return {
        "screened": ineligible + eligible,
        "ineligible": {"people": ineligible, "by_code": intake.failures},
        "eligible": {"people": eligible, "waiting": waiting, "withdrawn": withdrawn, "drawn": drawn},
        "arms": [_arm(arm, paths) for arm in ARMS],
    }


def _arm(arm: Any, paths: Paths) -> dict[str, Any]:
    flow = paths.of(arm)
    return {
        "arm": arm,
        "drawn": flow.drawn,
        "exited": {"people": sum(flow.exited.values()), "by_reason": flow.exited},
        "re_entered": flow.re_entered,
        "in_trial": flow.in_trial,
        "complete": flow.complete,
    }


_BLANK: Final[Mapping[str, Any]] = dict.fromkeys(("stage", "arm", "code", "people"))


def flow_rows(figures: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One number a row: the stage, the arm and the code, where it has them."""

    def row(stage: str, people: int, arm: str | None = None, code: str | None = None) -> dict[str, Any]:
        return {"stage": stage, "arm": arm, "code": code, "people": people}

    yield row("screened", figures["screened"])
    yield row("ineligible", figures["ineligible"]["people"])
    for code, people in figures["ineligible"]["by_code"].items():
        yield row("ineligible", people, code=code)
    yield row("eligible", figures["eligible"]["people"])
    for stage in ("waiting", "withdrawn", "drawn"):
        yield row(stage, figures["eligible"][stage])
    for each in figures["arms"]:
        yield row("drawn", each["drawn"], each["arm"])
        yield row("exited", each["exited"]["people"], each["arm"])
        for code, people in each["exited"]["by_reason"].items():
            yield row("exited", people, each["arm"], code)
        for stage in ("re_entered", "in_trial", "complete"):
            yield row(stage, each[stage], each["arm"])


def flow_csv(figures: Mapping[str, Any]) -> bytes:
    """A flow as CSV."""
    return as_csv(list(flow_rows(figures)), _BLANK)
