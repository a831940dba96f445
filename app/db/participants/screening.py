"""Screening and draw in one transaction under the stratum's lock (domain 3): nobody can choose from a queue."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.ids import uuid7_at
from app.db.core.statements import sql
from app.db.participants.changes import store_changes
from app.db.participants.contact_persons import store_contact_person
from app.db.participants.drawn_numbers import number_digest
from app.db.participants.draws import Assignment, assign, load_assignment
from app.db.personal_data.vault import Vault
from app.db.trials.strata import ADVANCE, advance_watermark, lock_strata
from app.db.trials.trials import Trial, is_closed
from app.domain.person_facts import age_band_of, sex_of
from app.domain.records.errors import DomainError
from app.domain.rules.eligibility import NOT_AVAILABLE, Failure, details_of, failures_of
from app.domain.screening import Screening


@dataclass(frozen=True, slots=True)
class ScreeningRequest:
    """A screening as sent: CPR number, the facts that the rules read, and what is stored of it (no number)."""

    cpr: str
    screening: Screening
    facts: Mapping[str, Any]
    contact_person: str | None


@dataclass(frozen=True, slots=True)
class ScreeningAnswer:
    """The result of a screening; ``created`` is False for one that was sent before."""

    participant_id: UUID | None
    failures: Sequence[Failure]
    assignment: Assignment | None
    created: bool

    @property
    def eligible(self) -> bool:
        """Whether no rule failed."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class _NumberUse:
    """What a CPR number is in the trial: whose, bound to which draws, and whether a correction to it waits here."""

    jobcentre: str | None
    """The jobcentre of the participant who waits or was drawn under it; None if nobody does."""
    participant_id: UUID | None
    drawn_in: Sequence[str]
    """The jobcentres of the drawn participants who have or had it."""
    requested: bool

    def is_elsewhere(self, jobcentre: str) -> bool:
        """Return whether only another jobcentre may know the person."""
        if self.jobcentre is not None:
            return self.jobcentre != jobcentre
        return bool(self.drawn_in) and jobcentre not in self.drawn_in

    def is_drawn_here(self, jobcentre: str) -> bool:
        """Return whether somebody drawn has or had it, whom the jobcentre knows: none is drawn twice (domain 3.4).

        That may be a duplicate elsewhere, whose number now finds somebody here.
        """
        return jobcentre in self.drawn_in or (bool(self.drawn_in) and not self.is_elsewhere(jobcentre))


@dataclass(frozen=True, slots=True)
class _NewScreening:
    """Keys of the rows of a new screening; without a participant it is ineligible. ``person`` is a blind index."""

    trial_id: str
    jobcentre: str
    person: bytes
    screening_id: UUID
    participant_id: UUID | None
    client: str
    moment: datetime


async def screen(
    connection: AsyncConnection, vault: Vault, trial: Trial, request: ScreeningRequest, client: str
) -> ScreeningAnswer:
    """Screen one person and, unless the channel is ``supplement``, draw at once (domain 3).

    DomainError: ``already_drawn``, ``correction_waiting``, ``screening_conflict``, ``trial_closed``.
    """
    screening = request.screening
    jobcentre = screening.jobcentre
    strata, moment = await lock_strata(connection, trial.id, [jobcentre])
    person = vault.blind_index(request.cpr)
    digest = await number_digest(connection, vault, trial.id, person)
    use = await _load_number_use(connection, trial.id, jobcentre, person, digest)
    elsewhere = use.is_elsewhere(jobcentre)
    failures = failures_of(trial.protocol, trial.terms(jobcentre), screening)
    if elsewhere:
        failures.append(NOT_AVAILABLE)
    if (answer := await _earlier_answer(connection, trial, request, person, failures)) is not None:
        return answer
    if use.is_drawn_here(jobcentre):
        raise DomainError("already_drawn")
    if use.requested:
        raise DomainError("correction_waiting")
    if await is_closed(connection, trial.id):
        raise DomainError("trial_closed")
    participant_id = await _existing_id(connection, trial.id, jobcentre, person) or uuid7_at(moment)
    if (
        not failures
        and use.jobcentre is None
        and not await _claim(connection, trial.id, jobcentre, person, participant_id)
    ):
        failures.append(NOT_AVAILABLE)
    eligible_id = None if failures else participant_id
    new = _NewScreening(trial.id, jobcentre, person, uuid7_at(moment), eligible_id, client, moment)
    await _store_screening(connection, new, request, failures)
    details = {"interview_on": str(screening.interview_on), "failures": [failure.code for failure in failures]}
    entries = [NewAuditEntry(jobcentre, client, "participant.screened", trial.id, eligible_id, details)]
    assignment = None
    if failures:
        if use.participant_id is not None and not elsewhere:
            await release_candidate(connection, trial.id, jobcentre, use.participant_id, "ineligible", None, moment)
    else:
        entries += await _store_participant(connection, vault, new, request, participant_id)
        if screening.channel != "supplement":
            assignment, entry = await assign(
                connection, vault, trial, strata[jobcentre], moment, participant_id, screening.interview_on, client
            )
            entries.append(entry)
    await append_entries(connection, entries)
    return ScreeningAnswer(eligible_id, failures, assignment, created=True)


