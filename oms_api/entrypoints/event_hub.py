"""Order events from Kafka to every WebSocket: per account in order, without a gap or a repeat, as they came.

What clients get of an event are the bytes that core stored and published; here only its place in its
account's stream is read.

Kafka is only the fast way. Postgres has every event before Kafka does: a gap that stays is read from there,
and a look each second finds what Kafka never brought.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import structlog
from prometheus_client import Counter, Gauge

from oms_api.domain.stream import OrderedStream
from oms_api.ports import BrokerState, EncodedEvent, EventStore, UnavailableError
from oms_platform.clock import microseconds
from oms_platform.telemetry.metrics import hop
from oms_platform.telemetry.order_trace import is_traced, now_us, traced_id
from oms_platform.telemetry.spans import Kind
from oms_platform.telemetry.tracing import SLOW, Tracer

CLIENT_QUEUE_MAX: Final = 10_000
CATCH_UP_ROWS: Final = 500
GAP_GRACE_S: Final = 0.05
BACKSTOP_S: Final = 1.0
RETRY_S: Final = 0.5
CLOSE_S_MAX: Final = 3.0
EVENTS_PER_FRAME_MAX: Final = 200
PUSH_SPAN: Final = "push to WebSockets"

log = structlog.get_logger()
clients_gauge = Gauge("oms_api_websocket_clients", "WebSockets that are open")
events_total = Counter("oms_api_stream_events_total", "Events given out to WebSockets, counted once each")
healed_total = Counter(
    "oms_api_stream_healed_total", "Events that were read from Postgres because Kafka had not brought them"
)
_PUSH: Final = hop("core_to_client")
slow_total = Counter("oms_api_websocket_slow_total", "WebSockets closed because they read too slowly")


class _Answer(msgspec.Struct, frozen=True, gc=False):
    """A message of its own among a client's events."""

    text: str


class HubClient:
    """One WebSocket's outgoing queue, and how far each of its accounts was sent."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}
        self.too_slow = False
        self._outgoing: deque[str | _Answer] = deque()
        self._given_up = asyncio.Event()
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def push_event(self, text: str) -> None:
        """Queue an event."""
        self._push(text)

    def push(self, text: str) -> None:
        """Queue a message that is none of the events."""
        self._push(_Answer(text))

    def _push(self, item: str | _Answer) -> None:
        """Queue a message; a client whose queue is full is given up."""
        if len(self._outgoing) >= CLIENT_QUEUE_MAX:
            self.too_slow = True
            self._given_up.set()
            self._has_room.set()
        elif not self.too_slow:
            self._outgoing.append(item)
            if len(self._outgoing) > CATCH_UP_ROWS:
                self._has_room.clear()
        self._changed.set()

    def next_frame(self) -> str | None:
        """Take what is sent next, as many events at once as there are; None when there is nothing."""
        if not self._outgoing:
            return None
        events: list[str] = []
        while self._outgoing and len(events) < EVENTS_PER_FRAME_MAX:
            item = self._outgoing[0]
            if isinstance(item, _Answer):
                if not events:
                    self._outgoing.popleft()
                    return item.text
                break
            events.append(item)
            self._outgoing.popleft()
        if len(self._outgoing) <= CATCH_UP_ROWS:
            self._has_room.set()
        return f'{{"type":"events","events":[{",".join(events)}]}}'

    def next_events(self, events_max: int) -> list[str]:
        """Take the next events, each by itself and at most so many; a client that has no other messages."""
        count = min(events_max, len(self._outgoing))
        events = [item for _ in range(count) if isinstance(item := self._outgoing.popleft(), str)]
        if len(self._outgoing) <= CATCH_UP_ROWS:
            self._has_room.set()
        return events

    async def wait_for_messages(self, timeout_s: float) -> None:
        """Wait until there is something to send, or the time is over."""
        if self._outgoing:
            return
        self._changed.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def wait_until_given_up(self) -> None:
        """Wait until the client's queue was full."""
        await self._given_up.wait()

    async def wait_for_room(self) -> None:
        """Wait until a page of a catch-up fits, or the client is given up."""
        await self._has_room.wait()


