"""The FIX sessions on sockets: one thread reads them all and keeps them alive, the loop's thread sends.

Connections are made by threads of their own, so that one venue's slow address or handshake holds up nobody.
A message is in the inbox before its number counts as taken (`expected_in_seq`), so what a checkpoint passes
has been handed over.
"""

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from execution_adapter import metrics
from execution_adapter.domain.dialects.fix44 import (
    new_order_single,
    order_cancel_request,
    order_status_request,
)
from execution_adapter.domain.fix.session import (
    FixSession,
    LoggedOff,
    LoggedOn,
    Noticed,
    Received,
    Refused,
    ResendAsked,
    SessionEvent,
    SessionTerms,
    State,
)
from execution_adapter.domain.fix.wire import utc_timestamp
from execution_adapter.ports import (
    FixMessage,
    FixRefused,
    Inlet,
    Item,
    JournalLine,
    OutNumbers,
    ReaderFailed,
    ResendWanted,
    SentMessage,
    SessionDown,
    SessionUp,
)
from oms_platform.clock import Clock
from oms_platform.vocabulary import ChildTerms

CONNECT_S_MAX: Final = 5.0
READ_BYTES: Final = 1 << 18
TICK_S: Final = 0.5
ROOM_WAIT_S: Final = 0.05
LOGOUT_S_MAX: Final = 3.0
LOGOUT_LOOK_S: Final = 0.02
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAddress:
    """Where a venue's session is."""

    host: str
    port: int


class _Link:
    """A venue's session and the connection that it has now."""

    def __init__(self, venue_id: str, address: VenueAddress, session: FixSession) -> None:
        self.venue_id, self.address, self.session = venue_id, address, session
        self.lock = threading.Lock()
        self.socket: socket.socket | None = None
        self.connecting = False
        self.retry_at_s = 0.0
        # Every number below it is in the inbox.
        self.taken_in = session.next_in
        self.said = ""


