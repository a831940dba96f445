"""OpenTelemetry traces, when an endpoint is configured."""

from opentelemetry import trace


def configure_tracing(endpoint: str | None) -> None:
    """Send the spans of requests (route, status and client; no path, no query, no body) to a collector by OTLP."""
    if endpoint is None:
        return
    # A tenth of a second of every worker's start, which only those with a collector spend.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource({"service.name": "rettevej"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    trace.set_tracer_provider(provider)
