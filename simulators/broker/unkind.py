"""A venue that is not polite: the engine's records, and what a real venue does to them.

A fault dresses a true message up, adds a false one, is true and unwelcome, or answers a request badly. What
is true is in the records that are kept; each fault leaves a record of its own. Pure, as the engine is.
"""

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from simulators.broker.engine import VenueEngine
from simulators.broker.faults import BY_THEMSELVES, FaultPlan
from simulators.broker.fees import returned
from simulators.broker.prices import micros_of, price_text
from simulators.broker.protocol import (
    AskStatus,
    BeginDay,
    CancelOrder,
    CancelRejected,
    Command,
    CxlRejReason,
    Disconnected,
    ExecType,
    FaultKind,
    FaultSown,
    NewOrder,
    OrdRejReason,
    OrdStatus,
    Record,
    Report,
    RequestKind,
    RequestRefused,
    Requote,
    Saying,
    SetTrading,
    Side,
    TimeInForce,
)
from simulators.broker.venue_order import Trade, VenueOrder

RECENT_MAX: Final = 256
OVERFILL_QTY_MAX: Final = 100
UNSUPPORTED_TYPE: Final = 3
GT_RESTATEMENT: Final = 1
PARTIAL_DECLINE: Final = 5
_DRESSES_OF_ALL: Final = (
    FaultKind.LATIN1_TEXT,
    FaultKind.NUL_TEXT,
    FaultKind.DATA_WITH_SEPARATOR,
    FaultKind.USER_TAGS,
    FaultKind.EMPTY_TAG,
    FaultKind.CLOCK_OFF,
)
_DRESSES_OF_TRADES: Final = (FaultKind.FIX42_STYLE, FaultKind.GAP_FILLED)
_FALSE_TRADES: Final = (
    FaultKind.PRICE_ZERO,
    FaultKind.WITHOUT_LAST_PX,
    FaultKind.WITHOUT_CL_ORD_ID,
    FaultKind.UNKNOWN_CL_ORD_ID,
    FaultKind.OTHER_SIDE,
    FaultKind.REPEATED_EXEC_ID,
)
_OF_THE_SESSION: Final = (FaultKind.DROP, FaultKind.SESSION_RESET, FaultKind.SEQUENCE_LOW)


