"""The FIX sessions on sockets: one thread reads them all and keeps them alive, the loop's thread sends.

Connections are made by threads of their own, so that one venue's slow address or handshake holds up nobody.
A message is in the inbox before its number counts as taken (`expected_in_seq`), so what a checkpoint passes
has been handed over.
"""

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import structlog

from execution_adapter import metrics
from execution_adapter.domain.dialects import DIALECTS
from execution_adapter.domain.fix.session import (
    BeganAnew,
    FixSession,
    LoggedOff,
    LoggedOn,
    Noticed,
    ResendAsked,
    SessionEvent,
    SessionTerms,
    State,
)
from execution_adapter.domain.session_settings import SUFFIX, SessionSettings
from execution_adapter.domain.wire_ids import WireIds
from execution_adapter.ports import (
    Connector,
    Inlet,
    Item,
    JournalLine,
    OutNumbers,
    ReaderFailed,
    SentMessage,
    SessionDown,
    SessionState,
    VenueConnection,
    VenueSession,
    session_item,
)
from oms_platform.clock import Clock
from oms_platform.vocabulary import ChildTerms

READ_BYTES: Final = 1 << 18
TICK_S: Final = 0.5
ROOM_WAIT_S: Final = 0.05
LOGOUT_S_MAX: Final = 3.0
LOGOUT_LOOK_S: Final = 0.02
HIDDEN: Final = "***"
log = structlog.get_logger()


def session_terms(settings: SessionSettings) -> SessionTerms:
    """Return who logs on to whom by a venue's settings."""
    header = (
        (50, settings.sender_sub_id),
        (57, settings.target_sub_id),
        (115, settings.on_behalf_of_comp_id),
        (128, settings.deliver_to_comp_id),
    )
    dialect = DIALECTS[settings.dialect]
    return SessionTerms(
        begin_string=dialect.BEGIN_STRING,
        sender=settings.sender_comp_id,
        target=settings.target_comp_id,
        heartbeat_s=settings.heartbeat_s,
        more_header="".join([f"{tag}={value}\x01" for tag, value in header if value]),
        write_time=dialect.timestamp,
    )


class _Link:
    """A venue's session, its settings, and the connection that it has now.

    stays_out: why it is not to be logged on now, empty when it is. resets: whether the next logon begins the
    numbers at 1. changed: settings that the next connection is made with.
    """

    def __init__(self, venue_id: str, start: VenueSession) -> None:
        self.venue_id, self.settings = venue_id, start.settings
        self.session = FixSession(session_terms(start.settings))
        self.dialect = DIALECTS[start.settings.dialect]
        self.stamp: tuple[datetime | None, str] = (None, "")
        self.lock = threading.Lock()
        self.socket: socket.socket | None = None
        self.connecting = False
        self.retry_at_s = 0.0
        # Every number below it is in the inbox.
        self.taken_in = self.session.next_in
        self.said = ""
        self.secret = ""
        self.held_out, self.stays_out = start.held_out, start.held_out
        self.numbers_began_at = start.numbers_began_at
        self.resets = False
        self.changed: SessionSettings | None = None
        self.logons = self.failures = self.resets_done = 0

    def use_changed(self) -> None:
        """Take the settings that were given meanwhile. Only while the session is down."""
        if self.changed is not None:
            self.settings, self.changed = self.changed, None
            self.session.terms = session_terms(self.settings)
            self.dialect = DIALECTS[self.settings.dialect]
            self.stamp = (None, "")

    def why_out(self, now: datetime) -> str:
        """Return why the session is not to be logged on now, in words; empty when it is."""
        schedule = (self.changed or self.settings).schedule
        if self.held_out or schedule is None or schedule.ends_at(now) is not None:
            return self.held_out
        return f"outside its schedule until {schedule.shown_start(now)}"

    def begins_anew(self, now: datetime) -> bool:
        """Say whether a logon now begins the numbers at 1."""
        schedule = self.settings.schedule
        due = schedule is not None and schedule.reset_due(self.numbers_began_at, now)
        return self.resets or self.settings.reset_on_logon or due

    def why_again(self, now: datetime) -> str:
        """Return why a session that is up is to log out and on again, empty when it is not."""
        schedule = self.settings.schedule
        if self.changed is not None:
            return "its settings were changed"
        if schedule is not None and schedule.reset_due(self.numbers_began_at, now):
            return "its numbers begin at 1 again, as its schedule says"
        return ""


