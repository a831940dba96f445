"""Notes reads and refused accesses in the audit trail, in groups: an answer waits until its own entry is on disk.

One task writes whatever has gathered while the last group was written. Alike entries of a group become one with ``times``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from app.db.audit import Entry, append
from app.db.session import EVERYTHING, Database


class ReadLog:
    """The chains of reads. ``start`` and ``stop`` belong to the application's lifespan."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Writes what is left, then ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._flush()

    async def note(self, entry: Entry) -> None:
        """Returns when the entry is on disk; raises what the database raised when it could not be written."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        self._wake.set()
        await done

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._flush()

    async def _flush(self) -> None:
        group, self._waiting = self._waiting, []
        if not group:
            return
        try:
            async with self._database.write(EVERYTHING) as connection:
                await append(connection, _merged([entry for entry, _ in group]), "reads")
        except BaseException as error:
            for _, done in group:
                if not done.done():
                    done.set_exception(
                        error if isinstance(error, Exception) else ConnectionResetError("the service is stopping")
                    )
            if not isinstance(error, Exception):
                raise
            return
        for _, done in group:
            if not done.done():
                done.set_result(None)


def _merged(entries: Sequence[Entry]) -> list[Entry]:
    """Alike entries as one that says how often, in the order of their first."""
    counted: dict[str, tuple[Entry, int]] = {}
    for entry in entries:
        first, times = counted.get(key := repr(entry), (entry, 0))
        counted[key] = (first, times + 1)
    return [
        entry if times == 1 else replace(entry, details={**entry.details, "times": times})
        for entry, times in counted.values()
    ]

