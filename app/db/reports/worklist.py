"""Reads for the worklist: treatment participants as known at a moment."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.reports.as_of import iter_participants
from app.db.trials.trials import Trial
from app.domain.figures.report_types import EndingExemption
from app.domain.figures.worklist import Reason, task_of
from app.domain.judged_weeks import WeekState


@dataclass(frozen=True, slots=True)
class WorklistEntry:
    """Treatment participant who needs an action in the week."""

    participant_id: UUID
    jobcentre: str
    assigned_on: date
    contact_person: str | None
    number: int | None
    """Programme week; null for a week without number."""
    state: WeekState
    reasons: tuple[Reason, ...]
    """Actions needed, at least one."""
    exemptions_ending: tuple[EndingExemption, ...]


async def load_worklist(
    connection: AsyncConnection, trial: Trial, jobcentres: Collection[str], monday: date, moment: datetime
) -> list[WorklistEntry]:
    """Load the treatment participants of jobcentres with a task, by jobcentre, the longest assigned first."""
    contacts = await _contact_persons(connection, trial.id, jobcentres, moment)
    entries: list[WorklistEntry] = []
    async for person in iter_participants(connection, trial.id, jobcentres, moment):
        if person.arm == "treatment":
            contact = contacts.get(person.participant_id)
            task = task_of(trial.protocol, trial.ends_on, person.history(), contact is not None, monday)
            if task is not None:
                entries.append(
                    WorklistEntry(
                        person.participant_id,
                        person.jobcentre,
                        person.assigned_on,
                        contact,
                        task.number,
                        task.state,
                        task.reasons,
                        task.exemptions_ending,
                    )
                )
    return sorted(entries, key=lambda entry: (entry.jobcentre, entry.assigned_on, entry.participant_id))


async def _contact_persons(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], moment: datetime
) -> dict[UUID, str]:
    rows = await connection.execute(
        text(
            """
            select distinct on (participant_id) participant_id, name from contact_person
            where jobcentre_code = any(:jobcentres) and trial_id = :trial and registered_at <= :moment
            order by participant_id, registered_at desc
            """
        ),
        {"jobcentres": sorted(jobcentres), "trial": trial_id, "moment": moment},
    )
    return {row.participant_id: row.name for row in rows if row.name is not None}
