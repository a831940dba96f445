"""Replica: a standby from which reports are read, as consistent as the primary and a little behind it.

A standby replays the primary's log in order, so that each of its snapshots is a state that the primary was in. It
cannot wait for running registrations: one jobcentre may commit a later moment before another commits an earlier one. So
the primary waits for them, and stores the moment up to which none runs (``trial.replica_floor``). A snapshot that has
this moment has every registration up to it, and is read as of it. While the primary is away, or the standby far behind,
that is the last such moment that the standby has.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.db.core.session import (
    EMPTY_SCOPE,
    SYSTEM_SCOPE,
    AccessScope,
    Database,
    ReadDatabase,
    TimeLimits,
    TrialBusyError,
)
from app.db.core.statements import sql
from app.domain.records.errors import DomainError

_PAUSE: Final = 0.02
"""Seconds between two tries."""
_QUIET_TRIES: Final = 25
"""Tries for a snapshot without later registrations, whose stored figures need not be computed anew."""
_TRIES: Final = 100
_PRIMARY_SECONDS: Final = 2.0
"""How long the primary may take."""


class Replica(ReadDatabase):
    """A standby of ``primary``."""

    def __init__(self, engine: AsyncEngine, limits: TimeLimits, primary: Database) -> None:
        super().__init__(engine, limits)
        self._primary = primary

    @asynccontextmanager
    async def report(self, scope: AccessScope, trial_id: str) -> AsyncIterator[AsyncConnection]:
        """Open a snapshot that is read as of its ``replica_floor``.

        DomainError ``database_unavailable``: no standby (any more).
        It has everything registered before, unless the primary takes longer than two seconds, or the standby is as
        far behind.
        """
        floor = await self._settle(trial_id)
        for attempt in range(_TRIES):
            async with self.read(scope) as connection:
                state = await _state(connection, trial_id, floor)
                if not state.is_standby:
                    detail = "The database for reports is no standby: its figures could be anybody's."
                    raise DomainError("database_unavailable", detail)
                settled = state.is_reached and (state.is_quiet or attempt >= _QUIET_TRIES)
                if floor is None or settled or attempt == _TRIES - 1:
                    yield connection
                    return
            await asyncio.sleep(_PAUSE)
            if state.is_reached:
                floor = await self._settle(trial_id)

    async def is_standby(self) -> bool:
        """Return whether the server follows a primary; errors of the driver are raised."""
        rows = await self.fetch(EMPTY_SCOPE, "select pg_is_in_recovery()")
        return bool(rows[0][0])

    async def _settle(self, trial_id: str) -> datetime | None:
        """Let the primary wait for running registrations. Returns the moment up to which none runs; None: away."""
        try:
            async with asyncio.timeout(_PRIMARY_SECONDS), self._primary.write(SYSTEM_SCOPE, trial_id) as connection:
                rows = await connection.execute(sql("select settle(:trial)"), {"trial": trial_id})
                floor: datetime | None = rows.scalar_one()
                return floor
        except (OSError, SQLAlchemyError, TrialBusyError):
            return None


async def _state(connection: AsyncConnection, trial_id: str, floor: datetime | None) -> Row[Any]:
    """Return whether the snapshot has the floor, and no registration later than its own."""
    rows = await connection.execute(
        sql(
            """
            select pg_is_in_recovery() as is_standby,
                   bool_and(replica_floor >= cast(:floor as timestamptz)) as is_reached,
                   bool_and(last_registered_at <= replica_floor) as is_quiet
            from trial join stratum on trial_id = id where id = :trial
            """
        ),
        {"trial": trial_id, "floor": floor},
    )
    return rows.one()