class FixSessions:
    """Venues on sockets. Make it, `resume`, then `start`; `stop` logs out."""

    def __init__(
        self,
        links: Mapping[str, tuple[VenueAddress, SessionTerms]],
        inbox: Inlet,
        *,
        reconnect_s: float,
        clock: Clock,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._links = {
            venue_id: _Link(venue_id, address, FixSession(terms))
            for venue_id, (address, terms) in links.items()
        }
        self._inbox = inbox
        self._reconnect_s = reconnect_s
        self._clock, self._monotonic_s = clock, monotonic_s
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        for end in (self._waker, self._woken):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._made: list[tuple[_Link, socket.socket | None, str]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fix", daemon=True)
        self._stamp: tuple[datetime | None, str] = (None, "")
        self._sent: list[JournalLine] = []
        self._unflushed: set[str] = set()

    @property
    def venues(self) -> list[str]:
        """The venues that have a session."""
        return list(self._links)

    def resume(self, venue_id: str, next_in_seq: int, out: OutNumbers) -> None:
        """Set the numbers that a session goes on with. Only before `start`."""
        link = self._links[venue_id]
        link.session.next_in = link.taken_in = next_in_seq
        link.session.next_out, link.session.out_before = out.next_seq, out.before

    def start(self) -> None:
        """Connect, and stay connected, from threads of our own."""
        self._thread.start()

    def stop(self) -> None:
        """Log out everywhere, and disconnect."""
        if not self._thread.is_alive():
            self._close_all()
            return
        for link in self._links.values():
            with link.lock:
                link.session.log_off("", self._clock(), self._monotonic_s())
        self._wake()
        deadline_s = self._monotonic_s() + LOGOUT_S_MAX
        while self._monotonic_s() < deadline_s and any(
            link.session.state is not State.DOWN for link in self._links.values()
        ):
            time.sleep(LOGOUT_LOOK_S)
        self._stopping.set()
        self._wake()
        self._thread.join(LOGOUT_S_MAX)
        self._close_all()

    def _close_all(self) -> None:
        for link in self._links.values():
            if link.socket is not None:
                link.socket.close()
                link.socket = None
        self._selector.close()
        self._waker.close()
        self._woken.close()

    # ---- out: the loop's thread

    def send_order(self, child: ChildTerms, at: datetime) -> bool:
        """Send 35=D. Returns whether the session is up and took it."""
        body = new_order_single(child, self._written(at))
        return self._send(child.venue_id, "D", body, child.cl_ord_id)

    def send_cancel(self, child: ChildTerms, cl_ord_id: str, at: datetime) -> bool:
        """Send 35=F."""
        body = order_cancel_request(child, cl_ord_id, self._written(at))
        return self._send(child.venue_id, "F", body, cl_ord_id)

    def ask_status(self, child: ChildTerms, ask_id: str) -> bool:
        """Send 35=H."""
        return self._send(child.venue_id, "H", order_status_request(child, ask_id), child.cl_ord_id)

    def refuse_type(self, venue_id: str, msg_seq: int, msg_type: str) -> bool:
        """Send 35=j: a type of message that nobody here reads."""
        body = f"45={msg_seq}\x01372={msg_type}\x01380=3\x0158=Unsupported Message Type\x01"
        return self._send(venue_id, "j", body, "")

    def _written(self, at: datetime) -> str:
        """Write a UTCTimestamp. A batch has one time, so the last one is kept."""
        if at is not self._stamp[0]:
            self._stamp = (at, utc_timestamp(at))
        return self._stamp[1]

    def _send(self, venue_id: str, msg_type: str, body: str, cl_ord_id: str) -> bool:
        link = self._links[venue_id]
        now = self._clock()
        with link.lock:
            before = len(link.session.outgoing)
            seq = link.session.send(msg_type, body.encode(), now, self._monotonic_s(), cl_ord_id)
            if not seq:
                return False
            raw = bytes(link.session.outgoing[before:])
        self._sent.append(JournalLine(venue_id=venue_id, inbound=False, msg_seq=seq, at=now, raw=raw))
        self._unflushed.add(venue_id)
        return True

    def flush(self) -> None:
        """Put what was sent on the wire."""
        for venue_id in self._unflushed:
            link = self._links[venue_id]
            with link.lock:
                whole = self._write(link)
            if not whole:
                self._wake()
        self._unflushed.clear()

    def take_sent(self) -> list[JournalLine]:
        """Return the application messages that were sent since the last call."""
        taken, self._sent = self._sent, []
        return taken

    def out_numbers(self, venue_id: str) -> OutNumbers:
        """Return the next outbound sequence number, and how many came before the numbers began anew."""
        link = self._links[venue_id]
        with link.lock:
            return OutNumbers(link.session.next_out, link.session.out_before)

    def expected_in_seq(self, venue_id: str) -> int:
        """Return the next inbound sequence number; every message below it was given to the inbox."""
        return self._links[venue_id].taken_in

    def sent_message(self, venue_id: str, seq: int) -> SentMessage | None:
        """Return what we sent under a sequence number, as far as it is remembered."""
        link = self._links[venue_id]
        with link.lock:
            found = link.session.sent(seq)
        return None if found is None else SentMessage(msg_type=found[0], cl_ord_id=found[1])

    # ---- the sessions' thread

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:
            # Nobody would read the sessions any more: the loop ends with it, and starts anew.
            self._inbox.put_now(ReaderFailed(error))

    def _serve(self) -> None:
        ticked_s = 0.0
        while not self._stopping.is_set():
            self._connect_due()
            has_room = self._inbox.wait_for_room(ROOM_WAIT_S)
            for key, mask in self._selector.select(TICK_S if has_room else 0):
                link: _Link | None = key.data
                if link is None:
                    with contextlib.suppress(OSError):
                        self._woken.recv(4096)
                    continue
                if mask & selectors.EVENT_WRITE:
                    self._flush_link(link)
                if mask & selectors.EVENT_READ and has_room:
                    self._read(link)
            self._take_made()
            now_s = self._monotonic_s()
            if now_s - ticked_s >= TICK_S:
                ticked_s = now_s
                for link in self._links.values():
                    self._with_session(link, self._tick)
            for link in self._links.values():
                self._await_writable(link)

    def _tick(self, link: _Link) -> list[SessionEvent]:
        return link.session.tick(self._clock(), self._monotonic_s())

    def _connect_due(self) -> None:
        now_s = self._monotonic_s()
        for link in self._links.values():
            if link.socket is None and not link.connecting and now_s >= link.retry_at_s:
                link.connecting = True
                threading.Thread(
                    target=self._make, args=(link,), name=f"fix-{link.venue_id}", daemon=True
                ).start()

    def _make(self, link: _Link) -> None:
        try:
            made = socket.create_connection((link.address.host, link.address.port), CONNECT_S_MAX)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.setblocking(False)
        except OSError as error:
            self._made.append((link, None, str(error)))
        else:
            self._made.append((link, made, ""))
        self._wake()

    def _take_made(self) -> None:
        while self._made:
            link, made, problem = self._made.pop(0)
            link.connecting = False
            if made is None:
                where = f"{link.address.host}:{link.address.port}"
                self._inbox.put_now(*self._down(link, f"cannot connect to {where}: {problem}"))
                link.retry_at_s = self._monotonic_s() + self._reconnect_s
                continue
            with link.lock:
                link.socket = made
                link.session.connected(self._clock(), self._monotonic_s())
                self._write(link)
            self._selector.register(made, selectors.EVENT_READ, link)

    def _read(self, link: _Link) -> None:
        found = link.socket
        if found is None:
            return
        try:
            data = found.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._drop(link, f"the connection broke: {error}")
            return
        if not data:
            self._drop(link, "the venue closed the connection")
            return
        self._with_session(link, lambda link: link.session.receive(data, self._clock(), self._monotonic_s()))

    def _with_session(self, link: _Link, step: Callable[[_Link], list[SessionEvent]]) -> None:
        """Let a session do something: hand on what comes of it, and send what it wants to say."""
        with link.lock:
            events = step(link)
            taken_in = link.session.next_in
            self._write(link)
            closing = link.session.closing
        self._hand_on(link, events)
        link.taken_in = taken_in
        if closing and link.socket is not None:
            self._drop(link, "")

    def _hand_on(self, link: _Link, events: list[SessionEvent]) -> None:
        if not events:
            return
        venue_id, now = link.venue_id, self._clock()
        items: list[Item] = []
        for event in events:
            match event:
                case Received():
                    items.append(
                        FixMessage(
                            venue_id=venue_id,
                            raw=event.raw,
                            fields=event.fields,
                            msg_seq=event.msg_seq,
                            poss_dup=event.poss_dup,
                            at=now,
                        )
                    )
                case Refused():
                    items.append(
                        FixRefused(
                            venue_id=venue_id,
                            raw=event.raw,
                            msg_seq=event.msg_seq,
                            reason=event.reason,
                            garbled=event.garbled,
                            at=now,
                        )
                    )
                case LoggedOn():
                    link.said = ""
                    items.append(SessionUp(venue_id, event.began_anew))
                case LoggedOff():
                    items += self._down(link, event.reason)
                case ResendAsked():
                    metrics.resend_requests_total.labels(venue_id, "venue").inc()
                    items.append(ResendWanted(venue_id))
                case Noticed():
                    log.warning("fix_session_notice", venue=venue_id, notice=event.text)
        self._inbox.put_now(*items)

    @staticmethod
    def _down(link: _Link, reason: str) -> list[Item]:
        """Say why a session is down, once for each reason in a row."""
        if reason == link.said:
            return []
        link.said = reason
        log.warning("fix_session_down", venue=link.venue_id, reason=reason)
        return [SessionDown(link.venue_id, reason)]

    def _drop(self, link: _Link, reason: str) -> None:
        found = link.socket
        if found is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(found)
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_WR)
            found.close()
        with link.lock:
            link.socket = None
            events = link.session.disconnected(reason)
        link.retry_at_s = self._monotonic_s() + self._reconnect_s
        self._hand_on(link, events)

    def _flush_link(self, link: _Link) -> None:
        with link.lock:
            self._write(link)

    @staticmethod
    def _write(link: _Link) -> bool:
        """Send as much as the socket takes. Returns whether that was all. Under the link's lock."""
        outgoing, found = link.session.outgoing, link.socket
        if not outgoing or found is None:
            return True
        try:
            sent = found.send(outgoing)
        except BlockingIOError:
            return False
        except OSError:
            # The reading side finds the broken connection and says so.
            return True
        del outgoing[:sent]
        return not outgoing

    def _await_writable(self, link: _Link) -> None:
        found = link.socket
        if found is None:
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if link.session.outgoing else 0)
        try:
            if self._selector.get_key(found).events != wanted:
                self._selector.modify(found, wanted, link)
        except KeyError:
            return
