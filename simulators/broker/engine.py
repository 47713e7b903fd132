"""One venue: commands in, records out, by the order state rules of FIX 4.4 (volume 4, appendix D).

Pure: the time is handed in, and the seed fixes every draw, so the same commands give the same records.
ExecIDs and OrderIDs count up for the venue's life; `restore` takes them, every order and the book back from
the journal.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from simulators.broker.book import Book, DarkBook, LitBook
from simulators.broker.book_order import Auction, Event, Fill, Prevented, SelfMatch
from simulators.broker.fees import ADDED, AUCTION, REMOVED, FeeSchedule
from simulators.broker.lots import ROUND_LOT, LotRule, wrong_lot
from simulators.broker.prices import micros_of_decimal, price_text
from simulators.broker.protocol import (
    NO_ORDER_ID,
    AskStatus,
    CancelOrder,
    CancelRejected,
    Command,
    CxlRejReason,
    Decide,
    EndDay,
    ExecType,
    NewOrder,
    OrdRejReason,
    OrdStatus,
    OrdType,
    Record,
    ReplaceOrder,
    Report,
    RequestKind,
    Requote,
    SetTrading,
    TimeInForce,
    TradingPhase,
)
from simulators.broker.trading import NO_LIMITS, STOPPED, Limits, SymbolTrading
from simulators.broker.venue_order import (
    Trade,
    VenueOrder,
    too_late,
    wrong_display,
    wrong_minimum,
    wrong_price,
    wrong_quantity,
)
from simulators.broker.venue_orders import CLOSED_ORDERS_MAX, STATUS, VenueOrders

_THIN_PART_MIN: Final = 0.3
# ExecRestatementReason (378): market option.
_MARKET_OPTION: Final = 8
_IMMEDIATE: Final = frozenset({TimeInForce.IOC, TimeInForce.FOK})
_OF_THE_DAY: Final = frozenset({TimeInForce.DAY, TimeInForce.OPG, TimeInForce.CLO})
# How the ExecID of a duplicate's refusal begins.
_DUPLICATE: Final = "DUPLICATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a venue acts, as probabilities.

    reject: a new order is refused. cancel_reject: a cancel or replace is. thin: part of the displayed size is
    gone when an order comes for it. touch_fill: a quote's update trades with the orders that rest at the
    touch. hidden: a side of a dark book has size. reports_pending: PendingCancel and PendingReplace come
    before the decision.

    self_match: what becomes of two orders of ours that would trade with each other; self_match_by_account: of
    one account (1) only. lot_rule: which quantities it takes; round_lots: the shares of a lot, by symbol, if
    it is not 100. limits: when it pauses. takes_while_halted: new orders wait while a symbol does not trade,
    otherwise they are refused. fees: None for none. protects_others: a displayed book trades nothing beyond
    what another venue displays, unless the order is an intermarket sweep, and lets nothing lock it.
    """

    reject: float = 0.0
    cancel_reject: float = 0.0
    thin: float = 0.0
    touch_fill: float = 0.25
    hidden: float = 0.6
    reports_pending: bool = False
    self_match: SelfMatch = SelfMatch.NONE
    self_match_by_account: bool = False
    lot_rule: LotRule = LotRule.ANY
    round_lots: Mapping[str, int] = field(default_factory=dict)
    limits: Limits = NO_LIMITS
    takes_while_halted: bool = True
    fees: FeeSchedule | None = None
    protects_others: bool = False


