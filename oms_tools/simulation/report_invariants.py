"""What venues did to an order, as core's events tell of it: trades, corrections, and what became of children.

A venue may execute more than it was sent, take a trade back, reopen a child: that counts as it came, what
exceeds a child or its order is one exception in the same batch.
"""

from uuid import UUID

from oms_core.ports import UnitOfWork
from oms_platform.exceptions import ExceptionKind
from oms_platform.messages import OrderEvent
from oms_platform.vocabulary import ExecType
from oms_tools.simulation.followed_accounts import FollowedAccounts
from oms_tools.simulation.followed_orders import FollowedChild, FollowedOrder
from oms_tools.simulation.rules import PATH, TOLD, BrokenError, require
from simulators.broker.protocol import CxlRejReason

# What names an execution: its order, venue, trade date, the venue's order id and the ExecID.
Execution = tuple[UUID, str, str, str, str]


class ReportAuditor:
    """Follows what venues report of orders."""

    def __init__(self, accounts: FollowedAccounts) -> None:
        self.accounts = accounts
        # What has had its effect: executions, and of trades what they stand at (child, shares, price).
        self.executions: set[Execution] = set()
        self.standing: dict[Execution, tuple[str, int, int]] = {}
        # Of the batch that is followed: orders and ExecIDs of what was executed beyond an order or a child.
        self._beyond: set[tuple[UUID | None, str]] = set()

    def check_beyond(self, unit: UnitOfWork) -> None:
        """Hold what a batch told a person to what was executed beyond an order. Raises BrokenError."""
        told = [(one.order_id, one.exec_id) for one in unit.exceptions if one.kind is ExceptionKind.OVERFILL]
        if sorted(map(str, told)) != sorted(map(str, self._beyond)):
            raise BrokenError(TOLD, f"beyond are {self._beyond}, a person is told of {told}")
        self._beyond.clear()

    def apply_report(self, order: FollowedOrder, event: OrderEvent) -> None:
        """Follow a report of a venue. Raises BrokenError, also for what is none."""
        match event.type:
            case "TradeApplied":
                self._traded(order, event)
            case "TradeCorrected":
                self._trade_corrected(order, event)
            case "ChildRestated":
                self._child_restated(order, event)
            case "ChildClosed":
                self._child_closed(order, event)
            case "ChildCancelRejected":
                self._child_kept(order, event)
            case _:
                raise BrokenError(PATH, f"unknown event {event.type}")

    def _traded(self, order: FollowedOrder, event: OrderEvent) -> None:
        trade = event.trade_applied
        child = order.children.get(trade.cl_ord_id) if trade is not None else None
        if trade is None or child is None:
            raise BrokenError(PATH, f"{event.type} {event.sequence} of {event.order_id}: of an unknown child")
        key = (event.order_id, trade.venue_id, trade.trade_date, trade.venue_order_id, trade.exec_id)
        self._once(key, event)
        self.standing[key] = (trade.cl_ord_id, trade.last_qty, trade.last_px_micros)
        order.waits = False
        child.unresolved = max(0, child.unresolved - trade.last_qty)
        self._executed(order, child, event, trade.last_qty, trade.last_px_micros)
        child.settle()
        self._end_or_return(order, event)
        self._note_beyond(order, child, event, trade.exec_id)

    def _once(self, key: Execution, event: OrderEvent) -> None:
        require(key not in self.executions, "an execution is applied once", event, str(key))
        self.executions.add(key)

    def _executed(
        self, order: FollowedOrder, child: FollowedChild, event: OrderEvent, shares: int, price: int
    ) -> None:
        """Count shares of an order, and its end or its return. shares below 0: they are taken back."""
        child.executed += shares
        order.executed += shares
        order.notional += shares * price
        if order.terms.closes_for is not None:
            self.accounts.check_closing(order, event, shares)
        self.accounts.hold(order.terms, event.account_id, shares, price, event.order_id)

    def _end_or_return(self, order: FollowedOrder, event: OrderEvent) -> None:
        filled = order.executed >= order.terms.quantity
        if filled and not order.closed:
            self.end(order, event, "FILLED")
        elif order.closed == "FILLED" and not filled:
            order.closed = ""
            self.accounts.open[event.account_id][event.order_id] = order

    def _note_beyond(
        self, order: FollowedOrder, child: FollowedChild, event: OrderEvent, exec_id: str
    ) -> None:
        if child.executed > child.quantity or order.executed > order.terms.quantity:
            self._beyond.add((event.order_id, exec_id))

    def _trade_corrected(self, order: FollowedOrder, event: OrderEvent) -> None:
        change = event.trade_corrected
        child = order.children.get(change.cl_ord_id) if change is not None else None
        if change is None or child is None:
            raise BrokenError(PATH, f"{event.type} {event.sequence} of {event.order_id}: of an unknown child")
        venue_id = change.venue_id
        self._once(
            (event.order_id, venue_id, change.trade_date, change.venue_order_id, change.exec_id), event
        )
        about = (
            event.order_id, venue_id, change.ref_trade_date, change.ref_venue_order_id, change.exec_ref_id,
        )  # fmt: skip
        was = (change.cl_ord_id, change.was_qty, change.was_px_micros)
        require(
            self.standing.get(about) == was,
            "a correction is of what its trade stands at",
            event,
            f"says {was}, stands at {self.standing.get(about)}",
        )
        self.standing[about] = (change.cl_ord_id, change.last_qty, change.last_px_micros)
        self._executed(order, child, event, -change.was_qty, change.was_px_micros)
        self._executed(order, child, event, change.last_qty, change.last_px_micros)
        child.kept = child.kept and child.live
        child.live, child.said_filled = change.leaves_qty > 0, False
        child.settle()
        self._end_or_return(order, event)
        if change.last_qty > change.was_qty:
            self._note_beyond(order, child, event, change.exec_id)

    def _child_restated(self, order: FollowedOrder, event: OrderEvent) -> None:
        restated = event.child_restated
        child = order.children.get(restated.cl_ord_id) if restated is not None else None
        if restated is None or child is None:
            raise BrokenError(PATH, f"{event.type} {event.sequence} of {event.order_id}: of an unknown child")
        done = child.executed + child.unresolved
        reopens = child.filled and restated.quantity > done
        require(
            reopens or (child.live and restated.quantity >= done),
            PATH,
            event,
            f"{restated.quantity} shares, {child.executed} are done, live {child.live}",
        )
        if reopens:
            child.live, child.kept, order.reopened_at = True, False, event.sequence
        child.quantity, child.said_filled = restated.quantity, False
        if child.price and restated.limit_price_micros is not None:
            child.price = restated.limit_price_micros
        child.settle()

    def _child_closed(self, order: FollowedOrder, event: OrderEvent) -> None:
        closed = event.child_closed
        child = order.children.get(closed.cl_ord_id) if closed is not None else None
        if closed is None or child is None:
            raise BrokenError(PATH, f"{event.type} {event.sequence} of {event.order_id}: of an unknown child")
        # A report that ends a child has its effect once, also on one that was over: a bust may open it again.
        said = (closed.cl_ord_id, closed.outcome, closed.exec_id, closed.venue_order_id, closed.trade_date)
        is_named = closed.exec_id not in ("", "0")
        news = child.live or closed.unresolved_qty > child.unresolved or is_named
        require(news, PATH, event, "of a child that is not live")
        require(not is_named or said not in order.ends, PATH, event, "the same end a second time")
        order.ends.add(said)
        if child.live:
            child.said_filled = closed.outcome is ExecType.TRADE
        child.live, child.unresolved = False, max(child.unresolved, closed.unresolved_qty)

    def _child_kept(self, order: FollowedOrder, event: OrderEvent) -> None:
        kept = event.child_cancel_rejected
        child = order.children.get(kept.cl_ord_id) if kept is not None else None
        off_peg = child is not None and child.price not in (0, order.priced)
        asked = order.pending is not None or order.replacing is not None or order.suspended or off_peg
        require(asked and child is not None, PATH, event, "nobody asked for its cancel")
        if kept is None or child is None:
            return
        require(
            not kept.reason.startswith(f"{kept.venue_id}: {CxlRejReason.ALREADY_PENDING.value} "),
            "a cancel ends when every venue has answered",
            event,
            f"{kept.venue_id} only says that it is at it already",
        )
        # One that leaves a pegged child where it is may still give it back.
        child.kept = child.kept or not (kept.replace and off_peg)

    def end(self, order: FollowedOrder, event: OrderEvent, how: str) -> None:
        """Note that an order is over, by its OrdStatus."""
        require(not order.closed, PATH, event, f"it was {order.closed}")
        order.closed = how
