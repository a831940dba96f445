"""Versions of records: inserted once, superseded by the next, found by the record's key."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.ids import uuid7_at, uuids7_at
from app.db.core.kinds import RecordTable, insert_versions
from app.db.core.record_tables import MOVED_AWAY, NO_JOBCENTRE
from app.db.core.slices import in_slices
from app.db.core.statements import sql
from app.domain.facts import Fact
from app.domain.records.ingest import Change, Person, Version


class ChangedMeanwhileError(Exception):
    """Another transaction took one of the keys, or moved a record, while this one waited for its locks."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """The latest version of a record, and its jobcentre."""

    jobcentre: str
    version_id: UUID
    record_id: UUID
    version: Version


def digest_of(version: Version) -> bytes | None:
    """Digest a version's participant, revision and fact. Returns None for a retraction."""
    if version.fact is None or version.participant_id is None or version.retracted:
        return None
    digest = hashlib.blake2b(_digest_of_fact(version.fact), digest_size=16)
    digest.update(b"%b %d" % (version.participant_id.bytes, -1 if version.revision is None else version.revision))
    return digest.digest()


@lru_cache(maxsize=8192)
def _digest_of_fact(fact: Fact) -> bytes:
    values = [getattr(fact, field.name) for field in fields(fact)]
    normal = [value.normalize() if isinstance(value, Decimal) else value for value in values]
    return hashlib.blake2b(repr(normal).encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Origin:
    """The batch that versions come from, with its trial, its client and the moment of registration."""

    trial: str
    client: str
    batch_id: UUID
    moment: datetime


class VersionWriter:
    """Writes the changes of a batch: inserts versions, closes superseded ones, points the keys to the latest."""

    def __init__(
        self,
        connection: AsyncConnection,
        table: RecordTable,
        origin: Origin,
        stored: Mapping[str, StoredRecord],
        people: Mapping[UUID, Person],
    ) -> None:
        self.connection = connection
        self.table = table
        self.origin = origin
        self.people = people
        self.latest: dict[str, tuple[str, UUID, UUID]] = {
            external_id: (old.jobcentre, old.version_id, old.record_id) for external_id, old in stored.items()
        }
        """By external id the jobcentre, the version id and the record id."""
        self.known = frozenset(self.latest)
        self.digests: dict[str, bytes | None] = {}
        self.written: Counter[str] = Counter()
        """Changes written by jobcentre, ``NO_JOBCENTRE`` included."""

    async def write(self, changes: Sequence[Change]) -> None:
        """Write the changes in order. Raises ChangedMeanwhileError if another transaction took one of the keys."""
        rows: list[tuple[object, ...]] = []
        superseded: list[tuple[str, UUID]] = []
        version_ids = uuids7_at(self.origin.moment, range(1, 2 * len(changes), 2))
        async for index, (change, version_id) in in_slices(enumerate(zip(changes, version_ids, strict=True))):
            external_id = change.key[2]
            before = self.latest.get(external_id)
            jobcentre = self._jobcentre(change.after, before)
            record_id = before[2] if before else version_id
            if before is not None:
                superseded.append(before[:2])
                if (marker := moved_marker(change)) is not None:
                    marker_id = uuid7_at(self.origin.moment, 2 * index)
                    rows.append(self._row(before[0], marker_id, record_id, before[1], external_id, marker))
                    superseded.append((before[0], marker_id))
            self.latest[external_id] = (jobcentre, version_id, record_id)
            self.written[jobcentre] += 1
            self.digests[external_id] = digest_of(change.after)
            rows.append(self._row(jobcentre, version_id, record_id, before and before[1], external_id, change.after))
        await insert_versions(self.connection, self.table, rows)
        if superseded:
            await supersede(self.connection, self.table, self.origin.trial, self.origin.moment, superseded)
        await self._point_keys(sorted({change.key[2] for change in changes}))

    def _jobcentre(self, after: Version, before: tuple[str, UUID, UUID] | None) -> str:
        if after.participant_id is not None:
            return self.people[after.participant_id].jobcentre
        return before[0] if before is not None else NO_JOBCENTRE

    def _row(
        self,
        jobcentre: str,
        version_id: UUID,
        record_id: UUID,
        previous_id: UUID | None,
        external_id: str,
        version: Version,
    ) -> tuple[object, ...]:
        return (
            jobcentre,
            self.origin.trial,
            version_id,
            record_id,
            previous_id,
            version.participant_id,
            self.origin.client,
            external_id,
            version.revision,
            version.retraction_reason,
            self.origin.batch_id,
            self.origin.moment,
            version.sent_number,
            *self.table.values_of(version.fact),
        )

    async def _point_keys(self, changed: Sequence[str]) -> None:
        """Point the keys to the latest versions. Raises ChangedMeanwhileError if another transaction made a new one."""
        new = [external_id for external_id in changed if external_id not in self.known]
        inserted = await self._execute_on_keys(
            new,
            """
            insert into record_key (trial_id, kind, external_id, client_id, jobcentre_code, version_id, digest)
            select :trial, :kind, external_id, :client, jobcentre_code, version_id, digest from latest
            on conflict do nothing
            """,
        )
        if inserted != len(new):
            raise ChangedMeanwhileError
        await self._execute_on_keys(
            [external_id for external_id in changed if external_id in self.known],
            """
            update record_key
            set jobcentre_code = latest.jobcentre_code, version_id = latest.version_id, digest = latest.digest
            from latest
            where record_key.trial_id = :trial and record_key.kind = :kind
              and record_key.external_id = latest.external_id and record_key.client_id = :client
            """,
        )

    async def _execute_on_keys(self, external_ids: Sequence[str], statement: str) -> int:
        if not external_ids:
            return 0
        result = await self.connection.execute(
            sql(
                """
                with latest (external_id, jobcentre_code, version_id, digest) as (
                    select *
                    from unnest(cast(:external_ids as text[]), cast(:jobcentres as text[]), cast(:ids as uuid[]),
                                cast(:digests as bytea[]))
                )
                {statement}
                """,
                statement=statement,
            ),
            {
                "trial": self.origin.trial,
                "kind": self.table.kind,
                "client": self.origin.client,
                "external_ids": list(external_ids),
                "jobcentres": [self.latest[external_id][0] for external_id in external_ids],
                "ids": [self.latest[external_id][1] for external_id in external_ids],
                "digests": [self.digests[external_id] for external_id in external_ids],
            },
        )
        return result.rowcount


def moved_marker(change: Change) -> Version | None:
    """Return the version that marks, for the earlier person, that the record moved to another; None if it did not."""
    before, after = change.before, change.after
    if before is None or before.participant_id in (None, after.participant_id):
        return None
    return Version(before.participant_id, after.revision, before.fact, MOVED_AWAY)


async def supersede(
    connection: AsyncConnection,
    table: RecordTable,
    trial_id: str,
    moment: datetime,
    superseded: Sequence[tuple[str, UUID]],
) -> None:
    """Close versions, given by jobcentre and version id. Versions of this very batch get a span of no length."""
    await connection.execute(
        sql(
            """
            update {table} version set superseded_at = :moment
            from unnest(cast(:jobcentres as text[]), cast(:ids as uuid[])) as old (jobcentre_code, version_id)
            where version.jobcentre_code = old.jobcentre_code and version.trial_id = :trial
              and version.version_id = old.version_id
            """,
            table=table.name,
        ),
        {
            "moment": moment,
            "trial": trial_id,
            "jobcentres": [jobcentre for jobcentre, _ in superseded],
            "ids": [version_id for _, version_id in superseded],
        },
    )
