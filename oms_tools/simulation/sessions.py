"""The adapter's FIX sessions without sockets: its own session layer, over connections to simulated venues.

What `execution_adapter.adapters.fix_sessions` does with a socket and a thread happens here when the scheduler
says so. A session lives as long as its process, and takes up its numbers from what is stored.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from execution_adapter.domain.dialects.fix44 import (
    BEGIN_STRING,
    new_order_single,
    order_cancel_replace_request,
    order_cancel_request,
    order_status_request,
)
from execution_adapter.domain.fix.session import (
    FixSession,
    SessionEvent,
    SessionTerms,
    State,
)
from execution_adapter.domain.fix.wire import utc_timestamp
from execution_adapter.domain.session_settings import Capabilities
from execution_adapter.ports import Item, JournalLine, OutNumbers, SentMessage, session_item
from oms_platform.vocabulary import ChildTerms
from oms_tools.simulation.clock import SimulatedClock
from oms_tools.simulation.venues import Connection, SimulatedVenue
from simulators.broker.config import COUNTERPARTY

HEARTBEAT_S: Final = 10
_CAPABILITIES: Final = Capabilities()


class _Link:
    """A venue's session and the connection that it has now. taken_in: every number below it was handed on."""

    def __init__(self, venue: SimulatedVenue) -> None:
        self.venue = venue
        terms = SessionTerms(
            begin_string=BEGIN_STRING, sender=COUNTERPARTY, target=venue.venue_id, heartbeat_s=HEARTBEAT_S
        )
        self.session = FixSession(terms)
        self.connection: Connection | None = None
        self.taken_in = 1

    def put_out(self) -> None:
        """Put what the session wants to say on its way."""
        outgoing = self.session.outgoing
        if outgoing and self.connection is not None:
            self.connection.send(bytes(outgoing))
            outgoing.clear()


