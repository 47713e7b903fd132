"""The whole stack through its public doors: from REST to an explained fill, and after crashes."""

import asyncio
import json
import time
import urllib.request
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from grpclib.client import Channel

from oms_tools.cli.client import ApiError
from oms_tools.laptop.layout import Layout
from proto.gen.oms.v1 import (
    CheckRiskRequest,
    GetOrderRequest,
    GetPositionRequest,
    OrderServiceStub,
    OrderStatus,
    OrderTerms,
    OrderType,
    PlaceOrderRequest,
    RiskServiceStub,
    Side,
    TimeInForce,
)
from tests.e2e.orders import far_below, place, until_status
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig, broken

NO_ORDER = "01900000-0000-7000-8000-000000000001"
# What is sent while parts are away is sent again until they are back: a slow machine takes a minute and more.
RETRY = ("--retry-for", "240")
RESTARTS_S_MAX = 540
KILLED_UNDER_LOAD = ("oms-api", "oms-core", "sor-engine", "execution-adapter", "broker", "kafka")


def test_a_market_order_is_filled_and_its_route_card_adds_up(rig: StackRig) -> None:
    client = rig.client("trader1")
    order = until_status(client, place(client)["orderId"], "FILLED")
    assert (order["cumQty"], order["leavesQty"]) == (200, 0)
    fills = client.get(f"/api/v1/orders/{order['orderId']}/executions")["executions"]
    notional = sum(fill["lastQty"] * Decimal(fill["lastPx"]) for fill in fills)
    assert sum(fill["lastQty"] for fill in fills) == 200
    assert Decimal(order["avgPx"]) == (notional / 200).quantize(Decimal("0.000001"))
    # The market may move away from the first route: then there is another for what is left of the order.
    routes = client.get(f"/api/v1/orders/{order['orderId']}/routes")["routes"]
    assert sum(leg["quantity"] for leg in routes[0]["plan"]["children"]) == 200
    for route in routes:
        plan = route["plan"]
        venues = plan["explanation"]["venues"]
        assert {venue["venueId"] for venue in venues} == {"XNYS", "XNAS", "ARCX", "BATS", "EDGX", "DARK"}
        assert all(venue["reason"] for venue in venues)
        allocated = sum(venue.get("allocated", 0) for venue in venues)
        assert allocated == sum(leg["quantity"] for leg in plan["children"])
        for venue in venues:
            terms = venue.get("terms", [])
            assert sum(Decimal(term["contribution"]) for term in terms) == Decimal(venue.get("score", 0))


def test_a_limit_order_rests_and_a_cancel_takes_it_out(rig: StackRig) -> None:
    client = rig.client("trader1")
    order_id = place(client, orderType="LIMIT", limitPrice=far_below(client))["orderId"]
    until_status(client, order_id, "ACKNOWLEDGED")
    time.sleep(0.5)
    assert client.delete(f"/api/v1/orders/{order_id}")["orderId"] == order_id
    order = until_status(client, order_id, "CANCELED")
    assert (order["cumQty"], order["leavesQty"]) == (0, 0)


def test_an_ioc_order_far_from_the_market_is_canceled_unfilled(rig: StackRig) -> None:
    client = rig.client("trader1")
    answer = place(client, orderType="LIMIT", limitPrice=far_below(client), timeInForce="IOC")
    assert until_status(client, answer["orderId"], "CANCELED")["cumQty"] == 0


def test_a_denied_order_says_rule_value_and_limit(rig: StackRig) -> None:
    client = rig.client("trader2")
    order_id = place(client, accountId="ACC-RET-001", quantity=10_001)["orderId"]
    order = until_status(client, order_id, "REJECTED")
    assert order["text"] == "ORDER_QTY_EXCEEDS_MAX: quantity=10001, limit=10000"


def test_the_same_order_again_is_the_same_order(rig: StackRig) -> None:
    client = rig.client("trader1")
    first = place(client, clientOrderId="e2e-same")
    again = place(client, clientOrderId="e2e-same")
    assert (again["orderId"], first["created"], again["created"]) == (first["orderId"], True, False)
    with pytest.raises(ApiError, match="409"):
        place(client, clientOrderId="e2e-same", quantity=201)


def test_a_foreign_order_looks_like_none(rig: StackRig) -> None:
    order_id = place(rig.client("trader1"))["orderId"]
    with pytest.raises(ApiError, match="404") as foreign:
        rig.client("trader2").get(f"/api/v1/orders/{order_id}")
    with pytest.raises(ApiError, match="404") as none:
        rig.client("trader2").get(f"/api/v1/orders/{NO_ORDER}")
    assert str(foreign.value).replace(order_id, NO_ORDER) == str(none.value)


def test_the_stream_tells_every_change_in_order_and_catches_up(rig: StackRig) -> None:
    client = rig.client("trader1")

    async def follow(start: dict[str, int]) -> list[dict[str, Any]]:
        """Return the account's events from a place on, up to the first trade."""
        url = client.url.replace("http", "ws", 1) + "/api/v1/stream"
        headers = {"Authorization": f"Bearer {client.token}"}
        found: list[dict[str, Any]] = []
        async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as stream:
            await stream.send_json({"type": "subscribe", "accounts": ["ACC-HF-001"], "from": start})
            while not found or found[-1]["type"] != "TradeApplied":
                message = await stream.receive_json(timeout=EVENTUALLY_S)
                if message["type"] == "subscribed" and not start:
                    order = await asyncio.to_thread(place, client, accountId="ACC-HF-001")
                    await asyncio.to_thread(until_status, client, order["orderId"], "FILLED")
                elif message["type"] == "events":
                    for event in message["events"]:
                        found.append(event)
                        if event["type"] == "TradeApplied":
                            break
        return found

    live = asyncio.run(follow({}))
    numbers = [event["streamSequence"] for event in live]
    assert numbers == list(range(numbers[0], numbers[0] + len(live)))
    # The market may move away from the first route: then there is another before the trade.
    types = [event["type"] for event in live]
    assert (types[:2], types[-1]) == (["OrderAccepted", "RoutePlaced"], "TradeApplied")
    assert live[0]["orderAccepted"]["checks"]
    assert live[1]["routePlaced"]["children"][0]["symbol"] == live[-1]["symbol"] == "MSFT"
    assert asyncio.run(follow({"ACC-HF-001": numbers[0] - 1})) == live


