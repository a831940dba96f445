"""A delivery that others of the same client outrun every time is told to come again; nothing of it is stored."""

from typing import Any

import httpx2
import pytest

from app.db.records import pipeline as records
from app.db.records.versions import ChangedMeanwhileError
from tests.register import Register, record_id


def _loses_every_race(*_: Any) -> Any:
    raise ChangedMeanwhileError


def _told_to_come_again(response: httpx2.Response) -> None:
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert response.headers["retry-after"] == "5"


def test_a_delivery_that_loses_every_race(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = register.new_trial()
    person, system, external_id = register.drawn(trial), register.case_system(), record_id()
    path = f"/v1/trials/{trial}/conversations"
    record = {"participant_id": person, "date": "2010-11-16"}
    with monkeypatch.context() as patch:
        patch.setattr(records, "_receive_once", _loses_every_race)
        batch = {"records": [{"external_id": external_id, **record}]}
        _told_to_come_again(system.post(f"{path}/batch", batch))
        _told_to_come_again(system.put(f"{path}/{external_id}", record))
        _told_to_come_again(system.delete(f"{path}/{external_id}"))
    assert system.get(f"{path}/{external_id}").status_code == 404
    assert system.put(f"{path}/{external_id}", record).status_code == 201
