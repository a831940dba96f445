"""Bounded waits (issue 22.4): time limits of a transaction, which end with it, and a trial's share of the pool."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db.core import session
from app.db.core.session import SYSTEM_SCOPE, Database, TimeLimits, TrialBusyError, has_timed_out, make_engine
from app.web.error_handlers import database_is_away

LIMITS = TimeLimits(lock=1, statement=2, pause=1)
LOCK = "select pg_advisory_xact_lock(7)"


@asynccontextmanager
async def _database(url: str, size: int, limits: TimeLimits = LIMITS) -> AsyncIterator[Database]:
    database = Database(make_engine(url, size), limits)
    yield database
    await database.engine.dispose()


@pytest.mark.parametrize("statement", [LOCK, "select pg_sleep(30)"])
def test_a_lock_and_a_statement_have_a_limit(new_database: Callable[[], str], statement: str) -> None:
    async def run() -> None:
        async with _database(url, 2, TimeLimits(1, 2, 30)) as database, database.write(SYSTEM_SCOPE) as held:
            await held.execute(text(LOCK))
            with pytest.raises(DBAPIError) as late:
                async with database.write(SYSTEM_SCOPE) as connection:
                    await connection.execute(text(statement))
            assert has_timed_out(late.value)
            assert database_is_away(late.value)

    url = new_database()
    asyncio.run(run())


def test_a_pause_has_a_limit(new_database: Callable[[], str]) -> None:
    """What a stopped process had locked is free again, and nothing of its transaction is stored."""

    async def pause(database: Database) -> None:
        async with database.write(SYSTEM_SCOPE) as connection:
            await connection.execute(text(LOCK))
            await asyncio.sleep(2)
            await connection.execute(text("select 1"))

    async def run() -> None:
        async with _database(url, 2) as database:
            with pytest.raises((DBAPIError, asyncpg.PostgresError)) as ended:
                await pause(database)
            assert database_is_away(ended.value)
            await database.fetch(SYSTEM_SCOPE, LOCK)

    url = new_database()
    asyncio.run(run())


def test_limits_end_with_the_transaction_and_may_be_longer(new_database: Callable[[], str]) -> None:
    async def run() -> None:
        async with _database(url, 1) as database:
            longer = TimeLimits(3, 4, 5)
            shown = text(
                """
                select array[current_setting('lock_timeout'), current_setting('statement_timeout'),
                             current_setting('idle_in_transaction_session_timeout')]
                """
            )
            async with database.write(SYSTEM_SCOPE, limits=longer) as connection:
                assert await connection.scalar(shown) == ["3s", "4s", "5s"]
            async with database.read(SYSTEM_SCOPE) as connection:
                assert await connection.scalar(shown) == ["1s", "2s", "1s"]
            async with database.engine.connect() as connection:
                assert await connection.scalar(shown) == ["0", "0", "0"]

    url = new_database()
    asyncio.run(run())


def test_one_trial_does_not_take_the_whole_pool(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write(database: Database, trial: str) -> int:
        async with database.write(SYSTEM_SCOPE, trial) as connection:
            return int(await connection.scalar(text("select 7")))

    async def run() -> None:
        async with _database(url, 3, TimeLimits(1, 1, 30)) as database:
            async with database.write(SYSTEM_SCOPE, "one"), database.report(SYSTEM_SCOPE, "one"):
                waiting = [asyncio.create_task(write(database, "one")) for _ in range(9)]
                assert await asyncio.wait_for(write(database, "other"), 1) == 7
                results = await asyncio.gather(*waiting, return_exceptions=True)
                assert {type(result) for result in results} == {TrialBusyError}
            assert await write(database, "one") == 7

    monkeypatch.setattr(session, "_CONNECT_SECONDS", 1)
    url = new_database()
    asyncio.run(run())
