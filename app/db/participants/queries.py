"""Participants as clients read them, and changes besides the draw: withdrawal and contact person."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.statements import compose, sql
from app.db.derived.week_counts import STATE_LETTERS
from app.db.participants.changes import ParticipantChange
from app.db.participants.contact_persons import store_contact_person
from app.db.participants.screening import release_candidate
from app.db.trials.strata import lock_strata
from app.domain.records.errors import DomainError
from app.domain.rules.calendar import monday_of

_STATES = {letter: state for state, letter in STATE_LETTERS.items()}
_WEEK_NOW = "least(greatest((cast(:monday as date) - first_monday) / 7, 0), length(week_states) - 1)"
_SELECT = compose(
    """
    select participant.participant_id, participant.jobcentre_code, status, interview_on, channel, target_group,
           contact_person, arm, assigned_on, ineligible_found, duplicate.of_participant_id as duplicate_of,
           substr(week_states, 1, {week_now} + 1) as states,
           (select coalesce(correction_end.status, 'waiting')
            from correction_person
            join cpr_correction using (jobcentre_code, trial_id, correction_id)
            left join correction_end using (jobcentre_code, trial_id, correction_id)
            where jobcentre_code = participant.jobcentre_code and trial_id = participant.trial_id
              and correction_person.participant_id = participant.participant_id
              and correction_end.status is distinct from 'replaced'
            order by cpr_correction.requested_at desc limit 1) as cpr_correction
    from participant
    left join assignment using (jobcentre_code, trial_id, participant_id)
    left join duplicate on duplicate.jobcentre_code = participant.jobcentre_code
         and duplicate.trial_id = participant.trial_id and duplicate.participant_id = participant.participant_id
         and duplicate.of_jobcentre_code = participant.jobcentre_code
    where participant.trial_id = :trial
