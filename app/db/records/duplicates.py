"""Correction of a CPR number, and the merge of two draws of the same person (domain 3.3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.kinds import TABLES
from app.db.core.statements import sql
from app.db.derived.histories import load_people
from app.db.derived.week_counts import add_to_counts, store_states
from app.db.participants.screening import release_candidate
from app.db.personal_data.vault import Vault
from app.db.records.transfer import NewOwner, latest_versions, move_records_to
from app.db.trials.strata import advance_watermark, lock_strata
from app.db.trials.trials import Trial
from app.domain.figures.counts import add_up, count, difference
from app.domain.rules.draw import Arm


@dataclass(frozen=True, slots=True)
class _NumberHolder:
    """The participant of a CPR number in the trial; ``drawn_at`` is None before the draw."""

    jobcentre: str
    participant_id: UUID
    drawn_at: datetime | None


async def correct_cpr(
    connection: AsyncConnection, vault: Vault, trial: Trial, participant_id: UUID, cpr: str, reason: str, client: str
) -> None:
    """Change a participant's CPR number. The connection needs access to every jobcentre.

    If another participant has the number, the earlier draw governs. The later becomes a duplicate: it keeps its
    position and its part in the balance, leaves all figures, and its records move to the earlier. An undrawn candidate
    is released in favour of a drawn one, or of the one screened earlier.
    """
    # Lock every stratum before reading: the owners of CPR numbers and the draws change only under these locks.
    _, moment = await lock_strata(connection, trial.id, trial.jobcentres)
    await advance_watermark(connection, trial.id, trial.jobcentres, moment)
    index = vault.blind_index(cpr)
    present = await _number_holder(connection, trial.id, "index.blind_index = :index", {"index": index})
    corrected = await _number_holder(connection, trial.id, "index.participant_id = :id", {"id": participant_id})
    if corrected is None or (present is not None and present.participant_id == participant_id):
        return
    jobcentre, details = corrected.jobcentre, {"reason": reason}
    entries = [NewAuditEntry(jobcentre, client, "participant.cpr_corrected", trial.id, participant_id, details)]
    await _delete_index(connection, trial.id, participant_id)
    if present is None:
        await _insert_index(connection, trial.id, corrected, index)
    else:
        earlier, later = _in_order(corrected, present)
        if earlier is corrected:
            await _delete_index(connection, trial.id, present.participant_id)
            await _insert_index(connection, trial.id, corrected, index)
        if later.drawn_at is None:
            await release_candidate(
                connection, trial.id, later.jobcentre, later.participant_id, "withdrawn", "entered_in_error"
            )
        else:
            await _mark_duplicate(connection, trial.id, later, earlier, reason, client, moment)
            await move_records(connection, trial, later, earlier, moment)
        details = {"of": str(earlier.participant_id)}
        entries.append(
            NewAuditEntry(later.jobcentre, client, "participant.duplicate", trial.id, later.participant_id, details)
        )
    await _store_cpr(connection, vault, trial.id, corrected, cpr, index)
    await append_entries(connection, entries)


async def _number_holder(
    connection: AsyncConnection, trial_id: str, condition: str, values: Mapping[str, object]
) -> _NumberHolder | None:
    rows = await connection.execute(
        sql(
            """
            select index.jobcentre_code, index.participant_id, assignment.drawn_at
            from person_index index left join assignment using (jobcentre_code, trial_id, participant_id)
            where index.trial_id = :trial and {condition}
            """,
            condition=condition,
        ),
        {"trial": trial_id, **values},
    )
    row = rows.one_or_none()
    return None if row is None else _NumberHolder(*row)


def _in_order(first: _NumberHolder, second: _NumberHolder) -> tuple[_NumberHolder, _NumberHolder]:
    """Sort the governing one first: the earlier draw; a draw before a candidate; the earlier screened candidate."""

    def rank(holder: _NumberHolder) -> tuple[bool, float, int]:
        drawn = holder.drawn_at
        return (drawn is None, 0.0 if drawn is None else drawn.timestamp(), holder.participant_id.int)

    return (first, second) if rank(first) <= rank(second) else (second, first)


async def _delete_index(connection: AsyncConnection, trial_id: str, participant_id: UUID) -> None:
    await connection.execute(
        text("delete from person_index where trial_id = :trial and participant_id = :participant"),
        {"trial": trial_id, "participant": participant_id},
    )


async def _insert_index(connection: AsyncConnection, trial_id: str, holder: _NumberHolder, index: bytes) -> None:
    await connection.execute(
        text(
            """
            insert into person_index (trial_id, blind_index, jobcentre_code, participant_id)
            values (:trial, :index, :jobcentre, :participant)
            """
        ),
        {
            "trial": trial_id,
            "index": index,
            "jobcentre": holder.jobcentre,
            "participant": holder.participant_id,
        },
    )


async def _store_cpr(
    connection: AsyncConnection, vault: Vault, trial_id: str, holder: _NumberHolder, cpr: str, index: bytes
) -> None:
    sealed = vault.seal_cpr(holder.participant_id, cpr)
    await connection.execute(
        text(
            """
            update vault.identity set blind_index = :index, wrapped_key = :key, sealed_cpr = :cpr
            where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
            """
        ),
        {
            "index": index,
            "key": sealed.wrapped_key,
            "cpr": sealed.sealed_cpr,
            "jobcentre": holder.jobcentre,
            "trial": trial_id,
            "participant": holder.participant_id,
        },
    )


async def _mark_duplicate(
    connection: AsyncConnection,
    trial_id: str,
    later: _NumberHolder,
    earlier: _NumberHolder,
    reason: str,
    client: str,
    moment: datetime,
) -> None:
    key = {"jobcentre": later.jobcentre, "trial": trial_id, "participant": later.participant_id}
    await connection.execute(
        text(
            """
            insert into duplicate (jobcentre_code, trial_id, participant_id, of_jobcentre_code, of_participant_id,
                                   reason, client_id, registered_at)
            values (:jobcentre, :trial, :participant, :of_jobcentre, :of_participant, :reason, :client, :moment)
            """
        ),
        {
            **key,
            "of_jobcentre": earlier.jobcentre,
            "of_participant": earlier.participant_id,
            "reason": reason,
            "client": client,
            "moment": moment,
        },
    )
    await connection.execute(
        text(
            """
            update participant set status = 'duplicate', week_states = null, first_monday = null
            where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
            """
        ),
        key,
    )


async def move_records(
    connection: AsyncConnection, trial: Trial, later: _NumberHolder, earlier: _NumberHolder, moment: datetime
) -> None:
    """Move the records of a duplicate by new versions, and its counts with them."""
    jobcentres = {later.jobcentre, earlier.jobcentre}
    ids = [later.participant_id, earlier.participant_id]
    loaded = await load_people(connection, trial.id, jobcentres, [earlier.participant_id])
    before = count(trial.protocol, trial.ends_on, loaded[earlier.participant_id].history())
    leaving = await _count_duplicate(connection, trial, later)
    for table in TABLES.values():
        rows = await latest_versions(connection, table, trial.id, later.jobcentre, participant_id=later.participant_id)
        owner = NewOwner(earlier.jobcentre, earlier.participant_id)
        await move_records_to(connection, table, trial.id, rows, owner, moment)
    person = (await load_people(connection, trial.id, jobcentres, ids))[earlier.participant_id]
    after = count(trial.protocol, trial.ends_on, person.history())
    parts: dict[tuple[str, Arm], list[Mapping[date, Mapping[str, int]]]] = {}
    parts.setdefault((person.jobcentre, person.arm), []).append(difference(before, after))
    for key, numbers in leaving.items():
        parts.setdefault(key, []).append(numbers)
    await add_to_counts(connection, trial.id, {key: add_up(changes) for key, changes in parts.items()})
    await store_states(connection, trial, [person])


async def _count_duplicate(
    connection: AsyncConnection, trial: Trial, later: _NumberHolder
) -> dict[tuple[str, Arm], Mapping[date, Mapping[str, int]]]:
    """Return the negative of what the participant counted before it became a duplicate."""
    assert later.drawn_at is not None
    rows = await connection.execute(
        text("select max(registered_at) - interval '1 microsecond' from duplicate where participant_id = :participant"),
        {"participant": later.participant_id},
    )
    person = (await load_people(connection, trial.id, [later.jobcentre], [later.participant_id], rows.scalar_one()))[
        later.participant_id
    ]
    counted = count(trial.protocol, trial.ends_on, person.history())
    return {(person.jobcentre, person.arm): difference(counted, {})}