async def _load_number_use(
    connection: AsyncConnection, trial_id: str, jobcentre: str, person: bytes, digest: bytes | None
) -> _NumberUse:
    rows = await connection.execute(
        text(
            """
            select holder.jobcentre_code, holder.participant_id,
                   array(select jobcentre_code from drawn_number where trial_id = :trial and digest = :digest),
                   exists (select from vault.requested_number join stratum using (jobcentre_code, trial_id)
                           where trial_id = :trial and blind_index = :person
                             and :jobcentre in (jobcentre_code, successor_code))
            from (select 1) as one
            left join person_index holder on holder.trial_id = :trial and holder.blind_index = :person
            """
        ),
        {"trial": trial_id, "person": person, "digest": digest, "jobcentre": jobcentre},
    )
    return _NumberUse(*rows.one())


async def _earlier_answer(
    connection: AsyncConnection, trial: Trial, request: ScreeningRequest, person: bytes, failures: list[Failure]
) -> ScreeningAnswer | None:
    """Return the answer to the same screening sent before; None if this one is new.

    A corrected screening of a withdrawn candidate is new, and so is one that was ``not_available`` once the person is
    available. DomainError: ``already_drawn`` or ``screening_conflict`` for other facts of the same day.
    """
    row = (
        await connection.execute(
            text(
                """
                select screening.failures, screening.facts, screening.participant_id, participant.status
                from screening
                left join participant using (jobcentre_code, trial_id, participant_id)
                left join vault.identity using (jobcentre_code, trial_id, participant_id)
                where screening.jobcentre_code = :jobcentre and screening.trial_id = :trial
                  and screening.interview_on = :day
                  and coalesce(identity.blind_index, screening.blind_index) = :person
                order by participant.status = 'duplicate' nulls first, screening.screening_id desc limit 1
                """
            ),
            {
                "jobcentre": request.screening.jobcentre,
                "trial": trial.id,
                "person": person,
                "day": request.screening.interview_on,
            },
        )
    ).one_or_none()
    if row is None:
        return None
    if row.facts is not None:
        if _stated(row.facts) == _stated(request.facts):
            assignment = await load_assignment(connection, trial.id, row.participant_id)
            return ScreeningAnswer(row.participant_id, (), assignment, created=False)
        if row.status == "withdrawn":
            return None
        raise DomainError("already_drawn" if row.status in ("drawn", "duplicate") else "screening_conflict")
    codes = {failure.code for failure in failures}
    ignored = {NOT_AVAILABLE.code}
    if codes - ignored != set(row.failures) - ignored:
        raise DomainError("screening_conflict")
    if NOT_AVAILABLE.code in row.failures and NOT_AVAILABLE.code not in codes:
        return None
    return ScreeningAnswer(None, details_of(trial.protocol, row.failures), None, created=False)


