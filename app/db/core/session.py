"""Database sessions: a write is one transaction, committed before its response; a read is one snapshot.

Every transaction runs as a role that owns nothing, with the access scope of its client as settings. Row-level security
reads them, as the second line behind the application's own checks.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode
from weakref import WeakValueDictionary

import asyncpg
from asyncpg.transaction import Transaction
from pydantic_core import from_json, to_json
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from app.domain.records.errors import DomainError

T = TypeVar("T")
APPLICATION_ROLE = "rettevej_app"
ALL_JOBCENTRES = "*"
POOLER: Final = "pooler"
"""The query parameter of a database URL that names the pooler before it."""
TRANSACTION: Final = "transaction"
_KEEP: Final = "rettevej_keep_changes"
_LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""Errors of the driver for a connection that was closed, or broke while it was closed."""


@dataclass(frozen=True, slots=True)
class AccessScope:
    """Access scope of a transaction: people and records of jobcentres, figures of regions, receipts of a client."""

    client: str = ""
    jobcentres: frozenset[str] = field(default_factory=frozenset)
    regions: frozenset[str] = field(default_factory=frozenset)

    def as_settings(self) -> tuple[str, str, str]:
        """Return the values of the settings: client, jobcentres, regions."""
        return self.client, ",".join(sorted(self.jobcentres)), ",".join(sorted(self.regions))


SYSTEM_SCOPE = AccessScope(jobcentres=frozenset({ALL_JOBCENTRES}))
"""For the service itself: rebuilding, verifying, closing."""
EMPTY_SCOPE = AccessScope()


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Time limits of a transaction, in seconds: a wait for a lock, a statement, a pause between two. 0 is none."""

    lock: int
    statement: int
    pause: int

    def as_settings(self) -> tuple[str, str, str]:
        """Return the values of PostgreSQL's settings."""
        return f"{self.lock}s", f"{self.statement}s", f"{self.pause}s"


NO_LIMITS = TimeLimits(0, 0, 0)
"""For the operator's commands: doctor, rebuild, erase."""
SHORT = TimeLimits(lock=5, statement=15, pause=30)
"""For a screening, a single record, a read of people."""
BATCH = TimeLimits(lock=20, statement=60, pause=60)
REPORT = TimeLimits(lock=10, statement=120, pause=300)
"""For reports and exports."""
_CONNECT_SECONDS: Final = 10
"""Limit of a wait for a free connection, a new one, or the trial's share of the pool."""

_SCOPE: Final = f"""
    select set_config('role', '{APPLICATION_ROLE}', true), set_config('app.client', $1, true),
           set_config('app.jobcentres', $2, true), set_config('app.regions', $3, true)"""
# Of the transaction, not the session: behind a pooler the session is not ours.
_ENTER: Final = f"""{_SCOPE},
           set_config('lock_timeout', $4, true), set_config('statement_timeout', $5, true),
           set_config('idle_in_transaction_session_timeout', $6, true)
"""


def without_tls(url: str) -> tuple[URL, dict[str, str]]:
    """Return a URL without its TLS parameters (``sslmode``, ``sslrootcert``, ``sslcert``, ``sslkey``, …), and those."""
    parts = make_url(url)
    tls = {name: str(value) for name, value in parts.query.items() if name.startswith("ssl")}
    bare = parts.difference_update_query(tls)
    if "ssl" in tls:  # SQLAlchemy's name for it
        tls["sslmode"] = tls.pop("ssl")
    return bare, tls


def make_engine(url: str, pool_size: int) -> AsyncEngine:
    """Return an engine for a ``postgresql://…`` URL, which may have TLS parameters.

    ``?pooler=transaction``: behind pgbouncer in transaction mode.
    """
    parts, tls = without_tls(url)
    arguments: dict[str, Any] = {"timeout": _CONNECT_SECONDS}
    if tls:
        # asyncpg reads these only from a DSN; the other arguments that SQLAlchemy passes take precedence.
        arguments["dsn"] = f"postgresql:///?{urlencode(tls)}"
    if parts.query.get(POOLER) == TRANSACTION:
        # The next transaction may run on another server connection, which lacks the statements prepared on this one.
        arguments |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    engine = create_async_engine(
        parts.set(drivername="postgresql+asyncpg").difference_update_query([POOLER]),
        connect_args=arguments,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_CONNECT_SECONDS,
        hide_parameters=True,
        json_serializer=lambda value: to_json(value).decode(),
        json_deserializer=from_json,
    )
    event.listen(engine.sync_engine, "checkout", _require_open)
    return engine


@asynccontextmanager
async def engine_on(url: str, pool_size: int) -> AsyncIterator[AsyncEngine]:
    """Open an engine, and close its connections when the block ends."""
    engine = make_engine(url, pool_size)
    try:
        yield engine
    finally:
        await engine.dispose()


def _require_open(connection: Any, *_: object) -> None:
    """Raise DisconnectionError for a closed connection: the pool then makes a new one.

    A broken connection that is not closed yet fails at its first statement: see ``ReadDatabase``.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


def _is_lost(error: BaseException) -> bool:
    return isinstance(error.driver_exception if isinstance(error, DBAPIError) else error, _LOST)


def has_timed_out(error: BaseException) -> bool:
    """Return whether a time limit ended a transaction, or none began in time: nothing of it is stored."""
    if isinstance(error, DBAPIError):
        error = error.driver_exception
    return isinstance(error, asyncpg.LockNotAvailableError | asyncpg.QueryCanceledError | PoolTimeout | TrialBusyError)


class TrialBusyError(DomainError):
    """The trial's share of the connections stays in use."""

    def __init__(self) -> None:
        super().__init__("database_unavailable", "Other requests of this trial wait for each other; send it again.")


