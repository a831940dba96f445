"""Who may do what (api.md): every operation of the contract against every kind of token that must not open it.

The operations come from the contract; what each asks for is said here once more, by api.md's own words. An operation
for which nothing is said here fails until it is.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.main import create_app
from app.settings import Settings
from app.web.http.suffixes import SUFFIXES
from app.web.tokens import LOCAL_ISSUER
from tests.register import Client, Register, new_cpr, record_id

DOCUMENT: dict[str, Any] = create_app(Settings()).openapi()
OPEN = {"getHealth", "getReadiness", "getMetrics", "getProblemType"}
"""What needs no token: the state of the process, and the explanations that errors point to."""

SCOPES: Mapping[str, frozenset[str]] = {
    "case-system": frozenset(
        {"participants:read", "participants:write", "conversations:write", "activations:write", "reports:read"}
    ),
    "register": frozenset({"activations:write", "outcomes:write"}),
    "region": frozenset({"reports:read"}),
    "agency": frozenset({"trials:write", "reports:read", "panel:export"}),
    "registrar": frozenset({"corrections:decide"}),
    "evaluator": frozenset({"panel:export"}),
    "auditor": frozenset({"audit:read"}),
}
"""Api.md's table of roles."""
DECIDES = "corrections:decide"
"""It is refused in a token with scopes that show people or figures."""
OF_CORRECTIONS = ("correctCpr", "cancelCprCorrection", "getCprCorrection", "decideCprCorrection")
"""Operations on a participant or a request of its own."""
EVERY_SCOPE = frozenset().union(*SCOPES.values()) - {DECIDES}

AccessScope = Literal[
    "everything",  # what everyone with the scope sees
    "whole trial",  # needs every jobcentre of the trial
    "person",  # of one person, or of a record of one
    "people",  # of people, those of the client's jobcentres
    "jobcentre",  # of one jobcentre, and of nobody there
    "figures",  # of jobcentres, by jobcentres or by region
    "figures of the trial",  # asked for as a whole, they need every jobcentre of the trial
    "sender",  # of whoever sent it
]


@dataclass(frozen=True)
class Rule:
    """What api.md says of an operation: any of the scopes (none: any token), and what a token's binding shows of it."""

    scopes: tuple[str, ...]
    sees: AccessScope


