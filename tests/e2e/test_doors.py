"""One order, four doors: REST, WebSocket, gRPC and FIX are ways to the same orders."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import websockets
from grpclib.client import Channel

from oms_platform.ids import uuid7
from oms_tools.laptop.parts import postgres_dsn
from oms_tools.laptop.stack import DEMO_FIX_CLIENT, DEMO_FIX_PASSWORD
from proto.gen.oms.v1 import OrderServiceStub, OrderType, PlaceOrderRequest, Side, TimeInForce
from tests.e2e.fix_client import FixClient
from tests.e2e.orders import place, until_status
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig

RESTS = {"symbol": "AAPL", "orderType": "LIMIT", "limitPrice": "150", "quantity": 100}


@pytest.fixture
def client(rig: StackRig, tmp_path: Path) -> Iterator[FixClient]:
    names = DEMO_FIX_CLIENT.comp_id, DEMO_FIX_CLIENT.username
    made = FixClient(rig.layout.port("api_fix"), tmp_path, *names, DEMO_FIX_PASSWORD)
    made.start()
    yield made
    made.stop()


async def over_websocket(rig: StackRig, token: str, **message: Any) -> dict[str, Any]:
    """Ask one thing on a WebSocket, and return its answer."""
    url = rig.layout.api_url.replace("http", "ws", 1) + "/api/v1/stream"
    async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        await socket.send(json.dumps({"id": "1"} | message))
        async with asyncio.timeout(EVENTUALLY_S):
            answer: dict[str, Any] = json.loads(await socket.recv())
            return answer


async def over_grpc(rig: StackRig, token: str, cl_ord_id: str, channel: str) -> tuple[str, bool]:
    """Place the resting order over gRPC. Returns its id and whether it is new."""
    request = PlaceOrderRequest(
        client_order_id=cl_ord_id,
        account_id="ACC-INST-001",
        symbol="AAPL",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=100,
        limit_price="150",
        time_in_force=TimeInForce.DAY,
        channel=channel,
    )
    opened = Channel("127.0.0.1", rig.layout.port("api_grpc"))
    try:
        stub = OrderServiceStub(opened)
        answer = await stub.place_order(request, metadata={"authorization": f"Bearer {token}"})
        return answer.order_id, answer.created
    finally:
        opened.close()


def requests_of(rig: StackRig, order_id: str) -> list[str]:
    """Return what was stored about an order, in its order."""
    with psycopg.connect(postgres_dsn(rig.layout.port("postgres")), autocommit=True) as connection:
        found = connection.execute(
            "SELECT kind FROM order_requests WHERE order_id = %s ORDER BY request_id", (order_id,)
        )
        return [row[0] for row in found.fetchall()]


def test_one_order_by_four_doors_is_stored_once_told_to_its_fix_client_and_canceled_by_any(
    rig: StackRig, client: FixClient
) -> None:
    trader = rig.client("trader1")
    cl_ord_id = f"four-{uuid7().hex[-12:]}"
    client.order(cl_ord_id, 100, "150.00")
    order_id = client.wait_for(cl_ord_id, lambda one: one["150"] == "0")["37"]
    body = {"clientOrderId": cl_ord_id, "accountId": "ACC-INST-001", "side": "BUY", "timeInForce": "DAY"}
    placed = asyncio.run(over_websocket(rig, trader.token, type="place", channel="FIX", order=RESTS | body))
    assert (placed["type"], placed["orderId"], placed["created"]) == ("placed", order_id, False)
    assert asyncio.run(over_grpc(rig, trader.token, cl_ord_id, "FIX")) == (order_id, False)
    again = trader.post("/api/v1/orders", RESTS | body, {"X-OMS-Channel": "FIX"})
    assert (again["orderId"], again["created"]) == (order_id, False)
    # REST's channel is another one unless it says so: there the same id is free.
    other = place(trader, clientOrderId=cl_ord_id, **RESTS)
    assert (other["created"], other["orderId"] != order_id) == (True, True)
    assert asyncio.run(over_grpc(rig, trader.token, cl_ord_id, "")) == (other["orderId"], False)

    canceled = asyncio.run(over_websocket(rig, trader.token, type="cancel", orderId=order_id))
    assert canceled["type"] == "cancelRequested"
    told = client.wait_for(cl_ord_id, lambda one: one["150"] == "4")
    assert (told["37"], told["39"], told["151"]) == (order_id, "4", "0")
    assert requests_of(rig, order_id) == ["NEW", "CANCEL"]
    # What came by another door is another's for a FIX session, and nothing of it is told or taken.
    client.send("F", f"11={cl_ord_id}-x|41={cl_ord_id}|55=AAPL|54=1|38=100")
    refused = client.wait_for(f"{cl_ord_id}-x", lambda one: one["35"] == "9")
    assert (refused["102"], refused["39"]) == ("0", "4")
    assert {one["37"] for one in client.reports(cl_ord_id)} == {order_id}
    trader.delete(f"/api/v1/orders/{other['orderId']}")
    until_status(trader, other["orderId"], "CANCELED")