class UnkindVenue(VenueEngine):
    """A venue and its plan of faults. Without one it is the engine, and no more."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.plan = FaultPlan(self.venue_id)
        # Phases that were asked for from outside, by any thread.
        self._phases_asked: deque[SetTrading] = deque(maxlen=RECENT_MAX)
        # Trades that may still be busted, and orders that may be canceled: the newest.
        self._trades_done: deque[tuple[VenueOrder, str]] = deque(maxlen=RECENT_MAX)
        self._resting: deque[VenueOrder] = deque(maxlen=RECENT_MAX)
        self._false_made = 0
        self._deeds: dict[FaultKind, Callable[[datetime], list[Saying]]] = {
            FaultKind.BUST: self.bust_a_trade,
            FaultKind.CORRECTION: self.correct_a_trade,
            FaultKind.RESTATEMENT: self.restate_an_order,
            FaultKind.UNSOLICITED_CANCEL: self.cancel_an_order,
            FaultKind.DAY_END: self.end_day,
            FaultKind.SUSPENSION: self.suspend_an_order,
        }

    def ask_phase(self, command: SetTrading) -> None:
        """Begin a trading phase at the next `act`. May be called from any thread."""
        self._phases_asked.append(command)

    @property
    def is_asked(self) -> bool:
        """Whether `act` has something to do."""
        return bool(self._phases_asked or self.plan.asked)

    # ---- one command

    def say(self, command: Command, now: datetime) -> list[Saying]:
        """Do what a command says, kindly or not. Returns what is to be kept and sent, in its order."""
        self.plan.end_if_over(now)
        if isinstance(command, BeginDay):
            return self._wake(now)
        if isinstance(command, Disconnected):
            return self._lose(now)
        if self.plan.is_kind:
            records = self.handle(command, now)
            self._remember(records)
            return [Saying(record) for record in records]
        answer = self._answer_badly(command, now)
        sayings = self._dress(self.handle(command, now), now) if answer is None else answer
        if not isinstance(command, Requote | SetTrading):
            for kind in BY_THEMSELVES_IN_ORDER:
                if self.plan.draw(kind):
                    sayings += self._do(kind, now)
        return sayings

    def act(self, now: datetime) -> list[Saying]:
        """Do what was asked for and needs no message to come by."""
        sayings: list[Saying] = []
        while self._phases_asked:
            sayings += self.say(self._phases_asked.popleft(), now)
        for kind in self.plan.asked:
            if kind in BY_THEMSELVES and self.plan.is_asked(kind):
                sayings += self._do(kind, now)
        return sayings

    def _do(self, kind: FaultKind, now: datetime) -> list[Saying]:
        if kind in _OF_THE_SESSION:
            return [self._sown(kind, now)]
        return self._deeds[kind](now)

    def _sown(self, kind: FaultKind, now: datetime, record: Any = None) -> Saying:
        fault = FaultSown(
            venue_id=self.venue_id,
            kind=kind,
            transact_time=now,
            cl_ord_id=getattr(record, "cl_ord_id", ""),
            exec_id=getattr(record, "exec_id", ""),
        )
        return Saying(fault)

    def _remember(self, records: Iterable[Record]) -> None:
        """Remember the newest trades and orders: they may be busted, and canceled."""
        for record in records:
            if not isinstance(record, Report):
                continue
            if record.exec_type is ExecType.TRADE or record.exec_type is ExecType.NEW:
                order = self.order(record.cl_ord_id)
                if order is None:
                    continue
                if record.exec_type is ExecType.TRADE:
                    self._trades_done.append((order, record.exec_id))
                else:
                    self._resting.append(order)

    # ---- messages in disguise, and messages that are false

    def _dress(self, records: list[Record], now: datetime) -> list[Saying]:
        self._remember(records)
        sayings: list[Saying] = []
        for record in records:
            if not isinstance(record, Report | CancelRejected):
                sayings.append(Saying(record))
                continue
            is_trade = isinstance(record, Report) and record.exec_type is ExecType.TRADE
            kinds = (*_DRESSES_OF_ALL, *_DRESSES_OF_TRADES) if is_trade else _DRESSES_OF_ALL
            dress = next((kind for kind in kinds if self.plan.draw(kind)), None)
            sayings.append(Saying(record, dress))
            if dress is not None:
                sayings.append(self._sown(dress, now, record))
            if isinstance(record, Report):
                sayings += self._add_false(record, now) if is_trade else self._add_duplicate(record, now)
                sayings += self._add_status(record, now)
            if is_trade and isinstance(record, Report):
                sayings += self._overfill(record, now)
        return sayings

    def _add_false(self, trade: Report, now: datetime) -> list[Saying]:
        sayings: list[Saying] = []
        for kind in _FALSE_TRADES:
            if self.plan.draw(kind):
                false = self._false_trade(kind, trade)
                sayings += [Saying(false, kind, is_true=False), self._sown(kind, now, false)]
        return sayings

    def _false_trade(self, kind: FaultKind, trade: Report) -> Report:
        self._false_made += 1
        stamp = int(trade.transact_time.timestamp() * 1_000_000)
        false = replace(trade, exec_id=f"FALSE-{stamp}-{self._false_made}")
        if kind is FaultKind.PRICE_ZERO:
            return replace(false, last_px="0")
        if kind is FaultKind.UNKNOWN_CL_ORD_ID:
            return replace(false, cl_ord_id=f"UNKNOWN-{stamp}-{self._false_made}")
        if kind is FaultKind.OTHER_SIDE:
            return replace(
                false, side=Side.SELL if trade.side is not None and trade.side.is_buy else Side.BUY
            )
        if kind is FaultKind.REPEATED_EXEC_ID:
            return replace(trade, last_qty=trade.last_qty + 1)
        return false

    def _add_duplicate(self, report: Report, now: datetime) -> list[Saying]:
        """Refuse a live order as if it had been sent twice."""
        if report.exec_type is not ExecType.NEW or not self.plan.draw(FaultKind.DUPLICATE_REJECT):
            return []
        refused = replace(
            report,
            exec_type=ExecType.REJECTED,
            exec_id=self._answer_id(now),
            ord_rej_reason=OrdRejReason.DUPLICATE_ORDER,
        )
        return [Saying(refused, is_true=False), self._sown(FaultKind.DUPLICATE_REJECT, now, refused)]

    def _add_status(self, report: Report, now: datetime) -> list[Saying]:
        """Say of a new order that it is stopped, of a filled one that it is calculated: nothing changes."""
        if report.exec_type is ExecType.NEW and self.plan.draw(FaultKind.STOPPED):
            kind, exec_type, status = FaultKind.STOPPED, ExecType.STOPPED, OrdStatus.STOPPED
        elif report.ord_status is OrdStatus.FILLED and self.plan.draw(FaultKind.CALCULATED):
            kind, exec_type, status = FaultKind.CALCULATED, ExecType.CALCULATED, OrdStatus.CALCULATED
        else:
            return []
        said = replace(
            report,
            exec_type=exec_type,
            ord_status=status,
            exec_id=self._answer_id(now),
            last_qty=0,
            last_px="",
            last_liquidity=None,
            fee="",
        )
        return [Saying(said, is_true=False), self._sown(kind, now, said)]

    def _overfill(self, report: Report, now: datetime) -> list[Saying]:
        """Execute more than was ordered, right after the last of it."""
        order = self.order(report.cl_ord_id)
        filled = report.ord_status is OrdStatus.FILLED and order is not None
        if order is None or not filled or not self.plan.draw(FaultKind.OVERFILL):
            return []
        trade = Trade(self.plan.choose(1, OVERFILL_QTY_MAX), micros_of(report.last_px) or 0)
        extra = self._trade(order, trade, now)
        self._trades_done.append((order, extra.exec_id))
        return [Saying(extra), self._sown(FaultKind.OVERFILL, now, extra)]

    # ---- requests that are answered badly

    def _answer_badly(self, command: Command, now: datetime) -> list[Saying] | None:
        """Return a bad answer in place of the engine's, None when it is to answer."""
        if isinstance(command, AskStatus):
            return self._answer_status(command, now)
        if isinstance(command, NewOrder):
            return self._throttle(command, now)
        if isinstance(command, CancelOrder):
            return self._answer_cancel(command, now)
        return None

    def _answer_status(self, command: AskStatus, now: datetime) -> list[Saying] | None:
        if self.plan.draw(FaultKind.STATUS_UNANSWERED):
            return [self._sown(FaultKind.STATUS_UNANSWERED, now, command)]
        if not self.plan.draw(FaultKind.STATUS_REFUSED):
            return None
        refused = RequestRefused(
            venue_id=self.venue_id,
            msg_type="H",
            cl_ord_id=command.cl_ord_id,
            reason=UNSUPPORTED_TYPE,
            text="Unsupported Message Type",
        )
        return [Saying(refused), self._sown(FaultKind.STATUS_REFUSED, now, command)]

    def _throttle(self, command: NewOrder, now: datetime) -> list[Saying] | None:
        if self.order(command.cl_ord_id) is not None or not self.plan.draw(FaultKind.THROTTLED):
            return None
        order = self._make_order(command)
        refused = self._reject(order, (OrdRejReason.OTHER, "throttled: too many messages"), now)
        return [Saying(refused), self._sown(FaultKind.THROTTLED, now, refused)]

    def _answer_cancel(self, command: CancelOrder, now: datetime) -> list[Saying] | None:
        order = self.order(command.orig_cl_ord_id)
        if order is None or not order.is_live or order.pending is not None:
            return None
        if self.plan.draw(FaultKind.CANCEL_UNKNOWN_ORDER):
            refused = self._refuse(command, None, CxlRejReason.UNKNOWN_ORDER, "unknown order", now)
            return [Saying(refused, is_true=False), self._sown(FaultKind.CANCEL_UNKNOWN_ORDER, now, command)]
        if self.plan.draw(FaultKind.CANCEL_PENDING_ALREADY):
            early = CancelRejected(
                venue_id=self.venue_id,
                order_id=order.order_id,
                cl_ord_id=command.cl_ord_id,
                orig_cl_ord_id=command.orig_cl_ord_id,
                ord_status=OrdStatus.PENDING_CANCEL,
                answers=RequestKind.CANCEL,
                reason=CxlRejReason.ALREADY_PENDING,
                text="a cancel is pending already",
                transact_time=now,
            )
            sown = self._sown(FaultKind.CANCEL_PENDING_ALREADY, now, command)
            return [Saying(early, is_true=False), sown, *self._dress(self.handle(command, now), now)]
        if order.price and self.plan.draw(FaultKind.CANCEL_CROSSED):
            left = order.leaves_qty
            return self._dress(self.handle(command, now), now) + self._cross(order, left, now)
        return None

    def _cross(self, order: VenueOrder, left: int, now: datetime) -> list[Saying]:
        """Report a fill that was made before the cancel of an order, after the cancel."""
        if order.end is not OrdStatus.CANCELED or left <= 0:
            return []
        fill = self._trade(order, Trade(self.plan.choose(1, left), order.price_micros), now)
        self._trades_done.append((order, fill.exec_id))
        return [Saying(fill), self._sown(FaultKind.CANCEL_CROSSED, now, fill)]

    # ---- what is true and unwelcome

    def cancel_an_order(self, now: datetime) -> list[Saying]:
        """Cancel one of the newest orders, though nobody asked."""
        order = self._pick_live()
        if order is None:
            return []
        left = order.leaves_qty
        sayings = [Saying(record) for record in self._cancel_unasked(order, now)]
        sayings.append(self._sown(FaultKind.UNSOLICITED_CANCEL, now, sayings[0].record))
        if order.price and self.plan.draw(FaultKind.CANCEL_CROSSED):
            sayings += self._cross(order, left, now)
        return sayings

    def _pick_live(self) -> VenueOrder | None:
        live = [one for one in self._resting if one.is_live and one.pending is None and one.asleep is None]
        return live[self.plan.choose(0, len(live) - 1)] if live else None

    def suspend_an_order(self, now: datetime) -> list[Saying]:
        """Let an order not trade until the next `BeginDay`."""
        order = self._pick_live()
        if order is None:
            return []
        self._books[order.symbol].remove(order)
        order.asleep = OrdStatus.SUSPENDED
        report = self._report(order, ExecType.SUSPENDED, now)
        return [Saying(report), self._sown(FaultKind.SUSPENSION, now, report)]

    def restate_an_order(self, now: datetime) -> list[Saying]:
        """Take a part of an order's open shares away (ExecRestatementReason 5, partial decline)."""
        order = self._pick_live()
        if order is None or order.leaves_qty < 2:
            return []
        cut = self.plan.choose(1, order.leaves_qty - 1)
        order.order_qty -= cut
        order.working_qty = order.order_qty - order.cum_qty
        report = self._report(order, ExecType.RESTATED, now, exec_restatement_reason=PARTIAL_DECLINE)
        return [Saying(report), self._sown(FaultKind.RESTATEMENT, now, report)]

    def bust_a_trade(self, now: datetime) -> list[Saying]:
        """Take one of the newest trades back."""
        return self._change_a_trade(FaultKind.BUST, now)

    def correct_a_trade(self, now: datetime) -> list[Saying]:
        """Correct the price of one of the newest trades, and sometimes its shares."""
        return self._change_a_trade(FaultKind.CORRECTION, now)

    def _change_a_trade(self, kind: FaultKind, now: datetime) -> list[Saying]:
        """Change a trade. An order that is filled no more is worked again if it may rest (FIX, I, J.1.b)."""
        while self._trades_done:
            place = self.plan.choose(0, len(self._trades_done) - 1)
            order, exec_id = self._trades_done[place]
            del self._trades_done[place]
            if exec_id in order.trades:
                break
        else:
            return []
        was_filled = not order.is_live and order.end is None
        before = order.trades[exec_id]
        trade = None if kind is FaultKind.BUST else self._corrected(order, before)
        order.change_trade(exec_id, trade)
        if was_filled and order.is_live and not order.rests:
            order.end = OrdStatus.CANCELED
        elif was_filled and order.is_live:
            self._books[order.symbol].rest(order)
        report = self._report(
            order,
            ExecType.TRADE_CANCEL if trade is None else ExecType.TRADE_CORRECT,
            now,
            exec_ref_id=exec_id,
            last_qty=0 if trade is None else trade.quantity,
            last_px="" if trade is None else price_text(trade.price_micros),
            last_liquidity=None if trade is None else trade.liquidity,
            fee=returned(self._fee(before)) if trade is None else self._fee(trade),
        )
        return [Saying(report), self._sown(kind, now, report)]

    def _corrected(self, order: VenueOrder, trade: Trade) -> Trade:
        tick = self._ticks_micros[order.symbol]
        quantity = trade.quantity if self.plan.choose(0, 1) else self.plan.choose(1, trade.quantity)
        return trade._replace(
            quantity=quantity, price_micros=trade.price_micros + tick * self.plan.choose(1, 5)
        )

    def end_day(self, now: datetime) -> list[Saying]:
        """Be done for the day with every order; those that are good till canceled come back (`BeginDay`)."""
        sayings: list[Saying] = []
        for book in self._books.values():
            for order in book.resting():
                if not isinstance(order, VenueOrder) or order.pending is not None:
                    continue
                if order.time_in_force is TimeInForce.GTC:
                    book.remove(order)
                    order.asleep = OrdStatus.DONE_FOR_DAY
                    report = self._report(order, ExecType.DONE_FOR_DAY, now)
                else:
                    report = self._close(order, OrdStatus.DONE_FOR_DAY, ExecType.DONE_FOR_DAY, now)
                sayings += [Saying(report), self._sown(FaultKind.DAY_END, now, report)]
        return sayings

    def _wake(self, now: datetime) -> list[Saying]:
        """Bring the orders back that are good till canceled (ExecRestatementReason 1)."""
        sayings: list[Saying] = []
        for order in {id(order): order for order in self._orders.values()}.values():
            if order.asleep is None:
                continue
            order.asleep = None
            if order.is_live:
                self._books[order.symbol].rest(order)
                report = self._report(order, ExecType.RESTATED, now, exec_restatement_reason=GT_RESTATEMENT)
                sayings.append(Saying(report))
        return sayings

    def _lose(self, now: datetime) -> list[Saying]:
        """Cancel what rests, at a venue that does so when its counterparty is gone."""
        if not self.plan.draw(FaultKind.CANCEL_ON_DISCONNECT):
            return []
        sayings: list[Saying] = []
        for book in self._books.values():
            for order in book.resting():
                if isinstance(order, VenueOrder):
                    sayings += [Saying(record) for record in self._cancel_unasked(order, now)]
                    sayings.append(self._sown(FaultKind.CANCEL_ON_DISCONNECT, now, order))
        return sayings


BY_THEMSELVES_IN_ORDER: Final = tuple(kind for kind in FaultKind if kind in BY_THEMSELVES)
