"""Every channel of the WebSocket at once, on the whole stack: an order that is sent there moves them all."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import aiohttp

from oms_tools.cli.client import ApiClient
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig

ACCOUNT, SYMBOL = "ACC-INST-003", "PG"
CHANNELS = ["orders", "executions", "positions", "quotes", "alerts"]


def add_up(client: ApiClient, mine: dict[str, Any]) -> None:
    """Hold what was told of a position to its execution's fee, and to how its account stands."""
    (execution, *_) = client.get("/api/v1/executions", accountId=ACCOUNT)["executions"]
    assert execution["lastLiquidity"] == 2
    assert Decimal(execution["fee"]) > 0
    assert execution["settlesOn"] > execution["recordedAt"][:10]
    stands = client.get(f"/api/v1/accounts/{ACCOUNT}/pnl")
    cash = sum(Decimal(one["netCash"]) - Decimal(one["fees"]) for one in stands["positions"])
    assert Decimal(stands["cash"]) == cash == sum(Decimal(one["amount"]) for one in stands["unsettled"])
    (same,) = [one for one in stands["positions"] if one["symbol"] == SYMBOL]
    assert (same["quantity"], same["fees"]) == (mine["quantity"], mine["fees"])
    assert (stands["settledCash"], stands["stale"]) == ("0", False)


def test_an_order_on_the_websocket_is_seen_on_every_channel(rig: StackRig) -> None:
    client = rig.client("admin1")
    url = client.url.replace("http", "ws", 1) + "/api/v1/stream"
    told: dict[str, list[dict[str, Any]]] = defaultdict(list)

    async def until(socket: aiohttp.ClientWebSocketResponse, holds: Callable[[], bool]) -> None:
        """Read until something holds of what was told."""
        async with asyncio.timeout(EVENTUALLY_S):
            while not holds():
                frame = await socket.receive_json()
                told[frame["type"]].append(frame)

    def rows(kind: str) -> list[dict[str, Any]]:
        return [row for frame in told[kind] for row in frame[kind]]

    async def scenario() -> None:
        headers = {"Authorization": f"Bearer {client.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.ws_connect(url, max_msg_size=0) as socket,
        ):
            asked = {"accounts": [ACCOUNT], "symbols": [SYMBOL], "channels": CHANNELS, "snapshot": True}
            await socket.send_json({"type": "subscribe"} | asked)
            await until(
                socket, lambda: all(told[kind] for kind in ("snapshot", "positions", "quotes", "alerts"))
            )
            assert all(told[kind][0]["snapshot"] for kind in ("positions", "quotes", "alerts"))
            quoted = rows("quotes")[0]["sequence"]
            held = sum(row["quantity"] for row in rows("positions") if row["symbol"] == SYMBOL)
            order = {
                "clientOrderId": uuid.uuid4().hex, "accountId": ACCOUNT, "symbol": SYMBOL, "side": "BUY",
                "orderType": "MARKET", "quantity": 100, "timeInForce": "DAY",
            }  # fmt: skip
            await socket.send_json({"type": "place", "id": "a", "order": order})
            await until(socket, lambda: bool(told["placed"]))
            order_id = told["placed"][0]["orderId"]
            await until(socket, lambda: any(row.get("cumQty") == 100 for row in rows("events")))
            told["positions"].clear()
            await until(socket, lambda: any(row["quantity"] == held + 100 for row in rows("positions")))
            (mine,) = [row for row in rows("positions") if row["quantity"] == held + 100][-1:]
            assert (mine["markSource"], mine["stale"]) == ("QUOTE", False)
            await asyncio.to_thread(add_up, client, mine)
            await until(socket, lambda: any(row["sequence"] > quoted for row in rows("quotes")))
            assert told["quotes"][-1]["live"]
            stop = {"symbol": SYMBOL, "reason": "seen on the alerts channel"}
            switch = await asyncio.to_thread(client.post, "/api/v1/kill-switches", stop)
            await until(socket, lambda: any(row["alertId"] == switch["switchId"] for row in rows("alerts")))
            path = f"/api/v1/kill-switches/{switch['switchId']}/release"
            await asyncio.to_thread(client.post, path, {"reason": "it was seen"})
            over = (switch["switchId"], False)
            await until(socket, lambda: over in [(row["alertId"], row["open"]) for row in rows("alerts")])
            numbers = [row["streamSequence"] for row in rows("events")]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert numbers[0] == told["snapshot"][0]["streamSequence"] + 1
            (listed,) = client.get("/api/v1/orders", clientOrderId=order["clientOrderId"])["orders"]
            assert (listed["orderId"], listed["status"]) == (order_id, "FILLED")

    asyncio.run(scenario())
