"""Corrected numbers that nobody has decided, for the operator (domain 3.4)."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LONG_DAYS = 14
"""A request that waits for more days is named."""


async def open_corrections(connection: AsyncConnection) -> list[str]:
    """Return a sentence for each request that waits long, and for each number that was corrected without a request.

    The latter were corrected before a registrar decided. The connection has access to every jobcentre.
    """
    waiting = await connection.execute(
        text(
            """
            select trial_id, correction_id, jobcentre_code,
                   cast(extract(day from clock_timestamp() - requested_at) as int) as days
            from cpr_correction left join correction_end using (jobcentre_code, trial_id, correction_id)
            where correction_end.status is null and requested_at < clock_timestamp() - make_interval(days => :days)
            order by requested_at
            """
        ),
        {"days": LONG_DAYS},
    )
    undecided = await connection.execute(
        text(
            """
            select distinct on (trial_id, participant_id) trial_id, participant_id, jobcentre_code,
                   cast(at at time zone 'Europe/Copenhagen' as date) as day
            from audit_entry where action = 'participant.cpr_corrected' order by trial_id, participant_id, at
            """
        )
    )
    return [
        f"trial {row.trial_id}: the request {row.correction_id} for a corrected number in {row.jobcentre_code} has"
        f" waited for {row.days} days, more than {LONG_DAYS}"
        for row in waiting
    ] + [
        f"trial {row.trial_id}: the number of {row.participant_id} in {row.jobcentre_code} was corrected on {row.day},"
        " before a registrar decided: undecided"
        for row in undecided
    ]
