"""Appending to the trail: what waits for a chain gets a later moment, and chains begin when they are first needed."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import text

from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.session import SYSTEM_SCOPE, Database, make_engine
from tests.database import check_audit_trail, query


def _entry(jobcentre: str) -> NewAuditEntry:
    return NewAuditEntry(jobcentre, "case-system", "tested", details={"batch": "1"})


async def _append(database: Database, *jobcentres: str) -> None:
    async with database.write(SYSTEM_SCOPE) as connection:
        await append_entries(connection, [_entry(code) for code in jobcentres])


def test_the_moment_is_read_when_all_chains_are_held(new_database: Callable[[], str]) -> None:
    async def run() -> datetime:
        database = Database(make_engine(url, 2))
        await _append(database, "849", "860")
        async with database.write(SYSTEM_SCOPE) as connection:
            await append_entries(connection, [_entry("860")])
            waiting = asyncio.create_task(_append(database, "849", "860"))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            released: datetime = (await connection.execute(text("select clock_timestamp()"))).scalar_one()
        await waiting
        await database.engine.dispose()
        return released

    url = new_database()
    released = asyncio.run(run())
    moments = [row["at"] for row in query(url, "select at from audit_entry order by at, jobcentre_code")]
    assert len(moments) == 5
    assert moments[-1] == moments[-2] > released > moments[-3]
    assert check_audit_trail(url) == []


def test_new_chains_begin_beside_old_ones(new_database: Callable[[], str]) -> None:
    async def run() -> None:
        database = Database(make_engine(url, 4))
        await _append(database, "849")
        await asyncio.gather(*(_append(database, "860", "849", "860", "861") for _ in range(4)))
        await database.engine.dispose()

    url = new_database()
    asyncio.run(run())
    chains = query(url, "select jobcentre_code, length from audit_chain where chain = 'writes' order by jobcentre_code")
    assert [tuple(row) for row in chains] == [("849", 5), ("860", 8), ("861", 4)]
    assert check_audit_trail(url) == []
