"""The programs in the client's README run, and print what stands below them."""

import re
from pathlib import Path

import pytest
import rettevej_client

from tests.client.conftest import Live

README = Path(__file__).parents[2] / "clients" / "python" / "README.md"
_PROGRAM = re.compile(r"```python\n(.*?)```\n(?:\n((?:    [^\n]*\n)+))?", re.DOTALL)


def test_the_programs_of_the_readme_print_what_they_are_said_to(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the arm, which is drawn."""
    monkeypatch.setenv("AGENCY", live.token("agency"))
    monkeypatch.setenv("CASE", live.token("case-system", "849"))
    monkeypatch.chdir(tmp_path)
    printed: list[str] = []

    def note(*values: object) -> None:
        printed.append(" ".join(map(str, values)))

    names: dict[str, object] = {"print": note}  # standard output has the server's log as well
    programs = [each for each in _PROGRAM.findall(README.read_text(encoding="utf-8")) if "async " not in each[0]]
    assert len(programs) == 5
    for program, output in programs:
        here = program.replace("http://127.0.0.1:8000", live.url).replace('"prvij"', '"readme"')
        printed.clear()
        exec(here, names)
        said = [line.removeprefix("    ") for line in output.splitlines()]
        assert [line.replace("treatment", "control") for line in printed] == said
    client = names["register"]
    assert isinstance(client, rettevej_client.Client)
    client.close()
    assert (tmp_path / "person-weeks.parquet").stat().st_size
