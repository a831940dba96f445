"""Hash chains of the audit trail: tampering is found, and the database refuses changes."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.audit.log import check_audit
from app.db.core.session import SYSTEM_SCOPE
from tests.database import check_audit_trail, query, seen
from tests.register import Register
from tests.routers.service.audit.common import FIRST_TALK, Place, entries


def test_the_chains_are_whole(place: Place) -> None:
    assert check_audit_trail(place.register.database_url) == []


TAMPERINGS: Mapping[str, Sequence[str]] = {
    "client": ["update audit_entry set client_id = 'other' where jobcentre_code = '849' and position = 1"],
    "moment": [
        "update audit_entry set at = at + interval '1 microsecond' where jobcentre_code = '849' and position = 1"
    ],
    "details": [
        "update audit_entry set details = details || '{\"x\": 1}' where jobcentre_code = '849' and position = 1"
    ],
    "participant": ["update audit_entry set participant_id = null where jobcentre_code = '849' and position = 1"],
    "hash": ["update audit_entry set hash = sha256(hash) where jobcentre_code = '849' and position = 2"],
    "removed in the middle": ["delete from audit_entry where jobcentre_code = '849' and position = 1"],
    "removed at the beginning": ["delete from audit_entry where jobcentre_code = '849' and position = 0"],
    "removed at the end": ["delete from audit_entry where (jobcentre_code, chain, position) = ('849', 'writes', 2)"],
    "inserted at the end": [
        (
            "insert into audit_entry select jobcentre_code, chain, 3, at, 'x', action, trial_id, participant_id,"
            " details, hash, sha256(hash) from audit_entry"
            " where (jobcentre_code, chain, position) = ('849', 'writes', 2)"
        ),
    ],
    "inserted in the middle": [
        "update audit_entry set position = 9 where (jobcentre_code, chain, position) = ('849', 'writes', 2)",
        (
            "insert into audit_entry select jobcentre_code, chain, 2, at, 'x', action, trial_id, participant_id,"
            " details, hash, sha256(hash) from audit_entry"
            " where (jobcentre_code, chain, position) = ('849', 'writes', 1)"
        ),
        "update audit_entry set position = 3 where (jobcentre_code, chain, position) = ('849', 'writes', 9)",
        "update audit_chain set length = 4 where (jobcentre_code, chain) = ('849', 'writes')",
    ],
    "two in the other order": [
        "update audit_entry set position = -1 where (jobcentre_code, chain, position) = ('849', 'writes', 1)",
        "update audit_entry set position = 1 where (jobcentre_code, chain, position) = ('849', 'writes', 2)",
        "update audit_entry set position = 2 where (jobcentre_code, chain, position) = ('849', 'writes', -1)",
    ],
    "moved to another chain": [
        "update audit_entry set jobcentre_code = '450' where jobcentre_code = '849'",
        "update audit_chain set jobcentre_code = '450' where jobcentre_code = '849'",
    ],
    "a chain without a head": ["delete from audit_chain where jobcentre_code = '849'"],
    "a head moved on": ["update audit_chain set length = length + 1 where jobcentre_code = '849'"],
    "a head with another hash": ["update audit_chain set head = sha256(head) where jobcentre_code = '849'"],
}


@pytest.fixture(scope="module")
def untouched(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with three entries in the chain of 849 and a few elsewhere, whose application has ended."""
    url = new_database()
    with Register(url, tmp_path_factory.mktemp("untouched")) as register:
        trial = register.new_trial()
        someone = register.drawn(trial)
        register.case_system().push(
            trial, "conversations", [{"external_id": "a", "participant_id": someone, **FIRST_TALK}]
        )
        register.drawn(trial, jobcentre="860")
    assert check_audit_trail(url) == []
    return url


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found(untouched: str, what: str) -> None:
    """The tampering is taken back at the end."""

    async def work(connection: AsyncConnection) -> list[str]:
        await connection.execute(text("reset role"))
        await connection.execute(text("set local session_replication_role = replica"))
        for statement in TAMPERINGS[what]:
            done = await connection.exec_driver_sql(statement)
            assert done.rowcount, statement
        return (await check_audit(connection))[1]

    faults = seen(untouched, SYSTEM_SCOPE, work, keep=False)
    assert faults
    assert check_audit_trail(untouched) == []


@pytest.mark.parametrize("role", ["the application", "the owner"])
@pytest.mark.parametrize(
    "statement",
    [
        "update audit_entry set client_id = 'x'",
        "update audit_entry set client_id = 'x' where false",
        "delete from audit_entry",
        "delete from audit_entry where false",
        "truncate audit_entry",
        "truncate audit_entry, audit_chain cascade",
    ],
)
def test_the_database_itself_refuses(place: Place, statement: str, role: str) -> None:
    become = ["select set_config('role', 'rettevej_app', true)", "set local app.jobcentres = '*'"]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        query(place.register.database_url, *(become if role == "the application" else []), statement)
    assert check_audit_trail(place.register.database_url) == []


@pytest.mark.parametrize("statement", ["delete from audit_chain", "truncate audit_chain"])
def test_the_application_cannot_forget_a_chain(place: Place, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        query(place.register.database_url, "select set_config('role', 'rettevej_app', true)", statement)


def test_writers_at_the_same_time_keep_the_chains_whole(own_place: Place) -> None:
    """Batches over two jobcentres in both orders, draws, reads and refusals, all at once."""
    place = own_place
    both = place.register.case_system(client_id="both")
    wrong: list[Any] = []

    def write(number: int) -> None:
        people = [place.anna, place.bo][:: 1 if number % 2 else -1]
        for _ in range(5):
            report = both.push(place.trial, "conversations", [place.talk(participant_id=each) for each in people])
            if report["counts"]["created"] != 2:
                wrong.append(report)
            place.register.drawn(place.trial, jobcentre=("849", "860")[number % 2])
            place.ours.get(place.path(f"participants/{place.anna}"))
            place.theirs.get(place.path(f"participants/{place.anna}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert check_audit_trail(place.register.database_url) == []
    noted = entries(place.register.database_url)
    for action, chain, code, n in (
        ("records.received", "writes", "849", 30),
        ("records.received", "writes", "860", 30),
        ("participant.drawn", "writes", "849", 16),
        ("participant.drawn", "writes", "860", 16),
        ("participant.read", "reads", "849", 30),
        ("access.refused", "reads", "", 30),
    ):
        found = [each for each in noted if (each.action, each.chain, each.jobcentre) == (action, chain, code)]
        assert sum(each.details.get("times", 1) for each in found) == n, (action, code)


def test_nothing_is_seen_of_it_without_the_right(place: Place) -> None:
    for role in ("case-system", "register", "region", "agency", "evaluator"):
        for path in ("/v1/audit", "/v1/audit/heads"):
            assert place.register.client(role).get(path).status_code == 403
