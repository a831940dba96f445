"""PostgreSQL refuses to run as root: how the supervisor hands it to somebody else."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.postgres import process as embedded_process
from app.postgres.process import EmbeddedPostgresError
from app.postgres.supervisor import EmbeddedPostgres
from tests.postgres.servers import CHILD, ROOT, identity_of, kill, pid_of_server, processes_in, spawn, sql, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="about what root does")


def test_root_hands_the_server_to_an_unprivileged_user(open_dir: Path) -> None:
    with EmbeddedPostgres(open_dir / "data", durable=False) as postgres:
        uids, capabilities = identity_of(postgres)
        assert uids == {(open_dir / "data/cluster").stat().st_uid}
        if os.access(ROOT, os.X_OK):
            assert uids != {0}
        assert capabilities == 0


def test_root_with_a_directory_that_only_root_can_enter(data: Path) -> None:
    data.parent.chmod(0o700)
    with EmbeddedPostgres(data, durable=False) as postgres:
        assert sql(postgres, "SELECT 1") == "1"


def test_every_way_to_drop_roots_rights(data: Path, open_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other on the same data, as when a volume moves between a host and a container."""
    data.parent.chmod(0o700)
    seen = []
    for mode, directory in (("setuid", open_dir), ("namespace", data), ("setuid+dac", data), ("setuid", open_dir)):
        monkeypatch.setattr(embedded_process, "ROOT_MODES", (mode,))
        if directory != data and data.exists():
            shutil.move(data, open_dir / "data")
        elif (open_dir / "data").exists():
            shutil.move(open_dir / "data", data)
        postgres = EmbeddedPostgres(data if directory == data else open_dir / "data", durable=False)
        try:
            postgres.start()
        except EmbeddedPostgresError as error:
            if mode != "namespace" or "unshare" not in str(error):  # a container forbids it
                raise
            continue
        sql(postgres, "CREATE TABLE IF NOT EXISTS t (n int); INSERT INTO t VALUES (1)")
        seen.append((mode, sql(postgres, "SELECT count(*) FROM t")))
        assert identity_of(postgres)[1] == (1 << embedded_process.CAP_DAC_OVERRIDE if mode == "setuid+dac" else 0)
        assert {path.lstat().st_uid for path in (postgres.data_dir / "cluster").rglob("*")} <= identity_of(postgres)[0]
        postgres.stop()
    assert [count for _, count in seen] == [str(n + 1) for n in range(len(seen))]


@pytest.mark.parametrize("mode", ["namespace", "setuid+dac"])
def test_death_of_the_parent_is_noticed_in_every_mode(data: Path, mode: str) -> None:
    """The kernel forgets the signal when rights change at the wrong moment; `test_embedded` has the way of `setuid`."""
    script = CHILD.replace("postgres = ", f"import app.postgres.process as e; e.ROOT_MODES = ('{mode}',)\npostgres = ")
    child = spawn(data, script)
    try:
        pid_of_server(child)
    except ValueError:
        pytest.skip(f"{mode} is not permitted here")
    finally:
        kill(child)
    wait_for(lambda: not processes_in(data), "the server lives on")
    assert "database system is shut down" in (data / "postgres.log").read_text(encoding="utf-8")


def test_root_with_no_way_out_is_told_what_to_do(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data.parent.chmod(0o700)
    monkeypatch.setattr(embedded_process, "ROOT_MODES", ("setuid",))
    with pytest.raises(EmbeddedPostgresError, match=r"does not run as root.*Permission denied.*as an ordinary user"):
        EmbeddedPostgres(data, durable=False).start()


def test_ordinary_user(open_dir: Path) -> None:
    """A whole life as `nobody`, who may need one capability to reach an interpreter that lies in root's home."""
    nobody = pwd.getpwnam("nobody")
    os.chown(open_dir, nobody.pw_uid, nobody.pw_gid)
    script = CHILD.replace("time.sleep(60)", "postgres.stop(); import os; print(os.geteuid())")

    def life(mode: str) -> subprocess.CompletedProcess[str]:
        launcher = [sys.executable, "-I", "-S", embedded_process.__file__]
        who = map(str, (mode, nobody.pw_uid, nobody.pw_gid, os.getpid(), 9, "/"))
        command = [*launcher, *who, sys.executable, "-B", "-c", script, str(ROOT), str(open_dir / "data")]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)

    done = life("setuid")
    if done.returncode:
        done = life("setuid+dac")
    assert done.stdout.split()[1:] == [str(nobody.pw_uid)], done.stderr
    assert {path.lstat().st_uid for path in open_dir.rglob("*")} == {nobody.pw_uid}
