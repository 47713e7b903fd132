"""`make sockets`: 1,000 WebSockets, each of an account of its own, while 500 orders/s flow over all of them.

Each has to get every event of its account once, in order; prints what an event took from core to its socket.
Exits with 1 when an event was missed or repeated, an order has no outcome, or the p99 was over 100 ms.
"""

import asyncio
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
import psycopg
import uvloop
from joserfc import jwt
from rich.console import Console

from oms_platform.risk_rows import store_rules
from oms_platform.risk_rules import read_row
from oms_platform.scopes import Scope
from oms_platform.vocabulary import OrderStatus
from oms_tools.bench.event_stream import EventStream, StreamEvent
from oms_tools.bench.figures import percentiles
from oms_tools.bench.http_client import HttpPool, request_head
from oms_tools.laptop.dev_grants import ALGORITHM, AUDIENCE, load_key
from oms_tools.laptop.layout import Layout
from oms_tools.laptop.parts import postgres_dsn
from tests.stack_rig import StackRig, broken, free_base_port

P99_MS_MAX = 100.0
HOST = "127.0.0.1"
SYMBOLS = ("AAPL", "MSFT", "AMZN", "NVDA", "BAC", "DIS")
SETTLE_S_MAX = 30.0
OVER = frozenset((OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED))
console = Console(width=None if sys.stdout.isatty() else 120)


def account_of(number: int) -> str:
    """Return an account's name."""
    return f"ACC-S-{number:04}"


def add_accounts(dsn: str, count: int) -> None:
    """Add accounts with limits that nothing here meets."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO accounts (account_id, name, kind) SELECT name, name, 'INSTITUTION'"
            " FROM unnest(%s::text[]) AS name",
            ([account_of(number) for number in range(count)],),
        )
        limits = (
            ("ORDER_QTY_EXCEEDS_MAX", {"quantity_max": 500_000}),
            ("ORDER_NOTIONAL_EXCEEDS_MAX", {"notional_max": 50_000_000}),
            ("BUYING_POWER_EXCEEDED", {"buying_power": 5_000_000_000}),
        )
        rows = [
            read_row(
                rule, Scope(desk="DESK"), mode=None, severity=None, on_missing=None, parameters=parameters
            )
            for rule, parameters in limits
        ]
        store_rules(connection, rows, by="test", reason="nothing here meets them")


class Listener:
    """One account's socket: what it got, and what was wrong with it."""

    def __init__(self, port: int, token: str, account: str, wrong: list[str], times_ms: list[float]) -> None:
        self.stream = EventStream(HOST, port, token, self._subscribe, self._take)
        self._account, self._wrong, self._times_ms = account, wrong, times_ms
        self.head = 0
        self.over: set[str] = set()

    def _subscribe(self) -> dict[str, object]:
        return {"type": "subscribe", "accounts": [self._account], "from": {self._account: self.head}}

    def _take(self, events: Sequence[StreamEvent]) -> None:
        now = time.time()
        for event in events:
            self._times_ms.append((now - event.occurred_at.timestamp()) * 1000)
            if event.account_id != self._account or event.stream_sequence != self.head + 1:
                self._wrong.append(f"{self._account}: {event.stream_sequence} after {self.head}")
            self.head = event.stream_sequence
            if event.status in OVER:
                self.over.add(event.client_order_id)


def tokens_of(rig: StackRig, count: int) -> list[str]:
    """Return a token for each account, which sees that alone, and one that may trade on all of them."""
    key, now = load_key(rig.layout.data / "issuer"), int(time.time())
    claims = {"iss": rig.layout.issuer_url, "aud": AUDIENCE, "iat": now, "exp": now + 3_600}
    header = {"alg": ALGORITHM, "kid": key.kid}

    def token(name: str, role: str, accounts: list[str]) -> str:
        own = {"sub": name, "oms_accounts": accounts, "realm_access": {"roles": [role]}}
        return jwt.encode(header, claims | own, key)

    own = [token(account_of(number), "viewer", [account_of(number)]) for number in range(count)]
    return [*own, token("sender", "trader", ["*"])]


