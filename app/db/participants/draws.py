"""The draw under the stratum's lock: one for each person and trial, never undone (domain 3.3)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.statements import sql
from app.db.derived.week_counts import add_to_counts, store_states
from app.db.participants.changes import store_changes
from app.db.participants.drawn_numbers import participant_digest
from app.db.personal_data.vault import Vault
from app.db.trials.strata import Stratum, advance_watermark, count_draw, lock_strata
from app.db.trials.trials import Trial, is_closed
from app.domain.figures.counts import count, difference
from app.domain.records.errors import DomainError
from app.domain.records.ingest import Person
from app.domain.rules.calendar import monday_of
from app.domain.rules.draw import Arm, arm_of_draw
from app.domain.rules.eligibility import Candidate, ahead_of, weekly_target


@dataclass(frozen=True, slots=True)
class Assignment:
    """The assignment of a person to an arm; ``assigned_on`` is the day of the interview."""

    arm: Arm
    assigned_on: date
    drawn_at: datetime


async def load_assignment(connection: AsyncConnection, trial_id: str, participant_id: UUID) -> Assignment | None:
    """Return the assignment of a participant; None before the draw."""
    row = (
        await connection.execute(
            text(
                """
                select assignment.arm, assignment.assigned_on, assignment.drawn_at
                from participant join assignment using (jobcentre_code, trial_id, participant_id)
                where participant.participant_id = :participant and participant.trial_id = :trial
                """
            ),
            {"trial": trial_id, "participant": participant_id},
        )
    ).one_or_none()
    return None if row is None else Assignment(*row)


async def assign(
    connection: AsyncConnection,
    vault: Vault,
    trial: Trial,
    stratum: Stratum,
    moment: datetime,
    participant_id: UUID,
    assigned_on: date,
    client: str,
) -> tuple[Assignment, NewAuditEntry]:
    """Draw an arm for an eligible person under the stratum's lock; in a one-arm trial, assign without a draw.

    Returns the assignment and its audit entry, which the caller appends.
    """
    jobcentre = stratum.jobcentre
    position: int | None = None
    arm: Arm = "treatment"
    if trial.protocol.design == "randomised":
        position = stratum.draws
        seed = vault.open_seed(trial.id, trial.sealed_seed)
        arm = arm_of_draw(seed, trial.id, jobcentre, position, stratum.balance, trial.protocol.imbalance_limit)
        await count_draw(connection, trial.id, stratum, arm, moment)
    else:
        await advance_watermark(connection, trial.id, [jobcentre], moment)
    assigned = await connection.execute(
        _ASSIGN,
        {
            "digest": await participant_digest(connection, vault, trial.id, jobcentre, participant_id),
            "jobcentre": jobcentre,
            "trial": trial.id,
            "participant": participant_id,
            "position": position,
            "arm": arm,
            "day": assigned_on,
            "moment": moment,
            "pseudonym": uuid4(),
            "client": client,
        },
    )
    group, settings = assigned.scalar_one(), trial.settings(jobcentre)
    person = Person(participant_id, jobcentre, arm, assigned_on, group, settings)
    await store_changes(connection, trial.id, "drawn", {participant_id: jobcentre}, moment)
    counts = difference({}, count(trial.protocol, trial.ends_on, person.history()))
    await add_to_counts(connection, trial.id, {(jobcentre, arm): counts})
    await store_states(connection, trial, [person])
    details = {"position": position, "arm": arm, "assigned_on": str(assigned_on)}
    entry = NewAuditEntry(jobcentre, client, "participant.drawn", trial.id, participant_id, details)
    return Assignment(arm, assigned_on, moment), entry


_ASSIGN = sql(
    """
    with assigned as (
        insert into assignment (jobcentre_code, trial_id, participant_id, position, arm, assigned_on, drawn_at,
                                pseudonym, client_id)
        values (:jobcentre, :trial, :participant, :position, :arm, :day, :moment, :pseudonym, :client)
    ), bound as (
        insert into drawn_number (trial_id, digest, participant_id, jobcentre_code, at_draw, registered_at)
        values (:trial, :digest, :participant, :jobcentre, true, :moment)
    )
    update participant set status = 'drawn'
    where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
    returning target_group
    """
)


async def draw_candidate(
    connection: AsyncConnection, vault: Vault, trial: Trial, jobcentre: str, participant_id: UUID, client: str
) -> tuple[Assignment, bool]:
    """Draw a supplement candidate (domain 3.2). For a drawn participant it returns the same assignment, and False.

    DomainError: ``trial_closed``, ``not_waiting``, ``correction_waiting``, ``intake_sufficient``, ``supplement_order``
    (``ahead``: how many candidates are to be drawn before).
    """
    strata, moment = await lock_strata(connection, trial.id, [jobcentre])
    if (assignment := await load_assignment(connection, trial.id, participant_id)) is not None:
        return assignment, False
    if await is_closed(connection, trial.id):
        raise DomainError("trial_closed")
    candidate = (
        await connection.execute(
            text(
                """
                select interview_on, status, exists (
                           select from vault.identity
                           join vault.requested_number using (trial_id, blind_index)
                           join stratum on stratum.trial_id = :trial
                                and stratum.jobcentre_code = requested_number.jobcentre_code
                           where :jobcentre in (stratum.jobcentre_code, successor_code)
                             and identity.jobcentre_code = :jobcentre and identity.trial_id = :trial
                             and identity.participant_id = :participant) as requested
                from participant
                where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
                """
            ),
            {"jobcentre": jobcentre, "trial": trial.id, "participant": participant_id},
        )
    ).one()
    if candidate.status != "waiting":
        raise DomainError("not_waiting")
    if candidate.requested:
        raise DomainError("correction_waiting")
    await _check_supplement_rules(connection, trial, jobcentre, participant_id, candidate.interview_on)
    assignment, entry = await assign(
        connection, vault, trial, strata[jobcentre], moment, participant_id, candidate.interview_on, client
    )
    await append_entries(connection, [entry])
    return assignment, True


async def _check_supplement_rules(
    connection: AsyncConnection, trial: Trial, jobcentre: str, participant_id: UUID, interview_on: date
) -> None:
    """Raise DomainError ``intake_sufficient`` or ``supplement_order`` (domain 3.2)."""
    monday = monday_of(interview_on)
    week = {"jobcentre": jobcentre, "trial": trial.id, "monday": monday, "sunday": monday + timedelta(days=6)}
    drawn = await connection.execute(
        text(
            """
            select count(*) from assignment
            where jobcentre_code = :jobcentre and trial_id = :trial and assigned_on between :monday and :sunday
            """
        ),
        week,
    )
    place = trial.jobcentres[jobcentre]
    target = weekly_target(place.weekly_target, place.agreed_participants, trial.intake_from, trial.intake_to)
    if drawn.scalar_one() >= target:
        raise DomainError("intake_sufficient")
    waiting = await connection.execute(
        text(
            """
            select participant_id, unemployed_since, waiting_since from participant
            where jobcentre_code = :jobcentre and trial_id = :trial and status = 'waiting'
              and interview_on between :monday and :sunday
            """
        ),
        week,
    )
    candidates = {row.participant_id: Candidate(row.unemployed_since, row.waiting_since) for row in waiting}
    ahead = ahead_of(candidates[participant_id], candidates.values())
    if ahead:
        people = "1 candidate" if ahead == 1 else f"{ahead} candidates"
        raise DomainError("supplement_order", f"{people} with shorter unemployment are ahead.", ahead=ahead)


async def published_draws(
    connection: AsyncConnection, trial_id: str, after: tuple[str, int], limit: int
) -> list[dict[str, Any]]:
    """Return draws under their own pseudonyms, by jobcentre and position, from ``after`` on."""
    rows = await connection.execute(
        text(
            """
            select jobcentre_code as jobcentre, position, arm, drawn_at, pseudonym from assignment
            where trial_id = :trial and position is not null and (jobcentre_code, position) > (:jobcentre, :position)
            order by jobcentre_code, position limit :limit
            """
        ),
        {"trial": trial_id, "jobcentre": after[0], "position": after[1], "limit": limit},
    )
    return [dict(row._mapping) for row in rows]