_TRIAL = r"/v1/trials/\{trial\}"
_BY_PARTICIPANTS = r"(exemptions|presence-events|support-efforts|mentors|declined-offers)"
RULES: Mapping[str, Rule] = {
    r"GET /v1/protocols(/\{id\})?": Rule((), "everything"),
    rf"GET (/v1/trials|{_TRIAL})": Rule((), "everything"),
    rf"POST (/v1/trials|{_TRIAL}/close)": Rule(("trials:write",), "whole trial"),
    rf"POST {_TRIAL}/(handovers|grant-assessments)": Rule(("trials:write",), "jobcentre"),
    rf"PUT {_TRIAL}/jobcentres/\{{code\}}/successor": Rule(("trials:write",), "jobcentre"),
    rf"GET {_TRIAL}/draws": Rule(("audit:read", "reports:read"), "everything"),
    rf"POST {_TRIAL}/participants": Rule(("participants:write",), "person"),
    rf"GET {_TRIAL}/(participants|assignments|worklist)": Rule(("participants:read",), "people"),
    rf"POST {_TRIAL}/participants/lookup": Rule(("participants:read",), "person"),
    rf"GET {_TRIAL}/participants/\{{id\}}(/(assignment|weeks|letter|contact-persons|file))?": Rule(
        ("participants:read",), "person"
    ),
    rf"(PATCH|POST) {_TRIAL}/participants/\{{id\}}(/(assignment|withdrawal|cpr))?": Rule(
        ("participants:write",), "person"
    ),
    rf"DELETE {_TRIAL}/participants/\{{id\}}/cpr": Rule(("participants:write",), "person"),
    rf"GET {_TRIAL}/cpr-corrections(/\{{id\}})?": Rule(("corrections:decide",), "everything"),
    rf"POST {_TRIAL}/cpr-corrections/\{{id\}}/decision": Rule(("corrections:decide",), "everything"),
    rf"GET {_TRIAL}/cpr-corrections/summary": Rule(("panel:export", "audit:read"), "everything"),
    rf"POST {_TRIAL}/conversations/batch": Rule(("conversations:write",), "people"),
    rf"GET {_TRIAL}/conversations": Rule(("conversations:write",), "people"),
    rf"(GET|PUT|DELETE) {_TRIAL}/conversations/\{{external_id\}}(/history)?": Rule(("conversations:write",), "person"),
    rf"POST {_TRIAL}/activations/batch": Rule(("activations:write",), "people"),
    rf"GET {_TRIAL}/activations": Rule(("activations:write",), "people"),
    rf"(GET|PUT|DELETE) {_TRIAL}/activations/\{{external_id\}}(/history)?": Rule(("activations:write",), "person"),
    rf"POST {_TRIAL}/outcomes/batch": Rule(("outcomes:write",), "people"),
    rf"GET {_TRIAL}/outcomes": Rule(("outcomes:write",), "people"),
    rf"(GET|PUT|DELETE) {_TRIAL}/outcomes/\{{external_id\}}(/history)?": Rule(("outcomes:write",), "person"),
    rf"POST {_TRIAL}/{_BY_PARTICIPANTS}/batch": Rule(("participants:write",), "people"),
    rf"GET {_TRIAL}/{_BY_PARTICIPANTS}": Rule(("participants:read",), "people"),
    rf"GET {_TRIAL}/{_BY_PARTICIPANTS}/\{{external_id\}}(/history)?": Rule(("participants:read",), "person"),
    rf"(PUT|DELETE) {_TRIAL}/{_BY_PARTICIPANTS}/\{{external_id\}}": Rule(("participants:write",), "person"),
    r"GET /v1/batches/\{batch_id\}": Rule((), "sender"),
    rf"GET {_TRIAL}/(weekly-summary|conditions|activity-curve|flow|grant-assessments)": Rule(
        ("reports:read",), "figures"
    ),
    rf"GET {_TRIAL}/data-quality": Rule(("reports:read", "panel:export", "audit:read"), "figures"),
    rf"GET {_TRIAL}/(person-weeks|panel/(participants|draws|dictionary)|releases(/\{{release_id\}})?)": Rule(
        ("panel:export",), "everything"
    ),
    rf"GET {_TRIAL}/effects": Rule(("reports:read",), "figures of the trial"),
    rf"POST {_TRIAL}/releases": Rule(("panel:export",), "everything"),
    rf"POST {_TRIAL}/activations/snapshot": Rule(("activations:write",), "jobcentre"),
    r"GET /v1/audit(/heads)?": Rule(("audit:read",), "everything"),
}

RECORDS: Mapping[str, dict[str, Any]] = {
    "conversations": {"date": "2010-11-16"},
    "activations": {
        "type": "work_placement_public",
        "starts_on": "2010-12-01",
        "hours_per_week": 15,
        "mentor": "assigned",
    },
    "exemptions": {"scope": "both", "ground": "illness", "starts_on": "2010-11-22", "ends_on": "2010-11-28"},
    "presence-events": {"kind": "rematch", "date": "2010-12-01", "match_group": 1},
    "support-efforts": {"area": "company", "kind": "mentor_search", "starts_on": "2010-12-01"},
    "mentors": {"starts_on": "2010-12-01"},
    "declined-offers": {"date": "2010-12-01", "type": "other_offer"},
    "outcomes": {"week": "2010-W50", "status": "benefit"},
}


@dataclass(frozen=True)
class Operation:
    """An operation of the contract, with its rule."""

    method: str
    template: str
    document: Mapping[str, Any]

    @property
    def name(self) -> str:
        name: str = self.document["operationId"]
        return name

    @property
    def rule(self) -> Rule:
        call = f"{self.method} {self.template}"
        found = [rule for pattern, rule in RULES.items() if re.fullmatch(pattern, call)]
        assert len(found) == 1, f"RULES must say once what {call} asks for, by api.md"
        return found[0]

    @property
    def kind(self) -> str | None:
        """The kind of record that it is about."""
        part = self.template.removeprefix("/v1/trials/{trial}/").partition("/")[0]
        return part if part in RECORDS else None


