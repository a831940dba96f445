"""Audit entries of reads and refused accesses, by group commit: a response waits until its own entry is on disk."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.db.audit.log import EVERYWHERE, Chain, NewAuditEntry, append_by
from app.db.core.micro_batch import MicroBatcher
from app.db.core.session import SYSTEM_SCOPE, Database
from app.web.metrics import UNAUTHENTICATED

MAX_ADDRESSES: Final = 1_000
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


class RefusalCounts:
    """Refused requests without a valid token, added up by address, status and minute: they cannot drown the trail.

    The first of a minute is an entry before its response; the rest of the minute is one entry with ``times`` after it.
    Addresses beyond ``MAX_ADDRESSES`` a minute are counted together, without one.
    """

    def __init__(self, reads: ReadAudit, seconds: float = 60.0) -> None:
        self._reads = reads
        self._seconds = seconds
        self._counts: Counter[tuple[str | None, int]] = Counter()
        self._flushing: asyncio.Task[None] | None = None

    async def add(self, address: str | None, status: int, details: Mapping[str, Any]) -> None:
        """Count a refusal, and append the first of its address and status in this minute."""
        UNAUTHENTICATED.labels(status).inc()
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush_later())
        if (address, status) not in self._counts and len(self._counts) >= MAX_ADDRESSES:
            address = None
        self._counts[address, status] += 1
        if self._counts[address, status] == 1:
            await self._append({**details, "address": address})

    async def stop(self) -> None:
        """Append what was counted."""
        if self._flushing is not None:
            self._flushing.cancel()
            await self._flush()

    async def _flush_later(self) -> None:
        await asyncio.sleep(self._seconds)
        await self._flush()

    async def _flush(self) -> None:
        counts, self._counts, self._flushing = self._counts, Counter(), None
        for (address, status), times in counts.items():
            if times > 1:
                await self._append({"status": status, "address": address, "times": times - 1})

    async def _append(self, details: Mapping[str, Any]) -> None:
        await append_refusal(self._reads, None, details)


async def append_refusal(reads: ReadAudit, client: str | None, details: Mapping[str, Any]) -> None:
    """Append an entry of a refusal. An error of the database is logged, because it must not hide the refusal."""
    try:
        await reads.note(NewAuditEntry(EVERYWHERE, client, "access.refused", None, None, details))
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        _log.warning("refusal_not_noted", status=details["status"])


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
        """Append method, route and status; without a client, add up by address."""
        principal = scope.get("state", {}).get("principal")
        details = {"method": scope["method"], "route": getattr(scope.get("route"), "path", "none"), "status": status}
        state = scope["app"].state
        if principal is None:
            await state.refusals.add(scope["client"][0] if scope.get("client") else None, status, details)
        else:
            await append_refusal(state.services.reads, principal.client_id, details)


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
