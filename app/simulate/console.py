"""Console output of the simulation: progress, and the figures of the last week. Plain lines without a terminal."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from app.domain.rules.calendar import week_code
from app.simulate.jobcentres import BY_CODE
from app.simulate.model import SimulationResult

Advance = Callable[[int, str], None]
"""Reports how much is done, and the name of the last step."""

PLAIN_WIDTH, PLAIN_LINES = 120, 8
RATES = ("conversation_rate", "conforming_rate", "activation_rate", "workplace_rate")
CONDITIONS = ("conversation", "activation", "workplace")


class TrialConsole:
    """Console of a run. Tests pass their own."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console()
        self._console = (
            console if console.is_terminal else Console(file=console.file, width=PLAIN_WIDTH, highlight=False)
        )

    def print_line(self, text: str) -> None:
        """Print one line of text."""
        self._console.print(text, markup=False)

    @contextmanager
    def phase(self, name: str, total: int) -> Iterator[Advance]:
        """Show a progress bar, or print about eight lines without a terminal."""
        if not self._console.is_terminal:
            yield self._plain_progress(name, total)
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

    def _plain_progress(self, name: str, total: int) -> Advance:
        step = max(1, total // PLAIN_LINES)
        shown = 0

        def advance(done: int, at: str) -> None:
            nonlocal shown
            if done == total or done - shown >= step:
                shown = done
                self.print_line(f"{name}: {at} ({done} of {total})")

        return advance

    def print_result(self, result: SimulationResult) -> None:
        """Print rates, counts, warnings and unexpected responses."""
        self._console.print(_rates_table(result))
        self._console.print(_counts_table(result))
        for name, counts in (
            ("Warnings", result.tally.warnings),
            ("Unexpected", result.tally.unexpected),
        ):
            if counts:
                self.print_line(f"{name}: {_listed(counts)}")
        self.print_line(f"{result.trial}: {result.tally.batches} batches, {result.seconds:.1f} seconds")


def _rates_table(result: SimulationResult) -> Table:
    """Return the cumulative rates, treatment / control, and the conditions of each jobcentre."""
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
        met = conditions.get(group, {}) if group is not None else {}
        met = met.get("conditions") or met
        contacts = [_contacts(arms)] if averages else []
        table.add_row(name, *contacts, *rates, *(str(met.get(condition) or "") for condition in CONDITIONS))
    return table


def _contacts(arms: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the average that some protocols have instead of conversation rates."""
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
    table = Table(title="Sent", show_header=False)
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
