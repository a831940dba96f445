"""Calls of the client against the contract: addresses, query parameters, bodies and answers, equal both ways."""

import inspect
import json
import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import unquote

import pytest
from rettevej_client import AsyncClient, Client, calls
from rettevej_client.batches import Batch
from rettevej_client.calls import Call, Page
from rettevej_client.core import Request
from rettevej_client.descriptions import KINDS
from rettevej_client.push import PushOptions, batch_request
from rettevej_client.records import StoredRecord

from tests.client.contract import DOCUMENT, SCHEMAS, component, python_type, schema_type
from tests.client.test_contract_types import NAMES, RECORDS

PATHS = DOCUMENT["paths"]
CALLS: dict[str, Callable[..., Any]] = {
    name: function
    for name, function in vars(calls).items()
    if inspect.isfunction(function)
    and function.__module__ == calls.__name__
    and not name.startswith("_")
    and name not in ("execute", "download", "with_cursor", "report")
}
"""Every call with an address of its own; ``report`` takes the address of any other report."""
VALUES: dict[str, Any] = {
    "dry_run": True,
    "revision": 1,
    "limit": 1,
    "new": {},
    "screening": {},
    "record": {},
    "path": Path("x.csv"),
    "table": "person-weeks",
}
"""Arguments that are no text; of every other one, a text."""
ARGUMENT_OF = {"from": "since", "changed_since": "since", "retraction_reason": "reason"}
"""The client's name of a query parameter, where it differs."""
NOT_OFFERED = {
    "atomic",  # a push is many batches: all or nothing of one of them is no use
    "purpose",  # of a panel: the client records a release first,
    "known_at",  # which has its purpose and its moment
    "dialect",  # of CSV, which is for spreadsheets: the client reads JSON
}
"""Query parameters that the client leaves out on purpose: the first of batches, the next two of panels."""


def call_of(name: str, kind: str = "conversations", **values: Any) -> Any:
    parameters = inspect.signature(CALLS[name]).parameters
    given = {name: VALUES.get(name, name) for name in parameters} | {"kind": kind} | values
    if name in ("letter", "saved_file"):
        given["path"] = Path("x.html")
    return CALLS[name](**{name: given[name] for name in parameters})


def request_of(name: str, kind: str = "conversations", **values: Any) -> Request:
    call = call_of(name, kind, **values)
    request: Request = call.request if isinstance(call, Call) else call
    return request


def operation_of(request: Request) -> dict[str, Any]:
    """Return the operation of a request; of several addresses that fit, the one with the fewest parameters."""
    fitting = [
        address
        for address in PATHS
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", address), unquote(request.path))
        and request.method.lower() in PATHS[address]
    ]
    assert fitting, f"{request.method} {request.path} is not in the contract"
    operation: dict[str, Any] = PATHS[min(fitting, key=lambda address: address.count("{"))][request.method.lower()]
    return operation


def query_of(operation: dict[str, Any]) -> dict[str, Any]:
    return {
        parameter["name"]: parameter for parameter in operation.get("parameters", ()) if parameter.get("in") == "query"
    }


def requests() -> list[tuple[str, Request]]:
    """One request of every call, with every argument given."""
    made = [(name, request_of(name)) for name in CALLS]
    made += [("panel", request_of("panel", table=table)) for table in ("participants", "draws")]
    options = PushOptions(dry_run=True, warnings=False)
    return [*made, ("push", batch_request("prvij", "conversations", Batch(0, 1, b"{}\n", "key"), options))]


@pytest.mark.parametrize("name", CALLS)
def test_every_address_of_the_client_is_in_the_contract(name: str) -> None:
    kinds = KINDS if "kind" in inspect.signature(CALLS[name]).parameters else ("conversations",)
    for kind in kinds:
        operation_of(request_of(name, kind))


def test_query_parameters_are_those_of_the_contract() -> None:
    """Every parameter that the contract has is offered by a call, and no call sends another."""
    offered: dict[str, set[str]] = {}
    contract: dict[str, set[str]] = {}
    for name, request in requests():
        operation = operation_of(request)
        pages = {"cursor"} if name in CALLS and "Page" in str(get_type_hints(CALLS[name])["return"]) else set()
        offered.setdefault(operation["operationId"], set()).update(request.params, pages)
        contract[operation["operationId"]] = set(query_of(operation))
    for operation_id, expected in contract.items():
        panel = operation_id in ("getPersonWeeks", "getPanelParticipants", "getPanelDraws")
        left_out = {"purpose", "known_at"} if panel else {"atomic"} if operation_id.startswith("push") else set()
        left_out |= {"dialect"} & expected
        assert left_out <= NOT_OFFERED
        assert offered[operation_id] == expected - left_out, operation_id


