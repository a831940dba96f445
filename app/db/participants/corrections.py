"""Requests for corrected CPR numbers: one waits at a time on a participant, until it is decided (domain 3.4)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from pydantic_core import to_json
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.statements import sql
from app.db.participants.drawn_numbers import number_digests
from app.db.personal_data.vault import SealedIdentity, Vault
from app.db.trials.strata import ADVANCE, lock_strata
from app.db.trials.trials import Trial, is_closed
from app.domain.records.errors import DomainError
from app.domain.rules.calendar import civil_day
from app.domain.rules.corrections import (
    CorrectionKind,
    CorrectionReason,
    CorrectionStatus,
    drawn_ago,
    is_allowed_after_closing,
)

_What = tuple[CorrectionKind, CorrectionReason | None]
"""Kind and reason of a request."""


@dataclass(frozen=True, slots=True)
class RequestedNumber:
    """A corrected number for one participant."""

    cpr: str
    reason: CorrectionReason


@dataclass(frozen=True, slots=True)
class CorrectionKey:
    """A request with its jobcentre."""

    jobcentre: str
    correction_id: UUID


@dataclass(frozen=True, slots=True)
class NumberedPerson:
    """A drawn participant with the present number."""

    jobcentre: str
    participant_id: UUID
    drawn_at: datetime
    blind_index: bytes
    cpr: str


async def request_correction(
    connection: AsyncConnection,
    vault: Vault,
    trial: Trial,
    jobcentre: str,
    participant_id: UUID,
    requested: RequestedNumber | UUID,
    client: str,
) -> UUID | None:
    """Request a number for a participant, or a swap with another one. Returns the id of the request that waits.

    The same request again is the same; another one replaces it. None if the participant has the number already.
    Nothing depends on whose the new number is. DomainError: ``not_found``, ``not_drawn``, ``duplicate``,
    ``trial_closed``.
    """
    _, moment = await lock_strata(connection, trial.id, [jobcentre])
    ids = [participant_id, requested] if isinstance(requested, UUID) else [participant_id]
    people = [await _load_drawn(connection, vault, trial.id, jobcentre, each) for each in ids]
    what: _What = ("swap", None) if isinstance(requested, UUID) else ("single", requested.reason)
    if await is_closed(connection, trial.id) and not is_allowed_after_closing(*what):
        raise DomainError("trial_closed", "The trial is closed; only a new_number can be requested.")
    index = None if isinstance(requested, UUID) else vault.blind_index(requested.cpr)
    if index == people[0].blind_index:
        return None
    waiting = await load_waiting(connection, trial.id, jobcentre, ids)
    for row in waiting:
        if ((row.kind, row.reason), row.blind_index, set(row.people)) == (what, index, set(ids)):
            return UUID(bytes=row.correction_id.bytes)
    for row in waiting:
        earlier = CorrectionKey(jobcentre, row.correction_id)
        await end_correction(connection, trial.id, earlier, "replaced", client, moment)
    key = CorrectionKey(jobcentre, uuid4())
    await _insert(connection, trial.id, key, what, people, client, moment)
    if not isinstance(requested, UUID):
        await _seal(connection, vault, trial.id, key, requested.cpr)
    new = people[1].cpr if isinstance(requested, UUID) else requested.cpr
    digests = await digest_details(connection, vault, trial.id, [person.cpr for person in people], [new])
    details = {
        "correction": str(key.correction_id),
        "kind": what[0],
        "reason": what[1],
        "replaces": [str(row.correction_id) for row in waiting],
        **digests,
    }
    action = "correction.requested"
    entries = [NewAuditEntry(jobcentre, client, action, trial.id, each, details) for each in ids]
    await append_entries(connection, entries)
    return key.correction_id


async def cancel_correction(
    connection: AsyncConnection, trial_id: str, jobcentre: str, participant_id: UUID, client: str
) -> UUID | None:
    """Cancel what waits on a participant. Returns the id of the cancelled request; None if none waits."""
    _, moment = await lock_strata(connection, trial_id, [jobcentre])
    for row in await load_waiting(connection, trial_id, jobcentre, [participant_id]):
        key = CorrectionKey(jobcentre, row.correction_id)
        await end_correction(connection, trial_id, key, "cancelled", client, moment)
        details = {"correction": str(row.correction_id)}
        entry = NewAuditEntry(jobcentre, client, "correction.cancelled", trial_id, participant_id, details)
        await append_entries(connection, [entry])
        return key.correction_id
    return None


async def refuse_waiting(
    connection: AsyncConnection,
    trial_id: str,
    moment: datetime,
    client: str | None,
    participant_ids: Collection[UUID] | None = None,
    *,
    but: UUID | None = None,
) -> list[NewAuditEntry]:
    """Refuse what waits on participants, or in the whole trial: it was closed, a person erased, or is a duplicate.

    The strata are locked, and the connection has access to them. ``but`` is a request that is decided otherwise.
    Returns the audit entries, which the caller appends.
    """
    rows = await connection.execute(
        sql(
            """
            select request.jobcentre_code, request.correction_id, person.participant_id,
                   requested.details -> 'old' as old, requested.details -> 'new' as new
            from cpr_correction request
            join correction_person person using (jobcentre_code, trial_id, correction_id)
            left join correction_end using (jobcentre_code, trial_id, correction_id)
            left join audit_entry requested on requested.jobcentre_code = request.jobcentre_code
                 and requested.participant_id = person.participant_id and action = 'correction.requested'
                 and details ->> 'correction' = cast(request.correction_id as text)
            where request.trial_id = :trial and correction_end.status is null
              and (cast(:ids as uuid[]) is null or request.correction_id in (
                  select correction_id from correction_person where participant_id = any(:ids)))
              and request.correction_id is distinct from cast(:but as uuid)
            order by 1, 2, 3
            """
        ),
        {"trial": trial_id, "ids": None if participant_ids is None else list(participant_ids), "but": but},
    )
    refused = rows.all()
    for jobcentre, correction_id in dict.fromkeys((row[0], row[1]) for row in refused):
        key = CorrectionKey(jobcentre, correction_id)
        await end_correction(connection, trial_id, key, "refused", None, moment)
    action, decision = "correction.decided", {"decision": "refused", "reason": None}
    return [
        NewAuditEntry(
            row.jobcentre_code,
            client,
            action,
            trial_id,
            row.participant_id,
            {"correction": str(row.correction_id), **decision, "old": row.old, "new": row.new},
        )
        for row in refused
    ]


async def load_waiting(
    connection: AsyncConnection, trial_id: str, jobcentre: str, participant_ids: Collection[UUID]
) -> Sequence[Row[Any]]:
    """Load the requests that wait on any of the participants, with the blind index of the new number."""
    rows = await connection.execute(
        sql(
            """
            select distinct correction_id, kind, request.reason, requested_number.blind_index,
                   array(select participant_id from correction_person every
                         where every.jobcentre_code = :jobcentre and every.trial_id = :trial
                           and every.correction_id = request.correction_id) as people
            from correction_person person
            join cpr_correction request using (jobcentre_code, trial_id, correction_id)
            left join correction_end using (jobcentre_code, trial_id, correction_id)
            left join vault.requested_number using (jobcentre_code, trial_id, correction_id)
            where jobcentre_code = :jobcentre and trial_id = :trial and person.participant_id = any(:ids)
              and correction_end.status is null
            """
        ),
        {"jobcentre": jobcentre, "trial": trial_id, "ids": list(participant_ids)},
    )
    return rows.all()


async def end_correction(
    connection: AsyncConnection,
    trial_id: str,
    key: CorrectionKey,
    status: CorrectionStatus,
    client: str | None,
    moment: datetime,
    reason: str | None = None,
    people: Sequence[dict[str, Any]] | None = None,
) -> None:
    """End a request and destroy its sealed number. ``people`` is what the registrar read of them."""
    await connection.execute(
        sql(
            """
            with destroyed as (
                delete from vault.requested_number
                where jobcentre_code = :jobcentre and trial_id = :trial and correction_id = :correction
            ), advanced as ({advance})
            insert into correction_end (jobcentre_code, trial_id, correction_id, status, reason, client_id, ended_at,
                                        people)
            values (:jobcentre, :trial, :correction, :status, :reason, :client, :moment,
                    cast(cast(:people as text) as jsonb))
            """,
            advance=ADVANCE,
        ),
        {
            "jobcentre": key.jobcentre,
            "codes": [key.jobcentre],
            "trial": trial_id,
            "correction": key.correction_id,
            "status": status,
            "reason": reason,
            "client": client,
            "moment": moment,
            "people": None if people is None else to_json(people).decode(),
        },
    )


async def digest_details(
    connection: AsyncConnection, vault: Vault, trial_id: str, old: Collection[str], new: Collection[str]
) -> dict[str, list[str]]:
    """Return the digests of numbers under the key of the trial, for the audit trail."""
    digests = await number_digests(connection, vault, trial_id, map(vault.blind_index, [*old, *new]))
    codes = [digest.hex() for digest in digests if digest is not None]
    return {"old": codes[: len(old)], "new": codes[len(old) :]}


async def _load_drawn(
    connection: AsyncConnection, vault: Vault, trial_id: str, jobcentre: str, participant_id: UUID
) -> NumberedPerson:
    """Load a drawn participant. DomainError: ``not_found`` (also erased), ``not_drawn``, ``duplicate``."""
    rows = await connection.execute(
        sql(
            """
            select status, drawn_at, blind_index, wrapped_key, sealed_cpr
            from participant
            join vault.identity using (jobcentre_code, trial_id, participant_id)
            left join assignment using (jobcentre_code, trial_id, participant_id)
            where jobcentre_code = :jobcentre and trial_id = :trial and participant_id = :participant
            """
        ),
        {"jobcentre": jobcentre, "trial": trial_id, "participant": participant_id},
    )
    row = rows.one_or_none()
    if row is None:
        raise DomainError("not_found")
    if row.status != "drawn":
        raise DomainError("duplicate" if row.status == "duplicate" else "not_drawn")
    if row.sealed_cpr is None:
        raise DomainError("not_found")
    cpr = vault.open_cpr(participant_id, SealedIdentity(row.wrapped_key, row.sealed_cpr))
    return NumberedPerson(jobcentre, participant_id, row.drawn_at, row.blind_index, cpr)


async def _insert(
    connection: AsyncConnection,
    trial_id: str,
    key: CorrectionKey,
    what: _What,
    people: Sequence[NumberedPerson],
    client: str,
    moment: datetime,
) -> None:
    request = {"jobcentre": key.jobcentre, "trial": trial_id, "correction": key.correction_id}
    kind, reason = what
    await connection.execute(
        sql(
            """
            with advanced as ({advance})
            insert into cpr_correction (jobcentre_code, trial_id, correction_id, kind, reason, client_id, requested_at)
            values (:jobcentre, :trial, :correction, :kind, :reason, :client, :moment)
            """,
            advance=ADVANCE,
        ),
        {**request, "codes": [key.jobcentre], "kind": kind, "reason": reason, "client": client, "moment": moment},
    )
    await connection.execute(
        sql(
            """
            insert into correction_person (jobcentre_code, trial_id, correction_id, participant_id, drawn_ago)
            values (:jobcentre, :trial, :correction, :participant, :drawn_ago)
            """
        ),
        [
            {
                **request,
                "participant": person.participant_id,
                "drawn_ago": drawn_ago(civil_day(person.drawn_at), civil_day(moment)),
            }
            for person in people
        ],
    )


async def _seal(connection: AsyncConnection, vault: Vault, trial_id: str, key: CorrectionKey, cpr: str) -> None:
    sealed = vault.seal_cpr(key.correction_id, cpr)
    await connection.execute(
        sql(
            """
            insert into vault.requested_number (jobcentre_code, trial_id, correction_id, blind_index, wrapped_key,
                                                sealed_cpr)
            values (:jobcentre, :trial, :correction, :index, :wrapped_key, :sealed_cpr)
            """
        ),
        {
            "jobcentre": key.jobcentre,
            "trial": trial_id,
            "correction": key.correction_id,
            "index": vault.blind_index(cpr),
            "wrapped_key": sealed.wrapped_key,
            "sealed_cpr": sealed.sealed_cpr,
        },
    )
