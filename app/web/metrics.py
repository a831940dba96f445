"""What is measured, for Prometheus. With several workers each writes into a shared folder, and any answers for all."""

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
RECORDS = Counter("rettevej_records_total", "Records judged, by what became of them.", ("kind", "outcome"))
PROJECTION_LAG = Gauge(
    "rettevej_projection_lag_seconds",
    "How far the kept counts are behind the records: always 0, they are written in one transaction.",
    multiprocess_mode="max",
)
CONNECTIONS = Gauge(
    "rettevej_pool_connections", "Database connections in use and in the pool.", ("state",), multiprocess_mode="livesum"
)


@contextmanager
def shared_between_workers() -> Iterator[None]:
    """Workers that start inside meet in a folder with their measurements; it is removed when all have ended."""
    if _FOLDER in os.environ:  # noqa: TID251 - the library's own
        yield  # the operator's folder
        return
    with tempfile.TemporaryDirectory(prefix="rettevej-metrics-", ignore_cleanup_errors=True) as folder:
        os.environ[_FOLDER] = folder  # noqa: TID251 - the library's own
        yield


def _forget_the_dead(folder: Path) -> None:
    """What a worker measured of itself ends with it; what it counted stays."""
    for file in folder.glob("gauge_live*_*.db"):
        number = file.stem.rpartition("_")[2]
        if not Path("/proc", number).exists():
            mark_process_dead(int(number), str(folder))  # type: ignore[no-untyped-call]


def exposition() -> bytes:
    """All measurements as Prometheus reads them."""
    registry: CollectorRegistry = REGISTRY
    if _FOLDER in os.environ:  # noqa: TID251 - the library's own
        _forget_the_dead(Path(os.environ[_FOLDER]))  # noqa: TID251 - the library's own
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
