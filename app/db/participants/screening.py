"""Screening and draw in one transaction under the jobcentre's lock (domain 3): no queue to choose from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.ids import uuid7_at
from app.db.participants.draws import Assignment, assign, assignment_of
from app.db.personal_data.vault import Vault
from app.db.trials.strata import lock_strata
from app.db.trials.trials import Trial, is_closed
from app.domain.records.errors import DomainError
from app.domain.rules.eligibility import NOT_AVAILABLE, Failure, Screening, details_of, failures_of


@dataclass(frozen=True, slots=True)
class ScreeningRequest:
    """A screening as sent: the person, the facts the rules look at, and all of it but the number, for keeping."""

    cpr: str
    screening: Screening
    facts: Mapping[str, Any]
    contact_person: str | None


@dataclass(frozen=True, slots=True)
class ScreeningAnswer:
    """What a screening is answered with; ``created`` is False for one that was sent before."""

    participant_id: UUID | None
    failures: Sequence[Failure]
    assignment: Assignment | None
    created: bool

    @property
    def eligible(self) -> bool:
        """Whether no rule failed."""
        return not self.failures


@dataclass(frozen=True, slots=True)
class _NumberHolder:
    """Where a person waits or was drawn in the trial."""

    jobcentre: str
    participant_id: UUID


async def screen(
    connection: AsyncConnection, vault: Vault, trial: Trial, request: ScreeningRequest, client: str
) -> ScreeningAnswer:
    """Screens one person and, where the channel says so, draws at once.

    Refused: ``already_drawn``, ``screening_conflict``, ``trial_closed``.
    """
    screening = request.screening
    jobcentre = screening.jobcentre
    _, moment = await lock_strata(connection, trial.id, [jobcentre])
    person = vault.blind_index(request.cpr)
    holder = await _number_holder(connection, trial.id, person)
    elsewhere = holder is not None and holder.jobcentre != jobcentre
    failures = failures_of(trial.protocol, trial.terms, screening)
    if elsewhere:
        failures.append(NOT_AVAILABLE)
    if (answer := await _answered_before(connection, trial, request, person, failures)) is not None:
        return answer
    if not elsewhere and holder is not None and await assignment_of(connection, trial.id, holder.participant_id):
        raise DomainError("already_drawn")
    if await is_closed(connection, trial.id):
        raise DomainError("trial_closed")
    participant_id = await _participant_id(connection, trial.id, jobcentre, person) or uuid7_at(moment)
    if not failures and holder is None and not await _claim(connection, trial.id, jobcentre, person, participant_id):
        failures.append(NOT_AVAILABLE)
    screening_id = uuid7_at(moment)
    kept = participant_id if not failures else None
    await _keep_screening(connection, trial.id, request, person, failures, screening_id, kept, client, moment)
    told = {"interview_on": str(screening.interview_on), "failures": [failure.code for failure in failures]}
    await append_entries(connection, [NewAuditEntry(jobcentre, client, "participant.screened", trial.id, kept, told)])
    if failures:
        if holder is not None and not elsewhere:
            await release(connection, trial.id, jobcentre, holder.participant_id, "ineligible")
        return ScreeningAnswer(None, failures, None, created=True)
    await _keep_participant(connection, vault, trial.id, request, person, participant_id, screening_id, client, moment)
    assignment = None
    if screening.channel != "supplement":
        assignment = await assign(connection, vault, trial, jobcentre, participant_id, screening.interview_on, client)
    return ScreeningAnswer(participant_id, (), assignment, created=True)


async def _number_holder(connection: AsyncConnection, trial_id: str, person: bytes) -> _NumberHolder | None:
    row = (
        await connection.execute(
            text(
                "select jobcentre_code, participant_id from person_index"
                " where trial_id = :trial and blind_index = :person"
            ),
            {"trial": trial_id, "person": person},
        )
    ).one_or_none()
    return None if row is None else _NumberHolder(row.jobcentre_code, row.participant_id)


async def _answered_before(
    connection: AsyncConnection, trial: Trial, request: ScreeningRequest, person: bytes, failures: list[Failure]
) -> ScreeningAnswer | None:
    """The answer to the same screening sent before; None when this one is new.

    A withdrawn candidate's screening does not stand in the way of a corrected one, nor does an answer ``not_available``
    once the person is available. Refused: ``already_drawn`` or ``screening_conflict`` for other facts of the same day.
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
        if row.facts == request.facts:
            assignment = await assignment_of(connection, trial.id, row.participant_id)
            return ScreeningAnswer(row.participant_id, (), assignment, created=False)
        if row.status == "withdrawn":
            return None
        raise DomainError("already_drawn" if row.status == "drawn" else "screening_conflict")
    now = {failure.code for failure in failures}
    ignored = {NOT_AVAILABLE.code}
    if now - ignored != set(row.failures) - ignored:
        raise DomainError("screening_conflict")
    if NOT_AVAILABLE.code in row.failures and NOT_AVAILABLE.code not in now:
        return None
    return ScreeningAnswer(None, details_of(trial.protocol, row.failures), None, created=False)


