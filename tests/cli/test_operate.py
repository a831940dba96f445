"""`rettevej rotate-key` and `doctor`: what breaks off can be finished, and the key in force is never lost."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli import operate as cli_operate
from app.cli.main import app
from app.cli.operations import examine, rotate_master_key
from app.db.core.migrate import migrate
from app.db.core.session import make_engine
from app.db.personal_data.vault import KEY_BYTES
from app.domain.rules.execution import execution
from app.startup import embedded_in
from tests.register import Register

Run = Callable[..., Result]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The data directory of a register at rest, with a person in it."""
    with embedded_in(tmp_path) as postgres:
        asyncio.run(_migrated(postgres.url))
        with Register(postgres.url, tmp_path) as register:
            register.drawn(register.new_trial())
    return tmp_path


async def _migrated(url: str) -> None:
    engine = make_engine(url, 1)
    await migrate(engine)
    await engine.dispose()


@pytest.fixture
def run(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("RETTEVEJ_DATA_DIR", str(directory))
    monkeypatch.setenv("COLUMNS", "1000")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return invoke


def faults(directory: Path, key: bytes) -> list[str]:
    with embedded_in(directory) as postgres:
        return asyncio.run(examine(postgres.url, key))


def keys_in(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.glob("master.key*")}


def test_a_fresh_key_and_a_given_one(directory: Path, run: Run) -> None:
    before = keys_in(directory)["master.key"]
    done = run("rotate-key")
    assert (done.exit_code, "The keys of 1 people" in done.output) == (0, True), done.output
    fresh = keys_in(directory)
    assert list(fresh) == ["master.key"]
    assert fresh["master.key"] != before
    assert run("rotate-key", "--new-key", bytes(KEY_BYTES).hex()).exit_code == 0
    assert keys_in(directory) == {"master.key": bytes(KEY_BYTES)}
    assert faults(directory, bytes(KEY_BYTES)) == []
    assert run("rotate-key", "--new-key", "short").exit_code == 1
    assert keys_in(directory) == {"master.key": bytes(KEY_BYTES)}


@pytest.mark.parametrize("sealed", [False, True])
def test_one_that_broke_off_is_finished(
    directory: Path, run: Run, monkeypatch: pytest.MonkeyPatch, sealed: bool
) -> None:
    """Before anything was sealed anew, or after all was and before the file took its name."""

    async def breaks_off(url: str, old: bytes, new: bytes) -> int:
        if sealed:
            await rotate_master_key(url, old, new)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cli_operate, "rotate_master_key", breaks_off)
        assert run("rotate-key").exit_code != 0
    keys = keys_in(directory)
    assert sorted(keys) == ["master.key", "master.key.new"]
    assert "rotate-key" in run("serve", "--port", "0").output, "a server says what is to be done"
    other = run("rotate-key", "--new-key", bytes(KEY_BYTES).hex())
    assert (other.exit_code, "broke off" in other.output) == (1, True)
    assert run("rotate-key").exit_code == 0
    assert keys_in(directory) == {"master.key": keys["master.key.new"]}
    assert faults(directory, keys["master.key.new"]) == []


def test_a_key_from_outside(directory: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """RETTEVEJ_MASTER_KEY stays in force with the embedded database too; a file would be a key that nobody uses."""
    before = keys_in(directory)
    monkeypatch.setenv("RETTEVEJ_MASTER_KEY", before["master.key"].hex())
    refused = run("rotate-key")
    assert (refused.exit_code, "--new-key" in refused.output) == (1, True)
    done = run("rotate-key", "--new-key", bytes(KEY_BYTES).hex())
    assert (done.exit_code, "Set RETTEVEJ_MASTER_KEY" in done.output) == (0, True), done.output
    assert keys_in(directory) == before
    assert faults(directory, bytes(KEY_BYTES)) == []


def test_the_wrong_key(directory: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = keys_in(directory)
    monkeypatch.setenv("RETTEVEJ_MASTER_KEY", bytes(KEY_BYTES).hex())
    wrong = run("rotate-key", "--new-key", bytes(range(KEY_BYTES)).hex())
    assert (wrong.exit_code, "does not fit" in wrong.output) == (1, True)
    monkeypatch.delenv("RETTEVEJ_MASTER_KEY")
    assert keys_in(directory) == before
    assert faults(directory, before["master.key"]) == []


def test_the_doctor_says_how_the_rules_run(run: Run) -> None:
    examined = run("doctor")
    assert (examined.exit_code, f"The rules run {execution()}." in examined.output) == (0, True), examined.output


def test_the_doctor_makes_nothing(directory: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.mktemp("empty")
    nothing = run("doctor", "--data-dir", str(empty))
    assert (nothing.exit_code, "there is no database" in nothing.output) == (1, True)
    assert list(empty.iterdir()) == []
    (directory / "master.key").unlink()
    lost = run("doctor", "--data-dir", str(directory))
    assert (lost.exit_code, "there is no master.key" in lost.output) == (1, True)
    assert keys_in(directory) == {}
