"""A database of before the corrections of numbers (schema 0008) is brought up to date (migrations 0009 to 0016)."""

import asyncio
import hmac
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from pydantic_core import to_json
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.cli.operations import load_notices
from app.db.audit.log import NewAuditEntry, append_entries
from app.db.core.ids import uuid7_at
from app.db.core.migrate import _config, migrate
from app.db.core.session import make_engine
from app.db.personal_data.vault import Vault, load_or_create_master_key, trial_key_name
from app.domain.rules.draw import arm_of_draw, commitment
from app.postgres.supervisor import EmbeddedPostgres
from app.protocols import digest_of, protocols
from tests.conftest import _run_sql, _url_of
from tests.database import query, register_faults
from tests.register import Register, new_cpr

SEED, DAY, MOMENT = bytes(32), date(2010, 11, 15), datetime(2010, 11, 15, 9, tzinfo=UTC)
ANNA, BO, CECIL = (uuid7_at(MOMENT, place) for place in range(3))
"""Drawn; drawn under another number and corrected since, as it was done before; drawn and erased."""
NUMBERS = {person: new_cpr() for person in (ANNA, BO, CECIL)}


def _to_0008(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "0008")


async def _insert(connection: AsyncConnection, table: str, **values: Any) -> None:
    columns, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    await connection.execute(text(f"insert into {table} ({columns}) values ({marks})"), values)


async def _fill_person(connection: AsyncConnection, vault: Vault, person: UUID, position: int, arm: str) -> None:
    cpr = NUMBERS[person]
    key = {"jobcentre_code": "849", "trial_id": "old", "participant_id": person}
    of_screening = {"screening_id": person, "interview_on": DAY}
    await _insert(connection, "participant", **key, **of_screening, status="drawn", waiting_since=MOMENT)
    sealed = vault.seal_cpr(person, cpr)
    keys = (None, None) if person == CECIL else (sealed.wrapped_key, sealed.sealed_cpr)
    index = vault.blind_index(cpr)
    await _insert(
        connection,
        "vault.identity",
        **key,
        blind_index=index,
        **dict(zip(("wrapped_key", "sealed_cpr"), keys, strict=True)),
    )
    sent = {"client_id": "system", "registered_at": MOMENT, "blind_index": index, "failures": []}
    screening = {"jobcentre": "849", "interview_on": str(DAY)}
    await _insert(connection, "screening", **key, **of_screening, **sent, facts=to_json(screening).decode())
    await _insert(
        connection, "person_index", trial_id="old", blind_index=index, jobcentre_code="849", participant_id=person
    )
    draw = {"position": position, "arm": arm, "assigned_on": DAY, "drawn_at": MOMENT, "pseudonym": person}
    await _insert(connection, "assignment", **key, **draw, client_id="system")
    for place, client in enumerate(("system", "register")):
        version = uuid7_at(MOMENT, 10 * position + place)
        ids = {"version_id": version, "record_id": version, "batch_id": version, "external_id": str(person)}
        week = {"week": DAY, "status": "employed", "registered_at": MOMENT, "client_id": client}
        await _insert(connection, "outcome", **key, **ids, **week)
        of_key = {"trial_id": "old", "kind": "outcomes", "external_id": str(person), "client_id": client}
        await _insert(connection, "record_key", **of_key, jobcentre_code="849", version_id=version)


async def _fill_batches(connection: AsyncConnection) -> None:
    """What is known of senders, and a batch with an ``Idempotency-Key``."""
    for client in ("system", "register"):
        source = {"jobcentre_code": "849", "trial_id": "old", "client_id": client, "kind": "outcomes"}
        await _insert(connection, "source", **source, last_received_at=MOMENT)
    batch = {"batch_id": ANNA, "client_id": "register", "trial_id": "old", "kind": "outcomes", "received_at": MOMENT}
    keys = {"idempotency_key": "k", "request_digest": b"unkeyed"}
    await _insert(connection, "batch", **batch, report="{}", **keys)


