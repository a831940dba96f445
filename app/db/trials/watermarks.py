"""Watermarks: up to which registration a report holds everything of its jobcentres (domain 2)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.session import keep_changes
from app.db.core.statements import sql


@dataclass(frozen=True, slots=True)
class AsOf:
    """The moment up to which a report reads registrations, and the watermark that it states."""

    moment: datetime
    watermark: datetime | None
    """The last registration up to ``moment``; None before the first."""
    is_latest: bool
    """Whether nothing is registered later than ``moment``, so that stored figures are of it."""
    moments_ahead: bool
    """Whether a stored moment is ahead of the clock."""


async def load_as_of(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], known_at: datetime | None
) -> AsOf:
    """Return the moment and watermark of a report as known now, or at an earlier moment.

    On the primary it waits for running registrations in the jobcentres, and blocks later ones until the transaction
    ends. Then they are later than the moment: the report may be made without the locks. The trial's floor is raised to
    a watermark above it; otherwise nothing is written. On a replica see ``app.db.core.replica``.
    """
    rows = await connection.execute(
        sql(
            """
            select moment, watermark, is_latest, ahead, raised
            from as_of(:trial, cast(:codes as text[]), cast(:known_at as timestamptz))
            """
        ),
        {"trial": trial_id, "codes": sorted(jobcentres), "known_at": known_at},
    )
    *values, raised = rows.one()
    if raised:
        await keep_changes(connection)
    return AsOf(*values)


async def raise_floor(connection: AsyncConnection, trial_id: str, moment: datetime) -> None:
    """Raise the trial's floor to a moment that ``lock_strata`` returned for all of its strata."""
    await connection.execute(
        sql("update trial set watermark_floor = greatest(watermark_floor, :moment) where id = :trial"),
        {"trial": trial_id, "moment": moment},
    )


async def load_moments_ahead(connection: AsyncConnection) -> dict[str, datetime]:
    """Return the latest moment of each trial that has stored moments ahead of the clock."""
    rows = await connection.execute(
        sql(
            """
            select id, greatest(watermark_floor, max(last_registered_at)) as latest
            from trial left join stratum on trial_id = id group by id
            having greatest(watermark_floor, max(last_registered_at)) > register_clock() order by id
            """
        )
    )
    return {row.id: row.latest for row in rows}
