"""Watermarks: up to which registration a report holds everything of its jobcentres."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.replica import replayed_to


async def wait_for_writers(connection: AsyncConnection, trial_id: str, jobcentres: Collection[str]) -> None:
    """Wait for transactions that register in these jobcentres, and block later ones until this transaction ends.

    Otherwise figures that are read after the watermark could hold a registration later than it. Over several jobcentres
    they could hold a later registration and miss an earlier one. On a replica ``report`` has waited already.
    """
    if replayed_to(connection) is not None:
        return
    await connection.execute(
        text(
            """
            select from stratum where jobcentre_code = any(:jobcentres) and trial_id = :trial
            order by jobcentre_code for share
            """
        ),
        {"trial": trial_id, "jobcentres": sorted(jobcentres)},
    )


async def load_watermark(connection: AsyncConnection, trial_id: str, jobcentres: Collection[str]) -> datetime | None:
    """Return the moment up to which the report holds everything registered in these jobcentres; None before the first.

    On a replica under steady writing it is the moment of ``replayed_to``; the snapshot may hold later registrations.
    """
    rows = await connection.execute(
        text(
            """
            select least(max(last_registered_at), cast(:replayed as timestamptz)) from stratum
            where jobcentre_code = any(:jobcentres) and trial_id = :trial having max(last_registered_at) > '-infinity'
            """
        ),
        {"trial": trial_id, "jobcentres": sorted(jobcentres), "replayed": replayed_to(connection)},
    )
    watermark: datetime | None = rows.scalar_one_or_none()
    return watermark