class ReadDatabase(ABC):
    """Reads from PostgreSQL within an ``AccessScope`` and ``TimeLimits``.

    A pooled connection that turns out to be broken on entering is replaced: no statement has run on it. So callers do
    not notice a restart of the server.
    """

    def __init__(self, engine: AsyncEngine, limits: TimeLimits = NO_LIMITS) -> None:
        self.engine = engine
        self._limits = limits
        assert isinstance(engine.pool, QueuePool)
        self.pool = engine.pool
        self._snapshots = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @asynccontextmanager
    async def read(self, scope: AccessScope) -> AsyncIterator[AsyncConnection]:
        """Open a read-only snapshot: all statements of the block see the same state."""
        async with AsyncExitStack() as stack:
            enter = partial(_set_scope_and_limits, scope=scope, limits=self._limits)
            connection, _ = await self._enter(stack, self._snapshots, enter)
            yield connection

    async def fetch(self, scope: AccessScope, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Return the rows of one read by the driver, whose parameters are ``$1`` and so on."""
        async with self._driver(scope, readonly=True) as driver:
            rows: list[asyncpg.Record] = await driver.fetch(statement, *arguments)
        return rows

    @abstractmethod
    def report(self, scope: AccessScope, trial_id: str) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction that reads a trial's figures and their watermark: see ``app.db.trials.watermarks``."""

    @asynccontextmanager
    async def _driver(self, scope: AccessScope, *, readonly: bool) -> AsyncIterator[asyncpg.Connection]:
        async with AsyncExitStack() as stack:
            begin = partial(_begin, scope=scope, limits=self._limits, readonly=readonly)
            connection, transaction = await self._enter(stack, self.engine, begin)
            try:
                yield _driver_of(connection)
                await transaction.commit()
            except BaseException:
                await connection.invalidate()  # its transaction may still be open, and must not reach the next user
                raise

    async def _enter(
        self, stack: AsyncExitStack, engine: AsyncEngine, enter: Callable[[AsyncConnection], Awaitable[T]]
    ) -> tuple[AsyncConnection, T]:
        """Return a connection that is open until the stack ends, and the result of ``enter``."""
        retries = self.pool.size()
        while True:
            connection = await stack.enter_async_context(engine.connect())
            try:
                return connection, await enter(connection)
            except BaseException as error:
                await connection.invalidate()
                if not retries or not _is_lost(error):
                    raise
                retries -= 1


class Database(ReadDatabase):
    """The primary: reads, and the only database that writes.

    Transactions of one trial, which may wait for its strata, take two thirds of the pool at most.
    """

    def __init__(self, engine: AsyncEngine, limits: TimeLimits = NO_LIMITS) -> None:
        super().__init__(engine, limits)
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def write(
        self, scope: AccessScope, trial_id: str | None = None, *, commit: bool = True, limits: TimeLimits | None = None
    ) -> AsyncIterator[AsyncConnection]:
        """Open a transaction, of a trial if it locks strata.

        It commits when its block ends without an error; a dry run (``commit=False``) never. TrialBusyError.
        """
        async with AsyncExitStack() as stack:
            if trial_id is not None:
                await stack.enter_async_context(self._share(trial_id))
            enter = partial(_set_scope_and_limits, scope=scope, limits=limits or self._limits)
            connection, _ = await self._enter(stack, self.engine, enter)
            yield connection
            await (connection.commit() if commit else connection.rollback())

    @asynccontextmanager
    async def _share(self, trial_id: str) -> AsyncIterator[None]:
        share = self._shares.setdefault(trial_id, asyncio.Semaphore(max(1, self.pool.size() * 2 // 3)))
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await share.acquire()
        except TimeoutError:
            raise TrialBusyError from None
        try:
            yield
        finally:
            share.release()

    def driver(self, scope: AccessScope) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """Open a transaction on the driver's connection, for frequent statements.

        They cost a third of a connection's ``execute``. It commits when its block ends without an error.
        """
        return self._driver(scope, readonly=False)

    @asynccontextmanager
    async def report(self, scope: AccessScope, trial_id: str) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that locks strata. It commits only after ``keep_changes``: most reports change nothing."""
        async with self.write(scope, trial_id, commit=False) as connection:
            yield connection
            options = connection.sync_connection.get_execution_options()  # type: ignore[union-attr]  # open inside a block
            if options.get(_KEEP):
                await connection.commit()


async def keep_changes(connection: AsyncConnection) -> None:
    """Let the transaction of a report commit."""
    await connection.execution_options(**{_KEEP: True})


def driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    """Return the driver's connection, within the transaction that the connection has begun."""
    driver = _driver_of(connection)
    assert driver.is_in_transaction()
    return driver


def _driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    driver: asyncpg.Connection | None = connection.sync_connection.connection.driver_connection  # type: ignore[union-attr]  # open inside a block
    assert driver is not None
    return driver


async def _begin(connection: AsyncConnection, scope: AccessScope, limits: TimeLimits, *, readonly: bool) -> Transaction:
    """Begin a transaction of the driver with this access scope and these limits."""
    driver = _driver_of(connection)
    transaction = driver.transaction(readonly=readonly)
    await transaction.start()
    await driver.fetchrow(_ENTER, *scope.as_settings(), *limits.as_settings())
    return transaction


async def set_access_scope(connection: AsyncConnection, scope: AccessScope) -> None:
    """Set the access scope until the transaction ends."""
    await connection.exec_driver_sql(_SCOPE, scope.as_settings())


async def _set_scope_and_limits(connection: AsyncConnection, scope: AccessScope, limits: TimeLimits) -> None:
    await connection.exec_driver_sql(_ENTER, (*scope.as_settings(), *limits.as_settings()))
