"""Verification by others: signed heads, and the programs of the documentation."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest
from jwt.algorithms import ECAlgorithm

from tests.database import check_audit_trail, tamper
from tests.register import Register
from tests.routers.service.audit.common import Place, trail

ROOT = Path(__file__).parents[4]


def snippets() -> dict[str, str]:
    """The programs of docs/verify.md by their heading."""
    document = (ROOT / "docs" / "verify.md").read_text()
    sections = re.split(r"^## ", document, flags=re.MULTILINE)[1:]
    programs = {each.splitlines()[0]: re.findall(r"```python\n(.*?)```", each, re.DOTALL) for each in sections}
    return {heading: blocks[0] for heading, blocks in programs.items() if blocks}


def run(program: str, directory: Path, files: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in files.items():
        (directory / name).write_text(json.dumps(content))
    monkeypatch.chdir(directory)
    exec(compile(program, "docs/verify.md", "exec"), {})


def test_the_heads_are_signed(place: Place) -> None:
    answer = place.register.client("auditor").get("/v1/audit/heads").json()
    key = ECAlgorithm.from_jwk(answer["jwk"])
    statement = jwt.decode(answer["jws"], key, ["ES256"], options={"verify_iat": False})  # type: ignore[arg-type]
    assert statement["heads"] == answer["items"]
    assert statement["iat"] == int(place.register.clock.now.timestamp())
    assert "d" not in answer["jwk"]
    head, content, signature = answer["jws"].split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(f"{head}.{content[:-2]}AA.{signature}", key, ["ES256"])  # type: ignore[arg-type]


def test_the_key_of_the_heads_stays(fresh_register: Register) -> None:
    before = fresh_register.client("auditor").get("/v1/audit/heads").json()
    with Register(fresh_register.database_url, fresh_register.settings.data_dir) as again:
        assert again.client("auditor").get("/v1/audit/heads").json()["jwk"] == before["jwk"]


@pytest.fixture(scope="module")
def published(place: Place) -> Mapping[str, Any]:
    """What anyone with the right can fetch of a closed trial with a frozen assessment."""
    agency, auditor = place.register.client("agency"), place.register.client("auditor")
    for _ in range(12):
        someone = place.register.drawn(place.trial)
        place.ours.push(place.trial, "conversations", [place.talk(participant_id=someone)])
    frozen = agency.post(place.path("grant-assessments"), {"jobcentre": "849", "week": "2010-W50"})
    assert frozen.status_code == 201, frozen.text
    agency.post(f"/v1/trials/{place.trial}/close")
    heads = auditor.get("/v1/audit/heads").json()
    return {
        "trial.json": agency.get(f"/v1/trials/{place.trial}").json(),
        "draws.json": agency.get(place.path("draws"), limit=1000).json(),
        "heads.json": heads,
        "audit.json": {"items": trail(place)},
        "grants.json": agency.get(place.path("grant-assessments")).json(),
    }


@pytest.mark.parametrize("heading", ["The draws", "The audit trail", "A frozen grant assessment"])
def test_the_documented_programs_verify(
    published: Mapping[str, Any], heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(snippets()[heading], tmp_path, published, monkeypatch)


def _flip(draw: dict[str, Any]) -> None:
    draw["arm"] = "control" if draw["arm"] == "treatment" else "treatment"


def _first(draws: Sequence[dict[str, Any]], jobcentre: str) -> dict[str, Any]:
    return next(each for each in draws if each["jobcentre"] == jobcentre)


FORGERIES: Sequence[tuple[str, str, Callable[[Any], Any]]] = [
    ("The draws", "draws.json", lambda file: _flip(file["items"][3])),
    ("The draws", "draws.json", lambda file: file["items"].remove(_first(file["items"], "849"))),
    ("The draws", "trial.json", lambda file: file.update(seed="00" * 32)),
    ("The audit trail", "audit.json", lambda file: file["items"][5].update(client_id="forged")),
    ("The audit trail", "audit.json", lambda file: file["items"].pop(5)),
    ("The audit trail", "audit.json", lambda file: file["items"][7]["details"].update(x=1)),
    ("The audit trail", "heads.json", lambda file: file["items"][0].update(head="00" * 32)),
    ("A frozen grant assessment", "grants.json", lambda file: file["items"][0]["inputs"].pop()),
    ("A frozen grant assessment", "grants.json", lambda file: file["items"][0]["frozen"]["grant"].update(amount_dkk=1)),
]


@pytest.mark.parametrize("number", range(len(FORGERIES)))
def test_the_documented_programs_find_a_forgery(
    published: Mapping[str, Any], number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heading, name, forge = FORGERIES[number]
    files = json.loads(json.dumps(published))
    forge(files[name])
    with pytest.raises(AssertionError):
        run(snippets()[heading], tmp_path, files, monkeypatch)


def test_a_keeper_of_yesterdays_heads_sees_a_rewritten_chain(
    own_place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who rewrites a chain to its end, head included, still cannot rewrite a statement that others hold."""
    place, auditor = own_place, own_place.register.client("auditor")
    heads = auditor.get("/v1/audit/heads").json()
    tamper(
        place.register.database_url,
        "delete from audit_entry where jobcentre_code = '849'",
        "delete from audit_chain where jobcentre_code = '849'",
    )
    place.register.drawn(place.trial)
    assert check_audit_trail(place.register.database_url) == []
    files = {"heads.json": heads, "audit.json": {"items": trail(place)}}
    with pytest.raises((AssertionError, KeyError)):
        run(snippets()["The audit trail"], tmp_path, files, monkeypatch)
