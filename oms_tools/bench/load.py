"""The load: orders leave at constant intervals whatever is answered; latency counts from then."""

import asyncio
import contextlib
import gc
import heapq
import itertools
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from oms_tools.bench.event_stream import EventStream, StreamEvent
from oms_tools.bench.http_client import NO_ANSWER, HttpPool, request_head
from oms_tools.bench.newest_quotes import NewestQuotes
from oms_tools.bench.order_mix import ACCOUNTS, OrderMix, PlannedOrder

ORDERS_PATH: Final = "/api/v1/orders"
CHANNEL: Final = "BENCH"
CONNECTIONS_MAX: Final = 256
RETRY_S: Final = 60.0
RETRY_PAUSE_S: Final = 0.25
REQUEST_TIMEOUT_S: Final = 10.0
OVERDUE_LOOK_S: Final = 0.5
STILL_FOR_S: Final = 2.0
SETTLE_S_MAX: Final = 45.0
SETTLE_LOOK_S: Final = 0.25
PROBES_A_SECOND: Final = 10.0
TICK_S: Final = 0.001
# One of so many events says how long it took from the core to here.
LATENCY_EVERY: Final = 4
_ACKED: Final = (200, 201)
_CANCEL_TAKEN: Final = 202
_BUSY: Final = 503
_TRY_AGAIN: Final = (NO_ANSWER, 429, 500, 502, 503, 504)
_UNHEARD: Final = ("", "NEW")
_REPLACE_ENDS: Final = ("OrderReplaced", "ReplaceRejected")
_CLOSED: Final = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED"})


@dataclass(slots=True, kw_only=True, eq=False)
class Sent:
    """One order's times, in seconds of the monotonic clock. None: did not happen."""

    client_order_id: str
    marketable: bool
    intended: float
    probe: bool = False
    cancel_after_s: float | None = None
    # Of an order that is to be replaced.
    planned: PlannedOrder | None = None
    acked: float | None = None
    order_id: str | None = None
    routed: float | None = None
    filled: float | None = None
    closed: float | None = None
    status: str = ""
    refusal: str = ""
    refused_status: int = NO_ANSWER
    cancel_sent: float | None = None
    cancel_status: int | None = None
    cancel_rejected: bool = False
    replace_sent: float | None = None
    replace_status: int | None = None
    replace_ended: float | None = None
    replace_end: str = ""


class _Placed(msgspec.Struct, rename="camel", gc=False):
    order_id: str


_decode_placed: Final = msgspec.json.Decoder(_Placed).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When orders leave: `rate` a second for `seconds`, then probes for `probe_s`.

    retry_s: for how long what got no answer is sent again. retry: what was refused too.
    """

    rate: float
    seconds: float
    probe_s: float = 0.0
    retry: bool = True
    retry_s: float = RETRY_S

    @property
    def orders(self) -> int:
        """How many orders leave before the probes."""
        return round(self.rate * self.seconds)

    @property
    def total(self) -> int:
        """How many orders leave in all."""
        return self.orders + round(self.probe_s * PROBES_A_SECOND)

    def leaves_after(self, position: int) -> float:
        """Return after how many seconds the order at a position leaves."""
        if position < self.orders:
            return position / self.rate
        return self.seconds + (position - self.orders) / PROBES_A_SECOND


@dataclass(slots=True, kw_only=True)
class Load:
    """A run's orders, what they were answered, and what the stream told of them."""

    started: float = 0.0
    started_at: float = 0.0
    sent: dict[str, Sent] = field(default_factory=dict)
    orders_sent: int = 0
    acked_count: int = 0
    filled_count: int = 0
    # Orders priced to trade at once that were sent and are not done, now and each second: (seconds, orders).
    open_now: int = 0
    backlog: list[tuple[float, int]] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    retry_after: int = 0
    core_to_client_ms: "array[float]" = field(default_factory=lambda: array("d"))
    late_ms: "array[float]" = field(default_factory=lambda: array("d"))
    events: int = 0
    last_event_at: float = 0.0
    stream_gaps: int = 0
    reconnects: int = 0
    waited_for_connection_max: int = 0
    seconds: float = 0.0
    sequences: dict[str, int] = field(default_factory=dict)

    @property
    def orders(self) -> list[Sent]:
        """The orders of the load, without the probes."""
        return [sent for sent in self.sent.values() if not sent.probe]

    @property
    def probes(self) -> list[Sent]:
        """The probes after the load."""
        return [sent for sent in self.sent.values() if sent.probe]

    @property
    def acked(self) -> list[Sent]:
        """The orders that the API acknowledged, probes too."""
        return [sent for sent in self.sent.values() if sent.acked is not None]

    def note_all(self, events: Sequence[StreamEvent]) -> None:
        """Take a frame's events."""
        now, wall_s = time.monotonic(), time.time()
        for event in events:
            self.note(event, now, wall_s)

    def note(self, event: StreamEvent, now: float, wall_s: float) -> None:
        """Take one event of the stream, seen at a time of the monotonic and of the wall clock."""
        self.events += 1
        sequence = event.stream_sequence
        if self.sequences.get(event.account_id, sequence - 1) != sequence - 1:
            self.stream_gaps += 1
        self.sequences[event.account_id] = sequence
        if not self.events % LATENCY_EVERY:
            self.core_to_client_ms.append((wall_s - event.occurred_at.timestamp()) * 1000)
        sent = self.sent.get(event.client_order_id)
        if sent is None:
            # Who else trades on these accounts is not waited for.
            return
        self.last_event_at = now
        sent.status = status = event.status.name
        if event.type == "RoutePlaced" and sent.routed is None:
            sent.routed = now
        elif event.type == "CancelRejected":
            sent.cancel_rejected = True
        elif event.type in _REPLACE_ENDS:
            sent.replace_end, sent.replace_ended = event.type, now
        if status in _CLOSED and sent.closed is None:
            self._close(sent, now)

    def _close(self, sent: Sent, now: float) -> None:
        sent.closed = now
        self.open_now -= sent.marketable
        if sent.status == "FILLED":
            sent.filled = now
            self.filled_count += 1

    def leave(self, order: PlannedOrder, intended: float, *, probe: bool) -> Sent:
        """Note that an order leaves."""
        sent = self.sent[order.client_order_id] = Sent(
            client_order_id=order.client_order_id,
            marketable=order.marketable,
            intended=intended,
            probe=probe,
            cancel_after_s=order.cancel_after_s,
            planned=order if order.replace_after_s is not None else None,
        )
        self.orders_sent += not probe
        self.open_now += order.marketable
        return sent

    def give_up(self, sent: Sent) -> None:
        """Note that an order was refused for good."""
        if sent.closed is None:
            sent.closed = time.monotonic()
            self.open_now -= sent.marketable


