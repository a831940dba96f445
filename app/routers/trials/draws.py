"""Published draws of a trial (domain 3.3)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from app.db.core.session import SYSTEM_SCOPE
from app.db.participants.draws import published_draws
from app.routers.common.services import (
    Cursor,
    Limit,
    NextPage,
    ServicesDep,
    TrialPath,
    decode_cursor,
    encode_cursor,
    page,
    trial_or_404,
    whole_number,
)
from app.routers.common.types import JobcentreCode
from app.web.auth import Principal, requires_any
from app.web.problems import COMMON, Problem, problem_responses

router = APIRouter(tags=["trials"])


class DrawView(BaseModel):
    """Published draw, under a pseudonym."""

    jobcentre: JobcentreCode
    position: int = Field(description="Number of the draw in the jobcentre: 0, 1, 2 … without gaps.")
    arm: Literal["treatment", "control"]
    drawn_at: datetime
    pseudonym: UUID = Field(description="Pseudonym of the person, used only here.")


class DrawList(BaseModel):
    """Page of draws, by jobcentre and position."""

    items: list[DrawView]
    next: NextPage


@router.get(
    "/v1/trials/{trial}/draws",
    operation_id="listDraws",
    summary="The draws in order",
    response_model=DrawList,
    responses=problem_responses(*COMMON, "not_found"),
)
async def list_draws(
    request: Request,
    services: ServicesDep,
    trial_id: TrialPath,
    principal: Annotated[Principal, Depends(requires_any("audit:read", "reports:read"))],
    limit: Limit = 1000,
    cursor: Cursor = None,
) -> Response:
    """Returns all draws by jobcentre and position, under pseudonyms that are used nowhere else.

    With `reports:read` the draws are available once the trial is closed (403 before), to verify them against the seed;
    with `audit:read` at any time.
    """
    after = decode_cursor(cursor, str, whole_number) or ("", -1)
    async with services.database.read(SYSTEM_SCOPE) as connection:  # pseudonyms of all jobcentres, no other data
        trial = await trial_or_404(services, connection, trial_id, closing=True)
        if trial.closed_at is None and not principal.may("audit:read"):
            raise Problem("insufficient_scope", "Until the trial is closed this needs the scope audit:read.")
        draws = await published_draws(connection, trial_id, after, limit + 1)
    await services.audit_read(principal, "draws.listed", trial_id)
    return page(request, draws, limit, lambda draw: encode_cursor(draw["jobcentre"], draw["position"]))
