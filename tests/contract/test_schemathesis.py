"""Schemathesis over the contract: whatever is sent, no 5xx and no response that the contract does not declare.

Every operation is called with a token that may, and with tokens that may not. The long run (``-m slow``) takes
``RETTEVEJ_SCHEMATHESIS_SECONDS`` each time.
"""

import json
import os
import sys

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.main import create_app
from app.settings import Settings
from app.web.auth import ROLES
from tests.contract.fuzz_run import ALL_PHASES, EXAMPLES, run
from tests.contract.fuzz_world import OPERATIONS, World, served

_SLOW_SECONDS = int(os.environ.get("RETTEVEJ_SCHEMATHESIS_SECONDS", "15"))


def test_every_example_of_the_contract_is_answered_as_it_says(world: World) -> None:
    tally = run(world, "rightful", EXAMPLES)
    assert not tally.failures, str(tally)
    assert not tally.errors, str(tally)
    # The example of a cursor is of another list, and refused; a retraction under another version's If-Match is 412, and
    # so is a decision on anything but what was read last.
    paths = create_app(Settings()).openapi()["paths"]
    paged = {f"GET {path}" for path, item in paths.items() if '"cursor"' in json.dumps(item.get("get", {}))}
    matched = {each for each in tally.operations if each.startswith("DELETE ") or each.endswith("/decision")}
    assert tally.operations - tally.succeeded - paged - matched == set(), str(tally)


@pytest.mark.slow
@pytest.mark.timeout(_SLOW_SECONDS * 4 + 300)
@pytest.mark.parametrize("identity", ["rightful", *ROLES, "elsewhere"])
def test_a_long_run_finds_nothing_undocumented(world: World, identity: str) -> None:
    seconds = _SLOW_SECONDS * 3 if identity == "rightful" else _SLOW_SECONDS
    tally = run(world, identity, ALL_PHASES, seconds)
    sys.stdout.write(f"{identity}: {tally}\n")  # shown with -s
    assert not tally.failures, str(tally)
    assert not tally.errors, str(tally)
    assert len(tally.operations) == len(OPERATIONS), str(tally)


def _liar(status: int) -> ASGIApp:
    """A server that repeats every body, with a code and warnings that nobody knows, and asks nobody for a token."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        sent = (await Request(scope, receive).body()).decode()
        told = {"status": status, "code": "not_found", "errors": [], "warnings": ["nonsense"], "detail": sent}
        kind = "application/json" if status == 200 else "application/problem+json"
        await Response(json.dumps(told, ensure_ascii=False), status, media_type=kind)(scope, receive, send)

    return app


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "identity", "found"),
    [
        (422, "rightful", {"declared_problem", "nothing_repeated", "explained_codes", "response_schema_conformance"}),
        (200, "auditor", {"scope_asked_for", "ignored_auth", "response_headers_conformance", "nothing_repeated"}),
        (200, "elsewhere", {"elsewhere_is_nothing", "status_code_conformance"}),
        (500, "rightful", {"not_a_server_error"}),
    ],
)
def test_the_checks_see_what_they_are_for(world: World, status: int, identity: str, found: set[str]) -> None:
    with served(_liar(status)) as url:
        liar = World(url, world.tokens, world.known)
        tally = run(liar, identity, EXAMPLES, only=["lookUpParticipant", "getTrial", "putConversation"])
    assert found <= {check for check, _, _ in tally.failures}, str(tally)