def _stated(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that were stated: what is null was not, nor what earlier versions did not know."""
    return {name: value for name, value in facts.items() if value is not None}


async def _existing_id(connection: AsyncConnection, trial_id: str, jobcentre: str, person: bytes) -> UUID | None:
    """Return the id that a replaced or withdrawn candidate has in this jobcentre already."""
    row = await connection.execute(
        text(
            """
            select participant_id from vault.identity join participant using (jobcentre_code, trial_id, participant_id)
            where identity.jobcentre_code = :jobcentre and identity.trial_id = :trial
              and identity.blind_index = :person and participant.status <> 'duplicate' limit 1
            """
        ),
        {"jobcentre": jobcentre, "trial": trial_id, "person": person},
    )
    return row.scalar_one_or_none()


async def _claim(
    connection: AsyncConnection, trial_id: str, jobcentre: str, person: bytes, participant_id: UUID
) -> bool:
    """Claim the person for this jobcentre; False if another one has claimed it since."""
    claimed = await connection.execute(
        text(
            """
            insert into person_index (trial_id, blind_index, jobcentre_code, participant_id)
            values (:trial, :person, :jobcentre, :participant) on conflict do nothing
            """
        ),
        {"trial": trial_id, "person": person, "jobcentre": jobcentre, "participant": participant_id},
    )
    return bool(claimed.rowcount)


async def release_candidate(
    connection: AsyncConnection,
    trial_id: str,
    jobcentre: str,
    participant_id: UUID,
    status: str,
    reason: str | None,
    moment: datetime,
) -> None:
    """Set a candidate's status to ``withdrawn`` or ``ineligible``, and give up the claim on the person.

    ``moment`` is that of the stratum's lock.
    """
    parameters = {"jobcentre": jobcentre, "trial": trial_id, "participant": participant_id}
    await advance_watermark(connection, trial_id, [jobcentre], moment)
    await store_changes(connection, trial_id, "withdrawn", {participant_id: jobcentre}, moment)
    await connection.execute(
        text(
            """
            update participant set status = :status, withdrawal_reason = :reason, withdrawn_at = :moment
            where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
            """
        ),
        {**parameters, "status": status, "reason": reason, "moment": moment},
    )
    await connection.execute(
        text("delete from person_index where trial_id = :trial and participant_id = :participant"), parameters
    )


async def _store_screening(
    connection: AsyncConnection, new: _NewScreening, request: ScreeningRequest, failures: Sequence[Failure]
) -> None:
    await connection.execute(
        sql(
            """
            with advanced as ({advance})
            insert into screening (jobcentre_code, trial_id, screening_id, blind_index, interview_on, failures, facts,
                                   participant_id, client_id, registered_at)
            values (:jobcentre, :trial_id, :screening_id, :person, :day, :failures,
                    cast(cast(:facts as text) as jsonb), :participant_id, :client, :moment)
            """,
            advance=ADVANCE,
        ),
        {
            **asdict(new),
            "trial": new.trial_id,
            "codes": [new.jobcentre],
            "day": request.screening.interview_on,
            "failures": [failure.code for failure in failures],
            "facts": None if failures else to_json(request.facts).decode(),
        },
    )


async def _store_participant(
    connection: AsyncConnection, vault: Vault, new: _NewScreening, request: ScreeningRequest, participant_id: UUID
) -> list[NewAuditEntry]:
    """Store a new candidate, or replace an earlier screening of the same person. Returns further audit entries."""
    screening = request.screening
    await connection.execute(
        text(
            """
            insert into participant (jobcentre_code, trial_id, participant_id, screening_id, status, interview_on,
                                     channel, unemployed_since, target_group, waiting_since, contact_person)
            values (:jobcentre, :trial_id, :participant_id, :screening_id, 'waiting', :day, :channel, :since,
                    :target_group, :moment, :contact)
            on conflict (jobcentre_code, trial_id, participant_id) do update set
                screening_id = excluded.screening_id, status = 'waiting', interview_on = excluded.interview_on,
                channel = excluded.channel, unemployed_since = excluded.unemployed_since, withdrawal_reason = null,
                target_group = excluded.target_group, waiting_since = excluded.waiting_since,
                contact_person = coalesce(excluded.contact_person, participant.contact_person)
            """
        ),
        {
            **asdict(new),
            "day": screening.interview_on,
            "channel": screening.channel,
            "since": screening.unemployed_since,
            "target_group": screening.target_group,
            "contact": request.contact_person,
        },
    )
    await connection.execute(
        text(
            """
            with fact as (
                insert into person_fact (jobcentre_code, trial_id, participant_id, registered_at, blind_index, sex,
                                         born_on, age_band)
                values (:jobcentre, :trial_id, :participant_id, :moment, :person, :sex, :born_on, :age_band)
            )
            insert into vault.identity (jobcentre_code, trial_id, participant_id, blind_index, wrapped_key, sealed_cpr)
            values (:jobcentre, :trial_id, :participant_id, :person, :wrapped_key, :sealed_cpr) on conflict do nothing
            """
        ),
        {
            **asdict(new),
            **asdict(vault.seal_cpr(participant_id, request.cpr)),
            "sex": sex_of(request.cpr),
            "born_on": screening.born_on,
            "age_band": age_band_of(screening.born_on, screening.interview_on),
        },
    )
    owner, contact = (new.trial_id, new.jobcentre, participant_id), request.contact_person
    return [await store_contact_person(connection, *owner, contact, new.client, new.moment)] if contact else []
