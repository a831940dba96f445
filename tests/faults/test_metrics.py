"""What several workers measure: together while they live, forgotten when they die, removed when the server stops."""

import os
import re
import signal
from pathlib import Path

import httpx
import pytest

from app.web.tokens import LocalIssuer
from tests.faults.harness import Server, wait_for
from tests.faults.load import Trial


def _folders(directory: Path) -> list[Path]:
    return sorted(directory.glob("rettevej-metrics-*"))


def _measured(server: Server) -> set[str]:
    """The processes whose pool is told of, by their files."""
    httpx.get(f"{server.url}/metrics", timeout=10).raise_for_status()
    (folder,) = _folders(server.data_dir.parent)
    return {file.stem.rpartition("_")[2] for file in folder.glob("gauge_livesum_*.db")}


@pytest.mark.slow  # it waits for servers
def test_the_folder_of_the_workers(place: tuple[Path, Trial, LocalIssuer]) -> None:
    directory, *_ = place
    # Python's own name for where temporary files go; no other server's folders are there.
    server = Server(directory, workers=2)
    server.environment["TMPDIR"] = str(directory.parent)
    with server:
        wait_for(lambda: _measured(server) == {str(pid) for pid in server.workers()}, "both workers are measured")
        dead = server.workers()[0]
        os.kill(dead, signal.SIGKILL)
        wait_for(lambda: len(set(server.workers()) - {dead}) == 2, "another worker has started")
        wait_for(lambda: _measured(server) == {str(pid) for pid in server.workers()}, "the dead one is forgotten")
        text = httpx.get(f"{server.url}/metrics", timeout=10).text
        assert re.search(r"^rettevej_requests_total", text, re.MULTILINE), "what it counted stays"
        server.stop()
    assert _folders(directory.parent) == []
