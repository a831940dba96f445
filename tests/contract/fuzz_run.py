"""Schemathesis: one run of it over every operation, and what it found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis import engine
from schemathesis.engine import Status, events

from app.web.auth import ROLES
from tests.contract.fuzz_checks import OWN_CHECKS, ROLE_OF_TOKEN, operation_id
from tests.contract.fuzz_world import OPERATIONS, Case, World

CHECKS = (
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
        {
            "include-path-regex": r"/(batch|snapshot)(\.\w+)?$",
            "checks": {"negative_data_rejection": {"enabled": False}},
        },
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
            **{name: {"enabled": True} for name in (*CHECKS, *OWN_CHECKS)},
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


def rightful_role(operation_id: str) -> str:
    """A role that may call the operation; any role where a valid token is enough."""
    if operation_id == "getCprCorrectionSummary":  # of whoever exports the panel, not the agency, which creates trials
        return "auditor"
    scope = next(iter(OPERATIONS[operation_id].get("x-scopes", [])), None)
    return next(role for role in ROLES if scope is None or scope in ROLES[role].scopes)


def run(
    world: World, identity: str, phases: Mapping[str, Any], seconds: int | None = None, only: Sequence[str] = ()
) -> Tally:
    """Runs the phases as one identity: a role, ``elsewhere``, or ``rightful``, which takes a fit role each time."""
    ROLE_OF_TOKEN.update({f"Bearer {token}": role for role, token in world.tokens.items()})
    schema = schemathesis.openapi.from_dict(world.document(), config=_config(world, phases, seconds))

    @schema.auth(refresh_interval=None)
    class Token:
        def get(self, case: Case, context: schemathesis.AuthContext) -> str:
            return world.tokens[rightful_role(operation_id(case)) if identity == "rightful" else identity]

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
EXAMPLES: Mapping[str, Any] = {"examples": {"extra-data-sources": {"responses": False}}}
ALL_PHASES: Mapping[str, Any] = {"examples": {}, "coverage": {}, "fuzzing": {}, "stateful": {}}
