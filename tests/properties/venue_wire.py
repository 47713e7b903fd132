"""An adapter over one FIX session, and the venue at its other end, without sockets, clocks or databases.

The adapter's side is the services' own: session, wire, parsing, loop, manager. The venue's side is this
file's: it knows what it said under each number, answers what the session asks, and logs on again when the
connection is gone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace

from execution_adapter.adapters.memory_children import InMemoryChildStore
from execution_adapter.domain.child import Inbound
from execution_adapter.domain.dialects.fix44 import (
    BEGIN_STRING,
    new_order_single,
    order_cancel_replace_request,
    order_cancel_request,
    order_status_request,
)
from execution_adapter.domain.fix.session import (
    FixSession,
    Refused,
    SessionEvent,
    SessionTerms,
    State,
)
from execution_adapter.domain.fix.wire import utc_timestamp
from execution_adapter.domain.gate import Parent
from execution_adapter.domain.ledger import Ledger
from execution_adapter.domain.live_child import LiveChild
from execution_adapter.entrypoints.main_loop import AdapterLoop, Pace, ReportsOutlet
from execution_adapter.handlers import ChildOrderManager
from execution_adapter.ports import (
    Item,
    JournalLine,
    OutNumbers,
    Routed,
    SentMessage,
    session_item,
)
from oms_platform.exceptions import ExecutionException
from oms_platform.ids import uuid7
from oms_platform.kafka.memory import MemoryBroker, MemorySink, MemorySource
from oms_platform.messages import ExecutionReport
from oms_platform.vocabulary import ChildTerms, Message
from oms_platform.wire import Topic
from oms_tools.verify.fix_reader import first_values
from tests.unit.execution_adapter.orders import child, parent_of, plan

VENUE: Final = "XNYS"
CHILDREN: Final = 6
QUANTITY: Final = 20_000
ROUNDS_MAX: Final = 40
RESEND_AGAIN_S: Final = 11.0
START: Final = datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC)


class Published:
    """What was published, in its order. A RecordSink that keeps only what says something of an execution."""

    def __init__(self) -> None:
        self.reports: list[ExecutionReport] = []
        self.dead_letters: list[str] = []

    def send(self, topic: str, key: str, message: Message, *, event_id: UUID, trace: str = "") -> None:
        """Keep a report."""
        if isinstance(message, ExecutionReport):
            self.reports.append(message)

    def send_dead_letter(self, raw: Any, reason: str) -> None:
        """Keep a reason."""
        self.dead_letters.append(reason)

    def poll(self) -> None:
        """Everything is delivered."""

    def flush(self) -> None:
        """Everything is delivered."""

    def next_offsets(self, topic: str) -> Mapping[int, int]:
        """Say that nothing was published before."""
        return {}


class WatchedLedger(Ledger):
    """Notes every exception that was raised, also one that is stored already."""

    def __init__(self) -> None:
        super().__init__("one", {})
        self.raised: list[ExecutionException] = []

    def excepted(self, exception: ExecutionException) -> None:
        """Note it, and keep it."""
        self.raised.append(exception)
        super().excepted(exception)


class WatchedManager(ChildOrderManager):
    """Notes which messages reached their child. handled: how often each was."""

    handled: Counter[bytes]

    def handle_inbound(
        self, inbound: Inbound, live: LiveChild, raw: bytes, now: datetime, now_s: float
    ) -> None:
        """Note it, and work on it."""
        self.handled[raw] += 1
        super().handle_inbound(inbound, live, raw, now, now_s)


class Wire:
    """The session as the adapter's handlers see it.

    refused: numbers of messages that got a 35=j. passed_over: of those that the session kept for a person.
    """

    def __init__(self) -> None:
        terms = SessionTerms(begin_string=BEGIN_STRING, sender="OMS", target=VENUE, heartbeat_s=30)
        self.session = FixSession(terms)
        self.now, self.now_s = START, 0.0
        self.items: list[Item] = []
        self.refused: list[int] = []
        self.passed_over: set[int] = set()

    def take(self, timeout_s: float) -> Sequence[Item]:
        """Hand over what has come."""
        taken, self.items = self.items, []
        return taken

    def hand_on(self, events: Sequence[SessionEvent]) -> None:
        """Put what a session says into the inbox, as its thread does."""
        for event in events:
            if isinstance(event, Refused):
                self.passed_over.add(event.msg_seq)
            item = session_item(event, VENUE, self.now)
            if item is not None:
                self.items.append(item)

    def _send(self, msg_type: str, body: str, cl_ord_id: str) -> bool:
        return bool(self.session.send(msg_type, body.encode(), self.now, self.now_s, cl_ord_id))

    def send_order(self, child: ChildTerms, at: datetime) -> bool:
        """Send 35=D."""
        return self._send("D", new_order_single(child, child.cl_ord_id, utc_timestamp(at)), child.cl_ord_id)

    def send_cancel(self, child: ChildTerms, named: str, cl_ord_id: str, at: datetime) -> bool:
        """Send 35=F."""
        body = order_cancel_request(child, named or child.cl_ord_id, cl_ord_id, utc_timestamp(at))
        return self._send("F", body, cl_ord_id)

    def send_replace(self, child: ChildTerms, named: str, cl_ord_id: str, quantity: int, at: datetime) -> str:
        """Send 35=G."""
        name = named or child.cl_ord_id
        body = order_cancel_replace_request(child, name, cl_ord_id, quantity, utc_timestamp(at))
        return cl_ord_id if self._send("G", body, cl_ord_id) else ""

    def ask_status(self, child: ChildTerms, named: str, ask_id: str) -> bool:
        """Send 35=H."""
        body = order_status_request(child, named or child.cl_ord_id, ask_id)
        return self._send("H", body, child.cl_ord_id)

    def refuse_type(self, venue_id: str, msg_seq: int, msg_type: str) -> bool:
        """Send 35=j."""
        self.refused.append(msg_seq)
        return self._send("j", f"45={msg_seq}\x01372=x\x01380=3\x01", "")

    def flush(self) -> None:
        """Everything is on the wire."""

    def take_sent(self) -> list[JournalLine]:
        """Say that nothing sent is to be journaled."""
        return []

    def out_numbers(self, venue_id: str) -> OutNumbers:
        """Return the session's."""
        return OutNumbers(self.session.next_out, self.session.out_before)

    def expected_in_seq(self, venue_id: str) -> int:
        """Return the session's."""
        return self.session.next_in

    def sent_message(self, venue_id: str, seq: int) -> SentMessage | None:
        """Return what was sent under a number."""
        found = self.session.sent(seq)
        return None if found is None else SentMessage(msg_type=found[0], cl_ord_id=found[1])


