"""Integrity checks of a database: audit chains, stored counts and weeks, record keys, CPR numbers, draws.

Nothing is changed.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import check_audit
from app.db.core.kinds import TABLES, RecordTable
from app.db.core.session import SYSTEM_SCOPE, Database, driver_of
from app.db.core.statements import compose, sql
from app.db.derived.week_counts import rebuild
from app.db.personal_data.vault import SealedIdentity, Vault
from app.db.records.versions import digest_of
from app.db.trials.trials import Trial, load_trials, trial_ids
from app.domain.draw_verification import PublishedDraw, check_draws
from app.domain.figures.counts import SUMS
from app.domain.records.ingest import Version

_ALL_TRIALS = 1_000_000
_HERE = "where trial_id = :trial and jobcentre_code = :jobcentre"
Progress = Callable[[str], None]
"""Takes the name of each step as it begins."""


def ignore_progress(_: str) -> None:
    """Show no progress."""


async def check_register(database: Database, vault: Vault, progress: Progress = ignore_progress) -> list[str]:
    """Return a sentence for every fault."""
    async with database.read(SYSTEM_SCOPE) as connection:
        progress("audit chains")
        _, faults = await check_audit(connection)
        trials = await load_trials(connection, await trial_ids(connection, "", _ALL_TRIALS))
        progress("draws")
        for trial in trials.values():
            faults += await _check_draws(connection, vault, trial)
        for table in TABLES.values():
            progress(f"keys of {table.kind}")
            faults += await _check_keys(connection, table)
            faults += await _check_digests(connection, table)
        progress("CPR numbers")
        faults += await _check_numbers(connection, vault)
    for trial in trials.values():
        faults += await check_counts(database, trial, progress)
    return faults


async def check_counts(database: Database, trial: Trial, progress: Progress = ignore_progress) -> list[str]:
    """Return a sentence for every stored count and week state that differs from the records.

    Locks one stratum at a time.
    """
    faults: list[str] = []
    for number, jobcentre in enumerate(sorted(trial.jobcentres), 1):
        progress(f"counts and weeks of {trial.id}, jobcentre {number} of {len(trial.jobcentres)}")
        faults += await _check_jobcentre(database, trial, jobcentre)
    return faults


async def _check_jobcentre(database: Database, trial: Trial, jobcentre: str) -> list[str]:
    place = {"trial": trial.id, "jobcentre": jobcentre}
    async with database.write(SYSTEM_SCOPE, commit=False) as connection:
        await connection.execute(sql("select from stratum {here} for update", here=_HERE), place)
        stored, stored_weeks = await _counts(connection, place), await _weeks(connection, place)
        await rebuild(connection, trial, [jobcentre])
        rebuilt, rebuilt_weeks = await _counts(connection, place), await _weeks(connection, place)
    wrong = sorted(key for key in stored.keys() | rebuilt.keys() if stored.get(key, {}) != rebuilt.get(key, {}))
    return [
        f"trial {trial.id}: the counts of {code}, {arm}, {monday} are not those of the records"
        for code, arm, monday in wrong
    ] + [
        f"trial {trial.id}: the weeks of participant {participant_id} are not those of the records"
        for participant_id in sorted(stored_weeks)
        if stored_weeks[participant_id] != rebuilt_weeks[participant_id]
    ]


async def _weeks(connection: AsyncConnection, place: Mapping[str, str]) -> Mapping[UUID, tuple[Any, ...]]:
    """Load the first Mondays and week states of a jobcentre's people."""
    rows = await connection.execute(
        sql("select participant_id, first_monday, week_states from participant {here}", here=_HERE), place
    )
    return {participant_id: tuple(weeks) for participant_id, *weeks in rows}


async def _counts(
    connection: AsyncConnection, place: Mapping[str, str]
) -> Mapping[tuple[str, str, str], Mapping[str, Any]]:
    """Load a jobcentre's stored counts that are not zero."""
    rows = await connection.execute(
        sql("select jobcentre_code, arm, monday, {columns}, other from week_count {here}", columns=SUMS, here=_HERE),
        place,
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


async def _check_keys(connection: AsyncConnection, table: RecordTable) -> list[str]:
    """Return the kind if it has keys without a standing version, or standing versions without one key."""
    rows = await connection.execute(
        sql(
            """
            select count(*) filter (where standing is null), count(*) filter (where pointed is null)
            from (select trial_id, external_id, client_id, version_id, jobcentre_code from {table}
                  where superseded_at = 'infinity') standing
            full join (select trial_id, external_id, client_id, version_id, jobcentre_code from record_key
                       where kind = :kind) pointed using (trial_id, external_id, client_id, version_id, jobcentre_code)
            """,
            table=table.name,
        ),
        {"kind": table.kind},
    )
    lost, stray = rows.one()
    if not lost and not stray:
        return []
    return [f"{table.kind}: {lost} keys without a standing version, {stray} standing versions without a key"]


async def _check_digests(connection: AsyncConnection, table: RecordTable) -> list[str]:
    """Return the kind if keys have a digest that is not their version's: an exact repeat would not be recognised."""
    statement = compose(
        """
        select digest, participant_id, revision, retraction_reason, {columns}
        from record_key key join {table} version using (jobcentre_code, trial_id, version_id)
        where key.kind = $1 and digest is not null
        """,
        columns=tuple(f"version.{column}" for column in table.columns),
        table=table.name,
    )
    wrong = 0
    async for row in driver_of(connection).cursor(statement, table.kind, prefetch=1000):
        digest, participant_id, revision, reason, *values = row
        fact = None if participant_id is None else table.fact_from(values)
        wrong += digest_of(Version(participant_id, revision, fact, reason)) != digest
    return [f"{table.kind}: {wrong} keys with another digest than that of their version"] if wrong else []