class SimulatedSessions:
    """`Sessions` of the adapter. sending: is shown every order before it goes."""

    def __init__(
        self,
        venues: Mapping[str, SimulatedVenue],
        clock: SimulatedClock,
        sending: Callable[[ChildTerms], None],
    ) -> None:
        self._clock = clock
        self._sending = sending
        self._links = {venue_id: _Link(venue) for venue_id, venue in venues.items()}

    # ---- connections

    def is_connected(self, venue_id: str) -> bool:
        """Whether a venue's session has a connection."""
        return self._links[venue_id].connection is not None

    def is_up(self, venue_id: str) -> bool:
        """Whether a venue's session is logged on."""
        return self._links[venue_id].session.state is State.UP

    def waits(self, venue_id: str) -> bool:
        """Whether something of a venue is on its way to us."""
        connection = self._links[venue_id].connection
        return connection is not None and (bool(connection.to_adapter) or connection.ended)

    def connect(self, venue_id: str) -> None:
        """Connect to a venue that nobody is connected to, and begin to log on."""
        link = self._links[venue_id]
        if link.connection is None and link.venue.is_free:
            link.connection = link.venue.accept()
            link.session.connected(self._clock.now(), self._clock.monotonic_s())
            link.put_out()

    def disconnect(self, venue_id: str, reason: str) -> list[Item]:
        """Lose a venue's connection. Returns what comes of it."""
        link = self._links[venue_id]
        connection, link.connection = link.connection, None
        if connection is not None and not connection.ended:
            link.venue.lose()
        return self._items(link, link.session.disconnected(reason))

    def end(self) -> None:
        """End the process: every connection is lost."""
        for venue_id in self._links:
            self.disconnect(venue_id, "the process has ended")

    def deliver(self, venue_id: str, count: int) -> list[Item]:
        """Let a venue's session read up to `count` messages. Returns what comes of them, for the inbox."""
        link = self._links[venue_id]
        connection = link.connection
        if connection is None:
            return []
        now, now_s = self._clock.now(), self._clock.monotonic_s()
        events = link.session.tick(now, now_s)
        taken = [connection.to_adapter.popleft() for _ in range(min(count, len(connection.to_adapter)))]
        if taken and not link.session.closing:
            events = events + link.session.receive(b"".join(taken), now, now_s)
        link.put_out()
        items = self._items(link, events)
        link.taken_in = link.session.next_in
        if link.session.closing:
            link.venue.lose(whole=True)
            items += self.disconnect(venue_id, "")
        elif connection.ended and not connection.to_adapter:
            items += self.disconnect(venue_id, "the venue closed the connection")
        return items

    def _items(self, link: _Link, events: list[SessionEvent]) -> list[Item]:
        now = self._clock.now()
        found = (session_item(event, link.venue.venue_id, now) for event in events)
        return [item for item in found if item is not None]

    # ---- `Sessions`

    @property
    def venues(self) -> list[str]:
        """The venues that have a session."""
        return list(self._links)

    def resume(self, venue_id: str, next_in_seq: int, out: OutNumbers) -> None:
        """Begin a session anew, as a new process does, with the numbers that it goes on with."""
        link = self._links[venue_id] = _Link(self._links[venue_id].venue)
        link.session.next_in = link.taken_in = next_in_seq
        link.session.next_out, link.session.out_before = out.next_seq, out.before

    def send_order(self, child: ChildTerms, at: datetime) -> bool:
        """Send 35=D."""
        link = self._links[child.venue_id]
        if link.session.state is not State.UP:
            return False
        self._sending(child)
        body = new_order_single(_CAPABILITIES.told(child), child.cl_ord_id, utc_timestamp(at))
        seq = self._send(link, "D", body, child.cl_ord_id)
        link.venue.note_sent(child.cl_ord_id, seq)
        return True

    def send_cancel(self, child: ChildTerms, named: str, cl_ord_id: str, at: datetime) -> bool:
        """Send 35=F."""
        body = order_cancel_request(child, named or child.cl_ord_id, cl_ord_id, utc_timestamp(at))
        return self._send(self._links[child.venue_id], "F", body, cl_ord_id) > 0

    def send_replace(self, child: ChildTerms, named: str, cl_ord_id: str, quantity: int, at: datetime) -> str:
        """Send 35=G."""
        body = order_cancel_replace_request(
            _CAPABILITIES.told(child), named or child.cl_ord_id, cl_ord_id, quantity, utc_timestamp(at)
        )
        return cl_ord_id if self._send(self._links[child.venue_id], "G", body, cl_ord_id) else ""

    def ask_status(self, child: ChildTerms, named: str, ask_id: str) -> bool:
        """Send 35=H."""
        body = order_status_request(child, named or child.cl_ord_id, ask_id)
        return self._send(self._links[child.venue_id], "H", body, child.cl_ord_id) > 0

    def refuse_type(self, venue_id: str, msg_seq: int, msg_type: str) -> bool:
        """Send 35=j."""
        body = f"45={msg_seq}\x01372={msg_type}\x01380=3\x0158=Unsupported Message Type\x01"
        return self._send(self._links[venue_id], "j", body, "") > 0

    def _send(self, link: _Link, msg_type: str, body: str, cl_ord_id: str) -> int:
        now, now_s = self._clock.now(), self._clock.monotonic_s()
        return link.session.send(msg_type, body.encode(), now, now_s, cl_ord_id)

    def flush(self) -> None:
        """Put what was sent on its way."""
        for link in self._links.values():
            link.put_out()

    def take_sent(self) -> list[JournalLine]:
        """Return nothing: what was sent is kept for nobody here."""
        return []

    def out_numbers(self, venue_id: str) -> OutNumbers:
        """Return the next outbound sequence number, and how many came before the numbers began anew."""
        session = self._links[venue_id].session
        return OutNumbers(session.next_out, session.out_before)

    def expected_in_seq(self, venue_id: str) -> int:
        """Return the next inbound sequence number; every message below it was given to the inbox."""
        return self._links[venue_id].taken_in

    def sent_message(self, venue_id: str, seq: int) -> SentMessage | None:
        """Return what was sent under a sequence number, as far as it is remembered."""
        found = self._links[venue_id].session.sent(seq)
        return None if found is None else SentMessage(msg_type=found[0], cl_ord_id=found[1])
