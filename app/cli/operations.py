"""What an operator does with a database: back it up, restore it, see if all is well, change keys, erase a person."""

import os
import subprocess
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from app.db.audit.log import NewAuditEntry, append_entries, check_audit
from app.db.core.migrate import newest_schema, schema_of
from app.db.core.session import APPLICATION_ROLE, SYSTEM_SCOPE, Database, engine_on, without_tls
from app.db.integrity import check_register
from app.db.personal_data.vault import Vault, WrongMasterKeyError, change_master_key
from app.db.trials.trials import check_protocols, record_protocol_digests
from app.postgres.supervisor import EmbeddedPostgres


class OperationError(Exception):
    """What was asked for could not be done; one sentence says why."""


def back_up(url: str, file: Path) -> None:
    """Writes the whole database to a file, by pg_dump. Keys are not in it: keep the master key elsewhere."""
    draft = file.with_name(file.name + ".part")
    _run_tool(url, "pg_dump", "--format=custom", "--enable-row-security", f"--file={draft}")
    draft.replace(file)


def restore(url: str, file: Path) -> None:
    """Fills an empty database from a backup, all of it or nothing."""
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
    """Runs one of PostgreSQL's own programs on the database; the password goes by the environment, not by argument."""
    environment = _environment_of(url)
    program = EmbeddedPostgres(Path()).bindir / tool
    target = ["--dbname", environment["PGDATABASE"]] if tool == "pg_restore" else []
    done = subprocess.run(  # noqa: S603 - a program of the wheel, arguments of our own
        [str(program), *target, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OperationError(
            f"{tool} failed: {done.stderr.strip().splitlines()[-1] if done.stderr else 'no reason given'}"
        )


def _environment_of(url: str) -> dict[str, str]:
    """The database of a URL as PostgreSQL's own programs read it from their environment."""
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


async def examine(url: str, master_key: bytes) -> list[str]:
    """Schema, master key, numbers, protocols, audit chains, draws, keys of records, kept counts and weeks: every fault,
    in one sentence each. Nothing is changed.
    """
    async with engine_on(url, 2) as engine:
        async with engine.connect() as connection:
            found = await schema_of(connection)
        if found != newest_schema():
            return [f"the schema is {found or 'missing'}, this version expects {newest_schema()}: run rettevej migrate"]
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
        return await check_register(Database(engine), vault)


async def check_stored_protocols(url: str) -> list[str]:
    """The trials whose protocol is not what it was when they were created, in one sentence each."""
    async with engine_on(url, 1) as engine, engine.begin() as connection:
        await record_protocol_digests(connection)
        return await check_protocols(connection)


async def check_audit_trail(url: str) -> tuple[int, list[str]]:
    """How many audit entries there are, and every fault in any chain."""
    async with engine_on(url, 1) as engine, Database(engine).read(SYSTEM_SCOPE) as connection:
        return await check_audit(connection)


async def rotate_master_key(url: str, old: bytes, new: bytes) -> int:
    """Seals with a new master key all that the old one sealed; how many persons' keys. Stop the servers first."""
    async with engine_on(url, 1) as engine, engine.begin() as connection:
        return await change_master_key(connection, old, new)


async def erase_person(url: str, trial: str, participant_id: UUID, client: str) -> None:
    """Destroys a participant's data key and number. Figures, records and chains stay, about nobody who can be named.

    The blind index stays: without it the same person could be drawn a second time.
    """
    async with engine_on(url, 1) as engine, Database(engine).write(SYSTEM_SCOPE) as connection:
        erased = await connection.execute(
            text(
                """
                    update vault.identity set wrapped_key = null, sealed_cpr = null
                    where trial_id = :trial and participant_id = :participant and wrapped_key is not null
                    returning jobcentre_code
                    """
            ),
            {"trial": trial, "participant": participant_id},
        )
        jobcentre = erased.scalar_one_or_none()
        if jobcentre is None:
            raise OperationError("there is no such participant, or it was erased before")
        await append_entries(
            connection, [NewAuditEntry(jobcentre, client, "participant.erased", trial, participant_id)]
        )
