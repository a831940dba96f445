"""Schemathesis: a real server on a small trial, so that path parameters name real things."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import schemathesis
import structlog
import uvicorn
from starlette.types import ASGIApp

from app.contract.__main__ import contract
from app.contract.document import examples
from app.main import create_app
from app.web.access_log import configure_logging
from app.web.auth import ROLES
from tests.register import Register, new_cpr
from tests.routers.records.single.common import FACTS

Case = schemathesis.Case[Any]
_PERSON, _BATCH = (examples()["parameters"][name] for name in ("participant_id", "batch_id"))
DOCUMENT: dict[str, Any] = json.loads(contract())
OPERATIONS: dict[str, dict[str, Any]] = {
    operation["operationId"]: operation for item in DOCUMENT["paths"].values() for operation in item.values()
}


@dataclass
class World:
    """A running server, who may ask it what, and the things that are there."""

    url: str
    tokens: dict[str, str]
    known: dict[str, list[Any]]

    def document(self) -> dict[str, Any]:
        """The contract, with examples that name what is there: the trial ``prvij`` is, and everything else in it."""
        text = contract().replace(_PERSON, self.known["people"][0]).replace(_BATCH, self.known["batches"][0])
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
            "correctCpr": {"id": self.known["people"][1]},
            "cancelCprCorrection": {"id": self.known["people"][2]},
            "getCprCorrection": {"id": self.known["corrections"][0]},
            "decideCprCorrection": {"id": self.known["corrections"][0]},
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


def cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _small_trial(register: Register) -> dict[str, list[Any]]:
    """Two trials with people and records, one that enforces its rules, one closed, some that may be closed."""
    trials = [register.new_trial(id="prvij"), register.new_trial(enforcement="refuse"), register.new_trial()]
    closable = [register.new_trial() for _ in range(3)]
    numbers = [new_cpr() for _ in range(40)]
    case_system = register.sender()
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
    corrections = []
    for person, other in zip(people[trials[0]][2:4], numbers[30:32], strict=True):
        request = {"cpr": other, "reason": "new_number"}
        answer = case_system.post(f"/v1/trials/{trials[0]}/participants/{person}/cpr", request)
        corrections.append(answer.json()["correction_id"])
    agency = register.client("agency")
    agency.post(f"/v1/trials/{trials[2]}/close")
    release = agency.post(f"/v1/trials/{trials[0]}/releases", {"purpose": "effects"}).json()["release_id"]
    return {
        "releases": [release],
        "corrections": corrections,
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
        "cursors": [cursor(*values) for values in _CURSORS],
        "feeds": ["0", *(cursor(value) for value in ({}, {"849": UUID(int=1).hex}, {"849": 1}, [["849", "x"]], 5))],
        "keys": [f"key-{place}" for place in range(300)] + ["~" * 255],
        "etags": ["*", '"x"'],
        "versions": ["*"] * 9 + ['"x"'],
        "protocols": ["prvij-2010-11", "prvij-2010-07"],
        "codes": ["already_drawn", "malformed"],
    }


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
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
    with served(create_app(register.settings, register.database_url, register.clock)) as url:
        yield World(url, tokens, known)
    structlog.configure(**logging)


@schemathesis.serializer("application/x-ndjson")
def _as_it_is(context: schemathesis.SerializationContext, value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()
