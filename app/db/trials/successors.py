"""Successors of merged jobcentres: their clients have the access of those whom they succeed (domain 3.4).

A successor inherits access, never the stratum: people, draws and requests stay under the code of the draw.
"""

import time
from collections.abc import Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.session import SYSTEM_SCOPE, ReadDatabase
from app.db.core.statements import sql
from app.db.trials.strata import lock_strata

_MAX_SECONDS = 30.0


class Successors:
    """Cache of who succeeds whom, reread after half a minute: another process may have named a successor."""

    def __init__(self, database: ReadDatabase) -> None:
        self._database = database
        self._succeeded: Mapping[tuple[str, str], frozenset[str]] = {}
        self._read_at: float | None = None

    async def succeeded_by(self, trial_id: str, jobcentres: Collection[str]) -> frozenset[str]:
        """Return the jobcentres of a trial that any of the given ones succeeds."""
        if self._read_at is None or time.monotonic() - self._read_at > _MAX_SECONDS:
            await self.reload()
        return frozenset().union(*(self._succeeded.get((trial_id, code), ()) for code in jobcentres))

    async def reload(self) -> None:
        """Read who succeeds whom."""
        began_at = time.monotonic()
        rows = await self._database.fetch(
            SYSTEM_SCOPE,
            """
            select trial_id, successor_code, array_agg(jobcentre_code) from stratum
            where successor_code is not null group by trial_id, successor_code
            """,
        )
        self._succeeded = {(row[0], row[1]): frozenset(row[2]) for row in rows}
        self._read_at = began_at


async def name_successor(
    connection: AsyncConnection, trial_id: str, code: str, successor: str | None, client: str
) -> bool:
    """Name the jobcentre's successor, or none. Whom the jobcentre succeeds itself gets the same successor.

    Returns whether that changed anything.
    """
    await lock_strata(connection, trial_id, [code])
    rows = await connection.execute(
        sql(
            """
            update stratum set successor_code = :successor
            where trial_id = :trial and successor_code is distinct from cast(:successor as text)
              and (jobcentre_code = :code or (successor_code = :code and cast(:successor as text) is not null))
            returning jobcentre_code
            """
        ),
        {"trial": trial_id, "code": code, "successor": successor},
    )
    changed, details = sorted(rows.scalars()), {"successor": successor}
    entries = [NewAuditEntry(each, client, "jobcentre.succeeded", trial_id, None, details) for each in changed]
    await append_entries(connection, entries)
    return bool(changed)
