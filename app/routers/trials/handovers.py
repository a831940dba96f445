"""Handover of a client's records to its successor."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.db.core.session import SYSTEM_SCOPE
from app.db.records.handovers import hand_over
from app.routers.common.services import ServicesDep, TrialPath, json_response, trial_or_404
from app.routers.common.types import JobcentreCode, Text
from app.web.auth import Principal, requires
from app.web.problems import BODY, COMMON, Problem, problem_responses

router = APIRouter(tags=["trials"])


class HandoverIn(BaseModel):
    """Whose records of a jobcentre become whose."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"jobcentre": "849", "from_client": "case-system-849", "to_client": "new-system-849"}]
        },
    )

    jobcentre: JobcentreCode
    from_client: Text = Field(description="The `client_id` of the client whose records they are.")
    to_client: Text = Field(description="The `client_id` of its successor.")


class HandoverView(BaseModel):
    """What was handed over."""

    handed_over: dict[str, int] = Field(description="How many records, by kind.", examples=[{"conversations": 120}])


@router.post(
    "/v1/trials/{trial}/handovers",
    operation_id="handOverRecords",
    summary="Hand a client's records to its successor",
    response_model=HandoverView,
    responses=problem_responses(*COMMON, *BODY, "not_found", "handover_conflict"),
)
async def post_handover(
    request: Request,
    body: HandoverIn,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Annotated[Principal, Depends(requires("trials:write"))],
) -> Response:
    """For a municipality that changes its case system: the successor corrects and retracts these records from then on.

    Each gets a new version of the successor's. Retractions that wait for their record hold it off from the successor
    too. Sent again, it finds nothing more to hand over. Refused while the successor has records of the same external
    ids (`handover_conflict`).
    """
    async with services.read(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id)
    if body.jobcentre not in trial.jobcentres or not principal.reads_person_of(body.jobcentre):
        raise Problem("not_found")
    async with services.database.write(SYSTEM_SCOPE) as connection:  # a retraction without its record is nobody's yet
        moved = await hand_over(
            connection, trial, body.jobcentre, body.from_client, body.to_client, principal.client_id
        )
    return json_response(request, {"handed_over": moved})
