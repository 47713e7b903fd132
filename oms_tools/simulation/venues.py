"""Venues on FIX sessions without a wire: the broker simulator's engine, two logs, and legal bad habits.

A session is two logs and how far the other side has read each. FIX delivers in order. What a venue had on its
way when a connection broke is sent again after the next logon with PossDupFlag, so nothing is lost but
answers about a state, which a venue may gap-fill; what the adapter had on its way is lost, for it sends
nothing a second time. What its process had read and not made durable is read again when it sets its
sequence back.
"""

import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from execution_adapter.domain.dialects.dialect import decimal_text
from execution_adapter.domain.fix.wire import read_fields
from execution_adapter.ports import (
    FixMessage,
    Item,
    JournalLine,
    OutNumbers,
    ResendWanted,
    SentMessage,
    SessionDown,
    SessionUp,
)
from oms_platform.vocabulary import ChildTerms, OrderType
from oms_platform.vocabulary import Side as OurSide
from oms_platform.vocabulary import TimeInForce as OurTimeInForce
from oms_tools.simulation.clock import SimulatedClock
from simulators.broker.engine import Behaviour, VenueEngine
from simulators.broker.entrypoints.fix_text import (
    business_reject_text,
    cancel_rejected_text,
    report_text,
)
from simulators.broker.entrypoints.fix_wire import SOH
from simulators.broker.market import Market
from simulators.broker.protocol import (
    AskStatus,
    CancelOrder,
    CancelRejected,
    Command,
    CxlRejReason,
    Decide,
    EndDay,
    ExecType,
    NewOrder,
    OrderAccepted,
    OrdStatus,
    OrdType,
    Record,
    Requote,
    Side,
    TimeInForce,
    is_kept,
)

