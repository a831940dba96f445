"""Prometheus metrics. With several workers each writes into a shared folder, and any worker serves the sum."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

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


def _drop_gauges_of_dead_workers(folder: Path) -> None:
    """Remove the gauges of workers that have ended; their counters stay."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if not Path("/proc", pid).exists():
            mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]


def exposition() -> bytes:
    """Return all metrics in the text format of Prometheus."""
    registry: CollectorRegistry = REGISTRY
    if _FOLDER in os.environ:  # noqa: TID251 - the library's own
        _drop_gauges_of_dead_workers(Path(os.environ[_FOLDER]))  # noqa: TID251 - the library's own
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
