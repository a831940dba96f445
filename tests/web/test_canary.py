"""A CPR number in every place of every request where a client can put one: it is found nowhere but sealed in the vault.

Answers, headers of answers, log, spans, metrics, audit trail, every table outside the vault, PostgreSQL's own log. Two
places are left out: ``p_number``, whose ten digits are those of a production unit, and ``revision``, any integer.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.postgres.supervisor import EmbeddedPostgres
from tests.database import query
from tests.register import Client, Register, record_id
from tests.web.test_access import GUARDED, Operation, Request
from tests.web.test_access import Place as Requests

SPANS = InMemorySpanExporter()
MAY_BE = {"p_number", "revision"}


@dataclass(frozen=True)
class Canary:
    """A synthetic CPR number that only one test uses."""

    number: str

    @property
    def forms(self) -> tuple[str, ...]:
        return (self.number, f"{self.number[:6]}-{self.number[6:]}")

    def in_text(self, text: str) -> bool:
        return any(form in text for form in self.forms)


@dataclass
class Place:
    register: Register
    requests: Requests
    clients: list[Client]

    def send(self, canary: Canary, operation: Operation, request: Request, **more: Any) -> None:
        """As a client with every right, and as one with none; neither answer may sing."""
        options = {"params": request.parameters, **more}
        if not options.keys() & {"content", "json"}:
            options["json"] = request.body
        for client in self.clients[: 2 if more else 1]:
            response = client.request(operation.method, request.path, **options)
            assert response.status_code < 500, (operation.name, request.path, more)
            assert not canary.in_text(response.text), (request, more, response.text[:300])
            headers = {name: value for name, value in response.headers.items() if name != "link"}  # own query, again
            assert not canary.in_text(str(headers)), (request, more, headers)


@pytest.fixture(scope="module")
def place(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(SPANS))
    trace.set_tracer_provider(provider)
    with Register(new_database(), tmp_path_factory.mktemp("canary")) as register:
        trial = register.new_trial()
        body = register.screening()
        answer = register.case_system().post(f"/v1/trials/{trial}/participants", body).json()
        requests = Requests(register, trial, answer["participant_id"], body["cpr"])
        nobody = requests.client(frozenset(), client_id="nobody")
        yield Place(register, requests, [requests.all_mighty(), nobody])


def canary_of(operation: Operation) -> Canary:
    return Canary(f"711280{2000 + GUARDED.index(operation):04d}")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values in a JSON document, containers too."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from leaves(inner, (*path, key))


def with_value(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    node = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return changed


def properties(operation: Operation, document: Mapping[str, Any]) -> set[str]:
    """Every name that a body of the operation may have, as far as the contract says."""
    names: set[str] = set()
    pending: list[Any] = [operation.document.get("requestBody", {})]
    seen: set[str] = set()
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            names |= set(node.get("properties", {}))
            reference = node.get("$ref")
            if isinstance(reference, str) and reference not in seen:
                seen.add(reference)
                pending.append(document["components"]["schemas"].get(reference.rsplit("/", 1)[-1]))
            pending += node.values()
        elif isinstance(node, list):
            pending += node
    return names - MAY_BE


def bodies(operation: Operation, body: Any, number: str, document: Mapping[str, Any]) -> Iterator[Any]:
    """The valid body with the number in place of every value, in every field left out, and as the name of a field."""
    names = properties(operation, document)
    if "-" in number:
        yield from (with_value(body, path, number) for path in leaves(body))
        return
    for path in leaves(body):
        for value in (number, [number], {number: number}, int(number)):
            if path[-1] not in MAY_BE:
                yield with_value(body, path, value)
    containers = [(), *(path for path in leaves(body) if isinstance(at(body, path), dict))]
    for path in containers:
        node = at(body, path)
        for name in (*sorted(names - set(node)), number, "unknown"):
            for value in (number, [number]):
                changed = copy.deepcopy(body)
                at(changed, path)[name] = value
                yield changed
    yield from (number, [number], {number: number}, int(number))


def at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


RAW: Mapping[str, Callable[[str], str]] = {
    "application/json": lambda number: f'{{"cpr": "{number}", {number}',
    "application/x-ndjson": lambda number: f'{{"external_id": "{number}", "cpr": "{number}"}}\n{number}\n',
    "text/csv": lambda number: f'external_id,cpr,{number},date\n{number},{number},{number},{number}\n"{number}',
    "text/csv; charset=utf-8": lambda number: f"external_id,cpr,date\n{number},{number},{number}\n",
    "text/plain": lambda number: number,
    "application/x-www-form-urlencoded": lambda number: f"cpr={number}&{number}={number}",
}
HEADERS = ("Idempotency-Key", "If-Match", "If-None-Match", "User-Agent", "X-Request-ID", "Accept", "Accept-Language")


def leaks(url: str, canary: Canary) -> list[str]:
    """The tables outside the vault, the audit trail among them, that have the number anywhere in a row."""
    tables = [
        row[0]
        for row in query(
            url,
            "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
        )
    ]
    forms = [f"%{form}%" for form in canary.forms] + [f"%{form.encode().hex()}%" for form in canary.forms]
    found = " union all ".join(f"select '{name}' as name from {name} x where x::text like any($1)" for name in tables)
    return sorted({row["name"] for row in query(url, found, arguments=[forms])})


@pytest.mark.parametrize("operation", GUARDED, ids=lambda operation: operation.name)
def test_a_number_is_found_nowhere(place: Place, operation: Operation, capfd: pytest.CaptureFixture[str]) -> None:
    canary = canary_of(operation)
    document = place.register.app.openapi()
    base = place.requests.request(operation)
    capfd.readouterr()
    for number in canary.forms:
        _everywhere(place, canary, operation, base, number, document)
    out, err = capfd.readouterr()
    assert not canary.in_text(out + err), "log"
    assert not canary.in_text(place.register.http.get("/metrics").text), "metrics"
    for span in SPANS.get_finished_spans():
        assert not canary.in_text(span.to_json()), "span"
    SPANS.clear()
    assert leaks(place.register.database_url, canary) == []


def _everywhere(
    place: Place, canary: Canary, operation: Operation, base: Request, number: str, document: Mapping[str, Any]
) -> None:
    if base.body is not None:
        for body in bodies(operation, base.body, number, document):
            place.send(canary, operation, Request(base.path, base.parameters, body))
    if "-" in number:
        return
    parameters = [each for each in operation.document.get("parameters", []) if each.get("name") not in MAY_BE]
    for name in [each["name"] for each in parameters if each.get("in") == "query"] + [number, "unknown"]:
        for value in (number,):
            place.send(canary, operation, Request(base.path, {**base.parameters, name: value}, base.body))
    parts = base.path.split("/")
    for place_of_part in range(2, len(parts) + (0 if operation.kind else 1)):
        path = "/".join([*parts[:place_of_part], number, *parts[place_of_part + 1 :]])
        place.send(canary, operation, Request(path, base.parameters, base.body))
    for name in HEADERS:
        place.send(canary, operation, base, headers={name: number})
    place.send(canary, operation, base, headers={"Authorization": f"Bearer {number}"})
    for media_type, raw in RAW.items():
        place.send(canary, operation, base, content=raw(number).encode(), headers={"Content-Type": media_type})
    place.send(canary, operation, base, content=number.encode(), headers={"Content-Type": f"text/{number}"})
    place.send(canary, operation, base, content=json.dumps(number).encode(), headers={"Content-Encoding": number})


@pytest.mark.parametrize("operation", GUARDED, ids=lambda operation: operation.name)
def test_no_meaning_repeats_a_word_that_was_sent(place: Place, operation: Operation) -> None:
    """A word that resembles a name of the contract is no number, and so passes the checks that stop one."""
    word, base = "starts_onn", place.requests.request(operation)
    requests = [Request(base.path, {**base.parameters, "starts_at": word}, base.body)]
    if isinstance(base.body, dict):
        bodies = [with_value(base.body, path, word) for path in leaves(base.body)]
        bodies += [{**base.body, word: 1}]
        bodies += [{**base.body, "records": [{**record, word: 1}]} for record in base.body.get("records", ())]
        requests += [Request(base.path, base.parameters, body) for body in bodies]
    for language in ("en", "da"):
        for request in requests:
            response = place.clients[0].request(
                operation.method,
                request.path,
                params=request.parameters,
                json=request.body,
                headers={"Accept-Language": language},
            )
            faulty = [response.json()] if response.status_code >= 400 else []
            faulty += response.json()["results"] if response.status_code == 207 else []
            for document in faulty:
                said = [document.get("meaning", ""), *(error["meaning"] for error in document.get("errors", ()))]
                assert word not in " ".join(said), (request, said)


def test_a_number_in_its_own_field_is_kept_in_the_vault_alone(
    place: Place, postgres: EmbeddedPostgres, capfd: pytest.CaptureFixture[str]
) -> None:
    """Screened, looked up, sent with records of every kind, single and in batches, corrected: as it is meant to be."""
    one, other = Canary("7112809901"), Canary("7112809902")
    system = place.register.case_system(client_id="canary")
    trial = place.requests.trial
    path = f"/v1/trials/{trial}"
    sent = system.post(f"{path}/participants", place.register.screening(cpr=one.forms[1]))
    answers = [sent]
    participant = sent.json()["participant_id"]
    answers += [
        system.post(f"{path}/participants/lookup", {"cpr": one.number}),
        system.put(f"{path}/conversations/{record_id()}", {"cpr": one.number, "date": "2010-11-16"}),
        system.post(
            f"{path}/conversations/batch",
            {"records": [{"external_id": record_id(), "cpr": form, "date": "2010-11-17"} for form in one.forms]},
            report="full",
        ),
        system.request(
            "POST",
            f"{path}/conversations/batch",
            content=f"external_id,cpr,date\n{record_id()},{one.number},2010-11-18\n",
            headers={"Content-Type": "text/csv"},
        ),
        system.post(f"{path}/participants/{participant}/cpr", {"cpr": other.number, "reason": "typing_error"}),
        system.post(f"{path}/participants", place.register.screening(cpr=one.number, jobcentre="860")),
        system.get(f"{path}/conversations", participant_id=participant),
        place.register.client("auditor").get("/v1/audit", limit=1000),
    ]
    assert [each.status_code for each in answers] == [201, 200, 201, 207, 207, 202, 201, 200, 200]
    out, err = capfd.readouterr()
    log = (postgres.data_dir / "postgres.log").read_text()
    everything = out + err + log + place.register.http.get("/metrics").text
    everything += "".join(each.text + str(dict(each.headers)) for each in answers)
    everything += "".join(span.to_json() or "" for span in SPANS.get_finished_spans())
    for canary in (one, other):
        assert not canary.in_text(everything)
        assert leaks(place.register.database_url, canary) == []
    sealed = query(place.register.database_url, "select string_agg(x::text, '') from vault.identity x")[0][0]
    assert one.number.encode().hex() not in sealed


def test_the_canary_would_be_heard(place: Place) -> None:
    """The search itself finds what is there: a number that got past all checks, say."""
    query(
        place.register.database_url,
        """
        insert into contact_person (jobcentre_code, trial_id, participant_id, registered_at, name, client_id)
        select jobcentre_code, trial_id, participant_id, now(), 'Team 711280-9903 x', 'x' from participant limit 1
        """,
        "update participant set contact_person = 'Team 711280-9903 x'",
    )
    assert set(leaks(place.register.database_url, Canary("7112809903"))) >= {"contact_person", "participant"}
