"""The stratum of a jobcentre in a trial: the lock under which everything of the jobcentre is registered.

``registered_at`` is taken under this lock, so that it rises in the order of commits.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.statements import sql
from app.domain.rules.draw import Arm


@dataclass(frozen=True, slots=True)
class Stratum:
    """How far the draws of a jobcentre have come."""

    jobcentre: str
    draws: int
    balance: int
    registered_at: datetime | None
    """When something was last registered in it; None as long as nothing was."""


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
    """Locks the strata until the transaction ends, in the order of their codes, so that no two can wait for each other.

    The moment is the ``registered_at`` of what is registered under the lock: later than any before it in any of them.
    Who registers something says so by ``advance_watermark``.
    """
    rows = (await connection.execute(_LOCK, {"trial": trial_id, "codes": sorted(jobcentres)})).all()
    strata = {row[0]: Stratum(*row[:4]) for row in rows}
    now = max((row[4] for row in rows), default=None)  # the last one, read when all were locked
    if now is None:
        now = (await connection.execute(sql("select clock_timestamp()"))).scalar_one()
    later = [each.registered_at + _MICROSECOND for each in strata.values() if each.registered_at is not None]
    return strata, max([now, *later])


async def lock_orphan_retractions(connection: AsyncConnection, trial_id: str, client: str) -> None:
    """Retractions without a record belong to no stratum: those of a client and trial take turns. Before any stratum."""
    await connection.execute(
        sql("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"{trial_id}/{client}"}
    )


async def advance_watermark(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], moment: datetime
) -> None:
    """Something was registered in these locked strata at the moment: their watermark rises to it."""
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
    """Counts a draw: the next position, and the balance of the arms."""
    await connection.execute(
        sql(
            """
            update stratum set draws = draws + 1, balance = balance + :step
            where jobcentre_code = :jobcentre and trial_id = :trial
            """
        ),
        {"jobcentre": stratum.jobcentre, "trial": trial_id, "step": 1 if arm == "treatment" else -1},
    )
