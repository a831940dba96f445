"""Translation of pydantic's errors to (JSON pointer, code), without any value that was sent."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi.exceptions import RequestValidationError

from app.web.json_faults import json_fault
from app.web.meanings import nearest_name
from app.web.problems import FIELD_CODES, Fault, Problem

_MISSING: Final = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})
_UNKNOWN: Final = frozenset({"extra_forbidden", "unexpected_keyword_argument"})


def declared_names(schema: object) -> frozenset[str]:
    """Return the names of all fields and parameters of an OpenAPI document or JSON schema, allowed in pointers."""
    names: set[str] = set()
    pending = [schema]
    while pending:
        node = pending.pop()
        if isinstance(node, Mapping):
            properties = node.get("properties")
            if isinstance(properties, Mapping):
                names.update(properties)
            if isinstance(node.get("in"), str) and isinstance(node.get("name"), str):
                names.add(node["name"])
            pending.extend(node.values())
        elif isinstance(node, list | tuple):
            pending.extend(node)
    return frozenset(names)


def field_errors(
    errors: Iterable[Mapping[str, Any]], value: object, names: Container[str], prefix: str = ""
) -> list[tuple[str, str]]:
    """Return pydantic's errors on ``value`` as distinct (JSON pointer, code).

    ``names`` are the declared field names (``declared_names`` of the model's schema); ``prefix`` is the pointer of
    ``value`` itself, such as ``/records/2``. A pointer to an unknown field, or into a mapping whose keys the client
    chose, ends at its parent. A validator of a whole object points at one of its fields by
    ``PydanticCustomError(code, message, {"field": name})``.
    """
    return list(dict.fromkeys((prefix + pointer, code) for pointer, code in _located(errors, value, names)))


def field_faults(
    errors: Iterable[Mapping[str, Any]],
    value: object,
    names: Container[str],
    fields_at: Callable[[str], Iterable[str]],
) -> list[Fault]:
    """Return pydantic's errors as ``field_errors`` does; an unknown field with the nearest name as its hint.

    ``fields_at`` returns the declared fields of the object at a pointer.
    """
    errors = list(errors)
    faults: dict[tuple[str, str], Fault] = {}
    for (pointer, code), error in zip(_located(errors, value, names), errors, strict=True):
        hint = nearest_name([error["loc"][-1]], fields_at(pointer)) if code == "unknown_field" else ""
        faults.setdefault((pointer, code), Fault(pointer, code, hint))
    return list(faults.values())


def _located(errors: Iterable[Mapping[str, Any]], value: object, names: Container[str]) -> Iterator[tuple[str, str]]:
    for error in errors:
        kind, location = str(error["type"]), tuple(error["loc"])
        code = _code(kind)
        if code == "unknown_field":
            location = location[:-1]
        pointer = _pointer(location, value, names, missing=kind in _MISSING)
        named = (error.get("ctx") or {}).get("field") if kind in FIELD_CODES else None
        if isinstance(named, str) and named in names:
            pointer += "/" + _escape(named)
        yield pointer, code


def _code(kind: str) -> str:
    if kind in _MISSING:
        return "missing_field"
    if kind in _UNKNOWN:
        return "unknown_field"
    return kind if kind in FIELD_CODES else "invalid_value"


def _pointer(location: Sequence[int | str], value: object, names: Container[str], *, missing: bool) -> str:
    """Follow pydantic's location through the value. A part that is neither an index nor a key is the tag of a union and
    is skipped; an undeclared key is the client's own, and ends the pointer."""
    pointer = ""
    node = value
    for position, part in enumerate(location):
        if isinstance(node, list) and isinstance(part, int) and 0 <= part < len(node):
            pointer += f"/{part}"
            node = node[part]
        elif isinstance(node, Mapping) and part in node:
            if part not in names:
                break
            pointer += "/" + _escape(str(part))
            node = node[part]
        elif missing and position == len(location) - 1 and isinstance(node, Mapping) and part in names:
            pointer += "/" + _escape(str(part))
    return pointer


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _parameter_errors(errors: Iterable[Mapping[str, Any]], names: Container[str]) -> list[tuple[str, str]]:
    """Return errors of query, path, header and cookie, such as ``/query/week``, without undeclared names."""
    pairs: dict[tuple[str, str], None] = {}
    for error in errors:
        code = _code(str(error["type"]))
        pointer = f"/{error['loc'][0]}"
        for part in error["loc"][1:-1] if code == "unknown_field" else error["loc"][1:]:
            if not isinstance(part, int) and part not in names:
                break
            pointer += "/" + _escape(str(part))
        pairs[(pointer, code)] = None
    return list(pairs)


def from_validation(
    exc: RequestValidationError, names: Container[str], fields_at: Callable[[str], Iterable[str]]
) -> Problem:
    """Return the Problem of FastAPI's validation error: 400 not JSON, 415 another media type, 422 ``malformed``.

    ``names`` and ``fields_at`` are those of ``field_faults``.
    """
    errors: Sequence[Mapping[str, Any]] = exc.errors()
    in_body = [error for error in errors if error["loc"][0] == "body"]
    in_parameters = [error for error in errors if error["loc"][0] != "body"]
    if any(error["type"] == "json_invalid" and isinstance(error["loc"][-1], int) for error in in_body):
        return Problem("invalid_json", errors=[Fault("", "invalid_json", json_fault(exc.body))])
    if in_body and isinstance(exc.body, bytes):  # FastAPI parses JSON by the content type alone; bytes are the rest
        return Problem("unsupported_media_type")
    body_errors = field_faults([{**error, "loc": error["loc"][1:]} for error in in_body], exc.body, names, fields_at)
    return Problem("malformed", errors=[*_parameter_errors(in_parameters, names), *body_errors])
