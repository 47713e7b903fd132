"""Channels beside orders, and orders on the WebSocket: how things stand, for whom, and how often."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from oms_api.domain.idempotency import StoredOrder
from oms_api.domain.marks import Mark, MarkSource
from oms_api.entrypoints import state_channels, websocket
from oms_api.ports import AlertView, ExecutionView, HeldPosition, QuoteView
from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.vocabulary import OrderStatus
from oms_platform.wire import encode
from tests.unit.oms_api.stream_rig import Client, Door, serving
from tests.unit.oms_api.test_event_hub import NOW, event, read
from tests.unit.oms_api.test_handlers import view

ORDER = {
    "clientOrderId": "c-1", "accountId": "A", "symbol": "S", "side": "BUY", "orderType": "LIMIT",
    "quantity": 10, "limitPrice": "1.25", "timeInForce": "DAY",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POSITIONS_EVERY_S", "MARKS_EVERY_S", "QUOTES_EVERY_S", "ALERTS_EVERY_S"):
        monkeypatch.setattr(state_channels, name, 0.01)


def run(scenario: Callable[[Door], Awaitable[None]]) -> None:
    async def serve() -> None:
        async with serving() as door:
            await scenario(door)

    asyncio.run(serve())


def position(account: str, symbol: str, quantity: int) -> HeldPosition:
    zero = Decimal(0)
    return HeldPosition(symbol, quantity, Decimal(1), zero, Decimal(-1), NOW, zero, zero, account)


def quote(symbol: str, sequence: int) -> QuoteView:
    traded = Decimal("1.26"), 300, 300 * sequence
    return QuoteView(symbol, sequence, Decimal("1.24"), 100, Decimal("1.26"), 200, NOW, *traded)


def alert(name: str, account: str | None, kind: str = "EXECUTION_EXCEPTION") -> AlertView:
    return AlertView(name, kind, True, account, "XNAS", None, NOW, "why")


async def until(client: Client, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Read frames until one holds."""
    while not holds(frame := await client.next()):
        pass
    return frame


# ---- executions


def test_of_executions_only_trades_are_told_and_where_to_go_on_after_what_was_left_out() -> None:
    async def scenario(door: Door) -> None:
        accepted = msgspec.structs.replace(event(2), type="OrderAccepted", text='"type":"TradeApplied"')
        door.store.events = [
            (1, encode(event(1)).decode()),
            (2, encode(accepted).decode()),
            (3, encode(event(3)).decode()),
        ]
        async with door.client() as client:
            await client.ask("subscribe", accounts=["A"], channels=["executions"], **{"from": {"A": 0}})
            told = await client.next()
            assert [item["streamSequence"] for item in told["events"]] == [1, 3]
            live = msgspec.structs.replace(accepted, stream_sequence=4, status=OrderStatus.FILLED)
            door.hub.on_events([read(encode(live)), read(encode(event(5)))])
            assert [item["streamSequence"] for item in (await client.next())["events"]] == [5]

    run(scenario)


def test_a_snapshot_of_executions_ends_where_its_events_go_on() -> None:
    async def scenario(door: Door) -> None:
        door.store.events = [(2, encode(event(2)).decode())]
        door.store.orders = [view()]
        door.store.executed = [
            ExecutionView(
                uuid7(),
                number,
                "A",
                "XNAS",
                f"e{number}",
                "c",
                "S",
                "BUY",
                1,
                Decimal(1),
                NOW,
                NOW,
                NOW,
                Decimal(0),
                None,
                0,
            )
            for number in (1, 2, 3)
        ]
        async with door.client() as client:
            await client.ask("subscribe", accounts=["A"], channels=["executions"], snapshot=True)
            snapshot = await client.next()
            assert (snapshot["orders"], snapshot["streamSequence"]) == (None, 2)
            assert [one["execId"] for one in snapshot["executions"]] == ["e1", "e2"]
            both = ["orders", "executions"]
            await client.ask("subscribe", accounts=["A"], channels=both, snapshot=True)
            snapshot = await until(client, lambda frame: frame["type"] == "snapshot")
            assert (len(snapshot["orders"]), len(snapshot["executions"])) == (1, 2)

    run(scenario)


