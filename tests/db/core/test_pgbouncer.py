"""Behind pgbouncer in transaction mode (issue 5): every transaction may be on another connection of the server's.

A real pgbouncer (Debian: `apt-get install pgbouncer`); where there is none these tests are skipped, and say so.
"""

import asyncio
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.core.migrate import migrate, newest_schema, schema_of
from app.db.core.session import SYSTEM_SCOPE, Database, make_engine
from app.postgres.process import Programs, environment
from app.postgres.supervisor import EmbeddedPostgres
from tests.database import query, register_faults
from tests.postgres.servers import wait_for
from tests.register import Register, record_id

PORT = 6432
SERVER_CONNECTIONS = 3
CLIENTS, ROUNDS = 24, 20
"""Clients at a time, far more than connections of the server; and what each asks for in a row."""
PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="there is no pgbouncer here: apt-get install pgbouncer"),
]


@pytest.fixture(scope="module")
def bouncer(postgres: EmbeddedPostgres) -> Iterator[Path]:
    """A pgbouncer beside the server's socket; gives the directory of both sockets."""
    here = postgres.socket_dir
    (here / "pgbouncer.ini").write_text(
        f"""
        [databases]
        * = host={here} port=5432 user=rettevej password={make_url(postgres.url).password}
        [pgbouncer]
        listen_addr =
        listen_port = {PORT}
        unix_socket_dir = {here}
        auth_type = any
        pool_mode = transaction
        default_pool_size = {SERVER_CONNECTIONS}
        max_client_conn = 500
        """,
        encoding="utf-8",
    )
    (here / "pgbouncer.ini").chmod(0o644)
    programs = Programs(postgres.data_dir)  # who may reach the socket, which root may have handed to somebody else
    command = programs.command(
        programs.choose_identity(), signal.SIGTERM, str(PROGRAM), "-q", str(here / "pgbouncer.ini")
    )
    process = subprocess.Popen(command, env=environment())
    try:
        wait_for(lambda: (here / f".s.PGSQL.{PORT}").exists() or process.poll() is not None, "pgbouncer does not start")
        assert process.poll() is None
        yield here
    finally:
        process.terminate()
        process.wait(20)


def through(bouncer: Path, database_url: str) -> str:
    """The URL of a database by way of pgbouncer."""
    url = make_url(database_url).set(query={"host": str(bouncer), "port": str(PORT), "pooler": "transaction"})
    return url.render_as_string(hide_password=False)


def asked(bouncer: Path, database: str | None, statement: str) -> asyncpg.Record:
    """One row, from whatever connection pgbouncer gives."""

    async def run() -> asyncpg.Record:
        connection = await asyncpg.connect(
            host=str(bouncer), port=PORT, user="rettevej", database=database, statement_cache_size=0
        )
        try:
            async with connection.transaction():
                (row,) = await connection.fetch(statement)
                return row
        finally:
            await connection.close()

    return asyncio.run(run())


def requests_of(register: Register, trial: str, people: list[str], number: int) -> list[Any]:
    """What one client asks for in a row: writes, reads, reports, screenings; gives what failed."""
    system, agency = register.case_system(client_id=f"client-{number}"), register.client("agency")
    path, person = f"/v1/trials/{trial}", people[number % len(people)]
    talk = {"participant_id": person, "date": "2010-11-22"}
    failed: list[Any] = []
    for turn in range(ROUNDS):
        batch = {"records": [{"external_id": record_id(), **talk} for _ in range(20)]}
        match turn % 5:
            case 0:
                response = system.post(f"{path}/conversations/batch", batch)
            case 1:
                response = system.put(f"{path}/conversations/{record_id()}", talk)
            case 2:
                response = system.get(f"{path}/participants/{person}/weeks")
            case 3:
                response = agency.get(f"{path}/weekly-summary")
            case _:
                response = system.post(f"{path}/participants", register.screening(jobcentre="860"))
        if response.status_code >= 300:
            failed.append((turn, response.status_code, response.text))
    return failed


def test_nothing_fails_and_nothing_is_left_behind(
    bouncer: Path, new_database: Callable[[], str], tmp_path: Path
) -> None:
    url = new_database()
    database = make_url(url).database
    with Register(through(bouncer, url), tmp_path) as register, Register(through(bouncer, url), tmp_path) as other:
        trial = register.new_trial()
        people = [register.drawn(trial, jobcentre=code) for code in ("849", "860", "450") * 2]
        with ThreadPoolExecutor(CLIENTS) as pool:
            work = [
                pool.submit(requests_of, (register, other)[number % 2], trial, people, number)
                for number in range(CLIENTS)
            ]
            failed = [each for done in work for each in done.result()]
        assert failed == []
        assert query(url, "select count(*) as n from conversation")[0]["n"] == CLIENTS * ROUNDS // 5 * 21
        register.database_url = url
        assert register_faults(register) == []

        # What a transaction set for itself is gone with it, whichever connection one asks.
        for _ in range(2 * SERVER_CONNECTIONS):
            left = asked(
                bouncer,
                database,
                """
                select current_user::text as role, coalesce(current_setting('app.jobcentres', true), '') as jobcentres,
                       coalesce(current_setting('app.client', true), '') as client,
                       (select count(*) from pg_prepared_statements) as prepared,
                       current_setting('lock_timeout') || current_setting('statement_timeout')
                           || current_setting('idle_in_transaction_session_timeout') as limits
                """,
            )
            assert tuple(left) == ("rettevej", "", "", 0, "000")
        assert query(url, "select count(*) from pg_locks where locktype = 'advisory'")[0][0] == 0
        assert query(url, "select count(*) from pg_class where relpersistence = 't'")[0][0] == 0
        used = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        assert query(url, used)[0][0] <= SERVER_CONNECTIONS


def test_migrations_go_through_it_too(bouncer: Path, postgres: EmbeddedPostgres) -> None:
    async def run() -> str | None:
        await _create(make_engine(postgres.url, 1))
        engine = make_engine(through(bouncer, postgres.url.replace("/rettevej?", "/pooled?")), 2)
        try:
            await asyncio.gather(migrate(engine), migrate(engine))
            async with engine.connect() as connection:
                return await schema_of(connection)
        finally:
            await engine.dispose()

    assert asyncio.run(run()) == newest_schema()


async def _create(engine: AsyncEngine) -> None:
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.exec_driver_sql("create database pooled")
    await engine.dispose()


def test_a_read_is_one_snapshot(bouncer: Path, new_database: Callable[[], str]) -> None:
    """And cannot write."""

    async def run() -> tuple[str, str]:
        database = Database(make_engine(url, 2))
        try:
            async with database.read(SYSTEM_SCOPE) as connection:
                row = await connection.exec_driver_sql(
                    "select current_setting('transaction_isolation'), current_setting('transaction_read_only')"
                )
                return tuple(row.one())
        finally:
            await database.engine.dispose()

    url = through(bouncer, new_database())
    assert asyncio.run(run()) == ("repeatable read", "on")