class VenueEngine(VenueOrders):
    """The venue's books, and what its orders are told."""

    def __init__(
        self,
        venue_id: str,
        tick_sizes: Mapping[str, Decimal],
        *,
        seed: int,
        behaviour: Behaviour,
        dark: bool = False,
        closed_orders_max: int = CLOSED_ORDERS_MAX,
    ) -> None:
        super().__init__(venue_id, closed_orders_max)
        self._ticks_micros = {symbol: micros_of_decimal(size) for symbol, size in tick_sizes.items()}
        self._seed = seed
        self.behaviour = behaviour
        self._books: dict[str, Book] = {
            symbol: DarkBook(hidden_probability=behaviour.hidden, self_match=behaviour.self_match)
            if dark
            else LitBook(
                touch_fill_probability=behaviour.touch_fill,
                self_match=behaviour.self_match,
                protects_others=behaviour.protects_others,
            )
            for symbol in tick_sizes
        }
        self._has_auctions = not dark
        self.trading = {
            symbol: SymbolTrading(behaviour.limits, tick) for symbol, tick in self._ticks_micros.items()
        }
        self._draws = random.Random(f"{seed}/{venue_id}")  # noqa: S311  (a simulation, not a secret)
        self._handlers: dict[type[Command], Callable[[Any, datetime], list[Record]]] = {
            NewOrder: self._new,
            CancelOrder: self._request,
            ReplaceOrder: self._request,
            AskStatus: self._ask,
            Requote: self._requote,
            SetTrading: self._set_trading,
            Decide: self._decide,
            EndDay: self._end_day,
        }

    def handle(self, command: Command, now: datetime) -> list[Record]:
        """Do what a command says at the time `now`. Returns what happened, in its order."""
        return self._handlers[type(command)](command, now)

    # ---- new orders

    def _new(self, command: NewOrder, now: datetime) -> list[Record]:
        known = self._orders.get(command.cl_ord_id)
        if known is not None:
            return [self._known_again(known, command, now)]
        refusal = self._refusal(command)
        order = self._make_order(command)
        if refusal is not None:
            return [self._reject(order, refusal, now)]
        if command.is_post_only and self._would_take(order):
            return [self._reject(order, (OrdRejReason.OTHER, "post-only: it would take"), now)]
        order.acknowledged = True
        records: list[Record] = [self._accepted(order, now), self._report(order, ExecType.NEW, now)]
        if order.auction is None and self.trading[order.symbol].is_continuous:
            records += self._take_liquidity(order, now)
        if order.is_live:
            records += self._rest_or_cancel(order, now)
        return records

    def _would_take(self, order: VenueOrder) -> bool:
        """Say whether a new order would trade now with what is there."""
        trades = order.auction is None and self.trading[order.symbol].is_continuous
        return trades and self._books[order.symbol].available(order) > 0

    def _take_liquidity(self, order: VenueOrder, now: datetime) -> list[Record]:
        """Trade a new order with what is there."""
        book = self._books[order.symbol]
        if self._happens(self.behaviour.thin):
            book.thin(order.is_buy, _THIN_PART_MIN + (1 - _THIN_PART_MIN) * self._draws.random())
        if order.time_in_force is TimeInForce.FOK:
            order.min_qty = order.order_qty
        return self._events(book.match(order), now)

    def _owner_of(self, command: NewOrder) -> str:
        return command.account if self.behaviour.self_match_by_account else ""

    def _known_again(self, known: VenueOrder, command: NewOrder, now: datetime) -> Report:
        """Answer an order whose ClOrdID is known: its state, or a refusal that leaves the first alone.

        FIX 4.4, volume 4, appendix D, F.1.a to F.1.c.
        """
        status = self._status(known, command.cl_ord_id, now)
        if command.possible_resend:
            return status
        return msgspec.structs.replace(
            status,
            exec_type=ExecType.REJECTED,
            exec_id=status.exec_id.replace(STATUS, _DUPLICATE, 1),
            ord_rej_reason=OrdRejReason.DUPLICATE_ORDER,
            text=f"{command.cl_ord_id} was sent before",
        )

    def _refusal(self, command: NewOrder) -> tuple[OrdRejReason, str] | None:
        tick_micros = self._ticks_micros.get(command.symbol)
        if tick_micros is None:
            return OrdRejReason.UNKNOWN_SYMBOL, f"unknown symbol {command.symbol}"
        for name, value in (
            ("side", command.side),
            ("ord_type", command.ord_type),
            ("time_in_force", command.time_in_force),
        ):
            if value is None:
                return OrdRejReason.UNSUPPORTED_CHARACTERISTIC, f"{name} is not one that this venue trades"
        wrong = (
            wrong_quantity(command.order_qty)
            or wrong_minimum(command.min_qty, command.order_qty)
            or wrong_display(command.max_floor, command.min_qty, command.order_qty)
            or self._wrong_lot(command.order_qty, command.symbol)
        )
        if wrong is not None:
            return OrdRejReason.INCORRECT_QUANTITY, wrong
        has_price = command.ord_type is OrdType.LIMIT or (
            command.ord_type is OrdType.PEGGED and command.price
        )
        if has_price and (wrong := wrong_price(command.price, tick_micros)) is not None:
            return OrdRejReason.OTHER, wrong
        if (refusal := self._wrong_instruction(command) or self._not_now(command)) is not None:
            return refusal
        if self._happens(self.behaviour.reject):
            return OrdRejReason.BROKER_OPTION, "refused by the venue"
        return None

    def _reject(self, order: VenueOrder, refusal: tuple[OrdRejReason, str], now: datetime) -> Report:
        order.end = OrdStatus.REJECTED
        self._remember_closed(order)
        reason, text = refusal
        return self._report(order, ExecType.REJECTED, now, ord_rej_reason=reason, text=text)

    def _wrong_lot(self, quantity: int | None, symbol: str) -> str | None:
        lot = self.behaviour.round_lots.get(symbol, ROUND_LOT)
        return wrong_lot(quantity or 0, lot, self.behaviour.lot_rule)

    def _wrong_instruction(self, command: NewOrder) -> tuple[OrdRejReason, str] | None:
        """Refuse what a venue of this kind does not know: FIX's terms, put together wrongly."""
        if command.ord_type is OrdType.PEGGED and not command.is_pegged:
            text = "exec_inst must be M: the venue pegs to the middle only"
        elif command.is_pegged and command.ord_type is OrdType.MARKET:
            text = "a pegged order is a limit order, or has no limit (40=P)"
        elif command.is_post_only and (
            command.ord_type is not OrdType.LIMIT or command.time_in_force in _IMMEDIATE
        ):
            text = "a post-only order (18=6) has a limit and may rest"
        elif command.time_in_force in (TimeInForce.OPG, TimeInForce.CLO):
            if self._has_auctions and not command.is_pegged and not command.min_qty:
                return None
            text = "no cross for such an order"
        else:
            return None
        return OrdRejReason.UNSUPPORTED_CHARACTERISTIC, text

    def _not_now(self, command: NewOrder) -> tuple[OrdRejReason, str] | None:
        """Refuse what comes too late for its cross, or while nothing trades where that is refused."""
        phase = self.trading[command.symbol].phase
        too_late_for_opening = command.time_in_force is TimeInForce.OPG and phase is not TradingPhase.PRE_OPEN
        if too_late_for_opening or (
            command.time_in_force is TimeInForce.CLO and phase is TradingPhase.CLOSED
        ):
            return OrdRejReason.TOO_LATE_TO_ENTER, f"too late for the cross: {phase.value}"
        if phase not in STOPPED or self.behaviour.takes_while_halted:
            return None
        return OrdRejReason.EXCHANGE_CLOSED, f"{command.symbol} does not trade: {phase.value}"

    def _rest_or_cancel(self, order: VenueOrder, now: datetime) -> list[Record]:
        book = self._books[order.symbol]
        if order.rests and book.locks(order):
            text = "another venue's quote is protected"
            return [self._close(order, OrdStatus.CANCELED, ExecType.CANCELED, now, text=text)]
        if order.rests:
            book.rest(order)
            return []
        return [self._close(order, OrdStatus.CANCELED, ExecType.CANCELED, now)]

    def _close(
        self, order: VenueOrder, end: OrdStatus, exec_type: ExecType, now: datetime, **more: Any
    ) -> Report:
        self._books[order.symbol].remove(order)
        order.end = end
        self._remember_closed(order)
        return self._report(order, exec_type, now, **more)

    # ---- trades and quotes

    def _events(self, events: Iterable[Event], now: datetime) -> list[Record]:
        """Report what happened in a book."""
        records: list[Record] = []
        for event in events:
            order = event.order
            if not isinstance(order, VenueOrder):
                raise TypeError(f"expected a venue order in the book, found {type(order).__name__}")
            if isinstance(event, Prevented):
                records += self._prevented(order, event, now)
                continue
            liquidity = AUCTION if event.in_cross else REMOVED if event.takes else ADDED
            records.append(self._trade(order, Trade(event.quantity, event.price_micros, liquidity), now))
        return records

    def _prevented(self, order: VenueOrder, event: Prevented, now: datetime) -> list[Record]:
        """Report an order that lost shares because it would have met one of its owner."""
        contra = event.contra.cl_ord_id if isinstance(event.contra, VenueOrder) else ""
        text = f"self-match prevention: {contra}"
        if event.ends:
            return self._cancel_unasked(order, now, text=text)
        order.order_qty -= event.quantity
        reason = _MARKET_OPTION
        return [self._report(order, ExecType.RESTATED, now, exec_restatement_reason=reason, text=text)]

    def _cancel_unasked(self, order: VenueOrder, now: datetime, *, text: str = "") -> list[Record]:
        """Cancel an order that nobody asked to cancel; a request that is pending comes too late."""
        command, order.pending = order.pending, None
        records: list[Record] = [self._close(order, OrdStatus.CANCELED, ExecType.CANCELED, now, text=text)]
        if command is not None:
            records.append(self._refuse(command, order, CxlRejReason.TOO_LATE, "too late", now))
        return records

    def _trade(self, order: VenueOrder, trade: Trade, now: datetime) -> Report:
        exec_id = self._execution_id()
        order.execute(exec_id, trade)
        if not order.is_live:
            self._remember_closed(order)
        return self._report(
            order,
            ExecType.TRADE,
            now,
            exec_id=exec_id,
            last_qty=trade.quantity,
            last_px=price_text(trade.price_micros),
            last_liquidity=trade.liquidity,
            fee=self._fee(trade),
        )

    def _fee(self, trade: Trade) -> str:
        """Return what a trade costs, "" where the venue does not say."""
        fees = self.behaviour.fees
        return "" if fees is None else fees.fee_text(trade.quantity, trade.liquidity)

    # ---- quotes, halts and crosses

    def _requote(self, command: Requote, now: datetime) -> list[Record]:
        market = command.market
        book = self._books.get(market.symbol)
        if book is None:
            return []
        trading = self.trading[market.symbol]
        trading.follow(market, now)
        book.band = trading.band
        following = trading.next_phase(now)
        if following is None and trading.is_continuous:
            return self._events(book.requote(market, self._draws), now)
        book.show(market, self._draws)
        return [] if following is None else self._begin(market.symbol, following, now)

    def _set_trading(self, command: SetTrading, now: datetime) -> list[Record]:
        symbols = [command.symbol] if command.symbol else list(self._books)
        return [
            record
            for symbol in symbols
            if symbol in self._books
            for record in self._begin(symbol, command.phase, now)
        ]

    def _begin(self, symbol: str, phase: TradingPhase, now: datetime) -> list[Record]:
        """Begin a phase: trading comes back by a cross, and it ends by one."""
        trading = self.trading[symbol]
        before, was_continuous = trading.phase, trading.is_continuous
        trading.enter(phase, now)
        if phase is TradingPhase.CLOSED and before is not TradingPhase.CLOSED:
            records = self._print_cross(symbol, Auction.CLOSING, now) if was_continuous else []
            return records + self._end_waiting(symbol, tuple(Auction), now)
        if trading.is_continuous and not was_continuous:
            records = self._print_cross(symbol, Auction.OPENING, now)
            return records + self._end_waiting(symbol, (Auction.OPENING,), now)
        return []

    def _print_cross(self, symbol: str, auction: Auction, now: datetime) -> list[Record]:
        """Trade what is there at one price, whose place the band takes, and then what had no part in it."""
        book, trading = self._books[symbol], self.trading[symbol]
        tick = self._ticks_micros[symbol]
        events = book.cross(auction, tick_micros=tick, reference_micros=trading.reference_micros)
        trading.crossed_at(next((one.price_micros for one in events if isinstance(one, Fill)), None))
        book.band = trading.band
        records = self._events(events, now)
        return records + self._meet_again(book, now) if trading.is_continuous else records

    def _end_waiting(self, symbol: str, auctions: tuple[Auction, ...], now: datetime) -> list[Record]:
        """Cancel what waited for a cross that is over."""
        return [
            record
            for order in self._books[symbol].resting()
            if order.auction in auctions and isinstance(order, VenueOrder)
            for record in self._cancel_unasked(order, now, text="not executed in the cross")
        ]

    def _meet_again(self, book: Book, now: datetime) -> list[Record]:
        """Let orders with a minimum, which had no part in a cross, trade with what came while they waited."""
        records: list[Record] = []
        for order in book.resting():
            if order.min_qty and order.working_qty and order.auction is None:
                book.remove(order)
                records += self._events(book.match(order), now)
                if order.working_qty:
                    book.rest(order, keeps_place=True)
        return records

    def _end_day(self, _command: EndDay, now: datetime) -> list[Record]:
        records: list[Record] = []
        for book in self._books.values():
            for order in book.resting():
                if isinstance(order, VenueOrder) and order.time_in_force in _OF_THE_DAY:
                    command, order.pending = order.pending, None
                    records.append(self._close(order, OrdStatus.DONE_FOR_DAY, ExecType.DONE_FOR_DAY, now))
                    if command is not None:
                        records.append(self._refuse(command, order, CxlRejReason.TOO_LATE, "too late", now))
        return records

    # ---- cancel and replace

    def _request(self, command: CancelOrder | ReplaceOrder, now: datetime) -> list[Record]:
        order = self._orders.get(command.orig_cl_ord_id)
        if order is None:
            return [self._refuse(command, None, CxlRejReason.UNKNOWN_ORDER, "unknown order", now)]
        asked_before = order.pending is not None and order.pending.cl_ord_id == command.cl_ord_id
        if asked_before or self._orders.get(command.cl_ord_id) is order:
            return [self._status(order, command.cl_ord_id, now)]
        objection = self._objection(command, order)
        if objection is not None:
            return [self._refuse(command, order, *objection, now)]
        order.pending = command
        if not self.behaviour.reports_pending:
            return self._settle(order, now)
        canceling = isinstance(command, CancelOrder)
        exec_type = ExecType.PENDING_CANCEL if canceling else ExecType.PENDING_REPLACE
        pending = self._report(
            order, exec_type, now, cl_ord_id=command.cl_ord_id, orig_cl_ord_id=command.orig_cl_ord_id
        )
        return [pending]

    def _objection(
        self, command: CancelOrder | ReplaceOrder, order: VenueOrder
    ) -> tuple[CxlRejReason, str] | None:
        if command.cl_ord_id in self._orders:
            return CxlRejReason.DUPLICATE_CL_ORD_ID, f"{command.cl_ord_id} is another order's"
        if order.pending is not None:
            return CxlRejReason.ALREADY_PENDING, f"{order.pending.cl_ord_id} is pending"
        if too_late(command, order):
            return CxlRejReason.TOO_LATE, "too late"
        wrong = self._wrong_terms(command, order)
        return None if wrong is None else (CxlRejReason.OTHER, wrong)

    def _wrong_terms(self, command: CancelOrder | ReplaceOrder, order: VenueOrder) -> str | None:
        if command.orig_cl_ord_id != order.cl_ord_id:
            return f"the order is now {order.cl_ord_id}"
        if command.symbol != order.symbol or command.side is not order.side:
            return "symbol and side must be those of the order"
        if isinstance(command, CancelOrder):
            return None
        wrong = wrong_quantity(command.order_qty) or self._wrong_lot(command.order_qty, order.symbol)
        if wrong is not None or (order.ord_type is not OrdType.LIMIT and not command.price):
            return wrong
        return wrong_price(command.price, self._ticks_micros[order.symbol])

    def _decide(self, command: Decide, now: datetime) -> list[Record]:
        order = self._orders.get(command.cl_ord_id)
        return [] if order is None or order.pending is None else self._settle(order, now)

    def _settle(self, order: VenueOrder, now: datetime) -> list[Record]:
        """Grant or refuse the pending request, as things stand now."""
        command, order.pending = order.pending, None
        if command is None:
            return []
        if too_late(command, order):
            return [self._refuse(command, order, CxlRejReason.TOO_LATE, "too late", now)]
        if self._happens(self.behaviour.cancel_reject):
            return [self._refuse(command, order, CxlRejReason.BROKER_OPTION, "refused by the venue", now)]
        if isinstance(command, ReplaceOrder):
            return self._replace(command, order, now)
        self._name(command.cl_ord_id, order)
        ids = {"cl_ord_id": command.cl_ord_id, "orig_cl_ord_id": command.orig_cl_ord_id}
        return [self._close(order, OrdStatus.CANCELED, ExecType.CANCELED, now, **ids)]

    def _replace(self, command: ReplaceOrder, order: VenueOrder, now: datetime) -> list[Record]:
        book = self._books[order.symbol]
        book.remove(order)
        self._name(command.cl_ord_id, order)
        order.cl_ord_id = command.cl_ord_id
        keeps_place = self.keeps_place(order, command.order_qty or 0, command.price)
        self._amend(order, command.order_qty or 0, command.price)
        records: list[Record] = [
            self._report(order, ExecType.REPLACED, now, orig_cl_ord_id=command.orig_cl_ord_id)
        ]
        if not order.is_live:
            self._remember_closed(order)
            return records
        if order.asleep is not None:
            return records
        if order.auction is None and self.trading[order.symbol].is_continuous:
            records += self._events(book.match(order), now)
        if order.is_live:
            book.rest(order, keeps_place=keeps_place)
        return records

    def _refuse(
        self,
        command: CancelOrder | ReplaceOrder,
        order: VenueOrder | None,
        reason: CxlRejReason,
        text: str,
        now: datetime,
    ) -> CancelRejected:
        return CancelRejected(
            venue_id=self.venue_id,
            order_id=NO_ORDER_ID if order is None else order.order_id,
            cl_ord_id=command.cl_ord_id,
            orig_cl_ord_id=command.orig_cl_ord_id,
            ord_status=OrdStatus.REJECTED if order is None else order.status,
            answers=RequestKind.CANCEL if isinstance(command, CancelOrder) else RequestKind.REPLACE,
            reason=reason,
            text=text,
            transact_time=now,
        )

    # ---- answers and reports

    def _ask(self, command: AskStatus, now: datetime) -> list[Record]:
        order = self._orders.get(command.cl_ord_id)
        if order is not None:
            answer = self._status(order, command.cl_ord_id, now)
            return [msgspec.structs.replace(answer, ord_status_req_id=command.ord_status_req_id)]
        return [
            Report(
                venue_id=self.venue_id,
                exec_id=self._answer_id(now),
                order_id=NO_ORDER_ID,
                cl_ord_id=command.cl_ord_id,
                exec_type=ExecType.ORDER_STATUS,
                ord_status=OrdStatus.REJECTED,
                symbol=command.symbol,
                side=command.side,
                order_qty=0,
                cum_qty=0,
                leaves_qty=0,
                last_qty=0,
                avg_px="0",
                transact_time=now,
                ord_rej_reason=OrdRejReason.UNKNOWN_ORDER,
                ord_status_req_id=command.ord_status_req_id,
                text="Unknown order",
            )
        ]

    def _status(self, order: VenueOrder, cl_ord_id: str, now: datetime) -> Report:
        return self._report(
            order, ExecType.ORDER_STATUS, now, cl_ord_id=cl_ord_id, exec_id=self._answer_id(now)
        )

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._draws.random() < probability

    # ---- restart

    def restored(self, now: datetime) -> list[Record]:
        """Rebuild the books after the last `restore` and end what the stop cut short.

        Returns what happened.
        """
        records: list[Record] = []
        orders = {order.order_id: order for order in self._orders.values()}
        for order in sorted(orders.values(), key=lambda order: order.arrival):
            if not order.acknowledged:
                # The journal ends between the order and its acknowledgement: nobody was told of it.
                del self._orders[order.cl_ord_id]
                continue
            command, order.pending = order.pending, None
            if command is not None:
                records.append(
                    self._refuse(command, order, CxlRejReason.BROKER_OPTION, "the venue was restarted", now)
                )
            if order.is_live and order.asleep is None:
                records += self._rest_or_cancel(order, now)
        for symbol in self._books:
            # The venue is open: what waited while it was not trades now.
            records += self._print_cross(symbol, Auction.OPENING, now)
            records += self._end_waiting(symbol, (Auction.OPENING,), now)
        self._draws = random.Random(f"{self._seed}/{self.venue_id}/{self._executions_made}")  # noqa: S311
        return records