def test_who_leaves_orders_and_stays_for_executions_goes_on_without_a_gap() -> None:
    async def scenario(door: Door) -> None:
        async with door.client() as client:
            await client.ask("subscribe", accounts=["A"], channels=["orders", "executions"])
            gone = await client.ask("unsubscribe", channels=["orders"], accounts=["A"])
            assert (gone["channels"], gone["accounts"]) == (["orders"], ["A"])
            accepted = msgspec.structs.replace(event(1), type="OrderAccepted")
            door.hub.on_events([read(encode(accepted)), read(encode(event(2)))])
            assert [item["streamSequence"] for item in (await client.next())["events"]] == [2]

    run(scenario)


# ---- positions, quotes, alerts


def test_positions_are_told_whole_and_then_those_that_a_trade_has_changed() -> None:
    async def scenario(door: Door) -> None:
        door.desk.held = {"a": position("A", "S", 1), "b": position("A", "T", 2), "c": position("C", "S", 3)}
        async with door.client() as client:
            await client.ask("subscribe", accounts=["A", "B"], channels=["positions"])
            first = await client.next()
            assert (first["snapshot"], first["accounts"]) == (True, ["A", "B"])
            assert [(one["symbol"], one["quantity"]) for one in first["positions"]] == [("S", 1), ("T", 2)]
            asked = door.desk.asked
            door.states.on_events([read(encode(event(1, "C")))])
            await asyncio.sleep(0.05)
            assert door.desk.asked == asked
            door.desk.held["b"] = position("A", "T", 7)
            door.states.on_events([read(encode(event(1)))])
            told = await client.next()
            assert [(one["symbol"], one["quantity"]) for one in told["positions"]] == [("T", 7)]

    run(scenario)


def test_a_position_is_told_again_at_another_mark_and_says_where_the_mark_is_from() -> None:
    async def scenario(door: Door) -> None:
        door.desk.held = {"a": position("A", "S", 10), "b": position("A", "T", 2)}
        async with door.client() as client:
            await client.ask("subscribe", accounts=["A"], channels=["positions"])
            first = await client.next()
            assert [(one["mark"], one["markSource"], one["unrealizedPnl"]) for one in first["positions"]] == [
                (None, "NONE", None), (None, "NONE", None),
            ]  # fmt: skip
            asked = door.desk.asked
            door.desk.marked["S"] = Mark(micros=2_500_000, source=MarkSource.QUOTE, at=NOW)
            (told,) = (await client.next())["positions"]
            assert (told["symbol"], told["mark"], told["stale"]) == ("S", "2.5", False)
            assert (told["unrealizedPnl"], told["totalPnl"]) == ("24", "24")
            door.desk.marked["S"] = Mark(micros=2_500_000, source=MarkSource.STALE, at=NOW, reason="crossed")
            (told,) = (await client.next())["positions"]
            assert (told["mark"], told["stale"], told["markReason"]) == ("2.5", True, "crossed")
            # Marks move, and Postgres is not asked for it.
            assert door.desk.asked == asked

    run(scenario)


def test_a_client_that_does_not_read_is_told_the_newest_of_each_thing() -> None:
    async def scenario(door: Door) -> None:
        async with door.client() as client:
            await client.ask("subscribe", symbols=["S"])
            await client.next()
            # The writer cannot run between these: what waits is replaced.
            for number in range(1, 500):
                door.desk.quoted["S"] = quote("S", number)
                door.states._take_quotes([door.desk.quoted["S"]])
            told = await client.next()
            assert [one["sequence"] for one in told["quotes"]] == [499]

    run(scenario)


def test_quotes_that_do_not_come_in_any_more_are_not_called_live() -> None:
    async def scenario(door: Door) -> None:
        door.desk.quoted["S"] = quote("S", 1)
        async with door.client() as client:
            await client.ask("subscribe", symbols=["S"])
            first = await client.next()
            assert (first["snapshot"], first["live"], len(first["quotes"])) == (True, True, 1)
            door.desk.live = False
            assert (await until(client, lambda frame: not frame.get("live", True)))["symbols"] == ["S"]
            door.desk.live = True
            assert await until(client, lambda frame: frame.get("live", False))

    run(scenario)


def test_a_channel_whose_work_fails_lets_its_listeners_go_and_begins_anew() -> None:
    async def scenario(door: Door) -> None:
        door.desk.quoted["S"] = quote("S", 1)
        newest = door.desk.newest

        def fail(_symbol: str) -> QuoteView | None:
            raise ValueError("not foreseen")

        async with door.client() as client, door.client() as other:
            await other.ask("subscribe", channels=["alerts"])
            await client.ask("subscribe", symbols=["S"])
            door.desk.newest = fail  # type: ignore[method-assign]
            assert (await client.closed())[0] == websocket.CLOSE_TRY_AGAIN
            assert (await other.ask("ping"))["type"] in ("alerts", "pong")
        door.desk.newest = newest  # type: ignore[method-assign]
        async with door.client() as again:
            await again.ask("subscribe", symbols=["S"])
            await again.next()
            door.desk.quoted["S"] = quote("S", 2)
            told = await until(again, lambda frame: bool(frame["quotes"]))
            assert [one["sequence"] for one in told["quotes"]] == [2]

    run(scenario)


