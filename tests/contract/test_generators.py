"""The contract as generators need it (api.md, Conventions): addresses with a suffix, flat items, OpenAPI 3.0."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.main import create_app
from app.settings import Settings
from tests.register import Client, Register, faults

APP = create_app(Settings())
DOCUMENT: dict[str, Any] = APP.openapi()
TYPES = {
    "csv": "text/csv",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
READ = [path for path, item in DOCUMENT["paths"].items() if path.rpartition(".")[2] in TYPES and "get" in item]


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for name, value in node.items():
            if name not in ("example", "examples", "default", "value"):
                yield from _nodes(value)
    elif isinstance(node, list):
        for each in node:
            yield from _nodes(each)


@pytest.fixture(scope="module")
def trial(register: Register) -> str:
    trial = register.new_trial()
    register.drawn(trial)
    return trial


@pytest.mark.parametrize("path", READ)
def test_a_suffix_stands_for_accept(register: Register, trial: str, path: str) -> None:
    plain, _, suffix = path.format(trial=trial).rpartition(".")
    client = register.client("evaluator" if "panel" in path or "person-weeks" in path else "case-system")
    answer = client.request("GET", f"{plain}.{suffix}", headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == TYPES[suffix]
    content = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]
    assert list(content) == [TYPES[suffix]]
    assert client.request("HEAD", f"{plain}.{suffix}").status_code == 200


def test_a_suffix_of_a_batch_stands_for_its_type(register: Register, trial: str) -> None:
    person = register.drawn(trial)
    client = register.case_system()
    path = f"/v1/trials/{trial}/conversations/batch"
    table = f"external_id,participant_id,date\r\na-1,{person},2010-11-16\r\n"
    report = client.request("POST", f"{path}.csv", content=table.encode(), headers={"Content-Type": "text/plain"})
    assert (report.status_code, report.json()["counts"]["created"]) == (207, 1), report.text
    line = f'{{"external_id": "a-2", "participant_id": "{person}", "date": "2010-11-17"}}\n'
    report = client.request("POST", f"{path}.ndjson?dry_run=true", content=line.encode())
    assert (report.status_code, report.json()["counts"]["created"]) == (207, 1), report.text


@pytest.mark.parametrize("path", ["weekly-summary.parquet", "conversations.csv", "weekly-summary.CSV", "batch.csv"])
def test_any_other_suffix_is_another_address(register: Register, trial: str, path: str) -> None:
    assert register.case_system().request("GET", f"/v1/trials/{trial}/{path}").status_code == 404


def test_a_record_may_be_named_like_a_file(register: Register, trial: str) -> None:
    client, person = register.case_system(), register.drawn(trial)
    path = f"/v1/trials/{trial}/conversations/batch.csv"
    assert client.put(path, {"participant_id": person, "date": "2010-11-16"}).status_code == 201
    assert client.get(path).json()["external_id"] == "batch.csv"


def _push(client: Client, trial: str, *records: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = client.push(trial, "conversations", list(records))
    return report


def test_an_item_is_one_flat_object(register: Register, trial: str) -> None:
    """What generated clients send: nulls, and `retracted` beside facts."""
    client, person = register.case_system(client_id="flat"), register.drawn(trial)
    facts = {"external_id": "flat", "revision": 1, "participant_id": person, "date": "2010-11-16"}
    taken_back = {"external_id": "flat", "revision": 2, "retracted": True, "retraction_reason": "duplicate"}
    nulls = dict.fromkeys(DOCUMENT["components"]["schemas"]["ConversationItem"]["properties"])
    report = _push(client, trial, {**facts, "retracted": False, "retraction_reason": None}, {**nulls, **taken_back})
    assert (report["counts"]["created"], report["counts"]["retracted"]) == (1, 1), report
    report = _push(client, trial, {**nulls, "external_id": "no-facts"})
    assert ("/records/0/date", "missing_field") in faults(report["results"][0])


def test_scalars_may_be_null_without_a_union() -> None:
    for node in _nodes(DOCUMENT):
        inner = [part for part in node.get("anyOf", []) if part != {"type": "null"}]
        assert len(inner) != 1 or "$ref" in inner[0], node
    assert DOCUMENT["components"]["schemas"]["MatchGroup"]["x-enum-varnames"] == [
        "MATCH_GROUP_1",
        "MATCH_GROUP_2",
        "MATCH_GROUP_3",
    ]


def test_openapi_30_says_the_same_in_the_older_words(register: Register) -> None:
    old = register.client("agency").request("GET", "/openapi-3.0.json").json()
    assert old["openapi"] == "3.0.3"
    assert old["paths"].keys() == DOCUMENT["paths"].keys()
    assert old["components"]["schemas"].keys() == DOCUMENT["components"]["schemas"].keys()
    for node in _nodes(old):
        assert not isinstance(node.get("type"), list), node
        assert node.get("type") != "null", node
        assert "const" not in node, node
        assert not isinstance(node.get("examples"), list), node
        assert not isinstance(node.get("exclusiveMinimum"), float), node
        if "schemas" in str(node.get("$ref", "")):
            assert list(node) == ["$ref"], node
    item = old["components"]["schemas"]["ConversationItem"]["properties"]
    assert item["revision"]["nullable"]
    assert item["form"]["allOf"] == [{"$ref": "#/components/schemas/ConversationForm"}]
