"""Directories for servers."""

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.servers import processes_in


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
