"""Spans to an OpenTelemetry collector, OTLP over HTTP, by the SDK's thread; what it cannot send is lost."""

import atexit
import logging
import time
from collections.abc import Sequence
from functools import cache
from typing import Final

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link as OtelLink
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from prometheus_client import Counter

from oms_platform.telemetry.metrics import program_version
from oms_platform.telemetry.spans import Span

EXPORT_TIMEOUT_S: Final = 2.0
QUEUED_SPANS_MAX: Final = 8_192
BATCH_SPANS_MAX: Final = 512
EXPORT_EVERY_MS: Final = 1_000
STOP_MS_MAX: Final = 3_000
WARN_EVERY_S: Final = 60.0

log = structlog.get_logger()
spans_total = Counter("oms_spans_exported_total", "Spans that the collector took")
lost_total = Counter("oms_spans_lost_total", "Spans that the collector did not take")
_SCOPE: Final = InstrumentationScope("oms-sor", program_version())
_TRACED: Final = TraceFlags(TraceFlags.SAMPLED)
_OK: Final = Status()


class _CountingExporter(SpanExporter):
    """Logs as our own events, and not too often, that the collector is away."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._exporter = OTLPSpanExporter(endpoint, timeout=EXPORT_TIMEOUT_S)
        self._warned_s = float("-inf")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            spans_total.inc(len(spans))
            return result
        lost_total.inc(len(spans))
        if time.monotonic() - self._warned_s > WARN_EVERY_S:
            self._warned_s = time.monotonic()
            log.warning("spans_lost", endpoint=self._endpoint, spans=len(spans))
        return result

    def shutdown(self) -> None:
        """End the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class OtlpSink:
    """The SpanSink of a process; flushes at its end."""

    def __init__(self, endpoint: str, service: str) -> None:
        self._service = service
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._processor = BatchSpanProcessor(
            _CountingExporter(endpoint),
            max_queue_size=QUEUED_SPANS_MAX,
            max_export_batch_size=BATCH_SPANS_MAX,
            schedule_delay_millis=EXPORT_EVERY_MS,
        )
        atexit.register(self._processor.shutdown)

    def write(self, span: Span) -> None:
        """Queue a span; when the queue is full the oldest is lost."""
        self._processor.on_end(to_readable(span, span.service or self._service))


@cache
def _resource(service: str) -> Resource:
    return Resource({"service.name": service, "service.version": program_version()})


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=_TRACED)


def to_readable(span: Span, service: str) -> ReadableSpan:
    """Return a span as the SDK's exporters take it."""
    return ReadableSpan(
        name=span.name,
        context=_context(span.trace_id, span.span_id),
        parent=_context(span.trace_id, span.parent_id) if span.parent_id else None,
        resource=_resource(service),
        attributes=span.attributes,
        links=[OtelLink(_context(*link)) for link in span.links],
        kind=SpanKind[span.kind.value],
        status=Status(StatusCode.ERROR, span.error) if span.error else _OK,
        start_time=span.began_us * 1_000,
        end_time=span.ended_us * 1_000,
        instrumentation_scope=_SCOPE,
    )
