"""Requests for corrected numbers as a registrar reads them: bands, counts and codes, no number, no person (domain 3.4).

The connection has access to every jobcentre: a number is compared with those of the whole trial.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.core.statements import sql
from app.db.participants.drawn_numbers import number_digest
from app.db.participants.register_records import LATEST, OUTCOMES_OF_REGISTERS, TOLD_BY_REGISTERS
from app.db.personal_data.vault import SealedIdentity, Vault
from app.db.trials.trials import Trial
from app.domain.person_facts import birth_date_of, sex_of
from app.domain.rules.corrections import NumberIs, digits_changed, near_numbers, number_is
from app.domain.rules.eligibility import NOT_AVAILABLE, failures_of
from app.domain.screening import Screening

_REQUESTS = """
    select request.correction_id, request.kind, request.reason, request.jobcentre_code as jobcentre,
           coalesce(correction_end.status, 'waiting') as status, correction_end.reason as decision_reason,
           correction_end.people,
           requested_number.blind_index, requested_number.wrapped_key, requested_number.sealed_cpr,
           (select count(*) from cpr_correction every
            where every.jobcentre_code = request.jobcentre_code and every.trial_id = :trial) as requests_of_jobcentre
    from cpr_correction request
    left join correction_end using (jobcentre_code, trial_id, correction_id)
    left join vault.requested_number using (jobcentre_code, trial_id, correction_id)
    where request.trial_id = :trial
"""


@dataclass(frozen=True, slots=True)
class CorrectedPerson:
    """What a registrar reads of one person of a request; null once the number of a request is destroyed."""

    drawn_ago: str
    digits_changed: int | None = None
    sex_changed: bool | None = None
    birth_date_changed: bool | None = None
    failures: Sequence[str] | None = None
    number_is: NumberIs | None = None
    near_numbers: int | None = None
    outcome_known: bool | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A request, with what the decision rests on."""

    id: UUID
    kind: str
    status: str
    jobcentre: str
    reason: str | None
    people: Sequence[CorrectedPerson]
    requests_of_jobcentre: int
    told_by_nobody_else: int
    decision_reason: str | None


@dataclass(frozen=True, slots=True)
class _DrawnPeople:
    """What the requests of a jobcentre share of everyone drawn in it."""

    numbers: Mapping[UUID, str]
    told_by_nobody_else: int


@dataclass(frozen=True, slots=True)
class NumberChange:
    """A participant of a waiting request with the present and the new number."""

    participant_id: UUID
    jobcentre: str
    drawn_ago: str
    old: str
    old_index: bytes
    new: str
    new_index: bytes


async def load_correction(
    connection: AsyncConnection, vault: Vault, trial: Trial, correction_id: UUID
) -> Correction | None:
    """Load one request; None if there is none of that id."""
    statement = sql(f"{_REQUESTS} and request.correction_id = :correction")
    rows = await connection.execute(statement, {"trial": trial.id, "correction": correction_id})
    row = rows.one_or_none()
    return None if row is None else await _Reader(connection, vault, trial).correction(row)


async def list_corrections(
    connection: AsyncConnection, vault: Vault, trial: Trial, status: str | None, after: UUID, limit: int
) -> list[Correction]:
    """Load requests by their random ids, from ``after`` on."""
    statement = sql(
        f"""
        {_REQUESTS}
          and (cast(:status as text) is null or coalesce(correction_end.status, 'waiting') = :status)
          and request.correction_id > :after
        order by request.correction_id limit :limit
        """
    )
    rows = await connection.execute(statement, {"trial": trial.id, "status": status, "after": after, "limit": limit})
    reader = _Reader(connection, vault, trial)
    return [await reader.correction(row) for row in rows.all()]


