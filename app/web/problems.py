"""Problem documents (RFC 9457) of all errors, which never repeat what a client sent.

Only this table maps codes to statuses: raise ``Problem("already_drawn")`` anywhere, and ``app.web.error_handlers``
responds. Texts come from the table or from the code that raises, never from an exception or a request: any body, key
or query may have a CPR number, so all of FastAPI's responses (which repeat the input) are replaced.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from app.contract.danish import MEANINGS, Language
from app.domain.codes import CODES

MEDIA_TYPE: Final = "application/problem+json"


# --- The table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProblemDefinition:
    """Definition of a problem: status, title, default detail, headers."""

    status: int
    title: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)


def _type(status: int, title: str, detail: str, **headers: str) -> ProblemDefinition:
    return ProblemDefinition(status, title, detail, {name.replace("_", "-"): value for name, value in headers.items()})


PROBLEMS: Final[Mapping[str, ProblemDefinition]] = {
    # HTTP.
    "invalid_json": _type(400, "Not JSON", "The body could not be read as JSON."),
    "invalid_encoding": _type(400, "Not UTF-8", "The address is not UTF-8, or the body is not what its encoding says."),
    "unauthorized": _type(401, "No token", "Send an access token: Authorization: Bearer.", WWW_Authenticate="Bearer"),
    "invalid_token": _type(
        401,
        "Token not accepted",
        "The token is malformed, or comes from another issuer.",
        WWW_Authenticate='Bearer error="invalid_token"',
    ),
    "expired_token": _type(
        401, "Token expired", "Get another token; this one is too old.", WWW_Authenticate='Bearer error="invalid_token"'
    ),
    "insufficient_scope": _type(403, "Scope missing", "The token lacks a scope that this needs."),
    "not_found": _type(404, "Not found", "It is not there, or not yours."),
    "method_not_allowed": _type(405, "Method not allowed", "This address does not take that method."),
    "not_acceptable": _type(406, "Not acceptable", "None of the accepted media types can be given."),
    "request_timeout": _type(408, "Too slow", "The body took too long to arrive; send it again."),
    "precondition_failed": _type(412, "Precondition failed", "It has changed since you read it."),
    "too_large": _type(413, "Too large", "The body is larger than is accepted."),
    "unsupported_media_type": _type(415, "Media type not supported", "The body has a media type not accepted here."),
    "rate_limited": _type(429, "Too many requests", "Wait a little, then send it again.", Retry_After="1"),
    "internal_error": _type(500, "Internal error", "Something went wrong here; sending it again is safe."),
    "database_unavailable": _type(
        503, "Unavailable", "The database cannot be reached; send it again.", Retry_After="5"
    ),
    "clock_unreliable": _type(
        503, "Clock unreliable", "A clock is wrong, so that nothing is registered; send it again.", Retry_After="60"
    ),
    "issuer_unavailable": _type(
        503, "Issuer unavailable", "The keys of the token's issuer cannot be fetched; try again.", Retry_After="5"
    ),
    # A malformed request. The single codes are those of a record's fields; a list of them is `malformed`.
    "malformed": _type(422, "Malformed", "The request is not as it should be; `errors` has every fault."),
    "unknown_parameter": _type(422, "Unknown parameter", "This operation has no such query parameter."),
    "repeated_parameter": _type(422, "Repeated parameter", "This query parameter takes one value."),
    "missing_field": _type(422, "Field missing", "A field that is required is not there."),
    "unknown_field": _type(422, "Unknown field", "There is a field that is not known here."),
    "invalid_value": _type(422, "Invalid value", "A field has a value that it cannot have."),
    "invalid_cpr": _type(422, "Invalid CPR number", "That is no CPR number."),
    "repeated_field": _type(422, "Field repeated", "A name occurs twice in one object."),
    "looks_like_cpr": _type(
        422, "Looks like a CPR number", "Ten digits like these are taken only where a CPR number is asked for."
    ),
    "invalid_cvr": _type(422, "Invalid CVR number", "That is no CVR number."),
    "date_in_future": _type(422, "Date in the future", "It has not happened yet on the day of receipt."),
    "ends_before_start": _type(422, "Ends before it starts", "The last day lies before the first."),
    "hours_out_of_range": _type(422, "Hours out of range", "Hours a week are above 0 and at most 60."),
    "other_jobcentre": _type(422, "Another jobcentre", "The person is at another jobcentre than that of the snapshot."),
    "outside_span": _type(422, "Outside the span", "The spell starts on a day outside the span of the snapshot."),
    # Contradicts what is stored.
    "unknown_participant": _type(404, "Unknown participant", "The participant is not in the trial, or not yours."),
    "trial_exists": _type(409, "Trial exists", "There is a trial of that id with other content."),
    "trial_closed": _type(409, "Trial closed", "The trial is closed; nobody is drawn any more."),
    "pilot_trial": _type(409, "Pilot", "A pilot tells nothing of effects: it was there to try the procedure."),
    "already_drawn": _type(409, "Already drawn", "The person has been drawn on other facts."),
    "correction_waiting": _type(
        409, "Correction waiting", "A correction to this number waits for a decision; nobody is drawn under it."
    ),
    "duplicate": _type(409, "Duplicate", "The participant is a duplicate of another one."),
    "already_decided": _type(409, "Already decided", "The request was decided otherwise, replaced or cancelled."),
    "number_taken": _type(409, "Number taken", "The number cannot be given; the request can only be refused."),
    "screening_conflict": _type(409, "Screening conflict", "The screening contradicts one that is stored."),
    "intake_sufficient": _type(
        409, "Intake sufficient", "The jobcentre has enough; nobody is drawn from the supplement."
    ),
    "supplement_order": _type(409, "Out of order", "Another supplement candidate comes first."),
    "not_waiting": _type(409, "Not waiting", "The person is not an undrawn candidate."),
    "not_drawn": _type(409, "Not drawn", "The person has not been drawn."),
    "event_order": _type(409, "Events out of order", "The event does not fit those that are stored."),
    "revision_conflict": _type(409, "Revision conflict", "That revision is stored with other content."),
    "ambiguous_client": _type(409, "Several clients", "Several clients sent a record of that id: name one."),
    "idempotency_key_reused": _type(409, "Key used before", "That Idempotency-Key came with another request before."),
    "handover_conflict": _type(409, "Handover conflict", "The successor has records of the same external ids."),
    "stale": _type(409, "Stale", "A higher revision is stored; send a still higher one to replace or retract it."),
    # Refusals of a trial with `enforcement: refuse` (domain 4.8).
    "form_not_accepted": _type(409, "Form not accepted", "A conversation of this form does not count."),
    "remote_too_early": _type(409, "Remote too early", "The first conversations are held in person."),
    "conducted_by_mentor": _type(409, "Conducted by the mentor", "A mentor's conversation does not count."),
    "hours_too_few": _type(409, "Hours too few", "The activation has fewer hours than the minimum."),
    "not_at_workplace": _type(409, "Not at a workplace", "The activation is not at a workplace."),
}

# The codes that `errors` may carry for a field; a validator raises PydanticCustomError with one of them as its type.
FIELD_CODES: Final = frozenset(
    {
        "missing_field",
        "unknown_field",
        "unknown_parameter",
        "repeated_parameter",
        "invalid_value",
        "invalid_json",
        "invalid_cpr",
        "looks_like_cpr",
        "repeated_field",
        "invalid_cvr",
        "date_in_future",
        "ends_before_start",
        "hours_out_of_range",
    }
)

# Codes of every operation with a token, and further ones of those with a body.
COMMON: Final = (
    "unauthorized",
    "invalid_token",
    "expired_token",
    "insufficient_scope",
    "not_acceptable",
    "invalid_encoding",
    "malformed",
    "unknown_parameter",
    "repeated_parameter",
    "rate_limited",
    "internal_error",
    "database_unavailable",
    "clock_unreliable",
    "issuer_unavailable",
)
REQUEST: Final = ("invalid_encoding", "not_acceptable", "unknown_parameter", "repeated_parameter")
"""What any operation may answer, also one without a token."""
BODY: Final = ("invalid_json", "request_timeout", "too_large", "unsupported_media_type")


# --- Meanings ---------------------------------------------------------------------------------------------------------


class Fault(NamedTuple):
    """One fault of a request: where it is, its code, and what its meaning names besides.

    ``hint`` is the declared name nearest to an unknown one, or the cause of invalid JSON; never a value that was sent.
    """

    pointer: str
    code: str
    hint: str = ""


def code_meaning(code: str, language: Language = "en") -> str:
    """Return the meaning of a code by itself: that of a fault, else the detail of the problem, as a phrase."""
    if language == "da" and code in MEANINGS:
        return MEANINGS[code]
    phrase = CODES["FaultCode"].meaning.get(code)
    if phrase is None:
        detail = PROBLEMS[code].detail
        phrase = detail[0].lower() + detail[1:].removesuffix(".")
    return phrase


def _of_code(fault: Fault) -> str:
    return code_meaning(fault.code)


Explain = Callable[[Fault], str]
"""Returns the meaning of a fault, in the language of the response."""


# --- The exception ----------------------------------------------------------------------------------------------------


class Problem(Exception):
    """Error with a problem document as its response.

    ``errors`` are (JSON pointer, code) or ``Fault``; ``members`` are further members of the document. No argument may
    be a value from a body. Raises KeyError for a code that is not in ``PROBLEMS``.
    """

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        errors: Sequence[tuple[str, str] | Fault] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.kind = PROBLEMS[code]
        self.detail = detail if detail is not None else self.kind.detail
        self.errors = tuple(Fault(*error) for error in errors)
        self.headers = {**self.kind.headers, **(headers or {})}
        self.members = members

    @property
    def status(self) -> int:
        """HTTP status of the response."""
        return self.kind.status

    def body(self, explain: Explain = _of_code) -> dict[str, Any]:
        """Return the problem document. Members of RFC 9457 override further ones of the same name."""
        same_code = (fault for fault in self.errors if fault.code == self.code)
        return {
            **self.members,
            "type": f"/problems/{self.code}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "code": self.code,
            "meaning": explain(next(same_code, Fault("", self.code))),
            "errors": [
                {"pointer": fault.pointer, "code": fault.code, "meaning": explain(fault)} for fault in self.errors
            ],
        }

    def response(self, explain: Explain = _of_code) -> Response:
        """Return the response: application/problem+json with the headers of the code."""
        content = json.dumps(self.body(explain), ensure_ascii=False).encode()
        return Response(content, self.status, headers=self.headers, media_type=MEDIA_TYPE)


# --- The contract -----------------------------------------------------------------------------------------------------


MEANING: Final = (
    "What would be valid, as a phrase for people: in English, or in Danish with `Accept-Language: da`. It never"
    " contains what was sent. Its words may change: branch on the code."
)


class ProblemError(BaseModel):
    """One fault of a request."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": False})

    pointer: str = Field(
        description=(
            "RFC 6901 pointer into the body, or /query, /path or /header with the parameter. It ends at the parent of "
            "an unknown field, and never holds a value that was sent."
        ),
        examples=["/jobcentres/0/code"],
    )
    code: str = Field(description="Stable code of the fault.", pattern="^[a-z0-9_]+$", examples=["invalid_value"])
    meaning: str = Field(description=MEANING, examples=["a municipality's code: three digits"])


