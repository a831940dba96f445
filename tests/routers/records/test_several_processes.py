"""Several processes on one database: what one remembers of people never outlives what another registers."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.db.core.session import Database, make_engine
from app.db.integrity import check_register
from app.db.personal_data.vault import Vault
from app.startup import master_key_of
from tests.register import Register, record_id

pytestmark = pytest.mark.slow

_FIRST_DAY = date(2010, 11, 16)
_GONE = {"retracted": True, "retraction_reason": "duplicate"}


@pytest.fixture
def processes(new_database: Callable[[], str], tmp_path: Path) -> Iterator[list[Register]]:
    url = new_database()
    with ExitStack() as stack:
        yield [stack.enter_context(Register(url, tmp_path)) for _ in range(2)]


def _faults(register: Register) -> list[str]:
    async def run() -> list[str]:
        database = Database(make_engine(register.database_url, 2))
        async with database.engine.begin() as connection:
            vault = await Vault.open(connection, master_key_of(register.settings))
        faults = await check_register(database, vault)
        await database.engine.dispose()
        return faults

    return asyncio.run(run())


def _conversation(chance: random.Random, people: list[str]) -> dict[str, Any]:
    return {
        "participant_id": chance.choice(people),
        "date": str(_FIRST_DAY + timedelta(days=chance.randrange(200))),
        "form": chance.choice(["in_person", "in_person", "telephone"]),
        "status": chance.choice(["held", "held", "no_show"]),
    }


def _activation(chance: random.Random, people: list[str]) -> dict[str, Any]:
    start = _FIRST_DAY + timedelta(days=chance.randrange(120))
    return {
        "participant_id": chance.choice(people),
        "type": chance.choice(["part_time_job", "guidance_and_upskilling"]),
        "starts_on": str(start),
        "ends_on": str(start + timedelta(days=chance.randrange(60))),
        "hours_per_week": 12,
    }


@pytest.mark.parametrize("seed", range(3))
def test_whoever_judges_judges_by_all_that_is_registered(processes: list[Register], seed: int) -> None:
    """New records, corrections, moves and retractions through two processes: each tells beforehand what the other's
    answer will be, and everything kept is what the records come to."""
    chance = random.Random(seed)
    trial = processes[0].new_trial()
    people = [processes[0].drawn(trial, jobcentre=chance.choice(["849", "860"])) for _ in range(6)]
    systems = [each.sender(client_id="system") for each in processes]
    sent: dict[str, list[str]] = {"conversations": [], "activations": []}
    for revision in range(1, 60):
        kind = chance.choice(["conversations", "conversations", "activations"])
        make = _conversation if kind == "conversations" else _activation
        batch: list[dict[str, Any]] = []
        for _ in range(chance.randrange(1, 5)):
            known = [each for each in sent[kind] if each not in {record["external_id"] for record in batch}]
            again = bool(known) and chance.random() < 0.3
            record = {"external_id": chance.choice(known) if again else record_id(), "revision": revision}
            gone = again and chance.random() < 0.3
            batch.append(record | (_GONE if gone else make(chance, people)))
        sent[kind] += [record["external_id"] for record in batch]
        first, second = chance.sample(systems, 2)
        foretold = second.push(trial, kind, batch, dry_run=True, report="full")
        told = first.push(trial, kind, batch, report="full")
        assert told["results"] == foretold["results"]
        repeated = second.push(trial, kind, batch[-1:], report="full")
        assert [each["outcome"] for each in repeated["results"]] == ["unchanged"]
    for person in people:
        path = f"/v1/trials/{trial}/participants/{person}/weeks"
        one, other = (each.get(path).json()["items"] for each in systems)
        assert one == other
    assert _faults(processes[0]) == []