_ALL = [
    Operation(method.upper(), template, document)
    for template, methods in DOCUMENT["paths"].items()
    for method, document in methods.items()
    if method in ("get", "post", "put", "patch", "delete")
]
SUFFIXED = [each for each in _ALL if each.template.endswith(tuple(SUFFIXES.values()))]
"""The same operations at an address with a suffix, which the middleware takes off before anything is decided."""
OPERATIONS = [each for each in _ALL if each not in SUFFIXED]
GUARDED = [each for each in OPERATIONS if each.name not in OPEN]
every = pytest.mark.parametrize("operation", GUARDED, ids=lambda operation: operation.name)


def those(*sights: AccessScope) -> pytest.MarkDecorator:
    """The operations that show such a thing; whatever has no rule yet is among them, and fails."""
    found = []
    for each in GUARDED:
        try:
            wanted = each.rule.sees in sights
        except AssertionError:
            wanted = True
        if wanted:
            found.append(each)
    return pytest.mark.parametrize("operation", found, ids=lambda operation: operation.name)


# --- requests that succeed with the right token -----------------------------------------------------------------------


@dataclass(frozen=True)
class Request:
    """A request that is valid in everything but, perhaps, its token."""

    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True)
class Place:
    """A trial with someone drawn in 849, and what it takes to ask for them."""

    register: Register
    trial: str
    participant: str
    cpr: str

    def client(self, scopes: frozenset[str], *, client_id: str = "probe", **binding: Sequence[str]) -> Client:
        """A client with any scopes, bound as said."""
        return Client(self.register.http, self.token(scopes, binding, client_id=client_id))

    def token(
        self,
        scopes: frozenset[str],
        binding: Mapping[str, Sequence[str]],
        *,
        client_id: str = "probe",
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> str:
        issuer = self.register.issuer
        now = int(time.time())
        claims = {
            "iss": LOCAL_ISSUER,
            "aud": issuer.audience,
            "sub": client_id,
            "client_id": client_id,
            "iat": now,
            "exp": now + 600,
            "jti": record_id(),
            "scope": " ".join(sorted(scopes)),
            **binding,
        }
        return jwt.encode(claims, key or issuer._key, "ES256", headers={"typ": "at+jwt", "kid": issuer.kid})

    def entitled(self, operation: Operation) -> Client:
        """A client with every scope that the operation may want."""
        decides = DECIDES in operation.rule.scopes
        return self.client(frozenset({DECIDES}), jobcentres=["*"]) if decides else self.all_mighty()

    def all_mighty(self) -> Client:
        return self.client(EVERY_SCOPE, jobcentres=["*"])

    def send(self, client: Client, operation: Operation, request: Request) -> Any:
        headers = {}
        if operation.name == "decideCprCorrection":
            read = request.path.removesuffix("/decision")
            headers["If-Match"] = self.register.client("registrar").get(read).headers["etag"]
        return client.request(
            operation.method, request.path, params=request.parameters, json=request.body, headers=headers
        )

    def request(self, operation: Operation) -> Request:
        """What the right token would be answered 2xx to; whatever it needs is there."""
        of_jobcentre = operation.name == "nameSuccessor"
        values = {"trial": self.trial, "id": self.participant, "code": "849" if of_jobcentre else "not_found"}
        bodies = {"lookUpParticipant": {"cpr": self.cpr}, "nameSuccessor": {"successor": None}}
        body: Any = bodies.get(operation.name)
        if operation.name == "getProtocol":
            values["id"] = "prvij-2010-11"
        elif operation.name == "createTrial":
            body = {**_example(operation), "id": f"access-{record_id()}"}
        elif operation.name == "closeTrial":
            values["trial"] = self.register.new_trial()
        elif operation.name == "screenParticipant":
            body = self.register.screening()
        elif operation.name in ("drawParticipant", "withdrawCandidate", *OF_CORRECTIONS):
            values["id"], body = self._someone_for(operation)
        elif operation.name == "handOverRecords":
            predecessor = f"predecessor-{record_id()}"
            self._stored("conversations", client_id=predecessor)
            body = {"jobcentre": "849", "from_client": predecessor, "to_client": f"successor-{record_id()}"}
        elif operation.name == "getRelease":
            released = self.all_mighty().post(f"/v1/trials/{self.trial}/releases", {"purpose": "access"})
            values["release_id"] = released.json()["release_id"]
        elif operation.name == "replaceActivations":
            record = {**RECORDS["activations"], "participant_id": self.participant}
            body = {"jobcentre": "849", "from": "2010-12-01", "to": "2010-12-31", "records": [record]}
        elif operation.name == "getBatch":
            values["batch_id"] = self._stored("conversations")[1]
        elif operation.kind is not None:
            values["external_id"], body = self._record_for(operation, operation.kind)
        elif body is None and "requestBody" in operation.document:
            body = _example(operation)
        parameters = {
            each["name"]: str(each.get("example", "849" if each["name"] == "jobcentre" else ""))
            for each in operation.document.get("parameters", [])
            if each.get("in") == "query" and each.get("required")
        }
        return Request(operation.template.format_map(values), parameters, body)

    def _someone_for(self, operation: Operation) -> tuple[str, Any]:
        """Someone new whom the operation changes, and its body."""
        if operation.name in OF_CORRECTIONS:
            participant, request = self.register.drawn(self.trial), {"cpr": new_cpr(), "reason": "typing_error"}
            if operation.name == "correctCpr":
                return participant, request
            path = f"/v1/trials/{self.trial}/participants/{participant}/cpr"
            correction = self.register.case_system().post(path, request).json()["correction_id"]
            decision = {"decision": "refused", "reason": "other"}
            of_correction: dict[str, tuple[str, Any]] = {
                "cancelCprCorrection": (participant, None),
                "getCprCorrection": (correction, None),
                "decideCprCorrection": (correction, decision),
            }
            return of_correction[operation.name]
        waiting = {"channel": "supplement", "unemployed_since": "2010-11-01", "interview_on": "2011-01-10"}
        candidate: str = self.register.screen(self.trial, **waiting)["participant_id"]
        return candidate, {"reason": "job"} if operation.name == "withdrawCandidate" else None

    def _record_for(self, operation: Operation, kind: str) -> tuple[str, Any]:
        """The id of a record, which is there unless it is to be put, and the operation's body."""
        record = {**RECORDS[kind], "participant_id": self.participant}
        if operation.method == "POST":
            return "", {"records": [{**record, "external_id": record_id()}]}
        if operation.method == "PUT":
            return record_id(), record
        return self._stored(kind)[0], None

    def _stored(self, kind: str, client_id: str = "probe") -> tuple[str, str]:
        """A new record of a client: its external id, and the batch that it came in."""
        external_id = record_id()
        record = {**RECORDS[kind], "participant_id": self.participant, "external_id": external_id}
        sender = self.client(EVERY_SCOPE, client_id=client_id, jobcentres=["*"])
        report = sender.push(self.trial, kind, [record])
        assert report["counts"]["created"] == 1, report
        return external_id, report["batch_id"]


def _example(operation: Operation) -> Any:
    content = operation.document["requestBody"]["content"]["application/json"]
    if "example" in content:
        return content["example"]
    return next(iter(content["examples"].values()))["value"]


@pytest.fixture(scope="module")
def place(register: Register) -> Place:
    trial = register.new_trial()
    body = register.screening()
    answer = register.case_system().post(f"/v1/trials/{trial}/participants", body).json()
    for code in ("849", "450"):  # so that the list of assessments has something to hide
        assessment = {"jobcentre": code, "week": "2011-W26"}
        assert register.client("agency").post(f"/v1/trials/{trial}/grant-assessments", assessment).status_code == 201
    return Place(register, trial, answer["participant_id"], body["cpr"])


def refusal(response: Any) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"]


def jobcentres_in(response: Any) -> set[str | None]:
    """Whose figures the items of a report are."""
    return {each.get("jobcentre", each.get("group", {}).get("jobcentre")) for each in response.json().get("items", ())}


# --- no token ---------------------------------------------------------------------------------------------------------


def test_nothing_but_the_state_of_the_process_is_open() -> None:
    """Api.md: there is no switch that turns authentication off."""
    assert {each.name for each in OPERATIONS if not each.document.get("security")} == OPEN
    assert {each.name for each in OPERATIONS if each.template.startswith("/v1/")} == {each.name for each in GUARDED}


@every
def test_without_a_valid_token(place: Place, operation: Operation) -> None:
    """Api.md: 401, whatever else is right."""
    request = place.request(operation)
    foreign = place.token(EVERY_SCOPE, {"jobcentres": ["*"]}, key=ec.generate_private_key(ec.SECP256R1()))
    headers: list[dict[str, str]] = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer garbage"},
        {"Authorization": "Basic cmV0dGV2ZWo6cmV0dGV2ZWo="},
        {"Authorization": f"Bearer {foreign}"},
    ]
    for header in headers:
        response = place.register.http.request(
            operation.method, request.path, params=request.parameters, json=request.body, headers=header
        )
        assert refusal(response) in ((401, "unauthorized"), (401, "invalid_token"))
        assert response.headers["www-authenticate"].startswith("Bearer")
        if "requestBody" in operation.document:  # nor does it matter that the body is none
            for content in (b"{", b"\xff", b"[" * 100_000):
                unread = {"Content-Type": "application/json", **header}
                response = place.register.http.request(
                    operation.method, request.path, params=request.parameters, content=content, headers=unread
                )
                assert refusal(response) in ((401, "unauthorized"), (401, "invalid_token"))
    # Nothing was done: the same request is still as good as new.
    assert place.send(place.entitled(operation), operation, request).is_success


