"""The program in docs/analyse.md runs; RETTEVEJ_URL is where commands find the register."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import app
from tests.client.conftest import Live

TEXT = (Path(__file__).parents[2] / "docs" / "analyse.md").read_text("utf-8")
(PROGRAM,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_program_prints_a_table(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = live.register.new_trial()
    live.register.drawn(trial)
    monkeypatch.setenv("RETTEVEJ_URL", live.url)
    monkeypatch.setenv("TOKEN", live.token("agency"))
    printed: list[str] = []
    exec(PROGRAM.replace("/demo/", f"/{trial}/"), {"print": lambda table: printed.append(str(table))})
    assert "2011-W20" in printed[0]
    assert {"treatment", "control"} & set(printed[0].split())


def test_commands_find_the_register_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RETTEVEJ_URL", "http://127.0.0.1:9")
    result = CliRunner().invoke(app, ["verify", "--trial", "prvij", "--token", "none", "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
