"""Spans of gRPC calls that a traced order makes."""

from collections.abc import Awaitable, Callable
from typing import Any

from grpclib.events import RecvRequest, listen
from grpclib.server import Server

from oms_platform.telemetry.order_trace import is_traced, now_us, read_trace
from oms_platform.telemetry.spans import Kind
from oms_platform.telemetry.tracing import Tracer


def trace_calls(server: Server, service: str, tracer: Tracer) -> None:
    """Write a span for every call that comes with the traceparent of a traced order."""

    async def on_request(event: RecvRequest) -> None:
        given = event.metadata.get("traceparent", "")
        trace = read_trace(given.encode("latin-1", "replace")) if isinstance(given, str) else ""
        if is_traced(trace):
            event.method_func = _traced(event.method_func, f"{service}/{_last(event.method_name)}", trace)

    def _traced(call: Callable[[Any], Awaitable[None]], name: str, trace: str) -> Any:
        async def traced(stream: Any) -> None:
            began_us = now_us()
            try:
                await call(stream)
            finally:
                tracer.write(tracer.span(trace, name, began_us, now_us(), kind=Kind.SERVER))

        return traced

    listen(server, RecvRequest, on_request)


def _last(path: str) -> str:
    return path.rpartition("/")[2]
