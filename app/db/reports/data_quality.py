"""Reads for the data-quality report: people of a jobcentre, sources and duplicates."""

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
    """Return the findings in one jobcentre as of ``day``, as known at ``moment``.

    ``known_at`` is the requested moment, if any. A source's row has its last batch, unchanged records included; for an
    earlier moment only the versions are known.
    """
    indicators = [
        quality_indicators(trial.protocol, trial.ends_on, person.participant_id, person.history(), day)
        async for person in iter_participants(connection, trial.id, [jobcentre], moment)
    ]
    sources = [
        SourceActivity(source.client_id, source.kind, civil_day(source.last_received_at))
        for source in await load_sources(connection, trial.id, [jobcentre], known_at)
    ]
    return findings_of(indicators, sources, await _duplicates(connection, trial.id, jobcentre, moment), day)


async def _duplicates(connection: AsyncConnection, trial_id: str, jobcentre: str, moment: datetime) -> list[UUID]:
    """Load the duplicates of a jobcentre: participants whose corrected CPR number is that of a person drawn before."""
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
