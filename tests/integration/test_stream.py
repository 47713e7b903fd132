"""The WebSocket and the reserve of cancels on a real gateway, Postgres, Redis, Kafka and issuer."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from oms_api.adapters.postgres_reader import PostgresReader
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.vocabulary import OrderStatus
from oms_platform.wire import encode
from tests.integration.api_rig import Gateway, event, gateway, store_events
from tests.integration.test_api import Listener, send

ACCOUNT = "ACC-HF-001"


@pytest.fixture
def api(tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings) -> Iterator[Gateway]:
    with gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port) as made:
        yield made


def listen(api: Gateway, scenario: Any, **token: Any) -> None:
    async def run() -> None:
        url = f"ws://127.0.0.1:{api.http_port}/api/v1/stream?access_token={api.token(**token)}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await scenario(Listener(socket))

    asyncio.run(run())


async def closed(listener: Listener) -> tuple[int | None, str]:
    """Read on until the socket is closed. Returns the code and the reason."""
    async with asyncio.timeout(15):
        while (message := await listener.socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
    return listener.socket.close_code, str(message.extra)


def test_a_websocket_ends_with_its_token_unless_there_is_another_one(api: Gateway) -> None:
    # A busy machine takes seconds to connect, and one that is over by then is refused at the door.
    lifetime_s = 12

    async def ends(listener: Listener) -> None:
        began = time.time()
        await listener.subscribe(ACCOUNT)
        assert await closed(listener) == (1008, "the token has expired: connect again with a new one")
        assert 0.5 <= time.time() - began <= lifetime_s + 2

    async def goes_on(listener: Listener) -> None:
        await listener.subscribe(ACCOUNT)
        await listener.socket.send_json({"type": "auth", "token": api.token(lifetime_s=600)})
        assert (await listener.next())["type"] == "authenticated"
        await asyncio.sleep(lifetime_s + 1)
        await listener.socket.send_json({"type": "ping"})
        assert await listener.next() == {"type": "pong"}

    listen(api, ends, lifetime_s=lifetime_s)
    listen(api, goes_on, lifetime_s=lifetime_s)


def test_a_message_of_more_than_64_kib_ends_with_1009_before_and_after_the_token(api: Gateway) -> None:
    async def scenario(listener: Listener) -> None:
        await listener.socket.send_str("x" * 65_537)
        assert (await closed(listener))[0] == 1009

    async def nobody() -> None:
        url = f"ws://127.0.0.1:{api.http_port}/api/v1/stream"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await scenario(Listener(socket))

    listen(api, scenario)
    asyncio.run(nobody())


def test_twenty_cancels_of_one_order_at_once_are_one_request(api: Gateway) -> None:
    order_id = api.place().json["orderId"]
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: api.call("DELETE", f"/api/v1/orders/{order_id}"), range(20)))
    assert {reply.status for reply in replies} == {202}
    (request_id,) = {reply.json["requestId"] for reply in replies}
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        kept = "SELECT request_id::text FROM order_requests WHERE order_id = %s AND kind = 'CANCEL'"
        assert connection.execute(kept, (order_id,)).fetchall() == [(request_id,)]
        # Core takes it, and the venue keeps the order: what is asked for then is another cancel.
        for number, kind in ((2, "CancelRequested"), (3, "CancelRejected")):
            connection.execute(
                "INSERT INTO order_events VALUES (%s, %s, 'ACC-INST-001', %s, %s, %s, '{}', now())",
                (order_id, number, number, kind, request_id),
            )
            status = "PENDING_CANCEL" if kind == "CancelRequested" else "ACKNOWLEDGED"
            connection.execute("UPDATE orders SET status = %s WHERE order_id = %s", (status, order_id))
            again = [api.call("DELETE", f"/api/v1/orders/{order_id}").json["requestId"] for _ in range(3)]
            assert len(set(again)) == 1
            assert (again[0] == request_id) == (status == "PENDING_CANCEL")
        assert len(connection.execute(kept, (order_id,)).fetchall()) == 2


def test_cancels_are_taken_while_new_orders_are_over_the_rate(
    tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings
) -> None:
    bounds = {"OMS_API_RATE_PER_S": "1", "OMS_API_RATE_BURST": "10"}
    with gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port, **bounds) as api:
        placed = [api.place(user="desk") for _ in range(30)]
        orders = [reply.json["orderId"] for reply in placed if reply.status == 201]
        assert {reply.status for reply in placed} == {201, 429}
        canceled = [api.call("DELETE", f"/api/v1/orders/{order}", user="desk").status for order in orders[:8]]
        assert canceled == [202] * 8
        assert api.place(user="desk").status == 429


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_two_authorization_headers_are_400_on_every_route(api: Gateway, method: str) -> None:
    async def scenario() -> None:
        for path in ("/api/v1/orders", f"/api/v1/orders/{uuid.uuid4()}", "/nowhere"):
            for tokens in ((api.token(), "bad"), ("bad", api.token())):
                reader, writer = await asyncio.open_connection("127.0.0.1", api.http_port)
                head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n"
                head += "".join(f"Authorization: Bearer {token}\r\n" for token in tokens)
                writer.write(f"{head}Content-Type: application/json\r\n\r\n{{}}".encode())
                said = await asyncio.wait_for(reader.read(), 10)
                assert said.startswith(b"HTTP/1.1 400"), said
                assert b'"Authorization"' in said
                writer.close()

    asyncio.run(scenario())


def test_a_snapshot_is_what_rest_says_and_is_followed_by_what_came_after_it(
    api: Gateway, memory_kafka: KafkaSettings
) -> None:
    """Orders change while clients come: each one's snapshot and what follows it give what is stored."""
    orders = [uuid.UUID(api.place(accountId=ACCOUNT, quantity=1_000).json["orderId"]) for _ in range(5)]
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        connection.execute(
            "UPDATE orders SET status = 'CANCELED', closed = true, leaves_qty = 0 WHERE order_id = %s",
            (orders[4],),
        )

    def trade(number: int) -> Any:
        """Fill a share of an order as core does: the order, the event and the head in one transaction."""
        order_id, cum_qty = orders[number % 4], (number - 1) // 4 + 1
        item = event(
            ACCOUNT, number, order_id=order_id, sequence=cum_qty + 1, type="TradeApplied",
            status=OrderStatus.PARTIALLY_FILLED, quantity=1_000, cum_qty=cum_qty, leaves_qty=1_000 - cum_qty,
        )  # fmt: skip
        with psycopg.connect(api.dsn) as connection:
            connection.execute(
                "UPDATE orders SET status = 'PARTIALLY_FILLED', cum_qty = %s, leaves_qty = %s,"
                " filled_notional = %s WHERE order_id = %s",
                (cum_qty, 1_000 - cum_qty, 187 * cum_qty, order_id),
            )
            connection.execute(
                "INSERT INTO account_streams VALUES (%s, %s)"
                " ON CONFLICT (account_id) DO UPDATE SET head = EXCLUDED.head",
                (ACCOUNT, number),
            )
            connection.execute(
                "INSERT INTO order_events VALUES (%s, %s, %s, %s, 'TradeApplied', NULL, %s, now())",
                (order_id, cum_qty + 1, ACCOUNT, number, encode(item).decode()),
            )
        return item

    async def scenario() -> None:
        stop = asyncio.Event()
        last = 0

        async def go_on() -> None:
            nonlocal last
            while not stop.is_set():
                items = [await asyncio.to_thread(trade, last + step) for step in (1, 2, 3)]
                last += 3
                await asyncio.to_thread(send, memory_kafka, *items[::-1])

        trading = asyncio.create_task(go_on())
        url = f"ws://127.0.0.1:{api.http_port}/api/v1/stream?access_token={api.token()}"
        async with aiohttp.ClientSession() as session:
            for _ in range(8):
                async with session.ws_connect(url) as socket:
                    await socket.send_json({"type": "subscribe", "accounts": [ACCOUNT], "snapshot": True})
                    listener = Listener(socket)
                    assert (await listener.next())["type"] == "subscribed"
                    snapshot = await listener.next()
                    held = {order["orderId"]: order["cumQty"] for order in snapshot["orders"]}
                    assert set(held) == {str(order_id) for order_id in orders[:4]}
                    assert sum(held.values()) == snapshot["streamSequence"]
                    for number in range(snapshot["streamSequence"] + 1, snapshot["streamSequence"] + 10):
                        got = await listener.event()
                        assert got["streamSequence"] == number
                        assert got["cumQty"] == held[got["orderId"]] + 1
                        held[got["orderId"]] += 1
        stop.set()
        await trading
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_json({"type": "subscribe", "accounts": [ACCOUNT], "snapshot": True})
            listener = Listener(socket)
            await listener.next()
            for order in (await listener.next())["orders"]:
                assert (
                    order
                    == (await asyncio.to_thread(api.call, "GET", f"/api/v1/orders/{order['orderId']}")).json
                )

    asyncio.run(scenario())


