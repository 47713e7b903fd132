"""The initiator's side of one FIX session, without a socket: bytes and times in, bytes and events out.

The law of this file: every application message that a venue sends comes out as an event exactly once, in the
order of its MsgSeqNum, or as a `Refused` that says why not; one that can never be read does not stop those
behind it. Nothing of ours is ever sent a second time: a ResendRequest is answered by a gap fill, and who
needs to know what became of a message asks the venue (FIX 4.4, volume 2, "Message recovery").
"""

import enum
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from execution_adapter.domain.fix.wire import (
    Field,
    Framer,
    MalformedError,
    first_value,
    framed,
    read_fields,
    text_of,
    utc_timestamp,
)

LOGON_S_MAX: Final = 10
LOGOUT_S_MAX: Final = 3
# Silence after which we ask whether the venue is there, and after which it is not: percent of the heartbeat
# interval.
TEST_AFTER_PERCENT: Final = 120
GONE_AFTER_PERCENT: Final = 240
RESEND_AGAIN_S: Final = 10
# A number that came garbled so often is passed over.
GARBLED_TIMES_MAX: Final = 3
# Messages that wait for a gap before them to be filled.
WAITING_MAX: Final = 20_000
SENT_REMEMBERED_MAX: Final = 20_000
CLOCK_SKEW_S_MAX: Final = 120
_ADMIN: Final = frozenset((b"0", b"1", b"2", b"3", b"4", b"5", b"A"))


class SessionTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Who logs on to whom. more_header: fields of every message's header beside 34, 35, 49, 52 and 56.

    write_time: writes a UTCTimestamp as the session's version of FIX has it.
    """

    begin_string: str
    sender: str
    target: str
    heartbeat_s: int
    more_header: str = ""
    write_time: Callable[[datetime], str] = utc_timestamp


class BeganAnew(msgspec.Struct, frozen=True, gc=False):
    """The venue's numbers began again at 1, with the Logon `raw`: nothing from before is resent."""

    raw: bytes


class LoggedOn(msgspec.Struct, frozen=True, gc=False):
    """The session is up."""


class LoggedOff(msgspec.Struct, frozen=True, gc=False):
    """The session, or the try to log on, has ended; in words, why."""

    reason: str


