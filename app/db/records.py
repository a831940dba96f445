"""A batch of records into the register: resolve, lock, load, judge, write, all in one transaction.

One pipeline for every kind. What a record does is decided by ``app.domain.ingest``; here is only what it takes to ask
it and to keep the answer.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit import Entry, append
from app.db.histories import load_people
from app.db.ids import uuid7_at
from app.db.kinds import TABLES
from app.db.projections import add_to_counts, store_states
from app.db.receipts import RequestKey, find_receipt_by_key, store_receipt
from app.db.session import Database, Sight
from app.db.strata import lock_nowhere, lock_strata, register_at
from app.db.tables import NOWHERE
from app.db.trials import Trial
from app.db.versions import ChangedMeanwhileError, Origin, StoredRecord, VersionWriter
from app.domain.draw import Arm
from app.domain.facts import JUDGED_KINDS, Fact
from app.domain.ingest import Intake, Person, Report, Submission, Version
from app.domain.refused import Refused
from app.domain.tallies import add_up, change

_ATTEMPTS = 10
_PASSING = frozenset({"40001", "40P01"})
"""SQL states after which the same transaction may go well: serialization failure, deadlock."""


@dataclass(frozen=True, slots=True)
class SentRecord:
    """A well-formed record as sent, its person named by id or by blind index, or, in a retraction, not at all."""

    external_id: str
    revision: int | None
    participant_id: UUID | None
    blind_index: bytes | None
    fact: Fact | None
    retraction_reason: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a client sends at once. A record that is malformed stands there as its report already."""

    trial: Trial
    kind: str
    client: str
    sees: Callable[[str], bool]
    """Whether the client may write to a jobcentre."""
    sight: Sight
    records: Sequence[SentRecord | Report]
    keep: bool = True
    atomic: bool = False
    if_match: Collection[UUID] | Literal["any"] | None = None
    """For a single record: the versions of which it must still stand at one."""
    receipt: "Callable[[Received], bytes] | None" = None
    """Makes the report that the client gets, and that is kept for it."""
    request: RequestKey | None = None
    """The client's own key of the request: the same request again gets the report of the first."""
    prepare: "Callable[[AsyncConnection], Awaitable[Delivery]] | None" = None
    """Makes the delivery that is judged, inside its transaction: a snapshot depends on what is stored."""


@dataclass(frozen=True, slots=True)
class Received:
    """What became of each record. Without ``committed`` nothing was stored; a dry run has no ``batch_id``."""

    batch_id: UUID | None
    committed: bool
    reports: Sequence[Report]
    receipt: bytes = b""


@dataclass(frozen=True, slots=True)
class Someone:
    """A participant named in a batch."""

    participant_id: UUID
    jobcentre: str
    drawn: bool


