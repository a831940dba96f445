"""The pool of connections: one that the server closed is replaced unseen, one that lay idle is asked first."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import text

from app.db import session
from app.db.session import EVERYTHING, Database, make_engine
from tests.database import query


async def _process_id(database: Database) -> int:
    async with database.read(EVERYTHING) as connection:
        found: int = (await connection.execute(text("select pg_backend_pid()"))).scalar_one()
        return found


def test_a_connection_that_the_server_closed_is_replaced(new_database: Callable[[], str]) -> None:
    async def run() -> None:
        database = Database(make_engine(url, 1))
        first = await _process_id(database)
        assert await _process_id(database) == first
        await asyncio.to_thread(query, url, "select pg_terminate_backend($1)", arguments=[first])
        await asyncio.sleep(0.2)  # the driver is told
        assert await _process_id(database) != first
        await database.close()

    url = new_database()
    asyncio.run(run())


def test_a_connection_that_lay_idle_is_asked_whether_it_is_there(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        database = Database(make_engine(url, 1))
        first = await _process_id(database)
        async with database.engine.connect() as connection:
            kind = type((await connection.get_raw_connection()).dbapi_connection)

        def silent(_: object) -> None:
            raise TimeoutError

        with monkeypatch.context() as patch:
            patch.setattr(kind, "ping", silent)
            assert await _process_id(database) == first  # used a moment ago: not asked
            patch.setattr(session, "_IDLE", -1.0)
            assert await _process_id(database) != first
        await database.close()

    url = new_database()
    asyncio.run(run())
