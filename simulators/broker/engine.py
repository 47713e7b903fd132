"""One venue: commands in, records out, by the order state rules of FIX 4.4 (volume 4, appendix D).

Pure: the time is handed in, and the seed fixes every draw, so the same commands give the same records.
ExecIDs and OrderIDs count up for the venue's life; `restore` takes them, every order and the book back from
the journal.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from simulators.broker.book import Book, DarkBook, Fill, LitBook
from simulators.broker.prices import average_text, micros_of, micros_of_decimal, price_text
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
    OrderAccepted,
    OrdRejReason,
    OrdStatus,
    OrdType,
    Record,
    ReplaceOrder,
    Report,
    RequestKind,
    Requote,
    Side,
    TimeInForce,
)
from simulators.broker.venue_order import (
    Trade,
    VenueOrder,
    too_late,
    wrong_minimum,
    wrong_price,
    wrong_quantity,
)

CLOSED_ORDERS_MAX: Final = 25_000
_NO_LIMIT_MICROS: Final = 2**62
_THIN_PART_MIN: Final = 0.3
# How the ExecIDs of answers begin that are no executions.
_STATUS: Final = "STATUS"
_DUPLICATE: Final = "DUPLICATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How a venue acts, as probabilities.

    reject: a new order is refused. cancel_reject: a cancel or replace is. thin: part of the displayed size is
    gone when an order comes for it. touch_fill: a quote's update trades with the orders that rest at the
    touch. hidden: a side of a dark book has size. reports_pending: PendingCancel and PendingReplace come
    before the decision.
    """

    reject: float = 0.0
    cancel_reject: float = 0.0
    thin: float = 0.0
    touch_fill: float = 0.25
    hidden: float = 0.6
    reports_pending: bool = False


