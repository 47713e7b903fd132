"""One FIX 4.4 session, from the acceptor's side: sequence numbers, resends, heartbeats, refusals.

By FIX 4.4, volume 2, and QuickFIX's acceptance definitions of it. Knows no socket and no clock: bytes come
in and are left in `out`, the times are handed in. What it sends is in its store before it is on the wire,
whether somebody is logged on or not, so that it can be asked for again; what is asked for again is left in
`asked_again`, and whoever reads the store hands it to `resend`.
"""

import enum
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Generic, Protocol, TypeVar

import structlog

from oms_platform.fix.dictionary import (
    COMP_ID_PROBLEM,
    INCORRECT_DATA_FORMAT,
    INVALID_TAG_NUMBER,
    REASON_TEXTS,
    REQUIRED_TAG_MISSING,
    SENDING_TIME_PROBLEM,
    VALUE_OUT_OF_RANGE,
    Dictionary,
    Fault,
    ReadMessage,
)
from oms_platform.fix.wire import (
    BEGIN_STRING,
    ENCODING,
    SOH,
    Frame,
    MalformedFieldError,
    assemble,
    split_fields,
)

# Messages after a gap that wait for it to be filled; one more ends the connection.
WAITING_MAX: Final = 50_000
LOGOUT_WAIT_S: Final = 2.0
CLOCK_DIFFERENCE_MAX: Final = timedelta(seconds=120)
HEARTBEAT_S_MAX: Final = 3_600
_TEST_REQUEST_AFTER: Final = 1.2
_LOST_AFTER: Final = 2.4
_ADMIN_TYPES: Final = frozenset("012345A")
_HEADER_FIELDS: Final = 7
_REVERSED_ROUTE: Final = (
    ("115", "128"),
    ("116", "129"),
    ("144", "145"),
    ("128", "115"),
    ("129", "116"),
    ("145", "144"),
)
_SEQ_DIGITS_MAX: Final = 18
log = structlog.get_logger()

Fields = Mapping[str, str]


class State(enum.Enum):
    """Where a session is."""

    AWAY = "AWAY"
    LOGGED_ON = "LOGGED_ON"
    LOGGING_OUT = "LOGGING_OUT"


@lru_cache(maxsize=64)
def utc_timestamp(at: datetime) -> str:
    """Write a UTCTimestamp to the microsecond."""
    return f"{at:%Y%m%d-%H:%M:%S}.{at.microsecond:06d}"


def read_timestamp(text: str) -> datetime | None:
    """Read a UTCTimestamp of any precision; None when it is none. A leap second counts as the one before."""
    head, _, fraction = text.partition(".")
    second = _read_second(head)
    if second is None or not fraction:
        return second
    if not (fraction.isascii() and fraction.isdigit()):
        return None
    return second + timedelta(microseconds=int(fraction[:6].ljust(6, "0")))


