"""A statement cut off, a disk that is full and the like, in the middle of a batch: nothing of it is stored."""

import asyncio

import pytest

from app.cli.operations import examine
from app.startup import master_key_of
from tests.faults.figures import query
from tests.faults.harness import BATCH, FACTS
from tests.register import Register, record_id

FAULTS = {
    "disk full": "raise exception 'could not extend file' using errcode = '53100'",
    "out of memory": "raise exception 'out of memory' using errcode = '53200'",
    "cut off, as by a time limit": "perform pg_cancel_backend(pg_backend_pid()), pg_sleep(30)",
    "ended by an administrator": "perform pg_terminate_backend(pg_backend_pid())",
    "read-only": "raise exception 'cannot execute in a read-only transaction' using errcode = '25006'",
}
STAGES = ("conversation", "record_key", "week_count", "audit_entry", "batch")
"""The tables that a batch is written to, in this order."""


def _everything(url: str) -> dict[str, int]:
    """How many rows each table holds."""
    tables = query(
        url,
        """
        select table_schema || '.' || table_name as name from information_schema.tables
        where table_schema in ('public', 'vault') and table_type = 'BASE TABLE'
        """,
    )
    counts = " union all ".join(
        f"select '{each['name']}' as name, count(*) as n from {each['name']}" for each in tables
    )
    return {row["name"]: row["n"] for row in query(url, counts)}


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_of_the_batch_is_stored(fresh_register: Register, fault: str) -> None:
    register, url = fresh_register, fresh_register.database_url
    trial = register.new_trial()
    participant = register.drawn(trial)
    client = register.case_system()
    records = [
        {"external_id": record_id(), "participant_id": participant, **FACTS["conversations"]} for _ in range(BATCH)
    ]
    query(
        url,
        f"""
        create function fail() returns trigger language plpgsql security definer
        as $$ begin {FAULTS[fault]}; return new; end $$
        """,
        "grant execute on function fail to public",
    )
    for table in STAGES:
        query(url, f"create trigger fail after insert or update on {table} for each row execute function fail()")
        before = _everything(url)
        refused = client.post(f"/v1/trials/{trial}/conversations/batch", {"records": records})
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable"), table
        assert int(refused.headers["retry-after"]) > 0
        assert _everything(url) == before, table
        query(url, f"drop trigger fail on {table}")
    assert client.push(trial, "conversations", records)["counts"]["created"] == BATCH
    assert asyncio.run(examine(url, master_key_of(register.settings))) == []


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_transaction_that_lost_to_another_is_tried_again(fresh_register: Register, state: str) -> None:
    """Serialization failure and deadlock pass, at whichever statement they strike."""
    register, url = fresh_register, fresh_register.database_url
    trial = register.new_trial()
    participant = register.drawn(trial)
    client = register.case_system()
    query(
        url,
        f"""
        create function fail() returns trigger language plpgsql security definer as $$ begin
            if nextval('turn') = 1 then raise exception 'lost' using errcode = '{state}'; end if;
            return null;
        end $$
        """,
        "grant execute on function fail to public",
    )
    for table in STAGES:
        query(
            url,
            "drop sequence if exists turn",
            "create sequence turn",
            f"create trigger fail after insert or update on {table} for each statement execute function fail()",
        )
        record = {"external_id": record_id(), "participant_id": participant, **FACTS["conversations"]}
        assert client.push(trial, "conversations", [record])["counts"]["created"] == 1, table
        assert query(url, "select last_value from turn")[0][0] > 1, table
        query(url, f"drop trigger fail on {table}")
    assert asyncio.run(examine(url, master_key_of(register.settings))) == []
