"""Schema migration under an advisory lock: servers that start at the same time migrate one after the other."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_LOCK = 0x7265_7474_6576_656A  # "rettevej"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    return config


def newest_schema() -> str | None:
    """Return the revision that this code expects."""
    return ScriptDirectory.from_config(_config()).get_current_head()


async def schema_of(connection: AsyncConnection) -> str | None:
    """Return the revision of the database."""
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


class NewerSchemaError(Exception):
    """Schema that a newer version of this program made; the message is one sentence for the operator."""


def _upgrade(connection: Connection) -> None:
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = _config()
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise NewerSchemaError(
            f"a newer version of rettevej has migrated this database (to {current}; this one knows it up to"
            f" {newest_schema()}): start that version, or restore a backup"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def migrate(engine: AsyncEngine) -> None:
    """Apply every missing migration in one transaction. Raises NewerSchemaError."""
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade)
