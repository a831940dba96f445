"""People of jobcentres as of a moment, for reports that are computed on request.

The weekly summary reads stored counts. Rare reports by weeks since the assignment would need counters of every measure
by jobcentre, arm, day of assignment and week. Computing takes about 0.2 ms a person instead, plus loading the records:
some seconds for 3,000 people, in slices that let other requests run [choice].
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES
from app.db.derived.histories import load_people
from app.domain.records.ingest import Person

_SLICE = 100
"""People who are loaded before other requests may run."""


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