# --- scopes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", SUFFIXED, ids=lambda operation: operation.name)
def test_an_address_with_a_suffix_asks_for_the_same(place: Place, operation: Operation) -> None:
    template, _, suffix = operation.template.rpartition(".")
    base = next(each for each in OPERATIONS if (each.method, each.template) == (operation.method, template))
    assert operation.document["x-scopes"] == base.document["x-scopes"]
    path = f"{place.request(base).path}.{suffix}"
    others = place.client(EVERY_SCOPE - set(base.rule.scopes), jobcentres=["*"])
    assert refusal(others.request(operation.method, path)) == (403, "insufficient_scope")
    assert refusal(place.register.http.request(operation.method, path))[0] == 401


@every
def test_without_the_scope(place: Place, operation: Operation) -> None:
    """Api.md: 403 with every scope but the needed one; where any token will do, one without a scope does."""
    request = place.request(operation)
    scopes = EVERY_SCOPE - set(operation.rule.scopes) if operation.rule.scopes else frozenset[str]()
    response = place.send(place.client(scopes, jobcentres=["*"]), operation, request)
    if operation.rule.scopes:
        assert refusal(response) == (403, "insufficient_scope")
        assert "insufficient_scope" in response.headers["www-authenticate"]
        if "requestBody" in operation.document:  # nor does it matter that the body is none
            unread: dict[str, Any] = {"content": b"\x00", "headers": {"Content-Type": "application/json"}}
            response = place.client(scopes, jobcentres=["*"]).request(operation.method, request.path, **unread)
            assert refusal(response) == (403, "insufficient_scope")
        response = place.send(place.entitled(operation), operation, request)
    assert response.is_success, response.text


