"""A register's record on its way while the number that it was sent by is corrected or erased (domain 3.4)."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from app.cli.operations import erase_person
from app.db.records.judge import BatchJudge
from tests.database import query, register_faults
from tests.register import Register, new_cpr
from tests.routers.participants.correction_place import Place


def _correct(place: Place, participant: str) -> None:
    assert place.correct(participant, new_cpr()).status_code == 200


def _erase(place: Place, participant: str) -> None:
    asyncio.run(erase_person(place.register.database_url, place.trial, UUID(participant), "operator"))


@pytest.mark.parametrize("change", [_correct, _erase])
def test_the_number_changes_before_the_lock(
    fresh_register: Register, monkeypatch: pytest.MonkeyPatch, change: Callable[[Place, str], None]
) -> None:
    place = Place(fresh_register, fresh_register.new_trial(), fresh_register.sender(client_id="everywhere"))
    anna, number = place.screened()
    lock, calls = BatchJudge._lock, list[int]()

    async def late(self: BatchJudge, *arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            await asyncio.to_thread(change, place, anna)
        await lock(self, *arguments)

    monkeypatch.setattr(BatchJudge, "_lock", late)
    _, report = place.deliver(number)
    assert report["results"][0]["errors"][0]["code"] == "unknown_participant"
    assert len(calls) == 2
    assert query(fresh_register.database_url, "select from outcome") == []
    assert register_faults(fresh_register) == []
