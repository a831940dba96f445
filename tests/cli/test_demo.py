"""`rettevej demo`: what it prints works as printed, and another start finds what was there."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@contextmanager
def demo(directory: Path) -> Iterator[list[str]]:
    """What a demo of 40 people prints; it runs meanwhile, and is stopped as by Ctrl-C."""
    program = "from app.cli.main import main; main()"
    command = [sys.executable, "-c", program, "demo", "--people", "40", "--data-dir", str(directory)]
    errors = (directory.parent / "errors.txt").open("w")
    with errors, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("Ctrl-C stops"):
                break
        try:
            yield lines
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0


def requests_in(lines: list[str]) -> list[str]:
    """What the curl commands among the lines answer, with the token that stands above them."""
    script = "\n".join(lines)
    commands = re.findall(r"^curl (?:.*\\\n)*.*$", script, re.MULTILINE)
    token = next(line for line in lines if line.startswith("TOKEN="))
    return [
        subprocess.run(["bash", "-c", f"{token}\n{command}"], capture_output=True, text=True, check=True).stdout
        for command in commands
    ]


def test_the_demo_shows_a_full_page_and_finds_it_again(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    with demo(directory) as lines:
        page = next(line.strip() for line in lines if "/#/demo/region" in line)
        url, _, view = page.partition("/#/")
        assert view.partition("&token=")[0] == "demo/region?week=2011-W20"
        assert f"TOKEN={view.partition('&token=')[2]}" in lines
        assert httpx.get(url).headers["content-type"].startswith("text/html")
        assert httpx.get(f"{url}/docs/rules").status_code == 200
        conditions, weeks, record = requests_in(lines)
        assert conditions.count("\n") > 10
        assert '"number":2' in weeks
        assert '"outcome":"created"' in record
        assert '"warnings":["remote_too_early"]' in record
    with demo(directory) as lines:
        assert '"outcome":"unchanged"' in requests_in(lines)[2]
