"""Replica: a standby from which reports are read, as consistent as the primary and a little behind it.

A standby replays the primary's log in order, so that each of its snapshots is a state that the primary was in. It
cannot lock, so `wait_for_writers` cannot run there. On the primary several jobcentres register at the same time, each
under the lock of its stratum. One may commit a later registration before another commits an earlier one. A snapshot
between the two would hold the later and miss the earlier. But the log contains row locks too: the `xmax` of a locked
stratum is a transaction that was still running. So `Replica.report` takes a snapshot in which no stratum of the trial
is locked. If there is none for half a second, it takes one in which every transaction that ran at the first try has
ended, and reports the watermark of that first try.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.session import EMPTY_SCOPE, AccessScope, ReadDatabase
from app.domain.records.errors import DomainError

_REPLAYED: Final = "rettevej_replayed_to"
_PAUSE: Final = 0.02
"""Seconds between two tries while strata are locked."""
_QUIET_TRIES: Final = 25
_TRIES: Final = 500
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Replica(ReadDatabase):
    """A standby of the database."""

    @asynccontextmanager
    async def report(self, scope: AccessScope, trial_id: str) -> AsyncIterator[AsyncConnection]:
        """Open a snapshot that holds everything of the trial registered up to ``replayed_to(connection)``.

        DomainError ``unavailable``: the server is not a standby (any more), or a registration takes longer than ten
        seconds.
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
                if quiet or (attempt >= _QUIET_TRIES and all(map(strata.has_ended, awaited))):
                    to = max(moment, strata.latest) if quiet else moment
                    yield await connection.execution_options(**{_REPLAYED: to})
                    return
            await asyncio.sleep(_PAUSE)
        raise DomainError("unavailable", "What is being registered takes long; ask again.")

    async def is_standby(self) -> bool:
        """Return whether the server follows a primary; errors of the driver are raised."""
        rows = await self.fetch(EMPTY_SCOPE, "select pg_is_in_recovery()")
        return bool(rows[0][0])

    async def _replayed(self) -> datetime:
        """Return the commit time of the last replayed transaction.

        Read before the snapshot, which therefore holds it. A transaction that locks a stratum after the snapshot reads
        a later time from the primary's clock.
        """
        rows = await self.fetch(EMPTY_SCOPE, "select pg_is_in_recovery(), pg_last_xact_replay_timestamp()")
        standby, moment = rows[0]
        if not standby:
            raise DomainError("unavailable", "The database for reports is no standby: its figures could be anybody's.")
        return _NEVER if moment is None else moment


def replayed_to(connection: AsyncConnection) -> datetime | None:
    """Return the moment up to which a report's snapshot holds every registration; None on the primary."""
    moment: datetime | None = connection.sync_connection.get_execution_options().get(_REPLAYED)  # type: ignore[union-attr]  # open inside a block
    return moment


@dataclass(frozen=True, slots=True)
class _Strata:
    """The strata of a trial in a snapshot.

    ``holders`` are the ids of the transactions that locked or changed one of them last; ``oldest`` is the id of the
    oldest transaction that was running. Ids wrap around at 2^32.
    """

    latest: datetime
    oldest: int
    holders: frozenset[int]

    def has_ended(self, transaction: int) -> bool:
        return 0 < (self.oldest - transaction) % 2**32 < 2**31

    @property
    def running(self) -> frozenset[int]:
        return frozenset(holder for holder in self.holders if not self.has_ended(holder))


async def _strata(connection: AsyncConnection, trial_id: str) -> _Strata:
    """Read the strata. ``xmax`` is the last transaction that locked the row or made its next version; 0 without one."""
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
