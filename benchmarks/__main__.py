"""``python -m benchmarks [PART]…``: all parts, or those named (see ``PARTS``)."""

import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import batches, machine, pure, reports, singles
from benchmarks.measure import Results

PARTS: dict[str, Callable[[Results], None]] = {
    "pure": pure.measure,
    "batches": batches.measure,
    "large": lambda results: batches.measure(results, rows_before=1_000_000),
    "workers": batches.measure_two_workers,
    "singles": singles.measure,
    "reports": reports.measure,
    "machine": machine.measure,
}


def main() -> None:
    """Runs the parts in their order, and shows the table."""
    named = sys.argv[1:] or list(PARTS)
    if unknown := set(named) - set(PARTS):
        sys.exit(f"There is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}.")
    results = Results()
    for name in named:
        print(f"--- {name}", flush=True)
        PARTS[name](results)
    results.show(Path(__file__).parent / "results" / f"{'-'.join(sys.argv[1:]) or 'all'}.json")


if __name__ == "__main__":
    main()
