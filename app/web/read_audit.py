"""Notes reads and refused accesses in the audit trail, in groups: an answer waits until its own entry is on disk.

One task writes whatever has gathered while the last group was written. Alike entries of a group become one with
``times``.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.audit.log import EVERYWHERE, NewAuditEntry, append_by
from app.db.core.session import SYSTEM_SCOPE, Database

_log = structlog.get_logger(__name__)


class ReadAudit:
    """The chains of reads. ``start`` and ``stop`` belong to the application's lifespan."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[NewAuditEntry, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to write, in the running loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Writes what is left, then ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._flush()

    async def note(self, entry: NewAuditEntry) -> None:
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
            async with self._database.driver(SYSTEM_SCOPE) as driver:
                await append_by(driver, _merged([entry for entry, _ in group]), "reads")
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


class RefusalAuditMiddleware:
    """ASGI middleware: a refused access (401, 403, 404 of the API) is in the trail before it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self.app(scope, receive, send)
            return

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (401, 403, 404):
                await self._note(scope, message["status"])
            await send(message)

        await self.app(scope, receive, watched)

    async def _note(self, scope: Scope, status: int) -> None:
        """Nothing of what was sent is noted but the route. A trail that cannot be written must not hide the refusal."""
        principal = scope.get("state", {}).get("principal")
        details = {"method": scope["method"], "route": getattr(scope.get("route"), "path", "none"), "status": status}
        entry = NewAuditEntry(EVERYWHERE, getattr(principal, "client_id", None), "access.refused", None, None, details)
        try:
            await scope["app"].state.services.reads.note(entry)
        except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            _log.warning("refusal_not_noted", status=status)


def _merged(entries: Sequence[NewAuditEntry]) -> list[NewAuditEntry]:
    """Alike entries as one that says how often, in the order of their first."""
    counted: dict[str, tuple[NewAuditEntry, int]] = {}
    for entry in entries:
        first, times = counted.get(key := repr(entry), (entry, 0))
        counted[key] = (first, times + 1)
    return [
        entry if times == 1 else replace(entry, details={**entry.details, "times": times})
        for entry, times in counted.values()
    ]