async def receive(database: Database, delivery: Delivery) -> Received:
    """Judges and stores a delivery. When it returns with ``committed``, all of it is on disk and in every report.

    Refused: ``unavailable`` when others of the same client were quicker every time; sending it again is safe.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return await _receive_once(database, delivery)
        except ChangedMeanwhileError:
            pass
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in _PASSING or attempt == _ATTEMPTS - 1:
                raise
    raise Refused("unavailable", "Other requests kept changing the same records; send it again.")


async def _receive_once(database: Database, delivery: Delivery) -> Received:
    async with database.write(delivery.sight, keep=delivery.keep) as connection:
        if delivery.request is not None:
            earlier = await find_receipt_by_key(connection, delivery.client, delivery.request)
            if earlier is not None:
                return Received(earlier.batch_id, True, (), to_json(earlier.report))
        if delivery.prepare is not None:
            delivery = await delivery.prepare(connection)
        work = _Work(connection, delivery)
        reports, moment = await work.judge()
        rejected = any(report.outcome == "rejected" for report in reports)
        committed = delivery.keep and not (delivery.atomic and rejected)
        batch_id = uuid7_at(moment)
        if committed:
            await work.write(batch_id, moment)
        received = Received(batch_id if delivery.keep else None, committed, reports)
        if delivery.receipt is not None:
            received = replace(received, receipt=delivery.receipt(received))
            if delivery.keep:
                owner = (delivery.client, delivery.trial.id, delivery.kind)
                if not await store_receipt(connection, batch_id, *owner, received.receipt, delivery.request):
                    raise ChangedMeanwhileError
    return received


class _Work:
    """One attempt at a delivery, inside one transaction."""

    def __init__(self, connection: AsyncConnection, delivery: Delivery) -> None:
        self.connection = connection
        self.trial = delivery.trial
        self.delivery = delivery
        self.table = TABLES[delivery.kind]
        self.well_formed = [record for record in delivery.records if isinstance(record, SentRecord)]
        self.jobcentres: frozenset[str] = frozenset()
        self.places: Mapping[str, str] = {}
        self.stored: Mapping[str, StoredRecord] = {}
        self.people: Mapping[UUID, Person] = {}
        self.intake: Intake

    async def judge(self) -> tuple[Sequence[Report], datetime]:
        """The report of each record, with everything to be written left in ``intake``."""
        ids = {record.participant_id for record in self.well_formed if record.participant_id}
        indexes = {record.blind_index for record in self.well_formed if record.blind_index}
        known = await people_named(self.connection, self.trial.id, ids, indexes)
        places = await self._places()
        self.places = places
        named = {someone.jobcentre for someone in known.values()}
        self.jobcentres = frozenset(code for code in named | set(places.values()) if self.delivery.sees(code))
        if NOWHERE in places.values() or any(r.fact is None and r.external_id not in places for r in self.well_formed):
            await lock_nowhere(self.connection, self.trial.id, self.delivery.client)
        _, moment = await lock_strata(self.connection, self.trial.id, self.jobcentres)
        self.stored = await self._load_stored(places)
        kinds = {*JUDGED_KINDS, self.delivery.kind}
        concerned = self._concerned(known)
        self.people = await load_people(self.connection, self.trial.id, self.jobcentres, concerned, kinds=kinds)
        if not {someone.participant_id for someone in self._mine(known)} & concerned <= self.people.keys():
            raise ChangedMeanwhileError  # a duplicate was found, and its records passed on
        self.intake = Intake(
            protocol=self.trial.protocol,
            ends_on=self.trial.ends_on,
            enforcement=self.trial.enforcement,
            kind=self.delivery.kind,
            client=self.delivery.client,
            people=self.people,
            stored={external_id: each.version for external_id, each in self.stored.items()},
            order={external_id: each.record_id.int for external_id, each in self.stored.items()},
        )
        reports = [
            record if isinstance(record, Report) else self._receive(record, known) for record in self.delivery.records
        ]
        return reports, moment

    def _receive(self, record: SentRecord, known: Mapping[UUID | bytes, Someone]) -> Report:
        stored = self.stored.get(record.external_id)
        wanted = self.delivery.if_match
        if wanted is not None and (stored is None or (wanted != "any" and stored.version_id not in wanted)):
            raise Refused("precondition_failed")
        if self.places.get(record.external_id, NOWHERE) not in (NOWHERE, *self.jobcentres):
            return Report("rejected", (("", "unknown_participant"),))
        participant_id: UUID | None = None
        if record.fact is not None:
            pointer = "/cpr" if record.participant_id is None else "/participant_id"
            reference = record.participant_id or record.blind_index
            someone = None if reference is None else known.get(reference)
            if someone is None or someone.jobcentre not in self.jobcentres:
                return Report("rejected", ((pointer, "unknown_participant"),))
            if not someone.drawn:
                return Report("rejected", ((pointer, "not_drawn"),))
            participant_id = someone.participant_id
        version = Version(participant_id, record.revision, record.fact, record.retraction_reason)
        return self.intake.receive(Submission(record.external_id, version))

    def _concerned(self, known: Mapping[UUID | bytes, Someone]) -> set[UUID]:
        """Whose records must be known to judge the batch: not of those about whom it says nothing new."""
        often = Counter(record.external_id for record in self.well_formed)
        concerned: set[UUID] = set()
        for record in self.well_formed:
            stored = self.stored.get(record.external_id)
            someone = known.get(record.participant_id or record.blind_index or b"")
            named = None if someone is None else someone.participant_id
            version = Version(named, record.revision, record.fact, record.retraction_reason)
            if stored is not None and often[record.external_id] == 1 and stored.version == version:
                continue
            if someone is not None and someone.drawn:
                concerned.add(someone.participant_id)
            if stored is not None and stored.version.participant_id is not None:
                concerned.add(stored.version.participant_id)
        return concerned

    def _mine(self, known: Mapping[UUID | bytes, Someone]) -> list[Someone]:
        return [someone for someone in known.values() if someone.jobcentre in self.jobcentres]

    async def _places(self) -> dict[str, str]:
        """In which jobcentre each record that is known already lies."""
        rows = await self.connection.execute(
            text(
                """
                select external_id, jobcentre_code from record_key
                where trial_id = :trial and kind = :kind and client_id = :client and external_id = any(:ids)
                """
            ),
            self._keys(),
        )
        return {row.external_id: row.jobcentre_code for row in rows}

    def _keys(self) -> dict[str, object]:
        return {
            "trial": self.trial.id,
            "kind": self.table.kind,
            "client": self.delivery.client,
            "ids": list({record.external_id for record in self.well_formed}),
        }

    async def _load_stored(self, places: Mapping[str, str]) -> dict[str, StoredRecord]:
        """The latest versions of the batch's records, read under the locks."""
        latest = (
            await self.connection.execute(
                text(
                    """
                    select jobcentre_code, version_id from record_key
                    where trial_id = :trial and kind = :kind and client_id = :client and external_id = any(:ids)
                    """
                ),
                self._keys(),
            )
        ).all()
        # Key by key: a join with the guard made PostgreSQL read the whole table where it had no statistics yet.
        rows = await self.connection.execute(
            text(
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
                "codes": [row.jobcentre_code for row in latest],
                "versions": [row.version_id for row in latest],
            },
        )
        stored: dict[str, StoredRecord] = {}
        for row in rows:
            version = Version(row.participant_id, row.revision, self.table.fact_of(row), row.retraction_reason)
            stored[row.external_id] = StoredRecord(row.jobcentre_code, row.version_id, row.record_id, version)
        here = {external_id: code for external_id, code in places.items() if code in (NOWHERE, *self.jobcentres)}
        if {external_id: each.jobcentre for external_id, each in stored.items()} != here:
            raise ChangedMeanwhileError
        return stored

    async def write(self, batch_id: UUID, moment: datetime) -> None:
        """Stores what the intake changed, with the counts, the freshness of the source and the audit entries."""
        if self.intake.changes:
            origin = Origin(self.trial.id, self.delivery.client, batch_id, moment)
            writer = VersionWriter(self.connection, self.table, origin, self.stored, self.people)
            await writer.write(self.intake.changes)
            touched = {self.people[participant_id].jobcentre for participant_id in self.intake.before}
            await register_at(self.connection, self.trial.id, touched, moment)
            await self._project()
        await self._note_sources(moment)
        await self._audit(batch_id)

    async def _project(self) -> None:
        """Adds to the counts what the touched people count now and did not before."""
        trial = self.trial
        parts: dict[tuple[str, Arm], list[Mapping[date, Mapping[str, int]]]] = {}
        for participant_id, before in self.intake.before.items():
            person = self.people[participant_id]
            changed = change(trial.protocol, trial.ends_on, before, person.history())
            parts.setdefault((person.jobcentre, person.arm), []).append(changed)
        await add_to_counts(self.connection, trial.id, {key: add_up(changes) for key, changes in parts.items()})
        if self.delivery.kind != "conversations":
            await store_states(self.connection, trial, [self.people[each] for each in self.intake.before])

    async def _audit(self, batch_id: UUID) -> None:
        """One entry for each jobcentre that was written to; the versions name the batch, and so whose they are."""
        written = Counter(
            NOWHERE if each.after.participant_id is None else self.people[each.after.participant_id].jobcentre
            for each in self.intake.changes
        )
        kind, client = self.delivery.kind, self.delivery.client
        entries = [
            Entry(
                code,
                client,
                "records.received",
                self.trial.id,
                None,
                {"batch": str(batch_id), "kind": kind, "versions": n},
            )
            for code, n in sorted(written.items())
        ]
        await append(self.connection, entries)

    async def _note_sources(self, moment: datetime) -> None:
        await self.connection.execute(
            text(
                """
                insert into source (jobcentre_code, trial_id, client_id, kind, last_received_at)
                select jobcentre_code, :trial, :client, :kind, :moment
                from unnest(cast(:codes as text[])) as jobcentre (jobcentre_code)
                on conflict (jobcentre_code, trial_id, client_id, kind)
                do update set last_received_at = excluded.last_received_at
                """
            ),
            {
                "trial": self.trial.id,
                "client": self.delivery.client,
                "kind": self.delivery.kind,
                "moment": moment,
                "codes": sorted(self.jobcentres - {NOWHERE}),
            },
        )


