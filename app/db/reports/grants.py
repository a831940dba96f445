"""Frozen grant assessments: figures as of the decision, with their inputs. Never changed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.derived.histories import load_everyone
from app.db.trials.trials import Trial
from app.domain.figures.counts import CONDITION_SUMS, count
from app.domain.rules.calendar import week_code


@dataclass(frozen=True, slots=True)
class FrozenAssessment:
    """An assessment: figures of a jobcentre's treatment arm, cumulative to a week, as of the watermark."""

    jobcentre: str
    monday: date
    frozen_at: datetime
    client_id: str
    watermark: datetime | None
    figures: Mapping[str, Any]
    inputs: list[Mapping[str, Any]]


async def _load_inputs(connection: AsyncConnection, trial: Trial, jobcentre: str, monday: date) -> list[dict[str, Any]]:
    """Load each treatment participant's part of the figures up to the week, by the pseudonym of the published draws."""
    pseudonyms = await connection.execute(
        text(
            """
            select participant_id, pseudonym from assignment
            where jobcentre_code = :jobcentre and trial_id = :trial and arm = 'treatment'
            """
        ),
        {"jobcentre": jobcentre, "trial": trial.id},
    )
    names = {row.participant_id: str(row.pseudonym) for row in pseudonyms}
    inputs: list[dict[str, Any]] = []
    for participant_id, person in (await load_everyone(connection, trial.id, jobcentre)).items():
        if participant_id in names:
            counted = count(trial.protocol, trial.ends_on, person.history())
            sums: dict[str, int] = {
                name: sum(week[name] for day, week in counted.items() if day <= monday) for name in CONDITION_SUMS
            }
            inputs.append({"pseudonym": names[participant_id], **sums})
    return sorted(inputs, key=lambda row: str(row["pseudonym"]))


async def freeze(
    connection: AsyncConnection,
    trial: Trial,
    jobcentre: str,
    monday: date,
    watermark: datetime | None,
    figures: Mapping[str, Any],
    client: str,
    moment: datetime,
) -> bool:
    """Store an assessment; False, without a change, if the jobcentre and week have one already."""
    inputs = await _load_inputs(connection, trial, jobcentre, monday)
    stored = await connection.execute(
        text(
            """
            insert into grant_assessment (jobcentre_code, trial_id, monday, frozen_at, client_id, watermark, figures,
                                          inputs)
            values (:jobcentre, :trial, :monday, :moment, :client, :watermark,
                    cast(cast(:figures as text) as jsonb), cast(cast(:inputs as text) as jsonb))
            on conflict do nothing
            """
        ),
        {
            "jobcentre": jobcentre,
            "trial": trial.id,
            "monday": monday,
            "client": client,
            "moment": moment,
            "watermark": watermark,
            "figures": to_json(figures).decode(),
            "inputs": to_json(inputs).decode(),
        },
    )
    if not stored.rowcount:
        return False
    await append_entries(
        connection, [NewAuditEntry(jobcentre, client, "grant.frozen", trial.id, None, {"week": week_code(monday)})]
    )
    return True


async def load_frozen(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str]
) -> list[FrozenAssessment]:
    """Load the frozen assessments of jobcentres, by week and jobcentre."""
    rows = await connection.execute(
        text(
            """
            select jobcentre_code, monday, frozen_at, client_id, watermark, figures, inputs from grant_assessment
            where jobcentre_code = any(:jobcentres) and trial_id = :trial order by monday, jobcentre_code
            """
        ),
        {"jobcentres": sorted(jobcentres), "trial": trial_id},
    )
    return [FrozenAssessment(*row) for row in rows]
