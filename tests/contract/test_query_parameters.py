"""Query parameters (api.md): what an operation does not know, or takes once, is refused and nothing is done.

The operations come from the contract, so a new one is held to it from its first day.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from app.main import create_app
from app.settings import Settings
from tests.register import Client, Register, faults

DOCUMENT: dict[str, Any] = create_app(Settings()).openapi()
_METHODS = ("get", "put", "post", "delete", "patch")
_ROLES = ("case-system", "register", "agency", "region", "auditor", "evaluator", "registrar")


def _operations() -> Iterator[tuple[str, str, list[str]]]:
    for path, item in DOCUMENT["paths"].items():
        for method in _METHODS:
            if method in item:
                parameters = [each for each in item[method].get("parameters", []) if each.get("in") == "query"]
                yield method.upper(), path, [each["name"] for each in parameters]


OPERATIONS = [*_operations()]


def _misspelt(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest)) if rest else name + "s"


def _clients(register: Register) -> list[Client]:
    return [register.client(role) for role in _ROLES if role != "region"] + [
        register.client("region", regions=["nord"])
    ]


def _answer(register: Register, method: str, path: str, query: str) -> dict[str, Any]:
    """The first answer that is no refusal of the token."""
    address = path.replace("{trial}", "no-such-trial").replace("{", "").replace("}", "")
    for client in _clients(register):
        response = client.request(method, f"{address}?{query}", json={} if method in ("POST", "PUT", "PATCH") else None)
        if response.status_code not in (401, 403):
            return {"status": response.status_code, **response.json()}
    raise AssertionError(path)


@pytest.mark.parametrize(("method", "path", "names"), OPERATIONS, ids=[f"{m} {p}" for m, p, _ in OPERATIONS])
def test_a_misspelt_parameter_is_refused(register: Register, method: str, path: str, names: list[str]) -> None:
    for name in [*map(_misspelt, names), "dryRun"]:
        answer = _answer(register, method, path, f"{name}=true")
        assert (answer["status"], answer["code"]) == (422, "unknown_parameter"), (name, answer)
        assert [(each["pointer"], each["code"]) for each in answer["errors"]] == [
            (f"/query/{name}", "unknown_parameter")
        ]


@pytest.mark.parametrize(
    ("method", "path", "names"),
    [each for each in OPERATIONS if each[2]],
    ids=[f"{m} {p}" for m, p, n in OPERATIONS if n],
)
def test_a_parameter_given_twice_is_refused(register: Register, method: str, path: str, names: list[str]) -> None:
    for name in names:
        answer = _answer(register, method, path, f"{name}=1&{name}=2")
        assert (answer["status"], answer["code"]) == (422, "repeated_parameter"), (name, answer)
        assert answer["errors"][0]["pointer"] == f"/query/{name}"


def test_a_dry_run_that_is_misspelt_draws_nobody(register: Register) -> None:
    """Wild A1 and A30: `dryRun=true` and `dry_run` twice drew for good."""
    trial = register.new_trial()
    case, path = register.case_system("849"), f"/v1/trials/{trial}/participants"
    for query in ("dryRun=true", "dry_run=true&dry_run=false", "DRY_RUN=true", "dry_run=true&dry_run=true"):
        assert case.request("POST", f"{path}?{query}", json=register.screening()).status_code == 422
    assert case.get(path).json()["items"] == []


def test_a_name_that_could_be_a_number_is_not_repeated(register: Register) -> None:
    response = register.client("agency").request("GET", "/v1/trials?7101701234=1&a%20b=2")
    assert faults(response.json()) == [("/query", "unknown_parameter")]
    assert "7101701234" not in response.text


def test_a_client_without_a_right_is_told_so_first(register: Register) -> None:
    assert register.http.get("/v1/trials?nonsense=1").status_code == 401
    assert register.client("auditor").request("POST", "/v1/trials?nonsense=1", json={}).status_code == 403


NEGOTIATED = [each for each in OPERATIONS if each[0] != "GET" or "." not in each[1]]
"""Without addresses whose suffix stands for ``Accept``."""


@pytest.mark.parametrize(("method", "path", "names"), NEGOTIATED, ids=[f"{m} {p}" for m, p, _ in NEGOTIATED])
def test_a_type_that_cannot_be_given_is_said_before_anything_is_done(
    register: Register, method: str, path: str, names: list[str]
) -> None:
    """Api.md: 406 where no type fits."""
    address = path.replace("{trial}", "no-such-trial").replace("{", "").replace("}", "")
    body: dict[str, Any] | None = {} if method in ("POST", "PUT", "PATCH") else None
    for client in _clients(register):
        response = client.request(method, address, json=body, headers={"Accept": "image/png"})
        if response.status_code not in (401, 403):
            assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")
            return
    raise AssertionError(path)
