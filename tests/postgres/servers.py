"""Servers in processes of their own, and what the system says of them."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from app.postgres.password import password_file
from app.postgres.supervisor import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from app.postgres.password import password_file
from app.postgres.supervisor import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[2]), durable=False)
postgres.start()
print(postgres.pid, flush=True)
time.sleep(60)
"""


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
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command,
        env={"PATH": os.defpath, "PGPASSFILE": str(password_file(postgres.data_dir))},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def spawn(data: Path, script: str = CHILD) -> subprocess.Popen[str]:
    """A process of its own that runs the server and then sleeps."""
    command = [sys.executable, "-c", script, str(ROOT), str(data)]
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


def identity_of(postgres: EmbeddedPostgres) -> tuple[set[int], int]:
    """The server's uids as we see them, and its capabilities."""
    status = Path(f"/proc/{postgres.pid}/status").read_text(encoding="utf-8")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return set(map(int, fields["Uid"].split())), int(fields["CapEff"], 16)
