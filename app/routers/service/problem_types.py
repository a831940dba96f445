"""Problem types: the resource behind the ``type`` of a problem document (RFC 9457), as JSON and as a page."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from app.contract.danish import danish
from app.routers.common.services import json_response
from app.routers.common.tables import negotiate
from app.routers.service.html_pages import HTML, html_page
from app.web.problems import PROBLEMS, Problem, problem_responses
from app.web.routes import CheckedRoute

router = APIRouter(route_class=CheckedRoute, tags=["operation"])
_FORMS: Final[dict[str, Any]] = {"content": {HTML: {"schema": {"type": "string"}}}}
_RETRYABLE: Final = frozenset({408, 429, 500, 503})
_NEEDS_TOKEN: Final = frozenset({401, 403})


class ProblemType(BaseModel):
    """Problem type."""

    type: str = Field(description="Address of this resource, as in problem documents.")
    code: str
    status: int = Field(description="HTTP status of the problem.")
    title: str
    danish: str | None = Field(description="Danish title; null if there is none.")
    detail: str = Field(description="Meaning of the code. A problem document may be more specific.")
    what_to_do: str = Field(description="Whether repeating the request can help.")


def _what_to_do(status: int) -> str:
    if status in _RETRYABLE:
        return "Repeat the request, after `Retry-After` if the response has it. Nothing is stored twice."
    if status in _NEEDS_TOKEN:
        return "Get a valid token with the required scope. The same token will be refused again."
    return "Change the request, or the data that it conflicts with. The same request will be refused again."


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
    """Explains a problem code. The `type` of a problem document is an address such as `/problems/already_drawn`. The
    response is JSON, or a page for `Accept: text/html`.
    """
    kind = PROBLEMS.get(code)
    if kind is None:
        raise Problem("not_found")
    problem_type = {
        "type": f"/problems/{code}",
        "code": code,
        "status": kind.status,
        "title": kind.title,
        "danish": danish("ProblemCode", code),
        "detail": kind.detail,
        "what_to_do": _what_to_do(kind.status),
    }
    if negotiate(request, [HTML]) == HTML:
        return html_page(request, "problem.html", **problem_type)
    return json_response(request, problem_type)