def fix_message(fields: Sequence[tuple[int, bytes]]) -> bytes:
    """Write a message: BodyLength and CheckSum are put around the fields."""
    return sealed(b"".join([b"%d=%s\x01" % field for field in fields]))


def sealed(body: bytes) -> bytes:
    """Put BeginString, BodyLength and CheckSum around a body."""
    message = b"8=FIX.4.4\x019=%d\x01%s" % (len(body), body)
    return b"%s10=%03d\x01" % (message, sum(message) % 256)


class VenueWire:
    """The venue's end. said: by number, the body of what it truly said; None for what is no news."""

    def __init__(self) -> None:
        # What clients placed: what the plans say.
        self.parents: dict[UUID, Parent] = {}
        self.store = InMemoryChildStore(parent_of=self.parents.get)
        self.wire, self.published = Wire(), Published()
        outlet, ledger = ReportsOutlet(self.published, new_id=uuid7), WatchedLedger()
        self.raised = ledger.raised
        self.manager = WatchedManager(self.wire, outlet, ledger, status_timeout_s=5.0)
        self.manager.handled = Counter()
        self.loop = AdapterLoop(
            arrivals=self.wire,
            store=self.store,
            venues=self.wire,
            venue_ids=[VENUE],
            manager=self.manager,
            ledger=ledger,
            publisher=self.published,
            outlet=outlet,
            clock=lambda: self.wire.now,
            monotonic_s=lambda: self.wire.now_s,
            pace=Pace(flush_s=1e9, checkpoint_s=1e9),
        )
        self.said: dict[int, list[tuple[int, bytes]] | None] = {}
        self.next_seq = 1
        self.connect()
        self.children = self._place()

    @property
    def session(self) -> FixSession:
        """The adapter's session."""
        return self.wire.session

    def _place(self) -> list[ChildTerms]:
        """Have the adapter send orders, each large enough for every fill."""
        broker = MemoryBroker()
        feed, source = MemorySink(broker), MemorySource(broker, [Topic.ROUTED], {})
        placed = []
        for _ in range(CHILDREN):
            order_id = uuid7()
            one, terms = child(order_id, quantity=QUANTITY), replace(plan().terms, quantity=QUANTITY)
            order = plan(order_id=order_id, quantity=QUANTITY, terms=terms, children=(one,))
            self.parents[order_id] = parent_of(order)
            feed.send(Topic.ROUTED.value, "key", order, event_id=uuid7())
            placed.append(one)
        feed.flush()
        self.wire.items.append(Routed(source.poll(timeout_s=0)))
        self.loop.step()
        self.session.outgoing.clear()
        if any(self.manager.get(one.cl_ord_id) is None for one in placed):
            raise AssertionError("expected every order to be sent, found one that was not")
        return placed

    # ---- what the venue says

    def say(self, body: list[tuple[int, bytes]] | None, raw: bytes) -> None:
        """Say something under the next number. body: what is true, raw: what comes out of the wire."""
        self.said[self.next_seq] = body
        self.next_seq += 1
        self._feed(raw)
        self.answer()

    def head(self, msg_type: bytes, seq: int, *, again: bool = False) -> list[tuple[int, bytes]]:
        """Return the fields that a message begins with. again: it is sent a second time."""
        stamp = utc_timestamp(self.wire.now).encode()
        fields = [(35, msg_type), (34, b"%d" % seq), (49, VENUE.encode()), (52, stamp), (56, b"OMS")]
        return [*fields, (43, b"Y"), (122, stamp)] if again else fields

    def heartbeat(self) -> None:
        """Say that the venue is there."""
        self.say(None, fix_message(self.head(b"0", self.next_seq)))

    def _feed(self, raw: bytes) -> None:
        self.wire.hand_on(self.session.receive(raw, self.wire.now, self.wire.now_s))

    def answer(self) -> None:
        """Answer what the session asks, and log on again where it has hung up."""
        for _ in range(ROUNDS_MAX):
            asked, closing = bytes(self.session.outgoing), self.session.closing
            self.session.outgoing.clear()
            if closing or self.session.state is State.DOWN:
                self.connect()
                continue
            begins = [first_values(raw)[7] for raw in messages_of(asked) if b"\x0135=2\x01" in raw]
            if not begins:
                return
            self._say_again(min(int(begin) for begin in begins))

    def _say_again(self, begin: int) -> None:
        for seq in range(max(1, begin), self.next_seq):
            body = self.said.get(seq)
            if body is None:
                fill = [(123, b"Y"), (36, b"%d" % (seq + 1))]
                self._feed(fix_message(self.head(b"4", seq, again=True) + fill))
            else:
                self._feed(fix_message(self.head(body[0][1], seq, again=True) + body[1:]))

    def connect(self) -> None:
        """Have the session log on over a new connection, and answer it."""
        self.wire.hand_on(self.session.disconnected("the venue closed the connection"))
        self.session.connected(self.wire.now, self.wire.now_s)
        self.session.outgoing.clear()
        self.said[self.next_seq] = None
        logon = fix_message([*self.head(b"A", self.next_seq), (98, b"0"), (108, b"30")])
        self.next_seq += 1
        self._feed(logon)

    def settle(self) -> None:
        """Let time pass until the session has taken what the venue said. Raises AssertionError."""
        for _ in range(ROUNDS_MAX):
            self.loop.step()
            self.heartbeat()
            if self.session.state is State.UP and self.session.next_in == self.next_seq:
                self.loop.checkpoint()
                return
            self.wire.now_s += RESEND_AGAIN_S
            self.wire.hand_on(self.session.tick(self.wire.now, self.wire.now_s))
            self.answer()
        raise AssertionError(
            f"the session waits for {self.session.next_in}, said was up to {self.next_seq - 1}"
        )


def messages_of(stream: bytes) -> list[bytes]:
    """Cut what the session sent, which is well framed."""
    return [b"8=FIX" + piece for piece in stream.split(b"8=FIX")[1:]]
