"""What the data-quality report reads: the people of a jobcentre, who delivered when, and who was drawn twice."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.reports.as_of import iter_participants
from app.db.reports.summary import load_sources
from app.db.trials.trials import Trial
from app.domain.figures.data_quality import Finding, SourceActivity, findings_of, quality_indicators
from app.domain.rules.calendar import civil_day


async def load_findings(
    connection: AsyncConnection, trial: Trial, jobcentre: str, day: date, moment: datetime, known_at: datetime | None
) -> list[Finding]:
    """What is found in one jobcentre as of ``day``, as known at ``moment``.

    ``known_at`` is the moment that was asked for, if any: what is kept of a source is its last delivery, unchanged
    records included; of an earlier moment only the versions tell.
    """
    signs = [
        quality_indicators(trial.protocol, trial.ends_on, person.participant_id, person.history(), day)
        async for person in iter_participants(connection, trial.id, [jobcentre], moment)
    ]
    sources = [
        SourceActivity(each.client_id, each.kind, civil_day(each.last_received_at))
        for each in await load_sources(connection, trial.id, [jobcentre], known_at)
    ]
    return findings_of(signs, sources, await _duplicates(connection, trial.id, jobcentre, moment), day)


async def _duplicates(connection: AsyncConnection, trial_id: str, jobcentre: str, moment: datetime) -> list[UUID]:
    """The participants of a jobcentre who turned out, by a corrected CPR number, to be people drawn before."""
    rows = await connection.execute(
        text(
            """
            select participant_id from duplicate
            where jobcentre_code = :jobcentre and trial_id = :trial and registered_at <= :moment
            order by participant_id
            """
        ),
        {"jobcentre": jobcentre, "trial": trial_id, "moment": moment},
    )
    return list(rows.scalars())