async def people_named(
    connection: AsyncConnection, trial_id: str, ids: Collection[UUID], indexes: Collection[bytes]
) -> dict[UUID | bytes, Someone]:
    """The people behind participant ids and blind indexes; behind a duplicate's id the one that governs."""
    known: dict[UUID | bytes, Someone] = {}
    if ids:
        rows = await connection.execute(
            text(
                """
                with recursive named as (
                    select participant_id as name, participant_id, jobcentre_code,
                           status in ('drawn', 'duplicate') as drawn
                    from participant where trial_id = :trial and participant_id = any(:ids)
                    union all
                    select name, of_participant_id, of_jobcentre_code, drawn
                    from named join duplicate using (jobcentre_code, participant_id) where trial_id = :trial
                )
                select name, participant_id, jobcentre_code, drawn from named
                where not exists (
                    select from duplicate
                    where duplicate.jobcentre_code = named.jobcentre_code and duplicate.trial_id = :trial
                      and duplicate.participant_id = named.participant_id)
                """
            ),
            {"trial": trial_id, "ids": list(ids)},
        )
        known.update((row[0], Someone(*row[1:])) for row in rows)
    if indexes:
        rows = await connection.execute(
            text(
                """
                select person_index.blind_index, participant_id, jobcentre_code, participant.status = 'drawn'
                from person_index join participant using (jobcentre_code, trial_id, participant_id)
                where trial_id = :trial and person_index.blind_index = any(:indexes)
                """
            ),
            {"trial": trial_id, "indexes": list(indexes)},
        )
        known.update((row[0], Someone(*row[1:])) for row in rows)
    return known