def test_grpc_has_the_same_doors(rig: StackRig) -> None:
    client = rig.client("trader1")
    metadata = {"authorization": f"Bearer {client.token}"}

    async def run() -> None:
        api = Channel("127.0.0.1", rig.layout.port("api_grpc"))
        core = Channel("127.0.0.1", rig.layout.port("core_grpc"))
        try:
            request = PlaceOrderRequest(
                client_order_id=f"grpc-{time.time_ns()}", account_id="ACC-INST-002", symbol="V",
                side=Side.BUY, order_type=OrderType.MARKET, quantity=10, time_in_force=TimeInForce.DAY,
                channel="GRPC",
            )  # fmt: skip
            placed = await OrderServiceStub(api).place_order(request, metadata=metadata)
            assert placed.created
            await asyncio.to_thread(until_status, client, placed.order_id, "FILLED")
            found = await OrderServiceStub(api).get_order(
                GetOrderRequest(order_id=placed.order_id), metadata=metadata
            )
            assert (found.status, found.cum_qty) == (OrderStatus.FILLED, 10)
            position = await RiskServiceStub(core).get_position(
                GetPositionRequest(account_id="ACC-INST-002", symbol="V")
            )
            assert position.quantity >= 10
            verdict = await RiskServiceStub(core).check_risk(
                CheckRiskRequest(
                    account_id="ACC-RET-001",
                    terms=OrderTerms(
                        account_id="ACC-RET-001", channel="GRPC", client_order_id="asked", symbol="V",
                        side=Side.BUY, order_type=OrderType.LIMIT, time_in_force=TimeInForce.DAY,
                        quantity=10, limit_price_micros=9_999_000_000,
                    ),
                )
            )  # fmt: skip
            assert verdict.denial.startswith("PRICE_OUTSIDE_COLLAR: price=9999")
        finally:
            api.close()
            core.close()

    asyncio.run(run())


def test_every_process_answers_health_and_metrics(rig: StackRig) -> None:
    for name in ("api_health", "core_health", "sor_health", "adapter_health", "broker_health"):
        base = f"http://127.0.0.1:{rig.layout.port(name)}"
        for page in ("/health/live", "/health/ready", "/actuator/health", "/metrics", "/actuator/prometheus"):
            with urllib.request.urlopen(base + page, timeout=5) as answer:
                assert answer.status == 200, base + page


def test_the_command_line_tells_an_orders_story(rig: StackRig) -> None:
    submitted = rig.oms("submit", "--symbol", "AAPL", "--side", "buy", "--quantity", "300")
    order_id = json.loads(submitted.stdout)["orderId"]
    until_status(rig.client(), order_id, "FILLED")
    story = rig.oms("explain", order_id).stdout
    for part in ("OrderAccepted", "Route card", "Fills", "FILLED"):
        assert part in story
    assert rig.oms("status").returncode == 0
    assert rig.oms("token", "--user", "risk1").stdout.count(".") == 2
    assert rig.oms("up", "--port", str(rig.layout.base_port)).returncode == 1


def test_taken_ports_are_named_before_anything_starts(rig: StackRig, tmp_path: Path) -> None:
    other = StackRig(layout=Layout(data=tmp_path, base_port=rig.layout.base_port), kafka="memory")
    result = other.oms("up", "--detach", "--port", str(rig.layout.base_port))
    assert result.returncode == 1
    assert f"{rig.layout.base_port} (oms-api REST and WebSocket)" in result.stderr


@pytest.mark.timeout(RESTARTS_S_MAX)
def test_killing_each_process_under_load_loses_and_doubles_nothing(rig: StackRig) -> None:
    # A real broker's restart takes ten seconds and more where tests run beside it.
    bench = rig.start_bench(40, 8 * len(KILLED_UNDER_LOAD), *RETRY)
    bench.await_part(0.05)
    for name in KILLED_UNDER_LOAD:
        time.sleep(2.5)
        rig.await_ready_again(name, rig.kill(name))
    figures = bench.figures()
    assert (figures["lost"], figures["duplicates"]) == (0, 0)
    assert figures["acked"] == figures["sent"], figures["not_acked"]
    assert broken(rig.verify()) == []


@pytest.mark.timeout(RESTARTS_S_MAX)
def test_after_kafka_is_wiped_every_live_order_is_driven_on(rig: StackRig) -> None:
    # Long enough to be under way when everything stops, on a machine that takes seconds to start `oms down`.
    bench = rig.start_bench(40, 25, *RETRY)
    bench.await_part(0.1)
    rig.wipe_kafka()
    figures = bench.figures()
    assert (figures["lost"], figures["duplicates"]) == (0, 0)
    assert figures["acked"] == figures["sent"], figures["not_acked"]
    assert broken(rig.verify()) == []
