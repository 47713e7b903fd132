"""A venue's side of one FIX 4.4 session: its numbers both ways, what it sent, what it received.

The law of this file: the session layer is kept as FIX says unless a test asks for something else. Numbers
live on from connection to connection; what was sent while nobody was there is sent when it is asked for.
"""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.patience import EVENTUALLY_S
from tests.venues.fix_bytes import BEGIN_STRING, SOH, Fields, Message, cut, frame, join, timestamp

_LOOK_S: Final = 0.1
_READ_BYTES: Final = 1 << 16
LOGON, HEARTBEAT, TEST_REQUEST, RESEND, REJECT, RESET, LOGOUT = "A", "0", "1", "2", "3", "4", "5"
ADMIN: Final = frozenset((LOGON, HEARTBEAT, TEST_REQUEST, RESEND, REJECT, RESET, LOGOUT))


@dataclass(slots=True)
class Sent:
    """A message of the venue. raws: its bytes each time it went out, empty while nobody was there."""

    msg_type: str
    seq: int
    body: bytes
    sent_at: bytes
    raws: list[bytes] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """The message as a person reads it."""
        return self.body.replace(SOH, b"|").decode("latin-1")


class RawSession:
    """One session. Its switches may be set by a test at any time; every wait is bounded.

    takes_connections: whether a logon is answered at all.
    gap_fills: a resend brings GapFills in place of what was sent.
    loses: of this MsgType the next message is lost with its connection, as if it had never come.
    forgets_at_logon: the next logon is answered with numbers from 1 (ResetSeqNumFlag).
    clock_off: added to SendingTime.
    begin_string, rewrite: another FIX, and what it makes of the body of a message.
    silent: connections are taken and read, and nothing is said or done about what comes.
    """

    def __init__(
        self, venue_id: str, counterparty: str, on_message: Callable[["RawSession", Message], None]
    ) -> None:
        self.venue_id, self.counterparty = venue_id, counterparty
        self.next_out = self.next_in = 1
        self.takes_connections = True
        self.gap_fills = False
        self.loses = ""
        self.forgets_at_logon = False
        self.clock_off = timedelta()
        self.begin_string = BEGIN_STRING
        self.rewrite: Callable[[str, Fields], Fields] = lambda _msg_type, body: body
        self.silent = False
        self.logons = 0
        self.logged_on = False
        # Everything that came; what of it came in its place and was handed on; what was lost on purpose.
        self.received: list[Message] = []
        self.taken: list[Message] = []
        self.lost: list[Message] = []
        self.wire: list[bytes] = []
        self._stored: dict[int, Sent] = {}
        self._on_message = on_message
        self._connection: socket.socket | None = None
        self._asked_through = 0
        self._heartbeat_s = 10.0
        self._sent_s = time.monotonic()
        self._changed = threading.Condition(threading.RLock())

    # ---- what a test says

    def send(self, msg_type: str, body: Fields | bytes, **how: Any) -> Sent:
        """Send a message in its place of the sequence; how: see `build`."""
        return self.send_together([(msg_type, body)], **how)[0]

    def send_together(self, messages: Iterable[tuple[str, Fields | bytes]], **how: Any) -> list[Sent]:
        """Send messages with one write, so that they arrive in one packet."""
        with self._changed:
            sent = [self._next(msg_type, body) for msg_type, body in messages]
            if self.logged_on:
                for one in sent:
                    one.raws.append(self.build(one, **how))
                self._write(b"".join(one.raws[-1] for one in sent))
            return sent

    def _next(self, msg_type: str, body: Fields | bytes) -> Sent:
        content = body if isinstance(body, bytes) else join(self.rewrite(msg_type, body))
        sent = Sent(msg_type, self.next_out, content, self._now())
        self._stored[sent.seq] = sent
        self.next_out += 1
        return sent

    def build(
        self,
        sent: Sent,
        *,
        sending_time: bytes | None = None,
        checksum: int | None = None,
        header: bytes = b"",
        poss_dup: bool = False,
    ) -> bytes:
        """Write a message's bytes.

        sending_time: another SendingTime; checksum: a wrong CheckSum; header: further header fields.
        """
        again = b"43=Y\x01122=%s\x01" % sent.sent_at if poss_dup else b""
        head = b"35=%s\x0134=%d\x0149=%s\x0152=%s\x0156=%s\x01" % (
            sent.msg_type.encode(),
            sent.seq,
            self.venue_id.encode(),
            self._now() if sending_time is None else sending_time,
            self.counterparty.encode(),
        )
        content = head + again + header + sent.body
        return frame(content, begin_string=self.begin_string, checksum=checksum)

    def send_raw(self, data: bytes) -> None:
        """Write any bytes at all."""
        with self._changed:
            self._write(data)

    def skip_numbers(self, count: int) -> None:
        """Leave numbers out, as if so many messages had been lost."""
        with self._changed:
            self.next_out += count

    def forget(self) -> None:
        """Lose the store: numbers from 1, nothing to send again; what comes next is taken by any number."""
        with self._changed:
            self._stored.clear()
            self.next_out, self.next_in = 1, 0

    def reset_now(self) -> None:
        """Send a Logon with ResetSeqNumFlag in the middle of a session."""
        with self._changed:
            self.forget()
            self._send_logon(reset=True)

    def reset_to(self, next_seq: int) -> None:
        """Send SequenceReset-Reset to a later number."""
        with self._changed:
            sent = Sent(RESET, self.next_out, join([(123, "N"), (36, next_seq)]), self._now())
            self._write(self.build(sent))
            self.next_out = next_seq

    def drop(self) -> None:
        """End the connection at once, without a word."""
        with self._changed:
            connection, self._connection = self._connection, None
            self.logged_on = False
            self._changed.notify_all()
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def shut(self) -> None:
        """End the connection and take no other until `reopen`."""
        self.takes_connections = False
        self.drop()

    def reopen(self, timeout_s: float = EVENTUALLY_S) -> None:
        """Take connections again, and wait for the logon."""
        self.takes_connections = True
        self.await_logon(timeout_s)

    def speak(self, timeout_s: float = EVENTUALLY_S) -> None:
        """End a silence, and wait for the logon over a connection that begins after it."""
        self.silent = False
        self.drop()
        self.await_logon(timeout_s)

    # ---- what a test waits for

    def await_logon(self, timeout_s: float = EVENTUALLY_S) -> None:
        """Wait until the session is logged on. Raises AssertionError."""
        self.wait(lambda: self.logged_on, "a logon", timeout_s)

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float = EVENTUALLY_S) -> None:
        """Wait for a condition over this session. Raises AssertionError naming what came instead."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout_s):
                raise AssertionError(f"{self.venue_id}: no {what} within {timeout_s} s{self._story()}")

    def wake(self) -> None:
        """Let whoever waits look again."""
        with self._changed:
            self._changed.notify_all()

    def wait_for(
        self,
        msg_type: str,
        predicate: Callable[[Message], bool] = lambda _message: True,
        timeout_s: float = EVENTUALLY_S,
        *,
        since: int = 0,
    ) -> Message:
        """Wait for a message taken in its place. since: how many were before. Raises AssertionError."""

        def found() -> Message | None:
            return next((m for m in self.taken[since:] if m.msg_type == msg_type and predicate(m)), None)

        self.wait(lambda: found() is not None, f"35={msg_type}", timeout_s)
        message = found()
        assert message is not None
        return message

    def of_type(self, *msg_types: str, since: int = 0) -> list[Message]:
        """Return what came of these types, whatever their number, in the order it came."""
        with self._changed:
            return [message for message in self.received[since:] if message.msg_type in msg_types]

    def _story(self) -> str:
        lines = [f"\n  <- {message.shown}" for message in self.received[-12:]]
        lines += [f"\n  -> {raw.replace(SOH, b'|').decode('latin-1')}" for raw in self.wire[-12:]]
        return "".join(lines)

    # ---- the session layer

    def serve(self, connection: socket.socket, received: bytes) -> None:
        """Read a connection until it ends. received: what came of it already, the logon first."""
        with self._changed:
            if self._connection is not None:
                connection.close()
                return
            self._connection = connection
        # select() takes no descriptor from 1,024 on.
        readable = select.poll()
        readable.register(connection, select.POLLIN)
        try:
            while self._connection is connection:
                messages, received = cut(received)
                for message in messages:
                    self._take(message)
                if not readable.poll(_LOOK_S * 1_000):
                    self._beat()
                    continue
                # Under TLS a connection is not read and written at once.
                with self._changed:
                    data = connection.recv(_READ_BYTES)
                if not data:
                    break
                received += data
        except (OSError, ValueError):
            # The other side or a test has ended it.
            pass
        finally:
            if self._connection is connection:
                self.drop()

    def _take(self, message: Message) -> None:
        with self._changed:
            if self._connection is None:
                return
            if message.msg_type == self.loses:
                self.loses = ""
                self.lost.append(message)
                self.shut()
                return
            self.received.append(message)
            self._changed.notify_all()
            if self.silent or not self._is_in_place(message):
                return
            self.taken.append(message)
            self._changed.notify_all()
        if message.msg_type not in ADMIN:
            self._on_message(self, message)

    def _is_in_place(self, message: Message) -> bool:
        """Do what the session layer does about a message. Returns whether it is to be handed on."""
        match message.msg_type:
            case "A":
                self._answer_logon(message)
                return False
            case "4":
                self._skip_to(message)
                return False
            case "2":
                self.resend(message.number(7), message.number(16))
        self.next_in = self.next_in or message.seq
        if message.seq < self.next_in:
            if not message.poss_dup:
                self._refuse_low(message.seq)
            return False
        if message.seq > self.next_in:
            self._ask_resend(message.seq)
            return False
        self.next_in += 1
        if message.msg_type == TEST_REQUEST:
            self.send(HEARTBEAT, [(112, message.get(112) or b"")])
        elif message.msg_type == LOGOUT:
            self.send(LOGOUT, [])
            self.drop()
        return True

    def _answer_logon(self, message: Message) -> None:
        self._heartbeat_s = float(message.number(108) or 10)
        asked = message.get(141) == b"Y"
        if self.logged_on:
            # The answer to a reset of ours.
            self.next_in = message.seq + 1
            return
        if self.forgets_at_logon or asked:
            self._stored.clear()
            self.next_out, self.next_in = 1, 2 if asked else 0
        elif self.next_in and message.seq < self.next_in and not message.poss_dup:
            self._refuse_low(message.seq)
            return
        self._send_logon(reset=self.forgets_at_logon or asked)
        self.forgets_at_logon = False
        if self.next_in == message.seq:
            self.next_in += 1
        elif self.next_in and not asked and message.seq > self.next_in:
            self._ask_resend(message.seq)

    def _send_logon(self, *, reset: bool) -> None:
        more: Fields = [(141, "Y")] if reset else []
        sent = self._next(LOGON, [(98, 0), (108, int(self._heartbeat_s)), *more])
        sent.raws.append(self.build(sent))
        self._asked_through = 0
        self.logons += 0 if self.logged_on else 1
        self.logged_on = True
        self._write(sent.raws[-1])
        self._changed.notify_all()

    def _refuse_low(self, seq: int) -> None:
        text = f"MsgSeqNum too low, expecting {self.next_in} but received {seq}"
        sent = self._next(LOGOUT, [(58, text)])
        sent.raws.append(self.build(sent))
        self._write(sent.raws[-1])
        self.drop()

    def _ask_resend(self, seq: int) -> None:
        if seq > self._asked_through:
            self._asked_through = seq
            self.send(RESEND, [(7, self.next_in), (16, 0)])

    def _skip_to(self, message: Message) -> None:
        if message.get(123) != b"Y":
            self.next_in = message.number(36)
        elif message.seq <= self.next_in:
            self.next_in = max(self.next_in, message.number(36))
        else:
            self._ask_resend(message.seq)

    def resend(self, first: int, last: int = 0) -> None:
        """Send messages again, in one write: GapFill for what is admin or is not to be seen. last 0: all."""
        with self._changed:
            self._resend(first, last)

    def _resend(self, first: int, last: int) -> None:
        end = self.next_out if last == 0 else min(last + 1, self.next_out)
        out: list[bytes] = []
        gap_from = 0
        for seq in range(first, end):
            sent = self._stored.get(seq)
            if sent is None or sent.msg_type in ADMIN or self.gap_fills:
                gap_from = gap_from or seq
                continue
            if gap_from:
                out.append(self._gap_fill(gap_from, seq))
                gap_from = 0
            sent.raws.append(self.build(sent, poss_dup=True))
            out.append(sent.raws[-1])
        if gap_from:
            out.append(self._gap_fill(gap_from, end))
        if out:
            self._write(b"".join(out))

    def _gap_fill(self, first: int, following: int) -> bytes:
        sent = Sent(RESET, first, join([(123, "Y"), (36, following)]), self._now())
        return self.build(sent, poss_dup=True)

    def _beat(self) -> None:
        with self._changed:
            if self.logged_on and time.monotonic() - self._sent_s > self._heartbeat_s:
                self.send(HEARTBEAT, [])

    def _write(self, data: bytes) -> None:
        if self._connection is None or self.silent:
            return
        self.wire.append(data)
        self._sent_s = time.monotonic()
        try:
            self._connection.sendall(data)
        except OSError:
            self.drop()

    def _now(self) -> bytes:
        return timestamp(datetime.now(UTC) + self.clock_off)
