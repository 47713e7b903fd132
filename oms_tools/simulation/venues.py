"""Venues without a socket: the broker simulator's unkind engines, its journal's law, and its FIX sessions.

What a venue says is journaled, goes through its session into the session's store, and from there onto the
connection, byte for byte as the simulator's process would send it. A connection is what is on its way in it;
when it breaks, the venue has read some of what was on its way to it, and the rest is lost, either way.
"""

import random
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from oms_platform.exceptions import ExceptionKind
from oms_platform.fix.dictionary import read_dictionary
from oms_platform.fix.session import Fields, FixSession
from oms_platform.fix.wire import ENCODING, SOH, Frame, FrameReader, split_fields
from oms_platform.trading_calendar import Calendar
from oms_tools.simulation.clock import SimulatedClock
from oms_tools.simulation.hours import phase_of
from oms_tools.simulation.rules import BrokenError
from simulators.broker.config import COUNTERPARTY
from simulators.broker.engine import Behaviour
from simulators.broker.entrypoints.fix_sayings import resend_asked, say
from simulators.broker.entrypoints.fix_text import (
    VENUE_VALUES,
    UnreadableFixError,
    business_reject_body,
    read_command,
    side_code,
)
from simulators.broker.faults import FaultPlan
from simulators.broker.handlers import Exchange
from simulators.broker.market import Market
from simulators.broker.protocol import (
    BeginDay,
    Command,
    Disconnected,
    EndDay,
    FaultKind,
    FaultSown,
    Kept,
    OrderAccepted,
    RequestRefused,
    Requote,
    Saying,
    SetTrading,
    TradingPhase,
)
from simulators.broker.unkind import UnkindVenue

# How long an order is away that is suspended, or done for the day and good till canceled.
NIGHT_S: Final = 2.0
_NEWEST: Final = 20
# Of its newest records, how many a venue that starts again may not have sent, as far as it knows.
_UNSENT_MAX: Final = 3
# Reports that no order can have brought about: what one says in place of the truth, and what it must be.
FORGERIES: Final[tuple[tuple[dict[str, str], ExceptionKind], ...]] = (
    *(({"31": price}, ExceptionKind.BAD_PRICE) for price in ("0", "-1", "1e30", "NaN", "")),
    *(
        ({"32": shares}, ExceptionKind.BAD_QUANTITY)
        for shares in ("0", "-7", "0.5", "many", "3000000000", "99999999999999999999")
    ),
    ({"14": "-5"}, ExceptionKind.BAD_QUANTITY),
    ({"151": "half"}, ExceptionKind.BAD_QUANTITY),
    ({"11": "nobody-1-1"}, ExceptionKind.UNKNOWN_ORDER),
    ({"55": "TSLA"}, ExceptionKind.CONTRADICTS_CHILD),
    ({"150": "Z"}, ExceptionKind.UNSUPPORTED_EXEC_TYPE),
    ({"150": "H"}, ExceptionKind.UNKNOWN_TRADE),
)