async def load_changes(
    connection: AsyncConnection, vault: Vault, trial: Trial, correction_id: UUID
) -> list[NumberChange]:
    """Load the number changes of a waiting request; none if a person of it was erased."""
    statement = sql(f"{_REQUESTS} and request.correction_id = :correction")
    rows = await connection.execute(statement, {"trial": trial.id, "correction": correction_id})
    return await _changes(connection, vault, trial.id, rows.one())


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads requests within one transaction. What all requests of a jobcentre share is loaded once."""

    connection: AsyncConnection
    vault: Vault
    trial: Trial
    drawn: dict[str, _DrawnPeople] = field(default_factory=dict)

    async def correction(self, row: Row[Any]) -> Correction:
        if row.jobcentre not in self.drawn:
            self.drawn[row.jobcentre] = _DrawnPeople(
                await _numbers_drawn(self.connection, self.vault, self.trial.id, row.jobcentre),
                await _told_by_nobody_else(self.connection, self.trial.id, row.jobcentre),
            )
        if row.status == "waiting":
            changes = await _changes(self.connection, self.vault, self.trial.id, row)
            people = [await self._person(change, changes) for change in changes]
        elif row.people is not None:
            people = [CorrectedPerson(**person) for person in row.people]
        else:
            people = [CorrectedPerson(each.drawn_ago) for each in await _people(self.connection, self.trial.id, row)]
        return Correction(
            row.correction_id,
            row.kind,
            row.status,
            row.jobcentre,
            row.reason,
            people,
            row.requests_of_jobcentre,
            self.drawn[row.jobcentre].told_by_nobody_else,
            row.decision_reason,
        )

    async def _person(self, change: NumberChange, changes: Sequence[NumberChange]) -> CorrectedPerson:
        ids = {each.participant_id for each in changes}
        others = self.drawn[change.jobcentre].numbers
        numbers = [number for participant_id, number in others.items() if participant_id not in ids]
        return CorrectedPerson(
            drawn_ago=change.drawn_ago,
            digits_changed=digits_changed(change.old, change.new),
            sex_changed=sex_of(change.old) != sex_of(change.new),
            birth_date_changed=birth_date_of(change.old) != birth_date_of(change.new),
            failures=await failures_with(self.connection, self.trial, change),
            number_is=await _number_is(self.connection, self.vault, self.trial.id, change),
            near_numbers=near_numbers(numbers, change.old, change.new),
            outcome_known=await _outcome_known(self.connection, self.trial.id, change),
        )


async def _people(connection: AsyncConnection, trial_id: str, row: Row[Any]) -> Sequence[Row[Any]]:
    rows = await connection.execute(
        sql(
            """
            select participant_id, drawn_ago, blind_index, wrapped_key, sealed_cpr
            from correction_person join vault.identity using (jobcentre_code, trial_id, participant_id)
            where jobcentre_code = :jobcentre and trial_id = :trial and correction_id = :correction
            order by participant_id
            """
        ),
        {"jobcentre": row.jobcentre, "trial": trial_id, "correction": row.correction_id},
    )
    return rows.all()


async def _changes(connection: AsyncConnection, vault: Vault, trial_id: str, row: Row[Any]) -> list[NumberChange]:
    people = await _people(connection, trial_id, row)
    numbers = [
        (
            vault.open_cpr(person.participant_id, SealedIdentity(person.wrapped_key, person.sealed_cpr)),
            person.blind_index,
        )
        for person in people
    ]
    if row.kind == "swap":
        new = numbers[::-1]
    else:
        sealed = SealedIdentity(row.wrapped_key, row.sealed_cpr)
        new = [(vault.open_cpr(row.correction_id, sealed), row.blind_index)]
    return [
        NumberChange(person.participant_id, row.jobcentre, person.drawn_ago, *old, *other)
        for person, old, other in zip(people, numbers, new, strict=True)
    ]


async def failures_with(connection: AsyncConnection, trial: Trial, change: NumberChange) -> list[str]:
    """Return the eligibility rules that fail with the new number, and those of any screening of it in the trial."""
    rows = await connection.execute(
        sql(
            """
            select facts from participant
            join screening using (jobcentre_code, trial_id, screening_id)
            where participant.jobcentre_code = :jobcentre and participant.trial_id = :trial
              and participant.participant_id = :participant
            """
        ),
        {"jobcentre": change.jobcentre, "trial": trial.id, "participant": change.participant_id},
    )
    screening = _screening(rows.scalar_one(), birth_date_of(change.new))
    codes = {failure.code for failure in failures_of(trial.protocol, trial.terms(screening.jobcentre), screening)}
    known = await connection.execute(
        sql(
            """
            select distinct unnest(failures) from screening
            where trial_id = :trial and blind_index = :index and participant_id is null
            """
        ),
        {"trial": trial.id, "index": change.new_index},
    )
    return sorted((codes | set(known.scalars())) - {NOT_AVAILABLE.code})


def _screening(facts: Mapping[str, Any], born_on: date) -> Screening:
    since = facts.get("unemployed_since")
    return Screening(
        born_on=born_on,
        jobcentre=facts["jobcentre"],
        interview_on=date.fromisoformat(facts["interview_on"]),
        channel=facts.get("channel"),
        at_job_interview=facts.get("at_job_interview"),
        match_group=facts.get("match_group"),
        benefit=facts.get("benefit"),
        unemployed_since=None if since is None else date.fromisoformat(since),
        circumstances=frozenset(facts.get("circumstances") or ()),
        exempt_from=facts.get("exempt_from"),
        target_group=facts.get("target_group"),
    )


async def _number_is(connection: AsyncConnection, vault: Vault, trial_id: str, change: NumberChange) -> NumberIs:
    """Return what the new number is already for other participants of the trial."""
    rows = await connection.execute(
        sql(
            """
            select
                exists (
                    select from drawn_number join vault.identity using (trial_id, jobcentre_code, participant_id)
                    where trial_id = :trial and digest = :digest
                      and participant_id <> :participant and sealed_cpr is null) as erased,
                (select holder.jobcentre_code
                 from person_index holder join participant using (jobcentre_code, trial_id, participant_id)
                 where trial_id = :trial and holder.blind_index = :index and participant_id <> :participant
                   and status = 'drawn' and exists (
                       select from vault.identity present join assignment
                           using (jobcentre_code, trial_id, participant_id)
                       where present.trial_id = :trial and present.blind_index = :index
                         and present.participant_id <> :participant)) as drawn_in,
                array(
                    select jobcentre_code from drawn_number
                    where trial_id = :trial and digest = :digest and participant_id <> :participant) as former_in,
                (select holder.jobcentre_code
                 from person_index holder join participant using (jobcentre_code, trial_id, participant_id)
                 where trial_id = :trial and holder.blind_index = :index and participant_id <> :participant
                   and status = 'waiting') as waiting_in
            """
        ),
        {
            "trial": trial_id,
            "index": change.new_index,
            "digest": await number_digest(connection, vault, trial_id, change.new_index),
            "participant": change.participant_id,
        },
    )
    row = rows.one()
    return number_is(
        change.jobcentre,
        erased=row.erased,
        drawn_in=row.drawn_in,
        former_in=row.former_in,
        waiting_in=row.waiting_in,
    )


async def _numbers_drawn(
    connection: AsyncConnection, vault: Vault, trial_id: str, jobcentre: str
) -> Mapping[UUID, str]:
    """Load the numbers of everyone drawn in a jobcentre but duplicates and the erased."""
    rows = await connection.execute(
        sql(
            """
            select participant_id, wrapped_key, sealed_cpr
            from participant join vault.identity using (jobcentre_code, trial_id, participant_id)
            where jobcentre_code = :jobcentre and trial_id = :trial and status = 'drawn' and sealed_cpr is not null
            """
        ),
        {"jobcentre": jobcentre, "trial": trial_id},
    )
    return {row[0]: vault.open_cpr(row[0], SealedIdentity(row.wrapped_key, row.sealed_cpr)) for row in rows}


async def _outcome_known(connection: AsyncConnection, trial_id: str, change: NumberChange) -> bool:
    """Return whether a register ever sent an outcome of the person."""
    rows = await connection.execute(
        sql("select cast(:participant as uuid) in ({told})", told=OUTCOMES_OF_REGISTERS),
        {"jobcentre": change.jobcentre, "trial": trial_id, "participant": change.participant_id, "moment": LATEST},
    )
    return bool(rows.scalar_one())


async def _told_by_nobody_else(connection: AsyncConnection, trial_id: str, jobcentre: str) -> int:
    """Count the drawn people of a jobcentre of whom no register ever sent a record."""
    rows = await connection.execute(
        sql(
            """
            select count(*) from participant
            where jobcentre_code = :jobcentre and trial_id = :trial and status = 'drawn'
              and participant_id not in ({told})
            """,
            told=TOLD_BY_REGISTERS,
        ),
        {"jobcentre": jobcentre, "trial": trial_id, "moment": LATEST},
    )
    return int(rows.scalar_one())


def as_stored(people: Collection[CorrectedPerson]) -> list[dict[str, Any]]:
    """Return what the registrar read, as it is stored with the decision."""
    return [asdict(person) for person in people]