class _Channel:
    """One account's ordered stream, who listens to it, and who is about to."""

    def __init__(self) -> None:
        self.ordered: OrderedStream[str] = OrderedStream()
        self.clients: set[HubClient] = set()
        self.reserved = 0
        self.healing: asyncio.Task[None] | None = None
        self.stored_head = 0


class EventHub:
    """Fans events out to clients. Everything here runs in the event loop.

    A WebSocket is `socket_opened`, then `socket_closed`. It is subscribed to an account in two steps:
    `reserve` says where the stream is and keeps it open, `subscribe` sends what follows a sequence and goes
    live. `unsubscribe` ends that.
    """

    def __init__(self, store: EventStore, broker: BrokerState, tracer: Tracer | None = None) -> None:
        self._store = store
        self._broker = broker
        self._tracer = tracer or Tracer()
        self._channels: dict[str, _Channel] = {}
        # Set when the gateway stops: clients are to be closed then.
        self.stopping = asyncio.Event()
        self._clients = 0
        self._no_clients = asyncio.Event()
        self._no_clients.set()
        # Called with whether anybody listens, so that nothing is read from Kafka for nobody.
        self.on_listening: Callable[[bool], None] = lambda _listening: None

    def socket_opened(self) -> None:
        """Count a WebSocket that has opened."""
        self._clients += 1
        self._no_clients.clear()
        clients_gauge.inc()

    def socket_closed(self) -> None:
        """Count a WebSocket that has closed."""
        self._clients -= 1
        clients_gauge.dec()
        if not self._clients:
            self._no_clients.set()

    async def wait_until_all_closed(self) -> None:
        """Wait until every client is closed, for a moment only."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S_MAX):
                await self._no_clients.wait()

    def on_events(self, events: Iterable[EncodedEvent]) -> None:
        """Take events from Kafka, in whatever order its partitions brought them."""
        for item in events:
            account_id = item.event.account_id
            channel = self._channels.get(account_id)
            if channel is None:
                continue
            due = channel.ordered.offer(item.event.stream_sequence, item.text)
            self._give_out(account_id, channel, due)
            if due:
                self._note_push(item, len(channel.clients))
            if channel.ordered.has_gap:
                self._heal_later(account_id, channel, GAP_GRACE_S)

    def _note_push(self, item: EncodedEvent, clients: int) -> None:
        event, trace = item.event, item.trace
        at_us, occurred_us = now_us(), microseconds(event.occurred_at)
        if self._tracer.is_due(trace, at_us):
            trace = self._tracer.promote(trace, SLOW, event.order_id)
        _PUSH.observe((at_us - occurred_us) / 1_000_000, traced_id(trace))
        if is_traced(trace):
            attributes: dict[str, str | int] = {
                "order_id": event.order_id,
                "event": event.type,
                "clients": clients,
            }
            self._tracer.write(
                self._tracer.span(
                    trace, PUSH_SPAN, occurred_us, at_us, kind=Kind.PRODUCER, attributes=attributes
                )
            )

    def on_tail_opened(self) -> None:
        """Read from Postgres what Kafka brought before its reader was there."""
        for account_id, channel in self._channels.items():
            self._heal_later(account_id, channel, 0, even_without_gap=True)

    def _give_out(self, account_id: str, channel: _Channel, events: list[tuple[int, str]]) -> None:
        for sequence, text in events:
            if not channel.clients:
                continue
            events_total.inc()
            for client in channel.clients:
                if sequence > client.sent[account_id]:
                    client.sent[account_id] = sequence
                    client.push_event(text)

    def _heal_later(
        self, account_id: str, channel: _Channel, after_s: float, *, even_without_gap: bool = False
    ) -> None:
        if channel.healing is None or channel.healing.done():
            channel.healing = asyncio.create_task(self._heal(account_id, channel, after_s, even_without_gap))

    async def _heal(self, account_id: str, channel: _Channel, after_s: float, even_without_gap: bool) -> None:
        await asyncio.sleep(after_s)
        ordered = channel.ordered
        if not ordered.opened or not (ordered.has_gap or even_without_gap):
            return
        try:
            while True:
                rows = await self._store.events_after(account_id, ordered.head, CATCH_UP_ROWS)
                for sequence, text in rows:
                    if sequence > ordered.head:
                        healed_total.inc()
                    self._give_out(account_id, channel, ordered.heal(sequence, text))
                if len(rows) < CATCH_UP_ROWS:
                    return
        except UnavailableError as error:
            log.warning("stream_not_healed", account_id=account_id, error=str(error))

    async def run_backstop(self) -> None:
        """Each second, look in Postgres for events that Kafka did not bring, until cancelled."""
        while True:
            await asyncio.sleep(BACKSTOP_S)
            listened = {
                account: channel for account, channel in self._channels.items() if channel.ordered.opened
            }
            if not listened:
                continue
            try:
                heads = await self._store.stream_heads(list(listened))
            except UnavailableError as error:
                log.warning("stream_backstop_failed", error=str(error))
                continue
            for account_id, channel in listened.items():
                # What was stored a second ago is overdue; what is newer may be on its way.
                due = channel.stored_head if self._broker.available else heads[account_id]
                if channel.ordered.head < due:
                    self._heal_later(account_id, channel, 0, even_without_gap=True)
                channel.stored_head = heads[account_id]

    async def reserve(self, account_id: str) -> int:
        """Say that a client is about to listen. Returns where the stream is. Raises UnavailableError."""
        channel = self._channels.get(account_id)
        if channel is None:
            channel = self._channels[account_id] = _Channel()
            self.on_listening(True)
        channel.reserved += 1
        try:
            if not channel.ordered.opened:
                heads = await self._store.stream_heads([account_id])
                if not channel.ordered.opened:
                    channel.stored_head = heads[account_id]
                    self._give_out(account_id, channel, channel.ordered.open(heads[account_id]))
        except BaseException:
            self._end_reservation(account_id, channel)
            raise
        return channel.ordered.head

    def _end_reservation(self, account_id: str, channel: _Channel) -> None:
        channel.reserved -= 1
        self._drop_if_idle(account_id, channel)

    def _drop_if_idle(self, account_id: str, channel: _Channel) -> None:
        if not channel.clients and not channel.reserved and self._channels.get(account_id) is channel:
            del self._channels[account_id]
            if channel.healing is not None:
                channel.healing.cancel()
            self.on_listening(bool(self._channels))

    async def subscribe(self, client: HubClient, account_id: str, after: int) -> None:
        """After `reserve`: send what follows a sequence from Postgres, then go live with the next one."""
        channel = self._channels[account_id]
        sent = after
        try:
            while not client.too_slow:
                await client.wait_for_room()
                if sent >= channel.ordered.head:
                    # Nothing is awaited from here on, so the stream cannot move in between.
                    client.sent[account_id] = sent
                    channel.clients.add(client)
                    return
                known = channel.ordered.head
                rows = await self._store.events_after(account_id, sent, CATCH_UP_ROWS)
                for sequence, text in rows:
                    sent = sequence
                    client.push_event(text)
                if not rows:
                    sent = known
        finally:
            self._end_reservation(account_id, channel)

    def cancel_reservation(self, account_id: str) -> None:
        """Undo a `reserve` that is not followed by `subscribe`."""
        channel = self._channels.get(account_id)
        if channel is not None:
            self._end_reservation(account_id, channel)

    def unsubscribe(self, client: HubClient, account_id: str) -> None:
        """Stop sending an account's events to a client."""
        channel = self._channels.get(account_id)
        if channel is not None and client in channel.clients:
            channel.clients.discard(client)
            self._drop_if_idle(account_id, channel)
        client.sent.pop(account_id, None)

    def unsubscribe_all(self, client: HubClient) -> None:
        """Stop sending anything to a client."""
        for account_id in list(client.sent):
            self.unsubscribe(client, account_id)
