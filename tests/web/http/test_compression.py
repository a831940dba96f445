"""Content-Encoding: gzip is taken, bounded, and offered."""

import gzip
import json
from itertools import pairwise

import pytest

from tests.register import Register, record_id

JSON_GZIP = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


def _batch(participant: str, n: int = 1) -> bytes:
    records = [{"external_id": record_id(), "participant_id": participant, "date": "2010-11-16"} for _ in range(n)]
    return json.dumps({"records": records}).encode()


@pytest.mark.parametrize("members", [1, 3])
def test_a_gzip_batch_is_read(register: Register, members: int) -> None:
    trial = register.new_trial()
    body = _batch(register.drawn(trial), 50)
    cuts = [len(body) * i // members for i in range(members + 1)]
    packed = b"".join(gzip.compress(body[a:b]) for a, b in pairwise(cuts))
    case, path = register.case_system(), f"/v1/trials/{trial}/conversations/batch"
    report = case.request("POST", path, content=packed, headers=JSON_GZIP).json()
    assert report["counts"]["created"] == 50
    assert (
        case.request("POST", path, content=body, headers={"Content-Type": "application/json"}).json()["counts"][
            "unchanged"
        ]
        == 50
    )


def test_a_bomb_is_refused_before_it_expands(register: Register) -> None:
    trial = register.new_trial()
    packed = gzip.compress(b" " * (200 * 1024 * 1024))
    response = register.case_system().request(
        "POST", f"/v1/trials/{trial}/conversations/batch", content=packed, headers=JSON_GZIP
    )
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("damage", ["plain", "cut", "flipped"])
def test_damaged_gzip(register: Register, damage: str) -> None:
    trial = register.new_trial()
    packed = bytearray(gzip.compress(_batch(register.drawn(trial), 20)))
    sent = {"plain": b"{}", "cut": bytes(packed[:-9])}.get(damage)
    if sent is None:
        packed[len(packed) // 2] ^= 0xFF
        sent = bytes(packed)
    response = register.case_system().request(
        "POST", f"/v1/trials/{trial}/conversations/batch", content=sent, headers=JSON_GZIP
    )
    assert response.status_code == 400


def test_another_encoding_says_which_are_taken(register: Register) -> None:
    response = register.case_system().request(
        "POST", "/v1/trials/t/conversations/batch", content=b"x", headers={**JSON_GZIP, "Content-Encoding": "br"}
    )
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "gzip, identity"


def test_answers_are_offered_compressed(register: Register) -> None:
    agency = register.client("agency")
    for _ in range(3):
        register.new_trial()
    plain = agency.request("GET", "/v1/trials", headers={"Accept-Encoding": "identity"})
    packed = agency.request("GET", "/v1/trials", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert packed.json() == plain.json()
    assert packed.headers["etag"] == plain.headers["etag"]
    assert "Accept-Encoding" in packed.headers["vary"]
    assert (
        agency.request(
            "GET", "/v1/trials", headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["etag"]}
        ).status_code
        == 304
    )
