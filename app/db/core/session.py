"""Connections. A write is one transaction that is committed before the answer; a read sees one snapshot.

Every transaction runs as a role that owns nothing, and tells the database what its client may see: row-level security
there is the second line behind the application's own checks.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import asyncpg
from asyncpg.transaction import Transaction
from pydantic_core import from_json, to_json
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

T = TypeVar("T")
APPLICATION_ROLE = "rettevej_app"
ALL_JOBCENTRES = "*"
POOLER: Final = "pooler"
"""The part of a database's URL that says what stands before it."""
TRANSACTION: Final = "transaction"
_LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""What the driver raises when a connection was closed, or broke in the middle of being closed."""


@dataclass(frozen=True, slots=True)
class AccessScope:
    """What a transaction may see: people and records of jobcentres, figures of regions, receipts of a client."""

    client: str = ""
    jobcentres: frozenset[str] = field(default_factory=frozenset)
    regions: frozenset[str] = field(default_factory=frozenset)

    def as_settings(self) -> tuple[str, str, str]:
        """As the database is told: client, jobcentres, regions."""
        return self.client, ",".join(sorted(self.jobcentres)), ",".join(sorted(self.regions))


SYSTEM_SCOPE = AccessScope(jobcentres=frozenset({ALL_JOBCENTRES}))
"""For the service itself: rebuilding, verifying, closing."""
EMPTY_SCOPE = AccessScope()

_ENTER: Final = f"""
    select set_config('role', '{APPLICATION_ROLE}', true), set_config('app.client', $1, true),
           set_config('app.jobcentres', $2, true), set_config('app.regions', $3, true)
"""


def without_tls(url: str) -> tuple[URL, dict[str, str]]:
    """A URL without what it says of TLS (``sslmode``, ``sslrootcert``, ``sslcert``, ``sslkey``, …), and that."""
    parts = make_url(url)
    tls = {name: str(value) for name, value in parts.query.items() if name.startswith("ssl")}
    bare = parts.difference_update_query(tls)
    if "ssl" in tls:  # SQLAlchemy's name for it
        tls["sslmode"] = tls.pop("ssl")
    return bare, tls


def make_engine(url: str, pool_size: int) -> AsyncEngine:
    """An engine on PostgreSQL by ``postgresql://…``, ``?sslmode=…`` and its like included.

    ``?pooler=transaction``: behind pgbouncer in transaction mode.
    """
    parts, tls = without_tls(url)
    arguments: dict[str, Any] = {}
    if tls:
        # asyncpg reads these from an address only; what SQLAlchemy hands it besides comes first.
        arguments["dsn"] = f"postgresql:///?{urlencode(tls)}"
    if parts.query.get(POOLER) == TRANSACTION:
        # The next transaction is on another connection of the server's, which knows no statement prepared in this one.
        arguments |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    engine = create_async_engine(
        parts.set(drivername="postgresql+asyncpg").difference_update_query([POOLER]),
        connect_args=arguments,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        hide_parameters=True,
        json_serializer=lambda value: to_json(value).decode(),
        json_deserializer=from_json,
    )
    event.listen(engine.sync_engine, "checkout", _require_open)
    return engine


def _require_open(connection: Any, *_: object) -> None:
    """Raises DisconnectionError, upon which the pool makes a new connection, for one that was closed.

    One that broke and did not tell yet is found out by its first statement: see ``Database``.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _is_lost(error: BaseException) -> bool:
    return isinstance(error.driver_exception if isinstance(error, DBAPIError) else error, _LOST)


class Database:
    """The one database, entered with a ``AccessScope``.

    A connection of the pool that turns out to be broken when it is entered is given up for another: nothing was done on
    it. So a restart of the server is not noticed by who comes after it.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        pool = engine.pool
        assert isinstance(pool, QueuePool)
        self._size = pool.size()
        self._snapshots = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @asynccontextmanager
    async def write(self, scope: AccessScope, *, keep: bool = True) -> AsyncIterator[AsyncConnection]:
        """Commits when its block ends well and takes everything back when it does not.

        ``keep=False`` is a dry run: everything happens, and is taken back at the end.
        """
        async with AsyncExitStack() as stack:
            connection, _ = await self._enter(stack, self.engine, partial(set_access_scope, scope=scope))
            yield connection
            await (connection.commit() if keep else connection.rollback())

    @asynccontextmanager
    async def read(self, scope: AccessScope) -> AsyncIterator[AsyncConnection]:
        """All statements of the block see the same state."""
        async with AsyncExitStack() as stack:
            connection, _ = await self._enter(stack, self._snapshots, partial(set_access_scope, scope=scope))
            yield connection

    async def fetch(self, scope: AccessScope, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """The rows of one read in the driver's own words (``$1``)."""
        async with self.driver(scope, readonly=True) as driver:
            rows: list[asyncpg.Record] = await driver.fetch(statement, *arguments)
        return rows

    @asynccontextmanager
    async def driver(self, scope: AccessScope, *, readonly: bool = False) -> AsyncIterator[asyncpg.Connection]:
        """The driver's connection in a transaction: for what is done all the time, at a third of what it costs with a
        connection's ``execute``. Commits when its block ends well."""
        async with AsyncExitStack() as stack:
            begin = partial(_begin, scope=scope, readonly=readonly)
            connection, transaction = await self._enter(stack, self.engine, begin)
            try:
                yield _driver_of(connection)
                await transaction.commit()
            except BaseException:
                await connection.invalidate()  # broken off at the end, its transaction could be left for the next one
                raise

    async def _enter(
        self, stack: AsyncExitStack, engine: AsyncEngine, enter: Callable[[AsyncConnection], Awaitable[T]]
    ) -> tuple[AsyncConnection, T]:
        """A connection until the stack ends, and what it gave when it was entered."""
        others = self._size
        while True:
            connection = await stack.enter_async_context(engine.connect())
            try:
                return connection, await enter(connection)
            except BaseException as error:
                await connection.invalidate()
                if not others or not _is_lost(error):
                    raise
                others -= 1

    @asynccontextmanager
    async def report(self, scope: AccessScope, trial_id: str) -> AsyncIterator[AsyncConnection]:  # noqa: ARG002 - see Replica
        """For the figures of a trial with the watermark that they are cut to. Nothing is kept.

        Here ``app.db.reports.settle`` waits, by locks, for what is being registered.
        """
        async with self.write(scope, keep=False) as connection:
            yield connection

    async def close(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()


def driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    """The driver's connection in the transaction that a connection has begun."""
    driver = _driver_of(connection)
    assert driver.is_in_transaction()
    return driver


def _driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    driver: asyncpg.Connection | None = connection.sync_connection.connection.driver_connection  # type: ignore[union-attr]
    assert driver is not None
    return driver


async def _begin(connection: AsyncConnection, scope: AccessScope, *, readonly: bool) -> Transaction:
    """Begins a transaction of the driver's that sees no more than ``scope``."""
    driver = _driver_of(connection)
    transaction = driver.transaction(readonly=readonly)
    await transaction.start()
    await driver.fetchrow(_ENTER, *scope.as_settings())
    return transaction


async def set_access_scope(connection: AsyncConnection, scope: AccessScope) -> None:
    """Sets, until the transaction ends, what it may see."""
    await connection.exec_driver_sql(_ENTER, scope.as_settings())