class FixSessions:
    """Venues on sockets. Make it, `resume`, then `start`; `stop` logs out."""

    def __init__(
        self,
        sessions: Mapping[str, VenueSession],
        inbox: Inlet,
        *,
        connector: Connector,
        wire_ids: WireIds,
        reconnect_s: float,
        clock: Clock,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._links = {venue_id: _Link(venue_id, start) for venue_id, start in sessions.items()}
        self._inbox = inbox
        self._connector, self._wire_ids = connector, wire_ids
        self._reconnect_s = reconnect_s
        self._clock, self._monotonic_s = clock, monotonic_s
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        for end in (self._waker, self._woken):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._made: list[tuple[_Link, VenueConnection | None, str]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fix", daemon=True)
        self._sent: list[JournalLine] = []
        self._unflushed: set[str] = set()
        self._ticked_s = 0.0

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
        now = self._clock()
        for link in self._links.values():
            link.stays_out = link.why_out(now)
        self._thread.start()

    def stop(self) -> None:
        """Log out everywhere, and disconnect."""
        if not self._thread.is_alive():
            self._close_all()
            return
        for link in self._links.values():
            with link.lock:
                link.held_out = link.stays_out = "the adapter stops"
                link.session.log_off("the adapter stops", self._clock(), self._monotonic_s())
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

    # ---- what operators ask for

    def change(self, venue_id: str, settings: SessionSettings) -> None:
        """Go on with other settings: log out, and log on with them."""
        self._links[venue_id].changed = settings
        self._look_at(venue_id)

    def hold_out(self, venue_id: str, why: str) -> None:
        """Log out and stay out. why: in words."""
        self._links[venue_id].held_out = why
        self._look_at(venue_id)

    def let_in(self, venue_id: str) -> None:
        """Log on, unless the schedule says otherwise."""
        self._links[venue_id].held_out = ""
        self._look_at(venue_id)

    def reset(self, venue_id: str, why: str) -> None:
        """Begin the numbers at 1 on both sides: log out, and log on with 141=Y."""
        link = self._links[venue_id]
        with link.lock:
            link.resets = True
            link.session.log_off(why, self._clock(), self._monotonic_s())
        self._look_at(venue_id)

    def ask_again(self, venue_id: str, begin: int, end: int) -> bool:
        """Send 35=2 and hand on what comes. Returns whether the session is up. end: 0 for all."""
        link = self._links[venue_id]
        with link.lock:
            asked = link.session.ask_again(begin, end, self._clock(), self._monotonic_s())
        self._wake()
        return asked

    def state(self, venue_id: str) -> SessionState:
        """Return how a session is."""
        link = self._links[venue_id]
        up = link.session.state is State.UP
        return SessionState(
            up=up,
            reason="" if up else _hidden(link, link.said),
            stays_out=link.stays_out,
            logons=link.logons,
            failures=link.failures,
            resets=link.resets_done,
            in_use=link.changed or link.settings,
        )

    def _look_at(self, venue_id: str) -> None:
        """Have a session's thread see at once to what was asked of it."""
        link = self._links[venue_id]
        link.retry_at_s, link.stays_out = 0.0, link.why_out(self._clock())
        self._ticked_s = 0.0
        self._wake()

    # ---- out: the loop's thread

    def send_order(self, child: ChildTerms, at: datetime) -> bool:
        """Send 35=D. Returns whether the session is up and took it."""
        link = self._links[child.venue_id]
        name = self._wire_ids.of_child(child.venue_id, child.cl_ord_id)
        told = link.settings.capabilities.told(child)
        body = link.dialect.new_order_single(told, name, _written(link, at), suffixed=_suffixed(link))
        return self._send(link, "D", body, child.cl_ord_id)

    def send_cancel(self, child: ChildTerms, named: str, cl_ord_id: str, at: datetime) -> bool:
        """Send 35=F."""
        link, ids = self._links[child.venue_id], self._wire_ids
        name = named or ids.of_child(child.venue_id, child.cl_ord_id)
        request = ids.of_request(child.venue_id, child.cl_ord_id, cl_ord_id)
        body = link.dialect.order_cancel_request(
            child, name, request, _written(link, at), suffixed=_suffixed(link)
        )
        return self._send(link, "F", body, cl_ord_id)

    def send_replace(self, child: ChildTerms, named: str, cl_ord_id: str, quantity: int, at: datetime) -> str:
        """Send 35=G, to a venue that takes it.

        Returns the request's id as the venue sees it, empty when it was not sent.
        """
        link, ids = self._links[child.venue_id], self._wire_ids
        can = link.settings.capabilities
        if not can.replace:
            return ""
        name = named or ids.of_child(child.venue_id, child.cl_ord_id)
        request = ids.of_request(child.venue_id, child.cl_ord_id, cl_ord_id)
        body = link.dialect.order_cancel_replace_request(
            can.told(child), name, request, quantity, _written(link, at), suffixed=_suffixed(link)
        )
        return request if self._send(link, "G", body, cl_ord_id) else ""

    def ask_status(self, child: ChildTerms, named: str, ask_id: str) -> bool:
        """Send 35=H, to a venue that answers it."""
        link, ids = self._links[child.venue_id], self._wire_ids
        if not link.settings.capabilities.order_status:
            return False
        name = named or ids.of_child(child.venue_id, child.cl_ord_id)
        question = ids.of_request(child.venue_id, child.cl_ord_id, ask_id)
        body = link.dialect.order_status_request(child, name, question, suffixed=_suffixed(link))
        return self._send(link, "H", body, child.cl_ord_id)

    def refuse_type(self, venue_id: str, msg_seq: int, msg_type: str) -> bool:
        """Send 35=j: a type of message that nobody here reads."""
        body = f"45={msg_seq}\x01372={msg_type}\x01380=3\x0158=Unsupported Message Type\x01"
        return self._send(self._links[venue_id], "j", body, "")

    def _send(self, link: _Link, msg_type: str, body: str, cl_ord_id: str) -> bool:
        now = self._clock()
        with link.lock:
            before = len(link.session.outgoing)
            seq = link.session.send(msg_type, body.encode(), now, self._monotonic_s(), cl_ord_id)
            if not seq:
                return False
            raw = bytes(link.session.outgoing[before:])
        self._sent.append(JournalLine(venue_id=link.venue_id, inbound=False, msg_seq=seq, at=now, raw=raw))
        self._unflushed.add(link.venue_id)
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
            if now_s - self._ticked_s >= TICK_S:
                self._ticked_s = now_s
                for link in self._links.values():
                    self._with_session(link, self._tick)
                    self._say_out(link)
            for link in self._links.values():
                self._await_writable(link)

    def _tick(self, link: _Link) -> list[SessionEvent]:
        now, now_s = self._clock(), self._monotonic_s()
        if link.socket is None and not link.connecting:
            link.use_changed()
        link.stays_out = link.why_out(now)
        if why := link.stays_out or (link.session.state is State.UP and link.why_again(now)):
            link.session.log_off(why, now, now_s)
        return link.session.tick(now, now_s)

    def _say_out(self, link: _Link) -> None:
        """Say why a session that has no connection is not to have one."""
        if link.stays_out and link.socket is None:
            self._inbox.put_now(*self._down(link, link.stays_out))

    def _connect_due(self) -> None:
        now_s = self._monotonic_s()
        for link in self._links.values():
            if link.stays_out or link.socket is not None or link.connecting or now_s < link.retry_at_s:
                continue
            link.connecting = True
            link.use_changed()
            name = f"fix-{link.venue_id}"
            threading.Thread(target=self._make, args=(link, link.settings), name=name, daemon=True).start()

    def _make(self, link: _Link, settings: SessionSettings) -> None:
        try:
            self._made.append((link, self._connector.connect(settings), ""))
        except Exception as error:
            # Whatever it is, this venue is tried again, and the reason is shown.
            self._made.append((link, None, str(error) or repr(error)))
        self._wake()

    def _take_made(self) -> None:
        while self._made:
            link, made, problem = self._made.pop(0)
            link.connecting = False
            if made is None:
                link.failures += 1
                where = f"{link.settings.host}:{link.settings.port}"
                self._inbox.put_now(*self._down(link, f"cannot connect to {where}: {problem}"))
                link.retry_at_s = self._monotonic_s() + self._reconnect_s
                continue
            if link.stays_out:
                made.socket.close()
                continue
            now = self._clock()
            with link.lock:
                link.socket, link.secret = made.socket, made.secret
                reset = link.begins_anew(now)
                link.session.connected(now, self._monotonic_s(), logon=made.logon, reset=reset)
                link.taken_in = link.session.next_in
                self._write(link)
            self._selector.register(made.socket, selectors.EVENT_READ, link)

    def _read(self, link: _Link) -> None:
        found = link.socket
        if found is None:
            return
        try:
            with link.lock:
                data = _received(found)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
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
        now = self._clock()
        items: list[Item] = []
        for event in events:
            match event:
                case BeganAnew():
                    link.numbers_began_at, link.resets = now, False
                    link.resets_done += 1
                case LoggedOn():
                    link.said = ""
                    link.logons += 1
                case LoggedOff():
                    link.failures += event.reason != link.session.leaving
                    items += self._down(link, event.reason)
                    continue
                case ResendAsked():
                    metrics.resend_requests_total.labels(link.venue_id, "venue").inc()
                case Noticed():
                    log.warning("fix_session_notice", venue=link.venue_id, notice=_hidden(link, event.text))
            item = session_item(event, link.venue_id, now)
            if item is not None:
                items.append(item)
        self._inbox.put_now(*items)

    @staticmethod
    def _down(link: _Link, reason: str) -> list[Item]:
        """Say why a session is down, once for each reason in a row."""
        if reason == link.said:
            return []
        link.said = reason
        shown = _hidden(link, reason)
        log.warning("fix_session_down", venue=link.venue_id, reason=shown)
        return [SessionDown(link.venue_id, shown, on_purpose=bool(link.stays_out))]

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
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
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


def _suffixed(link: _Link) -> bool:
    return link.settings.symbols == SUFFIX


def _written(link: _Link, at: datetime) -> str:
    """Write a UTCTimestamp. A batch has one time, so the last one is kept."""
    if at is not link.stamp[0]:
        link.stamp = (at, link.dialect.timestamp(at))
    return link.stamp[1]


def _received(found: socket.socket) -> bytes:
    """Take what has come. Raises what the socket does while nothing has."""
    data = found.recv(READ_BYTES)
    # What TLS has decrypted already does not wake a selector.
    while isinstance(found, ssl.SSLSocket) and found.pending():
        data += found.recv(READ_BYTES)
    return data


def _hidden(link: _Link, text: str) -> str:
    """Return what a venue said without our secret, should it repeat that."""
    return text.replace(link.secret, HIDDEN) if link.secret else text
