"""Schemathesis over the contract: whatever is sent, no 5xx and no answer that the contract does not know.

A real server on a small trial, so that path parameters meet real things; every operation with a token that may, and
with tokens that may not. The long run (``-m slow``) takes ``RETTEVEJ_SCHEMATHESIS_SECONDS`` each time.
"""

import base64
import json
import os
import re
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

import pytest
import schemathesis
import structlog
import uvicorn
from schemathesis import engine
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import Status, events
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.contract.__main__ import contract
from app.domain.codes import CODES
from app.main import create_app
from app.routers.records.schemas import BATCH, PERSON
from app.web.access_log import configure_logging
from app.web.auth import ROLES
from app.web.identifiers import holds_cpr
from app.web.problems import PROBLEMS
from tests.register import JOBCENTRES, Register, new_cpr
from tests.routers.records.test_single_records import FACTS

Case = schemathesis.Case[Any]
_SLOW_SECONDS = int(os.environ.get("RETTEVEJ_SCHEMATHESIS_SECONDS", "15"))
_DOCUMENT: dict[str, Any] = json.loads(contract())
_OPERATIONS: dict[str, dict[str, Any]] = {
    operation["operationId"]: operation for item in _DOCUMENT["paths"].values() for operation in item.values()
}
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
)


# If-Match is looked at before the body; no 5xx is a refusal.
_REFUSED = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "422"]


# --- a server on a small trial ----------------------------------------------------------------------------------------


@dataclass
class World:
    """A running server, who may ask it what, and the things that are there."""

    url: str
    tokens: dict[str, str]
    known: dict[str, list[Any]]

    def document(self) -> dict[str, Any]:
        """The contract, with examples that name what is there: the trial ``prvij`` is, and everything else in it."""
        text = contract().replace(PERSON, self.known["people"][0]).replace(BATCH, self.known["batches"][0])
        document: dict[str, Any] = json.loads(text)
        release = self.known["releases"][0]
        examples = {
            "If-Match": "*",
            "external_id": self.known["external_ids"][0],
            "client_id": "case-system",
            "release": release,
            "release_id": release,
        }
        examples_of = {
            "closeTrial": {"trial": self.known["closable"][0]},
            "drawParticipant": {"id": self.known["waiting"][0]},
            "withdrawCandidate": {"id": self.known["waiting"][1]},
            "correctCpr": {"id": self.known["waiting"][2]},
        }
        for item in document["paths"].values():
            for operation in item.values():
                named = examples | examples_of.get(operation["operationId"], {})
                if operation["operationId"].startswith("put"):  # of a record that is not there yet, for someone who is
                    named |= {"external_id": "new"}
                    del named["If-Match"]
                    body = json.dumps(operation["requestBody"]).replace("7101701234", self.known["cprs"][1])
                    operation["requestBody"] = json.loads(body)
                for parameter in operation.get("parameters", []):
                    if parameter.get("name") in named:
                        parameter["example"] = named[parameter["name"]]
                    elif parameter.get("name") in ("Idempotency-Key", "If-Match"):  # a key is for one request
                        parameter.pop("example", None)
                        parameter["schema"].pop("examples", None)
        document["paths"]["/v1/trials"]["post"]["requestBody"]["content"]["application/json"]["example"]["id"] = "new"
        return document


# Of every list one that it gives, and what nobody but a stranger would send.
_CURSORS: list[list[Any]] = [
    ["prvij"],
    ["849", 0],
    ["849", str(UUID(int=0))],
    [str(UUID(int=0))],
    ["2010-11-08T09:12:44Z", "849", "writes", 1],
    ["0001-01-01T00:00:00+23:59", "849", "writes", 1],
    ["2010-11-08T09:12:44", "849", "writes", 2**63],
    ["\x00"],
    ["\x00", 1],
    ["\x00", str(UUID(int=0))],
    [None],
    [None, None],
    [{}, []],
    ["\ud800"],
]


