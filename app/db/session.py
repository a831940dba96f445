"""Connections. A write is one transaction that is committed before the answer; a read sees one snapshot."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine


def make_engine(url: str, pool_size: int) -> AsyncEngine:
    """An engine on PostgreSQL by ``postgresql://…``; works behind a pooler in transaction mode too."""
    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=30,
        pool_pre_ping=True,
        hide_parameters=True,
        json_serializer=lambda value: to_json(value).decode(),
        json_deserializer=from_json,
    )


class Database:
    """The one database. ``write`` commits when its block ends well and takes everything back when it does not."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._snapshots = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @asynccontextmanager
    async def write(self, *, keep: bool = True) -> AsyncIterator[AsyncConnection]:
        """``keep=False`` is a dry run: everything happens, and is taken back at the end."""
        async with self.engine.connect() as connection, connection.begin() as transaction:
            yield connection
            if not keep:
                await transaction.rollback()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """All statements of the block see the same state."""
        async with self._snapshots.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Closes every connection."""
        await self.engine.dispose()


async def copy_rows(
    connection: AsyncConnection, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Appends rows by COPY, in the connection's transaction: the cheapest way in for what is only ever inserted."""
    if rows:
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None
        await raw.driver_connection.copy_records_to_table(table, columns=columns, records=rows)
