"""Screenings as the flow diagram counts them (domain 5): the latest of each person in each jobcentre."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.figures.consort_flow import ScreenedPerson

_LATEST = text(
    """
    with fact as (
        select jobcentre_code, participant_id, registered_at, blind_index,
               lag(blind_index) over (partition by participant_id order by registered_at) as former,
               last_value(blind_index) over (
                   partition by participant_id order by registered_at
                   rows between unbounded preceding and unbounded following) as present
        from person_fact
        where trial_id = :trial and registered_at <= :moment
          and (cast(:jobcentres as text[]) is null or jobcentre_code = any(:jobcentres))
    ), numbered as (
        select distinct jobcentre_code, participant_id, present from fact
    ), renamed as (
        select distinct on (former) former, present
        from fact
        join correction_person using (jobcentre_code, participant_id)
        join cpr_correction using (jobcentre_code, trial_id, correction_id)
        join correction_end using (jobcentre_code, trial_id, correction_id)
        where trial_id = :trial and cpr_correction.reason = 'new_number' and correction_end.status = 'accepted'
          and ended_at = registered_at
        order by former, registered_at desc
    ), standing as (
        select screening.screening_id, screening.jobcentre_code, screening.participant_id, screening.failures,
               screening.registered_at,
               encode(coalesce(numbered.present, renamed.present, screening.blind_index), 'hex') as person
        from screening
        left join numbered using (jobcentre_code, participant_id)
        left join renamed on screening.participant_id is null and former = screening.blind_index
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
        select max(registered_at) as at from participant_change
        where participant_change.jobcentre_code = latest.jobcentre_code and trial_id = :trial
          and participant_change.participant_id = latest.participant_id and change in ('withdrawn', 'duplicate')
          and participant_change.registered_at > latest.registered_at
          and participant_change.registered_at <= :moment
    ) withdrawal on true
    """
)
"""A person is whoever has the number at the moment, former ones of a ``new_number`` included (domain 3.4): a later
correction changes no earlier flow. Withdrawals are read from the changes, because the candidate's row has only the
last one. A duplicate counts until it is registered as one."""


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
