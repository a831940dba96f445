"""What the database alone charges: floors (a) and (b), on the product's columns, keys and foreign keys."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from benchmarks.measure import timed
from benchmarks.place import Place

_FOREVER = datetime.max.replace(tzinfo=UTC)


def like_conversation(table: str) -> tuple[str, ...]:
    """What makes a table with the product's columns, keys and foreign keys."""
    return (
        f"drop table if exists {table}",
        f"create table {table} (like conversation including all)",
        f"alter table {table} add foreign key (jobcentre_code, trial_id, participant_id) references participant",
        f"alter table {table} add unique (trial_id, client_id, external_id)",
    )


class Floors:
    """A table like ``conversation`` with its keys, the key of a record, and a foreign key to the participants."""

    def __init__(self, place: Place, trial: str, people: Sequence[UUID]) -> None:
        self.trial, self.people = trial, people
        self.loop = asyncio.new_event_loop()
        self.connection: asyncpg.Connection = self.loop.run_until_complete(place.connect())
        self.columns: list[str] = []
        self.codes: dict[UUID, str] = {}
        self.loop.run_until_complete(self._prepare())

    async def _prepare(self) -> None:
        for statement in like_conversation("floor"):
            await self.connection.execute(statement)
        rows = await self.connection.fetch(
            "select column_name from information_schema.columns where table_name = 'floor' order by ordinal_position"
        )
        self.columns = [row[0] for row in rows]
        found = await self.connection.fetch(
            "select participant_id, jobcentre_code from participant where trial_id = $1", self.trial
        )
        self.codes = {row["participant_id"]: row["jobcentre_code"] for row in found}

    def rows(self, how_many: int, seed: int) -> list[tuple[Any, ...]]:
        """Rows as the product would write them."""
        chance, moment, batch = random.Random(seed), datetime.now(UTC), uuid4()
        rows = []
        for n in range(how_many):
            person, version = self.people[(n * 7 + seed) % len(self.people)], uuid4()
            values = {
                "jobcentre_code": self.codes[person],
                "trial_id": self.trial,
                "version_id": version,
                "record_id": version,
                "participant_id": person,
                "client_id": "floor",
                "external_id": f"{seed}-{n}",
                "revision": 1,
                "batch_id": batch,
                "registered_at": moment,
                "superseded_at": _FOREVER,
                "date": date(2011, chance.randint(1, 12), chance.randint(1, 28)),
                "status": "held",
                "form": "in_person",
                "place": "jobcentre",
                "conducted_by": "caseworker",
                "mentor_present": False,
                "job_interview": False,
                "focus": [],
            }
            rows.append(tuple(values.get(column) for column in self.columns))
        return rows

    def copy(self, how_many: int, seed: int) -> float:
        """Floor (a): binary COPY into the table."""
        rows = self.rows(how_many, seed)
        return timed(lambda: self.loop.run_until_complete(self._copy("floor", rows)))

    def fill(self, table: str, how_many: int, seed: int) -> None:
        """Rows straight into a table of the same columns."""
        self.loop.run_until_complete(self._copy(table, self.rows(how_many, seed)))

    def upsert(self, how_many: int, seed: int) -> float:
        """Floor (b): COPY to a temporary table, and upsert from there."""
        rows = self.rows(how_many, seed)
        return timed(lambda: self.loop.run_until_complete(self._upsert(rows)))

    async def _copy(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        await self.connection.copy_records_to_table(table, records=rows, columns=self.columns)

    async def _upsert(self, rows: list[tuple[Any, ...]]) -> None:
        async with self.connection.transaction():
            await self.connection.execute("create temporary table stage (like floor) on commit drop")
            await self._copy("stage", rows)
            await self.connection.execute(
                """
                insert into floor select * from stage on conflict (trial_id, client_id, external_id) do update
                set revision = excluded.revision, date = excluded.date, form = excluded.form
                where (floor.revision, floor.date, floor.form)
                      is distinct from (excluded.revision, excluded.date, excluded.form)
                """
            )