def _cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _small_trial(register: Register) -> dict[str, list[Any]]:
    """Two trials with people and records, one that enforces its rules, one closed, some that may be closed."""
    trials = [register.new_trial(id="prvij"), register.new_trial(enforcement="refuse"), register.new_trial()]
    closable = [register.new_trial() for _ in range(3)]
    numbers = [new_cpr() for _ in range(40)]
    case_system = register.case_system()
    external_ids = [f"r-{place}" for place in range(6)]
    people: dict[str, list[str]] = {}
    waiting: list[str] = []
    batches: list[str] = []
    for trial in trials:
        codes = ["849", "860", "450"] * 2
        mine = [register.drawn(trial, cpr=cpr, jobcentre=code) for cpr, code in zip(numbers, codes, strict=False)]
        candidate = {"channel": "supplement", "unemployed_since": "2010-08-02", "interview_on": "2010-11-09"}
        candidates = [register.screen(trial, cpr=cpr, **candidate) for cpr in numbers[6:16]]
        waiting += [each["participant_id"] for each in candidates]
        people[trial] = mine
        of_kinds: list[tuple[str, Mapping[str, Any]]] = [
            ("conversations", {"date": "2010-11-16"}),
            ("activations", {"type": "wage_subsidy_public", "starts_on": "2010-12-06", "hours_per_week": 12}),
            ("exemptions", {"scope": "both", "ground": "illness", "starts_on": "2010-12-13", "ends_on": "2010-12-20"}),
            ("presence-events", {"kind": "exit", "date": "2011-01-10", "reason": "job"}),
            *((kind, FACTS[kind]) for kind in ("support-efforts", "mentors", "declined-offers", "outcomes")),
        ]
        for kind, fields in of_kinds:
            sent = [
                {"external_id": external_id, "revision": revision, "participant_id": person, **fields}
                for external_id, person, revision in zip(external_ids, mine, [1, 2, None] * 2, strict=True)
            ]
            batches.append(case_system.push(trial, kind, sent)["batch_id"])
    agency = register.client("agency")
    agency.post(f"/v1/trials/{trials[2]}/close")
    release = agency.post(f"/v1/trials/{trials[0]}/releases", {"purpose": "effects"}).json()["release_id"]
    return {
        "releases": [release],
        "trials": [trials[0]] * 4 + trials,
        "closable": closable,
        "people": people[trials[0]] * 3 + people[trials[1]] + people[trials[2]] + waiting[:2],
        "waiting": waiting,
        "cprs": ["7101701234", *numbers],
        "external_ids": external_ids,
        "batches": batches,
        "jobcentres": ["849", "860", "450"],
        "clients": ["case-system", "register"],
        "days": ["2010-11-08", "2010-11-16", "2010-12-06", "2011-01-10", "2012-03-31", "0001-01-01", "9999-12-31"],
        "weeks": ["2010-W45", "2010-W46", "2011-W05", "2012-W13", "0001-W01", "9999-W52"],
        "revisions": [1, 2, 3, 2**63 - 1],
        "hours": [12, 7.5, 37, 0.01, 60],
        "moments": [
            "2011-02-08T06:45:03Z",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            "2011-01-01T00:00:00+01:00",
        ],
        "cursors": [_cursor(*values) for values in _CURSORS],
        "feeds": ["0", *(_cursor(value) for value in ({}, {"849": UUID(int=1).hex}, {"849": 1}, [["849", "x"]], 5))],
        "keys": [f"key-{place}" for place in range(300)] + ["~" * 255],
        "etags": ["*", '"x"'],
        "versions": ["*"] * 9 + ['"x"'],
        "protocols": ["prvij-2010-11", "prvij-2010-07"],
        "codes": ["already_drawn", "malformed"],
    }