class VenueEngine:
    """The venue's orders and books."""

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
        self.venue_id = venue_id
        self._ticks_micros = {symbol: micros_of_decimal(size) for symbol, size in tick_sizes.items()}
        self._seed = seed
        self._behaviour = behaviour
        self._books: dict[str, Book] = {
            symbol: DarkBook(hidden_probability=behaviour.hidden)
            if dark
            else LitBook(touch_fill_probability=behaviour.touch_fill)
            for symbol in tick_sizes
        }
        self._orders: dict[str, VenueOrder] = {}
        self._closed: deque[VenueOrder] = deque()
        self._closed_orders_max = closed_orders_max
        self._orders_made = self._executions_made = self._answers_made = self._arrivals = 0
        self._draws = random.Random(f"{seed}/{venue_id}")  # noqa: S311  (a simulation, not a secret)
        self._handlers: dict[type[Command], Callable[[Any, datetime], list[Record]]] = {
            NewOrder: self._new,
            CancelOrder: self._request,
            ReplaceOrder: self._request,
            AskStatus: self._ask,
            Requote: self._requote,
            Decide: self._decide,
            EndDay: self._end_day,
        }

    def handle(self, command: Command, now: datetime) -> list[Record]:
        """Do what a command says at the time `now`. Returns what happened, in its order."""
        return self._handlers[type(command)](command, now)

    def order(self, cl_ord_id: str) -> VenueOrder | None:
        """Return the order that a ClOrdID, its first or that of a request that was granted, stands for."""
        return self._orders.get(cl_ord_id)

    # ---- new orders

    def _new(self, command: NewOrder, now: datetime) -> list[Record]:
        known = self._orders.get(command.cl_ord_id)
        if known is not None:
            return [self._known_again(known, command, now)]
        refusal = self._refusal(command)
        order = self._make_order(command)
        if refusal is not None:
            return [self._reject(order, refusal, now)]
        order.acknowledged = True
        records: list[Record] = [self._accepted(order, now), self._report(order, ExecType.NEW, now)]
        book = self._books[order.symbol]
        if self._happens(self._behaviour.thin):
            book.thin(order.is_buy, _THIN_PART_MIN + (1 - _THIN_PART_MIN) * self._draws.random())
        if order.time_in_force is not TimeInForce.FOK or book.available(order) == order.order_qty:
            records += self._trades(book.match(order), now)
        if order.is_live:
            records += self._rest_or_cancel(order, now)
        return records

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
            exec_id=status.exec_id.replace(_STATUS, _DUPLICATE, 1),
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
        wrong = wrong_quantity(command.order_qty) or wrong_minimum(command.min_qty, command.order_qty)
        if wrong is not None:
            return OrdRejReason.INCORRECT_QUANTITY, wrong
        if (
            command.ord_type is OrdType.LIMIT
            and (wrong := wrong_price(command.price, tick_micros)) is not None
        ):
            return OrdRejReason.OTHER, wrong
        if self._happens(self._behaviour.reject):
            return OrdRejReason.BROKER_OPTION, "refused by the venue"
        return None

    def _make_order(self, command: NewOrder) -> VenueOrder:
        self._orders_made += 1
        self._arrivals += 1
        is_buy = command.side is Side.BUY
        no_limit = _NO_LIMIT_MICROS if is_buy else 0
        limit = (micros_of(command.price) or 0) if command.ord_type is OrdType.LIMIT else no_limit
        quantity = command.order_qty or 0
        order = VenueOrder(
            is_buy=is_buy,
            price_micros=limit,
            working_qty=quantity,
            min_qty=max(0, command.min_qty or 0),
            arrival=self._arrivals,
            order_id=f"{self.venue_id}-O{self._orders_made}",
            cl_ord_id=command.cl_ord_id,
            symbol=command.symbol,
            order_qty=quantity,
            ord_type=command.ord_type,
            time_in_force=command.time_in_force,
            price=price_text(limit) if command.ord_type is OrdType.LIMIT and limit else "",
            side=command.side,
        )
        self._name(command.cl_ord_id, order)
        return order

    def _name(self, cl_ord_id: str, order: VenueOrder) -> None:
        """Let a ClOrdID stand for an order, beside those that do already."""
        order.ids = (*order.ids, cl_ord_id)
        self._orders[cl_ord_id] = order

    def _reject(self, order: VenueOrder, refusal: tuple[OrdRejReason, str], now: datetime) -> Report:
        order.end = OrdStatus.REJECTED
        self._remember_closed(order)
        reason, text = refusal
        return self._report(order, ExecType.REJECTED, now, ord_rej_reason=reason, text=text)

    def _rest_or_cancel(self, order: VenueOrder, now: datetime) -> list[Record]:
        if order.rests:
            self._books[order.symbol].rest(order)
            return []
        return [self._close(order, OrdStatus.CANCELED, ExecType.CANCELED, now)]

    def _close(
        self, order: VenueOrder, end: OrdStatus, exec_type: ExecType, now: datetime, **more: Any
    ) -> Report:
        self._books[order.symbol].remove(order)
        order.end = end
        self._remember_closed(order)
        return self._report(order, exec_type, now, **more)

    def _remember_closed(self, order: VenueOrder) -> None:
        """Count an order among the closed ones, and forget the oldest of them when there are too many."""
        self._closed.append(order)
        if len(self._closed) > self._closed_orders_max:
            oldest = self._closed.popleft()
            if not oldest.is_live:
                for cl_ord_id in oldest.ids:
                    self._orders.pop(cl_ord_id, None)

    # ---- trades and quotes

    def _trades(self, fills: Iterable[Fill], now: datetime) -> list[Record]:
        records: list[Record] = []
        for order, quantity, price_micros in fills:
            if not isinstance(order, VenueOrder):
                raise TypeError(f"expected a venue order in the book, found {type(order).__name__}")
            records.append(self._trade(order, Trade(quantity, price_micros), now))
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
        )

    def _requote(self, command: Requote, now: datetime) -> list[Record]:
        book = self._books.get(command.market.symbol)
        return [] if book is None else self._trades(book.requote(command.market, self._draws), now)

    def _end_day(self, _command: EndDay, now: datetime) -> list[Record]:
        records: list[Record] = []
        for book in self._books.values():
            for order in book.resting():
                if isinstance(order, VenueOrder) and order.time_in_force is TimeInForce.DAY:
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
        if not self._behaviour.reports_pending:
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
        tick_micros = self._ticks_micros[order.symbol]
        return wrong_quantity(command.order_qty) or wrong_price(command.price, tick_micros)

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
        if self._happens(self._behaviour.cancel_reject):
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
        self._amend(order, command.order_qty or 0, command.price)
        records: list[Record] = [
            self._report(order, ExecType.REPLACED, now, orig_cl_ord_id=command.orig_cl_ord_id)
        ]
        if not order.is_live:
            self._remember_closed(order)
            return records
        records += self._trades(book.match(order), now)
        if order.is_live:
            book.rest(order)
        return records

    def _amend(self, order: VenueOrder, quantity: int, price: str) -> None:
        """Set new terms. A smaller order keeps its place in time; more, or another price, goes to the end."""
        limit = micros_of(price) or 0
        if limit != order.price_micros or quantity > order.order_qty:
            self._arrivals += 1
            order.arrival = self._arrivals
        order.order_qty = max(quantity, order.cum_qty)
        order.working_qty = order.order_qty - order.cum_qty
        order.price_micros, order.price = limit, price_text(limit)

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

    def _answer_id(self, now: datetime) -> str:
        """Make the ExecID of an answer: not an execution's, and new also after a restart."""
        self._answers_made += 1
        return f"{_STATUS}-{int(now.timestamp() * 1_000_000)}-{self._answers_made}"

    def _execution_id(self) -> str:
        self._executions_made += 1
        return f"{self.venue_id}-{self._executions_made}"

    def _accepted(self, order: VenueOrder, now: datetime) -> OrderAccepted:
        if order.side is None or order.ord_type is None or order.time_in_force is None:
            raise ValueError(f"{order.cl_ord_id} was accepted without side, type or time in force")
        return OrderAccepted(
            venue_id=self.venue_id,
            order_id=order.order_id,
            cl_ord_id=order.cl_ord_id,
            symbol=order.symbol,
            side=order.side,
            order_qty=order.order_qty,
            ord_type=order.ord_type,
            time_in_force=order.time_in_force,
            price=order.price,
            min_qty=order.min_qty,
            transact_time=now,
        )

    def _report(
        self,
        order: VenueOrder,
        exec_type: ExecType,
        now: datetime,
        *,
        cl_ord_id: str = "",
        orig_cl_ord_id: str = "",
        exec_id: str = "",
        last_qty: int = 0,
        last_px: str = "",
        ord_rej_reason: int | None = None,
        text: str = "",
        exec_ref_id: str = "",
        exec_restatement_reason: int | None = None,
    ) -> Report:
        return Report(
            venue_id=self.venue_id,
            exec_id=exec_id or self._execution_id(),
            order_id=order.order_id,
            cl_ord_id=cl_ord_id or order.cl_ord_id,
            orig_cl_ord_id=orig_cl_ord_id,
            exec_type=exec_type,
            ord_status=order.status,
            symbol=order.symbol,
            side=order.side,
            order_qty=order.order_qty,
            ord_type=order.ord_type,
            price=order.price,
            time_in_force=order.time_in_force,
            last_qty=last_qty,
            last_px=last_px,
            cum_qty=order.cum_qty,
            leaves_qty=order.leaves_qty,
            avg_px=average_text(order.notional_micros, order.cum_qty),
            transact_time=now,
            ord_rej_reason=ord_rej_reason,
            text=text,
            exec_ref_id=exec_ref_id,
            exec_restatement_reason=exec_restatement_reason,
        )

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._draws.random() < probability

    # ---- restart

    def restore(self, record: Record) -> None:
        """Take one record of the journal back, in the journal's order. `restored` must follow the last."""
        if isinstance(record, OrderAccepted):
            self._restore_order(record)
        elif isinstance(record, Report):
            self._executions_made = max(self._executions_made, int(record.exec_id.rpartition("-")[2]))
            self._restore_report(record)
        elif (order := self._orders.get(record.orig_cl_ord_id)) is not None:
            order.pending = None

    def _restore_order(self, record: OrderAccepted) -> None:
        order = self._make_order(
            NewOrder(
                cl_ord_id=record.cl_ord_id,
                symbol=record.symbol,
                side=record.side,
                order_qty=record.order_qty,
                ord_type=record.ord_type,
                price=record.price,
                time_in_force=record.time_in_force,
                min_qty=record.min_qty,
            )
        )
        self._restore_order_id(order, record.order_id)

    def _restore_order_id(self, order: VenueOrder, order_id: str) -> None:
        order.order_id = order_id
        self._orders_made = int(order_id.rpartition("-O")[2])

    def _restore_report(self, record: Report) -> None:
        if record.exec_type is ExecType.REJECTED:
            self._restore_rejected(record)
            return
        order = self._orders.get(record.orig_cl_ord_id or record.cl_ord_id)
        if order is None:
            return
        if record.exec_type is ExecType.NEW:
            order.acknowledged = True
        elif record.exec_type is ExecType.TRADE:
            order.execute(record.exec_id, Trade(record.last_qty, micros_of(record.last_px) or 0))
            order.working_qty = max(0, order.order_qty - order.cum_qty)
        elif record.exec_type in (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT):
            self._restore_changed_trade(order, record)
        elif record.exec_type is ExecType.RESTATED:
            order.order_qty = record.order_qty
            order.working_qty = order.order_qty - order.cum_qty
            order.asleep = False
        elif record.exec_type is ExecType.DONE_FOR_DAY and record.leaves_qty:
            order.asleep = True
        elif record.exec_type is ExecType.REPLACED:
            self._name(record.cl_ord_id, order)
            order.cl_ord_id = record.cl_ord_id
            order.pending = None
            self._amend(order, record.order_qty, record.price)
        elif record.exec_type in (ExecType.CANCELED, ExecType.DONE_FOR_DAY):
            if record.cl_ord_id not in order.ids:
                self._name(record.cl_ord_id, order)
            order.pending = None
            order.end = record.ord_status
        else:
            self._restore_pending(order, record)
        if not order.is_live:
            self._remember_closed(order)

    @staticmethod
    def _restore_changed_trade(order: VenueOrder, record: Report) -> None:
        if record.exec_ref_id in order.trades:
            corrected = record.exec_type is ExecType.TRADE_CORRECT
            trade = Trade(record.last_qty, micros_of(record.last_px) or 0)
            order.change_trade(record.exec_ref_id, trade if corrected else None)
        if record.ord_status is OrdStatus.CANCELED:
            order.end = OrdStatus.CANCELED

    def _restore_rejected(self, record: Report) -> None:
        order = self._make_order(
            NewOrder(
                cl_ord_id=record.cl_ord_id,
                symbol=record.symbol,
                side=record.side,
                order_qty=record.order_qty,
                ord_type=record.ord_type,
                price=record.price,
                time_in_force=record.time_in_force,
            )
        )
        self._restore_order_id(order, record.order_id)
        order.acknowledged = True
        order.end = OrdStatus.REJECTED
        self._remember_closed(order)

    def _restore_pending(self, order: VenueOrder, record: Report) -> None:
        ids = {"cl_ord_id": record.cl_ord_id, "orig_cl_ord_id": record.orig_cl_ord_id, "symbol": order.symbol}
        if record.exec_type is ExecType.PENDING_CANCEL:
            order.pending = CancelOrder(**ids, side=order.side)
        else:
            order.pending = ReplaceOrder(**ids, side=order.side, order_qty=order.order_qty, price=order.price)

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
            if order.is_live and not order.asleep:
                records += self._rest_or_cancel(order, now)
        self._draws = random.Random(f"{self._seed}/{self.venue_id}/{self._executions_made}")  # noqa: S311
        return records
