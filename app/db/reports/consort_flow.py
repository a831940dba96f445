"""Screenings as the flow diagram counts them (domain 5): the latest of each person in each jobcentre."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.figures.consort_flow import ScreenedPerson

_LATEST = text(
    """
    with standing as (
        select screening.screening_id, screening.jobcentre_code, screening.participant_id, screening.failures,
               screening.registered_at,
               case when duplicate.participant_id is not null then cast(screening.participant_id as text)
                    else encode(coalesce(identity.blind_index, screening.blind_index), 'hex') end as person
        from screening
        left join vault.identity using (jobcentre_code, trial_id, participant_id)
        left join duplicate using (jobcentre_code, trial_id, participant_id)
        where screening.trial_id = :trial
          and (cast(:jobcentres as text[]) is null or screening.jobcentre_code = any(:jobcentres))
          and screening.registered_at <= :moment
          and (duplicate.registered_at is null or duplicate.registered_at > :moment)
    ), latest as (
        select distinct on (jobcentre_code, person) * from standing
        order by jobcentre_code, person, screening_id desc
    )
    select latest.person, latest.screening_id, latest.failures, latest.registered_at,
           assignment.drawn_at is not null and assignment.drawn_at <= :moment as drawn,
           withdrawal.at as withdrawn_at
    from latest
    left join assignment on assignment.jobcentre_code = latest.jobcentre_code and assignment.trial_id = :trial
        and assignment.participant_id = latest.participant_id
    left join lateral (
        select max(at) as at from audit_entry
        where audit_entry.participant_id = latest.participant_id
          and action in ('participant.withdrawn', 'participant.duplicate')
          and jobcentre_code = latest.jobcentre_code and at > latest.registered_at and at <= :moment
    ) withdrawal on true
    """
)
"""Withdrawals are read from the audit log, because the candidate's row has only the last one. A duplicate counts as a
person of its own until it is registered as a duplicate, and not at all from then on."""


async def load_latest_screenings(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str] | None, moment: datetime
) -> tuple[list[ScreenedPerson], datetime | None]:
    """Load the screenings as known at a moment, and the moment of the last of them or of their withdrawals.

    Without ``jobcentres`` all of the trial, including those in jobcentres outside it (``unknown_jobcentre``).
    """
    rows = (
        await connection.execute(
            _LATEST,
            {"jobcentres": None if jobcentres is None else sorted(jobcentres), "trial": trial_id, "moment": moment},
        )
    ).all()
    screened = [
        ScreenedPerson(row.person, row.screening_id.int, tuple(row.failures), row.drawn, row.withdrawn_at is not None)
        for row in rows
    ]
    moments = [moment for row in rows for moment in (row.registered_at, row.withdrawn_at) if moment is not None]
    return screened, max(moments, default=None)
