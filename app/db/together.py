"""Single records that arrive at the same time are stored together.

One transaction stores what came while the one before it ran. Each record waits until it is on disk itself, and is
answered as if it had come alone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from app.db.deliveries import Delivery, SentRecord
from app.db.record_reads import own_records
from app.db.records import receive
from app.db.session import Database, Sight
from app.domain.ingest import Report

_MOST = 500
_Line = tuple[str, str, str, Sight]
"""Trial, kind, client and what it sees: what records that are stored together have in common."""
Stored = tuple[UUID, Mapping[str, Any]]
"""A record as it stands, and the id of its version."""


@dataclass(slots=True)
class _Waiting:
    delivery: Delivery
    record: SentRecord
    done: asyncio.Future[tuple[Report, Stored | None]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Together:
    """The lines in which single records wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lines: dict[_Line, list[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def receive(self, delivery: Delivery) -> tuple[Report, Stored | None]:
        """Judges and stores one record; its report and, where it is not rejected, the record as it stands.

        The same as ``records.receive``, whose errors these are.
        """
        (record,) = delivery.records
        if isinstance(record, Report):
            return record, None
        waiting = _Waiting(delivery, record)
        if delivery.if_match is not None:
            return (await self._store([waiting]))[0]
        line = (delivery.trial.id, delivery.kind, delivery.client, delivery.sight)
        if line in self._lines:
            self._lines[line].append(waiting)
        else:
            self._lines[line] = [waiting]
            task = asyncio.create_task(self._work_off(line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await waiting.done

    async def _work_off(self, line: _Line) -> None:
        while group := _next_group(self._lines[line]):
            await self._answer(group)
        del self._lines[line]

    async def _answer(self, group: Sequence[_Waiting]) -> None:
        try:
            results = await self._store(group)
        except Exception as error:  # noqa: BLE001 - it is told to those who wait
            if len(group) > 1:  # one of them may be to blame, and the others are not
                for each in group:
                    await self._answer([each])
            elif not group[0].done.done():
                group[0].done.set_exception(error)
            return
        for each, result in zip(group, results, strict=True):
            if not each.done.done():  # whoever went away has it stored all the same
                each.done.set_result(result)

    async def _store(self, group: Sequence[_Waiting]) -> list[tuple[Report, Stored | None]]:
        delivery = replace(group[0].delivery, records=[each.record for each in group])
        received = await receive(self._database, delivery)
        ids = [each.record.external_id for each in group]
        kept = [each for each, report in zip(ids, received.reports, strict=True) if not report.errors]
        stored: Mapping[str, Stored] = {}
        if kept:
            async with self._database.read(delivery.sight) as connection:
                stored = await own_records(connection, delivery.kind, delivery.trial.id, delivery.client, kept)
        return [(report, stored.get(each)) for each, report in zip(ids, received.reports, strict=True)]


def _next_group(waiting: list[_Waiting]) -> list[_Waiting]:
    """Takes those who are next, of each external id the first: what came later is judged after it."""
    group: dict[str, _Waiting] = {}
    for each in waiting[:_MOST]:
        group.setdefault(each.record.external_id, each)
    taken = set(map(id, group.values()))
    waiting[:] = [each for each in waiting if id(each) not in taken]
    return list(group.values())
