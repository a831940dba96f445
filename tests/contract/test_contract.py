"""The committed contract is the code's, and whole: integrators and generators of clients find all they need."""

import ast
import json
import keyword
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from starlette.testclient import TestClient

from app.contract.__main__ import contract
from app.contract.vocabulary import CODE_LISTS, OPEN_LISTS, SCOPES, TAGS
from app.domain.codes import ENUMERATIONS
from app.domain.codes.failures import FAILURE_DETAILS
from app.domain.rules import warnings as door
from app.main import create_app
from app.settings import Settings
from app.web.identifiers import holds_cpr
from app.web.problems import PROBLEMS

_ROOT = Path(__file__).parents[2]
_COMMITTED = (_ROOT / "openapi" / "openapi.json").read_text("utf-8")
DOCUMENT: dict[str, Any] = json.loads(contract())
_SCHEMAS = DOCUMENT["components"]["schemas"]
_METHODS = ("get", "put", "post", "delete", "patch")
_PROBLEM = "application/problem+json"
_OPEN = {"getHealth", "getReadiness", "getMetrics", "getProblemType"}
# Answers to requests that no operation takes.
_UNDOCUMENTED = {"method_not_allowed"}


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, item[method])
        for path, item in DOCUMENT["paths"].items()
        for method in _METHODS
        if method in item
    ]


OPERATIONS = [pytest.param(*each, id=each[2]["operationId"]) for each in _operations()]
every_operation = pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)


