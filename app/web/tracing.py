"""OpenTelemetry traces, when an endpoint is configured."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def configure_tracing(endpoint: str | None) -> None:
    """Send the spans of requests (route, status and client; no path, no query, no body) to a collector by OTLP."""
    if endpoint is None:
        return
    provider = TracerProvider(resource=Resource({"service.name": "rettevej"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    trace.set_tracer_provider(provider)
