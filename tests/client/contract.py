"""Contract and client types in one notation, so that a test can compare them for equality."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Required, TypeAlias, Union, get_args, get_origin, is_typeddict

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "openapi" / "openapi.json").read_text("utf-8"))
SCHEMAS: dict[str, dict[str, Any]] = DOCUMENT["components"]["schemas"]
_SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_PYTHON_SCALARS = {str: "str", int: "int", float: "float", bool: "bool", NoneType: "None", Any: "Any"}

Notation: TypeAlias = str


def component(schema: Mapping[str, Any]) -> str | None:
    """Return the name of the component that a schema refers to, or None."""
    reference = schema.get("$ref")
    return None if reference is None else str(reference).rpartition("/")[2]


def schema_type(schema: Mapping[str, Any]) -> Notation:
    """Return a schema's type: ``int``, ``None | str``, ``list[WeekView]``, ``dict['job' | 'moved', int]``, and so on.

    A closed enumeration is the union of its sorted values, an open one (``x-extensible-enum``) is ``str``. Formats,
    patterns and limits are left out.
    """
    if name := component(schema):
        return name if "properties" in SCHEMAS[name] else schema_type(SCHEMAS[name])
    if "enum" in schema:
        return _union({repr(value) for value in schema["enum"]})
    if "const" in schema:
        return repr(schema["const"])
    if "anyOf" in schema:
        return _union({part for option in schema["anyOf"] for part in schema_type(option).split(" | ")})
    if isinstance(schema.get("type"), list):
        return _union({part for each in schema["type"] for part in schema_type({**schema, "type": each}).split(" | ")})
    if schema.get("type") == "array":
        return f"list[{schema_type(schema['items'])}]"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties", True)
        keys = schema_type(schema["propertyNames"]) if "propertyNames" in schema else "str"
        return f"dict[{keys}, {'Any' if values is True else schema_type(values)}]"
    return _SCALARS[schema["type"]] if "type" in schema else "Any"


def python_type(annotation: Any, names: Mapping[str, str]) -> Notation:
    """Return an annotation's type in the same notation. ``names`` has the contract's name of each TypedDict."""
    if annotation in _PYTHON_SCALARS:
        return _PYTHON_SCALARS[annotation]
    if is_typeddict(annotation):
        return names[annotation.__name__]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (NotRequired, Required):
        return python_type(arguments[0], names)
    if origin is Literal:
        return _union({repr(value) for value in arguments})
    if origin in (Union, UnionType):
        return _union({part for option in arguments for part in python_type(option, names).split(" | ")})
    if origin in (list, dict):
        return f"{origin.__name__}[{', '.join(python_type(argument, names) for argument in arguments)}]"
    raise TypeError(f"no notation for {annotation!r}")


def _union(parts: set[str]) -> Notation:
    return " | ".join(sorted(parts))
