"""Everyone of some jobcentres at one moment, for reports that judge people when they are asked for.

Kept counts answer the weekly summary. What is asked for rarely, and by weeks since the assignment, would need counters
of every measure by jobcentre, arm, day of assignment and week; judging takes about 0.2 ms a person instead, plus the
reading of the records: some seconds for 3,000 people, slice by slice, so that others are answered meanwhile [choice].
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
"""People who are read and judged before others get their turn."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """What a report is cut to: what was registered up to ``moment``; the last such registration is ``watermark``."""

    moment: datetime
    watermark: datetime | None


async def load_as_of(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], known_at: datetime | None
) -> AsOf:
    """The cut of a report as known now or at an earlier moment.

    Whatever is being registered is waited for; whatever comes later is registered later than the moment. So the locks
    need not be held while the report is made. On a replica the moment is the one to which its snapshot holds all.
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
    """Everyone drawn in jobcentres who is no duplicate, with their records of some kinds, as known at a moment.

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
