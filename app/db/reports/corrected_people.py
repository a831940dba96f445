"""People whose number was corrected, or waits for it, by jobcentre: for the flow and data quality (domain 3.4, 5)."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, time
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.statements import sql
from app.domain.rules.calendar import COPENHAGEN, monday_of

CorrectedCode = Literal["number_corrected", "correction_waiting", "same_person_twice", "ineligible_found"]


async def load_corrected_people(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], today: date, moment: datetime
) -> Mapping[str, Mapping[CorrectedCode, list[UUID]]]:
    """Load the people of each jobcentre by code, as known at a moment of ``today``.

    Requests count as they were when this week began: no count moves with a request or a decision, and says in which
    arm it is. Duplicates and ``ineligible_found`` follow a decision at once.
    """
    rows = await connection.execute(
        _PEOPLE,
        {
            "trial": trial_id,
            "jobcentres": sorted(jobcentres),
            "week": datetime.combine(monday_of(today), time(), COPENHAGEN),
            "moment": moment,
        },
    )
    people: dict[str, dict[CorrectedCode, list[UUID]]] = {
        jobcentre: {code: [] for code in get_args(CorrectedCode)} for jobcentre in sorted(jobcentres)
    }
    for jobcentre, code, participant_id in rows:
        people[jobcentre][code].append(participant_id)
    return people


_PEOPLE = sql(
    """
    with request as (
        select jobcentre_code, participant_id, requested_at, ended_at, correction_end.status, people,
               row_number() over (partition by correction_id order by participant_id) as place
        from cpr_correction
        join correction_person using (jobcentre_code, trial_id, correction_id)
        left join correction_end using (jobcentre_code, trial_id, correction_id)
        where trial_id = :trial and jobcentre_code = any(:jobcentres)
    ), twice as (
        select jobcentre_code, participant_id from duplicate
        where trial_id = :trial and jobcentre_code = any(:jobcentres) and registered_at <= :moment
    ), present as (
        select distinct on (jobcentre_code, participant_id)
               jobcentre_code, participant_id, people -> cast(place - 1 as int) -> 'failures' as failures
        from request where status = 'accepted' and ended_at <= :moment
        order by jobcentre_code, participant_id, ended_at desc
    )
    select jobcentre_code, 'number_corrected', participant_id from request
    where status = 'accepted' and ended_at < :week
    union
    select jobcentre_code, 'correction_waiting', participant_id from request
    where requested_at < :week and (ended_at is null or ended_at >= :week)
    union
    select jobcentre_code, 'same_person_twice', participant_id from twice
    union
    select jobcentre_code, 'ineligible_found', participant_id from present
    where failures <> '[]' and (jobcentre_code, participant_id) not in (select * from twice)
    order by 1, 2, 3
    """
)
