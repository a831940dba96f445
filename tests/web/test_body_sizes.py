"""Sizes of bodies: 64 KiB where no batch is taken, and no more values than records can have."""

import json

import pytest

from app.web.json_body import SMALL_BODY, refuse_excess
from app.web.problems import Problem
from tests.register import Register, record_id


@pytest.fixture(scope="module")
def trial(register: Register) -> str:
    return register.new_trial()


def test_a_screening_has_at_most_64_kib(register: Register, trial: str) -> None:
    full = json.dumps(register.screening()).encode().ljust(SMALL_BODY)
    answers = [
        register.case_system().request(
            "POST", f"/v1/trials/{trial}/participants", content=body, headers={"Content-Type": "application/json"}
        )
        for body in (full, full + b" ")
    ]
    assert [answer.status_code for answer in answers] == [201, 413]
    assert answers[1].json()["code"] == "too_large"


def test_a_batch_has_more(register: Register, trial: str) -> None:
    records = [{"external_id": record_id(), "participant_id": register.drawn(trial), "date": "2010-11-16"}]
    body = json.dumps({"records": records}).encode() + b" " * SMALL_BODY
    response = register.case_system().request(
        "POST", f"/v1/trials/{trial}/conversations/batch", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.json()["counts"]["created"] == 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "conversations/batch"),
        ("POST", "activations/snapshot"),
        ("PUT", "conversations/x"),
        ("POST", "participants"),
        ("POST", "participants/lookup"),
        ("PATCH", "participants/01234567-89ab-7def-8123-456789abcdef"),
        ("POST", "participants/01234567-89ab-7def-8123-456789abcdef/cpr"),
    ],
)
def test_the_trial_is_looked_for_before_the_body(register: Register, method: str, path: str) -> None:
    response = register.case_system().request(
        method, f"/v1/trials/no-such-trial/{path}", content=b"[[],", headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 404


@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson", "text/csv"])
@pytest.mark.parametrize("piece", [b"[],", b"{},", b"1,", b"\n"])
def test_far_more_values_than_records_have_are_not_decoded(
    register: Register, trial: str, media_type: str, piece: bytes
) -> None:
    body = b'{"records":[' + piece * (4_000_000 // len(piece)) + b"1]}"
    response = register.case_system().request(
        "POST", f"/v1/trials/{trial}/conversations/batch", content=body, headers={"Content-Type": media_type}
    )
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_the_largest_batches_are_no_excess() -> None:
    record = {
        "external_id": "x" * 100,
        "focus": ["clarification"] * 7,
        "remote_ground": None,
        **dict.fromkeys("abcdefghijklmnopqr", 1),
    }
    refuse_excess(json.dumps({"records": [record] * 10_000}, indent=1).encode())
    with pytest.raises(Problem):
        refuse_excess(b"[" * 100_001)