@contextmanager
def _served(app: ASGIApp) -> Iterator[str]:
    """An application on a port of its own, in a thread of the test."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def world(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    logging = structlog.get_config()
    configure_logging("error")
    register = Register(new_database(), tmp_path_factory.mktemp("schemathesis"))
    with register:
        known = _small_trial(register)
    tokens = {role: register.issuer.token(role) for role in ROLES}
    tokens["elsewhere"] = register.issuer.token("case-system", "case-system-101", ["101"])
    with _served(create_app(register.settings, register.database_url, register.clock)) as url:
        yield World(url, tokens, known)
    structlog.configure(**logging)


@schemathesis.serializer("application/x-ndjson")
def _as_it_is(context: schemathesis.SerializationContext, value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


# --- checks of our own ------------------------------------------------------------------------------------------------

_ROLE_OF_TOKEN: dict[str, str] = {}


def _role_of(response: schemathesis.Response) -> str | None:
    sent = response.request.headers.get("Authorization", "")
    return _ROLE_OF_TOKEN.get(sent.decode() if isinstance(sent, bytes) else sent)


def _follow(node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found: Any = _DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


@cache
def _codes_of(operation_id: str, status: int) -> frozenset[str]:
    """The problem codes that an operation declares for a status."""
    response = _follow(_OPERATIONS[operation_id]["responses"].get(str(status), {}))
    return frozenset(response.get("content", {}).get("application/problem+json", {}).get("examples", {}))


def _read(response: schemathesis.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError:
        raise AssertionError(f"{response.status_code} is not JSON: {response.content[:200]!r}") from None


def _operation_id(case: Case) -> str:
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
    declared = _codes_of(_operation_id(case), response.status_code)
    off_the_path = response.status_code == 404 and problem["code"] == "not_found"
    assert off_the_path or problem["code"] in declared, f"{problem['code']} is not declared for {_operation_id(case)}"


@schemathesis.check
def scope_asked_for(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """Without the scope nothing is done and nothing told, whatever else is wrong or right with the request."""
    scopes = set(_OPERATIONS[_operation_id(case)].get("x-scopes", []))
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
            assert code in CODES[words].meaning, f"{code} is not explained by {words}"


_OUR_WORDS = json.dumps(_DOCUMENT, ensure_ascii=False).lower()


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


_OWN_CHECKS = (
    "faults_are_told",
    "declared_problem",
    "scope_asked_for",
    "elsewhere_is_nothing",
    "explained_codes",
    "nothing_repeated",
)


# --- the run ----------------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What a run did and found."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    succeeded: set[str] = field(default_factory=set)
    operations: set[str] = field(default_factory=set)
    failures: dict[tuple[str, str, str], str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def add(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.NonFatalError):
            self.errors.append(f"{event.phase} {event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            self.errors.append(repr(event.exception))
        elif isinstance(event, events.ScenarioFinished):
            self._add_scenario(event)

    def _add_scenario(self, event: events.ScenarioFinished) -> None:
        self.cases[event.phase.value] += len(event.recorder.interactions)
        for case_id, interaction in event.recorder.interactions.items():
            operation = event.recorder.cases[case_id].value.operation
            self.operations.add(operation.label)
            if interaction.response is not None:
                self.statuses[interaction.response.status_code] += 1
                if interaction.response.status_code < 400:
                    self.succeeded.add(operation.label)
        for case_id, checks in event.recorder.checks.items():
            for check in checks:
                if check.status == Status.FAILURE and check.failure_info is not None:
                    failure = check.failure_info.failure
                    label = event.recorder.cases[case_id].value.operation.label
                    text = f"{failure.title}: {failure.message}\n{check.failure_info.code_sample}"
                    self.failures.setdefault((check.name, label, failure.title), text)

    def __str__(self) -> str:
        total = sum(self.cases.values())
        found = "\n\n".join(
            f"## {check} at {label}\n{text[:1500]}" for (check, label, _), text in self.failures.items()
        )
        return (
            f"{len(self.operations)} operations ({len(self.succeeded)} answered with success), {total} cases"
            f" {dict(self.cases)}, statuses {dict(sorted(self.statuses.items()))},"
            f" {len(self.failures)} failures, {len(self.errors)} errors {self.errors[:5]}\n"
            f"never with success: {sorted(self.operations - self.succeeded)}\n{found}"
        )


def _parameters(known: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Where the things that are there go, most of the time."""
    often = {
        "path.trial": "trials",
        "path.external_id": "external_ids",
        "path.batch_id": "batches",
        "path.code": "codes",
        "query.participant_id": "people",
        "query.client_id": "clients",
        "query.jobcentre": "jobcentres",
        "query.week": "weeks",
        "query.from": "weeks",
        "query.until": "weeks",
        "query.known_at": "moments",
        "query.cursor": "cursors",
        "query.changed_since": "feeds",
        "header.Idempotency-Key": "keys",
        "header.If-Match": "versions",
        "header.If-None-Match": "etags",
    }
    for place in ("body", "body.records[*]"):
        often |= {
            f"{place}.{name}": values
            for name, values in (
                ("cpr", "cprs"),
                ("participant_id", "people"),
                ("external_id", "external_ids"),
                ("revision", "revisions"),
                ("hours_per_week", "hours"),
                ("jobcentre", "jobcentres"),
                ("week", "weeks"),
                ("from_client", "clients"),
                ("to_client", "clients"),
                ("interview_on", "days"),
                ("unemployed_since", "days"),
                ("date", "days"),
                ("starts_on", "days"),
                ("ends_on", "days"),
                ("protocol", "protocols"),
            )
        }
    assert set(often.values()) <= known.keys()
    return {name: _often(values, 0.95 if values == "versions" else 0.7) for name, values in often.items()}