class LoadWatch(Protocol):
    """Who looks on: when all is ready and nothing is sent yet, each second, and when the flow is still."""

    def on_start(self) -> None:
        """The first order is about to leave."""

    def on_second(self, load: Load) -> None:
        """Another second has passed."""

    def on_end(self) -> None:
        """The flow is still."""


class _Sender:
    """Sends what is due: new orders, orders again, cancels, replaces. One pass is one `turn`."""

    def __init__(self, load: Load, pool: HttpPool, mix: OrderMix, host: str, token: str) -> None:
        self._load, self._pool, self._mix = load, pool, mix
        headers = {"authorization": f"Bearer {token}", "x-oms-channel": CHANNEL}
        place = headers | {"content-type": "application/json"}
        self._place_head = request_head("POST", ORDERS_PATH, host, place) + b"content-length: "
        path = f"{ORDERS_PATH}/ORDER_ID"
        self._cancel_heads = request_head("DELETE", path, host, headers).split(b"ORDER_ID")
        # Asked for again under its key, a replace is the same one.
        keyed = place | {"idempotency-key": "ORDER_ID"}
        self._replace_heads = request_head("PATCH", path, host, keyed).split(b"ORDER_ID")
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._retry, self._retry_s = True, RETRY_S
        self._in_flight = 0

    async def run(self, schedule: Schedule) -> None:
        """Send a schedule's orders and return when each has its answer."""
        load = self._load
        self._retry, self._retry_s = schedule.retry, schedule.retry_s
        load.started, load.started_at = time.monotonic(), time.time()
        position, next_look = 0, load.started + OVERDUE_LOOK_S
        while position < schedule.total or self._in_flight or self._later:
            now = time.monotonic()
            while position < schedule.total:
                intended = load.started + schedule.leaves_after(position)
                if intended > now:
                    break
                self._leave(intended, now, probe=position >= schedule.orders)
                position += 1
                if position == schedule.orders:
                    load.seconds = max(now - load.started, schedule.seconds)
            self._do_what_is_due(now)
            if now >= next_look:
                self._pool.end_overdue()
                next_look = now + OVERDUE_LOOK_S
            due = next_look if position == schedule.total else load.started + schedule.leaves_after(position)
            if self._later:
                due = min(due, self._later[0][0])
            await asyncio.sleep(min(max(due - time.monotonic(), TICK_S), OVERDUE_LOOK_S))

    def _leave(self, intended: float, now: float, *, probe: bool) -> None:
        order = self._mix.next_probe() if probe else self._mix.next_order()
        sent = self._load.leave(order, intended, probe=probe)
        self._load.late_ms.append((now - intended) * 1000)
        body = msgspec.json.encode(order.body)
        self._place(sent, b"%b%d\r\n\r\n%b" % (self._place_head, len(body), body))

    def _do_what_is_due(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            heapq.heappop(self._later)[2]()

    def _do_later(self, at: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._later, (at, next(self._numbers), do))

    def _place(self, sent: Sent, request: bytes) -> None:
        self._in_flight += 1
        self._pool.send(request, partial(self._placed, sent, request))

    def _placed(self, sent: Sent, request: bytes, status: int, head: bytes, body: bytes) -> None:
        """Take an answer. Without one the order is sent again under its id, as it may be after a refusal."""
        load = self._load
        self._in_flight -= 1
        load.answers[status] += 1
        now = time.monotonic()
        if status in _ACKED:
            sent.acked, sent.order_id = now, _decode_placed(body).order_id
            load.acked_count += 1
            if sent.cancel_after_s is not None:
                self._do_later(now + sent.cancel_after_s, partial(self._cancel, sent))
            if (planned := sent.planned) is not None and planned.replace_after_s is not None:
                self._do_later(now + planned.replace_after_s, partial(self._replace, sent, planned))
            return
        sent.refused_status = status
        sent.refusal = f"{status} {body[:200].decode(errors='replace')}"
        load.retry_after += status == _BUSY and b"retry-after:" in head.lower()
        again = status in _TRY_AGAIN and (self._retry or status == NO_ANSWER)
        if again and now - sent.intended < self._retry_s:
            self._do_later(now + RETRY_PAUSE_S, partial(self._place, sent, request))
        else:
            load.give_up(sent)

    def _cancel(self, sent: Sent) -> None:
        if sent.closed is not None or sent.order_id is None:
            return
        sent.cancel_sent = sent.cancel_sent or time.monotonic()
        before, after = self._cancel_heads
        self._in_flight += 1
        request = b"%b%b%b\r\n" % (before, sent.order_id.encode(), after)
        self._pool.send(request, partial(self._cancel_answered, sent))

    def _cancel_answered(self, sent: Sent, status: int, head: bytes, body: bytes) -> None:
        self._in_flight -= 1
        sent.cancel_status = status
        now = time.monotonic()
        if status in _TRY_AGAIN and now - (sent.cancel_sent or now) < self._retry_s:
            self._do_later(now + RETRY_PAUSE_S, partial(self._cancel, sent))

    def _replace(self, sent: Sent, planned: PlannedOrder) -> None:
        if sent.closed is None and sent.order_id is not None:
            body = msgspec.json.encode(self._mix.change_of(planned))
            head = sent.order_id.encode().join(self._replace_heads)
            sent.replace_sent = time.monotonic()
            self._send_replace(sent, b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))

    def _send_replace(self, sent: Sent, request: bytes) -> None:
        self._in_flight += 1
        self._pool.send(request, partial(self._replace_answered, sent, request))

    def _replace_answered(self, sent: Sent, request: bytes, status: int, head: bytes, body: bytes) -> None:
        self._in_flight -= 1
        sent.replace_status = status
        now = time.monotonic()
        if status in _TRY_AGAIN and now - (sent.replace_sent or now) < self._retry_s:
            self._do_later(now + RETRY_PAUSE_S, partial(self._send_replace, sent, request))