def test_another_database_is_another_epoch_and_the_same_one_is_the_same(
    api: Gateway, make_database: Any
) -> None:
    async def epoch(dsn: str) -> str:
        reader = PostgresReader(dsn)
        await reader.open()
        try:
            return await reader.epoch()
        finally:
            await reader.close()

    first = asyncio.run(epoch(api.dsn))
    assert asyncio.run(epoch(api.dsn)) == first
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        # As a restore does that drops what is there and loads what was kept.
        connection.execute("ALTER TABLE account_streams RENAME TO old_streams")
        connection.execute("CREATE TABLE account_streams (LIKE old_streams INCLUDING ALL)")
        assert asyncio.run(epoch(api.dsn)) != first


def test_after_a_restore_clients_are_let_go_and_told_to_begin_anew(api: Gateway) -> None:
    store_events(api, *(event(ACCOUNT, number) for number in range(1, 6)))

    async def scenario(listener: Listener) -> None:
        await listener.socket.send_json({"type": "subscribe", "accounts": [ACCOUNT], "snapshot": True})
        await listener.next()
        snapshot = await listener.next()
        assert snapshot["streamSequence"] == 5
        with psycopg.connect(api.dsn, autocommit=True) as connection:
            connection.execute("ALTER TABLE account_streams RENAME TO old_streams")
            connection.execute("CREATE TABLE account_streams (LIKE old_streams INCLUDING ALL)")
            connection.execute("INSERT INTO account_streams VALUES (%s, 2)", (ACCOUNT,))
        code, reason = await closed(listener)
        assert (code, "another one" in reason) == (1013, True)
        url = f"ws://127.0.0.1:{api.http_port}/api/v1/stream?access_token={api.token()}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            again = Listener(socket)
            wanted = {"type": "subscribe", "accounts": [ACCOUNT], "from": {ACCOUNT: 5}}
            await socket.send_json(wanted | {"epoch": snapshot["epoch"]})
            answer = await again.next()
            assert (answer["type"], answer["accounts"]) == ("resync", [ACCOUNT])
            await socket.send_json({"type": "subscribe", "accounts": [ACCOUNT], "snapshot": True})
            assert (await again.next())["epoch"] == answer["epoch"]
            assert (await again.next())["streamSequence"] == 2

    listen(api, scenario)
