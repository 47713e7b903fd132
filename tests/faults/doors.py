"""`make doors`: 200 orders/s flow while somebody who does not belong leans on the gateway, in many ways.

Prints for each what the orders' acknowledgements took and how large the gateway became. Exits with 1 when an
order was lost or doubled, an acknowledgement's p99 was over 50 ms, or the gateway grew by more than 100 MiB.
"""

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import click
import psutil
from joserfc import jwt
from joserfc.jwk import ECKey
from rich.console import Console
from rich.table import Table

from oms_tools.bench.order_mix import ACCOUNTS
from oms_tools.cli.log_in import fetch_token
from oms_tools.laptop.layout import Layout
from tests.raw_grpc import framed, raw_client
from tests.stack_rig import StackRig, broken, free_base_port

RATE = 200.0
ACK_MS_MAX = 50.0
GROWTH_MIB_MAX = 100.0
HOST = "127.0.0.1"
SILENT = 10_000
CLIENTS = 8
console = Console(width=None if sys.stdout.isatty() else 150)


@dataclass(frozen=True)
class Gateway:
    """What an attack needs to know."""

    http_port: int
    grpc_port: int
    issuer: str
    token: str

    @property
    def url(self) -> str:
        """Where REST is."""
        return f"http://{HOST}:{self.http_port}"


async def _hold(port: int, count: int, said: bytes, until: float) -> None:
    """Keep connections that have said so much and nothing more; those that are closed are opened again."""
    held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    while time.monotonic() < until:
        for reader, writer in held:
            if reader.at_eof():
                writer.transport.abort()
        held = [(reader, writer) for reader, writer in held if not writer.transport.is_closing()]
        for _ in range(min(200, count - len(held))):
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(HOST, port, limit=1024)
                writer.write(said)
                held.append((reader, writer))
        await asyncio.sleep(0.05)
    for _, writer in held:
        writer.transport.abort()


async def silent_http(gateway: Gateway, until: float) -> None:
    """10,000 connections that say nothing."""
    await _hold(gateway.http_port, SILENT, b"", until)


async def half_heads(gateway: Gateway, until: float) -> None:
    """2,000 requests whose head does not end."""
    await _hold(gateway.http_port, 2_000, b"POST /api/v1/orders HTTP/1.1\r\nx: ", until)


async def silent_grpc(gateway: Gateway, until: float) -> None:
    """2,000 connections to the gRPC port that say nothing."""
    await _hold(gateway.grpc_port, 2_000, b"", until)


