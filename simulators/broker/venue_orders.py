"""The orders of one venue by their ClOrdIDs: how they are made, reported, forgotten, and taken back.

ExecIDs and OrderIDs count up for the venue's life; `restore` takes them and every order back from the
journal.
"""

from collections import deque
from datetime import datetime
from typing import Final

from simulators.broker.book_order import NO_LIMIT_MICROS, Auction
from simulators.broker.fees import ADDED
from simulators.broker.prices import average_text, micros_of, price_text
from simulators.broker.protocol import (
    CancelOrder,
    ExecType,
    NewOrder,
    OrderAccepted,
    OrdStatus,
    OrdType,
    Record,
    ReplaceOrder,
    Report,
    TimeInForce,
)
from simulators.broker.venue_order import Trade, VenueOrder

CLOSED_ORDERS_MAX: Final = 25_000
# How the ExecIDs of answers begin that are no executions.
STATUS: Final = "STATUS"
_AUCTIONS: Final = {TimeInForce.OPG: Auction.OPENING, TimeInForce.CLO: Auction.CLOSING}


class VenueOrders:
    """Every live order, and the newest of those that are closed."""

    def __init__(self, venue_id: str, closed_orders_max: int = CLOSED_ORDERS_MAX) -> None:
        self.venue_id = venue_id
        self._orders: dict[str, VenueOrder] = {}
        self._closed: deque[VenueOrder] = deque()
        self._closed_orders_max = closed_orders_max
        self._orders_made = self._executions_made = self._answers_made = self._arrivals = 0

    def order(self, cl_ord_id: str) -> VenueOrder | None:
        """Return the order that a ClOrdID, its first or that of a request that was granted, stands for."""
        return self._orders.get(cl_ord_id)

    def _make_order(self, command: NewOrder) -> VenueOrder:
        self._orders_made += 1
        self._arrivals += 1
        is_buy = command.side is not None and command.side.is_buy
        no_limit = NO_LIMIT_MICROS if is_buy else 0
        has_limit = command.ord_type is OrdType.LIMIT or (
            command.ord_type is OrdType.PEGGED and command.price
        )
        limit = (micros_of(command.price) or 0) if has_limit else no_limit
        quantity = command.order_qty or 0
        order = VenueOrder(
            is_buy=is_buy,
            price_micros=limit,
            working_qty=quantity,
            min_qty=max(0, command.min_qty or 0),
            display_qty=command.max_floor,
            is_pegged=command.is_pegged,
            is_sweep=command.is_sweep,
            owner=self._owner_of(command),
            account=command.account,
            auction=None if command.time_in_force is None else _AUCTIONS.get(command.time_in_force),
            arrival=self._arrivals,
            order_id=f"{self.venue_id}-O{self._orders_made}",
            cl_ord_id=command.cl_ord_id,
            symbol=command.symbol,
            order_qty=quantity,
            ord_type=command.ord_type,
            time_in_force=command.time_in_force,
            price=price_text(limit) if has_limit and limit else "",
            side=command.side,
        )
        self._name(command.cl_ord_id, order)
        return order

    def _owner_of(self, _command: NewOrder) -> str:
        """Return whose order it is, as far as self-match goes: all that is ours is one firm's."""
        return ""

    def _name(self, cl_ord_id: str, order: VenueOrder) -> None:
        """Let a ClOrdID stand for an order, beside those that do already."""
        order.ids = (*order.ids, cl_ord_id)
        self._orders[cl_ord_id] = order

    def _amend(self, order: VenueOrder, quantity: int, price: str) -> None:
        """Set new terms. A smaller order keeps its place in time; more, or another price, goes to the end."""
        limit = (micros_of(price) or 0) if price else order.price_micros
        if not self.keeps_place(order, quantity, price):
            self._arrivals += 1
            order.arrival = self._arrivals
        order.order_qty = max(quantity, order.cum_qty)
        order.working_qty = order.order_qty - order.cum_qty
        if price and order.ord_type is not OrdType.MARKET:
            order.price_micros, order.price = limit, price_text(limit)

    @staticmethod
    def keeps_place(order: VenueOrder, quantity: int, price: str) -> bool:
        """Say whether an order with new terms keeps its place: the same price, and no more shares."""
        return (not price or micros_of(price) == order.price_micros) and quantity <= order.order_qty

    def _remember_closed(self, order: VenueOrder) -> None:
        """Count an order among the closed ones, and forget the oldest of them when there are too many."""
        self._closed.append(order)
        if len(self._closed) > self._closed_orders_max:
            oldest = self._closed.popleft()
            if not oldest.is_live:
                for cl_ord_id in oldest.ids:
                    self._orders.pop(cl_ord_id, None)

    # ---- reports

    def _answer_id(self, now: datetime) -> str:
        """Make the ExecID of an answer: not an execution's, and new also after a restart."""
        self._answers_made += 1
        return f"{STATUS}-{int(now.timestamp() * 1_000_000)}-{self._answers_made}"

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
            max_floor=order.display_qty,
            is_pegged=order.is_pegged,
            account=order.account,
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
        last_liquidity: int | None = None,
        fee: str = "",
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
            last_liquidity=last_liquidity,
            fee=fee,
            max_floor=order.display_qty,
            is_pegged=order.is_pegged,
            account=order.account,
        )

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
                max_floor=record.max_floor,
                is_pegged=record.is_pegged,
                account=record.account,
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
            order.execute(record.exec_id, _trade_of(record))
            order.working_qty = max(0, order.order_qty - order.cum_qty)
        elif record.exec_type in (ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT):
            self._restore_changed_trade(order, record)
        elif record.exec_type is ExecType.RESTATED:
            order.order_qty = record.order_qty
            order.working_qty = order.order_qty - order.cum_qty
            order.asleep = None
        elif record.exec_type is ExecType.SUSPENDED or (
            record.exec_type is ExecType.DONE_FOR_DAY and record.leaves_qty
        ):
            order.asleep = record.ord_status
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
            trade = _trade_of(record)
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


def _trade_of(record: Report) -> Trade:
    return Trade(record.last_qty, micros_of(record.last_px) or 0, record.last_liquidity or ADDED)
