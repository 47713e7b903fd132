"""Traces: what happened to one order, hop by hop, as OpenTelemetry spans of one trace.

The law of this file: it decides which orders are traced and what their spans say; how a trace travels is in
`order_trace`, what a span is in `spans`, how spans leave the process in `span_export`.
"""

import os
import re
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import structlog
from prometheus_client import Counter

from oms_platform.settings import load_settings
from oms_platform.telemetry.order_trace import (
    TRACEPARENT_LENGTH,
    Hop,
    as_traced,
    hop_text,
    hops_of,
    is_traced,
    is_untraced,
    new_trace,
    now_us,
    root_id_of,
    spent_us,
    trace_id_of,
)
from oms_platform.telemetry.spans import Kind, Span, SpanSink
from oms_platform.wire import Topic

LINKS_MAX: Final = 128
# Late orders of which a process remembers what it has written.
LATE_KEPT_MAX: Final = 2_000
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_DEFAULT_ENDPOINT_PATH: Final = "/v1/traces"

log = structlog.get_logger()
traced_total = Counter("oms_traces_total", "Orders that this process began to trace, by why", ["reason"])
untraced_total = Counter(
    "oms_traces_over_budget_total", "Orders beyond the ratio that were one too many to trace"
)
SAMPLED: Final = "sampled"
SLOW: Final = "slow"
FAILED: Final = "failed"
for _reason in (SAMPLED, SLOW, FAILED):
    traced_total.labels(_reason)


class _Passage(NamedTuple):
    service: str
    name: str
    kind: Kind


