"""What the ``type`` of a problem document leads to: what the code means (RFC 9457)."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from app.problems import PROBLEMS, Problem, problem_responses
from app.routers.support import answer

router = APIRouter(tags=["operation"])


class ProblemType(BaseModel):
    """A kind of problem."""

    type: str = Field(description="The address of this explanation, as problem documents name it.")
    code: str
    status: int = Field(description="The HTTP status that goes with it.")
    title: str
    detail: str = Field(description="What it means; the single problem may say more.")


@router.get(
    "/problems/{code}",
    operation_id="getProblemType",
    summary="What a problem's code means",
    response_model=ProblemType,
    responses=problem_responses("not_found", "malformed"),
)
async def get_problem_type(
    request: Request, code: Annotated[str, Path(pattern=r"^[a-z0-9_]{1,60}$", description="Code of the problem.")]
) -> Response:
    """Every problem document has a `type` such as `/problems/already_drawn`, which leads here."""
    kind = PROBLEMS.get(code)
    if kind is None:
        raise Problem("not_found")
    return answer(
        request,
        {
            "type": f"/problems/{code}",
            "code": code,
            "status": kind.status,
            "title": kind.title,
            "detail": kind.detail,
        },
    )
