"""Access to participants: the clients that may read and write them, and the jobcentres that a client is bound to."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.participants.queries import ParticipantView, find_participant
from app.db.trials.trials import Trial
from app.routers.common.types import JobcentreCode
from app.web.auth import Principal, requires
from app.web.problems import Problem

ParticipantReader = Annotated[Principal, Depends(requires("participants:read"))]
ParticipantWriter = Annotated[Principal, Depends(requires("participants:write"))]
ParticipantPath = Annotated[UUID, Path(alias="id", description="The participant's id in the trial.")]
JobcentreQuery = Annotated[JobcentreCode | None, Query(description="Only participants of this jobcentre.")]
FIRST_ID = UUID(int=0)
"""Cursor value that sorts before every participant id."""


async def visible_participant(
    connection: AsyncConnection, principal: Principal, trial_id: str, participant_id: UUID, today: date
) -> ParticipantView:
    """Return the participant. Problem ``not_found`` if it does not exist or belongs to another client's jobcentre."""
    participant = await find_participant(connection, trial_id, participant_id, today)
    if participant is None or not principal.reads_person_of(participant.jobcentre):
        raise Problem("not_found")
    return participant


def visible_jobcentres(principal: Principal, trial: Trial, jobcentre: str | None) -> list[str]:
    """Return the trial's jobcentres, or the given one, whose people the client reads. Problem ``not_found`` if none."""
    requested = trial.jobcentres if jobcentre is None else [jobcentre]
    visible = [code for code in requested if code in trial.jobcentres and principal.reads_person_of(code)]
    if not visible:
        raise Problem("not_found")
    return visible
