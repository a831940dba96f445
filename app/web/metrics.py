"""Prometheus metrics. With several workers each writes into a shared folder, and any worker serves the sum."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

REQUESTS = Counter("rettevej_requests_total", "Requests answered.", ("method", "route", "status"))
SECONDS = Histogram("rettevej_request_seconds", "Time to answer.", ("method", "route"))
BATCHES = Counter("rettevej_batches_total", "Batches judged, by whether they were stored.", ("kind", "committed"))
RECORDS = Counter("rettevej_records_total", "Records judged, by outcome.", ("kind", "outcome"))
UNAUTHENTICATED = Counter("rettevej_refused_tokens_total", "Requests refused for want of a valid token.", ("status",))
CONNECTIONS = Gauge(
    "rettevej_pool_connections", "Database connections in use and in the pool.", ("state",), multiprocess_mode="livesum"
)


@contextmanager
def shared_between_workers() -> Iterator[None]:
    """Share one folder of metrics between the worker processes started inside; remove it afterwards."""
    if _FOLDER in os.environ:  # noqa: TID251 - the library's own
        yield  # the operator's folder
        return
    with tempfile.TemporaryDirectory(prefix="rettevej-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ[_FOLDER] = folder  # noqa: TID251 - the library's own
        yield


def merge_dead_workers() -> None:
    """Remove the files of workers that have ended: their gauges are dropped, what they counted is added up in one."""
    if _FOLDER in os.environ:  # noqa: TID251 - the library's own
        with _locked(Path(os.environ[_FOLDER])) as folder:  # noqa: TID251 - the library's own
            _merge_dead_workers(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    """Lock the folder against other workers that merge or read it."""
    with (folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield folder


def _merge_dead_workers(folder: Path) -> None:
    for file in folder.glob("*_*.db"):
        kind, pid = file.stem.partition("_")[0], file.stem.rpartition("_")[2]
        if not pid.isdigit() or Path("/proc", pid).exists():
            continue
        if kind in ("counter", "histogram"):
            merged = MmapedDict(str(folder / f"{kind}_dead.db"))  # type: ignore[no-untyped-call]
            for key, value, at, _ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
                merged.write_value(key, merged.read_value(key)[0] + value, at)  # type: ignore[no-untyped-call]
            merged.close()  # type: ignore[no-untyped-call]
        file.unlink()


def exposition() -> bytes:
    """Return all metrics in the text format of Prometheus."""
    if _FOLDER not in os.environ:  # noqa: TID251 - the library's own
        return generate_latest(REGISTRY)
    with _locked(Path(os.environ[_FOLDER])) as folder:  # noqa: TID251 - the library's own
        _merge_dead_workers(folder)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