@every
def test_the_scope_alone_is_enough(place: Place, operation: Operation) -> None:
    """Api.md: the first of those that will do; any other stands in the contract too."""
    request = place.request(operation)
    client = place.client(frozenset(operation.rule.scopes[:1]), jobcentres=["*"])
    assert place.send(client, operation, request).is_success
    assert set(operation.document["x-scopes"]) == set(operation.rule.scopes)


@every
def test_each_role_opens_what_its_scopes_open(place: Place, operation: Operation) -> None:
    """Api.md's table of roles: region and agency see no person, nor do evaluator and auditor."""
    request = place.request(operation)
    for role, scopes in SCOPES.items():
        response = place.send(place.register.client(role, client_id="probe"), operation, request)
        if operation.rule.scopes and not scopes & set(operation.rule.scopes):
            assert refusal(response) == (403, "insufficient_scope"), role
            assert place.participant not in response.text
        elif operation.name == "listDraws" and role != "auditor":
            assert response.status_code == 403, "until the trial is closed"
        elif operation.name == "getCprCorrectionSummary" and role == "agency":
            assert response.status_code == 403, "arms by jobcentre are for evaluators and auditors"
        else:
            assert response.status_code in (200, 201, 202, 207, 409), (role, response.text)
    if operation.rule.sees in ("person", "people"):
        assert operation.rule.scopes[0] not in SCOPES["region"] | SCOPES["agency"]


