"""The integration of docs/integrate.md runs, and prints what stands below it."""

import json
import re
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import Live

TEXT = (Path(__file__).parents[2] / "docs" / "integrate.md").read_text("utf-8")
(PROGRAM,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
(ROWS,) = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
(SHELL,) = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
FIRST, SECOND = (
    re.sub(r"^    ", "", each, flags=re.MULTILINE).splitlines()
    for each in re.findall(r"\n\n((?:    s.*\n(?:    .*\n)*))", TEXT)
)
UPDATES = re.findall(r"`(update talk [^`]*)`", TEXT)


@pytest.fixture
def trial(live: Live, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RETTEVEJ_URL", live.url)
    monkeypatch.setenv("TOKEN", live.token("case-system", "849", client_id=live.new_client_id()))
    return live.register.new_trial()


@pytest.fixture
def run(trial: str) -> Callable[[], list[str]]:
    """A night: what the program prints."""

    def night() -> list[str]:
        printed: list[str] = []
        names = {"print": lambda *values: printed.append(" ".join(map(str, values)))}
        exec(PROGRAM.replace('"prvij"', f'"{trial}"'), names)
        return printed

    return night


def test_the_whole_integration(run: Callable[[], list[str]]) -> None:
    assert len(PROGRAM.splitlines()) <= 60
    assert run() == ["sent: {}", "changed in the register: 0"]
    with sqlite3.connect("casework.db") as database:
        database.executescript(ROWS)
    assert run() == FIRST
    with sqlite3.connect("casework.db") as database:
        for statement in UPDATES:
            database.execute(statement)
    assert run() == SECOND
    assert run() == ["sent: {}", "changed in the register: 0"]


def test_the_same_with_curl(trial: str) -> None:
    script = SHELL.replace("/prvij", f"/{trial}")
    done = subprocess.run(["bash", "-ec", script], capture_output=True, text=True, check=True)
    screened, report, feed = (json.loads(line) for line in done.stdout.splitlines())
    assert screened["eligible"]
    assert [each["outcome"] for each in report["results"]] == ["created", "updated", "retracted"]
    assert [each["revision"] for each in feed["items"]] == [2]
