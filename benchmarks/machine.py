"""What a server takes besides time: memory idle, during the largest batch and an export; and how soon it is there."""

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet

from benchmarks.batches import body, records
from benchmarks.measure import Results
from benchmarks.place import Place, empty_place, started

_MIB = 1024 * 1024
_NINES = "x" * 60


def measure(results: Results) -> None:
    """Memory of the server's own processes, PostgreSQL's left out; then the second start."""
    with empty_place() as place:
        place.new_trial("bench")
        people = place.people("bench", 3000)
        idle = place.memory()
        results.figure("memory of an idle server", idle / _MIB, "MiB", 150)
        sent = [{**record, "justification": _NINES, "focus": _FOCUS} for record in records(people, 10_000, 1)]
        content = body(sent, "application/json")
        padded = content[:-1] + b" " * (16 * _MIB - len(content) - 100) + b"}"
        with place.client("case-system", "bench") as client:
            path = "/v1/trials/bench/conversations/batch"
            headers = {"Content-Type": "application/json"}
            peak = peak_of(place, lambda: client.post(path, content=padded, headers=headers).raise_for_status())
        results.figure("memory during a batch of 16 MiB", peak / _MIB, "MiB", 350)
    _export(results)
    _second_start(results)


_FOCUS = ["clarification", "motivation", "preparation", "follow_up", "retention", "progression", "transition_to_job"]


def _export(results: Results) -> None:
    """The whole panel of 100,000 people as Parquet, streamed into a file."""
    with empty_place() as place:
        place.new_trial("large")
        place.people("large", 100_000)
        idle = place.memory()
        taken, written = [0.0], place.directory / "panel.parquet"

        def export() -> None:
            with place.client("evaluator") as client:
                headers = {"Accept": "application/vnd.apache.parquet"}
                start = time.perf_counter()
                with client.stream("GET", "/v1/trials/large/person-weeks", headers=headers) as answer:
                    answer.raise_for_status()
                    with written.open("wb") as file:
                        for part in answer.iter_raw():
                            file.write(part)
                taken[0] = time.perf_counter() - start

        peak = peak_of(place, export)
        results.figure("panel of 100,000 people, Parquet: memory over idle", (peak - idle) / _MIB, "MiB", 150)
        rows = pyarrow.parquet.read_metadata(written).num_rows
        results.figure(f"panel of 100,000 people, {rows:,} rows, Parquet: time", taken[0], "s", None)


def peak_of(place: Place, action: Callable[[], object]) -> int:
    """The largest memory while something is done."""
    found, done = [place.memory()], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            found.append(place.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        action()
    finally:
        done.set()
        watcher.join()
    return max(found)


def _second_start(results: Results) -> None:
    with tempfile.TemporaryDirectory(prefix="rettevej-bench-") as name:
        with started(Path(name)):
            pass
        start = time.perf_counter()
        with started(Path(name)):
            results.figure("second start to ready", time.perf_counter() - start, "s", 3)
