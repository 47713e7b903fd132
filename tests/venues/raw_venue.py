"""FIX venues on raw sockets, independent of the platform and of any FIX library: a test scripts them.

One port on loopback takes the sessions of all venues; TargetCompID says which one is meant. By default a
venue takes every new order, grants every cancel and replace, and answers questions with the truth. There is
no order book.
"""

import socket
import ssl
import threading
from collections.abc import Callable
from typing import Final

from tests.patience import EVENTUALLY_S
from tests.venues.fix_bytes import Message, cut
from tests.venues.raw_session import RawSession
from tests.venues.venue_order import VenueOrder, unknown_status

COUNTERPARTY: Final = "OMS"
_HELLO_S_MAX: Final = 5.0
NEW_ORDER, CANCEL_REQUEST, REPLACE_REQUEST, STATUS_REQUEST = "D", "F", "G", "H"


class Venue:
    """One venue: its session and its orders.

    mute: of these MsgTypes nothing is answered, the test does it itself.
    answers: what is done about a MsgType instead of the usual.
    """

    def __init__(self, venue_id: str) -> None:
        self.venue_id = venue_id
        self.mute: set[str] = set()
        self.answers: dict[str, Callable[[RawSession, Message], None]] = {}
        self.orders: dict[str, VenueOrder] = {}
        self.session = RawSession(venue_id, COUNTERPARTY, self._on_message)

    def hear(self, *msg_types: str) -> None:
        """Answer everything again but these."""
        self.mute = {*msg_types}

    def order(self, cl_ord_id: str, timeout_s: float = EVENTUALLY_S) -> VenueOrder:
        """Wait for an order of this ClOrdID. Raises AssertionError."""
        self.session.wait(lambda: cl_ord_id in self.orders, f"35=D of {cl_ord_id}", timeout_s)
        return self.orders[cl_ord_id]

    def orders_of(self, parent: str) -> list[VenueOrder]:
        """Return the orders whose ClOrdID begins so, in the order they came."""
        return [order for name, order in list(self.orders.items()) if name.startswith(parent)]

    def cancel_request(
        self, order: VenueOrder, *, since: int = 0, timeout_s: float = EVENTUALLY_S
    ) -> Message:
        """Wait for a 35=F of an order."""
        return self.session.wait_for(
            CANCEL_REQUEST, lambda m: m.text(41) == order.name, timeout_s, since=since
        )

    def question(self, order: VenueOrder, *, since: int = 0, timeout_s: float = EVENTUALLY_S) -> Message:
        """Wait for a 35=H of an order."""
        return self.session.wait_for(
            STATUS_REQUEST, lambda m: m.text(11) == order.name, timeout_s, since=since
        )

    def _on_message(self, session: RawSession, message: Message) -> None:
        if message.msg_type in self.answers:
            self.answers[message.msg_type](session, message)
        elif message.msg_type == NEW_ORDER:
            self._take_order(session, message)
        elif message.msg_type in self.mute:
            return
        elif message.msg_type in (CANCEL_REQUEST, REPLACE_REQUEST):
            self._request(session, message)
        elif message.msg_type == STATUS_REQUEST:
            known = self._named(message.text(11))
            session.send("8", unknown_status(message) if known is None else known.status(message))

    def _take_order(self, session: RawSession, message: Message) -> None:
        known = self.orders.get(message.text(11))
        if known is not None:
            # FIX 4.4, appendix D, F.1.b: a reject of the second, and the status of the first.
            session.send("8", known.report("8", t103=6))
            return
        order = VenueOrder.of(message)
        acks = NEW_ORDER not in self.mute
        if acks:
            session.send("8", order.ack())
        self.orders[order.cl_ord_id] = order
        session.wake()

    def _named(self, name: str) -> VenueOrder | None:
        """Return the order that goes by a ClOrdID now."""
        order = self.orders.get(name.partition("-R")[0])
        return order if order is not None and order.name == name else None

    def _request(self, session: RawSession, request: Message) -> None:
        order, replaces = self._named(request.text(41)), request.msg_type == REPLACE_REQUEST
        if order is None:
            unknown = [(37, "NONE"), (11, request.text(11)), (41, request.text(41)), (39, "8")]
            session.send("9", [*unknown, (434, 2 if replaces else 1), (102, 1)])
        elif order.leaves:
            session.send("8", order.replace(request) if replaces else order.cancel(request))
        else:
            session.send("9", order.refuse_cancel(request, 0))


class RawVenues:
    """The port of all venues, under TLS if there is one. Use it as a context manager."""

    def __init__(self, port: int, venue_ids: tuple[str, ...], tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        self._tls = tls
        self.venues = {venue_id: Venue(venue_id) for venue_id in venue_ids}
        self._listener = socket.create_server(("127.0.0.1", port), backlog=64)
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "RawVenues":
        """Take connections from now on."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for venue in self.venues.values():
            venue.session.shut()

    def __getitem__(self, venue_id: str) -> Venue:
        """Return a venue."""
        return self.venues[venue_id]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._greet, args=(connection,), daemon=True).start()

    def _greet(self, connection: socket.socket) -> None:
        """Read the first message, and give the connection to the session that it names."""
        received = b""
        connection.settimeout(_HELLO_S_MAX)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            while not (found := cut(received)[0]):
                data = connection.recv(4096)
                if not data:
                    connection.close()
                    return
                received += data
        except (OSError, ValueError):
            connection.close()
            return
        connection.settimeout(None)
        venue = self.venues.get(found[0].text(56))
        if venue is None or not venue.session.takes_connections:
            connection.close()
            return
        venue.session.serve(connection, received)
