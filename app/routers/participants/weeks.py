"""The weeks of one participant, judged by the trial's protocol (domain 4)."""

from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic_core import to_json

from app.domain.rules.calendar import week_code
from app.domain.rules.weeks import FLAGS, Course, Week, as_seen_on, judge_on
from app.routers.common.access import ParticipantPath, ParticipantReader
from app.routers.common.services import JSON, ServicesDep, TrialPath, access_scope_of, digest, etag_response
from app.routers.common.types import WeekCode
from app.routers.participants.schemas import WeekList
from app.web.problems import COMMON, Problem, problem_responses

router = APIRouter(tags=["participants"])


@router.get(
    "/v1/trials/{trial}/participants/{id}/weeks",
    operation_id="getWeeks",
    summary="The person's weeks, judged",
    response_model=WeekList,
    responses=problem_responses(*COMMON, "not_found"),
)
async def get_weeks(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    participant_id: ParticipantPath,
    principal: ParticipantReader,
    until: Annotated[WeekCode | None, Query(description="Last week to return.")] = None,
) -> Response:
    """Returns every ISO week from the assignment week to the end of the trial, with what was due and what was done.

    The programme week and `meter` do not advance while the person is absent or exempt. The course is complete once
    `meter` reaches the protocol's `max_activation_weeks`. Weeks that are not over are computed from the records so far,
    and have no deviations. 404 for a person who was not drawn.
    """
    trial = await services.get_trial(principal, trial_id)
    person = await services.people.find(access_scope_of(principal), trial_id, participant_id)
    if person is None or not principal.reads_person_of(person.jobcentre):
        raise Problem("not_found")
    await services.audit_read(principal, "weeks.read", trial_id, [person.jobcentre], participant_id)
    history = person.history()
    course = Course.of(trial.protocol, trial.ends_on, history)
    weeks = as_seen_on(judge_on(course, trial.protocol, history), history.assigned_on, services.today())
    items = b",".join(
        [
            _week_json(week, tick.meter)
            for week, tick in zip(weeks, course.ticks, strict=True)
            if until is None or week.monday <= until
        ]
    )
    content = b'{"items":[%b]}' % items
    return etag_response(request, content, JSON, digest(content))


@lru_cache(maxsize=8192)
def _week_json(week: Week, meter: int) -> bytes:
    """Encode a week as JSON. The cache pays because most weeks of most people are equal."""
    return to_json(
        {
            "week": week_code(week.monday),
            "number": week.number,
            "state": week.state,
            **{flag: getattr(week, flag) for flag in FLAGS},
            "meter": meter,
            "deviations": week.deviations,
        }
    )
