"""The FIX door: one listening socket, a session for each venue, all on the thread that calls `poll`.

Between `poll` and `flush` the caller does what the messages ask. `flush` writes what the sessions have sent
to their stores, and only then to the sockets; the number that a session expects next is written there too, so
a message that was read and not dealt with before a crash is asked for again.
"""

import selectors
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final, NamedTuple

import structlog
from prometheus_client import Counter, Gauge

from oms_platform.clock import Clock, utc_now
from oms_platform.errors import OperationalError
from oms_platform.fix.dictionary import Dictionary, read_dictionary
from oms_platform.fix.session import Fields, FixSession, State
from oms_platform.fix.wire import (
    BEGIN_STRING,
    ENCODING,
    Frame,
    FrameReader,
    MalformedFieldError,
    split_fields,
)
from simulators.broker.config import COUNTERPARTY
from simulators.broker.entrypoints.fix_sayings import resend_asked, say
from simulators.broker.entrypoints.fix_text import (
    VENUE_VALUES,
    UnreadableFixError,
    business_reject_body,
    command_type,
)
from simulators.broker.ports import SentMessages
from simulators.broker.protocol import Command, Saying

LOGOUT_S_MAX: Final = 3.0
LOGON_S_MAX: Final = 10.0
TICK_S: Final = 0.2
CONNECTIONS_MAX: Final = 64
_LISTEN_BACKLOG: Final = 64
_READ_BYTES: Final = 1 << 16
# A counterparty that does not read: its connection is closed, and it may ask for all of it again.
_UNREAD_BYTES_MAX: Final = 64 << 20
log = structlog.get_logger()
sessions_gauge = Gauge("oms_broker_sessions_logged_on", "FIX sessions that are logged on")
garbled_total = Counter("oms_broker_garbled_messages_total", "Messages whose length or checksum is wrong")
session_rejects_total = Counter("oms_broker_session_rejects_total", "35=3 sent", ["venue", "reason"])
failures_total = Counter("oms_broker_message_failures_total", "Messages that the simulator failed at")


Session = FixSession[SentMessages]


class Received(NamedTuple):
    """An application message for a venue, by tag."""

    venue_id: str
    fields: Fields


class _Connection:
    """A counterparty's socket. session: None until its Logon."""

    def __init__(self, sock: socket.socket, opened_s: float) -> None:
        self.sock = sock
        self.opened_s = opened_s
        self.reader = FrameReader()
        self.session: Session | None = None
        self.out = bytearray()
        self.ends = False


def _session(venue_id: str, store: SentMessages, rules: Dictionary) -> Session:
    return FixSession(
        venue_id,
        COUNTERPARTY,
        store,
        rules,
        on_garbled=garbled_total.inc,
        on_reject=lambda reason: session_rejects_total.labels(venue_id, str(reason)).inc(),
    )


