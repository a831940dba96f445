"""The contract: what the code says of its endpoints, made into a document for people who have never heard of us.

``document`` takes FastAPI's OpenAPI document and adds what every operation has in common (who may, headers, 304), the
examples and the meaning of every code, and gives every enumeration and every repeated answer one name.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.contract.examples import ANSWERS
from app.domain.codes import CODES, ENUMERATIONS, SCOPES, TAGS, Words
from app.routers.records import endpoints as records
from app.routers.records import snapshots
from app.routers.records.schemas import BATCH, PERSON
from app.web import problems
from app.web.auth import ROLES

Node = dict[str, Any]

INTRODUCTION: Final = """\
The register of controlled employment trials: who was screened and drawn, what was recorded of them, what the rules make
of every week, and the figures that follow. A *trial* compares two arms of unemployed people at Danish jobcentres: the
`treatment` arm goes through an intensive course, the `control` arm gets what everybody gets.

## In five steps

1. Get a token (see *Authorization*), and ask `GET /v1/trials` which trials there are.
2. **Screen** each person at the job interview: `POST /v1/trials/{trial}/participants`. Whoever is eligible is drawn at
   once, and the answer carries the arm. Keep the `participant_id`.
3. Send **records** of what happens to people, in batches or one by one, as often as you like: the same record again
   changes nothing, a higher `revision` corrects, a retraction takes back. Every answer says what became of each record.
4. See what the rules make of it, week by week: `GET /v1/trials/{trial}/participants/{id}/weeks`.
5. Fetch **reports**, such as `GET /v1/trials/{trial}/weekly-summary`. They hold everything that was acknowledged
   before; read from a replica (`GET /readyz` says so), everything up to the `watermark` that they state.

To try it out on this page of a local start: press *Authorize* and paste the token of the role that an operation names;
then *Create a trial*, *Screen a person, and draw* and *Send up to 10,000 conversations* work as they stand, in this
order. Where an address asks for an `id`, put in the `participant_id` that the screening answered.

## Conventions

- Bodies are JSON with `snake_case` names. Unknown fields are refused; null means the same as leaving a field out.
- Days are `YYYY-MM-DD` in Copenhagen, weeks are ISO weeks such as `2011-W05`, moments are RFC 3339 in UTC.
- Lists come in pages: `{"items": [...], "next": "..."}`. Send `next` as `cursor` until it is null, or follow the `Link`
  header.
- Single resources, lists and reports carry an `ETag`; with `If-None-Match` you get 304 while nothing has changed.
- Errors are problem documents (RFC 9457, `application/problem+json`) with a stable `code`, and `errors` with a JSON
  pointer for every fault. No error repeats what you sent, so a CPR number is never in one. CPR numbers are never sent
  in an address.
- After 429, 500 or 503, or no answer at all, send the same request again: nothing is stored twice. 429 and 503 say in
  `Retry-After` how many seconds to wait. With an `Idempotency-Key` a batch sent again gets the very report of the
  first time.
- To follow what changes, ask a list of records with `changed_since=0`, keep `next`, and send it as `changed_since` the
  next time. To see what was registered when, ask for a record's `history`, or a report with `known_at`.
