"""Releases of the panel: recorded once, each with its own key of pseudonyms, and readable for ever."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import EVERYWHERE, NewAuditEntry, append_entries
from app.db.core.ids import uuid7_at
from app.db.core.statements import sql
from app.db.personal_data.vault import Vault
from app.db.trials.strata import lock_strata
from app.db.trials.trials import Trial
from app.db.trials.watermarks import raise_floor
from app.domain.figures.panel import VERSION

_PSEUDONYM_BYTES = 16
_COLUMNS = "release_id, trial_id, client_id, purpose, recorded_at, watermark, as_of, dictionary_version"


@dataclass(frozen=True, slots=True)
class Release:
    """A release: client, moment and purpose of an export, and what determines its content.

    It holds everything registered up to ``watermark``, and the weeks that are over on ``as_of``.
    """

    release_id: UUID
    trial_id: str
    client_id: str
    purpose: str
    recorded_at: datetime
    watermark: datetime
    as_of: date
    dictionary_version: int


async def record_release(
    connection: AsyncConnection,
    vault: Vault,
    trial: Trial,
    client: str,
    purpose: str,
    known_at: datetime | None,
    as_of: date,
) -> Release:
    """Record a release as known now, or at an earlier moment.

    Weeks are over by ``as_of``. Its moment is one of registration: releases are listed in their order, and later
    registrations are later than its watermark.
    """
    strata, moment = await lock_strata(connection, trial.id, trial.jobcentres)
    latest = max((stratum.registered_at for stratum in strata.values() if stratum.registered_at), default=moment)
    watermark = latest if known_at is None else min(known_at, latest)
    await raise_floor(connection, trial.id, moment)
    release = Release(uuid7_at(moment), trial.id, client, purpose, moment, watermark, as_of, VERSION)
    await vault.make_key(connection, _key_name(release.release_id))
    await connection.execute(
        sql(
            """
            insert into release ({columns})
            values (:release_id, :trial_id, :client_id, :purpose, :recorded_at, :watermark, :as_of, :dictionary_version)
            """,
            columns=_COLUMNS,
        ),
        {name: getattr(release, name) for name in _COLUMNS.split(", ")},
    )
    details = {"release": str(release.release_id), "watermark": watermark.isoformat()}
    await append_entries(connection, [NewAuditEntry(EVERYWHERE, client, "panel.released", trial.id, None, details)])
    return release


async def find_release(connection: AsyncConnection, trial_id: str, release_id: UUID) -> Release | None:
    """Return a release of the trial; None if there is none of that id."""
    rows = await connection.execute(
        sql("select {columns} from release where trial_id = :trial and release_id = :id", columns=_COLUMNS),
        {"trial": trial_id, "id": release_id},
    )
    row = rows.one_or_none()
    return None if row is None else Release(**row._mapping)


async def list_releases(connection: AsyncConnection, trial_id: str, after: UUID, limit: int) -> list[Release]:
    """Return the releases of a trial in the order of recording, from ``after`` on."""
    rows = await connection.execute(
        sql(
            """
            select {columns} from release where trial_id = :trial and release_id > :after
            order by release_id limit :limit
            """,
            columns=_COLUMNS,
        ),
        {"trial": trial_id, "after": after, "limit": limit},
    )
    return [Release(**row._mapping) for row in rows]


async def pseudonyms(
    connection: AsyncConnection, vault: Vault, trial_id: str, release_id: UUID
) -> Callable[[UUID], str]:
    """Return the pseudonym function of a release: 128 bits of HMAC-SHA-256 with the release's key, in hexadecimal."""
    key = await vault.key(connection, _key_name(release_id))

    def pseudonym(participant_id: UUID) -> str:
        return hmac.digest(key, f"{trial_id}:{participant_id}".encode(), "sha256")[:_PSEUDONYM_BYTES].hex()

    return pseudonym


def _key_name(release_id: UUID) -> str:
    return f"pseudonym key of release {release_id}"
