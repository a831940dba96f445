"""The rows of a release, a few people at a time: judged anew out of the versions that stood at its watermark.

What stood at a watermark never changes, so that each portion may be read in a transaction of its own: no connection is
held while a client takes its time, and the same release gives the same rows for ever, in the same order. People stand
by jobcentre and pseudonym, which says nothing of when they came.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from app.db.core.session import EMPTY_SCOPE, AccessScope, ReadDatabase
from app.db.derived.histories import load_people
from app.db.panel.releases import Release, find_release
from app.db.trials.trials import Jobcentre, Trial
from app.domain.figures.panel import PanelRow, Subject, draw_row, participant_row, person_week_rows
from app.domain.rules.calendar import civil_day

PORTION = 200
"""How many people are read at once."""
_REPLICA_TRIES: Final = 100
_REPLICA_PAUSE: Final = 0.05
"""Seconds between two looks whether a replica has a release."""
_MEMBERS = text(
    """
    select assignment.participant_id, assignment.arm, assignment.assigned_on, assignment.drawn_at, assignment.position,
           duplicate.participant_id is not null as duplicate, screening.facts
    from assignment
    join participant using (jobcentre_code, trial_id, participant_id)
    join screening using (jobcentre_code, trial_id, screening_id)
    left join duplicate on duplicate.jobcentre_code = assignment.jobcentre_code
         and duplicate.trial_id = assignment.trial_id and duplicate.participant_id = assignment.participant_id
         and duplicate.registered_at <= :watermark
    where assignment.jobcentre_code = :jobcentre and assignment.trial_id = :trial and assignment.drawn_at <= :watermark
    """
)


@dataclass(frozen=True, slots=True)
class _Member:
    """Someone drawn, with what was stated of them at the screening."""

    participant_id: UUID
    arm: str
    assigned_on: date
    drawn_at: datetime
    position: int | None
    duplicate: bool
    facts: Mapping[str, Any]


async def wait_for_replica(database: ReadDatabase, release: Release) -> bool:
    """Whether the database has the release, at once or within five seconds; a replica gets it a little later.

    All that a release holds was committed before it was recorded, and so arrives before it.
    """
    for _ in range(_REPLICA_TRIES):
        async with database.read(EMPTY_SCOPE) as connection:
            if await find_release(connection, release.trial_id, release.release_id) is not None:
                return True
        await asyncio.sleep(_REPLICA_PAUSE)
    return False


@dataclass(frozen=True, slots=True)
class PanelReader:
    """Reads the tables of one release. It sees one jobcentre at a time, whatever its client is bound to."""

    database: ReadDatabase
    trial: Trial
    release: Release
    pseudonym: Callable[[UUID], str]

    async def person_weeks(self) -> AsyncIterator[list[PanelRow]]:
        """Portions of ``panel.PERSON_WEEKS``."""
        trial, release = self.trial, self.release
        for jobcentre in trial.jobcentres.values():
            members = [(subject, member) for subject, member in await self._members(jobcentre) if not member.duplicate]
            for start in range(0, len(members), PORTION):
                portion = members[start : start + PORTION]
                ids = [member.participant_id for _, member in portion]
                async with self.database.read(self._scope_of(jobcentre)) as connection:
                    people = await load_people(connection, trial.id, [jobcentre.code], ids, release.watermark)
                rows: list[PanelRow] = []
                for subject, member in portion:
                    history = people[member.participant_id].history()
                    rows += person_week_rows(subject, trial.protocol, trial.ends_on, release.as_of, history)
                    await asyncio.sleep(0)  # others are answered meanwhile
                yield rows

    async def participants(self) -> AsyncIterator[list[PanelRow]]:
        """Portions of ``panel.PARTICIPANTS``."""
        trial = self.trial
        for jobcentre in trial.jobcentres.values():
            yield [
                participant_row(
                    subject, trial.protocol, trial.ends_on, self.release.as_of, member.assigned_on, member.facts
                )
                for subject, member in await self._members(jobcentre)
                if not member.duplicate
            ]

    async def draws(self) -> AsyncIterator[list[PanelRow]]:
        """Portions of ``panel.DRAWS``; positions only where the draws were published by the watermark."""
        closed = self.trial.closed_at
        published = closed is not None and closed <= self.release.watermark
        for jobcentre in self.trial.jobcentres.values():
            yield [
                draw_row(
                    subject,
                    member.position if published else None,
                    member.assigned_on,
                    civil_day(member.drawn_at),
                    duplicate=member.duplicate,
                )
                for subject, member in await self._members(jobcentre)
                if member.position is not None
            ]

    def _scope_of(self, jobcentre: Jobcentre) -> AccessScope:
        return AccessScope(self.release.client_id, frozenset({jobcentre.code}))

    async def _members(self, jobcentre: Jobcentre) -> list[tuple[Subject, _Member]]:
        """Everyone drawn in a jobcentre by the watermark, duplicates too, in the order of their pseudonyms."""
        values = {"jobcentre": jobcentre.code, "trial": self.trial.id, "watermark": self.release.watermark}
        async with self.database.read(self._scope_of(jobcentre)) as connection:
            members = [_Member(**row._mapping) for row in await connection.execute(_MEMBERS, values)]
        named = [
            (Subject(self.pseudonym(each.participant_id), jobcentre.code, jobcentre.region, each.arm), each)
            for each in members
        ]
        return sorted(named, key=lambda each: each[0].person)