async def run_load(
    *,
    url: str,
    token: str,
    quotes: NewestQuotes,
    mix: OrderMix,
    schedule: Schedule,
    watch: LoadWatch,
) -> Load:
    """Send a schedule's orders, wait until the flow is still, and return what happened."""
    load = Load()
    address = urlsplit(url)
    host, port = address.hostname or "127.0.0.1", address.port or 80
    subscribe = {"type": "subscribe", "accounts": list(ACCOUNTS)}
    stream = EventStream(host, port, token, lambda: subscribe | {"from": load.sequences}, load.note_all)
    pool = HttpPool(host, port, CONNECTIONS_MAX, REQUEST_TIMEOUT_S)
    pricing = asyncio.create_task(quotes.follow())
    background = [asyncio.create_task(stream.follow()), pricing]
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            await stream.subscribed.wait()
            await quotes.complete.wait()
        with _without_collections():
            watch.on_start()
            background.append(asyncio.create_task(_report(load, watch)))
            await _Sender(load, pool, mix, f"{host}:{port}", token).run(schedule)
            pricing.cancel()
            await _settle(load)
            watch.on_end()
    finally:
        await _end(background)
        await pool.close()
    load.reconnects, load.waited_for_connection_max = stream.reconnects, pool.waiting_max
    return load


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Keep the garbage collector off what a load keeps anyway: every order, until the end."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


async def _settle(load: Load) -> None:
    """Wait until no event of its orders has come for a while, and none is missing of one that was acked."""
    deadline = time.monotonic() + SETTLE_S_MAX
    load.last_event_at = max(load.last_event_at, time.monotonic())
    while time.monotonic() < deadline:
        still_s = time.monotonic() - load.last_event_at
        if still_s >= STILL_FOR_S and all(sent.status not in _UNHEARD for sent in load.acked):
            return
        await asyncio.sleep(max(SETTLE_LOOK_S, STILL_FOR_S - still_s))


async def _report(load: Load, watch: LoadWatch) -> None:
    while True:
        await asyncio.sleep(1)
        load.backlog.append((time.monotonic() - load.started, load.open_now))
        watch.on_second(load)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
