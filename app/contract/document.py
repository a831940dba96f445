"""OpenAPI document of the service: FastAPI's own, completed for integrators who know nothing about the code.

``document`` adds what all operations share (scopes, headers, 304), the examples and the meanings of all codes. It names
every enumeration and every repeated response, so that generated clients keep the same class names between versions.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.contract.generators import add_suffixes, make_nullable, names_of_numbers, openapi_30
from app.contract.vocabulary import CODE_LISTS, OPEN_LISTS, SCOPES, TAGS
from app.domain.codes import ENUMERATIONS, CodeList
from app.web import problems
from app.web.auth import ROLES

Node = dict[str, Any]

_HERE: Final = Path(__file__).parent
_JSON: Final = "application/json"
_DATACLASS_COMPONENTS: Final = {
    "Conditions": "ConditionsView",
    "ContactPerson": "ContactPersonView",
    "DeliverySource": "SourceView",
    "Grant": "GrantView",
    "Group": "GroupView",
    "LogRank": "LogRankView",
    "Thresholds": "ThresholdsView",
}
"""Component names of dataclasses that are response types. Clients generate code from these names: they never change."""
_METHODS: Final = ("get", "put", "post", "delete", "patch")
_MAX_INT32: Final = 2**31 - 1
_SHARED: Final = {
    "304": "NotModified",
    "400": "BadRequest",
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "NotFound",
    "408": "RequestTimeout",
    "413": "TooLarge",
    "415": "UnsupportedMediaType",
    "422": "Malformed",
    "429": "TooManyRequests",
    "500": "InternalError",
    "503": "Unavailable",
}
"""The component name of a response that most operations share, by status."""
_INTERNAL_NOTE: Final = re.compile(r"\s*\((?:domain|api\.md)[^)]*\)| \[[FDESC](?:, [^\]]*)?\]")
"""References to the project's own texts, which mean nothing to integrators."""


def document(app: FastAPI, request_schemas: Mapping[str, Any]) -> Node:
    """Return the OpenAPI document of the application; the first call builds it and caches it on the application.

    ``request_schemas``: schemas by component name of request bodies that FastAPI does not see.
    """
    if app.openapi_schema is None:
        app.openapi_schema = _build(app, request_schemas)
    return app.openapi_schema


def document_30(app: FastAPI) -> Node:
    """Return the document as OpenAPI 3.0; the first call builds it and caches it on the application."""
    if not hasattr(app.state, "openapi_30"):
        app.state.openapi_30 = openapi_30(app.openapi(), _walk)
    old: Node = app.state.openapi_30
    return old


def examples() -> dict[str, Node]:
    """Return the examples of ``examples/*.json``, merged: of ``operations``, of ``schemas`` and of ``parameters``."""
    merged: dict[str, Node] = {"operations": {}, "schemas": {}, "parameters": {}}
    for file in sorted((_HERE / "examples").glob("*.json")):
        for kind, entries in json.loads(file.read_text("utf-8")).items():
            merged[kind] |= entries
    return merged


def _build(app: FastAPI, request_schemas: Mapping[str, Any]) -> Node:
    skeleton = json.loads((_HERE / "skeleton.json").read_text("utf-8"))
    schema = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=(_HERE / "introduction.md").read_text("utf-8"),
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        contact=skeleton["info"]["contact"],
        servers=skeleton["servers"],
    )
    components: Node = schema["components"]
    _rename_dataclasses(schema)
    components["schemas"] |= deepcopy(dict(request_schemas))
    problems.clean_openapi(schema)
    components["schemas"]["ProblemDetails"]["properties"]["code"] = {"x-component": "ProblemCode"}
    components["schemas"]["ProblemError"]["properties"]["code"] = {"x-component": "FaultCode"}
    components |= skeleton["components"]
    components["securitySchemes"]["bearer"]["description"] = _token_text()
    given = examples()
    for name, values in given["schemas"].items():
        components["schemas"][name]["examples"] = values
    for path, method, operation in _operations(schema):
        _describe_access(operation)
        _add_conditional_read(path, method, operation)
        _add_headers(path, operation)
        _add_links(operation)
        _add_examples(operation, components["schemas"], given)
    _share_problems(schema)
    _name_codes(schema)
    _tidy(schema)
    add_suffixes(schema, app.routes)
    return schema


