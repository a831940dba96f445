"""The access log: what it does when its lines cannot be written."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from app.web.access_log import configure_logging


@pytest.fixture
def plain_logging() -> Iterator[None]:
    """Puts back what the test configures."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("plain_logging")
def test_a_line_that_cannot_be_written_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 22.3: with its log on the full disk, requests were 500, and nothing started the database again."""
    full = Path("/dev/full").open("w", buffering=1, encoding="utf-8")  # noqa: SIM115 - closing it fails
    monkeypatch.setattr(sys, "stderr", full)
    configure_logging("info")
    for _ in range(2000):  # more than a buffer
        structlog.get_logger("test").error("lost", what="x" * 100)
    with pytest.raises(OSError, match="No space left"):
        full.close()
