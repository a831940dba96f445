"""What tests ask the database itself, past the application: as its owner, who is also its superuser."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import check_audit
from app.db.core.session import SYSTEM_SCOPE, AccessScope, Database, make_engine
from app.db.integrity import check_register
from app.db.personal_data.vault import Vault, load_or_create_master_key
from tests.register import Register

T = TypeVar("T")


def query(url: str, *statements: str, arguments: Sequence[Any] = ()) -> list[asyncpg.Record]:
    """Runs statements in one transaction and gives the rows of the last, which takes the arguments."""

    async def run() -> list[asyncpg.Record]:
        parts = make_url(url)
        connection = await asyncpg.connect(
            host=str(parts.query["host"]),
            port=5432,
            user=parts.username,
            password=parts.password,
            database=parts.database,
        )
        try:
            async with connection.transaction():
                for statement in statements[:-1]:
                    await connection.execute(statement)
                rows: list[asyncpg.Record] = await connection.fetch(statements[-1], *arguments)
                return rows
        finally:
            await connection.close()

    return asyncio.run(run())


def tamper(url: str, *statements: str) -> None:
    """Changes what must never change, as only a superuser can: with every trigger and foreign key out of the way."""
    query(url, "set local session_replication_role = replica", *statements)


def seen(url: str, scope: AccessScope, work: Callable[[AsyncConnection], Awaitable[T]], *, keep: bool = True) -> T:
    """What ``work`` gives in a transaction of the application's role that may see no more than ``scope``."""

    async def run() -> T:
        database = Database(make_engine(url, 1))
        try:
            async with database.write(scope, commit=keep) as connection:
                return await work(connection)
        finally:
            await database.engine.dispose()

    return asyncio.run(run())


def check_audit_trail(url: str) -> list[str]:
    """Every fault in any chain of the audit trail."""
    return seen(url, SYSTEM_SCOPE, check_audit)[1]


def register_faults(register: Register) -> list[str]:
    """Everything in the register that is not as it should be: chains, draws, keys, kept counts."""

    async def run() -> list[str]:
        engine = make_engine(register.database_url, 2)
        try:
            async with engine.begin() as connection:
                vault = await Vault.open(connection, load_or_create_master_key(register.settings.data_dir))
            return await check_register(Database(engine), vault)
        finally:
            await engine.dispose()

    return asyncio.run(run())
