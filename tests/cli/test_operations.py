"""What an operator does: back up, restore into an empty server, have it examined (docs/operate.md)."""

import asyncio
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sqlalchemy.exc import InterfaceError

from app.cli.operations import OperationError, _environment_of, back_up, check_audit_trail, examine, restore
from app.db.core.migrate import NewerSchemaError, migrate
from app.db.core.session import engine_on
from app.db.personal_data.vault import load_or_create_master_key
from app.postgres.supervisor import EmbeddedPostgres
from tests.conftest import _run_sql, _url_of
from tests.database import query, tamper
from tests.register import Register, record_id
from tests.routers.records.single.common import FACTS


def fill(register: Register) -> str:
    """A closed trial of everything: people, a duplicate, a candidate, records of every kind, a frozen assessment."""
    trial = register.new_trial()
    system, agency = register.sender(), register.client("agency")
    body = register.screening(contact_person="Team 3")
    path = f"/v1/trials/{trial}"
    anna = system.post(f"{path}/participants", body).json()["participant_id"]
    for kind, facts in FACTS.items():
        system.push(trial, kind, [{"external_id": record_id(), "participant_id": anna, **facts}])
    again = register.drawn(trial, jobcentre="860")
    system.post(f"{path}/participants/{again}/cpr", {"cpr": body["cpr"], "reason": "typing_error"})
    register.screen(trial, channel="supplement", unemployed_since="2010-11-01", interview_on="2011-01-10")
    for _ in range(4):
        register.drawn(trial)
    assert agency.post(f"{path}/grant-assessments", {"jobcentre": "849", "week": "2010-W50"}).status_code == 201
    agency.post(f"{path}/close")
    return trial