class Received(msgspec.Struct, frozen=True, gc=False):
    """An application message or session-level reject, in its place. fields: None if a piece is malformed."""

    raw: bytes
    fields: list[Field] | None
    msg_seq: int
    poss_dup: bool


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A message whose number is passed over without its content: garbled for good, or refused by 35=3."""

    raw: bytes
    msg_seq: int
    reason: str
    garbled: bool


class ResendAsked(msgspec.Struct, frozen=True, gc=False):
    """The venue missed messages of ours, and got a gap fill for them."""

    begin_seq: int


class Noticed(msgspec.Struct, frozen=True, gc=False):
    """Something of the session that a person may want to read."""

    text: str


SessionEvent = BeganAnew | LoggedOn | LoggedOff | Received | Refused | ResendAsked | Noticed


class State(enum.Enum):
    """Where the session is."""

    DOWN = "DOWN"
    LOGGING_ON = "LOGGING_ON"
    UP = "UP"
    LOGGING_OFF = "LOGGING_OFF"


class FixSession:
    """One session over its connections. Not thread-safe.

    next_in: the MsgSeqNum that is expected next; next_out: the one that is used next.
    """

    def __init__(self, terms: SessionTerms, *, next_in: int = 1, next_out: int = 1) -> None:
        self.terms = terms
        self.state = State.DOWN
        self.next_in, self.next_out = next_in, next_out
        # How many numbers were used before they began anew.
        self.out_before = 0
        # What goes out next, and whether the connection is to be closed after it.
        self.outgoing = bytearray()
        self.closing = False
        self._framer = Framer()
        self._waiting: dict[int, tuple[bytes, list[Field] | None]] = {}
        self._garbled: dict[int, int] = {}
        self._gap_until = 0
        self._gap_asked_s = 0.0
        self._logon_s = self._received_s = self._sent_s = 0.0
        self._tested = False
        self._skewed = False
        self._asks_reset = False
        # Why we log out, in words.
        self.leaving = ""
        # The numbers, first and last, that are handed on once more when they are resent.
        self._wanted_again = (0, 0)
        self._sent: OrderedDict[int, tuple[str, str]] = OrderedDict()
        self._stamp: tuple[datetime | None, str] = (None, "")
        self._events: list[SessionEvent] = []
        self._now = datetime.min
        self._now_s = 0.0

    # ---- connections

    def connected(self, now: datetime, now_s: float, *, logon: bytes = b"", reset: bool = False) -> None:
        """A connection was made: log on.

        logon: fields of the Logon beside its own. reset: ask that both sides' numbers begin at 1 (141=Y).
        """
        self._now, self._now_s = now, now_s
        self._framer = Framer()
        self.outgoing.clear()
        self._waiting.clear()
        self.closing, self._tested, self._gap_until = False, False, 0
        self._logon_s = self._received_s = now_s
        self.state = State.LOGGING_ON
        self._asks_reset, self.leaving = reset, ""
        self._wanted_again = (0, 0)
        if reset:
            self.out_before += self.next_out
            self.next_in = self.next_out = 1
            self._garbled.clear()
        again = b"141=Y\x01" if reset else b""
        self._send("A", b"98=0\x01108=%d\x01%s%s" % (self.terms.heartbeat_s, again, logon))

    def disconnected(self, reason: str) -> list[SessionEvent]:
        """The connection is gone, or never was."""
        was = self.state
        self.state = State.DOWN
        self.outgoing.clear()
        if was is State.LOGGING_OFF:
            reason = self.leaving
        return [] if was is State.DOWN else [LoggedOff(reason)]

    def receive(self, data: bytes, now: datetime, now_s: float) -> list[SessionEvent]:
        """Take what came on the connection. Returns what it means, in its order."""
        self._now, self._now_s, self._events = now, now_s, []
        self._received_s, self._tested = now_s, False
        for frame in self._framer.feed(data):
            if self.state is State.DOWN or self.closing:
                break
            if frame.problem:
                self._on_garbled(frame.raw, frame.problem)
                continue
            before = self.next_in
            try:
                self._on_message(frame.raw)
            except (ValueError, ArithmeticError, LookupError) as error:
                # A fault of ours: the message is kept, and those behind it are read.
                if first_value(frame.raw, 34) == b"%d" % before and self.next_in == before:
                    reason = f"the session cannot read it: {error!r}"
                    self._events.append(Refused(frame.raw, before, reason, garbled=True))
                    self._pass(before)
        return self._events

    def tick(self, now: datetime, now_s: float) -> list[SessionEvent]:
        """Let time pass: heartbeats, questions, and the end of a venue that says nothing."""
        self._now, self._now_s, self._events = now, now_s, []
        silent_s, heartbeat_s = now_s - self._received_s, self.terms.heartbeat_s
        silent_percent = 100 * silent_s / heartbeat_s
        if self.state is State.LOGGING_ON and now_s - self._logon_s > LOGON_S_MAX:
            self._close(f"no answer to the logon within {LOGON_S_MAX} s")
        elif self.state is State.LOGGING_OFF and now_s - self._logon_s > LOGOUT_S_MAX:
            self._close(f"{self.leaving}; the venue did not answer the logout")
        elif self.state is State.UP:
            if silent_percent > GONE_AFTER_PERCENT:
                self._close(f"nothing was heard for {silent_s:.0f} s")
            elif silent_percent > TEST_AFTER_PERCENT and not self._tested:
                self._tested = True
                self._send("1", f"112=TEST-{self.next_out}\x01".encode())
            elif now_s - self._sent_s >= heartbeat_s:
                self._send("0", b"")
            if self._gap_until and now_s - self._gap_asked_s > RESEND_AGAIN_S:
                self._ask_resend(self._gap_until)
        return self._events

    def log_off(self, why: str, now: datetime, now_s: float) -> None:
        """Begin a logout. why: in words, for who asks later why the session is down."""
        self._now, self._now_s = now, now_s
        if self.state in (State.UP, State.LOGGING_ON):
            self._send("5", b"")
            self.state, self._logon_s, self.leaving = State.LOGGING_OFF, now_s, why

    def ask_again(self, begin: int, end: int, now: datetime, now_s: float) -> bool:
        """Ask for messages that came before, or were passed over, and hand on what is sent of them.

        end: the last one, 0 for all. Returns whether the session is up.
        """
        if self.state is not State.UP:
            return False
        self._now, self._now_s = now, now_s
        self._wanted_again = (begin, min(end or self.next_in - 1, self.next_in - 1))
        self._send("2", f"7={begin}\x0116={end}\x01".encode())
        return True

    # ---- out

    def send(self, msg_type: str, body: bytes, now: datetime, now_s: float, cl_ord_id: str = "") -> int:
        """Send an application message. Returns its MsgSeqNum, or 0 when the session is not up."""
        if self.state is not State.UP:
            return 0
        self._now, self._now_s = now, now_s
        seq = self._send(msg_type, body)
        self._sent[seq] = (msg_type, cl_ord_id)
        if len(self._sent) > SENT_REMEMBERED_MAX:
            self._sent.popitem(last=False)
        return seq

    def sent(self, seq: int) -> tuple[str, str] | None:
        """Return the MsgType and ClOrdID of one of the newest application messages."""
        return self._sent.get(seq)

    def _send(self, msg_type: str, body: bytes, *, seq: int = 0, gap_fill: bool = False) -> int:
        number = seq or self.next_out
        if self._now is not self._stamp[0]:
            self._stamp = (self._now, self.terms.write_time(self._now))
        stamp, terms = self._stamp[1], self.terms
        again = f"43=Y\x01122={stamp}\x01" if gap_fill else ""
        head = (
            f"35={msg_type}\x0134={number}\x0149={terms.sender}\x0152={stamp}\x0156={terms.target}\x01"
            f"{terms.more_header}{again}"
        )
        self.outgoing += framed(terms.begin_string.encode(), head.encode() + body)
        self._sent_s = self._now_s
        if not seq:
            self.next_out += 1
        return number

    # ---- in

    def _on_garbled(self, raw: bytes, problem: str) -> None:
        """Ignore it, as FIX asks; but one whose number nobody can fill is passed over in the end."""
        number = first_value(raw, 34)
        seq = int(number) if number is not None and number.isdigit() and len(number) < 19 else 0
        self._events.append(Noticed(f"garbled message, {problem}"))
        if self.state is not State.UP or seq != self.next_in:
            return
        times = self._garbled.get(seq, 0) + 1
        self._garbled[seq] = times
        if times < GARBLED_TIMES_MAX:
            self._ask_resend(seq)
            return
        self._events.append(Refused(raw, seq, problem, garbled=True))
        self._pass(seq)
        self._take_waiting()

    def _on_message(self, raw: bytes) -> None:
        fields: list[Field] | None
        try:
            fields = read_fields(raw)
            header = dict(reversed(fields[:12]))
        except MalformedError:
            fields = None
            header = {
                tag: value
                for tag in (8, 34, 35, 43, 49, 52, 56)
                if (value := first_value(raw, tag)) is not None
            }
            if any(raw.count(b"\x01%d=" % tag) > 1 for tag in (34, 35, 49, 56)):
                self._on_garbled(raw, "a header field comes twice and a piece is no field")
                return
        msg_type, number = header.get(35, b""), header.get(34, b"")
        if not (number.isdigit() and len(number) < 19) or not msg_type:
            self._close(f"a message without {'MsgType' if number else 'MsgSeqNum'}", log_out=True)
            return
        seq, poss_dup = int(number), header.get(43) == b"Y"
        if problem := self._stranger(header):
            self._on_stranger(raw, seq, msg_type, problem)
            return
        self._watch_clock(header.get(52, b""))
        if msg_type == b"A":
            self._on_logon(fields, raw, seq)
        elif self.state is State.LOGGING_ON:
            self._on_answer_to_logon(msg_type, raw)
        elif msg_type == b"4" and first_value(raw, 123) != b"Y":
            self._on_reset(raw, seq)
        else:
            self._on_numbered(raw, fields, seq, msg_type, poss_dup)

    def _on_answer_to_logon(self, msg_type: bytes, raw: bytes) -> None:
        said = text_of(first_value(raw, 58) or b"")
        if msg_type == b"5":
            self._close(f"the venue refused the logon: {said}" if said else "the venue refused the logon")
        elif msg_type == b"3":
            self._close(f"the venue rejected the logon: {said}")
        else:
            self._close(f"the venue answered the logon with 35={text_of(msg_type)}", log_out=True)

    def _stranger(self, header: dict[int, bytes]) -> str:
        """Return why a message is from or for somebody else, or of another FIX; empty when it is not."""
        terms = self.terms
        if header.get(49) != terms.target.encode() or header.get(56) != terms.sender.encode():
            found = f"{text_of(header.get(49, b''))} to {text_of(header.get(56, b''))}"
            return f"CompID problem: expected {terms.target} to {terms.sender}, found {found}"
        if header.get(8) != terms.begin_string.encode():
            found = text_of(header.get(8, b""))
            return f"BeginString problem: expected {terms.begin_string}, found {found}"
        return ""

    def _on_stranger(self, raw: bytes, seq: int, msg_type: bytes, problem: str) -> None:
        """A message that is none of this session's: FIX refuses it and ends the session."""
        if self.state is State.UP:
            self._send("3", b"45=%d\x01372=%s\x01373=9\x0158=CompID problem\x01" % (seq, msg_type))
            if msg_type not in _ADMIN or msg_type == b"3":
                self._events.append(Refused(raw, seq, problem, garbled=False))
            if seq == self.next_in:
                self._pass(seq)
        self._close(problem, log_out=True)

    def _on_numbered(
        self, raw: bytes, fields: list[Field] | None, seq: int, msg_type: bytes, poss_dup: bool
    ) -> None:
        if seq > self.next_in:
            self._on_too_high(raw, fields, seq, msg_type)
        elif seq < self.next_in:
            if not poss_dup:
                self._close(f"MsgSeqNum too low, expecting {self.next_in} but received {seq}", log_out=True)
            elif self._is_wanted_again(seq, msg_type):
                self._events.append(Received(raw, fields, seq, poss_dup))
        else:
            self._handle(raw, fields, seq, msg_type, poss_dup)
            self._take_waiting()

    def _is_wanted_again(self, seq: int, msg_type: bytes) -> bool:
        first, last = self._wanted_again
        return first <= seq <= last and (msg_type not in _ADMIN or msg_type == b"3")

    def _on_too_high(self, raw: bytes, fields: list[Field] | None, seq: int, msg_type: bytes) -> None:
        # A ResendRequest is answered at once, or two sides that both miss something wait for each other.
        if msg_type == b"2":
            self._fill_gap(raw)
        elif msg_type == b"5":
            self._on_logout(raw)
            return
        if len(self._waiting) < WAITING_MAX:
            self._waiting[seq] = (raw, fields)
        if not self._gap_until or seq > self._gap_until + WAITING_MAX:
            self._ask_resend(seq - 1)

    def _ask_resend(self, until: int) -> None:
        self._gap_until = max(until, self._gap_until)
        self._gap_asked_s = self._now_s
        self._send("2", f"7={self.next_in}\x0116=0\x01".encode())
        self._events.append(Noticed(f"asked for messages from {self.next_in} on again"))

    def _take_waiting(self) -> None:
        while self.state is State.UP and not self.closing and self.next_in in self._waiting:
            seq = self.next_in
            raw, fields = self._waiting.pop(seq)
            msg_type = first_value(raw, 35) or b""
            if msg_type == b"2":
                self._pass(seq)
            else:
                self._handle(raw, fields, seq, msg_type, first_value(raw, 43) == b"Y")
        if self._waiting:
            stale = [seq for seq in self._waiting if seq < self.next_in]
            for seq in stale:
                del self._waiting[seq]
        if self._waiting and not self._gap_until and self.state is State.UP:
            self._ask_resend(max(self._waiting) - 1)

    def _pass(self, seq: int) -> None:
        """Go on to the number after this one."""
        self.next_in = seq + 1
        self._garbled.pop(seq, None)
        if self._gap_until and self.next_in > self._gap_until:
            self._gap_until = 0

    def _handle(
        self, raw: bytes, fields: list[Field] | None, seq: int, msg_type: bytes, poss_dup: bool
    ) -> None:
        """Do what a message in its place says."""
        if msg_type not in _ADMIN or msg_type == b"3":
            self._events.append(Received(raw, fields, seq, poss_dup))
        elif msg_type == b"1":
            asked = first_value(raw, 112)
            self._send("0", b"" if asked is None else b"112=%s\x01" % asked)
        elif msg_type == b"2":
            self._fill_gap(raw)
        elif msg_type == b"4":
            self._on_gap_fill(raw, seq)
            return
        elif msg_type == b"5":
            self._pass(seq)
            self._on_logout(raw)
            return
        self._pass(seq)

    def _on_logon(self, fields: list[Field] | None, raw: bytes, seq: int) -> None:
        began_anew = first_value(raw, 141) == b"Y"
        if self.state is State.LOGGING_ON and self._asks_reset:
            # Both sides began at 1 with our Logon; a venue need not say 141=Y again.
            if seq != 1:
                self._close(
                    f"the venue did not begin its numbers at 1, as 141=Y asks, but at {seq}", log_out=True
                )
                return
            began_anew = True
        elif began_anew:
            # Our own Logon counts as the first message of the new numbers.
            self.out_before += self.next_out
            self.next_in, self.next_out = seq, 2 if self.state is State.LOGGING_ON else 1
            self._waiting.clear()
            self._garbled.clear()
            self._gap_until = 0
            if self.state is State.UP:
                self._send("A", f"98=0\x01108={self.terms.heartbeat_s}\x01141=Y\x01".encode())
        if seq < self.next_in and first_value(raw, 43) != b"Y":
            self._close(f"MsgSeqNum too low, expecting {self.next_in} but received {seq}", log_out=True)
            return
        self.state = State.UP
        if began_anew:
            self._events.append(BeganAnew(raw))
        self._events.append(LoggedOn())
        if seq == self.next_in:
            self._pass(seq)
        elif seq > self.next_in:
            self._ask_resend(seq)

    def _on_logout(self, raw: bytes) -> None:
        said = text_of(first_value(raw, 58) or b"")
        if self.state is State.LOGGING_OFF:
            self._close(self.leaving)
        else:
            self._close(f"the venue logged out: {said}" if said else "the venue logged out", log_out=True)

    def _on_gap_fill(self, raw: bytes, seq: int) -> None:
        number = first_value(raw, 36) or b""
        if not number.isdigit() or len(number) > 18 or int(number) <= seq:
            self._send("3", b"45=%d\x01371=36\x01372=4\x01373=5\x0158=NewSeqNo must be beyond\x01" % seq)
            self._pass(seq)
            return
        if int(number) - seq > 1:
            self._events.append(Noticed(f"the venue filled the gap from {seq} to {int(number) - 1}"))
        self._pass(int(number) - 1)

    def _on_reset(self, raw: bytes, seq: int) -> None:
        """SequenceReset-Reset: whatever its own number, the next one is NewSeqNo."""
        number = first_value(raw, 36) or b""
        if not number.isdigit() or len(number) > 18 or int(number) < self.next_in:
            self._send("3", b"45=%d\x01371=36\x01372=4\x01373=5\x0158=NewSeqNo is too low\x01" % seq)
            return
        self._events.append(Noticed(f"the venue reset its numbers from {self.next_in} to {int(number)}"))
        self._pass(int(number) - 1)
        self._take_waiting()

    def _fill_gap(self, raw: bytes) -> None:
        """Answer a ResendRequest: nothing of ours is sent again."""
        number = first_value(raw, 7) or b""
        begin = int(number) if number.isdigit() and len(number) < 19 else 1
        if begin < self.next_out:
            body = f"123=Y\x0136={self.next_out}\x01".encode()
            self._send("4", body, seq=max(1, begin), gap_fill=True)
        self._events.append(ResendAsked(begin))

    def _watch_clock(self, sending_time: bytes) -> None:
        """Say once a connection that the venue's clock is off. Its messages count nevertheless."""
        at = _time_of(sending_time)
        skew = None if at is None else abs((self._now - at) / timedelta(seconds=1))
        off = skew is None or skew > CLOCK_SKEW_S_MAX
        if off and not self._skewed:
            found = text_of(sending_time) if skew is None else f"{skew:.0f} s from ours"
            self._events.append(Noticed(f"SendingTime accuracy problem: the venue's clock says {found}"))
        self._skewed = off

    def _close(self, reason: str, *, log_out: bool = False) -> None:
        if log_out and self.state in (State.UP, State.LOGGING_ON):
            self._send("5", b"58=%s\x01" % reason.encode("ascii", "replace"))
        self.closing = True
        self._events.append(LoggedOff(reason))
        self.state = State.DOWN


def _time_of(value: bytes) -> datetime | None:
    """Read a UTCTimestamp to the second, None if it is none; a leap second counts as the one before."""
    try:
        second = min(59, int(value[15:17]))
        day = (int(value[0:4]), int(value[4:6]), int(value[6:8]))
        return datetime(*day, int(value[9:11]), int(value[12:14]), second, tzinfo=UTC)
    except ValueError:
        return None