def _rename_dataclasses(schema: Node) -> None:
    schemas = schema["components"]["schemas"]
    schemas |= {component: schemas.pop(name) for name, component in _DATACLASS_COMPONENTS.items()}
    refs = {f"#/components/schemas/{name}": _ref("schemas", new) for name, new in _DATACLASS_COMPONENTS.items()}
    _walk(schema, lambda node: node.update(refs.get(node.get("$ref", ""), {})))


def _operations(schema: Node) -> Iterator[tuple[str, str, Node]]:
    for path, item in schema["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


# --- Access -----------------------------------------------------------------------------------------------------------


def _token_text() -> str:
    roles = "\n".join(
        f"| `{name}` | {' '.join(f'`{scope}`' for scope in role.scopes)} |" for name, role in ROLES.items()
    )
    scopes = "\n".join(f"| `{scope}` | {meaning} |" for scope, meaning in SCOPES.items())
    text = (_HERE / "token.md").read_text("utf-8")
    return text.replace("{scopes}", scopes).replace("{roles}", roles).rstrip("\n")


def _describe_access(operation: Node) -> None:
    """Write the scopes as a sentence and as ``x-scopes``; of scopes joined by ``|`` any one is enough.

    OpenAPI 3.1 allows scopes of a bearer token in ``security``, but linters do not.
    """
    security = operation.get("security")
    if not security:
        operation["security"] = []
        return
    scopes = [scope for requirement in security for scope in requirement["bearer"]]
    alternatives = scopes[0].split("|") if scopes else []
    operation["security"] = [{"bearer": []}]
    operation["x-scopes"] = alternatives
    if alternatives:
        roles = [name for name, role in ROLES.items() if set(alternatives) & set(role.scopes)]
        names = " or ".join(f"`{scope}`" for scope in alternatives)
        sentence = f"**Who may:** tokens with the scope {names} (role {', '.join(roles)})."
    else:
        sentence = "**Who may:** everyone with a valid token."
        operation["responses"].pop("403", None)
    operation["description"] = "\n\n".join(filter(None, [operation.get("description"), sentence]))


# --- Headers, links, examples -----------------------------------------------------------------------------------------


def _has_etag(path: str, status: str) -> bool:
    return status in ("200", "201") and path.startswith(("/v1/", "/problems/"))


def _add_conditional_read(path: str, method: str, operation: Node) -> None:
    if method == "get" and _has_etag(path, "200"):
        operation.setdefault("parameters", []).append(_ref("parameters", "IfNoneMatch"))
        operation["responses"]["304"] = {"description": "Your copy is current. The response has no body."}


def _add_headers(path: str, operation: Node) -> None:
    paged = any(parameter.get("name") == "cursor" for parameter in operation.get("parameters", []))
    for status, response in operation["responses"].items():
        headers: Node = response.setdefault("headers", {})
        if _has_etag(path, status) or status == "304":
            headers["ETag"] = _ref("headers", "ETag")
        if status == "200" and paged:
            headers["Link"] = _ref("headers", "Link")
        if status in ("401", "403"):
            headers["WWW-Authenticate"] = _ref("headers", "Challenge" if status == "401" else "ScopeChallenge")
        if status in ("429", "503"):
            headers["Retry-After"] = _ref("headers", "RetryAfter")
        headers["X-Request-ID"] = _ref("headers", "RequestID")
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _add_links(operation: Node) -> None:
    """Link a response to the operations that usually follow, with the parameters that it supplies."""
    verb, kind = re.fullmatch(r"([a-z]+)(\w*)", operation["operationId"]).groups()  # type: ignore[union-attr]  # camelCase
    trial = {"trial": "$request.path.trial"}
    person = trial | {"id": "$response.body#/participant_id"}
    record = trial | {"external_id": "$request.path.external_id"}
    following = ("getParticipant", "getAssignment", "getWeeks", "changeContactPerson", "drawParticipant")
    status, parameters, names = {
        "createTrial": ("201", {"trial": "$response.body#/id"}, ("getTrial", "screenParticipant")),
        "screenParticipant": ("201", person, (*following, "withdrawCandidate")),
        "lookUpParticipant": ("200", person, following),
        f"push{kind}": ("207", {"batch_id": "$response.body#/batch_id"}, ("getBatch",)),
        f"put{kind}": ("201", record, (f"get{kind}", f"put{kind}", f"retract{kind}", f"get{kind}History")),
    }.get(f"{verb}{kind}", ("", {}, ()))
    for name in names:
        link = {"operationId": name, "parameters": parameters}
        operation["responses"][status].setdefault("links", {})[name] = link


def _add_examples(operation: Node, schemas: Node, given: Mapping[str, Node]) -> None:
    """Add the examples of a request, of its parameters and of its responses; an operation without any has an error."""
    own = given["operations"][operation["operationId"]]
    for status, values in own["responses"].items():
        for media_type, value in values.items():
            operation["responses"][status]["content"][media_type]["example"] = value
    for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
        model = schemas.get(media["schema"].get("$ref", "").rpartition("/")[2], {})
        if media_type in own.get("request", {}):
            media["example"] = own["request"][media_type]
        elif "examples" in model:
            media["example"] = deepcopy(model["examples"][0])
    for parameter in operation.get("parameters", []):
        if "name" in parameter:
            _add_parameter_example(operation, parameter, given["parameters"])


def _add_parameter_example(operation: Node, parameter: Node, given: Node) -> None:
    """Add one example in OpenAPI's form; FastAPI writes a JSON schema's list, which a parameter must not have.

    The example of an optional parameter goes into its schema: the page for trying the API fills in all others.
    """
    own = parameter.pop("examples", None) or parameter["schema"].get("examples")
    value = own[0] if own else given.get(parameter["name"])
    if parameter["name"] == "cursor":
        value = operation["responses"]["200"]["content"][_JSON]["example"].get("next")
    if value is not None and parameter.get("required"):
        parameter["example"] = value
    elif value is not None:
        parameter["schema"]["examples"] = [value]


# --- Shared components ------------------------------------------------------------------------------------------------


def _share_problems(schema: Node) -> None:
    """Move examples of problems, and responses that most operations share, to the components."""
    components = schema["components"]
    shared_examples: Node = components.setdefault("examples", {})
    shared: Node = components.setdefault("responses", {})
    for _, _, operation in _operations(schema):
        for response in operation["responses"].values():
            own = response.get("content", {}).get(problems.MEDIA_TYPE, {}).get("examples", {})
            for code, example in own.items():
                if "value" in example:
                    shared_examples.setdefault(code, example)
                    own[code] = _ref("examples", code)
            if own:
                lines = [f"- `{code}`: {problems.PROBLEMS[code].detail}" for code in own]
                response["description"] += ".\n\n" + "\n".join(lines)
    for _, _, operation in _operations(schema):
        responses = operation["responses"]
        for status in responses.keys() & _SHARED.keys():
            name = _SHARED[status]
            if responses[status] == shared.setdefault(name, responses[status]):
                responses[status] = _ref("responses", name)
    components["examples"] = dict(sorted(shared_examples.items()))
    components["responses"] = dict(sorted(shared.items()))


def _name_codes(schema: Node) -> None:
    """Replace every enumeration and every open list of codes by a named component with the meaning of each code."""
    names = {frozenset(words.meaning): name for name, words in ENUMERATIONS.items()}
    used: set[str] = set()

    def replace(node: Node) -> None:
        values = node.get("enum")
        name = node.get("x-component") or (names.get(frozenset(values)) if isinstance(values, list) else None)
        if name is not None:
            used.add(name)
            for member in ("type", "enum", "x-component", "title"):
                node.pop(member, None)
            node |= _ref("schemas", name)

    _walk(schema, replace)
    for name in sorted(used):
        schema["components"]["schemas"][name] = _code_schema(name, CODE_LISTS[name], is_open=name in OPEN_LISTS)


def _code_schema(name: str, words: CodeList, *, is_open: bool) -> Node:
    values = list(words.meaning)
    meanings = "\n".join(f"- `{code}`: {meaning}" for code, meaning in words.meaning.items())
    if is_open:
        about = f"{words.about} Later versions may add codes; treat an unknown code as text."
        component: Node = {"type": "string", "pattern": "^[a-z0-9_]+$", "x-extensible-enum": values}
    elif isinstance(values[0], int):
        about = words.about
        component = {"type": "integer", "enum": values, "minimum": min(values), "maximum": max(values)}
        component["x-enum-varnames"] = names_of_numbers(name, values)
    else:
        about, component = words.about, {"type": "string", "enum": values}
    return {**component, "description": f"{about}\n\n{meanings}"}


# --- Tidying ----------------------------------------------------------------------------------------------------------


def _tidy(schema: Node) -> None:
    """Remove what informs nobody: titles made from names, null for a parameter, internal notes, "Successful"."""
    schemas = schema["components"]["schemas"]
    for _, _, operation in _operations(schema):
        for parameter in operation.get("parameters", []):
            if "schema" in parameter:
                dropped = ("description", "examples") if parameter.get("required") else ("description",)
                members = _without_null(parameter["schema"]).items()
                parameter["schema"] = {name: value for name, value in members if name not in dropped}
    _walk(schema, _tidy_node)
    for _, _, operation in _operations(schema):
        for status, response in operation["responses"].items():
            if response.get("description") in ("Successful Response", "Additional Response"):
                content = response.get("content", {}).get(_JSON, {}).get("schema", {})
                name = content.get("$ref", "").rpartition("/")[2]
                sentence = schemas.get(name, {}).get("description", "").partition("\n")[0] or f"{operation['summary']}."
                response["description"] = f"Created. {sentence}" if status == "201" else sentence
    schema["components"]["schemas"] = dict(sorted(schemas.items()))


def _without_null(schema: Node) -> Node:
    inner = [part for part in schema.get("anyOf", []) if part != {"type": "null"}]
    if len(inner) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "title")}
    if rest.get("default", 0) is None:
        del rest["default"]
    return {**inner[0], **rest}


