"""A batch whose records other requests change in every attempt gets 503 with a Retry-After; nothing is stored."""

from typing import Any

import httpx2
import pytest

from app.db.records import pipeline
from app.db.records.versions import ChangedMeanwhileError
from tests.register import Register, record_id


def _loses_every_race(*_: Any) -> Any:
    raise ChangedMeanwhileError


def _is_unavailable(response: httpx2.Response) -> None:
    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert response.headers["retry-after"] == "5"


def test_a_batch_that_loses_every_race(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = register.new_trial()
    person, system, external_id = register.drawn(trial), register.sender(), record_id()
    path = f"/v1/trials/{trial}/conversations"
    record = {"participant_id": person, "date": "2010-11-16"}
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "_receive_once", _loses_every_race)
        batch = {"records": [{"external_id": external_id, **record}]}
        _is_unavailable(system.post(f"{path}/batch", batch))
        _is_unavailable(system.put(f"{path}/{external_id}", record))
        _is_unavailable(system.delete(f"{path}/{external_id}"))
    assert system.get(f"{path}/{external_id}").status_code == 404
    assert system.put(f"{path}/{external_id}", record).status_code == 201
