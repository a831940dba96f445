"""A delivery is heard: who and what it concerns is found, locked and read, and every record judged."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.kinds import TABLES
from app.db.core.statements import sql
from app.db.core.tables import NO_JOBCENTRE
from app.db.derived.changes_since import load_changes_since
from app.db.derived.histories import load_people
from app.db.derived.participant_cache import ParticipantCache
from app.db.participants.resolve import ResolvedPerson, resolve_people
from app.db.records.batch_request import BatchRequest, RecordInput
from app.db.records.versions import ChangedMeanwhileError, StoredRecord, digest_of
from app.db.trials.strata import lock_orphan_retractions, lock_strata
from app.domain.facts import JUDGED_KINDS
from app.domain.records.errors import DomainError
from app.domain.records.ingest import Person, RecordIngest, RecordReport, Submission, Version

AT_ONCE: Final = 100
"""So many records or people are judged before other requests are let in: some milliseconds."""


class UnlockedStratumError(Exception):
    """A record of the delivery lies in jobcentres, or nowhere, that were not locked: with them, once more."""

    def __init__(self, places: frozenset[str]) -> None:
        self.places = places


@dataclass(frozen=True, slots=True)
class _Key:
    """Where a record that is known lies, its latest version, and the digest of what that says."""

    jobcentre: str
    version_id: UUID
    digest: bytes | None


class PendingRecord(NamedTuple):
    """A record as sent, whom it names, and the version that it would be."""

    external_id: str
    someone: ResolvedPerson | None
    version: Version
    by_id: bool
    """Whether the person is named by a participant id, not by a CPR number."""


class BatchJudge:
    """One attempt at a delivery, inside one transaction, in which it writes nothing.

    ``elsewhere`` are places to lock besides those of the people.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        delivery: BatchRequest,
        participant_cache: ParticipantCache,
        elsewhere: frozenset[str],
    ) -> None:
        self.connection = connection
        self.trial = delivery.trial
        self.delivery = delivery
        self.table = TABLES[delivery.kind]
        self.moment: datetime
        """The ``registered_at`` of what is written."""
        self.jobcentres: frozenset[str] = frozenset()
        """Those whose strata are locked."""
        self.stored: Mapping[str, StoredRecord] = {}
        """The latest versions of the records that may change."""
        self.people: Mapping[UUID, Person] = {}
        self.intake: RecordIngest
        self._remembered = participant_cache
        self._elsewhere = elsewhere
        self._locked: set[str] = set()
        """``NO_JOBCENTRE`` when that is locked, and the jobcentres."""
        self._sent = [record for record in delivery.records if isinstance(record, RecordInput)]
        self._cases: Sequence[PendingRecord] = ()
        often = Counter(record.external_id for record in self._sent)
        self._again = frozenset(external_id for external_id, n in often.items() if n > 1)
        """The external ids that come more than once in the delivery."""
        self._registered_at: Mapping[str, datetime | None] = {}
        self._keys: Mapping[str, _Key] = {}
        self._same: frozenset[str] = frozenset()
        """The external ids of records that say what is stored already, to the letter."""

    async def judge(self) -> Sequence[RecordReport]:
        """The report of each record, with everything to be written left in ``intake``."""
        recalled = await self._find_people()
        await self._lock()
        await self._catch_up(recalled)
        self._keys = await self._read_keys([record.external_id for record in self._sent])
        self._require_locked()
        self._same = self._find_same()
        self.stored = await self._load_stored()
        self.people = await self._load_people()
        self.intake = RecordIngest(
            protocol=self.trial.protocol,
            ends_on=self.trial.ends_on,
            enforcement=self.trial.enforcement,
            kind=self.delivery.kind,
            client=self.delivery.client,
            people=self.people,
            stored={external_id: each.version for external_id, each in self.stored.items()},
            order={external_id: each.record_id.int for external_id, each in self.stored.items()},
        )
        cases, reports = iter(self._cases), list[RecordReport]()
        for record in self.delivery.records:
            reports.append(record if isinstance(record, RecordReport) else self._receive(next(cases)))
            if len(reports) % AT_ONCE == 0:
                await asyncio.sleep(0)
        return reports

    def touched(self) -> frozenset[str]:
        """The jobcentres of the people whom a change concerns."""
        return frozenset(self.people[participant_id].jobcentre for participant_id in self.intake.before)

    def remember(self) -> None:
        """Keeps the people for the next delivery. This one is committed."""
        judged = self.delivery.kind in JUDGED_KINDS
        touched = self.touched()
        self._remembered.keep(
            self.trial.id,
            self._registered_at,
            {code: self.moment if code in touched else at for code, at in self._registered_at.items()},
            [person.without_records() for person in self.people.values()] if judged else (),
        )

    # --- finding and locking ------------------------------------------------------------------------------------------

    async def _find_people(self) -> Mapping[UUID, str]:
        """Finds out who is meant. By participant the jobcentres that were remembered, to be confirmed once these are
        locked."""
        known: dict[UUID | bytes, ResolvedPerson] = {}
        ids = {record.participant_id for record in self._sent if record.participant_id}
        for participant_id in ids:
            jobcentre = self._remembered.jobcentre_of(self.trial.id, participant_id)
            if jobcentre is not None and self.delivery.sees(jobcentre):
                known[participant_id] = ResolvedPerson(participant_id, jobcentre, drawn=True)
        recalled = {someone.participant_id: someone.jobcentre for someone in known.values()}
        indexes = {record.blind_index for record in self._sent if record.blind_index}
        known.update(await resolve_people(self.connection, self.trial.id, ids - known.keys(), indexes))
        self._cases = [
            _case(record, known.get(record.participant_id or record.blind_index or b"")) for record in self._sent
        ]
        return recalled

    async def _lock(self) -> None:
        """Locks the strata of all people and records concerned that the client may write to."""
        retracted = [record.external_id for record in self._sent if record.fact is None]
        places = {each: key.jobcentre for each, key in (await self._read_keys(retracted)).items()}
        found = {case.someone.jobcentre for case in self._cases if case.someone is not None}
        found |= {*places.values()} | self._elsewhere
        if NO_JOBCENTRE in found or any(external_id not in places for external_id in retracted):
            await lock_orphan_retractions(self.connection, self.trial.id, self.delivery.client)
            self._locked = {NO_JOBCENTRE}
        self.jobcentres = frozenset(code for code in found - {NO_JOBCENTRE} if self.delivery.sees(code))
        strata, self.moment = await lock_strata(self.connection, self.trial.id, self.jobcentres)
        self._locked |= self.jobcentres
        self._registered_at = {code: stratum.registered_at for code, stratum in strata.items()}

    async def _catch_up(self, recalled: Mapping[UUID, str]) -> None:
        """What others registered meanwhile is put to what is remembered; then who was recalled must still be drawn."""
        trial, duplicates = self.trial.id, frozenset[UUID]()
        if since := self._remembered.since(trial, self._registered_at):
            news = await load_changes_since(self.connection, trial, since)
            self._remembered.catch_up(trial, {code: self._registered_at[code] for code in since}, news)
            duplicates = frozenset() if news is None else frozenset(news.duplicates)
        confirmed = all(self._remembered.holds(trial, code, self._registered_at[code]) for code in {*recalled.values()})
        if not confirmed or duplicates & recalled.keys():
            raise ChangedMeanwhileError  # this time ask the database

    def _require_locked(self) -> None:
        """A record in another jobcentre than its person, or taken back before it came, is rare: then once more."""
        places = {key.jobcentre for key in self._keys.values()} - self._locked
        if missed := {code for code in places if code == NO_JOBCENTRE or self.delivery.sees(code)}:
            raise UnlockedStratumError(frozenset(missed))

    # --- what is stored -----------------------------------------------------------------------------------------------

    async def _read_keys(self, external_ids: Sequence[str]) -> dict[str, _Key]:
        if not external_ids:
            return {}
        rows = await self.connection.execute(
            _KEYS,
            {
                "trial": self.trial.id,
                "kind": self.table.kind,
                "client": self.delivery.client,
                "ids": list(set(external_ids)),
            },
        )
        return {row[0]: _Key(*row[1:]) for row in rows}

    def _find_same(self) -> frozenset[str]:
        """Records that came once in the delivery and whose latest version says the same, its revision included."""
        if not self._keys or self.delivery.if_match is not None:
            return frozenset()
        return frozenset(
            case.external_id
            for case in self._cases
            if (key := self._keys.get(case.external_id)) is not None
            and key.digest is not None
            and case.external_id not in self._again
            and key.digest == digest_of(case.version)
        )

    async def _load_stored(self) -> dict[str, StoredRecord]:
        """The latest versions of the records that may change, read under the locks."""
        latest = [
            key
            for external_id, key in self._keys.items()
            if external_id not in self._same and key.jobcentre in (NO_JOBCENTRE, *self.jobcentres)
        ]
        if not latest:
            return {}
        # Key by key: a join with the guard made PostgreSQL read the whole table where it had no statistics yet.
        rows = await self.connection.execute(
            sql(
                f"""
                select external_id, version.jobcentre_code, version.version_id, record_id, participant_id, revision,
                       retraction_reason, {", ".join(self.table.columns)}
                from unnest(cast(:codes as text[]), cast(:versions as uuid[])) as latest (jobcentre_code, version_id)
                join {self.table.name} version
                  on version.jobcentre_code = latest.jobcentre_code and version.trial_id = :trial
                 and version.version_id = latest.version_id
                """  # noqa: S608 - table and columns of our own
            ),
            {
                "trial": self.trial.id,
                "codes": [key.jobcentre for key in latest],
                "versions": [key.version_id for key in latest],
            },
        )
        stored: dict[str, StoredRecord] = {}
        for row in rows:
            version = Version(row.participant_id, row.revision, self.table.fact_of(row), row.retraction_reason)
            stored[row.external_id] = StoredRecord(row.jobcentre_code, row.version_id, row.record_id, version)
        if len(stored) != len(latest):
            raise ChangedMeanwhileError
        return stored

    async def _load_people(self) -> dict[UUID, Person]:
        """Everyone about whom the delivery says something new, remembered or read."""
        new = [(case, each) for case in self._cases if (each := self._drawn_by(case)) is not None]
        concerned = {each for _, each in new}
        often = self.stored.keys() | self._again
        replaced = {each for case, each in new if case.external_id in often}
        replaced |= {each for old in self.stored.values() if (each := old.version.participant_id) is not None}
        people: dict[UUID, Person] = {}
        if self.delivery.kind in JUDGED_KINDS:
            for code in self.jobcentres:
                people |= self._remembered.take(
                    self.trial.id, code, self._registered_at.get(code), concerned | replaced
                )
        # Of those whose records are replaced every record must be known.
        people = {each: person for each, person in people.items() if each not in replaced}
        for person in people.values():
            if person.judged is not None and person.judged.history is not person.history():
                person.judged = person.judged.then(self.trial.protocol, self.trial.ends_on, person.history())
        unknown = (concerned | replaced) - people.keys()
        kinds = {*JUDGED_KINDS, self.delivery.kind}
        people |= await load_people(self.connection, self.trial.id, self.jobcentres, unknown, kinds=kinds)
        if not concerned <= people.keys():
            raise ChangedMeanwhileError  # a duplicate was found, and its records passed on
        return people

    def _drawn_by(self, case: PendingRecord) -> UUID | None:
        """The drawn participant in a locked jobcentre about whom a record says something that is not known to the
        letter; None where there is none."""
        someone = case.someone
        if someone is None or not someone.drawn or case.external_id in self._same:
            return None
        return someone.participant_id if someone.jobcentre in self.jobcentres else None

    # --- judging ------------------------------------------------------------------------------------------------------

    def _receive(self, case: PendingRecord) -> RecordReport:
        wanted = self.delivery.if_match
        if wanted is not None:
            stored = self.stored.get(case.external_id)
            if stored is None or (wanted != "any" and stored.version_id not in wanted):
                raise DomainError("precondition_failed")
        key = self._keys.get(case.external_id)
        if key is not None and key.jobcentre not in self.jobcentres and key.jobcentre != NO_JOBCENTRE:
            return RecordReport("rejected", (("", "unknown_participant"),))
        if case.version.fact is not None:
            pointer = "/participant_id" if case.by_id else "/cpr"
            if case.someone is None or case.someone.jobcentre not in self.jobcentres:
                return RecordReport("rejected", ((pointer, "unknown_participant"),))
            if not case.someone.drawn:
                return RecordReport("rejected", ((pointer, "not_drawn"),))
            if case.external_id in self._same:
                return _UNCHANGED
        return self.intake.receive(Submission(case.external_id, case.version))


_UNCHANGED = RecordReport("unchanged")


def _case(record: RecordInput, someone: ResolvedPerson | None) -> PendingRecord:
    named = None if someone is None else someone.participant_id
    version = Version(named, record.revision, record.fact, record.retraction_reason)
    return PendingRecord(record.external_id, someone, version, record.participant_id is not None)


_KEYS = sql(
    """
    select external_id, jobcentre_code, version_id, digest from record_key
    where trial_id = :trial and kind = :kind and client_id = :client and external_id = any(:ids)
    """
)