ROOT_NAMES: Final = {Hop.SUBMIT: "SubmitOrder", Hop.CANCEL: "CancelOrder"}
PUBLISH_SPAN: Final = f"publish {Topic.INBOUND.value}"
CORE_SPAN: Final = f"process {Topic.INBOUND.value}"
SOR_SPAN: Final = f"process {Topic.VALIDATED.value}"
ADAPTER_SPAN: Final = f"process {Topic.ROUTED.value}"
FILLS_SPAN: Final = f"process {Topic.FILLS.value}"
VENUE_SPAN: Final = "NewOrderSingle"
DEAD_LETTER_SPAN: Final = "dead letter"
# What services are called in logs and spans.
API: Final = "oms-api"
CORE: Final = "oms-core"
SOR: Final = "sor"
ADAPTER: Final = "adapter"
MARKET_DATA: Final = "market-data-simulator"
_PASSAGES: Final = {
    Hop.SUBMIT: _Passage(API, PUBLISH_SPAN, Kind.PRODUCER),
    Hop.CANCEL: _Passage(API, PUBLISH_SPAN, Kind.PRODUCER),
    Hop.CORE: _Passage(CORE, CORE_SPAN, Kind.CONSUMER),
    Hop.FILLS: _Passage(CORE, FILLS_SPAN, Kind.CONSUMER),
    Hop.SOR: _Passage(SOR, SOR_SPAN, Kind.CONSUMER),
    Hop.ADAPTER: _Passage(ADAPTER, ADAPTER_SPAN, Kind.CONSUMER),
    Hop.VENUE: _Passage(ADAPTER, VENUE_SPAN, Kind.CLIENT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSettings:
    """Read from `OMS_TRACE_…` by every process.

    trace_endpoint: where spans go, OTLP over HTTP; empty: there are none. trace_ratio: the share of orders, 0
    to 1, traced from their start. trace_slow_ms: an order that spent longer in the platform is traced
    whatever the ratio, as is one that fails, or whose caller asks for it. trace_extra_per_s: the most of
    those that a process begins in a second.
    """

    trace_endpoint: str = ""
    trace_ratio: float = 0.01
    trace_slow_ms: int = 250
    trace_extra_per_s: int = 10

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be meant."""
        if not 0 <= self.trace_ratio <= 1:
            raise ValueError(f"OMS_TRACE_RATIO must be from 0 to 1, was {self.trace_ratio}")


class Tracer:
    """What a service does about traces. Without a sink it only passes on what it is given."""

    def __init__(self, sink: SpanSink | None = None, settings: TraceSettings | None = None) -> None:
        self._sink = sink
        settings = settings or TraceSettings()
        self._ids_traced = int(settings.trace_ratio * 2**32)
        self._slow_us = settings.trace_slow_ms * 1_000
        self._extra_per_s = settings.trace_extra_per_s
        self._second = 0
        self._extra = 0
        # The hops that were written of each late order, by trace id; the oldest go first.
        self._written: OrderedDict[str, set[str]] = OrderedDict()

    # ---- an order's trace

    def begin(self, given: bytes | None) -> tuple[str, str]:
        """Begin a trace, or go on with the caller's. Returns it, and the caller's span id or nothing.

        Where nobody traces, and the caller does not either, there is none, and it costs nothing from here on.
        """
        match = None if given is None else _TRACEPARENT.fullmatch(given)
        if match is None and self._sink is None:
            return "", ""
        random_bytes = os.urandom(24)
        if match is None:
            trace_id, parent_id = random_bytes[:16].hex(), ""
            wanted = int.from_bytes(random_bytes[12:16]) < self._ids_traced
        else:
            trace_id, parent_id = match[1].decode(), match[2].decode()
            wanted = bool(int(match[3], 16) & 1) and self._sink is not None and self._may_begin()
        traced = wanted and self._sink is not None
        return new_trace(trace_id, random_bytes[16:].hex(), traced=traced), parent_id

    def hop(self, hop: str, began_us: int, ended_us: int) -> str:
        """Return what `passed` adds for one of the letters of Hop."""
        if self._sink is None:
            return ""
        return hop_text(hop, began_us, ended_us)

    def is_due(self, trace: str, at_us: int) -> bool:
        """Whether an order that is not traced is to be: it has spent too long, or is traced elsewhere."""
        if len(trace) <= TRACEPARENT_LENGTH:
            return False
        return spent_us(trace, at_us) > self._slow_us or trace_id_of(trace) in self._written

    def promote(self, trace: str, reason: str, order_id: object, text: str = "") -> str:
        """Trace an order from here on, and write the hops that it has passed.

        Returns its trace, as it was if it is traced already, if none is known, or if there were too many.
        """
        if not is_untraced(trace) or self._sink is None:
            return trace
        trace_id = trace_id_of(trace)
        if trace_id not in self._written:
            if not self._may_begin():
                return trace
            self.announce(trace, reason, order_id, text)
            self._written[trace_id] = set()
            if len(self._written) > LATE_KEPT_MAX:
                self._written.popitem(last=False)
        self._write_past(trace, reason, self._written[trace_id])
        return as_traced(trace)

    def _may_begin(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._extra = second, 0
        self._extra += 1
        if self._extra > self._extra_per_s:
            untraced_total.inc()
            return False
        return True

    def announce(self, trace: str, reason: str, order_id: object, text: str = "") -> None:
        """Count an order that is traced, and log where to find it."""
        traced_total.labels(reason).inc()
        log.info(
            "order_traced", order_id=str(order_id), trace_id=trace_id_of(trace), reason=reason, text=text
        )

    def _write_past(self, trace: str, reason: str, written: set[str]) -> None:
        for letter, began_us, took_us in hops_of(trace):
            passage = _PASSAGES.get(letter)
            key = f"{letter}{began_us}"
            if passage is None or key in written:
                continue
            written.add(key)
            late: dict[str, str | int] = {"oms.late": reason}
            if letter in ROOT_NAMES:
                # When its answer was sent is not known here: not before it was published.
                self.write(
                    Span(
                        trace_id=trace_id_of(trace),
                        span_id=root_id_of(trace),
                        name=ROOT_NAMES[letter],
                        began_us=began_us,
                        ended_us=began_us + took_us,
                        kind=Kind.SERVER,
                        service=API,
                        attributes=late,
                    )
                )
            span = self.span(
                trace, passage.name, began_us, began_us + took_us, kind=passage.kind, attributes=late
            )
            self.write(replace(span, service=passage.service))

    # ---- spans

    def span(
        self,
        trace: str,
        name: str,
        began_us: int,
        ended_us: int,
        *,
        kind: Kind = Kind.INTERNAL,
        attributes: Mapping[str, str | int] | None = None,
        error: str = "",
    ) -> Span:
        """Make a span of an order, a child of its root."""
        return Span(
            trace_id=trace_id_of(trace),
            parent_id=root_id_of(trace),
            name=name,
            began_us=began_us,
            ended_us=max(began_us, ended_us),
            kind=kind,
            attributes=attributes or {},
            error=error,
        )

    def fail(self, trace: str, name: str, order_id: object, reason: str) -> None:
        """Trace an order because a message of it cannot be handled, and say so in a span."""
        trace = self.promote(trace, FAILED, order_id, reason)
        if is_traced(trace):
            at_us = now_us()
            attributes = {"order_id": str(order_id)}
            self.write(self.span(trace, name, at_us, at_us, attributes=attributes, error=reason))

    def write(self, *spans: Span) -> None:
        """Hand spans to the sink."""
        if self._sink is not None:
            for span in spans:
                self._sink.write(span)

    def write_batch(
        self, name: str, began_us: int, ended_us: int, records: int, members: Sequence[Span]
    ) -> None:
        """Write a batch's spans, and one of the batch itself, a trace of its own; the two link each other."""
        if not members:
            return
        batch = Span(
            trace_id=os.urandom(16).hex(),
            name=name,
            began_us=began_us,
            ended_us=ended_us,
            attributes={"oms.batch.records": records, "oms.batch.traced": len(members)},
            links=[member.link for member in members[:LINKS_MAX]],
        )
        self.write(batch, *(replace(member, links=(batch.link,)) for member in members))


def start_tracing(service: str) -> Tracer:
    """Read `OMS_TRACE_…` and return the tracer of this process. Raises SettingsError, ValueError."""
    settings = load_settings(TraceSettings, "OMS_")
    if not settings.trace_endpoint:
        return Tracer()
    # Imported here: a process that writes no spans needs none of it.
    from oms_platform.telemetry.span_export import OtlpSink  # noqa: PLC0415

    endpoint = settings.trace_endpoint.rstrip("/") + _DEFAULT_ENDPOINT_PATH
    return Tracer(OtlpSink(endpoint, service), settings)
