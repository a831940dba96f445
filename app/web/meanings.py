"""Meanings of errors: what would have been valid, made from the contract, in English or Danish.

A sentence never contains anything that was sent. It is made of a fault's pointer, whose names are those of the
contract, of its code, and of its hint.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final

from pydantic_core import from_json, to_json
from starlette.responses import Response
from starlette.types import Scope

from app.contract.danish import SENTENCES, Language
from app.contract.expectations import Expectations
from app.db.core.slices import in_slices
from app.web.problems import Fault, Problem, code_meaning

Node = Mapping[str, Any]
_JSON: Final = "application/json"
_INDEX: Final = re.compile(r"/[0-9]+(?=/|$)")
_PARAMETER: Final = re.compile(r"/(query|path|header)(?:/(.+))?")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_.-]{0,39}")
_MOST_NAMES: Final = 40
_SIMILARITY: Final = 0.7


# --- Language ---------------------------------------------------------------------------------------------------------


def language_of(scope: Scope) -> Language:
    """Return Danish if ``Accept-Language`` prefers it to English, else English."""
    header = b",".join(value for name, value in scope["headers"] if name == b"accept-language")
    best: tuple[float, Language] = (0.0, "en")
    for entry in header.decode("latin-1").lower().split(","):
        name, _, weight = entry.strip().partition(";")
        language: Language | None = {"da": "da", "en": "en"}.get(name.strip().partition("-")[0])  # type: ignore[assignment]
        quality = _quality(weight)
        if language is not None and quality > best[0]:
            best = (quality, language)
    return best[1]


def _quality(weight: str) -> float:
    name, _, value = weight.partition("=")
    if not name.strip():
        return 1.0
    return float(value) if re.fullmatch(r"[01](\.[0-9]{1,3})?", value.strip()) else 0.0


# --- Nearest names ----------------------------------------------------------------------------------------------------


def nearest_name(sent: Iterable[object], names: Iterable[str]) -> str:
    """Return the declared name that the first unknown one resembles; empty if none does."""
    known = frozenset(names)
    unknown = next((name for name in sent if name not in known), None)
    return _nearest(unknown, known) if isinstance(unknown, str) and _PLAIN_NAME.fullmatch(unknown) else ""


@lru_cache(maxsize=1024)
def _nearest(unknown: str, known: frozenset[str]) -> str:
    folded = {_folded(name): name for name in sorted(known)}
    sent = _folded(unknown)
    # Sets of letters first: a comparison costs 20 µs, and a batch may have 10,000 records with other names each.
    alike = [name for name in folded if len(set(name) & set(sent)) >= _SIMILARITY * max(len(set(name)), len(set(sent)))]
    return next((folded[name] for name in get_close_matches(sent, alike, 1, _SIMILARITY)), "")


def _folded(name: str) -> str:
    return re.sub(r"[_.-]", "", name).casefold()


_OF_TABLES: Final = frozenset({"leave_empty", "row_width"})
"""Hints of faults that only a table has."""


# --- Meanings ---------------------------------------------------------------------------------------------------------


class Meanings:
    """Meanings of the faults of a contract's operations."""

    def __init__(self, document: Node) -> None:
        self.document = document
        self._expectations = Expectations(document.get("components", {}).get("schemas", {}))
        self._parameters = document.get("components", {}).get("parameters", {})
        self._operations: dict[str, Node] = {
            operation["operationId"]: operation
            for item in document.get("paths", {}).values()
            for operation in item.values()
            if isinstance(operation, dict) and "operationId" in operation
        }
        self._cached = lru_cache(maxsize=4096)(self._meaning)

    def meaning(self, operation_id: str | None, fault: Fault, language: Language) -> str:
        """Return the sentence for a fault of a request of the operation."""
        return self._cached(operation_id, _INDEX.sub("/0", fault.pointer), fault.code, fault.hint, language)

    def _meaning(self, operation_id: str | None, pointer: str, code: str, hint: str, language: Language) -> str:
        if hint in _OF_TABLES:
            return SENTENCES[hint][language]
        operation = self._operations.get(operation_id or "", {})
        make = _BY_CODE.get(code)
        made = "" if make is None else make(self, operation, pointer, hint, language)
        return made or code_meaning(code, language)

    def field_names(self, operation_id: str | None, pointer: str) -> list[str]:
        """Return the names of the fields of the object at a pointer into the body of an operation."""
        return self._expectations.names(self._nodes(self._operations.get(operation_id or "", {}), pointer))

    def _nodes(self, operation: Node, pointer: str) -> list[Node]:
        """Return the schemas of a parameter, or of a place of the JSON body."""
        if (match := _PARAMETER.fullmatch(pointer)) is not None:
            place, name = match.groups()
            declared = self._declared(operation, place)
            return [schema for known, schema in declared.items() if name and known.lower() == name.lower()]
        body = operation.get("requestBody", {}).get("content", {}).get(_JSON, {}).get("schema")
        return [] if body is None else self._expectations.at([body], pointer)

    def _declared(self, operation: Node, place: str) -> dict[str, Node]:
        """Return the schemas of an operation's parameters of one place by name."""
        parameters = (
            self._parameters.get(parameter["$ref"].rpartition("/")[2], {}) if "$ref" in parameter else parameter
            for parameter in operation.get("parameters", ())
        )
        return {each["name"]: each.get("schema", {}) for each in parameters if each.get("in") == place}

    def invalid_value(self, operation: Node, pointer: str, _hint: str, language: Language) -> str:
        """Return what the field accepts."""
        name = pointer.rpartition("/")[2]
        siblings = self._expectations.names(self._nodes(operation, pointer.rpartition("/")[0]))
        if name == "cpr" and "participant_id" in siblings:  # a malformed number is `invalid_cpr`
            return SENTENCES["one_person"][language]
        if name == "external_id":
            return SENTENCES["external_id"][language]
        expected = self._expectations.phrase(self._nodes(operation, pointer), language)
        if name == "retraction_reason" and expected:
            return SENTENCES["only_in_retraction"][language].format(expected=expected)
        return expected

    def missing_field(self, operation: Node, pointer: str, hint: str, language: Language) -> str:
        """Return what the required field accepts."""
        parent, _, name = pointer.rpartition("/")
        if name == "participant_id" and "cpr" in self._expectations.names(self._nodes(operation, parent)):
            return SENTENCES["one_person"][language]
        expected = self.invalid_value(operation, pointer, hint, language)
        return SENTENCES["required"][language].format(expected=expected) if expected else ""

    def unknown_field(self, operation: Node, pointer: str, hint: str, language: Language) -> str:
        """Return the nearest name, else all names if they are few."""
        return _names(hint, self._expectations.names(self._nodes(operation, pointer)), language)

    def unknown_parameter(self, operation: Node, pointer: str, _hint: str, language: Language) -> str:
        """Return the nearest parameter, else all of them."""
        if not operation:
            return ""
        names = list(self._declared(operation, "query"))
        nearest = nearest_name([pointer.removeprefix("/query").removeprefix("/")], names)
        return _names(nearest, names, language) or SENTENCES["no_names"][language]

    def invalid_json(self, _operation: Node, _pointer: str, hint: str, language: Language) -> str:
        """Return the cause with line and column."""
        name, *place = hint.split(":")
        if name not in SENTENCES:
            return ""
        cause = SENTENCES[name][language]
        if not place:
            return cause
        return SENTENCES["at"][language].format(cause=cause, line=place[0], column=place[1])

    def unsupported_media_type(self, operation: Node, _pointer: str, _hint: str, language: Language) -> str:
        """Return the media types of bodies."""
        return _listed("media_types", operation.get("requestBody", {}).get("content", {}), language)

    def not_acceptable(self, operation: Node, _pointer: str, _hint: str, language: Language) -> str:
        """Return the media types of responses."""
        return _listed("accepted", operation.get("responses", {}).get("200", {}).get("content", {}), language)

    def insufficient_scope(self, operation: Node, _pointer: str, _hint: str, language: Language) -> str:
        """Return the scopes of which the operation needs one."""
        return _listed("scopes", operation.get("x-scopes", ()), language)


