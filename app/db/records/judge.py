"""Judge one batch inside one transaction: resolve people, lock their strata, load state, decide every record."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES, RecordTable
from app.db.core.record_tables import NO_JOBCENTRE
from app.db.core.slices import in_slices
from app.db.core.statements import sql
from app.db.derived.changes_since import load_changes_since
from app.db.derived.histories import load_people
from app.db.derived.participant_cache import ParticipantCache
from app.db.participants.resolve import ResolvedPerson, resolve_people
from app.db.records.batch_request import BatchRequest, RecordInput
from app.db.records.versions import ChangedMeanwhileError, StoredRecord, digest_of
from app.db.trials.strata import lock_orphan_retractions, lock_strata
from app.domain.facts import JUDGED_KINDS, History
from app.domain.records.errors import DomainError
from app.domain.records.ingest import Change, Person, RecordIngest, RecordReport, Version

_UNCHANGED: Final = RecordReport("unchanged")
_KEYS = sql(
    """
    select external_id, jobcentre_code, version_id, digest from record_key
    where trial_id = :trial and kind = :kind and client_id = :client and external_id = any(:ids)
    """
)


class UnlockedStratumError(Exception):
    """A record is stored in jobcentres, or in ``NO_JOBCENTRE``, that were not locked. Repeat with them locked."""

    def __init__(self, jobcentres: frozenset[str]) -> None:
        self.jobcentres = jobcentres


class _StoredKey(NamedTuple):
    """The jobcentre of a stored record, its latest version, and the digest of that version."""

    jobcentre: str
    version_id: UUID
    digest: bytes | None


class PendingRecord(NamedTuple):
    """A record with the person whom it names, and the version that it would become."""

    external_id: str
    person: ResolvedPerson | None
    version: Version
    pointer: str
    """The JSON pointer of the field that names the person."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The decision on a batch: a report for each record, and what ``store_batch`` has to store."""

    request: BatchRequest
    table: RecordTable
    moment: datetime
    """``registered_at`` of the versions."""
    registered_at: Mapping[str, datetime | None]
    """By locked jobcentre the last registration before this one."""
    stored: Mapping[str, StoredRecord]
    """By external id the latest versions of the records that may change."""
    people: Mapping[UUID, Person]
    """The people of the batch, with its changes applied."""
    reports: Sequence[RecordReport]
    changes: Sequence[Change]
    histories_before: Mapping[UUID, History]
    """The history, before the batch, of each person whom it changes."""

    @property
    def jobcentres(self) -> Collection[str]:
        """The jobcentres whose strata are locked."""
        return self.registered_at.keys()

    def touched_jobcentres(self) -> frozenset[str]:
        """Return the jobcentres of the people whom the batch changes."""
        return frozenset(self.people[participant_id].jobcentre for participant_id in self.histories_before)


def cache_people(cache: ParticipantCache, judgement: Judgement) -> None:
    """Cache the people of a committed batch for the next one."""
    request, touched = judgement.request, judgement.touched_jobcentres()
    cache.store(
        request.trial.id,
        judgement.registered_at,
        {code: judgement.moment if code in touched else at for code, at in judgement.registered_at.items()},
        [person.without_records() for person in judgement.people.values()] if request.kind in JUDGED_KINDS else (),
    )


