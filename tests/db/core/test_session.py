"""The pool of connections: those that the server closed are replaced unseen."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db.core import session
from app.db.core.session import SYSTEM_SCOPE, Database, make_engine
from app.web.error_handlers import database_is_away
from tests.database import query

POOL = 3
PROCESS_ID = "select pg_backend_pid()"
OTHERS = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


async def _process_id(database: Database) -> int:
    async with database.read(SYSTEM_SCOPE) as connection:
        found: int = (await connection.execute(text(PROCESS_ID))).scalar_one()
        return found


def test_a_connection_that_the_server_closed_is_replaced(new_database: Callable[[], str]) -> None:
    async def run() -> None:
        database = Database(make_engine(url, 1))
        first = await _process_id(database)
        assert await _process_id(database) == first
        await asyncio.to_thread(query, url, "select pg_terminate_backend($1)", arguments=[first])
        await asyncio.sleep(0.2)  # the driver is told
        assert await _process_id(database) != first
        await database.engine.dispose()

    url = new_database()
    asyncio.run(run())


async def _process_id_of_a_write(database: Database) -> int:
    async with database.write(SYSTEM_SCOPE) as connection:
        found: int = (await connection.execute(text(PROCESS_ID))).scalar_one()
        return found


async def _process_id_fetched(database: Database) -> int:
    rows = await database.fetch(SYSTEM_SCOPE, PROCESS_ID)
    return int(rows[0][0])


@pytest.mark.parametrize("entered", [_process_id, _process_id_of_a_write, _process_id_fetched])
def test_connections_that_broke_unseen_are_given_up(
    new_database: Callable[[], str], entered: Callable[[Database], Awaitable[int]]
) -> None:
    """The server ended them all and nobody has read that yet: the first statement finds out, before all else."""

    async def run() -> None:
        database = Database(make_engine(url, POOL))
        async with AsyncExitStack() as stack:
            for _ in range(POOL):
                await stack.enter_async_context(database.read(SYSTEM_SCOPE))
        with ThreadPoolExecutor() as other:  # the loop of this thread stands still meanwhile
            ended = other.submit(query, url, f"select pg_terminate_backend(pid) as ended {OTHERS}").result()
        assert [row["ended"] for row in ended] == [True] * POOL
        assert await entered(database)
        await database.engine.dispose()

    url = new_database()
    asyncio.run(run())


@pytest.mark.parametrize("entered", [_process_id, _process_id_fetched])
def test_a_server_that_ends_every_connection_is_not_asked_for_ever(
    new_database: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    entered: Callable[[Database], Awaitable[int]],
) -> None:
    async def run() -> None:
        database = Database(make_engine(url, POOL))
        ending = "select pg_terminate_backend(pg_backend_pid()), " + ", ".join(f"${n}::text" for n in range(1, 7))
        monkeypatch.setattr(session, "_ENTER", ending)
        with pytest.raises((DBAPIError, asyncpg.PostgresError)) as refused:
            await entered(database)
        assert database_is_away(refused.value)
        await database.engine.dispose()

    url = new_database()
    asyncio.run(run())