@pytest.fixture(scope="module")
def filled(new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The database of a register that has ended, and its data directory."""
    url, directory = new_database(), tmp_path_factory.mktemp("filled")
    with Register(url, directory) as register:
        fill(register)
    return url, directory


def faults(filled: tuple[str, Path]) -> list[str]:
    url, directory = filled
    return asyncio.run(examine(url, load_or_create_master_key(directory)))


def contents(url: str) -> dict[str, str]:
    """A digest of every table."""
    names = query(
        url,
        "select oid::regclass::text from pg_class where relkind = 'r'"
        " and relnamespace in ('public'::regnamespace, 'vault'::regnamespace)",
    )
    digests = " union all ".join(
        f"select '{name}' as name, count(*) || md5(string_agg(x::text, '|' order by x::text)) as digest from {name} x"
        for (name,) in names
    )
    return {row["name"]: row["digest"] for row in query(url, digests)}


def test_all_is_well(filled: tuple[str, Path]) -> None:
    before = contents(filled[0])
    assert faults(filled) == []
    assert contents(filled[0]) == before, "nothing is changed"
    entries, broken = asyncio.run(check_audit_trail(filled[0]))
    assert (entries > 10, broken) == (True, [])


def test_backup_and_restore_into_an_empty_server(filled: tuple[str, Path], tmp_path: Path) -> None:
    url, directory = filled
    file = tmp_path / "register.dump"
    back_up(url, file)
    assert [each.name for each in tmp_path.iterdir()] == ["register.dump"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = load_or_create_master_key(directory)
    assert key not in file.read_bytes()
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as server:
        restore(server.url, file)
        assert asyncio.run(examine(server.url, key)) == []
        assert contents(server.url) == contents(url)
        with pytest.raises(OperationError, match="pg_restore failed"):
            restore(server.url, file)
        assert contents(server.url) == contents(url), "a second restore changes nothing"
        with pytest.raises(Exception, match="never changed"):
            query(server.url, "delete from audit_entry")
        with Register(server.url, directory) as again:
            again.drawn(again.new_trial())
        assert asyncio.run(examine(server.url, key)) == []


def test_doctor_plans_with_statistics_and_says_where_it_is(filled: tuple[str, Path]) -> None:
    """Issue 22.7: a million rows that nobody analysed; `python -m benchmarks.doctor` measures them."""
    url, directory = filled
    unknown = "select count(*) from pg_class where reltuples < 0 and relname in ('record_key', 'conversation')"
    query(url, "update pg_class set reltuples = -1 where relname in ('record_key', 'conversation')")
    assert query(url, unknown)[0][0] == 2
    steps: list[str] = []
    assert asyncio.run(examine(url, load_or_create_master_key(directory), steps.append)) == []
    assert query(url, unknown)[0][0] == 0
    assert steps[:2] == ["statistics", "audit chains"]
    assert any("jobcentre 3 of 3" in step for step in steps)


def test_the_tools_read_the_url_as_the_server_does(filled: tuple[str, Path]) -> None:
    """TLS too; SQLAlchemy's name for it is ``ssl``."""
    url = "postgresql://anna:s%40cret@db.example:6432/register?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    told = _environment_of(url)
    assert {name: value for name, value in told.items() if name not in ("PATH", "PGOPTIONS")} == {
        "PGHOST": "db.example",
        "PGPORT": "6432",
        "PGUSER": "anna",
        "PGPASSWORD": "s@cret",
        "PGDATABASE": "register",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/etc/ca.pem",
    }
    assert _environment_of("postgresql+asyncpg://x@h/d?ssl=require")["PGSSLMODE"] == "require"
    for mode in ("sslmode=prefer", "ssl=disable"):
        assert faults((f"{filled[0]}&{mode}", filled[1])) == []
    with pytest.raises(InterfaceError, match="sslmode"):  # it is the driver that reads it
        faults((f"{filled[0]}&sslmode=certainly", filled[1]))


def test_a_restore_of_nothing(filled: tuple[str, Path], tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="there is no file"):
        restore(filled[0], tmp_path / "none")
    (tmp_path / "garbage").write_bytes(b"no dump")
    with pytest.raises(OperationError, match="pg_restore failed"):
        restore(filled[0], tmp_path / "garbage")
    with pytest.raises(OperationError, match="pg_dump failed"):
        back_up(filled[0].replace("test_", "none_"), tmp_path / "file")
    assert [each.name for each in tmp_path.iterdir()] == ["garbage"]


def test_an_older_program_says_that_the_schema_is_newer(filled: tuple[str, Path]) -> None:
    async def start() -> None:
        async with engine_on(filled[0], 1) as engine:
            await migrate(engine)

    (known,) = query(filled[0], "select version_num from alembic_version")[0]
    tamper(filled[0], "update alembic_version set version_num = '9999'")
    try:
        with pytest.raises(NewerSchemaError, match=r"a newer version of rettevej .* \(to 9999; this one knows"):
            asyncio.run(start())
    finally:
        tamper(filled[0], f"update alembic_version set version_num = '{known}'")
    asyncio.run(start())


TAMPERINGS: Mapping[str, tuple[str, str]] = {
    "a count": (
        "update week_count set conversation_held = conversation_held + 1 where jobcentre_code = '849'",
        "the counts of 849",
    ),
    "a count of another measure": (
        "update week_count set other = other || '{\"participants\": 99}' where jobcentre_code = '849'",
        "the counts of 849",
    ),
    "a count that is gone": ("delete from week_count", "the counts of"),
    "a key that points elsewhere": ("update record_key set version_id = gen_random_uuid()", "keys without a standing"),
    "a key that is gone": ("delete from record_key where kind = 'exemptions'", "exemptions: "),
    "a record that is gone": ("delete from conversation", "conversations: "),
    "a draw": (
        "update assignment set arm = case arm when 'control' then 'treatment' else 'control' end where position = 0",
        "trial ",
    ),
    "a draw that is gone": ("delete from assignment where position = 1", "trial "),
    "a seed's commitment": ("update trial set seed_commitment = repeat('0', 64)", "trial "),
    "a week": (
        "update participant set week_states = overlay(week_states placing 'a' from 3)",
        "the weeks of",
    ),
    "a first week": ("update participant set first_monday = first_monday + 7", "the weeks of"),
    "a sealed number": (
        "update vault.identity set sealed_cpr = sealed_cpr || '\\x00'::bytea",
        "the number of",
    ),
    "a data key": ("update vault.identity set wrapped_key = null", "the number of"),
    "an index": ("update vault.identity set blind_index = '\\x00'::bytea", "the number of"),
    "the key of the index": ("delete from vault.secret", "the key of the blind index is missing"),
    "a seed": ("update trial set sealed_seed = sealed_seed || '\\x00'::bytea", "its seed cannot be opened"),
    "an audit entry": ("update audit_entry set client_id = 'other' where position = 0", "its content is not"),
    "an audit entry that is gone": ("delete from audit_entry where position = 1", "should stand here"),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found(
    postgres: EmbeddedPostgres, filled: tuple[str, Path], new_copy: Callable[[str], str], what: str
) -> None:
    statement, told = TAMPERINGS[what]
    url = new_copy(filled[0])
    tamper(url, statement)
    found = faults((url, filled[1]))
    assert any(told in each for each in found), found


def test_the_wrong_key_and_the_wrong_schema(filled: tuple[str, Path], new_copy: Callable[[str], str]) -> None:
    assert asyncio.run(examine(filled[0], bytes(32))) == ["The master key does not fit this database."]
    url = new_copy(filled[0])
    query(url, "update alembic_version set version_num = '0001' returning 1")
    assert "run rettevej migrate" in faults((url, filled[1]))[0]
    query(url, "delete from alembic_version returning 1")
    assert "missing" in faults((url, filled[1]))[0]


@pytest.fixture
def new_copy(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Copies a database that nobody is connected to."""

    def copy(url: str) -> str:
        name = f"copy_{abs(hash(request.node.name))}"
        source = url.rpartition("?")[0].rpartition("/")[2]
        _run_sql(postgres.url, f"drop database if exists {name}", f"create database {name} template {source}")
        return _url_of(postgres.url, name)

    return copy
