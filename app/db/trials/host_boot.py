"""Boots of hosts: when each was by its wall clock, so that a step of the clock is noticed (domain 2)."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import EVERYWHERE, NewAuditEntry, append_entries
from app.db.core.host_clock import HOST_CLOCK, MAX_STEP
from app.db.trials.watermarks import load_moments_ahead


async def register_boot(connection: AsyncConnection) -> None:
    """Store when this host booted by its wall clock, unless it is stored: a new boot starts anew."""
    await connection.execute(text("select clock_step(:host, :boot, :booted_at)"), HOST_CLOCK.boot_parameters())


async def load_clock_step(connection: AsyncConnection) -> timedelta:
    """Return how far this host's wall clock has stepped against the time since boot; zero for an unknown boot."""
    step: timedelta | None = await connection.scalar(
        text(
            """
            select cast(:booted_at as timestamptz) - booted_at from host_boot where host = :host and boot = :boot
            """
        ),
        HOST_CLOCK.boot_parameters(),
    )
    return step or timedelta()


async def clock_notices(connection: AsyncConnection) -> list[str]:
    """Return a sentence for a clock that has stepped, and for each trial with moments ahead of the clock."""
    step = await load_clock_step(connection)
    notices = [
        f"trial {trial_id}: moments_ahead: the last is {moment:%Y-%m-%dT%H:%M:%SZ}; until the clock has passed it, each"
        " registration is a microsecond later"
        for trial_id, moment in (await load_moments_ahead(connection)).items()
    ]
    if abs(step) > MAX_STEP:
        notices.append(
            f"the clock of {HOST_CLOCK.host} has stepped by {step.total_seconds():+.0f} seconds since boot:"
            " clock_unreliable until it is back, or rettevej clock accept"
        )
    return notices


async def accept_step(connection: AsyncConnection, client: str) -> None:
    """Accept the present time of this host, with an audit entry. The connection is the owner's."""
    await connection.execute(text("select set_config('app.jobcentres', '*', true)"))
    step = await load_clock_step(connection)
    await connection.execute(
        text("update host_boot set booted_at = :booted_at where host = :host and boot = :boot"),
        HOST_CLOCK.boot_parameters(),
    )
    details = {"host": HOST_CLOCK.host, "step_seconds": round(step.total_seconds())}
    await append_entries(connection, [NewAuditEntry(EVERYWHERE, client, "clock.accepted", None, None, details)])