def _config(world: World, phases: Mapping[str, Any], seconds: int | None) -> schemathesis.Config:
    operations: list[dict[str, Any]] = [
        # A batch answers 207 to records that are not as they should be; `faults_are_told` looks at those.
        {"include-path-regex": "/(batch|snapshot)$", "checks": {"negative_data_rejection": {"enabled": False}}},
        # PATCH …/participants/lookup is PATCH …/participants/{id}, with a bad id; an external id may end in /history.
        {"include-operation-id": "lookUpParticipant", "checks": {"unsupported_method": {"enabled": False}}},
        {"include-path-regex": "/history$", "checks": {"unsupported_method": {"enabled": False}}},
    ]
    document: dict[str, Any] = {
        "base-url": world.url,
        "seed": 20101108,
        "operations": operations,
        "checks": {
            "enabled": False,
            **{name: {"enabled": True} for name in (*_CHECKS, *_OWN_CHECKS)},
            "negative_data_rejection": {"enabled": True, "expected-statuses": _REFUSED},
        },
        "phases": {"enabled": False} | {name: {"enabled": True, **more} for name, more in phases.items()},
    }
    if phases.keys() != {"examples"}:  # examples alone are sent as they are
        document["dictionaries"] = {name: {"values": values} for name, values in world.known.items()}
        document["parameters"] = _parameters(world.known)
        operations += [
            {"include-path-regex": "^/v1/protocols", "parameters": {"path.id": _often("protocols")}},
            {"include-path-regex": "participants/{id}", "parameters": {"path.id": _often("people")}},
            {"include-operation-id": "withdrawCandidate", "parameters": {"path.id": _often("waiting")}},
            {"include-operation-id": "closeTrial", "parameters": {"path.trial": _often("closable", 0.95)}},
            {"include-operation-id": "listAudit", "parameters": {"query.from": _often("moments")}},
        ]
    if seconds is not None:
        document["max-time"] = seconds
    return schemathesis.Config.from_dict(document)


def _often(values: str, probability: float = 0.7) -> dict[str, Any]:
    return {"dictionary": values, "probability": probability}


def _rightful_role(operation_id: str) -> str:
    """A role that may call the operation; any role where a valid token is enough."""
    scope = next(iter(_OPERATIONS[operation_id].get("x-scopes", [])), None)
    return next(role for role in ROLES if scope is None or scope in ROLES[role].scopes)


def run(
    world: World, identity: str, phases: Mapping[str, Any], seconds: int | None = None, only: Sequence[str] = ()
) -> Tally:
    """Runs the phases as one identity: a role, ``elsewhere``, or ``rightful``, which takes a fit role each time."""
    _ROLE_OF_TOKEN.update({f"Bearer {token}": role for role, token in world.tokens.items()})
    schema = schemathesis.openapi.from_dict(world.document(), config=_config(world, phases, seconds))

    @schema.auth(refresh_interval=None)
    class Token:
        def get(self, case: Case, context: schemathesis.AuthContext) -> str:
            return world.tokens[_rightful_role(_operation_id(case)) if identity == "rightful" else identity]

        def set(self, case: Case, data: str, context: schemathesis.AuthContext) -> None:
            case.headers["Authorization"] = f"Bearer {data}"

    @schema.hook("map_body")
    def say_it_once(context: schemathesis.HookContext, body: Any) -> Any:
        """What schemas do not say: exactly one of ``participant_id`` and ``cpr``, and the id of the address alone."""
        if not isinstance(body, dict):
            return body
        if body.get("external_id") in world.known["external_ids"]:
            del body["external_id"]
        records = body["records"] if isinstance(body.get("records"), list) else [body]
        for record in (each for each in records if isinstance(each, dict)):
            if record.get("participant_id") in world.known["people"] and record.get("cpr") in world.known["cprs"]:
                del record["cpr" if len(str(record)) % 2 else "participant_id"]
        return body

    tally = Tally()
    chosen = schema.include(operation_id=list(only)) if only else schema
    for event in engine.from_schema(chosen).execute():
        tally.add(event)
    return tally


