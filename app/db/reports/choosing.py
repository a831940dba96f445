"""Reads for the signs of choosing (domain 3.4): what a jobcentre that chooses whom to draw would leave."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.statements import sql
from app.db.participants.register_records import TOLD_BY_REGISTERS
from app.db.personal_data.vault import SealedIdentity, Vault
from app.domain.figures.data_quality import Candidacy, DrawnPerson, Finding, SentScreening, signs_of_choosing
from app.domain.rules.calendar import civil_day, monday_of
from app.domain.rules.eligibility import Candidate

_DRAWN = sql(
    """
    select participant_id, arm, wrapped_key, sealed_cpr, participant_id in ({told}) as told_by_others
    from assignment join vault.identity using (jobcentre_code, trial_id, participant_id)
    where jobcentre_code = :jobcentre and trial_id = :trial and drawn_at <= :moment and not exists (
        select from duplicate
        where duplicate.jobcentre_code = :jobcentre and duplicate.trial_id = :trial
          and duplicate.participant_id = assignment.participant_id and duplicate.registered_at <= :moment)
    order by participant_id
    """,
    told=TOLD_BY_REGISTERS,
)
_SCREENINGS = sql(
    """
    select screening.participant_id, arm, screening.interview_on, screening.registered_at,
           facts ->> 'channel' as channel, cast(facts ->> 'unemployed_since' as date) as unemployed_since,
           least(drawn_at, withdrawn.at, lead(screening.registered_at) over (
               partition by screening.blind_index order by screening_id)) as ended_at,
           withdrawn.at as withdrawn_at
    from screening
    left join assignment on assignment.jobcentre_code = :jobcentre and assignment.trial_id = :trial
         and assignment.participant_id = screening.participant_id and drawn_at <= :moment
    left join lateral (
        select min(registered_at) as at from participant_change
        where jobcentre_code = :jobcentre and trial_id = :trial and change = 'withdrawn'
          and participant_change.participant_id = screening.participant_id
          and registered_at > screening.registered_at and registered_at <= :moment
          and not exists (  -- replaced by an ineligible screening, or erased
              select from screening later where later.jobcentre_code = :jobcentre and later.trial_id = :trial
                 and later.registered_at = participant_change.registered_at
              union all
              select from participant_change erased where erased.jobcentre_code = :jobcentre
                 and erased.trial_id = :trial and erased.registered_at = participant_change.registered_at
                 and erased.change = 'erased')
    ) withdrawn on true
    where screening.jobcentre_code = :jobcentre and screening.trial_id = :trial and screening.registered_at <= :moment
    order by screening_id
    """
)


async def load_signs(
    connection: AsyncConnection, vault: Vault, trial_id: str, jobcentre: str, moment: datetime, *, by_arm: bool
) -> tuple[list[Finding], list[datetime]]:
    """Count the signs of choosing in a jobcentre as known at a moment. Returns them, and when what they count came.

    Numbers are compared as they are today: of a former one only a digest is stored.
    """
    parameters = {"jobcentre": jobcentre, "trial": trial_id, "moment": moment}
    drawn = [
        DrawnPerson(
            row.participant_id,
            row.arm,
            None
            if row.sealed_cpr is None
            else vault.open_cpr(row.participant_id, SealedIdentity(row.wrapped_key, row.sealed_cpr)),
            row.told_by_others,
        )
        for row in await connection.execute(_DRAWN, parameters)
    ]
    rows = (await connection.execute(_SCREENINGS, parameters)).all()
    screenings = [
        SentScreening(row.participant_id, row.arm, row.interview_on, civil_day(row.registered_at)) for row in rows
    ]
    candidacies = [
        Candidacy(
            row.participant_id,
            monday_of(row.interview_on),
            Candidate(row.unemployed_since, row.registered_at),
            row.ended_at,
            row.withdrawn_at is not None and row.ended_at == row.withdrawn_at,
        )
        for row in rows
        if row.channel == "supplement"
    ]
    moments = [moment for row in rows for moment in (row.registered_at, row.withdrawn_at) if moment is not None]
    return signs_of_choosing(drawn, screenings, candidacies, by_arm=by_arm), moments