def plain(annotation: Any) -> Any:
    """Days and moments are texts on the wire."""
    if get_origin(annotation) in (Union, UnionType):
        parts = [plain(part) for part in get_args(annotation)]
        return Union[tuple(parts)]  # noqa: UP007 - the parts are known at run time only
    return str if annotation in (date, datetime) else annotation


@pytest.mark.parametrize("name", CALLS)
def test_query_parameters_have_the_types_of_the_contract(name: str) -> None:
    hints = get_type_hints(CALLS[name])
    request = request_of(name)
    for parameter, schema in query_of(operation_of(request)).items():
        argument = ARGUMENT_OF.get(parameter, parameter)
        if parameter not in request.params or argument not in hints:  # limits and cursors are the client's own
            continue
        client = set(python_type(plain(hints[argument]), NAMES).split(" | "))
        assert client - {"None"} == set(schema_type(schema["schema"]).split(" | ")) - {"None"}, parameter
        if schema.get("required", False):
            assert "None" not in client, parameter


def test_bodies_have_the_fields_of_the_contract() -> None:
    for name, request in requests():
        content = operation_of(request).get("requestBody", {}).get("content", {})
        if name in ("create_trial", "screen", "put", "push"):  # the caller's own document
            assert content
            continue
        body = json.loads(request.content) if request.content else {}
        schema = SCHEMAS[component(content["application/json"]["schema"]) or ""] if content else {}
        assert body.keys() == schema.get("properties", {}).keys(), name


@pytest.mark.parametrize(("name", "schema"), [("create_trial", "TrialIn"), ("screen", "ScreeningIn")])
def test_documents_of_the_caller_are_those_of_the_contract(name: str, schema: str) -> None:
    content = operation_of(request_of(name))["requestBody"]["content"]["application/json"]
    assert component(content["schema"]) == schema
    assert schema in (NAMES["NewTrial"], NAMES["Screening"])


def answer_type(annotation: Any, stem: str, suffix: str) -> str:
    """The type of an answer in the notation of the contract; a stored record by the name that the kind has for it."""
    return f"{stem}{suffix}" if annotation is StoredRecord else python_type(annotation, NAMES)


@pytest.mark.parametrize("name", [name for name in CALLS if get_origin(get_type_hints(CALLS[name])["return"]) is Call])
def test_answers_have_the_types_of_the_contract(name: str) -> None:
    (answer,) = get_args(get_type_hints(CALLS[name])["return"])
    if answer == dict[str, Any]:  # a document that the client passes on as it is
        return
    for kind in KINDS:
        operation = operation_of(request_of(name, kind))
        suffix = {"history": "Version", "put": "Written", "retract": "Written"}.get(name, "Stored")
        schemas = [
            response["content"]["application/json"]["schema"]
            for status, response in operation["responses"].items()
            if status in ("200", "201")
        ]
        for schema in schemas:
            if get_origin(answer) in (Page, list):
                (item,) = get_args(answer)
                properties = SCHEMAS[component(schema) or ""]["properties"]
                paged = "cursor" in query_of(operation) or get_origin(answer) is Page
                assert properties.keys() - {"next"} == {"items"}
                assert not (paged and get_origin(answer) is list)
                assert "next" in properties or not paged
                assert schema_type(properties["items"]) == f"list[{answer_type(item, RECORDS[kind], suffix)}]"
                if paged:
                    assert schema_type(properties["next"]) == python_type(get_type_hints(Page)["next"], NAMES)
            else:
                assert schema_type(schema) == answer_type(answer, RECORDS[kind], suffix)


def test_tables_are_those_of_the_panel() -> None:
    assert get_origin(calls.Table) is Literal
    for table in get_args(calls.Table):
        assert operation_of(request_of("panel", table=table))


def test_the_two_clients_have_the_same_methods() -> None:
    methods = {name for name, value in vars(Client).items() if inspect.isfunction(value) and name[0] != "_"}
    assert {*methods} - {"close"} <= set(vars(AsyncClient))
    for name in methods - {"close", "push"}:
        first, second = (inspect.signature(getattr(client, name)).parameters for client in (Client, AsyncClient))
        assert first == second, name
    assert methods - {"close", "push", "report", "export_panel", "letter", "save_person_file"} <= CALLS.keys()