def _tidy_node(node: Node) -> None:
    make_nullable(node)
    if isinstance(node.get("title"), str) and "openapi" not in node and "version" not in node:
        del node["title"]
    if node.get("default", 0) is None:
        del node["default"]  # the same as absence; generated clients would require such a field
    if node.get("type") in ("integer", ["integer", "null"]):
        node.setdefault("format", "int32" if node.get("maximum", _MAX_INT32 + 1) <= _MAX_INT32 else "int64")
    if isinstance(node.get("description"), str):
        node["description"] = _INTERNAL_NOTE.sub("", node["description"])
    inner = [part for part in node.get("anyOf", []) if part != {"type": "null"}]
    if len(inner) == 1 and "description" in inner[0]:
        text = inner[0].pop("description")
        node.setdefault("description", text)


def _walk(node: Any, change: Callable[[Node], None]) -> None:
    """Call ``change`` for every object of the document, but not for examples, defaults and maps from names."""
    if isinstance(node, list):
        for item in node:
            _walk(item, change)
    elif isinstance(node, dict):
        change(node)
        for name, value in node.items():
            if name in ("properties", "schemas", "headers") and isinstance(value, dict):
                for item in value.values():
                    _walk(item, change)
            elif name not in ("example", "examples", "default", "enum", "const", "value"):
                _walk(value, change)