""",
    week_now=_WEEK_NOW,
)


@dataclass(frozen=True, slots=True)
class ParticipantView:
    """A participant today.

    ``state`` is the state of the current week (of the last week, once the trial is over), or, before the draw,
    ``waiting``, ``withdrawn`` or ``ineligible``. ``programme_week`` is the number reached so far.
    """

    participant_id: UUID
    jobcentre: str
    state: str
    programme_week: int | None
    arm: str | None
    assigned_on: date | None
    interview_on: date
    channel: str | None
    target_group: int | None
    contact_person: str | None
    cpr_correction: str | None
    ineligible_found: Sequence[str]
    duplicate_of: UUID | None
    """The participant that governs; None if that one belongs to another jobcentre."""


@dataclass(frozen=True, slots=True)
class ListedParticipant(ParticipantView):
    """A participant in a list; in the change feed with one change of it, and when that was registered."""

    change: ParticipantChange | None
    changed_at: datetime | None


def _view(row: Row[tuple[object, ...]]) -> ParticipantView:
    return ParticipantView(**_fields(row))


def _fields(row: Row[tuple[object, ...]]) -> dict[str, Any]:
    values = row._mapping
    states: str | None = values["states"]
    return {
        "participant_id": values["participant_id"],
        "jobcentre": values["jobcentre_code"],
        "state": _STATES[states[-1]] if states else values["status"],
        "programme_week": 1 + states.count(STATE_LETTERS["counted"]) if states else None,
        "arm": values["arm"],
        "assigned_on": values["assigned_on"],
        "interview_on": values["interview_on"],
        "channel": values["channel"],
        "target_group": values["target_group"],
        "contact_person": values["contact_person"],
        "cpr_correction": values["cpr_correction"],
        "ineligible_found": values["ineligible_found"],
        "duplicate_of": values["duplicate_of"],
    }


async def find_participant(
    connection: AsyncConnection, trial_id: str, participant_id: UUID, today: date
) -> ParticipantView | None:
    """Return the participant as of a day; None if the trial has none of that id."""
    rows = await connection.execute(
        text(f"{_SELECT} and participant.participant_id = :participant"),
        {"trial": trial_id, "participant": participant_id, "monday": monday_of(today)},
    )
    row = rows.one_or_none()
    return None if row is None else _view(row)


async def find_by_person(connection: AsyncConnection, trial_id: str, person: bytes) -> UUID | None:
    """Return the id of the participant who waits or was drawn under a blind index."""
    rows = await connection.execute(
        text("select participant_id from person_index where trial_id = :trial and blind_index = :person"),
        {"trial": trial_id, "person": person},
    )
    return rows.scalar_one_or_none()


async def list_participants(
    connection: AsyncConnection,
    trial_id: str,
    jobcentres: Collection[str],
    arm: str | None,
    state: str | None,
    today: date,
    after: tuple[str, UUID],
    limit: int,
) -> list[ListedParticipant]:
    """Return participants of jobcentres, by jobcentre and id, from ``after`` on."""
    filters = {
        "arm": arm,
        "letter": STATE_LETTERS.get(state or ""),
        "status": state if state not in STATE_LETTERS else None,
    }
    rows = await connection.execute(
        text(
            f"""
            {_SELECT}
              and participant.jobcentre_code = any(:jobcentres)
              and (participant.jobcentre_code, participant.participant_id) > (:jobcentre, :participant)
              and (cast(:arm as text) is null or arm = :arm)
              and (cast(:status as text) is null or status = :status)
              and (cast(:letter as text) is null or substr(week_states, {_WEEK_NOW} + 1, 1) = :letter)
            order by participant.jobcentre_code, participant.participant_id limit :limit
            """
        ),
        {
            **filters,
            "trial": trial_id,
            "jobcentres": sorted(jobcentres),
            "monday": monday_of(today),
            "jobcentre": after[0],
            "participant": after[1],
            "limit": limit,
        },
    )
    return [ListedParticipant(**_fields(row), change=None, changed_at=None) for row in rows]


async def changed_participants(
    connection: AsyncConnection, trial_id: str, positions: Mapping[str, UUID], today: date, limit: int
) -> tuple[list[ListedParticipant], dict[str, UUID]]:
    """Change feed: return the changes after the position of each jobcentre, with participants as of a day.

    Returns the new positions too: see ``app.db.participants.changes``.
    """
    rows = await connection.execute(
        sql(
            """
            with changed as (
                select jobcentre_code as code, change_id, participant_id as changed_id, change, registered_at
                from participant_change
                join unnest(cast(:codes as text[]), cast(:positions as uuid[])) as reached (code, position)
                    on jobcentre_code = reached.code and change_id > position
                where trial_id = :trial order by change_id limit :limit
            )
            select view.*, change_id, change, registered_at as changed_at from changed
            join lateral ({select} and participant.jobcentre_code = code
                          and participant.participant_id = changed_id) as view on true
            order by change_id
            """,
            select=_SELECT,
        ),
        {
            "trial": trial_id,
            "monday": monday_of(today),
            "codes": list(positions),
            "positions": list(positions.values()),
            "limit": limit,
        },
    )
    changed = rows.all()
    reached = dict(positions) | {row.jobcentre_code: row.change_id for row in changed}
    return [ListedParticipant(**_fields(row), change=row.change, changed_at=row.changed_at) for row in changed], reached


async def list_assignments(
    connection: AsyncConnection, trial_id: str, jobcentres: Collection[str], after: tuple[str, UUID], limit: int
) -> list[dict[str, object]]:
    """Return assignments without duplicates, by jobcentre and participant, from ``after`` on."""
    rows = await connection.execute(
        text(
            """
            select participant_id, jobcentre_code as jobcentre, arm, assigned_on, drawn_at from assignment
            where jobcentre_code = any(:jobcentres) and trial_id = :trial
              and (jobcentre_code, participant_id) > (:jobcentre, :participant)
              and not exists (
                  select from duplicate
                  where duplicate.jobcentre_code = assignment.jobcentre_code and duplicate.trial_id = :trial
                    and duplicate.participant_id = assignment.participant_id)
            order by jobcentre_code, participant_id limit :limit
            """
        ),
        {
            "trial": trial_id,
            "jobcentres": sorted(jobcentres),
            "jobcentre": after[0],
            "participant": after[1],
            "limit": limit,
        },
    )
    return [dict(row._mapping) for row in rows]


async def withdraw(
    connection: AsyncConnection, trial_id: str, jobcentre: str, participant_id: UUID, reason: str, client: str
) -> None:
    """Withdraw an undrawn candidate; idempotent. DomainError: ``already_drawn``, ``not_waiting``."""
    _, moment = await lock_strata(connection, trial_id, [jobcentre])
    row = (
        await connection.execute(
            text(
                """
                select status, withdrawal_reason from participant
                where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
                """
            ),
            {"jobcentre": jobcentre, "trial": trial_id, "participant": participant_id},
        )
    ).one()
    if row.status == "drawn":
        raise DomainError("already_drawn", "A person who was drawn cannot be withdrawn: send an exit.")
    if row.status == "withdrawn" and row.withdrawal_reason == reason:
        return
    if row.status != "waiting":
        raise DomainError("not_waiting")
    await release_candidate(connection, trial_id, jobcentre, participant_id, "withdrawn", reason, moment)
    entry = NewAuditEntry(jobcentre, client, "participant.withdrawn", trial_id, participant_id, {"reason": reason})
    await append_entries(connection, [entry])


async def change_contact_person(
    connection: AsyncConnection, trial_id: str, view: ParticipantView, name: str | None, client: str
) -> None:
    """Store a new contact person; the same again changes nothing."""
    _, moment = await lock_strata(connection, trial_id, [view.jobcentre])
    if view.contact_person != name:
        where = (trial_id, view.jobcentre, view.participant_id)
        await append_entries(connection, [await store_contact_person(connection, *where, name, client, moment)])