async def _participant_id(connection: AsyncConnection, trial_id: str, jobcentre: str, person: bytes) -> UUID | None:
    """The id that the person has in this jobcentre already, as a candidate replaced or withdrawn."""
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
    """Takes the person for this jobcentre; False when another one was quicker."""
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


async def release(
    connection: AsyncConnection,
    trial_id: str,
    jobcentre: str,
    participant_id: UUID,
    status: str,
    reason: str | None = None,
) -> None:
    """A candidate waits no longer (``withdrawn`` or ``ineligible``) and blocks nobody."""
    parameters = {"jobcentre": jobcentre, "trial": trial_id, "participant": participant_id}
    await connection.execute(
        text(
            """
            update participant set status = :status, withdrawal_reason = :reason, withdrawn_at = clock_timestamp()
            where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
            """
        ),
        {**parameters, "status": status, "reason": reason},
    )
    await connection.execute(
        text("delete from person_index where trial_id = :trial and participant_id = :participant"), parameters
    )


async def _keep_screening(
    connection: AsyncConnection,
    trial_id: str,
    request: ScreeningRequest,
    person: bytes,
    failures: Sequence[Failure],
    screening_id: UUID,
    participant_id: UUID | None,
    client: str,
    moment: datetime,
) -> None:
    await connection.execute(
        text(
            """
            insert into screening (jobcentre_code, trial_id, screening_id, blind_index, interview_on, failures, facts,
                                   participant_id, client_id, registered_at)
            values (:jobcentre, :trial, :id, :person, :day, :failures, cast(cast(:facts as text) as jsonb),
                    :participant, :client, :moment)
            """
        ),
        {
            "jobcentre": request.screening.jobcentre,
            "trial": trial_id,
            "id": screening_id,
            "person": person,
            "day": request.screening.interview_on,
            "failures": [failure.code for failure in failures],
            "facts": None if failures else to_json(request.facts).decode(),
            "participant": participant_id,
            "client": client,
            "moment": moment,
        },
    )


async def _keep_participant(
    connection: AsyncConnection,
    vault: Vault,
    trial_id: str,
    request: ScreeningRequest,
    person: bytes,
    participant_id: UUID,
    screening_id: UUID,
    client: str,
    moment: datetime,
) -> None:
    """A new candidate, or the same person's newer screening in place of the older."""
    screening = request.screening
    where = {"jobcentre": screening.jobcentre, "trial": trial_id, "participant": participant_id}
    await connection.execute(
        text(
            """
            insert into participant (jobcentre_code, trial_id, participant_id, screening_id, status, interview_on,
                                     channel, unemployed_since, target_group, waiting_since, contact_person)
            values (:jobcentre, :trial, :participant, :screening, 'waiting', :day, :channel, :since, :target_group,
                    :moment, :contact)
            on conflict (jobcentre_code, trial_id, participant_id) do update set
                screening_id = excluded.screening_id, status = 'waiting', interview_on = excluded.interview_on,
                channel = excluded.channel, unemployed_since = excluded.unemployed_since,
                target_group = excluded.target_group,
                waiting_since = excluded.waiting_since, withdrawal_reason = null,
                contact_person = coalesce(excluded.contact_person, participant.contact_person)
            """
        ),
        {
            **where,
            "screening": screening_id,
            "day": screening.interview_on,
            "channel": screening.channel,
            "since": screening.unemployed_since,
            "target_group": screening.target_group,
            "moment": moment,
            "contact": request.contact_person,
        },
    )
    sealed = vault.seal_cpr(participant_id, request.cpr)
    await connection.execute(
        text(
            """
            insert into vault.identity (jobcentre_code, trial_id, participant_id, blind_index, wrapped_key, sealed_cpr)
            values (:jobcentre, :trial, :participant, :person, :key, :cpr) on conflict do nothing
            """
        ),
        {**where, "person": person, "key": sealed.wrapped_key, "cpr": sealed.sealed_cpr},
    )
    if request.contact_person is not None:
        await note_contact_person(
            connection, trial_id, screening.jobcentre, participant_id, request.contact_person, client, moment
        )


async def note_contact_person(
    connection: AsyncConnection,
    trial_id: str,
    jobcentre: str,
    participant_id: UUID,
    name: str | None,
    client: str,
    moment: datetime,
) -> None:
    """One contact person at a time, with history (domain 4.7)."""
    await append_entries(
        connection, [NewAuditEntry(jobcentre, client, "participant.contact_person_changed", trial_id, participant_id)]
    )
    parameters = {"jobcentre": jobcentre, "trial": trial_id, "participant": participant_id, "name": name}
    await connection.execute(
        text(
            """
            insert into contact_person (jobcentre_code, trial_id, participant_id, registered_at, name, client_id)
            values (:jobcentre, :trial, :participant, :moment, :name, :client)
            """
        ),
        {**parameters, "moment": moment, "client": client},
    )
    await connection.execute(
        text(
            """
            update participant set contact_person = :name
            where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
            """
        ),
        parameters,
    )