async def _fill(connection: AsyncConnection, vault: Vault) -> None:
    """One trial as version 0008 stored it."""
    await connection.execute(text("select set_config('app.jobcentres', '*', true)"))
    await _insert(
        connection,
        "trial",
        id="old",
        protocol="prvij-2010-11",
        protocol_digest=digest_of(protocols()["prvij-2010-11"]),
        title="x",
        intake_from=date(2010, 11, 8),
        intake_to=date(2011, 3, 31),
        ends_on=date(2012, 2, 29),
        pilot=False,
        enforcement="flag",
        created_by="agency",
        sealed_seed=vault.seal_seed("old", SEED),
        seed_commitment=commitment(SEED),
        created_at=MOMENT,
        definition=to_json({"id": "old"}).decode(),
    )
    stratum = {"jobcentre_code": "849", "trial_id": "old"}
    facts = {"agreed_participants": 9, "draws": 3, "balance": 0}
    await _insert(connection, "stratum", **stratum, name="x", region="nord", **facts, last_registered_at=MOMENT)
    balance = 0
    for position, person in enumerate(NUMBERS):
        arm = arm_of_draw(SEED, "old", "849", position, balance, 3)
        balance += 1 if arm == "treatment" else -1
        await _fill_person(connection, vault, person, position, arm)
    await _fill_batches(connection)
    await connection.execute(text("update stratum set balance = :balance"), {"balance": balance})
    entries = [NewAuditEntry("849", "system", "participant.screened", "old", person) for person in NUMBERS]
    entries.append(NewAuditEntry("849", "system", "participant.cpr_corrected", "old", BO))
    entries.append(NewAuditEntry("849", "operator", "participant.erased", "old", CECIL))
    await append_entries(connection, entries)


@pytest.fixture
def before(postgres: EmbeddedPostgres, tmp_path: Path, new_database: Callable[[], str]) -> str:
    """The URL of a database of schema 0008 with one trial; ``tmp_path`` has its master key."""
    _run_sql(postgres.url, "create database before_corrections")
    url = _url_of(postgres.url, "before_corrections")

    async def run() -> None:
        engine = make_engine(url, 1)
        async with engine.begin() as connection:
            await connection.run_sync(_to_0008)
            await _fill(connection, await Vault.open(connection, load_or_create_master_key(tmp_path)))
        await migrate(engine)
        await engine.dispose()

    asyncio.run(run())
    return url


def test_a_database_from_before_is_brought_up_to_date(before: str, tmp_path: Path) -> None:
    """Numbers are bound to draws, as digests; records of registers follow them; an erased person's index is gone."""

    async def keys() -> tuple[Vault, bytes]:
        engine = make_engine(before, 1)
        async with engine.begin() as connection:
            vault = await Vault.open(connection, load_or_create_master_key(tmp_path))
            key = await vault.key(connection, trial_key_name("old"))
        await engine.dispose()
        return vault, key

    with Register(before, tmp_path) as register:
        assert register.client("agency").get("/v1/trials/old").json()["retention_until"] == "2017-02-28"
        vault, key = asyncio.run(keys())
        index = {person: vault.blind_index(cpr) for person, cpr in NUMBERS.items()}
        drawn = query(before, "select participant_id, digest, at_draw from drawn_number")
        assert {row["participant_id"]: (row["digest"], row["at_draw"]) for row in drawn} == {
            person: (hmac.digest(key, index[person], "sha256"), person != BO) for person in NUMBERS
        }
        sent = query(before, "select participant_id, client_id, sent_number from outcome")
        numbers = {(row["participant_id"], row["client_id"]): row["sent_number"] for row in sent}
        assert all(numbers[person, "system"] is None for person in NUMBERS)
        assert [numbers[person, "register"] == index[person] for person in NUMBERS] == [True, True, False]
        sources = query(before, "select client_id, is_register from source")
        assert {row["client_id"]: row["is_register"] for row in sources} == {"system": False, "register": True}
        (batch,) = query(before, "select idempotency_key, request_digest from batch")
        assert (batch["idempotency_key"], batch["request_digest"]) == (None, None)
        facts = query(before, "select participant_id, registered_at from person_fact")
        assert {row["participant_id"]: row["registered_at"] for row in facts} == {ANNA: MOMENT, BO: MOMENT}
        (cecil,) = query(before, "select blind_index from vault.identity where participant_id = $1", arguments=[CECIL])
        assert cecil["blind_index"] != index[CECIL]
        for cpr in NUMBERS.values():
            again = register.case_system().post("/v1/trials/old/participants", register.screening(cpr=cpr))
            assert again.json()["code"] == "already_drawn"
        assert register_faults(register) == []
        (notice,) = asyncio.run(load_notices(before))
        assert notice.startswith(f"trial old: the number of {BO} in 849 was corrected on ")
        assert notice.endswith("undecided")
        feed = register.case_system().get("/v1/trials/old/participants", changed_since="0").json()["items"]
        changes = [(item["change"], UUID(item["participant_id"])) for item in feed]
        assert {*changes[:3]} == {("drawn", person) for person in NUMBERS}
        assert {*changes[3:]} == {("number_changed", BO), ("erased", CECIL)}