class SentInMemory:
    """A session's store, as far as one process needs it. next_in: the number that is expected next."""

    def __init__(self) -> None:
        self.next_in = 1
        self.messages: list[bytes] = []

    @property
    def next_out(self) -> int:
        """The number of the next message."""
        return len(self.messages) + 1

    def append(self, raw: bytes) -> None:
        """Keep a message under the next number."""
        self.messages.append(raw)

    def flush(self) -> None:
        """Everything is written."""

    def read(self, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield the messages from one number to another, as far as they are there."""
        for seq in range(max(1, begin), min(end, len(self.messages)) + 1):
            yield seq, self.messages[seq - 1]

    def reset(self) -> None:
        """Forget everything: both numbers are 1 again."""
        self.messages.clear()
        self.next_in = 1

    def forget_newest(self, count: int) -> None:
        """Lose the last messages."""
        del self.messages[max(0, len(self.messages) - count) :]

    def close(self) -> None:
        """Nothing is open."""


class Connection:
    """What is on its way between the adapter and a venue. ended: the venue has closed its end."""

    def __init__(self) -> None:
        self.to_venue: deque[Frame] = deque()
        self.to_adapter: deque[bytes] = deque()
        self.ended = False
        self._reader = FrameReader()

    def send(self, data: bytes) -> None:
        """Put the adapter's bytes on their way; to a venue that has gone they are lost."""
        if not self.ended:
            self.to_venue += self._reader.feed(data)


class SimulatedVenue:
    """One venue and its end of the session. It is the journal and the sender of its own exchange.

    rates: of its faults. unread: the chance that an order is answered by 35=j. calendar: of its market.
    watch, forged: are shown what it says and sows, and what it makes up.
    """

    def __init__(
        self,
        venue_id: str,
        *,
        dark: bool,
        symbols: Iterable[str],
        seed: int,
        behaviour: Behaviour,
        rates: Mapping[FaultKind, float],
        unread: float,
        calendar: Calendar,
        clock: SimulatedClock,
        draws: random.Random,
        counts: Counter[str],
        watch: Callable[[str, Saying], None],
        forged: Callable[[str, str, ExceptionKind], None],
    ) -> None:
        self.venue_id = venue_id
        self._dark = dark
        self._ticks = dict.fromkeys(symbols, Decimal("0.01"))
        self._seed = seed
        self._behaviour = behaviour
        self._plan = FaultPlan(venue_id, seed, rates)
        self._unread = unread
        self._calendar = calendar
        self._clock = clock
        self._draws = draws
        self._counts = counts
        self._watch = watch
        self._forged = forged
        self._dictionary = read_dictionary(own_values=VENUE_VALUES)
        self._journal: list[Kept] = []
        self._accepted: deque[str] = deque(maxlen=_NEWEST)
        self._pending: deque[Command] = deque()
        self._wakes_s: deque[float] = deque()
        # Orders that the adapter sent on this connection, with their MsgSeqNum.
        self._sent: dict[str, int] = {}
        self._connection: Connection | None = None
        self._greeted = False
        self.store = SentInMemory()
        # Application messages that it has read and said.
        self.messages = 0
        # Orders that were answered by 35=j: they are not here and will not be.
        self.unread: set[str] = set()
        self._start()

    def _start(self) -> None:
        self.engine = UnkindVenue(
            self.venue_id, self._ticks, seed=self._seed, behaviour=self._behaviour, dark=self._dark
        )
        self.engine.plan = self._plan
        self.session = FixSession(self.venue_id, COUNTERPARTY, self.store, self._dictionary)
        self._exchange = Exchange({self.venue_id: self.engine}, self, self)
        self._phase = TradingPhase.OPEN

    def be_kind(self) -> None:
        """Do nothing wrong and refuse nothing any more."""
        self._unread = 0.0
        self._plan = self.engine.plan = FaultPlan(self.venue_id)
        self._behaviour = replace(self._behaviour, reject=0.0, cancel_reject=0.0)
        self.engine.behaviour = self._behaviour

    # ---- the connection

    def accept(self) -> Connection:
        """Take a connection."""
        self._connection, self._greeted = Connection(), False
        self._sent.clear()
        return self._connection

    @property
    def is_free(self) -> bool:
        """Whether nobody is connected."""
        return self._connection is None

    @property
    def waits(self) -> bool:
        """Whether something is on its way to it."""
        return self._connection is not None and bool(self._connection.to_venue)

    def note_sent(self, cl_ord_id: str, seq: int) -> None:
        """Note an order that is on its way."""
        self._sent[cl_ord_id] = seq

    def may_have(self, cl_ord_id: str) -> bool:
        """Say whether it has an order, or may get it: what a broken connection held is lost."""
        if self.engine.order(cl_ord_id) is not None:
            return True
        return self._connection is not None and self._sent.get(cl_ord_id, 0) >= self.store.next_in

    def read_one(self) -> None:
        """Take the next message, and do what it asks."""
        connection = self._connection
        if connection is None or not connection.to_venue:
            return
        frame = connection.to_venue.popleft()
        if self._greeted:
            received = self.session.receive(frame, self._clock.now(), self._clock.monotonic_s())
            resend_asked(self.session)
            for fields in received:
                self._take(fields)
        else:
            self._greet(frame)
        self._put_out()

    def _greet(self, frame: Frame) -> None:
        message = self._dictionary.read(split_fields(frame.raw.decode(ENCODING)))
        self._greeted = self.session.log_on(message, self._clock.now(), self._clock.monotonic_s())
        if not self._greeted:
            self._hang_up()

    def tick(self) -> None:
        """Let time pass: heartbeats, its market's hours, and the morning of orders that are away."""
        now_s = self._clock.monotonic_s()
        self._keep_hours()
        if self._greeted:
            self.session.tick(self._clock.now(), now_s)
            self._put_out()
        while self._wakes_s and self._wakes_s[0] <= now_s:
            self._wakes_s.popleft()
            self._do(BeginDay())

    def _keep_hours(self) -> None:
        """Open and close with the market, each by its auction."""
        phase = phase_of(self._calendar, self._clock.now())
        if phase is not self._phase:
            self._counts[f"phase {phase.name}"] += 1
            # Between two looks it may have closed and opened again.
            self._phase = phase
            self._do(SetTrading(phase=phase))

    def _put_out(self) -> None:
        """Put what the session says on its way, and close the connection when the session ends it."""
        connection = self._connection
        if connection is None:
            return
        connection.to_adapter += self.session.out
        self.session.out.clear()
        if self.session.ends:
            self._hang_up()

    def lose(self, *, whole: bool = False) -> None:
        """Lose the connection from the other end, with some of what was on its way. whole: with all of it."""
        connection = self._connection
        if connection is None:
            return
        here = len(connection.to_venue)
        for _ in range(here if whole else self._draws.randint(0, here)):
            self.read_one()
        if self._connection is connection:
            self._hang_up()

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.ended = True
            connection.to_venue.clear()
        was_greeted, self._greeted = self._greeted, False
        self._sent.clear()
        self.session.lost()
        if was_greeted:
            self._do(Disconnected())

    # ---- what it is told

    def _take(self, fields: Fields) -> None:
        self.messages += 1
        if fields["35"] == "D" and self._unread and self._draws.random() < self._unread:
            self._counts["unread"] += 1
            self.unread.add(fields["11"])
            self._refuse(fields["34"], "D", 0, "not read")
            return
        try:
            command = read_command(fields)
        except UnreadableFixError as error:
            self._refuse(error.ref_seq_num, error.ref_msg_type, error.reason, str(error))
        else:
            self._do(command)

    def _refuse(self, seq: str, msg_type: str, reason: int, text: str) -> None:
        refused = RequestRefused(
            venue_id=self.venue_id, msg_type=msg_type, cl_ord_id="", reason=reason, text=text
        )
        self._watch(self.venue_id, Saying(refused))
        body = business_reject_body(ref_seq_num=seq, ref_msg_type=msg_type, reason=reason, text=text)
        self._send("j", body)

    def _send(self, msg_type: str, body: str) -> None:
        self.messages += 1
        self.session.send(msg_type, body, self._clock.now(), self._clock.monotonic_s())
        self._put_out()

    def _do(self, command: Command) -> None:
        for _, later in self._exchange.handle([(self.venue_id, command)], self._clock.now()):
            if isinstance(later, BeginDay):
                self._wakes_s.append(self._clock.monotonic_s() + NIGHT_S)
            else:
                self._pending.append(later)
        self._put_out()

    def requote(self, market: Market) -> None:
        """Take a new quote of a symbol."""
        self._do(Requote(market=market))

    def decide(self) -> None:
        """Grant or refuse the cancel that has been pending the longest."""
        if self._pending:
            self._do(self._pending.popleft())

    @property
    def is_asked(self) -> bool:
        """Whether a cancel waits for a decision."""
        return bool(self._pending)

    @property
    def is_away(self) -> bool:
        """Whether orders wait for their morning."""
        return bool(self._wakes_s)

    def end_day(self) -> None:
        """Be done for the day with every DAY order."""
        self._do(EndDay())

    def restart(self) -> None:
        """Stop and start again from the journal; what may not have been sent is sent as possibly resent."""
        self.lose()
        self._pending.clear()
        self._wakes_s.clear()
        records = [record for record in self._journal if not isinstance(record, FaultSown)]
        self._start()
        for record in records:
            self.engine.restore(record)
        unsent = self._draws.randint(0, min(_UNSENT_MAX, len(records)))
        self._exchange.recover(records[len(records) - unsent :], self._clock.now())
        self._wakes_s.append(self._clock.monotonic_s() + NIGHT_S)

    # ---- what it says: the journal and the sender of its exchange

    def append(self, records: Iterable[Kept]) -> None:
        """Keep records in their order."""
        for record in records:
            self._journal.append(record)
            if isinstance(record, OrderAccepted):
                self._accepted.append(record.cl_ord_id)

    def mark_sent(self) -> None:
        """Everything that is kept is with the session."""

    def send(self, saying: Saying, *, possible_resend: bool) -> None:
        """Say a record through the session."""
        if isinstance(saying.record, FaultSown):
            self._counts[saying.record.kind.value] += 1
        else:
            self.messages += 1
        self._watch(self.venue_id, saying)
        now, now_s = self._clock.now(), self._clock.monotonic_s()
        say(self.session, saying, now, now_s, possible_resend=possible_resend)

    def refuse_failed(self, venue_id: str, command: Command) -> None:
        """Raise BrokenError: the engine has failed at a command."""
        raise BrokenError("no venue ever fails", f"{venue_id} at {command!r}: {traceback.format_exc()}")

    # ---- what no venue should say

    def forge(self) -> None:
        """Report of one of the newest orders what no order can have brought about."""
        order = self.engine.order(self._draws.choice(self._accepted)) if self._accepted else None
        if order is None:
            return
        self._counts["forged"] += 1
        changes, kind = self._draws.choice(FORGERIES)
        exec_id = f"FORGED-{self._counts['forged']}"
        told = {
            **{"37": order.order_id, "11": order.cl_ord_id, "17": exec_id, "150": "F", "39": "1"},
            **{"55": order.symbol, "54": side_code(order.side), "38": str(order.order_qty)},
            **{"151": str(order.leaves_qty), "14": str(order.cum_qty), "6": "0", "19": "NONE"},
            **{"60": f"{self._clock.now():%Y%m%d-%H:%M:%S}", "32": "1", "31": "100.01"},
            **changes,
        }
        self._forged(self.venue_id, exec_id, kind)
        self._send("8", "".join([f"{tag}={value}{SOH}" for tag, value in told.items()]))