class FixAcceptor:
    """Owns the sockets and the sessions. Everything but `wake` and `cut` is for one thread."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        stores: Mapping[str, SentMessages],
        dictionary: Dictionary | None = None,
        clock: Clock = utc_now,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        rules = read_dictionary(own_values=VENUE_VALUES) if dictionary is None else dictionary
        self._host, self._port = host, port
        self._clock, self._monotonic_s = clock, monotonic_s
        self._sessions = {venue_id: _session(venue_id, store, rules) for venue_id, store in stores.items()}
        self._dictionary = rules
        self._selector = selectors.DefaultSelector()
        self._listener: socket.socket | None = None
        self._connections: dict[int, _Connection] = {}
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._ticked_s = 0.0
        self._lost: list[str] = []
        # Until when nobody logs on to a venue, in monotonic seconds.
        self._cut_until_s: dict[str, float] = {}
        self._dirty = True

    # ---- life

    def start(self) -> None:
        """Listen on the host's address and no other. Raises OperationalError when the port cannot be had."""
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.socket(family, kind, protocol)
            try:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(address)
                listener.listen(_LISTEN_BACKLOG)
                listener.setblocking(False)
            except OSError:
                listener.close()
                raise
        except OSError as error:
            raise OperationalError(f"FIX port {self._port} on {self._host}: {error}") from error
        self._listener = listener
        self._selector.register(listener, selectors.EVENT_READ)

    @property
    def is_listening(self) -> bool:
        """Whether the door is open."""
        return self._listener is not None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._port if self._listener is None else int(self._listener.getsockname()[1])

    def wake(self) -> None:
        """Let `poll` return: there is something to do that came by another way. From any thread."""
        # When it is full `poll` returns anyway.
        with suppress(OSError):
            self._waker.send(b"\x00")

    def cut(self, venue_id: str, seconds: float) -> None:
        """Drop a venue's session, and let nobody log on for so long. From any thread."""
        self._cut_until_s[venue_id] = self._monotonic_s() + seconds
        self.wake()

    def _is_cut(self, venue_id: str, now_s: float) -> bool:
        return now_s < self._cut_until_s.get(venue_id, now_s)

    def leave(self) -> None:
        """Close the door, log the sessions out, and wait a bounded time for their answers."""
        if self._listener is None:
            return
        self._selector.unregister(self._listener)
        self._listener.close()
        self._listener = None
        for session in self._sessions.values():
            if session.state is State.LOGGED_ON:
                session.log_out()
        deadline_s = self._monotonic_s() + LOGOUT_S_MAX
        self._dirty = True
        self.flush()
        while self._connections and self._monotonic_s() < deadline_s:
            self.poll(TICK_S)
            self.flush()

    def stop(self) -> None:
        """Leave, and let go of everything."""
        self.leave()
        for connection in list(self._connections.values()):
            self._drop(connection)
        for session in self._sessions.values():
            session.store.close()
        self._selector.close()
        self._woken.close()
        self._waker.close()

    # ---- what comes in

    def poll(self, timeout_s: float) -> list[Received]:
        """Wait up to `timeout_s` for something to read, and return what is to be dealt with."""
        received: list[Received] = []
        now_s = self._monotonic_s()
        wait_s = max(0.0, min(timeout_s, self._ticked_s + TICK_S - now_s if self._connections else timeout_s))
        for key, events in self._selector.select(wait_s):
            connection = key.data
            if isinstance(connection, _Connection):
                self._dirty = True
                if events & selectors.EVENT_READ:
                    received += self._read(connection)
            elif key.fileobj is self._listener:
                self._accept()
            else:
                self._calm()
        self._tick()
        return received

    def _calm(self) -> None:
        with suppress(BlockingIOError):
            while self._woken.recv(_READ_BYTES):
                pass

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        if len(self._connections) >= CONNECTIONS_MAX:
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(sock, self._monotonic_s())
        self._connections[sock.fileno()] = connection
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def _read(self, connection: _Connection) -> list[Received]:
        try:
            data = connection.sock.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return []
        received: list[Received] = []
        now, now_s = self._clock(), self._monotonic_s()
        for frame in connection.reader.feed(data):
            if connection.session is None:
                self._log_on(connection, frame, now, now_s)
            elif not connection.session.ends:
                received += self._receive(connection.session, frame, now, now_s)
        return received

    def _receive(self, session: Session, frame: Frame, now: datetime, now_s: float) -> list[Received]:
        try:
            received = [Received(session.comp_id, fields) for fields in session.receive(frame, now, now_s)]
            resend_asked(session)
            return received
        except OSError:
            raise
        except Exception:
            failures_total.inc()
            log.error("fix_message_failed", venue=session.comp_id, raw=repr(frame.raw[:2048]), exc_info=True)
            session.refuse_unexpected(frame)
            return []

    def _log_on(self, connection: _Connection, frame: Frame, now: datetime, now_s: float) -> None:
        """Let a first message choose the session; a connection that begins otherwise is closed."""
        connection.ends = True
        if not frame.whole or connection.sock.fileno() not in self._connections:
            return
        try:
            fields = split_fields(frame.raw.decode(ENCODING))
        except MalformedFieldError as error:
            log.warning("fix_logon_refused", reason=str(error))
            return
        message = self._dictionary.read(fields)
        values = message.fields
        session = self._sessions.get(values.get("56", ""))
        if (values["35"], values["8"], values.get("49")) != (
            "A",
            BEGIN_STRING,
            COUNTERPARTY,
        ) or session is None:
            log.warning("fix_logon_refused", reason="not a Logon to a venue", msg_type=values["35"])
            return
        if self._is_cut(session.comp_id, now_s):
            log.info("fix_logon_refused", venue=session.comp_id, reason="the session is cut")
            return
        if session.state is not State.AWAY:
            log.warning("fix_logon_refused", venue=session.comp_id, reason="the session is logged on already")
            return
        if session.log_on(message, now, now_s):
            connection.ends = False
            connection.session = session
            log.info("fix_logon", venue=session.comp_id)
            self._count_sessions()

    def _tick(self) -> None:
        """Look, now and then, at what the sessions owe and at connections that never logged on."""
        now_s = self._monotonic_s()
        if now_s - self._ticked_s < TICK_S:
            return
        self._ticked_s = now_s
        self._dirty = True
        now = self._clock()
        for connection in list(self._connections.values()):
            if connection.session is not None and self._is_cut(connection.session.comp_id, now_s):
                self._drop(connection)
            elif connection.session is not None:
                connection.session.tick(now, now_s)
            elif now_s - connection.opened_s > LOGON_S_MAX:
                connection.ends = True

    # ---- what goes out

    def send(self, saying: Saying, *, possible_resend: bool) -> None:
        """Hand a report to its venue's session, which keeps it if nobody is logged on."""
        session = self._sessions[saying.record.venue_id]
        say(session, saying, self._clock(), self._monotonic_s(), possible_resend=possible_resend)
        self._dirty = True

    def take_lost(self) -> list[str]:
        """Return the venues whose connection has gone since the last call."""
        lost, self._lost = self._lost, []
        return lost

    def send_message(self, venue_id: str, msg_type: str, body: str) -> None:
        """Hand a message to a venue's session. body: its fields, each with SOH."""
        self._sessions[venue_id].send(msg_type, body, self._clock(), self._monotonic_s())
        self._dirty = True

    def refuse(self, venue_id: str, error: UnreadableFixError) -> None:
        """Answer a message that the venue does not take."""
        body = business_reject_body(
            ref_seq_num=error.ref_seq_num,
            ref_msg_type=error.ref_msg_type,
            reason=error.reason,
            text=str(error),
        )
        self.send_message(venue_id, "j", body)

    def refuse_failed(self, venue_id: str, command: Command) -> None:
        """Answer a command that the venue failed at; what nobody sent needs no answer."""
        kind = command_type(command)
        if kind:
            body = business_reject_body(
                ref_seq_num="0", ref_msg_type=kind, reason=0, text="the venue failed at this message"
            )
            self.send_message(venue_id, "j", body)

    def flush(self) -> None:
        """Write what was sent to the stores, then to the sockets."""
        if not self._dirty:
            return
        self._dirty = False
        for session in self._sessions.values():
            session.store.flush()
        for connection in list(self._connections.values()):
            talking = connection.session
            if talking is not None and talking.out:
                connection.out += b"".join(talking.out)
                talking.out.clear()
            if connection.out:
                self._write(connection)
            ends = connection.ends or (talking is not None and talking.ends)
            if ends and (not connection.out or talking is None):
                self._drop(connection)

    def _write(self, connection: _Connection) -> None:
        try:
            sent = connection.sock.send(connection.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return
        del connection.out[:sent]
        if len(connection.out) > _UNREAD_BYTES_MAX:
            log.warning("fix_counterparty_does_not_read", bytes=len(connection.out))
            self._drop(connection)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.out else 0)
        if self._selector.get_key(connection.sock).events != wanted:
            self._selector.modify(connection.sock, wanted, connection)

    def _drop(self, connection: _Connection) -> None:
        if self._connections.pop(connection.sock.fileno(), None) is None:
            return
        self._selector.unregister(connection.sock)
        connection.sock.close()
        connection.out.clear()
        if connection.session is not None:
            log.info("fix_logout", venue=connection.session.comp_id)
            self._lost.append(connection.session.comp_id)
            connection.session.lost()
            connection.session = None
            connection.ends = True
            self._count_sessions()

    def _count_sessions(self) -> None:
        sessions_gauge.set(sum(session.state is not State.AWAY for session in self._sessions.values()))
