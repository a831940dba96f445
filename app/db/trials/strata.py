"""Strata: a jobcentre in a trial, and the lock under which everything of it is registered.

``registered_at`` is read under this lock, so that it rises in the order of commits.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.statements import sql
from app.domain.rules.draw import Arm


@dataclass(frozen=True, slots=True)
class Stratum:
    """The draws of a jobcentre so far: their number, and treatment minus control."""

    jobcentre: str
    draws: int
    balance: int
    registered_at: datetime | None
    """The last registration in it; None before the first."""


_MICROSECOND = timedelta(microseconds=1)
_LOCK = sql(
    """
    select jobcentre_code, draws, balance, nullif(last_registered_at, '-infinity'), clock_timestamp() from (
        select jobcentre_code, draws, balance, last_registered_at from stratum
        where trial_id = :trial and jobcentre_code = any(:codes) order by jobcentre_code for no key update
    ) locked
    """
)


async def lock_strata(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str]
) -> tuple[Mapping[str, Stratum], datetime]:
    """Lock strata until the transaction ends, in the order of their codes, which prevents deadlocks.

    Returns the strata by code, and the ``registered_at`` for what is registered under the lock: later than any earlier
    one in any of them. ``advance_watermark`` records a registration.
    """
    rows = (await connection.execute(_LOCK, {"trial": trial_id, "codes": sorted(jobcentres)})).all()
    strata = {row[0]: Stratum(*row[:4]) for row in rows}
    now = max((row[4] for row in rows), default=None)  # the latest was read when all were locked
    if now is None:
        now = (await connection.execute(sql("select clock_timestamp()"))).scalar_one()
    bounds = [row[3] + _MICROSECOND for row in rows if row[3] is not None]
    return strata, max([now, *bounds])


async def lock_orphan_retractions(connection: AsyncConnection, trial_id: str, client: str) -> None:
    """Lock the orphan retractions of a client and trial, which belong to no stratum. Before any stratum's lock."""
    await connection.execute(
        sql("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"{trial_id}/{client}"}
    )


async def advance_watermark(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], moment: datetime
) -> None:
    """Raise the watermark of locked strata to the moment of a registration."""
    await connection.execute(
        sql(
            """
            update stratum set last_registered_at = :moment
            where trial_id = :trial and jobcentre_code = any(:codes)
            """
        ),
        {"trial": trial_id, "codes": sorted(jobcentres), "moment": moment},
    )


async def count_draw(connection: AsyncConnection, trial_id: str, stratum: Stratum, arm: Arm) -> None:
    """Count a draw: raise the next position, and change the balance of the arms."""
    await connection.execute(
        sql(
            """
            update stratum set draws = draws + 1, balance = balance + :step
            where jobcentre_code = :jobcentre and trial_id = :trial
            """
        ),
        {"jobcentre": stratum.jobcentre, "trial": trial_id, "step": 1 if arm == "treatment" else -1},
    )