@lru_cache(maxsize=256)
def _read_second(text: str) -> datetime | None:
    if text.endswith(":60"):
        text = f"{text[:-2]}59"
    try:
        return datetime.strptime(text, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def read_seq(text: str) -> int | None:
    """Read a sequence number; None when it is none."""
    digits = text.isascii() and text.isdigit() and len(text) <= _SEQ_DIGITS_MAX
    return int(text) if digits else None


class SentNumbers(Protocol):
    """What a session knows of its store: the numbers that come next either way, and what it sends."""

    next_in: int

    @property
    def next_out(self) -> int:
        """The number of the next message."""

    def append(self, raw: bytes) -> None:
        """Keep a message under the next number."""

    def reset(self) -> None:
        """Forget everything: both numbers are 1 again."""


StoreT_co = TypeVar("StoreT_co", bound=SentNumbers, covariant=True)


class FixSession(Generic[StoreT_co]):
    """A session of ours with its one counterparty.

    comp_id: ours; counterparty: theirs. out: what is to be written to the connection, in its order. ends: the
    connection is to be closed once it is written. resets_next: we begin our numbers anew at the next logon,
    though nobody asked for it. asked_again: ranges of numbers that are to be handed to `resend`.
    on_garbled: called for each message whose length or checksum is wrong; on_reject: with the
    SessionRejectReason (373) of each 35=3 that is sent. waiting_max: messages that may wait for a gap.
    """

    def __init__(
        self,
        comp_id: str,
        counterparty: str,
        store: StoreT_co,
        dictionary: Dictionary,
        *,
        on_garbled: Callable[[], None] = lambda: None,
        on_reject: Callable[[int], None] = lambda _reason: None,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self.comp_id = comp_id
        self.counterparty = counterparty
        self.out: list[bytes] = []
        self.asked_again: list[tuple[int, int]] = []
        self._on_garbled, self._on_reject = on_garbled, on_reject
        self._waiting_max = waiting_max
        self._log = log.bind(comp_id=comp_id, counterparty=counterparty)
        self.ends = False
        self.resets_next = False
        self.state = State.AWAY
        self._store = store
        self._dictionary = dictionary
        # What came after a gap; None for what was dealt with when it came.
        self._waiting: dict[int, ReadMessage | None] = {}
        # The last number that was asked for again and has not come yet; 0 for none.
        self._asked_until = 0
        self._heartbeat_s = 0
        self._received_s = self._sent_s = self._logout_s = 0.0
        self._test_requests = 0
        self._now = datetime.min.replace(tzinfo=UTC)
        self._now_s = 0.0

    @property
    def store(self) -> StoreT_co:
        """What it sent, and the number that comes next either way."""
        return self._store

    # ---- the connection

    def log_on(self, message: ReadMessage, now: datetime, now_s: float) -> bool:
        """Begin with a first Logon. Returns whether it is one; otherwise the connection is to be dropped."""
        values = message.fields
        self._set_time(now, now_s)
        self.out, self.ends, self.asked_again = [], False, []
        if message.fault is not None or self._identity_fault(values) is not None:
            self._log.warning("fix_logon_refused", reason=self._words(message, values))
            return False
        seq = read_seq(values["34"])
        self._waiting.clear()
        self._asked_until = self._test_requests = 0
        self._received_s = now_s
        self.state = State.LOGGED_ON
        if seq is None:
            self.state = State.AWAY
            return False
        self._logon(values, seq)
        return True

    def lost(self) -> None:
        """Take note that the connection is gone."""
        self.state = State.AWAY
        self.out, self.asked_again = [], []
        self.ends = False

    def log_out(self, text: str = "") -> None:
        """Send a Logout, and wait for the answer."""
        self._send_admin("5", f"58={text}{SOH}" if text else "")
        self.state = State.LOGGING_OUT
        self._logout_s = self._now_s

    def _end(self, text: str) -> None:
        """Say why and close the connection without waiting."""
        self._log.warning("fix_session_ended", reason=text)
        self.log_out(text)
        self.ends = True

    def tick(self, now: datetime, now_s: float) -> None:
        """Do what is due: a heartbeat, a test request, the end of a connection that is silent."""
        if self.state is State.AWAY:
            return
        self._set_time(now, now_s)
        if self.state is State.LOGGING_OUT and now_s - self._logout_s >= LOGOUT_WAIT_S:
            self.ends = True
        beat_s = self._heartbeat_s
        if self.state is not State.LOGGED_ON or not beat_s:
            return
        silent_s = now_s - self._received_s
        if silent_s >= _LOST_AFTER * beat_s:
            self._log.warning("fix_session_ended", reason=f"silent for {silent_s:.1f} s")
            self.ends = True
            return
        if now_s - self._sent_s >= beat_s:
            self._send_admin("0", "")
        if silent_s >= _TEST_REQUEST_AFTER * beat_s * (self._test_requests + 1):
            self._test_requests += 1
            self._send_admin("1", f"112=TEST{SOH}")

    def _set_time(self, now: datetime, now_s: float) -> None:
        self._now, self._now_s = now, now_s

    # ---- sending

    def send(
        self, msg_type: str, body: str, now: datetime, now_s: float, *, clock_error: timedelta = timedelta(0)
    ) -> None:
        """Send an application message, or keep it for the next logon. body: its fields, each with SOH."""
        self._set_time(now, now_s)
        self._put(msg_type, body, clock_error)

    def gap_fill(self, now: datetime, now_s: float) -> None:
        """Use a number up without sending anything under it but that."""
        self._set_time(now, now_s)
        self._put("4", f"123=Y{SOH}36={self._store.next_out + 1}{SOH}", timedelta(0))

    def _send_admin(self, msg_type: str, body: str) -> None:
        self._put(msg_type, body, timedelta(0))

    def _put(self, msg_type: str, body: str, clock_error: timedelta) -> None:
        raw = assemble(self._head(msg_type, self._store.next_out, self._now + clock_error) + body)
        self._store.append(raw)
        if self.state is not State.AWAY:
            self.out.append(raw)
            self._sent_s = self._now_s

    def _head(self, msg_type: str, seq: int, at: datetime, duplicate: str = "") -> str:
        return (
            f"35={msg_type}{SOH}34={seq}{SOH}{duplicate}49={self.comp_id}{SOH}"
            f"52={utc_timestamp(at)}{SOH}56={self.counterparty}{SOH}"
        )

    # ---- receiving

    def receive(self, frame: Frame, now: datetime, now_s: float) -> list[Fields]:
        """Take what came. Returns the application messages that are to be dealt with, in their order."""
        self._set_time(now, now_s)
        self._received_s = now_s
        self._test_requests = 0
        if not frame.whole:
            self._on_garbled()
            self._log.warning("fix_message_garbled", bytes=len(frame.raw))
            return []
        text = frame.raw.decode(ENCODING)
        try:
            fields = split_fields(text)
        except MalformedFieldError as error:
            return self._refuse_malformed(text, error)
        if fields[0][1] != BEGIN_STRING:
            self._log_out_once("Incorrect BeginString")
            return []
        return self._receive(self._dictionary.read(fields))

    def _receive(self, message: ReadMessage) -> list[Fields]:
        values = message.fields
        seq = read_seq(values.get("34", ""))
        if seq is None:
            self._end("MsgSeqNum (34) is missing or no number")
            return []
        identity = self._identity_fault(values)
        if identity is not None:
            self._reject(values, identity)
            self._pass(seq)
            self._log_out_once("")
            return []
        match values["35"]:
            case "A":
                self._logon(values, seq)
            case "5":
                self._take_logout(seq)
            case "4":
                return self._take_sequence_reset(message, seq)
            case "2":
                return self._take_resend_request(message, seq)
            case _ if seq > self._store.next_in:
                self._wait_for_gap(seq, message)
            case _ if seq < self._store.next_in:
                self._take_low(values, seq)
            case _:
                return self._take(message) + self._take_waiting()
        return []

    def _refuse_malformed(self, text: str, error: MalformedFieldError) -> list[Fields]:
        """Reject a message that has a part that is no field: by what can be read of it."""
        parts = [part.partition("=") for part in text.split(SOH)]
        values: dict[str, str] = {}
        for tag, separator, value in parts:
            if separator:
                values.setdefault(tag, value)
        reason = INCORRECT_DATA_FORMAT if error.tag else INVALID_TAG_NUMBER
        values.setdefault("35", "")
        return self._receive(ReadMessage(values, Fault(reason, error.tag)))

    def _identity_fault(self, values: Fields) -> Fault | None:
        """Return what is wrong with the sender's name or clock. What is missing the dictionary names."""
        ours, theirs = values.get("56", ""), values.get("49", "")
        if (ours and ours != self.comp_id) or (theirs and theirs != self.counterparty):
            return Fault(COMP_ID_PROBLEM)
        sent = read_timestamp(values.get("52", ""))
        if sent is not None and abs(self._now - sent) > CLOCK_DIFFERENCE_MAX:
            return Fault(SENDING_TIME_PROBLEM)
        return None

    def _take(self, message: ReadMessage) -> list[Fields]:
        """Deal with the message whose number is the next."""
        values = message.fields
        self._store.next_in += 1
        if message.fault is not None:
            self._reject(values, message.fault)
            return []
        msg_type = values["35"]
        if msg_type == "1":
            self._send_admin("0", f"112={values['112']}{SOH}")
        elif msg_type == "3":
            self._log.warning("fix_reject_received", ref_seq=values["45"], text=values.get("58"))
        return [] if msg_type in _ADMIN_TYPES else [values]

    def _take_waiting(self) -> list[Fields]:
        """Deal with what waited for the numbers before it."""
        taken: list[Fields] = []
        while self._store.next_in in self._waiting:
            message = self._waiting.pop(self._store.next_in)
            if message is None:
                self._store.next_in += 1
            else:
                taken += self._take(message)
        if self._waiting:
            # A gap that was filled past some of what waited.
            self._waiting = {seq: kept for seq, kept in self._waiting.items() if seq >= self._store.next_in}
        return taken

    def _wait_for_gap(self, seq: int, message: ReadMessage | None) -> None:
        """Keep what came too early, and ask for what is missing, once."""
        if len(self._waiting) >= self._waiting_max:
            self._end(f"{self._waiting_max} messages wait for {self._store.next_in}")
            return
        self._waiting[seq] = message
        if self._asked_until < self._store.next_in:
            self._asked_until = seq - 1
            self._ask_from(self._store.next_in)

    def _ask_from(self, seq: int) -> None:
        self._send_admin("2", f"7={seq}{SOH}16=0{SOH}")

    def _take_low(self, values: Fields, seq: int) -> None:
        """Pass over what is said to be sent again; anything else with an old number ends the session."""
        if values.get("43") != "Y":
            self._end(f"MsgSeqNum too low, expecting {self._store.next_in} but received {seq}")
            return
        if values.get("35") == "4":
            return
        original = read_timestamp(values.get("122", ""))
        sent = read_timestamp(values.get("52", ""))
        if original is None:
            self._reject(values, Fault(REQUIRED_TAG_MISSING, "122"))
        elif sent is not None and original > sent:
            self._reject(values, Fault(SENDING_TIME_PROBLEM))
            self._log_out_once("")

    def _pass(self, seq: int) -> None:
        if seq == self._store.next_in:
            self._store.next_in += 1

    # ---- the session's own messages

    def _logon(self, values: Fields, seq: int) -> None:
        asked = values.get("141") == "Y"
        resets = asked or self.resets_next
        if resets:
            self.resets_next = False
            self._store.reset()
            self._waiting.clear()
            self._asked_until = 0
        if not resets or asked:
            expected = self._store.next_in
            if seq < expected:
                self._end(f"MsgSeqNum too low, expecting {expected} but received {seq}")
                return
            self._pass(seq)
        seconds = read_seq(values.get("108", "")) or 0
        self._heartbeat_s = min(seconds, HEARTBEAT_S_MAX)
        self._send_admin("A", f"98=0{SOH}108={seconds}{SOH}{f'141=Y{SOH}' if resets else ''}")
        if seq > self._store.next_in and (asked or not resets):
            self._asked_until = seq
            self._ask_from(self._store.next_in)

    def _take_logout(self, seq: int) -> None:
        self._pass(seq)
        if self.state is not State.LOGGING_OUT:
            self._send_admin("5", "")
        self.ends = True

    def _log_out_once(self, text: str) -> None:
        if self.state is not State.LOGGING_OUT:
            self.log_out(text)

    def _take_sequence_reset(self, message: ReadMessage, seq: int) -> list[Fields]:
        values = message.fields
        expected = self._store.next_in
        fills = values.get("123") == "Y"
        if fills and seq > expected:
            # It comes again with the numbers below it.
            self._wait_for_gap(seq, None)
            self._waiting.pop(seq, None)
            return []
        if fills and seq < expected:
            self._take_low(values, seq)
            return []
        new = read_seq(values.get("36", ""))
        if message.fault is not None or new is None:
            self._reject(values, message.fault or Fault(INCORRECT_DATA_FORMAT, "36"))
            self._pass(seq)
            return self._take_waiting()
        if new < expected or (fills and new == expected):
            self._reject(values, Fault(VALUE_OUT_OF_RANGE))
            if fills:
                self._pass(seq)
            return []
        self._store.next_in = new
        return self._take_waiting()

    def _take_resend_request(self, message: ReadMessage, seq: int) -> list[Fields]:
        """Send again what is asked for, whatever number the request has: it may itself be after a gap."""
        if message.fault is not None:
            self._reject(message.fields, message.fault)
        else:
            begin, end = read_seq(message.fields["7"]) or 1, read_seq(message.fields["16"]) or 0
            last = self._store.next_out - 1
            self.asked_again.append((begin, min(end or last, last)))
        if seq > self._store.next_in:
            self._wait_for_gap(seq, None)
        self._pass(seq)
        return self._take_waiting()

    def resend(self, begin: int, end: int, messages: Iterable[tuple[int, bytes]]) -> None:
        """Send a range of `asked_again` again: `messages` by number; a number that has none is gap-filled."""
        for seq, raw in messages:
            *head, body = raw[: raw.rindex(b"10=")].decode(ENCODING).split(SOH, _HEADER_FIELDS)
            msg_type, sent_at = head[2][3:], head[5][3:]
            if msg_type in _ADMIN_TYPES:
                continue
            if begin < seq:
                self._fill(begin, seq)
            self._again(msg_type, seq, f"122={sent_at}{SOH}{body}")
            begin = seq + 1
        if begin <= end:
            self._fill(begin, end + 1)

    def _fill(self, seq: int, new: int) -> None:
        self._again("4", seq, f"122={utc_timestamp(self._now)}{SOH}36={new}{SOH}123=Y{SOH}")

    def _again(self, msg_type: str, seq: int, body: str) -> None:
        self.out.append(assemble(self._head(msg_type, seq, self._now, f"43=Y{SOH}") + body))
        self._sent_s = self._now_s

    def _reject(self, values: Fields, fault: Fault) -> None:
        """Send 35=3, back along the route that the message came by."""
        route = "".join(f"{back}={values[tag]}{SOH}" for tag, back in _REVERSED_ROUTE if values.get(tag))
        ref_type = f"372={values['35']}{SOH}" if values.get("35") else ""
        ref_tag = f"371={fault.tag}{SOH}" if fault.tag else ""
        text = f"58={REASON_TEXTS[fault.reason]}{SOH}"
        self._on_reject(fault.reason)
        self._log.warning("fix_message_rejected", reason=REASON_TEXTS[fault.reason], tag=fault.tag)
        body = f"{route}45={values.get('34', '0')}{SOH}{text}{ref_tag}{ref_type}373={fault.reason}{SOH}"
        self._send_admin("3", body)

    def refuse_unexpected(self, frame: Frame) -> None:
        """Go past a message that this program could not deal with, and say so."""
        values: dict[str, str] = {}
        for part in frame.raw.decode(ENCODING).split(SOH):
            tag, _, value = part.partition("=")
            values.setdefault(tag, value)
        seq = read_seq(values.get("34", ""))
        if seq is not None:
            self._pass(seq)
        ref_seq = "0" if seq is None else str(seq)
        self._put(
            "j",
            f"45={ref_seq}{SOH}58=an unexpected error at this message{SOH}372={values.get('35', '')}{SOH}"
            f"380=0{SOH}",
            timedelta(0),
        )

    @staticmethod
    def _words(message: ReadMessage, values: Fields) -> str:
        """Say why a Logon is none that the session takes."""
        if message.fault is not None:
            return f"{REASON_TEXTS[message.fault.reason]} {message.fault.tag}".strip()
        return f"clock or CompID: 49={values.get('49')} 52={values.get('52')}"