# Marks every message that a venue makes up: none of them is a trade that happened.
FORGED: Final = "FORGED"
_SIDES: Final = {OurSide.BUY: Side.BUY, OurSide.SELL: Side.SELL}
_TIMES_IN_FORCE: Final = {kind: TimeInForce[kind.name] for kind in OurTimeInForce}
_REFUSALS: Final = (CxlRejReason.TOO_LATE, CxlRejReason.BROKER_OPTION, CxlRejReason.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a venue does that is legal and not kind, as chances.

    repeats: a report is sent twice. unread: an order is answered by 35=j. unknown_when_late: a cancel that
    came too late is answered as if the order were unknown. fills_before_cancel: a cancel meets a trade.
    """

    repeats: float = 0.0
    unread: float = 0.0
    unknown_when_late: float = 0.0
    fills_before_cancel: float = 0.0


class UnkindEngine(VenueEngine):
    """A venue that may cancel of itself, and change how it acts."""

    def behave(self, behaviour: Behaviour) -> None:
        """Act so from now on."""
        self._behaviour = behaviour

    def cancel_unasked(self, cl_ord_id: str, now: datetime) -> list[Record]:
        """Take an order out of the book that nobody canceled."""
        order = self.order(cl_ord_id)
        if order is None or not order.is_live:
            return []
        command, order.pending = order.pending, None
        records: list[Record] = [self._close(order, OrdStatus.CANCELED, ExecType.CANCELED, now)]
        if command is not None:
            records.append(self._refuse(command, order, CxlRejReason.TOO_LATE, "too late", now))
        return records


@dataclass(slots=True)
class Sent:
    """A message of ours in the session's file store."""

    msg_type: str
    cl_ord_id: str
    command: Command


class SimulatedVenue:
    """One venue and its session with the adapter. watch: is shown every record of the engine."""

    def __init__(
        self,
        venue_id: str,
        *,
        dark: bool,
        symbols: Iterable[str],
        seed: int,
        behaviour: Behaviour,
        habits: Habits,
        clock: SimulatedClock,
        draws: random.Random,
        counts: Counter[str],
        watch: Callable[[str, Record], None],
    ) -> None:
        self.venue_id = venue_id
        self._dark = dark
        self._ticks = dict.fromkeys(symbols, Decimal("0.01"))
        self._seed = seed
        self.behaviour = behaviour
        self.habits = habits
        self._clock = clock
        self._draws = draws
        self._counts = counts
        self._watch = watch
        self.engine = self._new_engine()
        self.journal: list[Record] = []
        self.accepted: list[str] = []
        # Orders that were answered by 35=j: they are not here and will not be.
        self.unread: set[str] = set()
        self._pending: deque[str] = deque()
        self._markets: dict[str, Market] = {}
        # The two logs, and how far the other side has read them.
        self.to_venue: list[Sent] = []
        self.venue_read = 0
        self.to_adapter: list[tuple[str, bool]] = []
        self.adapter_read = 0
        self.up = False
        self._again_to_adapter = 0

    def _new_engine(self) -> UnkindEngine:
        return UnkindEngine(
            self.venue_id, self._ticks, seed=self._seed, behaviour=self.behaviour, dark=self._dark
        )

    def be_kind(self) -> None:
        """Refuse and repeat nothing any more."""
        self.habits = Habits()
        self.behaviour = replace(self.behaviour, reject=0.0, cancel_reject=0.0)
        self.engine.behave(self.behaviour)

    # ---- the session

    def connect(self) -> list[Item]:
        """Log on: what the adapter has not read is sent again, what the venue has not read is gap-filled."""
        self.up = True
        self._again_to_adapter = len(self.to_adapter)
        missed, self.venue_read = len(self.to_venue) - self.venue_read, len(self.to_venue)
        items: list[Item] = [SessionUp(self.venue_id)]
        if missed:
            self._counts["gap filled"] += 1
            items.append(ResendWanted(self.venue_id))
        return items

    def disconnect(self) -> SessionDown:
        """Lose the connection."""
        self.up = False
        return SessionDown(self.venue_id)

    @property
    def waits(self) -> bool:
        """Whether a message can be delivered, either way."""
        return self.up and (self.venue_read < len(self.to_venue) or self.adapter_read < len(self.to_adapter))

    def may_have(self, cl_ord_id: str) -> bool:
        """Say whether the venue has an order, or may get it; what a broken connection held is lost."""
        if self.engine.order(cl_ord_id) is not None:
            return True
        on_its_way = self.to_venue[self.venue_read :] if self.up else ()
        return any(sent.msg_type == "D" and sent.cl_ord_id == cl_ord_id for sent in on_its_way)

    def read_one(self) -> None:
        """Let the venue take its next message."""
        if not self.up or self.venue_read == len(self.to_venue):
            return
        number = self.venue_read
        self.venue_read += 1
        sent = self.to_venue[number]
        if sent.msg_type == "D" and self._happens(self.habits.unread):
            self._counts["unread"] += 1
            text = business_reject_text(
                ref_seq_num=str(number + 1), ref_msg_type="D", reason=0, text="not read"
            )
            self.unread.add(sent.cl_ord_id)
            self._write(text)
            return
        command = sent.command
        if isinstance(command, CancelOrder) and self._happens(self.habits.fills_before_cancel):
            self._cross(command)
        self._do(command)

    def deliver(self, count: int) -> list[Item]:
        """Return the next messages for the adapter, as its session hands them to the inbox."""
        items: list[Item] = []
        while self.up and len(items) < count and self.adapter_read < len(self.to_adapter):
            number = self.adapter_read
            self.adapter_read += 1
            raw, answers = self.to_adapter[number]
            if number < self._again_to_adapter:
                if answers and self._draws.random() < 0.5:
                    continue
                raw = f"{raw}43=Y{SOH}"
            items.append(self._message(f"{raw}34={number + 1}{SOH}", number + 1))
        return items

    def _message(self, text: str, msg_seq: int) -> FixMessage:
        raw = text.encode()
        return FixMessage(
            venue_id=self.venue_id,
            raw=raw,
            fields=read_fields(raw),
            msg_seq=msg_seq,
            poss_dup=f"{SOH}43=Y{SOH}" in text,
            at=self._clock.now(),
        )

    def _write(self, text: str, *, answers: bool = False) -> None:
        self.to_adapter.append((f"{text}49={self.venue_id}{SOH}", answers))

    # ---- the engine

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self._draws.random() < chance

    def _do(self, command: Command) -> None:
        self._record(self.engine.handle(command, self._clock.now()))

    def _record(self, records: Iterable[Record]) -> None:
        for record in records:
            if is_kept(record):
                self.journal.append(record)
            self._watch(self.venue_id, record)
            if isinstance(record, OrderAccepted):
                self.accepted.append(record.cl_ord_id)
            elif isinstance(record, CancelRejected):
                self._write(self._refusal_text(record))
            else:
                if record.exec_type is ExecType.PENDING_CANCEL:
                    self._pending.append(record.orig_cl_ord_id)
                text = report_text(record)
                self._write(text, answers=not is_kept(record))
                if self._happens(self.habits.repeats):
                    self._counts["repeated report"] += 1
                    self._write(report_text(record, possible_resend=True), answers=not is_kept(record))

    def _refusal_text(self, record: CancelRejected) -> str:
        text = cancel_rejected_text(record)
        reason = record.reason
        if reason == CxlRejReason.TOO_LATE and self._happens(self.habits.unknown_when_late):
            return text.replace(f"{SOH}102=0{SOH}", f"{SOH}102=1{SOH}")
        if reason == CxlRejReason.BROKER_OPTION:
            drawn = self._draws.choice(_REFUSALS)
            return text.replace(f"{SOH}102=2{SOH}", f"{SOH}102={drawn.value}{SOH}")
        return text

    def requote(self, market: Market) -> None:
        """Take a new quote of a symbol."""
        self._markets[market.symbol] = market
        self._do(Requote(market=market))

    def _cross(self, command: CancelOrder) -> None:
        """Let the market trade with the order that is about to be canceled."""
        order = self.engine.order(command.orig_cl_ord_id)
        market = self._markets.get(command.symbol)
        if order is None or market is None or not order.is_live or not order.price:
            return
        self._counts["fill before cancel"] += 1
        level = ((order.price_micros, self._draws.randint(1, order.leaves_qty)),)
        crossed = Market(
            symbol=market.symbol,
            national_best_bid=order.price_micros,
            national_best_offer=order.price_micros,
            bids=() if order.is_buy else level,
            asks=level if order.is_buy else (),
        )
        self._do(Requote(market=crossed))
        self._do(Requote(market=market))

    def decide(self) -> None:
        """Grant or refuse the cancel that has been pending the longest."""
        if self._pending:
            self._do(Decide(cl_ord_id=self._pending.popleft()))

    @property
    def has_pending(self) -> bool:
        """Whether a cancel waits for a decision."""
        return bool(self._pending)

    def cancel_unasked(self) -> None:
        """Cancel one of the newest orders, though nobody asked."""
        if self.accepted:
            name = self._draws.choice(self.accepted[-20:])
            self._record(self.engine.cancel_unasked(name, self._clock.now()))

    def end_day(self) -> None:
        """Be done for the day with every DAY order."""
        self._do(EndDay())

    def restart(self) -> None:
        """Stop and start again from the journal."""
        self.engine = self._new_engine()
        for record in self.journal:
            self.engine.restore(record)
        self._pending.clear()
        self._record(self.engine.restored(self._clock.now()))

    # ---- what no venue should say

    def forge(self) -> None:
        """Say something about one of the newest orders that no order can have brought about."""
        if not self.accepted:
            return
        name = self._draws.choice(self.accepted[-20:])
        order = self.engine.order(name)
        if order is None:
            return
        self._counts["forged"] += 1
        kind = self._draws.choice(("price", "shares", "many", "text", "child", "kind", "overfill", "word"))
        last_qty, last_px, exec_type, text = "1", "100.01", "F", FORGED
        if kind == "price":
            last_px = self._draws.choice(("0", "-1", "1e30", "NaN"))
        elif kind == "shares":
            last_qty = self._draws.choice(("0", "-7", "0.5"))
        elif kind == "many":
            last_qty = self._draws.choice(("3000000000", "99999999999999999999"))
        elif kind == "overfill":
            last_qty = str(order.order_qty + 1)
        elif kind == "text":
            exec_type, text = "0", f"{FORGED}\x00"
        elif kind == "kind":
            exec_type = "Z"
        elif kind == "word":
            last_qty = "many"
        child = "nobody-1-1" if kind == "child" else order.cl_ord_id
        fields = (
            f"8=FIX.4.4{SOH}9=0{SOH}35=8{SOH}37={order.order_id}{SOH}11={child}{SOH}"
            f"17={FORGED}-{len(self.to_adapter)}{SOH}150={exec_type}{SOH}39=1{SOH}55={order.symbol}{SOH}"
            f"54=1{SOH}38={order.order_qty}{SOH}151={order.leaves_qty}{SOH}14={order.cum_qty}{SOH}6=0{SOH}"
            f"60=20260115-15:00:00.000000{SOH}32={last_qty}{SOH}31={last_px}{SOH}58={text}{SOH}10=000{SOH}"
        )
        self._write(fields)


class SimulatedSessions:
    """`Venues` of the adapter: what it sends goes into the file store of the venue's session.

    sent: is shown every order before it goes.
    """

    def __init__(
        self, venues: Mapping[str, SimulatedVenue], sent: Callable[[ChildTerms], None] = lambda _child: None
    ) -> None:
        self._venues = venues
        self._sent = sent

    def send_order(self, child: ChildTerms, at: datetime) -> bool:
        """Send 35=D."""
        if not self._venues[child.venue_id].up:
            return False
        self._sent(child)
        limit = child.order_type is OrderType.LIMIT
        command = NewOrder(
            cl_ord_id=child.cl_ord_id,
            symbol=child.symbol,
            side=_SIDES[child.side],
            order_qty=child.quantity,
            ord_type=OrdType.LIMIT if limit else OrdType.MARKET,
            price=decimal_text(child.limit_price_micros) if limit else "",
            time_in_force=_TIMES_IN_FORCE[child.time_in_force],
        )
        return self._put(child, "D", child.cl_ord_id, command)

    def send_cancel(self, child: ChildTerms, cl_ord_id: str, at: datetime) -> bool:
        """Send 35=F."""
        command = CancelOrder(
            cl_ord_id=cl_ord_id, orig_cl_ord_id=child.cl_ord_id, symbol=child.symbol, side=_SIDES[child.side]
        )
        return self._put(child, "F", cl_ord_id, command)

    def ask_status(self, child: ChildTerms, ask_id: str) -> bool:
        """Send 35=H."""
        command = AskStatus(
            cl_ord_id=child.cl_ord_id,
            ord_status_req_id=ask_id,
            symbol=child.symbol,
            side=_SIDES[child.side],
        )
        return self._put(child, "H", child.cl_ord_id, command)

    def refuse_type(self, venue_id: str, msg_seq: int, msg_type: str) -> bool:
        """Send 35=j; the venue does nothing about it."""
        return self._venues[venue_id].up

    def _put(self, child: ChildTerms, msg_type: str, cl_ord_id: str, command: Command) -> bool:
        venue = self._venues[child.venue_id]
        if venue.up:
            venue.to_venue.append(Sent(msg_type, cl_ord_id, command))
        return venue.up

    def flush(self) -> None:
        """What was sent is on its way."""

    def take_sent(self) -> list[JournalLine]:
        """Nothing is written as FIX here."""
        return []

    def out_numbers(self, venue_id: str) -> OutNumbers:
        """Return the next outbound sequence number."""
        return OutNumbers(len(self._venues[venue_id].to_venue) + 1)

    def expected_in_seq(self, venue_id: str) -> int:
        """Return the next inbound sequence number."""
        return self._venues[venue_id].adapter_read + 1

    def resume(self, venue_id: str, next_in_seq: int, out: OutNumbers) -> None:
        """Set the inbound sequence back."""
        self._venues[venue_id].adapter_read = next_in_seq - 1

    @property
    def venues(self) -> list[str]:
        """The venues that have a session."""
        return list(self._venues)

    def sent_message(self, venue_id: str, seq: int) -> SentMessage | None:
        """Return what was sent under a sequence number."""
        log = self._venues[venue_id].to_venue
        if not 0 < seq <= len(log):
            return None
        return SentMessage(msg_type=log[seq - 1].msg_type, cl_ord_id=log[seq - 1].cl_ord_id)
