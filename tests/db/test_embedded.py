"""The supervisor of the embedded PostgreSQL, against real servers: what it must survive, and what it must refuse."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from app.db import embedded
from app.db.embedded import EmbeddedPostgres, EmbeddedPostgresError

ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="about what root does")
CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from app.db.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[2]), durable=False)
postgres.start()
print(postgres.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data directory to be; whatever a failed test leaves running in it is killed."""
    directory = tmp_path / "data"
    yield directory
    for pid in processes_in(directory):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every user can enter, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp(prefix="rettevej-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def processes_in(directory: Path) -> list[int]:
    """Every process that works inside the directory or names it, and the children of those.

    In a container root may not see where processes of other users work, so that has to be enough.
    """
    found: set[int] = set()
    parents: dict[int, int] = {}
    for process in Path("/proc").glob("[0-9]*"):
        pid = int(process.name)
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parents[pid] = int((process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            if os.fsencode(directory) in (process / "cmdline").read_bytes():
                found.add(pid)
            with contextlib.suppress(PermissionError):
                if (process / "cwd").readlink().is_relative_to(directory):
                    found.add(pid)
    return sorted(found | {pid for pid, parent in parents.items() if parent in found})


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.002)


def sql(postgres: EmbeddedPostgres, statement: str) -> str:
    """The first value that a statement returns."""
    connection = ("-h", str(postgres.socket_dir), "-p", "5432", "-U", "rettevej", "-d", "rettevej")
    command = [str(postgres.bindir / "psql"), "-XAtq", *connection, "-c", statement]
    done: subprocess.CompletedProcess[str] = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def spawn(data: Path) -> subprocess.Popen[str]:
    """A process of its own that runs the server and then sleeps."""
    command = [sys.executable, "-c", CHILD, str(ROOT), str(data)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def pid_of_server(child: subprocess.Popen[str]) -> int:
    """Waits until the server of `spawn` accepts connections."""
    assert child.stdout is not None
    with child.stdout as output:
        return int(output.readline())


def kill(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    if child.stdout is not None:
        child.stdout.close()


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
    with pytest.raises(EmbeddedPostgresError, match="(?s)ended while it started.*max_connections"):
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


@needs_root
def test_root_hands_the_server_to_an_unprivileged_user(open_dir: Path) -> None:
    with EmbeddedPostgres(open_dir / "data", durable=False) as postgres:
        uids, capabilities = identity_of(postgres)
        assert uids == {(open_dir / "data/cluster").stat().st_uid}
        if os.access(ROOT, os.X_OK):
            assert uids != {0}
        assert capabilities == 0


@needs_root
def test_root_with_a_directory_that_only_root_can_enter(data: Path) -> None:
    data.parent.chmod(0o700)
    with EmbeddedPostgres(data, durable=False) as postgres:
        assert sql(postgres, "SELECT 1") == "1"


@needs_root
def test_every_way_to_drop_roots_rights(data: Path, open_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other on the same data, as when a volume moves between a host and a container."""
    data.parent.chmod(0o700)
    seen = []
    for mode, directory in (("setuid", open_dir), ("namespace", data), ("setuid+dac", data), ("setuid", open_dir)):
        monkeypatch.setattr(embedded, "ROOT_MODES", (mode,))
        if directory != data and data.exists():
            shutil.move(data, open_dir / "data")
        elif (open_dir / "data").exists():
            shutil.move(open_dir / "data", data)
        postgres = EmbeddedPostgres(data if directory == data else open_dir / "data", durable=False)
        try:
            postgres.start()
        except EmbeddedPostgresError as error:
            assert mode == "namespace" and "unshare" in str(error), error  # in a container
            continue
        sql(postgres, "CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1)")
        seen.append((mode, sql(postgres, "SELECT count(*) FROM t")))
        assert identity_of(postgres)[1] == (1 << embedded.CAP_DAC_OVERRIDE if mode == "setuid+dac" else 0)
        assert {path.lstat().st_uid for path in (postgres.data_dir / "cluster").rglob("*")} <= identity_of(postgres)[0]
        postgres.stop()
    assert [count for _, count in seen] == [str(n + 1) for n in range(len(seen))]


@needs_root
@pytest.mark.parametrize("mode", ["namespace", "setuid+dac"])
def test_death_of_the_parent_is_noticed_in_every_mode(data: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel forgets the signal when rights change at the wrong moment. (The way of `setuid` is in the CHILD tests.)"""
    script = CHILD.replace("postgres = ", f"import app.db.embedded as e; e.ROOT_MODES = ('{mode}',)\npostgres = ")
    monkeypatch.setitem(globals(), "CHILD", script)
    child = spawn(data)
    try:
        pid_of_server(child)
    except ValueError:
        pytest.skip(f"{mode} is not permitted here")
    finally:
        kill(child)
    wait_for(lambda: not processes_in(data), "the server lives on")
    assert "database system is shut down" in (data / "postgres.log").read_text(encoding="utf-8")


@needs_root
def test_root_with_no_way_out_is_told_what_to_do(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.parent.chmod(0o700)
    monkeypatch.setattr(embedded, "ROOT_MODES", ("setuid",))
    with pytest.raises(EmbeddedPostgresError, match="does not run as root.*Permission denied.*as an ordinary user"):
        EmbeddedPostgres(data, durable=False).start()


@needs_root
def test_ordinary_user(open_dir: Path) -> None:
    """A whole life as `nobody`, who may need one capability to reach an interpreter that lies in root's home."""
    nobody = pwd.getpwnam("nobody")
    os.chown(open_dir, nobody.pw_uid, nobody.pw_gid)
    script = CHILD.replace("time.sleep(60)", "postgres.stop(); import os; print(os.geteuid())")
    for mode in ("setuid", "setuid+dac"):
        become = [
            sys.executable,
            "-I",
            "-S",
            embedded.__file__,
            mode,
            nobody.pw_uid,
            nobody.pw_gid,
            os.getpid(),
            9,
            "/",
        ]
        command = [*map(str, become), sys.executable, "-B", "-c", script, str(ROOT), str(open_dir / "data")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        if done.returncode == 0:
            break
    assert done.stdout.split()[1:] == [str(nobody.pw_uid)], done.stderr
    assert {path.lstat().st_uid for path in open_dir.rglob("*")} == {nobody.pw_uid}


def identity_of(postgres: EmbeddedPostgres) -> tuple[set[int], int]:
    """The server's uids as we see them, and its capabilities."""
    status = Path(f"/proc/{postgres.pid}/status").read_text(encoding="utf-8")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return set(map(int, fields["Uid"].split())), int(fields["CapEff"], 16)
