"""Panel reader: rows of a release in portions of people, computed from the versions that stood at its watermark.

Those versions never change, so that each portion is read in a transaction of its own: a slow client occupies no
connection, and a release always has the same rows in the same order. Rows are sorted by jobcentre and pseudonym, which
does not reveal the order of screening.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
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
from app.domain.records.ingest import Person
from app.domain.rules.calendar import civil_day

PORTION = 200
"""People per portion."""
_REPLICA_TRIES: Final = 100
_REPLICA_PAUSE: Final = 0.05
"""Seconds between two tries to read a release from a replica."""
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
    """A drawn person with the facts stated at the screening."""

    participant_id: UUID
    arm: str
    assigned_on: date
    drawn_at: datetime
    position: int | None
    duplicate: bool
    facts: Mapping[str, Any]


async def wait_for_replica(database: ReadDatabase, release: Release) -> bool:
    """Wait up to five seconds until the database has the release; a replica gets it a little later.

    The content of a release was committed before the release, and so arrives before it.
    """
    for _ in range(_REPLICA_TRIES):
        async with database.read(EMPTY_SCOPE) as connection:
            if await find_release(connection, release.trial_id, release.release_id) is not None:
                return True
        await asyncio.sleep(_REPLICA_PAUSE)
    return False


@dataclass(frozen=True, slots=True)
class PanelReader:
    """Reads the tables of one release. Its access scope is one jobcentre at a time, whatever its client's is."""

    database: ReadDatabase
    trial: Trial
    release: Release
    pseudonym: Callable[[UUID], str]

    async def person_weeks(self) -> AsyncIterator[list[PanelRow]]:
        """Yield portions of ``panel.PERSON_WEEKS``."""
        trial, release = self.trial, self.release
        for jobcentre in trial.jobcentres.values():
            members = [(subject, member) for subject, member in await self._members(jobcentre) if not member.duplicate]
            for start in range(0, len(members), PORTION):
                portion = members[start : start + PORTION]
                ids = [member.participant_id for _, member in portion]
                async with self.database.read(self._scope_of(jobcentre)) as connection:
                    people = await load_people(connection, trial.id, [jobcentre.code], ids, release.watermark)
                yield await asyncio.to_thread(self._rows_of, portion, people)  # a person may have thousands of records

    def _rows_of(self, portion: Sequence[tuple[Subject, _Member]], people: Mapping[UUID, Person]) -> list[PanelRow]:
        trial, rows = self.trial, list[PanelRow]()
        for subject, member in portion:
            history = people[member.participant_id].history()
            for row in person_week_rows(subject, trial.protocol, trial.ends_on, self.release.as_of, history):
                rows.append(row)
        return rows

    async def participants(self) -> AsyncIterator[list[PanelRow]]:
        """Yield portions of ``panel.PARTICIPANTS``."""
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
        """Yield portions of ``panel.DRAWS``; with positions only if the draws were published by the watermark."""
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
        """Load everyone drawn in a jobcentre by the watermark, duplicates included, by pseudonym."""
        values = {"jobcentre": jobcentre.code, "trial": self.trial.id, "watermark": self.release.watermark}
        async with self.database.read(self._scope_of(jobcentre)) as connection:
            members = [_Member(**row._mapping) for row in await connection.execute(_MEMBERS, values)]
        subjects = [
            Subject(self.pseudonym(member.participant_id), jobcentre.code, jobcentre.region, member.arm)
            for member in members
        ]
        return sorted(zip(subjects, members, strict=True), key=lambda pair: pair[0].person)
