"""One order, one trace: every hop of its way as spans, from the stack's own processes."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import aiohttp
import pytest

from oms_tools.laptop.layout import Layout
from tests.conftest import KAFKA_VARIABLE, database_folder
from tests.e2e.orders import place, until_status
from tests.patience import EVENTUALLY_S
from tests.span_collector import Seen, SpanCollector
from tests.stack_rig import StackRig, free_base_port

CALLER = "00f067aa0ba902b7"
ACCOUNT = "ACC-HF-001"
FILLED = "ORDER_STATUS_FILLED"
# Who writes which hop, from the REST call to the WebSocket.
HOPS = {
    ("oms-api", "SubmitOrder"),
    ("oms-api", "group commit"),
    ("oms-api", "publish orders.inbound"),
    ("oms-core", "process orders.inbound"),
    ("oms-core", "risk"),
    ("sor", "process orders.validated"),
    ("sor", "quote"),
    ("sor", "decide"),
    ("market-data-simulator", "MarketDataService/GetBook"),
    ("adapter", "process orders.routed"),
    ("adapter", "NewOrderSingle"),
    ("adapter", "ExecutionReport"),
    ("oms-core", "process executions.fills"),
    ("oms-api", "push to WebSockets"),
}
# What is known of an order that nobody meant to trace: no more than the hops that its messages remember.
LATE_HOPS = HOPS - {
    ("oms-api", "group commit"),
    ("market-data-simulator", "MarketDataService/GetBook"),
}


@pytest.fixture(scope="module")
def collector() -> Iterator[SpanCollector]:
    collector = SpanCollector()
    yield collector
    collector.close()


def traced_stack(collector: SpanCollector, cleanup: ExitStack, **settings: str) -> StackRig:
    """Start a stack that sends its spans to the collector, and traces no order from its start by itself."""
    folder = cleanup.enter_context(database_folder())
    rig = StackRig(
        layout=Layout(data=folder, base_port=free_base_port()),
        kafka=os.environ.get(KAFKA_VARIABLE, "memory"),
        environment={"OMS_TRACE_ENDPOINT": collector.endpoint, "OMS_TRACE_RATIO": "0", **settings},
    )
    rig.up()
    cleanup.callback(rig.down)
    return rig


@pytest.fixture(scope="module")
def sampled(collector: SpanCollector) -> Iterator[StackRig]:
    """A stack in which no order is slow, and the router nearly always has to ask for a quote."""
    with ExitStack() as cleanup:
        yield traced_stack(collector, cleanup, OMS_TRACE_SLOW_MS="600000", OMS_SOR_QUOTE_AGE_MS_MAX="50")


@pytest.fixture(scope="module")
def slow(collector: SpanCollector) -> Iterator[StackRig]:
    """A stack in which every order is slow."""
    with ExitStack() as cleanup:
        yield traced_stack(collector, cleanup, OMS_TRACE_SLOW_MS="0")


def fill_while_listening(rig: StackRig, headers: dict[str, str]) -> str:
    """Place an order while a WebSocket listens to its account. Returns its id when its fill was pushed."""
    client = rig.client("trader1")

    async def follow() -> str:
        url = client.url.replace("http", "ws", 1) + "/api/v1/stream"
        token = {"Authorization": f"Bearer {client.token}"}
        async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=token) as stream:
            await stream.send_json({"type": "subscribe", "accounts": [ACCOUNT], "from": {}})
            order_id = ""
            while True:
                message = await stream.receive_json(timeout=EVENTUALLY_S)
                if message["type"] == "subscribed":
                    order_id = (await asyncio.to_thread(place_traced, client, headers))["orderId"]
                elif any(event["status"] == "ORDER_STATUS_FILLED" for event in message.get("events", [])):
                    return order_id

    return asyncio.run(follow())


def place_traced(client: Any, headers: dict[str, str]) -> dict[str, Any]:
    """Place an order as a caller that has a trace of its own."""
    body = {
        "clientOrderId": os.urandom(8).hex(),
        "accountId": ACCOUNT,
        "symbol": "AAPL",
        "side": "BUY",
        "orderType": "MARKET",
        "quantity": 100,
    }
    answer: dict[str, Any] = client.post("/api/v1/orders", body, headers)
    return answer


def of_order(collector: SpanCollector, order_id: str, name: str) -> str:
    """Return the trace in which an order has a span of this name."""
    for _ in range(150):
        for span in collector.spans():
            if span.attributes.get("order_id") == order_id and span.name == name:
                return span.trace_id
        collector.of_trace("", "nothing", timeout_s=0.1)
    pytest.fail(f"no trace of order {order_id} has a span {name!r}: {[s.name for s in collector.spans()]}")


def hops(spans: list[Seen]) -> set[tuple[str, str]]:
    return {(span.service, span.name) for span in spans}


def test_one_orders_trace_holds_every_hop(sampled: StackRig, collector: SpanCollector) -> None:
    wanted = {name for _, name in HOPS}
    for _ in range(10):
        trace_id = os.urandom(16).hex()
        order_id = fill_while_listening(sampled, {"traceparent": f"00-{trace_id}-{CALLER}-01"})
        # A quote may have been fresh by chance, then nobody had to be asked for one.
        spans = collector.of_trace(trace_id, *wanted - {"MarketDataService/GetBook"})
        if hops(spans) >= HOPS:
            break
    assert hops(spans) == HOPS
    (root,) = [span for span in spans if span.name == "SubmitOrder"]
    assert (root.parent_id, root.attributes["order_id"]) == (CALLER, order_id)
    assert {span.parent_id for span in spans if span is not root} == {root.span_id}
    began = {name: min(s.began_us for s in spans if s.name == name) for name in wanted}
    way = ["SubmitOrder", "process orders.inbound", "process orders.validated", "process orders.routed"]
    way += ["NewOrderSingle", "process executions.fills", "push to WebSockets"]
    assert sorted(way[:-1], key=lambda name: began[name]) == way[:-1]
    assert all(span.ended_us >= span.began_us >= root.began_us for span in spans)
    assert {s.attributes["order_id"] for s in spans if "order_id" in s.attributes} == {order_id}


def test_the_batches_that_an_order_was_in_are_linked_with_it(
    sampled: StackRig, collector: SpanCollector
) -> None:
    trace_id = os.urandom(16).hex()
    fill_while_listening(sampled, {"traceparent": f"00-{trace_id}-{CALLER}-01"})
    wanted = {"group commit batch", "core batch", "sor batch", "adapter batch"}
    linked: set[str] = set()
    deadline = time.monotonic() + EVENTUALLY_S
    while linked != wanted and time.monotonic() < deadline:
        spans = collector.of_trace(trace_id, "push to WebSockets")
        batches = {(s.trace_id, s.span_id): s for s in collector.spans() if s.name.endswith("batch")}
        pairs = [(span, batches[link]) for span in spans for link in span.links if link in batches]
        linked = {batch.name for _, batch in pairs}
        assert all((span.trace_id, span.span_id) in batch.links for span, batch in pairs)
        time.sleep(0.1)
    assert linked == wanted


def test_an_order_that_nobody_samples_and_that_goes_well_leaves_no_span(
    sampled: StackRig, collector: SpanCollector
) -> None:
    trace_id = os.urandom(16).hex()
    fill_while_listening(sampled, {"traceparent": f"00-{trace_id}-{CALLER}-00"})
    later = os.urandom(16).hex()
    fill_while_listening(sampled, {"traceparent": f"00-{later}-{CALLER}-01"})
    assert collector.of_trace(later, "push to WebSockets")
    assert collector.of_trace(trace_id) == []


def test_a_denied_order_is_traced_whatever_the_ratio(sampled: StackRig, collector: SpanCollector) -> None:
    client = sampled.client("trader2")
    order_id = place(client, accountId="ACC-RET-001", quantity=10_001)["orderId"]
    until_status(client, order_id, "REJECTED")
    trace_id = of_order(collector, order_id, "process orders.inbound")
    spans = collector.of_trace(trace_id, "SubmitOrder", "publish orders.inbound", "risk")
    assert hops(spans) == {
        ("oms-api", "SubmitOrder"),
        ("oms-api", "publish orders.inbound"),
        ("oms-core", "process orders.inbound"),
        ("oms-core", "risk"),
    }
    errors = {span.error for span in spans if span.service == "oms-core"}
    assert errors == {"ORDER_QTY_EXCEEDS_MAX: quantity=10001, limit=10000"}
    log = (sampled.layout.logs / "oms-core.log").read_text()
    assert any(order_id in line and trace_id in line and "order_traced" in line for line in log.splitlines())


def test_a_slow_order_is_traced_whatever_the_ratio(slow: StackRig, collector: SpanCollector) -> None:
    order_id = fill_while_listening(slow, {})
    trace_id = of_order(collector, order_id, "push to WebSockets")
    spans = collector.of_trace(trace_id, *(name for _, name in LATE_HOPS))
    assert hops(spans) == LATE_HOPS
    (root,) = [span for span in spans if span.name == "SubmitOrder"]
    assert {span.parent_id for span in spans if span is not root} == {root.span_id}
    assert root.attributes["oms.late"] == "slow"
