"""Alembic environment. The connection comes from ``app.db.core.migrate``; there is no offline mode."""

from alembic import context
from sqlmodel import SQLModel

from app.db.core import correction_tables, record_tables, tables  # noqa: F401 - fill the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    include_schemas=True,
    compare_server_default=False,
    include_name=lambda name, kind, _: kind != "schema" or name in (None, "vault"),
)
context.run_migrations()
