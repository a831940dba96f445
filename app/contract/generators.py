"""What generators of clients need: nullable scalars, names of numbers, addresses with a suffix, and OpenAPI 3.0."""

import re
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, Final

from starlette.routing import BaseRoute

from app.web.http.suffixes import SUFFIXES, suffixed

Node = dict[str, Any]
_NULL: Final = {"type": "null"}


def make_nullable(node: Node) -> None:
    """Write a scalar or list that may be null as ``type: [T, "null"]``: of ``anyOf`` some generators make a class."""
    inner = [part for part in node.get("anyOf", []) if part != _NULL]
    if len(inner) == 1 and len(node["anyOf"]) == 2 and isinstance(inner[0].get("type"), str):
        del node["anyOf"]
        node |= {**inner[0], **node, "type": [inner[0]["type"], "null"]}


def names_of_numbers(component: str, values: Iterable[object]) -> list[str]:
    """Return the names of an enumeration of numbers, such as ``MATCH_GROUP_1``."""
    return [f"{re.sub('(?<!^)(?=[A-Z])', '_', component).upper()}_{value}" for value in values]


def add_suffixes(schema: Node, routes: Iterable[BaseRoute]) -> None:
    """Add an operation for each address with a suffix, which has one media type where the other has several."""
    media_types = {suffix: media_type for media_type, suffix in SUFFIXES.items()}
    for route, method, suffix in suffixed(routes):
        operation = deepcopy(schema["paths"][route.path_format][method.lower()])
        media_type, form = media_types[suffix], suffix[1:].upper()
        operation["operationId"] += suffix[1:].capitalize()
        operation["summary"] += f", as {form}"
        body = operation["responses"]["200"] if method == "GET" else operation["requestBody"]
        body["content"] = {media_type: body["content"][media_type]}
        if suffix != ".csv" and "parameters" in operation:
            operation["parameters"] = [each for each in operation["parameters"] if each.get("name") != "dialect"]
        schema["paths"][route.path_format + suffix] = {method.lower(): operation}


# --- OpenAPI 3.0 ------------------------------------------------------------------------------------------------------


def openapi_30(schema: Node, walk: Callable[[Any, Callable[[Node], None]], None]) -> Node:
    """Return the contract as OpenAPI 3.0.3, for generators that know no later one."""
    old = deepcopy(schema)
    old["openapi"] = "3.0.3"
    old["info"].pop("summary", None)
    walk(old, _as_30)
    return old


def _as_30(node: Node) -> None:
    types = node.get("type")
    if isinstance(types, list):
        node["type"] = next(each for each in types if each != "null")
        node["nullable"] = True
    if _NULL in node.get("anyOf", []):
        inner = [part for part in node.pop("anyOf") if part != _NULL]
        node["nullable"] = True
        node["allOf" if len(inner) == 1 else "anyOf"] = inner
    elif "$ref" in node and len(node) > 1 and "schemas" in node["$ref"]:
        node["allOf"] = [{"$ref": node.pop("$ref")}]  # what stands beside a reference is overlooked in 3.0
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if "exclusiveMinimum" in node:
        node |= {"minimum": node["exclusiveMinimum"], "exclusiveMinimum": True}
    if isinstance(node.get("examples"), list):
        node["example"] = node.pop("examples")[0]
