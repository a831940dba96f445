"""Privacy of batch responses: no value of a body is repeated."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.register import new_cpr
from tests.routers.records.batches.common import Place, problem


def canaries(cpr: str) -> Iterator[tuple[str, bytes]]:
    """Bodies with a CPR number in every place where one could stand, and their media types."""
    good = {"external_id": "canary", "date": "2010-11-16"}
    names = (
        "external_id",
        "revision",
        "participant_id",
        "date",
        "status",
        "form",
        "focus",
        "mentor_present",
        "justification",
        "retracted",
        "retraction_reason",
    )
    for name in names:
        for value in (cpr, int(cpr), [cpr], {cpr: cpr}):
            yield "application/json", json.dumps({"records": [{**good, "cpr": "x", name: value}]}).encode()
    records: list[Any] = [{**good, cpr: cpr}, {cpr: cpr}, cpr, int(cpr), [cpr], {**good, "cpr": f"{cpr}9"}]
    records += [{**good, "cpr": cpr}, {**good, "cpr": f"{cpr[:6]}-{cpr[6:]}"}, {**good, "cpr": cpr, "date": cpr}]
    records += [{**good, "retracted": True, "retraction_reason": cpr}, {**good, "focus": [[cpr], {cpr: 1}]}]
    yield "application/json", json.dumps({"records": records}).encode()
    for body in (cpr, f'"{cpr}"', f'{{"{cpr}": 1}}', f'{{"records": "{cpr}"}}', f'{{"records": [{cpr}', f"[{cpr}]"):
        yield "application/json", body.encode()
    yield "application/json", json.dumps({"records": [], cpr: cpr}).encode()
    yield "application/x-ndjson", f'{cpr}\n"{cpr}"\n{{"{cpr}\n{{"{cpr}": 1}}\n{{"cpr": "{cpr}"}}\n'.encode()
    yield "text/csv", f"external_id,{cpr}\ncanary,{cpr}\n{cpr},{cpr},{cpr}\n".encode()
    yield "text/csv", f"external_id,date,cpr\ncanary,{cpr},{cpr}\n{cpr},2010-11-16,{cpr}\n".encode()
    yield "text/csv", f'external_id,"{cpr}"{cpr}\n'.encode()
    yield "text/csv", f"{cpr},{cpr}\n".encode()
    yield f"text/{cpr}", cpr.encode()


@pytest.mark.parametrize("report", ["default", "full"])
def test_no_value_of_a_body_comes_back(place: Place, report: str) -> None:
    """In no report, no problem, no header, and no receipt (api.md: "No error … ever repeats a value")."""
    cpr = new_cpr()
    for kind in ("conversations", "activations"):
        for media_type, body in canaries(cpr):
            answer = place.send(body, media_type, kind, report=report)
            assert answer.status_code in (207, 400, 415, 422), (answer.status_code, body)
            shown = f"{answer.text} {dict(answer.headers)}"
            if answer.status_code == 207:
                receipt = place.ours.get(f"/v1/batches/{answer.json()['batch_id']}")
                assert receipt.json() == answer.json()
                shown += receipt.text
            assert cpr not in shown, body
            assert f"{cpr[:6]}-{cpr[6:]}" not in shown, body


def test_a_pointer_to_an_unknown_field_ends_at_its_parent(place: Place) -> None:
    assert place.errors(place.record(secret_of_someone=1)) == {("", "unknown_field")}
    response = place.send('{"records": [{}], "secret_of_someone": 1}')
    problem(response, 422, "malformed", ("", "unknown_field"))
    assert "secret" not in response.text
