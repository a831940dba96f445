"""What is measured, for Prometheus. With several workers each writes into a shared folder, and any answers for all."""

import os
import tempfile

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

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


def share_between_workers() -> None:
    """To be called before the workers start: gives them the folder that their measurements meet in."""
    os.environ.setdefault(_FOLDER, tempfile.mkdtemp(prefix="rettevej-metrics-"))  # noqa: TID251 - the library's own


def exposition() -> bytes:
    """All measurements as Prometheus reads them."""
    registry: CollectorRegistry = REGISTRY
    if _FOLDER in os.environ:  # noqa: TID251 - the library's own
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
