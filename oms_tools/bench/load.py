"""The load: orders leave at constant intervals whatever is answered; latency counts from then."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import aiohttp
import msgspec

from oms_platform.schema.demo_data import HEDGE_FUNDS, INSTITUTIONS, RETAIL
from oms_tools.bench.order_mix import OrderMix, PlannedOrder

CONNECTIONS_MAX: Final = 256
RETRY_UNTIL_S: Final = 60.0
RETRY_PAUSE_S: Final = 0.25
REQUEST_TIMEOUT_S: Final = 10.0
STILL_FOR_S: Final = 2.0
SETTLE_S_MAX: Final = 45.0
_TICK_S: Final = 0.001
_ACKED: Final = (200, 201)
_TRY_AGAIN: Final = (429, 500, 502, 503, 504)


@dataclass(slots=True, kw_only=True)
class Sent:
    """One order's times, in seconds of the monotonic clock. None: did not happen."""

    order: PlannedOrder
    intended: float
    acked: float | None = None
    order_id: str | None = None
    routed: float | None = None
    filled: float | None = None
    status: str = ""
    refusal: str = ""


class _StreamEvent(msgspec.Struct, rename="camel"):
    client_order_id: str
    event_type: str
    status: str
    account_id: str
    stream_sequence: int
    occurred_at: datetime


@dataclass(slots=True, kw_only=True)
class Load:
    """A run's orders and what the stream told of them."""

    sent: dict[str, Sent] = field(default_factory=dict)
    core_to_client_ms: list[float] = field(default_factory=list)
    events: int = 0
    last_event_at: float = 0.0
    stream_gaps: int = 0
    reconnects: int = 0
    seconds: float = 0.0
    _sequences: dict[str, int] = field(default_factory=dict)

    @property
    def acked(self) -> list[Sent]:
        """The orders that the API acknowledged."""
        return [sent for sent in self.sent.values() if sent.acked is not None]

    def note(self, event: _StreamEvent) -> None:
        """Take one event of the stream."""
        now = time.monotonic()
        self.events += 1
        self.last_event_at = now
        expected = self._sequences.get(event.account_id)
        if expected is not None and event.stream_sequence != expected + 1:
            self.stream_gaps += 1
        self._sequences[event.account_id] = event.stream_sequence
        self.core_to_client_ms.append((time.time() - event.occurred_at.timestamp()) * 1000)
        sent = self.sent.get(event.client_order_id)
        if sent is None:
            return
        sent.status = event.status
        if event.event_type == "RoutePlaced" and sent.routed is None:
            sent.routed = now
        elif event.status == "FILLED" and sent.filled is None:
            sent.filled = now

    @property
    def sequences(self) -> dict[str, int]:
        """The last stream sequence of each account, for catching up after a break."""
        return self._sequences


async def run_load(
    *, url: str, token: str, mix: OrderMix, rate: float, seconds: float, on_second: Callable[[Load], None]
) -> Load:
    """Send `rate` orders a second for `seconds`, wait until the flow is still, and return what happened."""
    load = Load()
    headers = {
        "Authorization": f"Bearer {token}",
        "X-OMS-Channel": "BENCH",
        "Content-Type": "application/json",
    }
    connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX, force_close=False)
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as session:
        listening = asyncio.Event()
        listener = asyncio.create_task(_listen(session, url, load, listening))
        await asyncio.wait_for(listening.wait(), REQUEST_TIMEOUT_S)
        reporter = asyncio.create_task(_report(load, on_second))
        await _send_all(session, f"{url}/api/v1/orders", load, mix, rate, seconds)
        await _settle(load)
        for task in (listener, reporter):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    return load


async def _send_all(
    session: aiohttp.ClientSession, url: str, load: Load, mix: OrderMix, rate: float, seconds: float
) -> None:
    started = time.monotonic()
    total = round(rate * seconds)
    tasks: set[asyncio.Task[None]] = set()
    number = 0
    while number < total:
        due = min(total, int((time.monotonic() - started) * rate) + 1)
        for position in range(number, due):
            order = mix.next_order()
            sent = Sent(order=order, intended=started + position / rate)
            load.sent[order.client_order_id] = sent
            task = asyncio.create_task(_place(session, url, sent))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        number = due
        await asyncio.sleep(_TICK_S)
    load.seconds = time.monotonic() - started
    if tasks:
        await asyncio.wait(tasks)


async def _place(session: aiohttp.ClientSession, url: str, sent: Sent) -> None:
    """Send one order; after an unknown outcome or a 503 send it again under the same clientOrderId."""
    body = msgspec.json.encode(sent.order.body)
    while time.monotonic() - sent.intended < RETRY_UNTIL_S:
        try:
            async with session.post(url, data=body) as answer:
                content = await answer.read()
                if answer.status in _ACKED:
                    sent.acked = time.monotonic()
                    sent.order_id = msgspec.json.decode(content)["orderId"]
                    return
                sent.refusal = f"{answer.status} {content[:200].decode(errors='replace')}"
                if answer.status not in _TRY_AGAIN:
                    return
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            sent.refusal = f"{type(error).__name__}: {error}"
        await asyncio.sleep(RETRY_PAUSE_S)


async def _listen(session: aiohttp.ClientSession, url: str, load: Load, listening: asyncio.Event) -> None:
    """Follow the stream of every account; after a break, catch up from the last sequence."""
    accounts = [*INSTITUTIONS, *HEDGE_FUNDS, *RETAIL]
    decoder = msgspec.json.Decoder(dict[str, Any])
    while True:
        try:
            async with session.ws_connect(
                f"{url.replace('http', 'ws', 1)}/api/v1/stream", heartbeat=20
            ) as stream:
                request = {"type": "subscribe", "accounts": accounts, "from": load.sequences}
                await stream.send_json(request)
                async for frame in stream:
                    if frame.type is not aiohttp.WSMsgType.TEXT:
                        break
                    message = decoder.decode(frame.data)
                    if message.get("type") == "subscribed":
                        listening.set()
                    elif message.get("type") == "event":
                        load.note(msgspec.convert(message, _StreamEvent))
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass
        load.reconnects += 1
        await asyncio.sleep(RETRY_PAUSE_S)


async def _settle(load: Load) -> None:
    deadline = time.monotonic() + SETTLE_S_MAX
    load.last_event_at = max(load.last_event_at, time.monotonic())
    while time.monotonic() < deadline and time.monotonic() - load.last_event_at < STILL_FOR_S:
        await asyncio.sleep(0.1)


async def _report(load: Load, on_second: Callable[[Load], None]) -> None:
    while True:
        await asyncio.sleep(1)
        on_second(load)