class BatchJudge:
    """One attempt to judge a batch inside one transaction. Writes nothing; ``store_batch`` does.

    ``extra_jobcentres`` are locked besides those of the people.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        request: BatchRequest,
        cache: ParticipantCache,
        extra_jobcentres: frozenset[str],
    ) -> None:
        self._connection = connection
        self._request = request
        self._trial = request.trial
        self._table = TABLES[request.kind]
        self._cache = cache
        self._extra_jobcentres = extra_jobcentres
        self._inputs = [record for record in request.records if isinstance(record, RecordInput)]
        counts = Counter(record.external_id for record in self._inputs)
        self._repeated = frozenset(external_id for external_id, n in counts.items() if n > 1)
        self._pending: Sequence[PendingRecord] = ()
        self._moment: datetime
        self._registered_at: Mapping[str, datetime | None] = {}
        """By locked jobcentre its last registration."""
        self._locked: frozenset[str] = frozenset()
        """The jobcentres, and ``NO_JOBCENTRE`` if it is locked."""
        self._keys: Mapping[str, _StoredKey] = {}
        self._unchanged: frozenset[str] = frozenset()
        """The external ids of records that repeat what is stored exactly."""
        self._stored: Mapping[str, StoredRecord] = {}

    async def judge(self) -> Judgement:
        """Decide every record. Error ``precondition_failed``; raises UnlockedStratumError, ChangedMeanwhileError."""
        cached = await self._resolve_people()
        await self._lock()
        await self._update_cache(cached)
        await self._confirm_numbers()
        self._keys = await self._load_keys([record.external_id for record in self._inputs])
        self._require_locked()
        self._unchanged = await self._find_unchanged()
        self._stored = await self._load_stored()
        people = await self._load_people()
        ingest = RecordIngest(
            protocol=self._trial.protocol,
            ends_on=self._trial.ends_on,
            enforcement=self._trial.enforcement,
            kind=self._request.kind,
            client=self._request.client,
            people=people,
            stored={external_id: stored.version for external_id, stored in self._stored.items()},
            order={external_id: stored.record_id.int for external_id, stored in self._stored.items()},
        )
        pending, reports = iter(self._pending), list[RecordReport]()
        async for record in in_slices(self._request.records):
            reports.append(self._decide(ingest, next(pending)) if isinstance(record, RecordInput) else record.report)
        return Judgement(
            self._request,
            self._table,
            self._moment,
            self._registered_at,
            self._stored,
            people,
            reports,
            ingest.changes,
            ingest.before,
        )

    # --- resolving and locking ----------------------------------------------------------------------------------------

    async def _resolve_people(self) -> Mapping[UUID, str]:
        """Resolve every named person. Returns the jobcentres that came from the cache, unconfirmed until locked."""
        people: dict[UUID | bytes, ResolvedPerson] = {}
        ids = {record.participant_id for record in self._inputs if record.participant_id}
        for participant_id in ids:
            jobcentre = self._cache.jobcentre_of(self._trial.id, participant_id)
            if jobcentre is not None and jobcentre in self._request.jobcentres:
                people[participant_id] = ResolvedPerson(participant_id, jobcentre, drawn=True)
        cached = {person.participant_id: person.jobcentre for person in people.values()}
        indexes = {record.blind_index for record in self._inputs if record.blind_index}
        people.update(await resolve_people(self._connection, self._trial.id, ids - people.keys(), indexes))
        self._pending = [
            _pending(record, people.get(record.participant_id or record.blind_index or b""))
            async for record in in_slices(self._inputs)
        ]
        return cached

    async def _lock(self) -> None:
        """Lock the strata of all people and stored records concerned that the client may write to."""
        retracted = [record.external_id for record in self._inputs if record.fact is None]
        keys = await self._load_keys(retracted)
        concerned = {record.person.jobcentre for record in self._pending if record.person is not None}
        concerned |= {key.jobcentre for key in keys.values()} | self._extra_jobcentres
        orphans = NO_JOBCENTRE in concerned or any(external_id not in keys for external_id in retracted)
        if orphans:
            await lock_orphan_retractions(self._connection, self._trial.id, self._request.client)
        jobcentres = concerned & self._request.jobcentres
        strata, self._moment = await lock_strata(self._connection, self._trial.id, jobcentres)
        self._registered_at = {code: stratum.registered_at for code, stratum in strata.items()}
        self._locked = frozenset({*jobcentres, NO_JOBCENTRE} if orphans else jobcentres)

    async def _update_cache(self, cached: Mapping[UUID, str]) -> None:
        """Bring the cache up to the locked strata. Raises ChangedMeanwhileError unless it still has the people."""
        trial, duplicates = self._trial.id, frozenset[UUID]()
        if since := self._cache.since(trial, self._registered_at):
            changes = await load_changes_since(self._connection, trial, since)
            self._cache.catch_up(trial, since, self._registered_at, changes)
            duplicates = frozenset() if changes is None else frozenset(changes.duplicates)
        confirmed = all(self._cache.holds(trial, code, self._registered_at[code]) for code in {*cached.values()})
        if not confirmed or duplicates & cached.keys():
            raise ChangedMeanwhileError  # the next attempt resolves these people in the database

    async def _confirm_numbers(self) -> None:
        """Raise ChangedMeanwhileError if a number that a register sent finds another person now that it is locked.

        Such a record follows its number (domain 3.4): stored late, it would stay with the former holder.
        """
        sent = {
            record.sent_number: pending.person
            for record, pending in zip(self._inputs, self._pending, strict=True)
            if record.sent_number is not None and pending.person is not None
        }
        if sent and await resolve_people(self._connection, self._trial.id, (), sent.keys()) != sent:
            raise ChangedMeanwhileError

    def _require_locked(self) -> None:
        """Raise UnlockedStratumError for a record stored elsewhere than its person, or retracted before it came."""
        unlocked = {key.jobcentre for key in self._keys.values()} - self._locked
        if unlocked := unlocked & (self._request.jobcentres | {NO_JOBCENTRE}):
            raise UnlockedStratumError(frozenset(unlocked))

    # --- loading ------------------------------------------------------------------------------------------------------

    async def _load_keys(self, external_ids: Sequence[str]) -> dict[str, _StoredKey]:
        if not external_ids:
            return {}
        rows = await self._connection.execute(
            _KEYS,
            {
                "trial": self._trial.id,
                "kind": self._table.kind,
                "client": self._request.client,
                "ids": list(set(external_ids)),
            },
        )
        return {row[0]: _StoredKey(*row[1:]) for row in rows}

    async def _find_unchanged(self) -> frozenset[str]:
        """Find records sent once whose latest version has the same content, revision included."""
        if not self._keys or self._request.conditional:
            return frozenset()
        unchanged = [
            record.external_id
            async for record in in_slices(self._pending)
            if (key := self._keys.get(record.external_id)) is not None
            and key.digest is not None
            and record.external_id not in self._repeated
            and key.digest == digest_of(record.version)
        ]
        return frozenset(unchanged)

    async def _load_stored(self) -> dict[str, StoredRecord]:
        """Load the latest versions of the records that may change. Their strata are locked."""
        latest = [
            key
            for external_id, key in self._keys.items()
            if external_id not in self._unchanged
            and (key.jobcentre == NO_JOBCENTRE or key.jobcentre in self._registered_at)
        ]
        if not latest:
            return {}
        # Key by key: a join with record_key made PostgreSQL scan the whole table as long as it had no statistics.
        rows = await self._connection.execute(
            sql(
                """
                select external_id, version.jobcentre_code, version.version_id, record_id, participant_id, revision,
                       retraction_reason, sent_number, {columns}
                from unnest(cast(:codes as text[]), cast(:versions as uuid[])) as latest (jobcentre_code, version_id)
                join {table} version
                  on version.jobcentre_code = latest.jobcentre_code and version.trial_id = :trial
                 and version.version_id = latest.version_id
                """,
                columns=self._table.columns,
                table=self._table.name,
            ),
            {
                "trial": self._trial.id,
                "codes": [key.jobcentre for key in latest],
                "versions": [key.version_id for key in latest],
            },
        )
        stored: dict[str, StoredRecord] = {}
        async for row in in_slices(rows):
            fact = self._table.fact_of(row)
            version = Version(row.participant_id, row.revision, fact, row.retraction_reason, row.sent_number)
            stored[row.external_id] = StoredRecord(row.jobcentre_code, row.version_id, row.record_id, version)
        if len(stored) != len(latest):
            raise ChangedMeanwhileError
        return stored

    async def _load_people(self) -> dict[UUID, Person]:
        """Load everyone whom the batch may change, from the cache or the database.

        The cache has histories without records, so people whose stored records are replaced come from the database.
        """
        drawn = [(record, changed) for record in self._pending if (changed := self._changed_person(record)) is not None]
        concerned = {participant_id for _, participant_id in drawn}
        known = self._stored.keys() | self._repeated
        replaced = {participant_id for record, participant_id in drawn if record.external_id in known}
        replaced |= {old.version.participant_id for old in self._stored.values() if old.version.participant_id}
        people: dict[UUID, Person] = {}
        if self._request.kind in JUDGED_KINDS:
            for code, registered_at in self._registered_at.items():
                people |= self._cache.take(self._trial.id, code, registered_at, concerned | replaced)
        people = {participant_id: person for participant_id, person in people.items() if participant_id not in replaced}
        missing = (concerned | replaced) - people.keys()
        kinds = {*JUDGED_KINDS, self._request.kind}
        people |= await load_people(self._connection, self._trial.id, self._registered_at, missing, kinds=kinds)
        if not concerned <= people.keys():
            raise ChangedMeanwhileError  # a person became a duplicate, and the records moved
        return people

    def _changed_person(self, record: PendingRecord) -> UUID | None:
        """Return the drawn participant whom the record changes, or None if it is unresolved, undrawn, unlocked or an
        exact repeat."""
        person = record.person
        if person is None or not person.drawn or record.external_id in self._unchanged:
            return None
        return person.participant_id if person.jobcentre in self._registered_at else None

    # --- deciding -----------------------------------------------------------------------------------------------------

    def _is_precondition_met(self, external_id: str) -> bool:
        """Return whether the stored version is as If-Match and If-None-Match demand (RFC 9110, 13.1)."""
        stored = self._stored.get(external_id)
        required, excluded = self._request.if_match, self._request.if_none_match
        if required is not None and (stored is None or (required != "any" and stored.version_id not in required)):
            return False
        if excluded == "any":
            return external_id not in self._keys
        return not excluded or stored is None or stored.version_id not in excluded

    def _decide(self, ingest: RecordIngest, record: PendingRecord) -> RecordReport:
        if self._request.conditional and not self._is_precondition_met(record.external_id):
            raise DomainError("precondition_failed")
        key = self._keys.get(record.external_id)
        if key is not None and key.jobcentre != NO_JOBCENTRE and key.jobcentre not in self._registered_at:
            return RecordReport("rejected", (("", "unknown_participant"),))
        if record.version.fact is not None:
            if record.person is None or record.person.jobcentre not in self._registered_at:
                return RecordReport("rejected", ((record.pointer, "unknown_participant"),))
            if not record.person.drawn:
                return RecordReport("rejected", ((record.pointer, "not_drawn"),))
            if record.external_id in self._unchanged:
                return _UNCHANGED
        return ingest.receive(record.external_id, record.version)


def _pending(record: RecordInput, person: ResolvedPerson | None) -> PendingRecord:
    participant_id = None if person is None else person.participant_id
    version = Version(participant_id, record.revision, record.fact, record.retraction_reason, record.sent_number)
    pointer = "/cpr" if record.participant_id is None else "/participant_id"
    return PendingRecord(record.external_id, person, version, pointer)
