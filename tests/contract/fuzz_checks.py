"""Schemathesis: checks beside its own, each of a rule of the contract."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import schemathesis
from schemathesis.core.parameters import ParameterLocation

from app.contract.vocabulary import CODE_LISTS
from app.web.auth import ROLES
from app.web.identifiers import holds_cpr
from app.web.problems import PROBLEMS
from tests.contract.fuzz_world import DOCUMENT, OPERATIONS, Case

ROLE_OF_TOKEN: dict[str, str] = {}


def _role_of(response: schemathesis.Response) -> str | None:
    sent = response.request.headers.get("Authorization", "")
    return ROLE_OF_TOKEN.get(sent.decode() if isinstance(sent, bytes) else sent)


def _follow(node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


@cache
def _codes_of(operation_id: str, status: int) -> frozenset[str]:
    """The problem codes that an operation declares for a status."""
    response = _follow(OPERATIONS[operation_id]["responses"].get(str(status), {}))
    return frozenset(response.get("content", {}).get("application/problem+json", {}).get("examples", {}))


def _read(response: schemathesis.Response) -> Any:
    """The decoded body; of lines of JSON a list."""
    in_lines = "ndjson" in response.headers.get("content-type", [""])[0]
    try:
        return (
            [json.loads(line) for line in response.content.splitlines()] if in_lines else json.loads(response.content)
        )
    except ValueError:
        raise AssertionError(f"{response.status_code} is not JSON: {response.content[:200]!r}") from None


def operation_id(case: Case) -> str:
    operation_id: str = case.operation.definition.raw["operationId"]
    return operation_id


@schemathesis.check
def declared_problem(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """A problem's code is one of those that the operation declares for the status; every pointer is one."""
    if response.status_code < 400 or response.status_code == 405 or case.method != case.operation.method.upper():
        return
    problem = _read(response)
    assert problem["status"] == response.status_code
    assert PROBLEMS[problem["code"]].status == response.status_code
    assert all(re.fullmatch(r"(/[A-Za-z0-9_-]+)*", fault["pointer"]) for fault in problem["errors"]), problem["errors"]
    declared = _codes_of(operation_id(case), response.status_code)
    off_the_path = response.status_code == 404 and problem["code"] == "not_found"
    assert off_the_path or problem["code"] in declared, f"{problem['code']} is not declared for {operation_id(case)}"


@schemathesis.check
def scope_asked_for(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """Without the scope nothing is done and nothing told, whatever else is wrong or right with the request."""
    scopes = set(OPERATIONS[operation_id(case)].get("x-scopes", []))
    role = _role_of(response)
    if not scopes or role is None or role == "elsewhere" or scopes & set(ROLES[role].scopes):
        return
    assert response.status_code in (403, 404, 405), f"{response.status_code} for the role {role}"


@schemathesis.check
def elsewhere_is_nothing(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """A client that is bound to no jobcentre of the trial reads and writes nothing of it but published draws."""
    if _role_of(response) == "elsewhere" and re.match(r"/v1/trials/\{trial\}/(?!draws)", case.operation.path):
        assert response.status_code not in (200, 201, 207, 304), f"{response.status_code} for a client from elsewhere"


_LISTED = {"warnings": "WarningCode", "deviations": "DeviationCode", "failures": "FailureCode", "errors": "FaultCode"}


def _codes_in(node: Any) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name in _LISTED and isinstance(value, list | dict):
                yield from ((_LISTED[name], each["code"] if isinstance(each, dict) else each) for each in value)
            yield from _codes_in(value)
    elif isinstance(node, list):
        for each in node:
            yield from _codes_in(each)


@schemathesis.check
def explained_codes(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """Every code of an open list is one that the contract explains."""
    if "json" in response.headers.get("content-type", [""])[0] and not case.operation.path.startswith("/v1/protocols"):
        for name, code in _codes_in(_read(response)):
            words = "EffectWarning" if case.operation.path.endswith("/effects") and name == "WarningCode" else name
            assert code in CODE_LISTS[words].meaning, f"{code} is not explained by {words}"


_OUR_WORDS = json.dumps(DOCUMENT, ensure_ascii=False).lower()


def _texts(node: Any) -> Iterator[str]:
    """Every string that a body holds, keys too; but for ``external_id``, which reports may repeat."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield str(name)
            if name != "external_id":
                yield from _texts(value)
    elif isinstance(node, list):
        for each in node:
            yield from _texts(each)
    elif isinstance(node, str):
        yield node
        yield from (part for line in node.splitlines() for part in re.split(r'[,"\s]', line))


@schemathesis.check
def nothing_repeated(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """No error repeats a value of the body, and no answer a CPR number."""
    answered = response.content.decode("utf-8", "replace") + str(response.headers)
    for text in set(_texts(case.body)):
        if len(text) >= 6 and holds_cpr(text):
            assert text not in answered, "a CPR number came back"
            assert text.replace("-", "") not in answered, "a CPR number came back"
        elif response.status_code >= 400 and len(text) >= 6 and text.lower() not in _OUR_WORDS:
            assert text not in answered, "a value of the body came back"


@schemathesis.check
def faults_are_told(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """A JSON batch with a record that the contract does not allow has a rejected record."""
    wrong = case.meta is not None and case.meta.is_negative_at(ParameterLocation.BODY)
    if wrong and response.status_code == 207 and case.media_type == "application/json":
        assert _read(response)["counts"]["rejected"], "a faulty record was taken"


OWN_CHECKS = (
    "faults_are_told",
    "declared_problem",
    "scope_asked_for",
    "elsewhere_is_nothing",
    "explained_codes",
    "nothing_repeated",
)
