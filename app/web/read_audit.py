"""Audit entries of reads and refused accesses, by group commit: a response waits until its own entry is on disk."""

from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.audit.log import EVERYWHERE, Chain, NewAuditEntry, append_by
from app.db.core.micro_batch import MicroBatcher
from app.db.core.session import SYSTEM_SCOPE, Database

_log = structlog.get_logger(__name__)


class ReadAudit:
    """Group commit of the chains of reads. Equal entries of a group become one with ``times``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._groups = MicroBatcher(self._append)

    async def note(self, entry: NewAuditEntry) -> None:
        """Append the entry and return when it is on disk. Raises what the database raised when it is not."""
        await self._groups.submit("reads", entry)

    async def stop(self) -> None:
        """Wait until all entries are written."""
        await self._groups.finish()

    async def _append(self, chain: Chain, entries: Sequence[NewAuditEntry]) -> Sequence[None]:
        async with self._database.driver(SYSTEM_SCOPE) as driver:
            await append_by(driver, _merged(entries), chain)
        return [None] * len(entries)


class RefusalAuditMiddleware:
    """ASGI middleware: append a refused access (401, 403, 404 of the API) to the audit trail before the response."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self.app(scope, receive, send)
            return

        async def send_audited(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (401, 403, 404):
                await self._note(scope, message["status"])
            await send(message)

        await self.app(scope, receive, send_audited)

    async def _note(self, scope: Scope, status: int) -> None:
        """Append method, route and status. An error of the database is logged, because it must not hide the refusal."""
        principal = scope.get("state", {}).get("principal")
        details = {"method": scope["method"], "route": getattr(scope.get("route"), "path", "none"), "status": status}
        entry = NewAuditEntry(EVERYWHERE, getattr(principal, "client_id", None), "access.refused", None, None, details)
        try:
            await scope["app"].state.services.reads.note(entry)
        except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            _log.warning("refusal_not_noted", status=status)


def _merged(entries: Sequence[NewAuditEntry]) -> list[NewAuditEntry]:
    """Merge equal entries into one with ``times``, in the order of their first."""
    counted: dict[str, tuple[NewAuditEntry, int]] = {}
    for entry in entries:
        first, times = counted.get(key := repr(entry), (entry, 0))
        counted[key] = (first, times + 1)
    return [
        entry if times == 1 else replace(entry, details={**entry.details, "times": times})
        for entry, times in counted.values()
    ]