def test_quotes_are_followed_only_while_somebody_listens() -> None:
    async def scenario(door: Door) -> None:
        async with door.client() as one, door.client() as other:
            for client in (one, other):
                await client.ask("subscribe", symbols=["S"])
                await client.next()
            assert door.desk.following
            await one.ask("unsubscribe", symbols=["S"])
            await asyncio.sleep(0.02)
            assert door.desk.following
        async with asyncio.timeout(5):
            while door.desk.following:
                await asyncio.sleep(0.01)

    run(scenario)


def test_alerts_open_and_end_for_who_may_know_of_them() -> None:
    async def scenario(door: Door) -> None:
        door.tokens.give("desk", "*")
        switch = alert("k", None, "KILL_SWITCH")
        firms = alert("f", None, "RISK_LIMIT")
        door.desk.attention = [alert("x", "A"), alert("y", "C"), alert("z", None), switch, firms]
        async with door.client() as trader, door.client("desk") as desk:
            seen = []
            for client in (trader, desk):
                await client.ask("subscribe", channels=["alerts"])
                seen.append({one["alertId"] for one in (await client.next())["alerts"]})
            assert seen == [{"x", "k"}, {"x", "y", "z", "k", "f"}]
            door.desk.attention = [alert("x", "A"), switch, alert("n", "C"), firms]
            ended = await until(desk, lambda frame: bool(frame["alerts"]))
            found = {one["alertId"]: one["open"] for one in ended["alerts"]}
            while found.keys() != {"y", "z", "n"}:
                found |= {one["alertId"]: one["open"] for one in (await desk.next())["alerts"]}
            assert found == {"y": False, "z": False, "n": True}
            door.desk.attention = []
            told = await until(trader, lambda frame: bool(frame["alerts"]))
            assert {one["alertId"] for one in told["alerts"]} <= {"x", "k"}

    run(scenario)


def test_another_token_ends_positions_that_it_may_not_see() -> None:
    async def scenario(door: Door) -> None:
        door.tokens.give("less", "B")
        async with door.client() as client:
            await client.ask("subscribe", accounts=["A", "B"], channels=["positions"])
            await client.next()
            await client.ask("auth", token="less")
            assert (await client.next())["accounts"] == ["A"]
            door.desk.held = {"a": position("A", "S", 9), "b": position("B", "S", 8)}
            door.states.on_events([read(encode(event(1))), read(encode(event(1, "B")))])
            told = await client.next()
            assert [one["accountId"] for one in told["positions"]] == ["B"]

    run(scenario)


# ---- orders


def test_an_order_is_placed_canceled_and_answered_under_the_clients_id() -> None:
    async def scenario(door: Door) -> None:
        door.tokens.give("trader", "A", role="trader")
        async with door.client("trader") as client:
            placed = await client.ask("place", id="1", order=ORDER)
            assert (placed["type"], placed["id"], placed["created"]) == ("placed", "1", True)
            (stored,) = door.reference.orders
            terms = stored.message.terms
            assert (terms.limit_price_micros, terms.channel) == (1_250_000, "API")
            door.reference.order_view = view(order_id=stored.message.order_id)
            canceled = await client.ask("cancel", id="2", orderId=placed["orderId"], channel="DESK")
            assert (canceled["type"], canceled["id"]) == ("cancelRequested", "2")
            assert door.reference.cancels[0].message.channel == "DESK"

    run(scenario)


@pytest.mark.parametrize(
    ("role", "change", "code", "fields"),
    [
        ("viewer", {}, "FORBIDDEN", []),
        ("trader", {"quantity": 1.5}, "INVALID_REQUEST", ["quantity"]),
        ("trader", {"accountId": "C"}, "INVALID_REQUEST", ["accountId"]),
        ("trader", {"limitPrice": 10**30, "x": 1}, "INVALID_REQUEST", ["limitPrice", "x"]),
    ],
)
def test_an_order_that_rest_refuses_is_refused_here_and_not_stored(
    role: str, change: dict[str, Any], code: str, fields: list[str]
) -> None:
    async def scenario(door: Door) -> None:
        door.tokens.give("caller", "A", role=role)
        async with door.client("caller") as client:
            refused = await client.ask("place", id="1", order=ORDER | change)
            assert (refused["type"], refused["id"], refused["error"]["code"]) == ("refused", "1", code)
            assert sorted(one["field"] for one in refused["error"]["fields"]) == fields
            assert not door.reference.orders

    run(scenario)


