"""Where spans go in tests: a list, or a collector that takes OTLP over HTTP."""

import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from oms_platform.telemetry.spans import Span
from tests.patience import EVENTUALLY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A span as it came. began_us, ended_us: since 1970."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    kind: int
    began_us: int
    ended_us: int
    attributes: dict[str, Any]
    error: str
    links: tuple[tuple[str, str], ...]


class NotedSpans:
    """A sink that keeps what is written, for parts that run within the test."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def write(self, span: Span) -> None:
        """Keep a span."""
        self.spans.append(span)

    def names(self) -> list[str]:
        """Return the spans' names, in order."""
        return [span.name for span in self.spans]


class SpanCollector:
    """Listens on a free port until closed."""

    def __init__(self) -> None:
        self._spans: list[Seen] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    collector._spans += read_spans(body)
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        """What OMS_TRACE_ENDPOINT is to be."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def spans(self) -> list[Seen]:
        """Return every span that came."""
        return list(self._spans)

    def of_trace(self, trace_id: str, *names: str, timeout_s: float = EVENTUALLY_S) -> list[Seen]:
        """Return a trace's spans when it has all of these names, or whatever is there at the end."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = [span for span in self.spans() if span.trace_id == trace_id]
            if set(names) <= {span.name for span in found} or time.monotonic() > deadline:
                return found
            time.sleep(0.1)

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


def read_spans(body: bytes) -> list[Seen]:
    """Read an export request."""
    found: list[Seen] = []
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        (service,) = [
            each.value.string_value for each in of_resource.resource.attributes if each.key == "service.name"
        ]
        for span in (span for of_scope in of_resource.scope_spans for span in of_scope.spans):
            found.append(
                Seen(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    service=service,
                    name=span.name,
                    kind=span.kind,
                    began_us=span.start_time_unix_nano // 1_000,
                    ended_us=span.end_time_unix_nano // 1_000,
                    attributes={
                        each.key: each.value.string_value or each.value.int_value for each in span.attributes
                    },
                    error=span.status.message,
                    links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                )
            )
    return found