# The examples as they are, without values of answers mixed in.
_EXAMPLES: Mapping[str, Any] = {"examples": {"extra-data-sources": {"responses": False}}}
_ALL_PHASES: Mapping[str, Any] = {"examples": {}, "coverage": {}, "fuzzing": {}, "stateful": {}}


def test_every_example_of_the_contract_is_answered_as_it_says(world: World) -> None:
    tally = run(world, "rightful", _EXAMPLES)
    assert not tally.failures, str(tally)
    assert not tally.errors, str(tally)
    assert not tally.operations - tally.succeeded, str(tally)


def test_a_short_run_finds_nothing_undocumented(world: World) -> None:
    tally = run(world, "rightful", {"fuzzing": {"generation": {"max-examples": 5}}})
    assert not tally.failures, str(tally)
    assert not tally.errors, str(tally)
    assert len(tally.operations) == len(_OPERATIONS), str(tally)
    assert sum(tally.cases.values()) > 200, str(tally)


@pytest.mark.slow
@pytest.mark.timeout(_SLOW_SECONDS * 4 + 300)
@pytest.mark.parametrize("identity", ["rightful", *ROLES, "elsewhere"])
def test_a_long_run_finds_nothing_undocumented(world: World, identity: str) -> None:
    seconds = _SLOW_SECONDS * 3 if identity == "rightful" else _SLOW_SECONDS
    tally = run(world, identity, _ALL_PHASES, seconds)
    sys.stdout.write(f"{identity}: {tally}\n")  # shown with -s
    assert not tally.failures, str(tally)
    assert not tally.errors, str(tally)
    assert len(tally.operations) == len(_OPERATIONS), str(tally)


def _liar(status: int) -> ASGIApp:
    """A server that repeats every body, with a code and warnings that nobody knows, and asks nobody for a token."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        sent = (await Request(scope, receive).body()).decode()
        told = {"status": status, "code": "not_found", "errors": [], "warnings": ["nonsense"], "detail": sent}
        kind = "application/json" if status == 200 else "application/problem+json"
        await Response(json.dumps(told, ensure_ascii=False), status, media_type=kind)(scope, receive, send)

    return app


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
    with _served(_liar(status)) as url:
        liar = World(url, world.tokens, world.known)
        tally = run(liar, identity, _EXAMPLES, only=["lookUpParticipant", "getTrial", "putConversation"])
    assert found <= {check for check, _, _ in tally.failures}, str(tally)


@pytest.mark.parametrize(
    ("role", "path", "parameters"),
    [
        ("agency", "/v1/trials", {"cursor": _cursor("\x00")}),
        ("case-system", "/v1/trials/{trial}/participants", {"cursor": _cursor("\x00", str(UUID(int=0)))}),
        ("auditor", "/v1/audit", {"cursor": _cursor("0001-01-01T00:00:00+23:59", "849", "writes", 1)}),
        ("auditor", "/v1/audit", {"from": "9999-12-31T23:59:59-23:59"}),
        ("agency", "/v1/trials/{trial}/weekly-summary", {"known_at": "0001-01-01T00:00:00Z"}),
        ("agency", "/v1/trials/{trial}/conditions", {"known_at": "20101108"}),
    ],
)
def test_strange_parameters_are_malformed(register: Register, role: str, path: str, parameters: dict[str, str]) -> None:
    answer = register.client(role).get(path.format(trial=register.new_trial()), **parameters)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


def test_a_key_that_is_no_text_is_malformed(register: Register) -> None:
    body = json.dumps({**register.screening(), "\ud800": 1}).encode()
    answer = register.case_system().request(
        "POST",
        f"/v1/trials/{register.new_trial()}/participants",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


@pytest.mark.parametrize(
    "dates",
    [
        {"intake_from": "0001-01-01"},
        {"ends_on": "9999-12-31"},
        {"intake_from": "2010-11-08", "intake_to": "2011-03-31", "ends_on": "2031-03-31"},
    ],
)
def test_a_trial_does_not_last_for_ever(register: Register, dates: dict[str, str]) -> None:
    """Every week of everyone would be judged with each record: minutes, for a trial of thousands of years."""
    body = {"id": "for-ever", "protocol": "prvij-2010-11", "title": "For ever", "jobcentres": JOBCENTRES, **dates}
    assert register.client("agency").post("/v1/trials", body).json()["code"] == "malformed"
