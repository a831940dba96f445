"""What the ``type`` of a problem document leads to: what the code means (RFC 9457), for programs and for people."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from app.contract.danish import danish
from app.routers.common.services import json_response
from app.routers.common.tables import negotiate
from app.routers.service.html_pages import HTML, html_page
from app.web.problems import PROBLEMS, Problem, problem_responses

router = APIRouter(tags=["operation"])
_FORMS: Final[dict[str, Any]] = {"content": {HTML: {"schema": {"type": "string"}}}}
_AGAIN: Final = frozenset({408, 429, 500, 503})
_ANEW: Final = frozenset({401, 403})


class ProblemType(BaseModel):
    """A kind of problem."""

    type: str = Field(description="The address of this explanation, as problem documents name it.")
    code: str
    status: int = Field(description="The HTTP status that goes with it.")
    title: str
    danish: str | None = Field(description="What it is called in Danish; null where there is no word for it.")
    detail: str = Field(description="What it means; the single problem may say more.")
    what_to_do: str = Field(description="Whether sending the same again can help.")


def _what_to_do(status: int) -> str:
    if status in _AGAIN:
        return "Send the same request again, after what Retry-After says where it is there: nothing is stored twice."
    if status in _ANEW:
        return "Get a token that is accepted and has what is asked for; the same one will not do."
    return "The same request will be answered alike: change it, or what it contradicts."


@router.get(
    "/problems/{code}",
    operation_id="getProblemType",
    summary="What a problem's code means",
    response_model=ProblemType,
    responses={200: _FORMS, **problem_responses("not_found", "malformed")},
)
async def get_problem_type(
    request: Request, code: Annotated[str, Path(pattern=r"^[a-z0-9_]{1,60}$", description="Code of the problem.")]
) -> Response:
    """Every problem document has a `type` such as `/problems/already_drawn`, which leads here. JSON, or a page to be
    read for browsers (`Accept: text/html`).
    """
    kind = PROBLEMS.get(code)
    if kind is None:
        raise Problem("not_found")
    told = {
        "type": f"/problems/{code}",
        "code": code,
        "status": kind.status,
        "title": kind.title,
        "danish": danish("ProblemCode", code),
        "detail": kind.detail,
        "what_to_do": _what_to_do(kind.status),
    }
    if negotiate(request, [HTML]) == HTML:
        return html_page(request, "problem.html", **told)
    return json_response(request, told)
