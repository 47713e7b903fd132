"""Traces: what begins one, what an order carries of its past, and what is written once that matters."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import StatusCode

from oms_platform.settings import SettingsError
from oms_platform.telemetry.order_trace import (
    HOPS_LENGTH_MAX,
    Hop,
    is_traced,
    passed,
    read_trace,
    root_id_of,
    spent_us,
    trace_id_of,
    traced_id,
    traceparent_of,
)
from oms_platform.telemetry.span_export import (
    OtlpSink,
    _CountingExporter,
    lost_total,
    spans_total,
    to_readable,
)
from oms_platform.telemetry.spans import Kind, Span
from oms_platform.telemetry.tracing import FAILED, SLOW, Tracer, TraceSettings, start_tracing, untraced_total
from tests.span_collector import NotedSpans, SpanCollector

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
ROOT_ID = "b7ad6b7169203331"
UNTRACED = f"00-{TRACE_ID}-{ROOT_ID}-00"
TRACED = f"00-{TRACE_ID}-{ROOT_ID}-01"
T0 = 1_770_000_000_000_000


@pytest.fixture
def sink() -> NotedSpans:
    return NotedSpans()


def tracer(sink: NotedSpans | None, **settings: Any) -> Tracer:
    return Tracer(sink, TraceSettings(**settings))


def on_its_way(tracer: Tracer) -> str:
    """An untraced order, answered: gateway 5 ms, core 10, router 10, adapter 10, venue 1 s."""
    trace = UNTRACED
    for hop, began_ms, ended_ms in (
        (Hop.SUBMIT, 0, 5),
        (Hop.CORE, 6, 16),
        (Hop.SOR, 17, 27),
        (Hop.ADAPTER, 28, 38),
        (Hop.VENUE, 38, 1_038),
    ):
        trace = passed(trace, tracer.hop(hop, T0 + began_ms * 1_000, T0 + ended_ms * 1_000))
    return trace


def test_a_trace_goes_on_with_the_callers_and_has_a_root_of_its_own(sink: NotedSpans) -> None:
    trace, parent_id = tracer(sink, trace_ratio=0.0).begin(TRACED.encode())
    assert (trace_id_of(trace), parent_id, is_traced(trace)) == (TRACE_ID, ROOT_ID, True)
    assert root_id_of(trace) != ROOT_ID
    trace, parent_id = tracer(sink, trace_ratio=1.0).begin(UNTRACED.encode())
    assert (trace_id_of(trace), parent_id, is_traced(trace)) == (TRACE_ID, ROOT_ID, False)


@pytest.mark.parametrize("given", [None, b"", b"nonsense", TRACED.upper().encode(), f"{TRACED}-x".encode()])
def test_a_new_trace_begins_when_the_caller_has_none_that_can_be_read(
    given: bytes | None, sink: NotedSpans
) -> None:
    first, parent_id = tracer(sink, trace_ratio=1.0).begin(given)
    second, _ = tracer(sink, trace_ratio=0.0).begin(given)
    assert parent_id == ""
    assert (is_traced(first), is_traced(second)) == (True, False)
    assert trace_id_of(first) != trace_id_of(second)
    assert read_trace(first.encode()) == first


def test_the_ratio_is_the_share_of_orders_that_are_traced(sink: NotedSpans) -> None:
    begun = [tracer(sink, trace_ratio=0.25).begin(None)[0] for _ in range(4_000)]
    assert 0.2 < sum(map(is_traced, begun)) / len(begun) < 0.3


def test_without_a_collector_nothing_is_traced_and_nothing_is_carried() -> None:
    idle = tracer(None, trace_ratio=1.0)
    trace, _ = idle.begin(TRACED.encode())
    assert not is_traced(trace)
    assert passed(trace, idle.hop(Hop.CORE, T0, T0 + 1)) == trace
    assert idle.promote(on_its_way(tracer(NotedSpans())), FAILED, "O-1") == on_its_way(tracer(NotedSpans()))


def test_an_untraced_order_carries_its_hops_and_a_traced_one_does_not(sink: NotedSpans) -> None:
    hop = tracer(sink).hop(Hop.CORE, T0, T0 + 255)
    assert passed(UNTRACED, hop) == f"{UNTRACED}Y{T0:013x}.ff;"
    assert passed(TRACED, hop) == TRACED
    assert passed("", hop) == ""


def test_what_an_order_carries_is_bounded(sink: NotedSpans) -> None:
    trace, hop = UNTRACED, tracer(sink).hop(Hop.SOR, T0, T0 + 1_000)
    for _ in range(1_000):
        trace = passed(trace, hop)
    assert len(trace) <= HOPS_LENGTH_MAX + len(hop)
    assert read_trace(trace.encode()) == trace


@pytest.mark.parametrize(
    "given",
    ["", "00-aa", UNTRACED[:-1], f"{UNTRACED};", f"{UNTRACED}Yabc.1;", f"{UNTRACED}a{T0:013x}.1;", "x" * 55],
)
def test_what_is_no_trace_is_none(given: str) -> None:
    assert read_trace(given.encode()) == ""


def test_the_header_is_what_w3c_says(sink: NotedSpans) -> None:
    assert traceparent_of(on_its_way(tracer(sink))) == UNTRACED
    assert (traced_id(UNTRACED), traced_id(TRACED)) == ("", TRACE_ID)


def test_the_venues_time_does_not_count_as_spent_in_the_platform(sink: NotedSpans) -> None:
    trace = on_its_way(tracer(sink))
    assert spent_us(trace, T0 + 1_050_000) == 50_000
    assert spent_us(UNTRACED, T0) == 0
    quick, slow = tracer(sink, trace_slow_ms=60), tracer(sink, trace_slow_ms=40)
    assert not quick.is_due(trace, T0 + 1_050_000)
    assert slow.is_due(trace, T0 + 1_050_000)
    assert not slow.is_due(TRACED, T0 + 9_000_000)


def test_an_order_that_fails_is_traced_with_its_whole_past(sink: NotedSpans) -> None:
    found = tracer(sink)
    assert found.promote(on_its_way(found), FAILED, "O-1", "denied") == TRACED
    assert [(span.service, span.name) for span in sink.spans] == [
        ("oms-api", "SubmitOrder"),
        ("oms-api", "publish orders.inbound"),
        ("oms-core", "process orders.inbound"),
        ("sor", "process orders.validated"),
        ("adapter", "process orders.routed"),
        ("adapter", "NewOrderSingle"),
    ]
    root, *others = sink.spans
    assert (root.trace_id, root.span_id, root.parent_id) == (TRACE_ID, ROOT_ID, "")
    assert {(span.trace_id, span.parent_id) for span in others} == {(TRACE_ID, ROOT_ID)}
    assert (others[-1].began_us, others[-1].ended_us) == (T0 + 38_000, T0 + 1_038_000)
    assert all(span.attributes["oms.late"] == FAILED for span in sink.spans)


def test_an_order_that_is_found_late_twice_is_written_once(sink: NotedSpans) -> None:
    found = tracer(sink)
    first = on_its_way(found)
    other_child = f"{first[: first.index(Hop.VENUE)]}{found.hop(Hop.VENUE, T0 + 39_000, T0 + 90_000)}"
    found.promote(first, SLOW, "O-1")
    assert found.is_due(other_child, T0 + 91_000)
    assert found.promote(other_child, SLOW, "O-1") == TRACED
    assert len(sink.names()) == 7
    assert sink.names()[-1] == "NewOrderSingle"


def test_an_order_that_is_traced_already_is_not_written_again(sink: NotedSpans) -> None:
    assert tracer(sink).promote(TRACED, FAILED, "O-1") == TRACED
    assert sink.spans == []
    assert tracer(sink).promote("", FAILED, "O-1") == ""


def test_only_so_many_late_orders_a_second_are_traced(
    sink: NotedSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, now_s, before = tracer(sink, trace_extra_per_s=2), [100.0], untraced_total._value.get()
    monkeypatch.setattr("oms_platform.telemetry.tracing.time.monotonic", lambda: now_s[0])
    orders = [found.begin(UNTRACED.replace("0af", f"{n}af").encode())[0] for n in range(6)]
    assert [is_traced(found.promote(trace, SLOW, "O")) for trace in orders[:4]] == [True, True, False, False]
    assert untraced_total._value.get() - before == 2
    now_s[0] = 101.0
    assert [is_traced(found.promote(trace, SLOW, "O")) for trace in orders[4:]] == [True, True]


def test_a_caller_cannot_have_every_order_traced(sink: NotedSpans, monkeypatch: pytest.MonkeyPatch) -> None:
    found = tracer(sink, trace_extra_per_s=2, trace_ratio=0.0)
    monkeypatch.setattr("oms_platform.telemetry.tracing.time.monotonic", lambda: 100.0)
    assert [is_traced(found.begin(TRACED.encode())[0]) for _ in range(4)] == [True, True, False, False]


def test_a_batch_and_its_orders_link_each_other(sink: NotedSpans) -> None:
    found = tracer(sink)
    spans = [found.span(TRACED, f"order {number}", T0, T0 + 1) for number in range(3)]
    found.write_batch("batch", T0, T0 + 5, 40, spans)
    batch, *members = sink.spans
    assert batch.trace_id != TRACE_ID
    assert batch.attributes == {"oms.batch.records": 40, "oms.batch.traced": 3}
    assert list(batch.links) == [member.link for member in members]
    assert [member.links for member in members] == [(batch.link,)] * 3
    found.write_batch("batch of nobody", T0, T0 + 5, 40, [])
    assert len(sink.spans) == 4


def test_a_message_that_cannot_be_handled_is_a_span_with_its_reason(sink: NotedSpans) -> None:
    found = tracer(sink)
    found.fail(on_its_way(found), "dead letter", "O-1", "no order O-1 is stored")
    assert sink.names()[-1] == "dead letter"
    assert sink.spans[-1].error == "no order O-1 is stored"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("OMS_TRACE_RATIO", "1.5", "OMS_TRACE_RATIO must be from 0 to 1, was 1.5"),
        ("OMS_TRACE_SLOW_MS", "soon", "TRACE_SLOW_MS cannot be read from 'soon'"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(
    variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises((SettingsError, ValueError), match=said):
        start_tracing("test")


# ---- the way out


@pytest.fixture
def collector() -> Iterator[SpanCollector]:
    collector = SpanCollector()
    yield collector
    collector.close()


def test_spans_reach_a_collector_as_they_were_made(collector: SpanCollector) -> None:
    before = spans_total._value.get()
    out = OtlpSink(f"{collector.endpoint}/v1/traces", "oms-core")
    found = Tracer(out)
    found.write(found.span(TRACED, "late", T0, T0 + 7, kind=Kind.CONSUMER, attributes={"order_id": "O-1"}))
    found.promote(on_its_way(found), FAILED, "O-1")
    out._processor.force_flush()
    spans = collector.of_trace(TRACE_ID, "late", "SubmitOrder", "NewOrderSingle")
    assert {span.service for span in spans} == {"oms-api", "oms-core", "sor", "adapter"}
    late = next(span for span in spans if span.name == "late")
    assert (late.began_us, late.ended_us, late.parent_id) == (T0, T0 + 7, ROOT_ID)
    assert (late.kind, late.attributes) == (5, {"order_id": "O-1"})
    assert spans_total._value.get() - before == len(spans) == 7


def test_a_span_that_failed_says_so_to_the_collector() -> None:
    readable = to_readable(Span(trace_id=TRACE_ID, name="n", began_us=1, ended_us=2, error="why"), "s")
    assert (readable.status.status_code, readable.status.description) == (StatusCode.ERROR, "why")
    assert readable.resource.attributes["service.name"] == "s"


def test_a_collector_that_refuses_costs_spans_and_one_warning(capsys: pytest.CaptureFixture[str]) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(400)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    exporter = _CountingExporter(f"http://127.0.0.1:{server.server_port}/v1/traces")
    span = to_readable(Span(trace_id=TRACE_ID, name="n", began_us=1, ended_us=2), "s")
    before = lost_total._value.get()
    assert [exporter.export([span]) for _ in range(3)] == [SpanExportResult.FAILURE] * 3
    server.shutdown()
    server.server_close()
    assert lost_total._value.get() - before == 3
    said = capsys.readouterr().out
    assert said.count("spans_lost") == 1, json.dumps(said)
