"""The embedded PostgreSQL ends by itself: it is started again, and too often ends `serve` with its last words."""

import os
import signal
from pathlib import Path

import pytest

from tests.faults.harness import Server, wait_for

pytestmark = pytest.mark.slow  # it starts servers


def _postmaster(server: Server) -> int | None:
    """The pid of PostgreSQL's first process, None while there is none."""
    try:
        pid = int((server.data_dir / "postgres" / "cluster" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, IndexError, ProcessLookupError):
        return None
    return pid


def _kill(server: Server) -> None:
    before = _postmaster(server)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: _postmaster(server) not in (None, before), "another postmaster", 60)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_postmaster_is_replaced(tmp_path: Path, workers: int) -> None:
    with Server(tmp_path / "data", workers=workers) as server:
        for _ in range(2):  # the first while the second worker starts
            _kill(server)
            wait_for(lambda: server.status("/readyz") == 200, "ready again", 60)
        server.stop()
        assert server.log().count("postgres_restarted") == 2
        assert server.processes() == []


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("workers", [1, 2])
def test_the_sixth_end_in_ten_minutes_ends_the_server(tmp_path: Path, workers: int) -> None:
    with Server(tmp_path / "data", workers=workers) as server:
        for _ in range(5):
            _kill(server)
        wait_for(lambda: server.status("/readyz") == 200, "ready after the fifth", 60)
        last = _postmaster(server)
        assert last is not None
        os.kill(last, signal.SIGKILL)
        assert server.ended(60) == 1
        assert "PostgreSQL has ended 6 times in ten minutes; its last lines:" in server.log()
        assert "database system is ready to accept connections" in server.log()
        assert server.processes() == []


def test_a_stop_while_it_is_away_is_a_stop(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        before = _postmaster(server)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: "postgres_ended" in server.log(), "the end is noticed")
        server.stop()
        assert server.processes() == []
