"""Counts of ended requests for corrected numbers by jobcentre and arm, with tests of their balance (domain 3.4)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.statements import sql
from app.domain.figures.correction_balance import balance_p, swaps_p


@dataclass(frozen=True, slots=True)
class CorrectionCounts:
    """People of the requests of a jobcentre and arm; a swap counts both of its people."""

    jobcentre: str
    arm: str
    requested: int
    accepted: int
    refused: int
    swapped: int


@dataclass(frozen=True, slots=True)
class Balance:
    """Two-sided exact p-values; null if there is nothing to test."""

    p: float | None
    """Of single requests: as likely in one arm as in the other."""
    p_of_swaps: float | None
    """Of accepted swaps: as often between the arms as pairs of drawn people are."""


@dataclass(frozen=True, slots=True)
class CorrectionSummary:
    """The counts by jobcentre and arm, and the tests over the trial."""

    items: list[CorrectionCounts]
    balance: Balance


async def load_summary(connection: AsyncConnection, trial_id: str, before: datetime) -> CorrectionSummary:
    """Count the requests that ended before a moment. The connection has access to every jobcentre."""
    parameters = {"trial": trial_id, "before": before}
    rows = await connection.execute(
        sql(
            """
            select jobcentre_code, arm, count(*),
                   count(*) filter (where status = 'accepted'),
                   count(*) filter (where status = 'refused'),
                   count(*) filter (where status = 'accepted' and kind = 'swap')
            from cpr_correction
            join correction_end using (jobcentre_code, trial_id, correction_id)
            join correction_person using (jobcentre_code, trial_id, correction_id)
            join assignment using (jobcentre_code, trial_id, participant_id)
            where trial_id = :trial and ended_at < :before
            group by jobcentre_code, arm order by jobcentre_code, arm desc
            """
        ),
        parameters,
    )
    items = [CorrectionCounts(*row) for row in rows]
    tested = await connection.execute(
        sql(
            """
            with ended as (
                select kind, correction_end.status,
                       array(select arm from correction_person
                             join assignment using (jobcentre_code, trial_id, participant_id)
                             where correction_person.jobcentre_code = cpr_correction.jobcentre_code
                               and correction_person.trial_id = cpr_correction.trial_id
                               and correction_person.correction_id = cpr_correction.correction_id) as arms
                from cpr_correction join correction_end using (jobcentre_code, trial_id, correction_id)
                where trial_id = :trial and ended_at < :before
            )
            select count(*) filter (where kind = 'single' and arms[1] = 'treatment') as treated,
                   count(*) filter (where kind = 'single') as single,
                   count(*) filter (where kind = 'swap' and status = 'accepted' and arms[1] <> arms[2]) as between_arms,
                   count(*) filter (where kind = 'swap' and status = 'accepted') as swaps,
                   (select count(*) from assignment where trial_id = :trial and arm = 'treatment') as drawn_treated,
                   (select count(*) from assignment where trial_id = :trial) as drawn
            from ended
            """
        ),
        parameters,
    )
    row = tested.one()
    balance = Balance(
        balance_p(row.treated, row.single, row.drawn_treated, row.drawn),
        swaps_p(row.between_arms, row.swaps, row.drawn_treated, row.drawn),
    )
    return CorrectionSummary(items, balance)