@pytest.mark.parametrize(
    ("kind", "asked"), [("place", {"order": ORDER}), ("cancel", {"orderId": str(uuid7())})]
)
def test_a_wrong_channel_is_called_by_the_name_that_it_has_here(kind: str, asked: dict[str, Any]) -> None:
    async def scenario(door: Door) -> None:
        door.tokens.give("trader", "A", role="trader")
        async with door.client("trader") as client:
            refused = await client.ask(kind, id="1", channel="no channel", **asked)
            assert [one["field"] for one in refused["error"]["fields"]] == ["channel"]

    run(scenario)


def test_an_order_that_is_worked_on_when_its_token_ends_is_answered_before_the_close() -> None:
    async def scenario(door: Door) -> None:
        door.tokens.give("trader", "A", role="trader", lifetime_s=0.3)
        gate = asyncio.Event()

        async def slowly(order: Any) -> StoredOrder:
            await gate.wait()
            return StoredOrder(order_id=uuid7(), created_at=utc_now(), created=True)

        door.reference.submit = slowly  # type: ignore[method-assign]
        async with door.client("trader") as client:
            await client.say("place", id="1", order=ORDER)
            # Well after the end of the token; one that comes then is not begun.
            asyncio.get_running_loop().call_later(0.8, gate.set)
            asyncio.get_running_loop().call_later(
                0.6, lambda: asyncio.ensure_future(client.say("place", id="2", order=ORDER))
            )
            assert await client.closed() == (1008, websocket.EXPIRED)
            assert [(one["type"], one["id"]) for one in client.got] == [("placed", "1")]

    run(scenario)


def test_an_order_that_was_stored_by_another_door_is_found_by_its_key_whatever_its_rate() -> None:
    async def scenario(door: Door) -> None:
        door.tokens.give("trader", "A", role="trader")
        door.reference.stored = StoredOrder(order_id=uuid7(), created_at=utc_now(), created=False)
        async with door.client("trader") as client:
            door.reference.wait_s = 5.0
            placed = await client.ask("place", id="1", order=ORDER)
            assert (placed["type"], placed["created"]) == ("placed", False)

    run(scenario)


def test_so_many_orders_are_worked_on_at_once_and_each_is_answered_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "ORDERS_AT_ONCE_MAX", 5)

    async def scenario(door: Door) -> None:
        door.tokens.give("trader", "A", role="trader")
        working, most = 0, 0
        gate = asyncio.Event()

        async def slowly(order: Any) -> StoredOrder:
            nonlocal working, most
            working += 1
            most = max(most, working)
            await gate.wait()
            working -= 1
            return StoredOrder(order_id=uuid7(), created_at=utc_now(), created=True)

        door.reference.submit = slowly  # type: ignore[method-assign]
        async with door.client("trader") as client:
            for number in range(200):
                await client.say("place", id=str(number), order=ORDER | {"clientOrderId": str(number)})
            async with asyncio.timeout(5):
                while working < 5:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            assert most == 5
            gate.set()
            answers = [await client.next() for _ in range(200)]
            assert sorted(int(one["id"]) for one in answers) == list(range(200))
            assert {one["type"] for one in answers} == {"placed"}
            assert most == 5

    run(scenario)


def test_what_a_gateway_that_stops_has_begun_is_answered_before_it_closes() -> None:
    async def scenario(door: Door) -> None:
        door.tokens.give("trader", "A", role="trader")
        begun, gate = asyncio.Event(), asyncio.Event()

        async def slowly(order: Any) -> StoredOrder:
            begun.set()
            await gate.wait()
            return StoredOrder(order_id=order.message.order_id, created_at=utc_now(), created=True)

        door.reference.submit = slowly  # type: ignore[method-assign]
        async with door.client("trader") as client:
            await client.say("place", id="1", order=ORDER)
            await begun.wait()
            door.hub.stopping.set()
            asyncio.get_running_loop().call_later(0.1, gate.set)
            code, _ = await client.closed()
            assert code == websocket.CLOSE_RESTART
            assert [(one["type"], one["id"]) for one in client.got] == [("placed", "1")]

    run(scenario)