class ProblemDetails(BaseModel):
    """Problem details (RFC 9457). Some codes have further members."""

    type: str = Field(description="Stable URI of the kind of problem; it resolves to an explanation.")
    title: str = Field(description="The kind of problem, in a few words.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    detail: str = Field(description="What happened, in a sentence.")
    code: str = Field(description="Stable code of the problem.", pattern="^[a-z0-9_]+$")
    meaning: str = Field(description=MEANING)
    errors: list[ProblemError] = Field(description="Every fault found, with where it is; empty where there is no list.")


def problem_responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses=`` of an operation: by status the problem document, with one example for each code.

    Raises KeyError for a code that is not in ``PROBLEMS``.
    """
    responses: dict[int | str, dict[str, Any]] = {}
    for code in dict.fromkeys(codes):
        status = PROBLEMS[code].status
        errors = [("/records", "missing_field")] if code == "malformed" else []
        response = responses.setdefault(
            status,
            {
                "description": HTTPStatus(status).phrase,
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}, "examples": {}}},
            },
        )
        response["content"][MEDIA_TYPE]["examples"][code] = {
            "summary": PROBLEMS[code].title,
            "value": Problem(code, errors=errors).body(),
        }
    return responses


def clean_openapi(schema: dict[str, Any]) -> dict[str, Any]:
    """Put our 422 in place of FastAPI's (which documents ``HTTPValidationError``) and add the problem schemas.

    For the app factory's ``openapi``: changes the document in place, returns it, and can be applied twice.
    """
    for path in schema.get("paths", {}).values():
        for operation in path.values():
            responses = operation.get("responses", {}) if isinstance(operation, dict) else {}
            if "application/json" in responses.get("422", {}).get("content", {}):
                responses["422"] = problem_responses("malformed")[422]
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    details = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= details.pop("$defs", {})
    schemas["ProblemDetails"] = details
    return schema
