"""Operations on a database: back up, restore, examine, rotate the master key, erase a person."""

import os
import subprocess
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from app.db.audit.log import check_audit
from app.db.core.migrate import newest_schema, schema_of
from app.db.core.session import APPLICATION_ROLE, SYSTEM_SCOPE, Database, engine_on, without_tls
from app.db.integrity import Progress, check_register, ignore_progress
from app.db.participants.erasure import ErasureError, erase_participant, expire_trial, load_expirable
from app.db.participants.open_corrections import open_corrections
from app.db.personal_data.vault import Vault, WrongMasterKeyError, change_master_key
from app.db.trials.host_boot import accept_step, clock_notices, load_clock_step
from app.db.trials.trials import check_protocols, load_trial, record_protocol_digests
from app.postgres.supervisor import EmbeddedPostgres


class OperationError(Exception):
    """Operation that failed; the message is one sentence for the operator."""


def back_up(url: str, file: Path) -> None:
    """Write the whole database to a file (mode 0600) by pg_dump. The master key is not in it."""
    draft = file.with_name(file.name + ".part")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    try:
        _run_tool(url, "pg_dump", "--format=custom", "--enable-row-security", f"--file={draft}")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def restore(url: str, file: Path) -> None:
    """Fill an empty database from a backup in one transaction. Raises OperationError."""
    if not file.is_file():
        raise OperationError(f"there is no file {file}")
    role = f"""
        do $$ begin create role {APPLICATION_ROLE} nologin; exception when duplicate_object then null; end $$;
        grant {APPLICATION_ROLE} to current_user;
    """
    _run_tool(url, "psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--command={role}")
    _run_tool(url, "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", str(file))
    _run_tool(url, "psql", "--quiet", "--set=ON_ERROR_STOP=1", "--command=analyze")  # a dump has no statistics


def _run_tool(url: str, tool: str, *arguments: str) -> None:
    """Run a program of PostgreSQL on the database. The environment has the password: arguments are public."""
    environment = _environment_of(url)
    program = EmbeddedPostgres(Path()).bindir / tool
    target = ["--dbname", environment["PGDATABASE"]] if tool == "pg_restore" else []
    process = subprocess.run(  # noqa: S603 - a program of the wheel, arguments of our own
        [str(program), *target, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise OperationError(
            f"{tool} failed: {process.stderr.strip().splitlines()[-1] if process.stderr else 'no reason given'}"
        )


def _environment_of(url: str) -> dict[str, str]:
    """Return a database URL as environment variables of PostgreSQL's programs."""
    parts, tls = without_tls(url)
    return {
        "PATH": os.defpath,
        "PGHOST": str(parts.query.get("host", parts.host) or ""),
        "PGPORT": str(parts.query.get("port", parts.port) or 5432),
        "PGUSER": parts.username or "",
        "PGPASSWORD": parts.password or "",
        "PGDATABASE": parts.database or "",
        "PGOPTIONS": "-c app.jobcentres=*",
        **{f"PG{name.upper()}": value for name, value in tls.items()},
    }


async def examine(url: str, master_key: bytes, progress: Progress = ignore_progress) -> list[str]:
    """Check schema, master key, numbers, protocols, audit chains, draws, keys of records, stored counts and weeks.

    Returns one sentence for each fault. Changes nothing but the planner's statistics.
    """
    async with engine_on(url, 2) as engine:
        async with engine.connect() as connection:
            schema = await schema_of(connection)
        if schema != newest_schema():
            return [
                f"the schema is {schema or 'missing'}, this version expects {newest_schema()}: run rettevej migrate"
            ]
        try:
            async with engine.begin() as connection:
                vault = await Vault.existing(connection, master_key)
        except WrongMasterKeyError as error:
            return [str(error)]
        if vault is None:
            async with engine.connect() as connection:
                people = await connection.scalar(text("select exists (select from vault.identity)"))
            return ["the key of the blind index is missing: no person can be found"] if people else []
        async with engine.connect() as connection:
            if faults := await check_protocols(connection):
                return faults
        progress("statistics")  # without them PostgreSQL may join large tables by nested loops
        async with engine.begin() as connection:
            await connection.execute(text("analyze"))
        return await check_register(Database(engine), vault, progress)


async def load_notices(url: str) -> list[str]:
    """Return what is no fault, and for someone to look at: see ``open_corrections``, ``clock_notices``."""
    async with engine_on(url, 1) as engine, Database(engine).read(SYSTEM_SCOPE) as connection:
        if await schema_of(connection) != newest_schema():
            return []
        return await clock_notices(connection) + await open_corrections(connection)


async def load_clock_notices(url: str) -> tuple[timedelta, list[str]]:
    """Return how far this host's clock has stepped, and what there is to say of clocks."""
    async with engine_on(url, 1) as engine, Database(engine).read(SYSTEM_SCOPE) as connection:
        return await load_clock_step(connection), await clock_notices(connection)


async def accept_clock(url: str, client: str) -> None:
    """Accept the time of this host's clock: see ``app.db.trials.host_boot``."""
    async with engine_on(url, 1) as engine, engine.begin() as connection:
        await accept_step(connection, client)


async def check_stored_protocols(url: str) -> list[str]:
    """Return one sentence for each trial whose protocol has changed since its creation."""
    async with engine_on(url, 1) as engine, engine.begin() as connection:
        await record_protocol_digests(connection)
        return await check_protocols(connection)


async def check_audit_trail(url: str) -> tuple[int, list[str]]:
    """Return the number of audit entries, and every fault of their chains."""
    async with engine_on(url, 1) as engine, Database(engine).read(SYSTEM_SCOPE) as connection:
        return await check_audit(connection)


async def rotate_master_key(url: str, old: bytes, new: bytes) -> int:
    """Seal everything with the new master key; return the number of persons' keys. No server may run."""
    async with engine_on(url, 1) as engine, engine.begin() as connection:
        return await change_master_key(connection, old, new)


async def erase_person(url: str, trial: str, participant_id: UUID, client: str) -> int:
    """Erase a person of a trial: see ``app.db.participants.erasure``. Returns the participants. Raises ErasureError."""
    async with engine_on(url, 1) as engine, engine.begin() as connection:
        return await erase_participant(connection, trial, participant_id, client)


async def count_expirable(url: str, trial_id: str) -> int:
    """Return how many people an expiry of the trial would erase. Raises ErasureError if it may not expire."""
    async with engine_on(url, 1) as engine, Database(engine).read(SYSTEM_SCOPE) as connection:
        trial = await load_trial(connection, trial_id)
        if trial is None:
            raise ErasureError(f"there is no trial {trial_id}")
        return len(await load_expirable(connection, trial))


async def expire(url: str, trial: str, client: str) -> int:
    """Erase everyone of a trial and destroy its key: see ``app.db.participants.erasure``. Raises ErasureError."""
    async with engine_on(url, 1) as engine, engine.begin() as connection:
        return await expire_trial(connection, trial, client)
