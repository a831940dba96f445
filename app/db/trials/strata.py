"""Strata: a jobcentre in a trial, and the lock under which everything of it is registered (domain 2).

``registered_at`` is read under this lock, so that it rises in the order of commits. It lies above the last registration
of each locked stratum, and above the trial's floor: every watermark that an answer has stated. Whatever takes a moment
takes it from ``lock_strata`` and records it by ``advance_watermark``.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.host_clock import HOST_CLOCK
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


_LOCK = sql(
    """
    select jobcentre, draws, balance, registered_at, moment, clock, step
    from lock_strata(:trial, cast(:codes as text[]), :host, :boot, :booted_at)
    """
)
ADVANCE = """
    update stratum set last_registered_at = :moment where trial_id = :trial and jobcentre_code = any(:codes)
"""
"""Part of statements that register something."""


async def lock_strata(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str]
) -> tuple[Mapping[str, Stratum], datetime]:
    """Lock strata until the transaction ends, in the order of their codes, which prevents deadlocks.

    Returns the strata by code, and the ``registered_at`` for what is registered under the lock. Without a stratum (a
    retraction before its record, a jobcentre outside the trial) it raises the trial's floor to it. DomainError
    ``clock_unreliable``.
    """
    sent = HOST_CLOCK.wall()
    parameters = {"trial": trial_id, "codes": sorted(jobcentres), **HOST_CLOCK.boot_parameters()}
    rows = (await connection.execute(_LOCK, parameters)).all()
    *_, moment, clock, step = rows[0]
    HOST_CLOCK.require_reliable(sent, clock, step)
    return {row[0]: Stratum(*row[:4]) for row in rows if row[0] is not None}, moment


async def lock_orphan_retractions(connection: AsyncConnection, trial_id: str, client: str) -> None:
    """Lock the orphan retractions of a client and trial, which belong to no stratum. Before any stratum's lock."""
    await connection.execute(
        sql("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"{trial_id}/{client}"}
    )


async def advance_watermark(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], moment: datetime
) -> None:
    """Raise the watermark of locked strata to the moment of a registration."""
    await connection.execute(sql(ADVANCE), {"trial": trial_id, "codes": sorted(jobcentres), "moment": moment})


async def count_draw(connection: AsyncConnection, trial_id: str, stratum: Stratum, arm: Arm, moment: datetime) -> None:
    """Count a draw: raise the next position and the watermark, and change the balance of the arms."""
    await connection.execute(
        sql(
            """
            update stratum set draws = draws + 1, balance = balance + :step, last_registered_at = :moment
            where jobcentre_code = :jobcentre and trial_id = :trial
            """
        ),
        {
            "jobcentre": stratum.jobcentre,
            "trial": trial_id,
            "step": 1 if arm == "treatment" else -1,
            "moment": moment,
        },
    )
