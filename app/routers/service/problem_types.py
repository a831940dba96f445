"""Problem types: the resource behind the ``type`` of a problem document (RFC 9457), as JSON and as a page."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from app.contract.danish import CODE_EXAMPLES, SENTENCES, Language, danish
from app.routers.common.html_pages import HTML, html_page
from app.routers.common.services import json_response
from app.routers.common.tables import negotiate
from app.web.meanings import language_of
from app.web.problems import PROBLEMS, REQUEST, Problem, code_meaning, problem_responses
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
    meaning: str = Field(description="Meaning of the code, in Danish with `Accept-Language: da`.")
    what_to_do: str = Field(description="Whether repeating the request can help; in the same language.")
    wrong: str = Field(description="Excerpt of a request that has the problem.")
    right: str = Field(description="The excerpt as it should be.")


def _what_to_do(status: int) -> str:
    """Return the name of the sentence."""
    if status in _RETRYABLE:
        return "repeat"
    return "get_token" if status in _NEEDS_TOKEN else "change_request"


@router.get(
    "/problems/{code}",
    operation_id="getProblemType",
    summary="What a problem's code means",
    response_model=ProblemType,
    responses={200: _FORMS, **problem_responses(*REQUEST, "not_found", "malformed")},
)
async def get_problem_type(
    request: Request,
    code: Annotated[str, Path(pattern=r"^[a-z0-9_]{1,60}$", description="Code of the problem.")],
) -> Response:
    """Explains a problem code, with an example of what is wrong and what is right. The `type` of a problem document is
    an address such as `/problems/already_drawn`. The response is JSON, or a page for `Accept: text/html`; its sentences
    are in English, or in Danish with `Accept-Language: da`.
    """
    if code not in PROBLEMS:
        raise Problem("not_found")
    language = language_of(request.scope)
    problem_type = _problem_type(code, language)
    if negotiate(request, [HTML]) == HTML:
        texts = {name: sentence[language] for name, sentence in SENTENCES.items()}
        response = html_page(request, "problem.html", language=language, texts=texts, **problem_type)
    else:
        response = json_response(request, problem_type)
    response.headers["Content-Language"] = language
    response.headers.add_vary_header("Accept-Language")
    return response


def _problem_type(code: str, language: Language) -> dict[str, Any]:
    kind = PROBLEMS[code]
    return {
        "type": f"/problems/{code}",
        "code": code,
        "status": kind.status,
        "title": kind.title,
        "danish": danish("ProblemCode", code),
        "detail": kind.detail,
        "meaning": code_meaning(code, language),
        "what_to_do": SENTENCES[_what_to_do(kind.status)][language],
        **CODE_EXAMPLES[code],
    }