def _follow(node: dict[str, Any]) -> dict[str, Any]:
    """What a reference leads to."""
    while "$ref" in node:
        found: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def _objects(node: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of the document with its place, but nothing inside of examples and defaults."""
    if isinstance(node, dict):
        yield pointer, node
        for name, value in node.items():
            is_value = name in ("example", "default", "enum", "const", "value") or (
                name == "examples" and isinstance(value, list)
            )
            if not is_value:
                yield from _objects(value, f"{pointer}/{name}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _objects(value, f"{pointer}/{index}")


def _validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def _examples(media: dict[str, Any]) -> list[Any]:
    """The examples of a parameter, a header or a media type."""
    named = [_follow(example)["value"] for example in media.get("examples", {}).values()]
    return [media["example"], *named] if "example" in media else named


def _declared_codes(operation: dict[str, Any]) -> set[str]:
    contents = [_follow(response).get("content", {}) for response in operation["responses"].values()]
    return {code for content in contents for code in content.get(_PROBLEM, {}).get("examples", {})}


# --- the document as a file -------------------------------------------------------------------------------------------


def test_the_committed_contract_is_that_of_the_code() -> None:
    assert contract() == _COMMITTED, "run `make contract`"


def test_the_contract_is_the_same_in_every_process() -> None:
    def printed(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-m", "app.contract"]
        return subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, check=True).stdout.decode()

    assert printed("1") == printed("2") == contract()


def test_the_service_serves_it_and_says_where() -> None:
    http = TestClient(create_app(Settings()))
    assert http.get("/openapi.json").json() == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"
    assert [server["url"] for server in DOCUMENT["servers"]] == ["/"]
    assert len(DOCUMENT["info"]["description"]) > 1000


def test_the_page_of_the_contract_loads_nothing_from_elsewhere() -> None:
    http = TestClient(create_app(Settings()))
    page = http.get("/docs")
    assert page.status_code == 200
    assert not re.search(r"https?:", page.text.replace("http://www.w3.org/2000/svg", ""))
    files = re.findall(r'(?:src|href)="(docs/files/[^"]+)"', page.text)
    assert len(files) == 3
    for file in files:
        answer = http.get(f"/{file}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(("text/javascript", "text/css"))
    assert "@import" not in http.get("/docs/files/swagger-ui.css").text
    assert http.get("/docs/files/LICENSE").status_code == 200
    assert http.get("/docs/files/../openapi/__init__.py").status_code == 404
    assert http.get("/docs/files/nothing.js").json()["code"] == "not_found"


# --- every operation --------------------------------------------------------------------------------------------------


@every_operation
def test_an_operation_says_what_it_is(path: str, method: str, operation: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z]+[A-Za-z]+", operation["operationId"])
    assert 5 < len(operation["summary"]) < 70
    assert not operation["summary"].endswith(".")
    assert len(operation["description"]) > 60
    assert operation["tags"][0] in TAGS
    for parameter in map(_follow, operation.get("parameters", [])):
        assert parameter["description"], parameter["name"]
        assert "anyOf" not in parameter["schema"], parameter["name"]
        if parameter["in"] == "path":
            assert f"{{{parameter['name']}}}" in path


@every_operation
def test_an_operation_says_who_may(path: str, method: str, operation: dict[str, Any]) -> None:
    statuses = operation["responses"].keys()
    if operation["operationId"] in _OPEN:
        assert operation["security"] == []
        assert not statuses & {"401", "403"}
        return
    assert "**Who may:**" in operation["description"]
    assert operation["security"] == [{"bearer": []}]
    scopes = operation["x-scopes"]
    assert set(scopes) <= SCOPES.keys()
    assert "401" in statuses
    assert ("403" in statuses) == bool(scopes)


@every_operation
def test_an_operation_declares_every_status(path: str, method: str, operation: dict[str, Any]) -> None:
    statuses = set(operation["responses"])
    assert len(statuses & {"200", "201", "207"}) >= 1
    if operation["security"]:
        assert statuses >= {"429", "500", "503"}
        assert {"rate_limited", "database_unavailable", "issuer_unavailable", "internal_error"} <= _declared_codes(
            operation
        )
    assert "422" in statuses  # whatever an operation takes, a parameter that it does not know is refused
    names = {_follow(parameter)["name"] for parameter in operation.get("parameters", [])}
    assert not ("{" in path and "404" not in statuses)
    assert (statuses >= {"400", "408", "413", "415"}) == ("requestBody" in operation)
    if method == "get" and path.startswith("/v1/"):
        assert "304" in statuses
        assert "If-None-Match" in names
    assert ("412" in statuses) == ("If-Match" in names)
    assert ("limit" in names) == ("cursor" in names)


@every_operation
def test_an_answer_has_headers_and_examples(path: str, method: str, operation: dict[str, Any]) -> None:
    for status, response in ((status, _follow(each)) for status, each in operation["responses"].items()):
        headers = response["headers"]
        assert response["description"]
        assert "Successful" not in response["description"]
        assert "X-Request-ID" in headers
        assert ("WWW-Authenticate" in headers) == (status in ("401", "403"))
        assert ("Retry-After" in headers) == (status in ("429", "503"))
        if path.startswith("/v1/") and status in ("200", "201", "304"):
            assert "ETag" in headers
        if status == "200":
            paged = any(_follow(each)["name"] == "cursor" for each in operation.get("parameters", []))
            assert ("Link" in headers) == paged
        content = response.get("content", {})
        if status == "304":
            assert not content
        elif status >= "400":
            assert list(content) == [_PROBLEM]
            assert content[_PROBLEM]["examples"]
        else:
            assert content
            for media_type, media in content.items():
                assert _examples(media), f"give {operation['operationId']} {status} {media_type} an example"


@every_operation
def test_a_request_has_examples(path: str, method: str, operation: dict[str, Any]) -> None:
    for parameter in map(_follow, operation.get("parameters", [])):
        where = parameter if parameter.get("required") else parameter["schema"]
        assert where.keys() & {"example", "examples"}, f"give {parameter['name']} an example"
    for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
        assert _examples(media), media_type


@every_operation
def test_every_example_is_valid(path: str, method: str, operation: dict[str, Any]) -> None:
    requests = operation.get("requestBody", {}).get("content", {}).values()
    answers = [_follow(response) for response in operation["responses"].values()]
    media = [*requests, *(each for answer in answers for each in answer.get("content", {}).values())]
    media += [_follow(parameter) for parameter in operation.get("parameters", [])]
    media += [_follow(header) for answer in answers for header in answer["headers"].values()]
    for each in media:
        validator = _validator(each["schema"])
        for example in _examples(each) + each["schema"].get("examples", []):
            validator.validate(example)


def test_every_example_and_default_of_a_schema_is_valid() -> None:
    checked = 0
    for pointer, node in _objects(_SCHEMAS):
        if pointer.endswith(("/properties", "/examples")):
            continue
        for example in node.get("examples", []) + ([node["default"]] if "default" in node else []):
            schema = {name: value for name, value in node.items() if name not in ("examples", "default")}
            _validator(schema).validate(example)
            checked += 1
    assert checked > 50


def test_every_problem_example_is_the_answer_of_its_code() -> None:
    for code, example in DOCUMENT["components"]["examples"].items():
        assert example["value"]["code"] == code
        assert example["value"]["status"] == PROBLEMS[code].status
    for _, _, operation in _operations():
        for status, response in operation["responses"].items():
            for code in _follow(response).get("content", {}).get(_PROBLEM, {}).get("examples", {}):
                assert PROBLEMS[code].status == int(status)


def test_every_problem_that_the_code_raises_is_in_the_contract() -> None:
    raised: set[Any] = set()
    for file in (_ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", None) in ("Problem", "DomainError")
                and node.args
            ):
                code = node.args[0]
                either = [code.body, code.orelse] if isinstance(code, ast.IfExp) else [code]
                raised |= {each.value for each in either if isinstance(each, ast.Constant)}
    assert "already_drawn" in raised
    assert raised - _UNDOCUMENTED <= PROBLEMS.keys()
    documented = {code for _, _, operation in _operations() for code in _declared_codes(operation)}
    assert raised - _UNDOCUMENTED <= documented
    assert {"getProblemType"} == {
        operation["operationId"] for path, _, operation in _operations() if "problems" in path
    }


def test_everyone_in_the_examples_is_synthetic() -> None:
    numbers = [text for text in re.findall(r"(?<![0-9])[0-9]{6}-?[0-9]{4}(?![0-9])", contract()) if holds_cpr(text)]
    assert numbers
    assert all(61 <= int(number[:2]) <= 91 for number in numbers), numbers


# --- names, for generators of clients ---------------------------------------------------------------------------------


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    references = Counter(node["$ref"] for _, node in _objects(DOCUMENT) if "$ref" in node)
    for reference in references:
        assert _follow({"$ref": reference})
    for kind, components in DOCUMENT["components"].items():
        if kind != "securitySchemes":
            assert {f"#/components/{kind}/{name}" for name in components} <= references.keys()


def test_names_are_fit_for_generators() -> None:
    operation_ids = [operation["operationId"] for _, _, operation in _operations()]
    assert len({name.lower() for name in operation_ids}) == len(operation_ids)
    for name in _SCHEMAS:
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name)
    assert len({name.lower() for name in _SCHEMAS}) == len(_SCHEMAS)
    for _, _, operation in _operations():
        names = [_follow(parameter)["name"] for parameter in operation.get("parameters", [])]
        assert len(names) == len(set(names))
    tags = [tag["name"] for tag in DOCUMENT["tags"]]
    assert tags == list(TAGS)
    for _, schema in _objects(_SCHEMAS):
        for name in schema.get("properties", {}):
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
            assert name == "from" or not keyword.iskeyword(name)  # the binding name of a snapshot's first day


def test_links_lead_to_operations_with_those_parameters() -> None:
    parameters = {
        operation["operationId"]: {_follow(each)["name"] for each in operation.get("parameters", [])}
        for _, _, operation in _operations()
    }
    links = [link for pointer, link in _objects(DOCUMENT) if re.search(r"/links/[A-Za-z]+$", pointer)]
    assert len(links) > 10
    for link in links:
        assert set(link["parameters"]) <= parameters[link["operationId"]]


def test_nothing_is_anonymous() -> None:
    """An object or enumeration without a name gets one from each generator, and another one with each version."""
    for pointer, node in _objects(DOCUMENT):
        named = re.fullmatch(r"/components/schemas/[A-Za-z]+", pointer)
        if not pointer.endswith("/properties") and "properties" in node:
            assert named, pointer
            assert node["description"], pointer
        assert named or "enum" not in node, f"{pointer}: name it in ENUMERATIONS"
        if not pointer.endswith(("/info", "/properties")):
            assert not {"oneOf", "allOf", "nullable", "x-component", "title"} & node.keys(), pointer


def test_no_two_components_are_the_same() -> None:
    alike = Counter(json.dumps(schema, sort_keys=True) for schema in _SCHEMAS.values())
    assert [text for text, count in alike.items() if count > 1] == []


def test_every_list_of_codes_is_named_once_and_used() -> None:
    values = [frozenset(words.meaning) for words in ENUMERATIONS.values()]
    assert len(set(values)) == len(values)
    assert CODE_LISTS.keys() <= _SCHEMAS.keys()
    for name, words in CODE_LISTS.items():
        for code in words.meaning:
            assert f"- `{code}`: " in _SCHEMAS[name]["description"]


def test_the_lists_hold_every_code_of_the_rules() -> None:
    codes = {
        node.args[0].value
        for node in ast.walk(ast.parse(Path(door.__file__).read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", None) == "add"
        and isinstance(node.args[0], ast.Constant)
    }
    assert "starts_late" in codes
    assert codes <= OPEN_LISTS["WarningCode"].meaning.keys()
    assert OPEN_LISTS["WarningCode"].meaning.keys() >= door.ENFORCED_CODES
    assert OPEN_LISTS["FaultCode"].meaning.keys() >= door.ENFORCED_CODES
    assert FAILURE_DETAILS.keys() <= OPEN_LISTS["FailureCode"].meaning.keys()
    assert OPEN_LISTS["ProblemCode"].meaning.keys() == PROBLEMS.keys()