async def long_frames(gateway: Gateway, until: float) -> None:
    """100 WebSockets without a token, each with a frame of 15 MiB that does not end."""
    head = (
        f"GET /api/v1/stream HTTP/1.1\r\nhost: {HOST}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()
    frame = b"\x81\xff" + (15 << 20).to_bytes(8, "big") + bytes(4) + b" " * 65_000
    await _hold(gateway.http_port, 100, head + frame, until)


async def unread_subscribes(gateway: Gateway, until: float) -> None:
    """One WebSocket after another with 1,000 subscribes from the first event, and nothing read."""
    subscribe = json.dumps(
        {"type": "subscribe", "accounts": list(ACCOUNTS), "from": dict.fromkeys(ACCOUNTS, 0)}
    )
    headers = {"authorization": f"Bearer {gateway.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        while time.monotonic() < until:
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                async with session.ws_connect(f"{gateway.url}/api/v1/stream") as socket:
                    for _ in range(1_000):
                        await socket.send_str(subscribe)
            await asyncio.sleep(0.2)


async def _ask(gateway: Gateway, until: float, method: str, path: str, body: Any, pause_s: float) -> None:
    headers = {"authorization": f"Bearer {gateway.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        while time.monotonic() < until:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.request(method, f"{gateway.url}{path}", json=body) as answer:
                    await answer.read()
            await asyncio.sleep(pause_s)


async def flood(gateway: Gateway, until: float) -> None:
    """One user asks for lists of orders, by 8 connections, each 25 times a second."""
    asking = (_ask(gateway, until, "GET", "/api/v1/orders?limit=50", None, 0.04) for _ in range(CLIENTS))
    await asyncio.gather(*asking)


async def absurd_what_ifs(gateway: Gateway, until: float) -> None:
    """What-ifs with numbers of a million digits, 20 a second, and with the largest that are taken, 5."""
    headers = {"authorization": f"Bearer {gateway.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{gateway.url}/api/v1/orders?status=FILLED&limit=1") as answer,
    ):
        order_id = (await answer.json())["orders"][0]["orderId"]
    path = f"/api/v1/orders/{order_id}/routes/1/whatif"
    venues = ("XNYS", "XNAS", "ARCX", "BATS", "EDGX")
    absurd, largest = (
        {"fees": {v: {"add": n, "remove": n} for v in venues}} for n in ("1e999999", "999999.9")
    )
    await asyncio.gather(
        _ask(gateway, until, "POST", path, absurd, 0.05), _ask(gateway, until, "POST", path, largest, 0.2)
    )


async def unknown_keys(gateway: Gateway, until: float) -> None:
    """Tokens of keys that the issuer does not have, a new one each time, 200 a second."""
    claims = {"iss": gateway.issuer, "sub": "x", "exp": int(time.time()) + 600, "aud": "oms-api"}
    keys = [ECKey.generate_key("P-256", auto_kid=True) for _ in range(400)]
    tokens = [jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key) for key in keys]
    async with aiohttp.ClientSession() as session:
        number = 0
        while time.monotonic() < until:
            number += 1
            headers = {"authorization": f"Bearer {tokens[number % len(tokens)]}"}
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{gateway.url}/api/v1/orders", headers=headers) as answer:
                    await answer.read()
            await asyncio.sleep(0.005)


async def huge_messages(gateway: Gateway, until: float) -> None:
    """A gRPC message of 128 MiB after another, without a token."""
    message = framed(b"\x0a\x80\x80\x80\x40" + bytes(1 << 20), length=128 << 20)
    while time.monotonic() < until:
        with contextlib.suppress(OSError, TimeoutError):
            async with raw_client(gateway.grpc_port) as client:
                stream = client.ask("/oms.v1.OrderService/PlaceOrder")
                async with asyncio.timeout(1):
                    await client.say(stream, message, end=False)
        await asyncio.sleep(0.1)


async def nobody(_gateway: Gateway, until: float) -> None:
    """What it is like without."""
    await asyncio.sleep(until - time.monotonic())


Attack = Callable[[Gateway, float], Coroutine[Any, Any, None]]
ATTACKS: dict[str, Attack] = {
    "nobody": nobody,
    "10,000 silent connections": silent_http,
    "2,000 heads that do not end": half_heads,
    "2,000 silent gRPC connections": silent_grpc,
    "100 unfinished frames of 15 MiB": long_frames,
    "1,000 subscribes unread": unread_subscribes,
    "200 lists a second by one user": flood,
    "what-ifs with absurd numbers": absurd_what_ifs,
    "tokens of unknown keys": unknown_keys,
    "gRPC messages of 128 MiB": huge_messages,
}


@click.command()
@click.option("--seconds", default=15.0, show_default=True, help="Each.")
@click.option("--only", "named", multiple=True, type=click.Choice(list(ATTACKS)), help="Not all of them.")
def main(seconds: float, named: tuple[str, ...]) -> None:
    """Lean on the gateway, one way after another."""
    with tempfile.TemporaryDirectory(prefix="oms-doors-") as folder:
        rig = StackRig(layout=Layout(data=Path(folder), base_port=free_base_port()), kafka="memory")
        rig.up()
        try:
            rig.start_bench(RATE, seconds).figures()
            wrong = _run(rig, seconds, named or tuple(ATTACKS))
            wrong += broken(rig.verify())
        finally:
            rig.down()
    for sentence in wrong:
        console.print(f"wrong: {sentence}", highlight=False)
    sys.exit(1 if wrong else 0)


def _run(rig: StackRig, seconds: float, names: tuple[str, ...]) -> list[str]:
    wrong: list[str] = []
    table = Table(
        "while", "ack p50 ms", "ack p99 ms", "filled p99 ms", "lost", "doubled", "MiB before", "most"
    )
    for name in names:
        figures, before, most = asyncio.run(_lean(rig, ATTACKS[name], seconds))
        ack, lost, doubled = figures["ack_ms"], figures["lost"], figures["duplicates"]
        filled = f"{figures['filled_ms']['p99']:.0f}"
        sizes = f"{before:.0f}", f"{most:.0f}"
        table.add_row(name, f"{ack['p50']:.1f}", f"{ack['p99']:.1f}", filled, str(lost), str(doubled), *sizes)
        if lost or doubled:
            wrong.append(f"{name}: lost {lost}, doubled {doubled}")
        if ack["p99"] > ACK_MS_MAX:
            wrong.append(f"{name}: an acknowledgement's p99 was {ack['p99']:.1f} ms")
        if most - before > GROWTH_MIB_MAX:
            wrong.append(f"{name}: the gateway grew by {most - before:.0f} MiB")
    console.print(table)
    return wrong


async def _lean(rig: StackRig, attack: Attack, seconds: float) -> tuple[dict[str, Any], float, float]:
    """Return a load's figures with somebody leaning on the gateway, and its MiB before and at most."""
    token = fetch_token(rig.layout.issuer_url, "trader1")
    ports = rig.layout.port("api_http"), rig.layout.port("api_grpc")
    process = psutil.Process(int(rig.program("oms-api")["pid"]))
    before = most = process.memory_info().rss / 2**20
    bench = rig.start_bench(RATE, seconds)
    await asyncio.to_thread(bench.await_part, 0.05)
    leaning = asyncio.create_task(
        attack(Gateway(*ports, rig.layout.issuer_url, token), time.monotonic() + seconds * 0.8)
    )
    while not leaning.done() or bench.process.poll() is None:
        most = max(most, process.memory_info().rss / 2**20)
        await asyncio.sleep(0.2)
    await leaning
    return bench.figures(), before, most


if __name__ == "__main__":
    main()
