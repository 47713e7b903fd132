"""Order events from Kafka to every WebSocket: per account in order, without a gap or a repeat, as they came.

What clients get of an event are the bytes that core stored and published; here only its place in its
account's stream is read.

Kafka is only the fast way. Postgres has every event before Kafka does: a gap that stays is read from there,
and a look each second finds what Kafka never brought.

A client reads as fast as it likes and slows nobody: what waits for it is bounded, and a client for which
CLIENT_QUEUE_MAX messages wait is given up; of how a thing stands only the newest waits. What was stored is
read for it only as there is room, one account at a time, and no further once it has gone or has asked for
something else.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import structlog
from prometheus_client import Counter, Gauge

from oms_api.domain.principal import Principal
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.domain.stream import OrderedStream
from oms_api.entrypoints import stream_messages
from oms_api.entrypoints.stream_requests import Channels, StreamChannel
from oms_api.ports import BrokerState, EncodedEvent, EventStore, UnavailableError
from oms_platform.clock import microseconds
from oms_platform.telemetry.metrics import hop
from oms_platform.telemetry.order_trace import is_traced, now_us, traced_id
from oms_platform.telemetry.spans import Kind
from oms_platform.telemetry.tracing import SLOW, Tracer

CLIENT_QUEUE_MAX: Final = 10_000
CATCH_UP_ROWS: Final = 500
CATCH_UP_CHARACTERS: Final = 1_048_576
SNAPSHOT_ORDERS_MAX: Final = 10_000
SNAPSHOT_EXECUTIONS_MAX: Final = 200
STATES_PER_FRAME_MAX: Final = 200
GAP_GRACE_S: Final = 0.05
BACKSTOP_S: Final = 1.0
EPOCH_S_MAX: Final = 1.0
CLOSE_S_MAX: Final = 3.0
EVENTS_PER_FRAME_MAX: Final = 200
PUSH_SPAN: Final = "push to WebSockets"
TOO_SLOW: Final = "too slow: events were waiting; subscribe again from the last streamSequence"
OTHER_EPOCH: Final = "the database is another one than before: connect again, and begin with a snapshot"

log = structlog.get_logger()
clients_gauge = Gauge("oms_api_websocket_clients", "WebSockets that are open")
events_total = Counter("oms_api_stream_events_total", "Events given out to WebSockets, counted once each")
healed_total = Counter(
    "oms_api_stream_healed_total", "Events that were read from Postgres because Kafka had not brought them"
)
_PUSH: Final = hop("core_to_client")
slow_total = Counter("oms_api_websocket_slow_total", "WebSockets closed because they read too slowly")


# How the events begin to say so that are trades; no text in them can, since its quotes are escaped.
TRADE_MARKS: Final = ('"type":"TradeApplied"', '"type":"TradeCorrected"')
NOBODY: Final = Principal(subject="", rights=frozenset(), accounts=frozenset())


class _Answer(msgspec.Struct, frozen=True, gc=False):
    """A message of its own among a client's events."""

    text: str


