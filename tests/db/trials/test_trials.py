"""Trials that a process has met are kept: never one that is not there, and never how it stood with its closing."""

import asyncio

from sqlalchemy import text

from app.db.core.session import SYSTEM_SCOPE, Database, make_engine
from app.db.trials.trials import TrialCache, get_trial
from tests.register import Register

_COPY = """
    insert into trial
    select (jsonb_populate_record(trial, jsonb_build_object('id', cast(:copy as text)))).* from trial where id = :trial
"""


def test_a_trial_that_is_taken_back_is_not_kept(register: Register) -> None:
    trial = register.new_trial()
    copy = f"{trial}-copy"

    async def run() -> None:
        cache = TrialCache()
        database = Database(make_engine(register.database_url, 2))
        async with database.write(SYSTEM_SCOPE, commit=False) as connection:
            assert await get_trial(connection, cache, copy) is None
            await connection.execute(text(_COPY), {"trial": trial, "copy": copy})
            found = await get_trial(connection, cache, copy)
            assert found is not None
        assert copy not in cache
        async with database.read(SYSTEM_SCOPE) as connection:
            assert await get_trial(connection, cache, copy) is None
            loaded = await get_trial(connection, cache, trial)
            assert loaded is not None
        assert cache[trial] is loaded
        await database.engine.dispose()

    asyncio.run(run())


def test_that_a_trial_was_closed_elsewhere_is_seen(register: Register) -> None:
    trial = register.new_trial()
    path = f"/v1/trials/{trial}"
    with Register(register.database_url, register.settings.data_dir) as other:
        for each in (register, other):
            assert each.client("agency").get(f"{path}/weekly-summary").status_code == 200  # it is met
            assert each.client("agency").get(path).json()["closed"] is False
            assert each.client("agency").get(f"{path}/draws").status_code == 403
        assert register.client("agency").post(f"{path}/close").json()["closed"] is True
        for each in (register, other):
            assert each.client("agency").get(path).json()["closed"] is True
            assert each.client("agency").get(f"{path}/draws").status_code == 200
            refused = each.case_system().post(f"{path}/participants", each.screening())
            assert refused.json()["code"] == "trial_closed"
