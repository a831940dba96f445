"""Rounds, medians and the table: every figure is a ratio to a floor measured in the same run."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROUNDS = 5


@dataclass
class Series:
    """One thing measured several times; in seconds, or in requests a second where ``rate``."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """Half of the range, relative to the median."""
        return (max(self.values) - min(self.values)) / 2 / self.median if self.median else 0.0


@dataclass
class Line:
    """A line of the table."""

    what: str
    value: str
    ratio: float | None
    goal: str
    met: bool | None
    spread: float | None = None


class Results:
    """Collects lines, prints them, and writes them as JSON."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def ratio(self, what: str, part: Series, whole: Series, goal: float, *, at_most: bool = False) -> None:
        """The floor's time over ours (or our rate over the floor's): at least the goal, or at most."""
        value = part.median / whole.median
        met = value <= goal if at_most else value >= goal
        sign = "≤" if at_most else "≥"
        self.lines.append(
            Line(
                what,
                f"{_shown(part)} / {_shown(whole)}",
                round(value, 3),
                f"{sign} {goal}",
                met,
                max(part.spread, whole.spread),
            )
        )
        self._print_last()

    def figure(self, what: str, value: float, unit: str, goal: float | None) -> None:
        """A figure with a limit of its own."""
        self.lines.append(
            Line(
                what,
                f"{value:.1f} {unit}",
                None,
                "" if goal is None else f"≤ {goal} {unit}",
                None if goal is None else value <= goal,
            )
        )
        self._print_last()

    def _print_last(self) -> None:
        line = self.lines[-1]
        mark = {True: "met", False: "not met", None: ""}[line.met]
        ratio = "" if line.ratio is None else f"{line.ratio:.3f}"
        print(f"{line.what}: {line.value}  {ratio} {line.goal} {mark}", flush=True)

    def show(self, target: Path) -> None:
        """The table, and the JSON beside it."""
        table = Table("what", "measured", "ratio", "goal", "")
        for line in self.lines:
            mark = "" if line.met is None else "met" if line.met else "not met"
            table.add_row(line.what, line.value, "" if line.ratio is None else f"{line.ratio:.3f}", line.goal, mark)
        Console(width=140).print(table)
        document = {"machine": machine(), "rounds": ROUNDS, "lines": [asdict(line) for line in self.lines]}
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
        print(f"written to {target.name}")


def interleaved(things: Mapping[str, Callable[[int], float]], rounds: int = ROUNDS) -> dict[str, Series]:
    """Each thing once a round, in turn, so that whatever else the machine does falls on all alike."""
    found = {name: Series() for name in things}
    for number in range(rounds):
        for name, thing in things.items():
            found[name].values.append(thing(number))
    return found


def timed(action: Callable[[], object]) -> float:
    """Seconds of an action."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def machine() -> dict[str, object]:
    """On what it was measured."""
    revision = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "system": platform.system(),
        "revision": revision,
        "load_before": os.getloadavg()[0],
    }


def _shown(series: Series) -> str:
    value = series.median
    if value >= 100:
        return f"{value:.0f}/s"
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.1f} ms"
