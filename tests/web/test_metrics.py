"""Metrics of several workers: a dead one leaves no file, and what it counted stays."""

import os
import re
import subprocess
import sys
from pathlib import Path

_COUNT = """
from app.web.metrics import CONNECTIONS, REQUESTS, SECONDS
REQUESTS.labels("GET", "/x", 200).inc()
SECONDS.labels("GET", "/x").observe(0.2)
CONNECTIONS.labels("in_use").set(3)
"""
_READ = "import sys; from app.web.metrics import exposition; sys.stdout.buffer.write(exposition())"


def _run(folder: Path, program: str) -> str:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True
    ).stdout.decode()


def test_files_of_dead_workers_are_merged_into_one(tmp_path: Path) -> None:
    for read in range(1, 4):
        _run(tmp_path, _COUNT)
        _run(tmp_path, _COUNT)
        text = _run(tmp_path, _READ)
        assert re.search(rf"^rettevej_requests_total{{.*}} {2 * read}.0$", text, re.MULTILINE)
        assert re.search(rf"^rettevej_request_seconds_count{{.*}} {2 * read}.0$", text, re.MULTILINE)
        assert 'state="in_use"' not in text
    reader = [file for file in tmp_path.glob("*.db") if not file.stem.endswith("_dead")]
    assert len({file.stem.rpartition("_")[2] for file in reader}) <= 1, "no more than the last reader's own"
    assert {file.name for file in tmp_path.glob("*_dead.db")} == {"counter_dead.db", "histogram_dead.db"}
