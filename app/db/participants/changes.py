"""Changes of participants as the change feed returns them, appended in the transaction that makes them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.ids import uuids7_at
from app.db.core.statements import sql

ParticipantChange = Literal["drawn", "number_changed", "duplicate", "handed_over", "withdrawn", "erased"]


async def store_changes(
    connection: AsyncConnection, trial_id: str, change: ParticipantChange, people: Mapping[UUID, str], moment: datetime
) -> None:
    """Append a change of people, given with their jobcentres.

    ``moment`` is that of the strata's lock, and the caller advances their watermark to it: so within a jobcentre ids
    rise in the order of commits, and a position in the feed covers everything before it.
    """
    await connection.execute(
        sql(
            """
            insert into participant_change (jobcentre_code, trial_id, change_id, participant_id, change, registered_at)
            select code, :trial, change_id, participant, :change, :moment
            from unnest(cast(:codes as text[]), cast(:people as uuid[]), cast(:ids as uuid[]))
                 as changed (code, participant, change_id)
            """
        ),
        {
            "trial": trial_id,
            "change": change,
            "moment": moment,
            "codes": list(people.values()),
            "people": list(people),
            "ids": uuids7_at(moment, range(len(people))),
        },
    )
