"""Integrity checks of a database: audit chains, stored counts and weeks, record keys, CPR numbers, draws.

Nothing is changed.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import check_audit
from app.db.core.kinds import TABLES
from app.db.core.session import SYSTEM_SCOPE, Database
from app.db.core.statements import sql
from app.db.derived.week_counts import rebuild
from app.db.personal_data.vault import SealedIdentity, Vault
from app.db.records.versions import digest_of
from app.db.trials.trials import Trial, load_trials, trial_ids
from app.domain.draw_verification import PublishedDraw, check_draws
from app.domain.figures.counts import SUMS
from app.domain.records.ingest import Version

_ALL_TRIALS = 1_000_000


async def check_register(database: Database, vault: Vault) -> list[str]:
    """Return a sentence for every fault."""
    async with database.read(SYSTEM_SCOPE) as connection:
        _, faults = await check_audit(connection)
        trials = await load_trials(connection, await trial_ids(connection, "", _ALL_TRIALS))
        for trial in trials.values():
            faults += await _check_draws(connection, vault, trial)
        faults += await _check_keys(connection)
        faults += await _check_digests(connection)
        faults += await _check_numbers(connection, vault)
    for trial in trials.values():
        faults += await check_counts(database, trial)
    return faults


async def check_counts(database: Database, trial: Trial) -> list[str]:
    """Return a sentence for every stored count and week state that differs from the records."""
    async with database.write(SYSTEM_SCOPE, commit=False) as connection:
        await connection.execute(
            text("select from stratum where trial_id = :trial order by jobcentre_code for update"), {"trial": trial.id}
        )
        stored, stored_weeks = await _counts(connection, trial.id), await _weeks(connection, trial.id)
        await rebuild(connection, trial)
        rebuilt, rebuilt_weeks = await _counts(connection, trial.id), await _weeks(connection, trial.id)
    wrong = sorted(key for key in stored.keys() | rebuilt.keys() if stored.get(key, {}) != rebuilt.get(key, {}))
    return [
        f"trial {trial.id}: the counts of {code}, {arm}, {monday} are not those of the records"
        for code, arm, monday in wrong
    ] + [
        f"trial {trial.id}: the weeks of participant {participant_id} are not those of the records"
        for participant_id in sorted(stored_weeks)
        if stored_weeks[participant_id] != rebuilt_weeks[participant_id]
    ]


async def _weeks(connection: AsyncConnection, trial_id: str) -> Mapping[UUID, tuple[Any, ...]]:
    """Load people's first Mondays and week states."""
    rows = await connection.execute(
        text("select participant_id, first_monday, week_states from participant where trial_id = :trial"),
        {"trial": trial_id},
    )
    return {participant_id: tuple(weeks) for participant_id, *weeks in rows}


async def _counts(connection: AsyncConnection, trial_id: str) -> Mapping[tuple[str, str, str], Mapping[str, Any]]:
    """Load the stored counts that are not zero."""
    rows = await connection.execute(
        sql(
            """
            select jobcentre_code, arm, monday, {columns}, other from week_count where trial_id = :trial
            """,
            columns=SUMS,
        ),
        {"trial": trial_id},
    )
    counted = {}
    for row in rows:
        numbers = {name: getattr(row, name) for name in SUMS} | row.other
        counted[row.jobcentre_code, row.arm, str(row.monday)] = {name: n for name, n in numbers.items() if n}
    return counted


async def _check_draws(connection: AsyncConnection, vault: Vault, trial: Trial) -> list[str]:
    rows = await connection.execute(
        text("select jobcentre_code, position, arm from assignment where trial_id = :trial and position is not null"),
        {"trial": trial.id},
    )
    draws = [PublishedDraw(*row) for row in rows]
    try:
        seed = vault.open_seed(trial.id, trial.sealed_seed)
    except InvalidTag:
        return [f"trial {trial.id}: its seed cannot be opened"]
    limit = trial.protocol.imbalance_limit
    return [f"trial {trial.id}: {fault}" for fault in check_draws(seed, trial.seed_commitment, trial.id, limit, draws)]


async def _check_numbers(connection: AsyncConnection, vault: Vault) -> list[str]:
    """Return CPR numbers that cannot be decrypted, or that do not match their blind index."""
    rows = await connection.execute(
        text(
            """
            select trial_id, participant_id, blind_index, wrapped_key, sealed_cpr from vault.identity
            where wrapped_key is not null or sealed_cpr is not null order by trial_id, participant_id
            """
        )
    )
    faults = []
    for trial_id, participant_id, blind_index, *sealed in rows:
        try:
            sound = vault.blind_index(vault.open_cpr(participant_id, SealedIdentity(*sealed))) == blind_index
        except (InvalidTag, TypeError):
            sound = False
        if not sound:
            faults.append(f"trial {trial_id}: the number of {participant_id} cannot be opened, or is another")
    return faults


async def _check_keys(connection: AsyncConnection) -> list[str]:
    """Return kinds with keys without a standing version, or standing versions without a key or several of a record."""
    faults: list[str] = []
    for table in TABLES.values():
        rows = await connection.execute(
            sql(
                """
                with standing as (
                    select trial_id, external_id, client_id, version_id, jobcentre_code from {table}
                    where superseded_at = 'infinity'
                ), pointed as (
                    select trial_id, external_id, client_id, version_id, jobcentre_code from record_key
                    where kind = :kind
                )
                select (select count(*) from (table pointed except table standing) as lost),
                       (select count(*) from (table standing except table pointed) as stray)
                """,
                table=table.name,
            ),
            {"kind": table.kind},
        )
        lost, stray = rows.one()
        if lost or stray:
            faults.append(
                f"{table.kind}: {lost} keys without a standing version, {stray} standing versions without a key"
            )
    return faults


async def _check_digests(connection: AsyncConnection) -> list[str]:
    """Return kinds with keys whose digest is not that of their version: an exact repeat would not be recognised."""
    faults: list[str] = []
    for table in TABLES.values():
        rows = await connection.stream(
            sql(
                """
                select digest, participant_id, revision, retraction_reason,
                       {columns}
                from record_key key join {table} version using (jobcentre_code, trial_id, version_id)
                where key.kind = :kind and digest is not null
                """,
                columns=", ".join(f"version.{column}" for column in table.columns),
                table=table.name,
            ),
            {"kind": table.kind},
        )
        wrong = 0
        async for row in rows:
            version = Version(row.participant_id, row.revision, table.fact_of(row), row.retraction_reason)
            wrong += digest_of(version) != row.digest
        if wrong:
            faults.append(f"{table.kind}: {wrong} keys with another digest than that of their version")
    return faults
