"""Erasure: of one person at any time, of all people of a trial when its retention has ended (domain 3.4).

Figures, records, draws and audit chains stay, without a name; so do sex and age band, and that a number was drawn, as a
digest under the key of the trial. The connections are the owner's: the application has no right to erase.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import EVERYWHERE, NewAuditEntry, append_entries
from app.db.participants.changes import store_changes
from app.db.participants.corrections import refuse_waiting
from app.db.participants.drawn_numbers import forget_numbers
from app.db.participants.screening import release_candidate
from app.db.personal_data.vault import trial_key_name
from app.db.trials.strata import advance_watermark, lock_strata
from app.db.trials.trials import Trial, load_trial


class ErasureError(Exception):
    """Erasure that is not possible; the message is one sentence for the operator."""


async def erase_participant(connection: AsyncConnection, trial_id: str, participant_id: UUID, client: str) -> int:
    """Erase a person: the participant, and every other one of the same number in the trial. Returns how many.

    Raises ErasureError if the participant does not exist, or was erased before.
    """
    trial, moment = await _lock(connection, trial_id)
    rows = await connection.execute(
        text(
            """
            select same.participant_id, same.jobcentre_code
            from vault.identity person join vault.identity same using (trial_id, blind_index)
            where trial_id = :trial and person.participant_id = :participant and person.sealed_cpr is not null
            """
        ),
        {"trial": trial_id, "participant": participant_id},
    )
    people = {row[0]: row[1] for row in rows}
    if not people:
        raise ErasureError("there is no such participant, or it was erased before")
    await _erase(connection, trial, people, moment, client)
    return len(people)


async def expire_trial(connection: AsyncConnection, trial_id: str, client: str) -> int:
    """Erase everyone of a closed trial whose retention has ended, and destroy its key. Returns how many.

    The blind indexes of those who were never eligible go too. Raises ErasureError.
    """
    trial, moment = await _lock(connection, trial_id)
    people = await load_expirable(connection, trial)
    rows = await connection.execute(
        text(
            """
            select distinct blind_index from screening where trial_id = :trial and not exists (
                select from vault.identity erased
                where trial_id = :trial and erased.blind_index = screening.blind_index and sealed_cpr is null)
            """
        ),
        {"trial": trial_id},
    )
    await _erase(connection, trial, people, moment, client, list(rows.scalars()))
    await connection.execute(text("delete from vault.secret where name = :name"), {"name": trial_key_name(trial_id)})
    await connection.execute(
        text("update trial set expired_at = :moment where id = :trial"), {"trial": trial_id, "moment": moment}
    )
    entry = NewAuditEntry(EVERYWHERE, client, "trial.expired", trial_id, None, {"people": len(people)})
    await append_entries(connection, [entry])
    return len(people)


async def load_expirable(connection: AsyncConnection, trial: Trial) -> dict[UUID, str]:
    """Return the people whom an expiry erases, with their jobcentres.

    Raises ErasureError unless the trial is closed, its retention has ended, and it has not expired.
    """
    rows = await connection.execute(
        text(
            """
            select expired_at, retention_until < cast(clock_timestamp() at time zone 'Europe/Copenhagen' as date)
            from trial where id = :trial
            """
        ),
        {"trial": trial.id},
    )
    expired_at, ended = rows.one()
    if expired_at is not None:
        raise ErasureError(f"{trial.id} has expired before")
    if not ended:
        raise ErasureError(f"what names people of {trial.id} is kept until {trial.retention_until}")
    if trial.closed_at is None:
        raise ErasureError(f"{trial.id} is not closed: the agency closes it first")
    people = await connection.execute(
        text(
            """
            select participant_id, jobcentre_code from vault.identity
            where trial_id = :trial and sealed_cpr is not null
            """
        ),
        {"trial": trial.id},
    )
    return {row[0]: row[1] for row in people}


async def _lock(connection: AsyncConnection, trial_id: str) -> tuple[Trial, datetime]:
    """Lock every stratum of the trial, so that no draw, record or decision runs. Returns the moment too."""
    await connection.execute(text("select set_config('app.jobcentres', '*', true)"))
    trial = await load_trial(connection, trial_id)
    if trial is None:
        raise ErasureError(f"there is no trial {trial_id}")
    _, moment = await lock_strata(connection, trial_id, trial.jobcentres)
    reloaded = await load_trial(connection, trial_id)
    assert reloaded is not None
    return reloaded, moment


async def _erase(
    connection: AsyncConnection,
    trial: Trial,
    people: dict[UUID, str],
    moment: datetime,
    client: str,
    besides: Collection[bytes] = (),
) -> None:
    parameters = {"trial": trial.id, "people": list(people)}
    waiting = await connection.execute(
        text(
            """
            select jobcentre_code, participant_id from participant
            where trial_id = :trial and participant_id = any(:people) and status = 'waiting'
            """
        ),
        parameters,
    )
    for jobcentre, participant_id in waiting.all():  # without a number nobody is drawn
        await release_candidate(
            connection, trial.id, jobcentre, participant_id, "withdrawn", "entered_in_error", moment
        )
    entries = await refuse_waiting(connection, trial.id, moment, client, list(people))
    await forget_numbers(connection, trial.id, list(people), besides)
    await connection.execute(
        text("update person_fact set born_on = null where trial_id = :trial and participant_id = any(:people)"),
        parameters,
    )
    entries += [
        NewAuditEntry(jobcentre, client, "participant.erased", trial.id, participant_id)
        for participant_id, jobcentre in sorted(people.items())
    ]
    await append_entries(connection, entries)
    await store_changes(connection, trial.id, "erased", people, moment)
    await advance_watermark(connection, trial.id, set(people.values()), moment)
