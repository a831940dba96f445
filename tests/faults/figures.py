"""Counts of a database after a fault: every acknowledged record is stored, whole and once."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from sqlalchemy.engine import make_url

from app.cli.operations import examine
from app.db.core.kinds import TABLES
from app.startup import embedded_in
from tests.faults.harness import KINDS
from tests.faults.load import Load


@dataclass(frozen=True, slots=True)
class Figures:
    """Batches: sent; acknowledged; of those found, whole, and lost, not whole; doubled, with a record there twice or
    from two batches; partial, not acknowledged and there in part; unanswered, not acknowledged and there whole.
    ``faults``: what the register finds wrong with itself."""

    sent: int
    acknowledged: int
    found: int
    lost: int
    doubled: int
    partial: int
    unanswered: int
    faults: Sequence[str]

    def all_is_well(self, at_least: int = 1) -> None:
        """Nothing lost, doubled or in part; so much was acknowledged that this says something."""
        assert (self.lost, self.doubled, self.partial, list(self.faults)) == (0, 0, 0, []), self
        assert self.found == self.acknowledged >= at_least, self


def query(url: str, *statements: str) -> list[asyncpg.Record]:
    """What the last statement gives, as the database's owner sees it."""

    async def run() -> list[asyncpg.Record]:
        parts = make_url(url)
        connection = await asyncpg.connect(
            host=str(parts.query["host"]),
            port=5432,
            user=parts.username,
            password=parts.password,
            database=parts.database,
        )
        try:
            await connection.execute("set app.jobcentres = '*'")
            rows: list[asyncpg.Record] = []
            for statement in statements:
                rows = await connection.fetch(statement)
            return rows
        finally:
            await connection.close()

    return asyncio.run(run())


@contextmanager
def strata_held(url: str, seconds: float, trial: str = "%") -> Iterator[None]:
    """Holds every stratum (of a trial) for some seconds, from before the block begins to after its end: writes wait."""
    held = threading.Event()

    async def hold() -> None:
        parts = make_url(url)
        connection = await asyncpg.connect(
            host=str(parts.query["host"]),
            port=5432,
            user=parts.username,
            password=parts.password,
            database=parts.database,
        )
        try:
            async with connection.transaction():
                await connection.execute("set local app.jobcentres = '*'")
                await connection.fetch("select from stratum where trial_id like $1 for update", trial)
                held.set()
                await asyncio.sleep(seconds)
        finally:
            await connection.close()

    thread = threading.Thread(target=lambda: asyncio.run(hold()), daemon=True)
    thread.start()
    assert held.wait(20)
    yield
    thread.join(20 + seconds)


def figures_of(url: str, master_key: bytes, *loads: Load) -> Figures:
    """Looks into the database for every batch of the loads."""
    versions: Counter[str] = Counter()
    batches: dict[str, set[str]] = {}
    for kind in KINDS:
        for row in query(url, f"select external_id, batch_id::text from {TABLES[kind].name}"):
            versions[row["external_id"]] += 1
            batches.setdefault(row["external_id"], set()).add(row["batch_id"])
    receipts = {row["id"] for row in query(url, "select batch_id::text as id from batch")}
    sent = [batch for load in loads for batch in load.sent]
    found = lost = doubled = partial = unanswered = 0
    for batch in sent:
        there = [each for each in batch.external_ids if versions[each]]
        came_in = set[str]().union(*(batches[each] for each in there))
        whole = len(there) == len(batch.external_ids) and came_in <= receipts
        doubled += len(came_in) > 1 or any(versions[each] > 1 for each in there)
        found += batch.acknowledged and whole
        lost += batch.acknowledged and not whole
        unanswered += not batch.acknowledged and whole
        partial += not batch.acknowledged and bool(there) and not whole
    acknowledged = sum(batch.acknowledged for batch in sent)
    faults = asyncio.run(examine(url, master_key))
    return Figures(len(sent), acknowledged, found, lost, doubled, partial, unanswered, faults)


@contextmanager
def database_at_rest(data_dir: Path) -> Iterator[str]:
    """The embedded database of a server that has gone."""
    with embedded_in(data_dir) as postgres:
        yield postgres.url


def figures_at_rest(data_dir: Path, *loads: Load) -> Figures:
    with database_at_rest(data_dir) as url:
        return figures_of(url, (data_dir / "master.key").read_bytes(), *loads)