class HubClient:
    """One WebSocket's outgoing queue, how far each of its accounts was sent, and what is read for it."""

    def __init__(self) -> None:
        self.principal = NOBODY
        self.sent: dict[str, int] = {}
        # Which events of each of its accounts it gets.
        self.wanted: dict[str, Channels] = {}
        # How things stand that it is yet to be told, by channel and thing.
        self._states: dict[tuple[str, str], str] = {}
        self.catching_up: dict[str, asyncio.Task[None]] = {}
        self.one_catch_up = asyncio.Lock()
        # Why it is to be closed, empty as long as it is not.
        self.given_up = ""
        self._outgoing: deque[str | _Answer] = deque()
        self._characters = 0
        self._to_close = asyncio.Event()
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    @property
    def accounts(self) -> list[str]:
        """The accounts that it listens to, or is about to."""
        return list(dict.fromkeys((*self.sent, *self.catching_up)))

    @property
    def waits(self) -> bool:
        """Whether anything is yet to be sent to it."""
        return bool(self._outgoing or self._states)

    def push_event(self, text: str) -> None:
        """Queue an event."""
        self._push(text, len(text))

    def push_event_of(self, account_id: str, text: str) -> None:
        """Queue an account's event, if it is one of those that the client wants."""
        if StreamChannel.ORDERS in self.wanted[account_id] or any(mark in text for mark in TRADE_MARKS):
            self.push_event(text)

    def push(self, text: str) -> None:
        """Queue a message that is none of the events."""
        self._push(_Answer(text), len(text))

    def _push(self, item: str | _Answer, characters: int) -> None:
        """Queue a message; a client whose queue is full is given up."""
        if len(self._outgoing) >= CLIENT_QUEUE_MAX:
            self.give_up(TOO_SLOW)
        elif not self.given_up:
            self._outgoing.append(item)
            self._characters += characters
            if len(self._outgoing) > CATCH_UP_ROWS or self._characters > CATCH_UP_CHARACTERS:
                self._has_room.clear()
        self._changed.set()

    def push_state(self, kind: str, thing: str, text: str) -> None:
        """Queue how a thing of a channel stands, in place of how it stood before."""
        if not self.given_up:
            self._states[kind, thing] = text
            self._changed.set()

    def give_up(self, reason: str) -> None:
        """Queue nothing more for the client, and have it closed."""
        self.given_up = self.given_up or reason
        self._to_close.set()
        self._has_room.set()

    def next_frame(self) -> str | None:
        """Take what is sent next, as many events at once as there are; None when there is nothing."""
        if not self._outgoing:
            return self._next_states()
        events: list[str] = []
        while self._outgoing and len(events) < EVENTS_PER_FRAME_MAX:
            item = self._outgoing[0]
            if isinstance(item, _Answer):
                if not events:
                    self._outgoing.popleft()
                    self._make_room(len(item.text))
                    return item.text
                break
            events.append(item)
            self._outgoing.popleft()
        self._make_room(sum(map(len, events)))
        return f'{{"type":"events","events":[{",".join(events)}]}}'

    def _next_states(self) -> str | None:
        if not self._states:
            return None
        kind = next(iter(self._states))[0]
        taken = [key for key in self._states if key[0] == kind][:STATES_PER_FRAME_MAX]
        more = {"live": True} if kind == StreamChannel.QUOTES.value else {}
        return stream_messages.state(kind, [self._states.pop(key) for key in taken], snapshot=False, **more)

    def _make_room(self, characters: int) -> None:
        self._characters -= characters
        if len(self._outgoing) <= CATCH_UP_ROWS and self._characters <= CATCH_UP_CHARACTERS:
            self._has_room.set()

    def next_events(self, events_max: int) -> list[str]:
        """Take the next events, each by itself and at most so many; a client that has no other messages."""
        count = min(events_max, len(self._outgoing))
        events = [item for _ in range(count) if isinstance(item := self._outgoing.popleft(), str)]
        self._make_room(sum(map(len, events)))
        return events

    async def wait_for_messages(self, timeout_s: float) -> None:
        """Wait until there is something to send, or the time is over."""
        if self._outgoing or self._states:
            return
        self._changed.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def wait_until_given_up(self) -> str:
        """Wait until the client is to be closed. Returns why."""
        await self._to_close.wait()
        return self.given_up

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
        self._opened: set[HubClient] = set()
        self._epoch, self._epoch_at = "", 0.0
        self._no_clients = asyncio.Event()
        self._no_clients.set()
        # Called with whether anybody listens, so that nothing is read from Kafka for nobody.
        self.on_listening: Callable[[bool], None] = lambda _listening: None

    def socket_opened(self, client: HubClient) -> None:
        """Count a WebSocket that has opened."""
        self._opened.add(client)
        self._no_clients.clear()
        clients_gauge.inc()

    def socket_closed(self, client: HubClient) -> None:
        """Count a WebSocket that has closed."""
        self._opened.discard(client)
        clients_gauge.dec()
        if not self._opened:
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
                    client.push_event_of(account_id, text)

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
                await self.epoch()
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

    async def epoch(self) -> str:
        """Return which database the streams are of, as of the last EPOCH_S_MAX. Raises UnavailableError."""
        loop = asyncio.get_running_loop()
        if not self._epoch or loop.time() - self._epoch_at > EPOCH_S_MAX:
            found = await self._store.epoch()
            if self._epoch and found != self._epoch:
                self._begin_again()
            self._epoch, self._epoch_at = found, loop.time()
        return self._epoch

    def _begin_again(self) -> None:
        """Give every client up: sequences of another database mean something else in this one."""
        log.warning("stream_epoch_changed", clients=len(self._opened))
        for client in list(self._opened):
            client.give_up(OTHER_EPOCH)
        for channel in self._channels.values():
            channel.ordered = OrderedStream()
            if channel.healing is not None:
                channel.healing.cancel()

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

    def subscribe(
        self,
        client: HubClient,
        account_id: str,
        after: int | None,
        wanted: Channels = frozenset((StreamChannel.ORDERS,)),
    ) -> asyncio.Task[None]:
        """After `reserve`: send what follows a sequence from Postgres, then go live with the next one.

        after: the sequence; None for how the account stands first, then what follows that. What the client
        had of the account ends here, also what is still being read for it. wanted: of orders is every event,
        of executions the trades alone.
        """
        self.unsubscribe(client, account_id)
        client.wanted[account_id] = wanted
        channel = self._channels[account_id]
        work = self._catch_up(client, account_id, channel, after)
        task = client.catching_up[account_id] = asyncio.create_task(work)
        task.add_done_callback(lambda done: self._caught_up(client, account_id, channel, done))
        return task

    async def _catch_up(
        self, client: HubClient, account_id: str, channel: _Channel, after: int | None
    ) -> None:
        async with client.one_catch_up:
            sent = await self._send_snapshot(client, account_id) if after is None else after
            while sent is not None and not client.given_up:
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
                    client.push_event_of(account_id, text)
                if not rows:
                    sent = known

    async def _send_snapshot(self, client: HubClient, account_id: str) -> int | None:
        """Send how an account stands. Returns the sequence that it is at; None if its orders are too many."""
        await client.wait_for_room()
        wanted, orders_max = client.wanted[account_id], 0
        if StreamChannel.ORDERS in wanted:
            orders_max = SNAPSHOT_ORDERS_MAX + 1
        found = await self._store.snapshot(account_id, orders_max)
        if len(found.orders) <= SNAPSHOT_ORDERS_MAX:
            executions = None
            if StreamChannel.EXECUTIONS in wanted:
                executions = await self._store.executions_until(
                    account_id, found.stream_sequence, SNAPSHOT_EXECUTIONS_MAX
                )
            client.push(
                stream_messages.snapshot_of(account_id, found, executions, with_orders=orders_max > 0)
            )
            return found.stream_sequence
        what = f"{account_id} has more than {SNAPSHOT_ORDERS_MAX} open orders: subscribe without a snapshot"
        client.push(stream_messages.error(Refusal(code=RefusalCode.CONFLICT, message=what)))
        client.push(stream_messages.unsubscribed(wanted, [account_id]))
        return None

    def _caught_up(
        self, client: HubClient, account_id: str, channel: _Channel, done: asyncio.Task[None]
    ) -> None:
        if client.catching_up.get(account_id) is done:
            del client.catching_up[account_id]
        self._end_reservation(account_id, channel)
        error = None if done.cancelled() else done.exception()
        if isinstance(error, UnavailableError):
            client.give_up(error.what)
        elif error is not None:
            log.error("catch_up_failed", account_id=account_id, exc_info=error)
            client.give_up("an unexpected error")

    def cancel_reservation(self, account_id: str) -> None:
        """Undo a `reserve` that is not followed by `subscribe`."""
        channel = self._channels.get(account_id)
        if channel is not None:
            self._end_reservation(account_id, channel)

    def unsubscribe(self, client: HubClient, account_id: str) -> None:
        """Stop sending an account's events to a client, and reading them for it."""
        catching_up = client.catching_up.pop(account_id, None)
        if catching_up is not None:
            catching_up.cancel()
        channel = self._channels.get(account_id)
        if channel is not None and client in channel.clients:
            channel.clients.discard(client)
            self._drop_if_idle(account_id, channel)
        client.sent.pop(account_id, None)
        client.wanted.pop(account_id, None)

    def unsubscribe_all(self, client: HubClient) -> None:
        """Stop sending anything to a client."""
        for account_id in client.accounts:
            self.unsubscribe(client, account_id)
