"""Single records that arrive at the same time share a transaction, and are answered as if each had come alone."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from app.db.core.session import Database
from app.db.derived.participant_cache import ParticipantCache
from app.db.records import group_commit
from app.db.records.batch_request import BatchRequest, BatchResult, RecordInput
from app.db.records.pipeline import receive
from app.domain.records.errors import DomainError
from tests.register import Register, record_id

_AT_ONCE = 24
Receive = Callable[[Database, ParticipantCache, BatchRequest], Awaitable[BatchResult]]


def _all_at_once(calls: list[Callable[[], httpx2.Response]]) -> list[httpx2.Response]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The external ids of each batch. Each takes a moment, so that others wait for the next."""
    seen: list[list[str]] = []

    async def slowly(database: Database, participant_cache: ParticipantCache, request: BatchRequest) -> BatchResult:
        ids = [record.external_id for record in request.records if isinstance(record, RecordInput)]
        seen.append(ids)
        await asyncio.sleep(0.05)
        if any(each.startswith("poison") for each in ids):
            raise DomainError("database_unavailable")
        return await receive(database, participant_cache, request)

    monkeypatch.setattr(group_commit, "receive", slowly)
    return seen


def test_each_gets_the_answer_to_its_own(register: Register, groups: list[list[str]]) -> None:
    trial = register.new_trial()
    people = [register.drawn(trial) for _ in range(3)]
    system, path = register.case_system(), f"/v1/trials/{trial}/conversations"
    ids = [record_id() for _ in range(_AT_ONCE)]

    def put(number: int) -> httpx2.Response:
        record: dict[str, Any] = {"participant_id": people[number % 3], "date": f"2010-12-{1 + number % 24:02d}"}
        if number == 5:
            record["participant_id"] = "00000000-0000-7000-8000-000000000000"
        return system.put(f"{path}/{ids[number]}", record)

    answers = _all_at_once([lambda number=number: put(number) for number in range(_AT_ONCE)])  # type: ignore[misc]
    assert len(groups) < _AT_ONCE
    for number, answer in enumerate(answers):
        if number == 5:
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_participant")
            continue
        assert answer.status_code == 201
        stored = system.get(f"{path}/{ids[number]}")
        assert stored.headers["etag"] == answer.headers["etag"]
        assert stored.json()["date"] == answer.json()["date"] == f"2010-12-{1 + number % 24:02d}"


def test_one_external_id_several_times_is_judged_one_after_the_other(
    register: Register, groups: list[list[str]]
) -> None:
    trial = register.new_trial()
    person, system, external_id = register.drawn(trial), register.case_system(), record_id()
    path = f"/v1/trials/{trial}/conversations/{external_id}"
    record = {"participant_id": person, "date": "2010-12-01", "revision": 1}
    answers = _all_at_once([lambda: system.put(path, record)] * 6)
    assert sorted(each.status_code for each in answers) == [200] * 5 + [201]
    assert [each.json()["outcome"] for each in answers].count("unchanged") == 5
    assert all(len(set(ids)) == len(ids) for ids in groups)


def test_one_that_fails_takes_no_other_with_it(register: Register, groups: list[list[str]]) -> None:
    trial = register.new_trial()
    person, system, path = register.drawn(trial), register.case_system(), f"/v1/trials/{trial}/conversations"
    ids = [record_id() for _ in range(8)] + [f"poison-{record_id()}"]
    record = {"participant_id": person, "date": "2010-12-01"}
    answers = _all_at_once([lambda each=each: system.put(f"{path}/{each}", record) for each in ids])  # type: ignore[misc]
    assert [each.status_code for each in answers] == [201] * 8 + [503]
    assert [system.get(f"{path}/{each}").status_code for each in ids] == [200] * 8 + [404]
    assert any(len(group) > 1 for group in groups)
