"""A standby of the database, from which reports are read: as consistent as the primary, and a little behind it.

A standby replays the primary's log in its order, so that a snapshot of it is a state that the primary was in. What it
cannot do is lock: `settle`, which on the primary waits for what is being registered, cannot run there. Several
jobcentres register at the same time, each under the lock of its stratum, and one may commit a later registration
before another commits an earlier one; a snapshot between the two would hold the later and miss the earlier. But the
log brings row locks too: a stratum whose row carries a transaction that was still running is seen to be locked. So
`Replica.report` takes a snapshot in which no stratum of the trial is locked, and if there is none for a while, one in
which all that was running when it was asked for has ended; then it states the watermark of that first moment.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.session import EMPTY_SCOPE, AccessScope, Database
from app.domain.records.errors import DomainError

_REPLAYED: Final = "rettevej_replayed_to"
_PAUSE: Final = 0.02
"""Seconds between two looks at strata that are locked."""
_QUIET_TRIES: Final = 25
_TRIES: Final = 500
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Replica(Database):
    """The database as a standby has it. Only ``read`` and ``report`` are for it; a write fails."""

    @asynccontextmanager
    async def report(self, scope: AccessScope, trial_id: str) -> AsyncIterator[AsyncConnection]:
        """One snapshot for the figures of a trial and their watermark.

        Everything registered up to ``replayed_to(connection)`` is in it. Refused ``unavailable``: this is no standby
        (any more), or a transaction that registers something takes longer than ten seconds.
        """
        moment = await self._replayed()
        awaited: frozenset[int] | None = None
        for attempt in range(_TRIES):
            async with self.read(scope) as connection:
                strata = await _strata(connection, trial_id)
                if awaited is None:
                    awaited = strata.running
                    moment = max(moment, strata.latest)
                quiet = not strata.running
                if quiet or (attempt >= _QUIET_TRIES and all(strata.has_ended(each) for each in awaited)):
                    to = max(moment, strata.latest) if quiet else moment
                    yield await connection.execution_options(**{_REPLAYED: to})
                    return
            await asyncio.sleep(_PAUSE)
        raise DomainError("unavailable", "What is being registered takes long; ask again.")

    async def is_standby(self) -> bool:
        """Whether the server follows a primary; raises what the driver raised when it is away."""
        rows = await self.fetch(EMPTY_SCOPE, "select pg_is_in_recovery()")
        return bool(rows[0][0])

    async def _replayed(self) -> datetime:
        """When the last transaction that is replayed was committed: read before the snapshot, which holds it then.

        Whoever locks a stratum later than the snapshot reads the primary's clock later than that.
        """
        rows = await self.fetch(EMPTY_SCOPE, "select pg_is_in_recovery(), pg_last_xact_replay_timestamp()")
        standby, moment = rows[0]
        if not standby:
            raise DomainError("unavailable", "The database for reports is no standby: its figures could be anybody's.")
        return _NEVER if moment is None else moment


def replayed_to(connection: AsyncConnection) -> datetime | None:
    """Up to which moment a report's snapshot of a standby holds all that is registered; None on the primary."""
    moment: datetime | None = connection.sync_connection.get_execution_options().get(_REPLAYED)  # type: ignore[union-attr]
    return moment


@dataclass(frozen=True, slots=True)
class _Strata:
    """The strata of a trial in a snapshot.

    ``running`` are the numbers of transactions that hold one of them; ``oldest`` is that of the oldest transaction that
    was running. Numbers go round at 2^32.
    """

    latest: datetime
    oldest: int
    holders: frozenset[int]

    def has_ended(self, transaction: int) -> bool:
        return 0 < (self.oldest - transaction) % 2**32 < 2**31

    @property
    def running(self) -> frozenset[int]:
        return frozenset(each for each in self.holders if not self.has_ended(each))


async def _strata(connection: AsyncConnection, trial_id: str) -> _Strata:
    """``xmax`` of a row is the transaction that locked it, or made the next version of it, last; 0 where none did."""
    rows = await connection.execute(
        text(
            """
            select nullif(max(last_registered_at), '-infinity') as latest,
                   coalesce(array_agg(cast(cast(xmax as text) as bigint)) filter (where cast(xmax as text) <> '0'),
                            '{}') as holders,
                   cast(cast(pg_snapshot_xmin(pg_current_snapshot()) as text) as bigint) % 4294967296 as oldest
            from stratum where trial_id = :trial
            """
        ),
        {"trial": trial_id},
    )
    row = rows.one()
    return _Strata(row.latest or _NEVER, row.oldest, frozenset(row.holders))
