"""The supervisor of the embedded PostgreSQL, against real servers: what it must survive, and what it must refuse."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.postgres import supervisor as embedded
from app.postgres.process import EmbeddedPostgresError
from app.postgres.supervisor import EmbeddedPostgres
from tests.postgres.servers import CHILD, ROOT, kill, pid_of_server, processes_in, spawn, sql, wait_for


def test_data_outlives_the_server_and_the_url_works(data: Path) -> None:
    async def numbers(url: str) -> list[int]:
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE IF NOT EXISTS t (n int)"))
            await connection.execute(text("INSERT INTO t SELECT count(*) FROM t"))
            found = list((await connection.scalars(text("SELECT n FROM t ORDER BY n"))).all())
        await engine.dispose()
        return found

    postgres = EmbeddedPostgres(data)
    assert not postgres.created_here
    with postgres:
        assert asyncio.run(numbers(postgres.url)) == [0]
        assert postgres.created_here
        postgres.start()  # a second call changes nothing
        assert EmbeddedPostgres(data).url == postgres.url  # how another process finds the server
    assert postgres.pid is None
    assert processes_in(data) == []
    postgres.stop()
    with postgres:
        assert asyncio.run(numbers(postgres.url)) == [0, 1]


@pytest.mark.parametrize("durable", [True, False])
def test_settings(data: Path, durable: bool) -> None:
    with EmbeddedPostgres(data, durable=durable) as postgres:
        safety = "concat_ws(',', {})".format(
            ", ".join(f"current_setting('{name}')" for name in ("fsync", "synchronous_commit", "full_page_writes"))
        )
        assert sql(postgres, f"SELECT {safety}") == ("on,on,on" if durable else "off,off,off")
        assert sql(postgres, "SHOW data_checksums") == "on"
        assert sql(postgres, "SHOW timezone") == "UTC"
        assert sql(postgres, "SHOW listen_addresses") == ""
        locale = "SELECT concat_ws(',', pg_encoding_to_char(encoding), datlocprovider, datlocale, datcollate)"
        assert sql(postgres, f"{locale} FROM pg_database WHERE datname = 'rettevej'") == "UTF8,b,C.UTF-8,C"


def test_no_value_reaches_the_log(data: Path) -> None:
    marked = "0101709999"
    with EmbeddedPostgres(data, durable=False) as postgres:
        sql(postgres, f"CREATE TABLE t (cpr text PRIMARY KEY); INSERT INTO t VALUES ('{marked}')")
        for wrong in (
            f"INSERT INTO t VALUES ('{marked}')",
            f"SELECT date 'x{marked}'",
            f"DO $$BEGIN RAISE '{marked}'; END$$",
        ):
            with pytest.raises(subprocess.CalledProcessError):
                sql(postgres, wrong)
    log = (data / "postgres.log").read_text(encoding="utf-8")
    assert "ready to accept connections" in log
    assert marked not in log


def test_kill_of_the_parent_stops_the_server_cleanly(data: Path) -> None:
    child = spawn(data)
    server = pid_of_server(child)
    assert server in processes_in(data)
    kill(child)
    wait_for(lambda: not processes_in(data), "the server lives on")
    assert "database system is shut down" in (data / "postgres.log").read_text(encoding="utf-8")
    with EmbeddedPostgres(data, durable=False) as postgres:
        assert sql(postgres, "SELECT 1") == "1"


def test_start_right_after_the_parent_was_killed_waits_for_its_server(data: Path) -> None:
    child = spawn(data)
    server = pid_of_server(child)
    kill(child)
    with EmbeddedPostgres(data, durable=False) as postgres:
        assert postgres.pid != server
        assert sql(postgres, "SELECT 1") == "1"


def test_the_server_outlives_the_thread_that_started_it(data: Path) -> None:
    postgres = EmbeddedPostgres(data, durable=False)
    thread = threading.Thread(target=postgres.start)
    thread.start()
    thread.join()
    time.sleep(0.3)
    assert sql(postgres, "SELECT 1") == "1"
    postgres.stop()


def test_stale_pid_file_whose_number_another_process_has(data: Path) -> None:
    child = spawn(data)
    server = pid_of_server(child)
    for statement in ("CREATE TABLE t AS SELECT 7 AS n", "CHECKPOINT"):
        sql(EmbeddedPostgres(data), statement)
    os.kill(child.pid, signal.SIGSTOP)  # so that nobody tidies up
    os.kill(server, signal.SIGKILL)
    kill(child)
    wait_for(lambda: not processes_in(data), "the server lives on")
    stranger = subprocess.Popen(["sleep", "60"])
    for pid_file in (data / "cluster/postmaster.pid", EmbeddedPostgres(data).socket_dir / ".s.PGSQL.5432.lock"):
        lines = pid_file.read_text(encoding="utf-8").splitlines()
        assert lines[0] == str(server)
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:], ""]), encoding="utf-8")
    with stranger, EmbeddedPostgres(data, durable=False) as postgres:
        assert sql(postgres, "SELECT n FROM t") == "7"
        stranger.kill()


def test_second_supervisor_is_refused_and_harms_nothing(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False) as postgres:
        second = EmbeddedPostgres(data, durable=False)
        with pytest.raises(EmbeddedPostgresError, match=rf"in use by another process \(pid {os.getpid()}\)\.$"):
            second.start()
        second.stop()
        command = [sys.executable, "-c", CHILD, str(ROOT), str(data)]
        other = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        assert "is in use by another process" in other.stderr
        assert sql(postgres, "SELECT 1") == "1"


def test_server_that_holds_no_lock_is_seen_by_its_pid_file(data: Path) -> None:
    """As if an operator had started it by hand: new lock files, so that the running server holds neither."""
    with EmbeddedPostgres(data, durable=False) as postgres:
        for name in ("supervisor.lock", "server.lock"):
            (data / name).unlink()
            (data / name).touch()
        with pytest.raises(EmbeddedPostgresError, match=f"in use by the PostgreSQL server with pid {postgres.pid}"):
            EmbeddedPostgres(data, durable=False).start()
        assert sql(postgres, "SELECT 1") == "1"


@pytest.mark.parametrize("name", ["x" * 200 + "/" + "y" * 200, "a b:c,d'æ"])
def test_path_that_cannot_hold_the_socket(data: Path, name: str) -> None:
    with EmbeddedPostgres(data / name, durable=False) as postgres:
        assert sql(postgres, "SELECT 1") == "1"
        assert postgres.socket_dir.stat().st_mode & 0o777 == 0o700
        assert not postgres.socket_dir.is_relative_to(data)
    assert not postgres.socket_dir.exists()


def test_short_socket_directory_of_somebody_else_is_not_trusted(data: Path, open_dir: Path) -> None:
    postgres = EmbeddedPostgres(data / ("x" * 200), durable=False)
    postgres.socket_dir.symlink_to(open_dir)
    try:
        with pytest.raises(EmbeddedPostgresError, match="belongs to somebody else"):
            postgres.start()
    finally:
        postgres.socket_dir.unlink()


@pytest.mark.parametrize("sign", ["cluster.new", "cluster.new/global/pg_control", "cluster.new/pg_hba.conf"])
def test_killed_while_the_cluster_was_made(data: Path, sign: str) -> None:
    child = spawn(data)
    wait_for((data / sign).exists, f"no {sign}")
    kill(child)
    assert not (data / "cluster").exists()
    with EmbeddedPostgres(data, durable=False) as postgres:
        assert sql(postgres, "SELECT 1") == "1"
        assert not (data / "cluster.new").exists()


def test_directory_with_other_things_in_it_is_refused_untouched(data: Path) -> None:
    data.mkdir(mode=0o755)
    (data / "letter.txt").write_text("mine", encoding="utf-8")
    before = data.stat()
    with pytest.raises(EmbeddedPostgresError, match="not empty"):
        EmbeddedPostgres(data).start()
    assert [path.name for path in data.iterdir()] == ["letter.txt"]
    assert (data.stat().st_mode, data.stat().st_uid) == (before.st_mode, before.st_uid)


def test_server_that_ends_at_once_says_why_and_can_be_mended(data: Path) -> None:
    postgres = EmbeddedPostgres(data, durable=False)
    with postgres:
        pass
    settings = data / "cluster/postgresql.conf"
    good = settings.read_text(encoding="utf-8")
    settings.write_text(good + "max_connections = many\n", encoding="utf-8")
    with pytest.raises(EmbeddedPostgresError, match=r"(?s)ended while it started.*max_connections"):
        postgres.start()
    settings.write_text(good, encoding="utf-8")
    with postgres:
        assert sql(postgres, "SELECT 1") == "1"


def test_start_again_after_the_server_was_killed(data: Path) -> None:
    with EmbeddedPostgres(data, durable=False) as postgres:
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGKILL)
        wait_for(lambda: postgres.pid is None, "the death is not noticed")
        postgres.start()
        assert sql(postgres, "SELECT 1") == "1"


def test_large_log_is_put_aside(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres = EmbeddedPostgres(data, durable=False)
    with postgres:
        pass
    old = (data / "postgres.log").read_bytes()
    monkeypatch.setattr(embedded, "LOG_LIMIT", len(old) - 1)
    with postgres:
        assert (data / "postgres.log.1").read_bytes() == old
        assert (data / "postgres.log").stat().st_mode & 0o777 == 0o600


def test_the_server_knows_no_secret_of_ours(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETTEVEJ_MASTER_KEY", "hush")
    monkeypatch.setenv("PGPORT", "1")
    with EmbeddedPostgres(data, durable=False) as postgres:
        environment = "CREATE TEMP TABLE e (line text); COPY e FROM PROGRAM 'env'; SELECT string_agg(line, ' ') FROM e"
        assert "TZ=UTC" in sql(postgres, environment)
        assert "hush" not in sql(postgres, environment)
        assert postgres.url.endswith("&port=5432")
        assert (postgres.socket_dir / ".s.PGSQL.5432").is_socket()


def _connects(postgres: EmbeddedPostgres, **environment: str) -> bool:
    command = [str(postgres.bindir / "psql"), "-Xw", "-h", str(postgres.socket_dir), "-U", "rettevej", "-c", "SELECT 1"]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0


def test_the_socket_asks_for_a_password(data: Path) -> None:
    """Issue 22.7. Secrets are readable by their owner alone."""
    with EmbeddedPostgres(data, durable=False) as postgres:
        assert not _connects(postgres, HOME="/")
        assert not _connects(postgres, HOME="/", PGPASSWORD="guessed")
        assert _connects(postgres, HOME="/", PGPASSFILE=str(data / "pgpass"))
        assert (
            sql(postgres, "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'rettevej'") == "t"
        )
        for path in (data / "pgpass", data / "postgres.log", *(data / "cluster").rglob("*")):
            assert path.stat().st_mode & 0o077 == 0, path
        for directory in (data / "cluster", data / "run"):
            assert directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("lost", [("cluster/pg_hba.conf", "pgpass"), ("cluster/pg_hba.conf",), ("pgpass",)])
def test_a_data_directory_without_a_password_gets_one(data: Path, lost: tuple[str, ...]) -> None:
    """As one that was made before, broke off in between, or lost the file; killed, so that it has to recover."""
    postgres = EmbeddedPostgres(data)
    with postgres:
        sql(postgres, "CREATE TABLE t AS SELECT 7 AS n")
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGKILL)
        wait_for(lambda: postgres.pid is None, "the death is not noticed")
    if "pgpass" in lost:
        (data / "pgpass").unlink()
    if "cluster/pg_hba.conf" in lost:
        (data / "cluster/pg_hba.conf").write_text("local all all trust\nlocal replication all trust\n")
    with postgres:
        assert sql(postgres, "SELECT n FROM t") == "7"
        assert not _connects(postgres, HOME="/")
    inode = (data / "pgpass").stat().st_ino
    with postgres:  # the password stays
        assert (data / "pgpass").stat().st_ino == inode
