"""What the simulation shows: progress, and the figures of the last week. Plain lines when not on a terminal."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.domain.rules.calendar import week_code
from app.simulate.jobcentres import BY_CODE
from app.simulate.result import SimulationResult

Advance = Callable[[int, str], None]
"""Tells how much is done, and what was done last."""

PLAIN_WIDTH, PLAIN_LINES = 120, 8
RATES = ("conversation_rate", "conforming_rate", "activation_rate", "workplace_rate")
CONDITIONS = ("conversation", "activation", "workplace")


class TrialConsole:
    """Writes to a console; tests give one of their own."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console()
        self._console = (
            console if console.is_terminal else Console(file=console.file, width=PLAIN_WIDTH, highlight=False)
        )

    def say(self, text: str) -> None:
        """One line of text."""
        self._console.print(text, markup=False)

    @contextmanager
    def phase(self, name: str, total: int) -> Iterator[Advance]:
        """A progress bar, or a line now and then."""
        if not self._console.is_terminal:
            yield self._plain(name, total)
            return
        columns = (
            TextColumn("{task.description:8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[at]}"),
        )
        with Progress(*columns, TimeElapsedColumn(), console=self._console) as bar:
            task = bar.add_task(name, total=total, at="")
            yield lambda done, at: bar.update(task, completed=done, at=at)

    def _plain(self, name: str, total: int) -> Advance:
        step = max(1, total // PLAIN_LINES)
        shown = 0

        def advance(done: int, at: str) -> None:
            nonlocal shown
            if done == total or done - shown >= step:
                shown = done
                self.say(f"{name}: {at} ({done} of {total})")

        return advance

    def finish(self, result: SimulationResult) -> None:
        """Everything that the run came to."""
        self._console.print(_rates_table(result))
        self._console.print(_counts_table(result))
        for name, counts in (
            ("Warnings at the door", result.tally.warnings),
            ("Not foreseen", result.tally.unexpected),
        ):
            if counts:
                self.say(f"{name}: {_listed(counts)}")
        self.say(f"{result.trial}: {result.tally.batches} batches, {result.seconds:.1f} seconds")


def _rates_table(result: SimulationResult) -> Table:
    """Cumulative rates, treatment / control, and the conditions of each jobcentre."""
    table = Table(title=f"Weekly summary {week_code(result.last_week)}, cumulative, treatment / control in %")
    table.add_column("")
    averages = any("contacts_per_four_weeks" in row for row in result.summary)
    shown = RATES[2:] if averages else RATES
    if averages:
        table.add_column("contacts in 4 weeks", justify="right")
    for rate in shown:
        table.add_column(rate.removesuffix("_rate"), justify="right")
    for condition in CONDITIONS:
        table.add_column(f"{condition} condition")
    conditions = {_group(item): item for item in result.conditions}
    rows: dict[str | None, dict[str, Mapping[str, Any]]] = {}
    for row in result.summary:
        rows.setdefault(_group(row), {})[row["arm"]] = row["cumulative"]
    for group, arms in rows.items():
        name = BY_CODE[group].name if group in BY_CODE else group or "All"
        rates = (
            " / ".join(_per_cent(arms.get(arm, {}).get(rate)) for arm in ("treatment", "control")) for rate in shown
        )
        standing = conditions.get(group, {}) if group is not None else {}
        standing = standing.get("conditions") or standing
        contacts = [_contacts(arms)] if averages else []
        table.add_row(name, *contacts, *rates, *(str(standing.get(condition) or "") for condition in CONDITIONS))
    return table


def _contacts(arms: Mapping[str, Mapping[str, Any]]) -> str:
    """The average, where the protocol has one instead of conversation rates."""
    totals = [figures.get("contacts_per_four_weeks", {}).get("total") for figures in arms.values()]
    return " / ".join(f"{total:.2f}" for total in totals if total is not None)


def _group(item: Mapping[str, Any]) -> str | None:
    group = item.get("group") or item
    code = group.get("jobcentre")
    return None if code is None else str(code)


def _per_cent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.1f}"


def _counts_table(result: SimulationResult) -> Table:
    tally = result.tally
    arms = Counter(participant.arm for participant in result.participants)
    table = Table(title="What was sent", show_header=False)
    table.add_row("People screened", str(len(tally.screened)))
    table.add_row("eligible", str(len(tally.eligible)))
    table.add_row("ineligible, by code", _listed(tally.failures))
    table.add_row("drawn", f"{len(result.participants)}: {_listed(arms)}")
    table.add_row("candidates withdrawn", str(tally.withdrawn))
    table.add_row("draws and screenings refused", _listed(tally.refused_draws))
    table.add_row("Records, by outcome", _listed(tally.outcomes))
    table.add_row("rejected, by code", _listed(tally.rejected))
    return table


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count) or "none"