# --- bindings ---------------------------------------------------------------------------------------------------------


@those("whole trial", "person", "people", "jobcentre", "figures", "figures of the trial")
def test_bound_to_a_jobcentre_that_does_not_take_part(place: Place, operation: Operation) -> None:
    """Api.md: scopes never widen what a token is bound to; anything outside is 404, and nothing happens to it."""
    request = place.request(operation)
    response = place.send(place.client(EVERY_SCOPE, jobcentres=["580"]), operation, request)
    assert refusal(response)[0] == 404
    assert place.send(place.entitled(operation), operation, request).is_success


@those("whole trial", "person", "people", "jobcentre", "figures", "figures of the trial")
def test_bound_to_nothing(place: Place, operation: Operation) -> None:
    """Api.md: reads no person, writes no record, reads no report of a jobcentre."""
    request = place.request(operation)
    nothing: Sequence[Mapping[str, Sequence[str]]] = ({}, {"jobcentres": []}, {"jobcentres": [], "regions": []})
    for binding in nothing:
        client = Client(place.register.http, place.token(EVERY_SCOPE, binding))
        assert refusal(place.send(client, operation, request))[0] == 404
    assert place.send(place.entitled(operation), operation, request).is_success


@those("whole trial", "person", "people", "jobcentre")
def test_bound_to_a_region_there_are_no_people(place: Place, operation: Operation) -> None:
    """Api.md: a region sees figures of its jobcentres, and no person, whatever its scopes."""
    request = place.request(operation)
    response = place.send(place.client(EVERY_SCOPE, regions=["nord", "syddanmark"]), operation, request)
    assert refusal(response)[0] == 404
    assert place.send(place.entitled(operation), operation, request).is_success


@those("figures")
def test_bound_to_a_region_there_are_its_figures(place: Place, operation: Operation) -> None:
    """Api.md: without the people behind them."""
    request = place.request(operation)
    response = place.send(place.client(EVERY_SCOPE, regions=["nord"]), operation, request)
    assert response.is_success
    assert "450" not in jobcentres_in(response)
    assert place.participant not in response.text
    other = place.send(place.client(EVERY_SCOPE, regions=["midtjylland"]), operation, request)
    assert refusal(other) == (404, "not_found")


@those("whole trial", "person", "jobcentre", "figures of the trial")
def test_bound_to_another_jobcentre_of_the_trial(place: Place, operation: Operation) -> None:
    """Api.md: 404; a person of a neighbour is not there, even for the client that once sent the record."""
    request = place.request(operation)
    for client_id in ("probe", "another"):
        response = place.send(
            place.client(EVERY_SCOPE, client_id=client_id, jobcentres=["860", "450"]), operation, request
        )
        if operation.method == "DELETE" and operation.kind is not None and client_id == "another":
            # A retraction of its own, which may come before its record: nobody else's is touched by it.
            assert response.is_success
        else:
            assert refusal(response)[0] == 404
    assert place.send(place.entitled(operation), operation, request).is_success


@those("people", "figures")
def test_a_neighbour_sees_and_writes_its_own_only(place: Place, operation: Operation) -> None:
    """Api.md: lists and reports show the client's jobcentres; a record of somebody else's person is rejected."""
    request = place.request(operation)
    neighbour = place.client(EVERY_SCOPE, jobcentres=["860"])
    if "jobcentre" in request.parameters:
        assert refusal(place.send(neighbour, operation, request)) == (404, "not_found")
        return
    response = place.send(neighbour, operation, request)
    assert response.is_success
    assert place.participant not in response.text
    if operation.method == "POST":
        (result,) = response.json()["results"]
        assert [each["code"] for each in result["errors"]] == ["unknown_participant"]
    else:
        assert "849" not in jobcentres_in(response)


@those("sender")
def test_a_receipt_is_for_its_sender(place: Place, operation: Operation) -> None:
    """Api.md: the same report to the same client later."""
    request = place.request(operation)
    assert place.send(place.client(EVERY_SCOPE, jobcentres=["849"]), operation, request).is_success
    other = place.client(EVERY_SCOPE, client_id="another", jobcentres=["*"])
    assert refusal(place.send(other, operation, request)) == (404, "not_found")