- A later version may add members to answers and codes to open lists (`x-extensible-enum`): ignore what you do not know.
"""

_JSON = "application/json"
_METHODS = ("get", "put", "post", "delete", "patch")
_SHARED = {
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
_PARAMETER_EXAMPLES: Final[Mapping[str, Any]] = {
    "trial": "prvij",
    "id": PERSON,
    "participant_id": PERSON,
    "external_id": "samtale-4711",
    "batch_id": BATCH,
    "client_id": "momentum-849",
    "jobcentre": "849",
    "arm": "treatment",
    "state": "counted",
    "week": "2011-W05",
    "from": "2011-W01",
    "until": "2010-W48",
    "changed_since": "0",
    "Idempotency-Key": "momentum-849-2011-02-07-0017",
    "by": "jobcentre",
    "limit": 100,
    "dry_run": False,
    "atomic": False,
    "report": "default",
    "revision": 2,
    "retraction_reason": "duplicate",
    "If-Match": '"012c5e21-4a08-7f60-b1d7-2c3a905be4f8"',
    "code": "already_drawn",
}
_HEADERS: Final[Mapping[str, Node]] = {
    "ETag": {
        "description": "Names this content. Send it as `If-None-Match`, and get 304 while nothing has changed.",
        "required": True,
        "schema": {"type": "string", "examples": ['"1f9ebddbee01894137d9b7040465b778"']},
    },
    "Link": {
        "description": 'The next page (RFC 8288): `</v1/…?cursor=…>; rel="next"`. Not there on the last page.',
        "schema": {"type": "string", "examples": ['</v1/trials?limit=100&cursor=WyJwcnZpaiJd>; rel="next"']},
    },
    "RetryAfter": {
        "description": "Seconds to wait before the request is sent again. Sending again is safe.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$", "examples": ["5"]},
    },
    "RequestID": {
        "description": "Name of this request in our log; tell us when something is wrong.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$", "examples": ["1136cca7cfcc429e9d368d933c4aef22"]},
    },
    "Challenge": {
        "description": "What kind of token is asked for, and what was wrong with the one sent (RFC 6750).",
        "required": True,
        "schema": {"type": "string", "examples": ['Bearer error="invalid_token"']},
    },
    "ScopeChallenge": {
        "description": "The scope that the token lacks (RFC 6750).",
        "schema": {"type": "string", "examples": ['Bearer error="insufficient_scope", scope="reports:read"']},
    },
}
_IF_NONE_MATCH: Final[Node] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of what you have. The answer is 304, without a body, while that is still current.",
    "schema": {"type": "string", "examples": ['"1f9ebddbee01894137d9b7040465b778"']},
}
_TRIAL, _RECORD = {"trial": "$request.path.trial"}, {"external_id": "$request.path.external_id"}
_SCREENED: Final = _TRIAL | {"id": "$response.body#/participant_id"}


def _links(operation_id: str) -> dict[tuple[str, str], dict[str, str]]:
    """Where an answer leads: by its status and the operation that comes next, that one's parameters."""
    verb, kind = re.fullmatch(r"([a-z]+)(\w*)", operation_id).groups()  # type: ignore[union-attr]  # camelCase
    following = ("getParticipant", "getAssignment", "getWeeks", "changeContactPerson", "drawParticipant")
    if operation_id == "createTrial":
        return {("201", name): {"trial": "$response.body#/id"} for name in ("getTrial", "screenParticipant")}
    if operation_id == "screenParticipant":
        return {("201", name): _SCREENED for name in (*following, "withdrawCandidate")}
    if operation_id == "lookUpParticipant":
        return {("200", name): _SCREENED for name in following}
    if verb == "push":
        return {("207", "getBatch"): {"batch_id": "$response.body#/batch_id"}}
    if verb == "put":
        names = (f"get{kind}", f"put{kind}", f"retract{kind}", f"get{kind}History")
        return {("201", name): _TRIAL | _RECORD for name in names}
    return {}


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the application; made once, then kept on it."""
    if app.openapi_schema is None:
        app.openapi_schema = _document(app)
    return app.openapi_schema


def _document(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=INTRODUCTION,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        contact={"name": "Whoever runs the service that you talk to"},
        servers=[
            {
                "url": "/",
                "description": "Wherever this document was fetched from, be it local, staging or production.",
                "x-internal": False,
            }
        ],
    )
    components: Node = schema["components"]
    components["schemas"] |= deepcopy(records.RECORD_SCHEMAS | snapshots.SNAPSHOT_SCHEMAS)
    problems.clean_openapi(schema)
    components["schemas"]["ProblemDetails"]["properties"]["code"] = {"x-component": "ProblemCode"}
    components["schemas"]["ProblemError"]["properties"]["code"] = {"x-component": "FaultCode"}
    components["headers"] = deepcopy(dict(_HEADERS))
    components["parameters"] = {"IfNoneMatch": deepcopy(_IF_NONE_MATCH)}
    components["securitySchemes"]["bearer"]["description"] = _token_text()
    for path, method, operation in _operations(schema):
        _say_who_may(operation)
        _drop_the_impossible(operation)
        _add_parameters_of_reading(path, method, operation)
        _add_headers_and_links(path, operation)
        _add_examples(operation, components["schemas"])
    _share_problems(schema)
    _name_codes(schema)
    _tidy(schema)
    return schema


def _operations(schema: Node) -> Iterator[tuple[str, str, Node]]:
    for path, item in schema["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


# --- who may --------------------------------------------------------------------------------------------------------


def _token_text() -> str:
    roles = "\n".join(f"| `{role}` | {' '.join(f'`{each}`' for each in row.scopes)} |" for role, row in ROLES.items())
    scopes = "\n".join(f"| `{scope}` | {meaning} |" for scope, meaning in SCOPES.items())
    return (
        "An OAuth 2.0 access token (RFC 9068: a JWT of type `at+jwt`, signed with ES256 or PS256) of the one issuer"
        " that the service trusts, sent as `Authorization: Bearer …`. It is verified as RFC8725 asks: the algorithms"
        " are ours and never the token's, and type, issuer, audience and expiry are looked at. It names the client"
        " (`client_id`), its scopes (`scope`)"
        " and what the client is bound to: `jobcentres` (municipality codes, or `*`) or `regions`. A scope never widens"
        " what these bind: everything outside does not exist for the client, and is answered with 404.\n\n"
        f"| scope | what it opens |\n|---|---|\n{scopes}\n\n"
        f"| role | scopes |\n|---|---|\n{roles}\n\n"
        "A local start prints a token of a role: `rettevej token case-system --jobcentre 849`."
    )


def _say_who_may(operation: Node) -> None:
    """The scopes as a sentence and as ``x-scopes``; of scopes joined by ``|`` any one is enough.

    In ``security`` OpenAPI 3.1 allows them for a bearer token, but linters do not.
    """
    asked = operation.get("security")
    if not asked:
        operation["security"] = []
        return
    scopes = list(dict.fromkeys(scope for each in asked for scope in each["bearer"]))
    alternatives = scopes[0].split("|") if scopes else []
    operation["security"] = [{"bearer": []}]
    operation["x-scopes"] = alternatives
    if not alternatives:
        sentence = "**Who may:** everyone with a valid token."
        operation["responses"].pop("403", None)
    else:
        roles = [role for role, row in ROLES.items() if set(alternatives) & set(row.scopes)]
        named = " or ".join(f"`{scope}`" for scope in alternatives)
        sentence = f"**Who may:** tokens with the scope {named} (role {', '.join(roles)})."
    operation["description"] = "\n\n".join(filter(None, [operation.get("description"), sentence]))


def _drop_the_impossible(operation: Node) -> None:
    """Without any parameter or body nothing can be malformed."""
    if not operation.get("parameters") and "requestBody" not in operation:
        operation["responses"].pop("422", None)


# --- what all have in common ----------------------------------------------------------------------------------------


def _has_etag(path: str, status: str) -> bool:
    return status in ("200", "201") and path.startswith(("/v1/", "/problems/"))


def _add_parameters_of_reading(path: str, method: str, operation: Node) -> None:
    if method == "get" and _has_etag(path, "200"):
        operation.setdefault("parameters", []).append(_ref("parameters", "IfNoneMatch"))
        operation["responses"]["304"] = {"description": "What you have is still current; there is no body."}


def _add_headers_and_links(path: str, operation: Node) -> None:
    pages = any(each.get("name") == "cursor" for each in operation.get("parameters", []))
    for status, response in operation["responses"].items():
        headers: Node = response.setdefault("headers", {})
        if _has_etag(path, status) or status == "304":
            headers["ETag"] = _ref("headers", "ETag")
        if status == "200" and pages:
            headers["Link"] = _ref("headers", "Link")
        if status in ("401", "403"):
            headers["WWW-Authenticate"] = _ref("headers", "Challenge" if status == "401" else "ScopeChallenge")
        if status in ("429", "503"):
            headers["Retry-After"] = _ref("headers", "RetryAfter")
        headers["X-Request-ID"] = _ref("headers", "RequestID")
    for (status, follows), parameters in _links(operation["operationId"]).items():
        link = {"operationId": follows, "parameters": parameters}
        operation["responses"][status].setdefault("links", {})[follows] = link
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _add_examples(operation: Node, schemas: Node) -> None:
    operation_id = operation["operationId"]
    answers = ANSWERS.get(operation_id) or records.RECORD_ANSWERS.get(operation_id, {})
    for status, example in answers.items():
        content = operation["responses"].get(str(status), {}).get("content", {})
        by_type = example if example.keys() <= content.keys() else {_JSON: example}
        for media_type, value in by_type.items():
            if media_type in content:
                content[media_type]["example"] = deepcopy(value)
    for media in operation.get("requestBody", {}).get("content", {}).values():
        model = schemas.get(media["schema"].get("$ref", "").rpartition("/")[2], {})
        if "examples" in model and not media.keys() & {"example", "examples"}:
            example = model["examples"][0]
            media["example"] = {name: deepcopy(example[name]) for name in model["properties"] if name in example}
    for parameter in operation.get("parameters", []):
        if "name" in parameter:
            _add_parameter_example(operation, parameter)


def _add_parameter_example(operation: Node, parameter: Node) -> None:
    """One example, instead of the JSON schema's list that FastAPI writes where OpenAPI wants a mapping.

    Of a parameter that may be left out it is the schema's: a page to try the contract out fills in the others.
    """
    given = parameter.pop("examples", None) or parameter["schema"].get("examples")
    value = given[0] if given else _PARAMETER_EXAMPLES.get(parameter["name"])
    if parameter["name"] == "cursor":
        page = operation["responses"]["200"]["content"][_JSON].get("example", {})
        value = page.get("next")
    if value is not None and parameter.get("required"):
        parameter["example"] = value
    elif value is not None:
        parameter["schema"]["examples"] = [value]


# --- one name for what is said often ----------------------------------------------------------------------------------


def _share_problems(schema: Node) -> None:
    """Examples of problems, and answers that most operations share, become components."""
    components = schema["components"]
    examples: Node = components.setdefault("examples", {})
    shared: Node = components.setdefault("responses", {})
    for _, _, operation in _operations(schema):
        for response in operation["responses"].values():
            given = response.get("content", {}).get(problems.MEDIA_TYPE, {}).get("examples", {})
            for code, example in given.items():
                if "value" in example:
                    examples.setdefault(code, example)
                    given[code] = _ref("examples", code)
            if given:
                kinds = [f"- `{code}`: {problems.PROBLEMS[code].detail}" for code in given]
                response["description"] += ".\n\n" + "\n".join(kinds)
    for _, _, operation in _operations(schema):
        responses = operation["responses"]
        for status in responses.keys() & _SHARED.keys():
            name = _SHARED[status]
            if responses[status] == shared.setdefault(name, responses[status]):
                responses[status] = _ref("responses", name)
    components["examples"] = dict(sorted(examples.items()))
    components["responses"] = dict(sorted(shared.items()))


def _name_codes(schema: Node) -> None:
    """Every enumeration, and every open list of codes, becomes a named component that says what its codes mean."""
    by_values = {frozenset(words.meaning): name for name, words in ENUMERATIONS.items()}
    used: set[str] = set()

    def name_of(node: Node) -> str | None:
        if "x-component" in node:
            return str(node["x-component"])
        values = node.get("enum")
        return by_values.get(frozenset(values)) if isinstance(values, list) else None

    def named(node: Node) -> None:
        name = name_of(node)
        if name is None:
            return
        used.add(name)
        for member in ("type", "enum", "x-component", "title"):
            node.pop(member, None)
        node |= _ref("schemas", name)

    _walk(schema, named)
    for name in sorted(used):
        if name in ENUMERATIONS:
            values = list(ENUMERATIONS[name].meaning)
            kind = "integer" if isinstance(values[0], int) else "string"
            component: Node = {"type": kind, "enum": values}
            if kind == "integer":
                component |= {"minimum": min(values), "maximum": max(values)}
        else:
            component = {"type": "string", "pattern": "^[a-z0-9_]+$", "x-extensible-enum": list(CODES[name].meaning)}
        words = ENUMERATIONS.get(name) or CODES[name]
        schema["components"]["schemas"][name] = {**component, "description": _meaning(words, name in CODES)}


def _meaning(words: Words, is_open: bool) -> str:
    about = words.about
    if is_open:
        about += " More codes may come; keep one that you do not know as it is."
    return about + "\n\n" + "\n".join(f"- `{code}`: {meaning}" for code, meaning in words.meaning.items())


def _tidy(schema: Node) -> None:
    """Leaves out what says nothing: titles made from names, null as a parameter, notes for ourselves, "Successful"."""
    for _, _, operation in _operations(schema):
        for parameter in operation.get("parameters", []):
            if "schema" in parameter:
                schema_of = _without_null(parameter["schema"])
                dropped = ("description", "examples") if parameter.get("required") else ("description",)
                parameter["schema"] = {k: v for k, v in schema_of.items() if k not in dropped}
    _walk(schema, _tidy_node)
    schemas = schema["components"]["schemas"]
    for _, _, operation in _operations(schema):
        for status, response in operation["responses"].items():
            if response.get("description") in ("Successful Response", "Additional Response"):
                content = response.get("content", {}).get(_JSON, {}).get("schema", {})
                name = content.get("$ref", "").rpartition("/")[2]
                sentence = schemas.get(name, {}).get("description", "").partition("\n")[0] or f"{operation['summary']}."
                response["description"] = f"Created. {sentence}" if status == "201" else sentence
    schema["components"]["schemas"] = dict(sorted(schemas.items()))


def _without_null(schema: Node) -> Node:
    inner = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if len(inner) != 1:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "title")}
    if rest.get("default", 0) is None:
        del rest["default"]
    return {**inner[0], **rest}


_MOST_INT32 = 2**31 - 1
_FOR_OURSELVES = re.compile(r"\s*\((?:domain|api\.md)[^)]*\)| \[[FDESC](?:, [^\]]*)?\]")


def _tidy_node(node: Node) -> None:
    if isinstance(node.get("title"), str) and "openapi" not in node and "version" not in node:
        del node["title"]
    if node.get("default", 0) is None:
        del node["default"]  # null is the same as leaving it out; generators make such a field required
    if node.get("type") == "integer":
        node.setdefault("format", "int32" if node.get("maximum", _MOST_INT32 + 1) <= _MOST_INT32 else "int64")
    if isinstance(node.get("description"), str):
        node["description"] = _FOR_OURSELVES.sub("", node["description"])
    inner = [each for each in node.get("anyOf", []) if each != {"type": "null"}]
    if len(inner) == 1 and "description" in inner[0]:
        text = inner[0].pop("description")
        node.setdefault("description", text)


def _walk(node: Any, change: Callable[[Node], None]) -> None:
    """Gives every object of the document to ``change``, but not examples, defaults, and maps from names to objects."""
    if isinstance(node, list):
        for each in node:
            _walk(each, change)
    elif isinstance(node, dict):
        change(node)
        for name, value in node.items():
            if name in ("properties", "schemas", "examples", "headers") and isinstance(value, dict):
                if name != "examples":
                    for each in value.values():
                        _walk(each, change)
            elif name not in ("example", "examples", "default", "enum", "const", "value"):
                _walk(value, change)