async def run(rig: StackRig, count: int, rate: float, seconds: float) -> dict[str, Any]:
    """Listen on every account while orders flow. Returns the figures."""
    port = rig.layout.port("api_http")
    *own, sender = tokens_of(rig, count)
    wrong: list[str] = []
    times_ms: list[float] = []
    listeners = [
        Listener(port, token, account_of(number), wrong, times_ms) for number, token in enumerate(own)
    ]
    following = [asyncio.create_task(one.stream.follow()) for one in listeners]
    async with asyncio.timeout(60):
        await asyncio.gather(*(one.stream.subscribed.wait() for one in listeners))
    console.print(f"{count} sockets are subscribed", highlight=False)
    acked = await _send(port, sender, listeners, rate, seconds)
    until = time.monotonic() + SETTLE_S_MAX
    while time.monotonic() < until and sum(len(one.over) for one in listeners) < acked["orders"]:
        await asyncio.sleep(0.2)
    reconnects = sum(one.stream.reconnects for one in listeners)
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    return acked | {
        "events": len(times_ms),
        "core_to_socket_ms": percentiles(times_ms),
        "without_outcome": acked["orders"] - sum(len(one.over) for one in listeners),
        "reconnects": reconnects,
        "wrong": wrong,
    }


async def _send(
    port: int, token: str, listeners: Sequence[Listener], rate: float, seconds: float
) -> dict[str, Any]:
    """Place market orders at a steady rate, an account after the other. Returns what was acked."""
    pool = HttpPool(HOST, port, 64, 10.0)
    head = request_head(
        "POST",
        "/api/v1/orders",
        f"{HOST}:{port}",
        {"authorization": f"Bearer {token}", "content-type": "application/json"},
    )
    acked, refused = 0, 0
    ack_ms: list[float] = []

    def send(number: int) -> None:
        body = msgspec.json.encode(
            {
                "clientOrderId": uuid.uuid4().hex, "accountId": account_of(number % len(listeners)),
                "symbol": SYMBOLS[number % len(SYMBOLS)], "side": ("BUY", "SELL")[number // 7 % 2],
                "quantity": 10, "orderType": "MARKET", "timeInForce": "DAY",
            }
        )  # fmt: skip
        sent_s = time.perf_counter()

        def on_answer(status: int, _body: bytes, _head: bytes) -> None:
            nonlocal acked, refused
            ack_ms.append((time.perf_counter() - sent_s) * 1000)
            acked, refused = acked + (status == 201), refused + (status != 201)

        pool.send(head + f"content-length: {len(body)}\r\n\r\n".encode() + body, on_answer)

    began, sent = time.monotonic(), 0
    while (now := time.monotonic()) < began + seconds:
        while sent < (now - began) * rate:
            send(sent)
            sent += 1
        await asyncio.sleep(0.004)
        pool.end_overdue()
    until = time.monotonic() + SETTLE_S_MAX
    while acked + refused < sent and time.monotonic() < until:
        await asyncio.sleep(0.05)
    await pool.close()
    return {"orders": acked, "refused": sent - acked, "ack_ms": percentiles(ack_ms)}


@click.command()
@click.option("--sockets", default=1_000, show_default=True)
@click.option("--rate", default=500.0, show_default=True, help="Orders a second.")
@click.option("--seconds", default=60.0, show_default=True)
def main(sockets: int, rate: float, seconds: float) -> None:
    """Listen on many sockets while orders flow."""
    with tempfile.TemporaryDirectory(prefix="oms-sockets-") as folder:
        rig = StackRig(layout=Layout(data=Path(folder), base_port=free_base_port()), kafka="memory")
        rig.up()
        try:
            add_accounts(postgres_dsn(rig.layout.port("postgres"), "oms"), sockets)
            time.sleep(3)
            figures = uvloop.run(run(rig, sockets, rate, seconds))
            said = broken(rig.verify())
        finally:
            rig.down()
    wrong = [*figures.pop("wrong")[:10], *said]
    console.print(f"{datetime.now(UTC):%Y-%m-%d}", figures, highlight=False)
    if figures["without_outcome"] or figures["refused"]:
        wrong.append("an order has no outcome, or was refused")
    if figures["core_to_socket_ms"]["p99"] > P99_MS_MAX:
        wrong.append(f"core to socket: p99 {figures['core_to_socket_ms']['p99']:.0f} ms")
    for sentence in wrong:
        console.print(f"wrong: {sentence}", highlight=False)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