_BY_CODE: Final[Mapping[str, Callable[[Meanings, Node, str, str, Language], str]]] = {
    "invalid_value": Meanings.invalid_value,
    "missing_field": Meanings.missing_field,
    "unknown_field": Meanings.unknown_field,
    "unknown_parameter": Meanings.unknown_parameter,
    "invalid_json": Meanings.invalid_json,
    "unsupported_media_type": Meanings.unsupported_media_type,
    "not_acceptable": Meanings.not_acceptable,
    "insufficient_scope": Meanings.insufficient_scope,
}


def _names(nearest: str, names: list[str], language: Language) -> str:
    if nearest:
        return SENTENCES["nearest"][language].format(name=nearest)
    if not names or len(names) > _MOST_NAMES:
        return ""
    return SENTENCES["names"][language].format(names=", ".join(names))


def _listed(sentence: str, names: Iterable[str], language: Language) -> str:
    joined = SENTENCES["or"][language].join(names)
    return SENTENCES[sentence][language].format(names=joined) if joined else ""


# --- Responses --------------------------------------------------------------------------------------------------------


def meanings_of(scope: Scope) -> Meanings:
    """Return the meanings of the contract of the application."""
    app = scope["app"]
    document = app.openapi()
    meanings: Meanings | None = getattr(app.state, "meanings", None)
    if meanings is None or meanings.document is not document:
        app.state.meanings = meanings = Meanings(document)
    return meanings


def operation_of(scope: Scope) -> str | None:
    """Return the id of the operation to which a request was routed."""
    route = scope.get("route")
    return getattr(route, "operation_id", None) or getattr(route, "unique_id", None)


def respond(problem: Problem, scope: Scope) -> Response:
    """Return the response to a request with a problem, in the language that the client prefers."""
    language, meanings = language_of(scope), meanings_of(scope)
    operation_id = operation_of(scope)
    response = problem.response(lambda fault: meanings.meaning(operation_id, fault, language))
    response.headers["Content-Language"] = language
    response.headers.add_vary_header("Accept-Language")
    return response


async def respond_report(report: bytes, operation_id: str, scope: Scope) -> Response:
    """Return the response 207 with the report of a batch, and a meaning beside the code of every error.

    Stored reports have none, so that each request gets its own language. A report without errors is sent as it is.
    """
    headers = {"Vary": "Accept-Language"}
    if b'"errors":' in report:  # no text of a record can match: its quotes are escaped
        document = from_json(report)
        headers["Content-Language"] = await explain_report(document, operation_id, scope)
        report = to_json(document)
    return Response(report, 207, headers, _JSON)


async def explain_report(report: dict[str, Any], operation_id: str, scope: Scope) -> Language:
    """Add a meaning to every error of a batch's report. Returns the language, which is the one the client prefers."""
    language, meanings = language_of(scope), meanings_of(scope)
    async for result in in_slices(report["results"]):
        for error in result.get("errors", ()):
            fault = Fault(error["pointer"], error["code"], error.pop("hint", ""))
            error["meaning"] = meanings.meaning(operation_id, fault, language)
    return language
