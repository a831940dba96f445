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
    """Jobcentre, and the clients that its records pass between."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"jobcentre": "849", "from_client": "case-system-849", "to_client": "new-system-849"}]
        },
    )

    jobcentre: JobcentreCode
    from_client: Text = Field(description="`client_id` of the client that owns the records.")
    to_client: Text = Field(description="`client_id` of its successor.")


class HandoverView(BaseModel):
    """Number of records handed over."""

    handed_over: dict[str, int] = Field(description="Number of records by kind.", examples=[{"conversations": 120}])


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
    """Makes another client the owner of a jobcentre's records, when a municipality changes its case system.

    The successor corrects and retracts the records from then on. Each record gets a new version. A retraction that
    arrived before its record applies to the successor's record too. Repeating the request changes nothing. The request
    is refused while the successor has records with the same external ids (`handover_conflict`).
    """
    async with services.read(principal) as connection:
        trial = await trial_or_404(services, connection, trial_id)
    if body.jobcentre not in trial.jobcentres or not principal.reads_person_of(body.jobcentre):
        raise Problem("not_found")
    async with services.database.write(
        SYSTEM_SCOPE
    ) as connection:  # a retraction without its record belongs to no jobcentre
        moved = await hand_over(
            connection, trial, body.jobcentre, body.from_client, body.to_client, principal.client_id
        )
    return json_response(request, {"handed_over": moved})
