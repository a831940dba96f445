"""Trials made before jobcentres had settings of their own: the same request is still the same trial (api.md)."""

import asyncio
from typing import Any

from alembic import command
from sqlalchemy import Connection, text

from app.db.core.migrate import _config
from app.db.core.session import make_engine
from tests.register import JOBCENTRES, Register

SETTINGS = ("external_provider_talks", "target_groups", "themes", "required_contacts")


def migrate_again(connection: Connection, revision: str, before: str) -> None:
    """Applies one migration to a database that has it already, once ``before`` has undone it."""
    (newest,) = connection.execute(text("select version_num from alembic_version")).scalars()
    for statement in before.split(";"):
        connection.execute(text(statement))
    set_version = text("update alembic_version set version_num = :version")
    connection.execute(set_version, {"version": f"{int(revision) - 1:04}"})
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    connection.execute(set_version, {"version": newest})


def test_the_same_request_is_the_same_trial_after_the_upgrade(fresh_register: Register) -> None:
    register, agency = fresh_register, fresh_register.client("agency")
    body: dict[str, Any] = {"id": "before", "protocol": "prvij-2010-11", "title": "x", "jobcentres": JOBCENTRES}
    created = agency.post("/v1/trials", body)
    assert created.status_code == 201
    dropped = ", ".join(f"drop column {name}" for name in SETTINGS)
    keys = " ".join(f"- '{name}'" for name in SETTINGS)
    before = f"""
        alter table stratum {dropped};
        update trial set definition = definition - 'themes' || jsonb_build_object('jobcentres', (
            select jsonb_agg(jobcentre {keys}) from jsonb_array_elements(definition -> 'jobcentres') as jobcentre))
    """

    async def run() -> None:
        engine = make_engine(register.database_url, 1)
        async with engine.begin() as connection:
            await connection.run_sync(migrate_again, "0012", before)
        await engine.dispose()

    asyncio.run(run())
    again = agency.post("/v1/trials", body)
    assert (again.status_code, again.json()) == (200, created.json())
