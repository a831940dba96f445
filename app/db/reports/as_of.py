"""People of jobcentres as of a moment, for reports that are computed on request.

The weekly summary reads stored counts. Rare reports by weeks since the assignment would need counters of every measure
by jobcentre, arm, day of assignment and week. Computing takes about 0.2 ms a person instead, plus loading the records:
some seconds for 3,000 people, in slices that let other requests run [choice].
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES
from app.db.core.replica import replayed_to
from app.db.derived.histories import load_people
from app.db.trials.watermarks import load_watermark, wait_for_writers
from app.domain.records.ingest import Person

_SLICE = 100
"""People who are loaded before other requests may run."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """The moment up to which a report reads registrations, and the last of these (``watermark``)."""

    moment: datetime
    watermark: datetime | None


async def load_as_of(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], known_at: datetime | None
) -> AsOf:
    """Return the moment and watermark of a report as known now, or at an earlier moment.

    Writers are waited for, and later ones register after the moment. So the report may be made without the locks. On a
    replica the moment is that of ``replayed_to``.
    """
    await wait_for_writers(connection, trial_id, jobcentres)
    watermark = await load_watermark(connection, trial_id, jobcentres)
    now = replayed_to(connection)
    if now is None:
        now = (await connection.execute(text("select clock_timestamp()"))).scalar_one()
    moment = now if watermark is None else max(now, watermark)
    if known_at is None or known_at >= moment:
        return AsOf(moment, watermark)
    return AsOf(known_at, None if watermark is None else min(watermark, known_at))


async def iter_participants(
    connection: AsyncConnection,
    trial_id: str,
    jobcentres: Collection[str],
    moment: datetime,
    kinds: Collection[str] = tuple(TABLES),
) -> AsyncIterator[Person]:
    """Yield everyone drawn in jobcentres but duplicates, with their records of these kinds, as known at a moment.

    The connection reads one snapshot.
    """
    for jobcentre in sorted(jobcentres):
        rows = await connection.execute(
            text(
                """
                select participant_id from assignment where jobcentre_code = :jobcentre and trial_id = :trial
                order by participant_id
                """
            ),
            {"jobcentre": jobcentre, "trial": trial_id},
        )
        ids = rows.scalars().all()
        for start in range(0, len(ids), _SLICE):
            people = await load_people(connection, trial_id, [jobcentre], ids[start : start + _SLICE], moment, kinds)
            for person in people.values():
                yield person
            await asyncio.sleep(0)
