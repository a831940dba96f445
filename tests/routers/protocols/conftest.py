"""Protocols: the agency, and folders of protocols."""

import shutil
from pathlib import Path

import pytest

from tests.register import Client, Register
from tests.routers.protocols.common import MADE_UP


@pytest.fixture
def agency(register: Register) -> Client:
    return register.client("agency")


@pytest.fixture
def none_added(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test adds to the known protocols is gone after it."""
    monkeypatch.setattr("app.protocols._added", {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of protocols with the made-up one, and a file that is none."""
    folder = tmp_path / "protocols"
    shutil.copytree(MADE_UP, folder)
    (folder / "notes.txt").write_text("not a protocol")
    return folder
