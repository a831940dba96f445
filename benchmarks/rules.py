"""``python -m benchmarks.rules [--compiled PYTHON]``: judging a person's weeks against the rules of an earlier commit.

500 different people of 73 weeks, forty conversations, four activations and two exemptions, every third with an exit and
a re-entry: each is judged once, nothing is kept. Both sides run interpreted, in processes of their own by turns; the
earlier rules from a git worktree in a temporary folder. ``--compiled`` names the Python of an environment with an
installed wheel of compiled rules; its ratio is printed beside.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.rules_side import PEOPLE

EARLIER = "fd454ba"
ROUNDS = 9
GOALS = {"interpreted": 0.6, "compiled": 0.3}
ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measure the sides by turns, and print the median of each and the ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rules", description=__doc__)
    parser.add_argument("--compiled", type=Path, metavar="PYTHON", help="Python with an installed wheel")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder, "earlier")
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", earlier, EARLIER], cwd=ROOT, check=True)
        try:
            sides: dict[str, tuple[Path | str, Path | None]] = {EARLIER: (sys.executable, earlier)}
            sides["interpreted"] = (sys.executable, ROOT)
            if options.compiled is not None:
                sides["compiled"] = (options.compiled.absolute(), None)
            seconds: dict[str, list[float]] = {side: [] for side in sides}
            for _ in range(ROUNDS):
                for side, (python, source) in sides.items():
                    seconds[side].append(_run(python, source, folder, compiled=side == "compiled"))
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", earlier], cwd=ROOT, check=True)
    for side, of_rounds in seconds.items():
        each = statistics.median(of_rounds) / PEOPLE
        ratios = [own / earlier for own, earlier in zip(of_rounds, seconds[EARLIER], strict=True)]
        line = f"{side:12} {each * 1e6:6.1f} µs a person, {each * 100_000:5.1f} s for 100,000"
        if side in GOALS:
            line += (
                f"; ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), goal {GOALS[side]}"
            )
        print(line)


def _run(python: Path | str, source: Path | None, folder: str, *, compiled: bool) -> float:
    """Judge the people in a process that imports the application from ``source``, or as it is installed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if source is not None:
        environment["PYTHONPATH"] = str(source)
    command = [python, "-P", Path(__file__).with_name("rules_side.py").absolute()]
    ran = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    seconds, file = json.loads(ran.stdout)
    if file.endswith(".py") == compiled or (source is not None and not Path(file).is_relative_to(source)):
        sys.exit(f"The rules were imported from {file}.")
    return float(seconds)


if __name__ == "__main__":
    main()
