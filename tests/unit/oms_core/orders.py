"""Orders and reports for tests of the core's domain: short names for what every test needs."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from oms_core.domain.executions import Effects
from oms_core.domain.machine import Step, evolve, first_route
from oms_core.domain.order import Command, Event, Fact, FollowQuote, Order, RequestCancel
from oms_core.domain.order_times import Standing
from oms_platform import ids
from oms_platform.prices import micros_of
from oms_platform.vocabulary import (
    AuctionTimes,
    CancelCause,
    ChildCancelRejected,
    ChildClosed,
    ChildRestated,
    ChildTerms,
    ExecType,
    OrderAccepted,
    OrderTerms,
    OrderType,
    RoutePlaced,
    Side,
    TimeInForce,
    TradeApplied,
    TradeCorrected,
)

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
PRICE = 100_000_000
ORDER_ID = UUID("01900000-0000-7000-8000-000000000001")


def new_order(
    *,
    quantity: int = 10_000,
    order_type: OrderType = OrderType.LIMIT,
    tif: TimeInForce = TimeInForce.DAY,
    side: Side = Side.BUY,
    order_id: UUID = ORDER_ID,
    account_id: str = "ACC-INST-001",
) -> Order:
    """Return an order as ingest stores it."""
    terms = OrderTerms(
        account_id=account_id,
        channel="TEST",
        client_order_id="X",
        symbol="AAPL",
        side=side,
        order_type=order_type,
        time_in_force=tif,
        quantity=quantity,
        limit_price_micros=PRICE if order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT) else None,
        stop_price_micros=PRICE if order_type in (OrderType.STOP, OrderType.STOP_LIMIT) else None,
        expire_at=NOW + timedelta(days=1) if tif is TimeInForce.GTD else None,
    )
    return Order(order_id=order_id, terms=terms)


class Machine:
    """Runs facts and wishes through evolve, and keeps every event."""

    def __init__(self, order: Order, now: datetime = NOW) -> None:
        self.order = order
        self.now = now
        # What time says of its routes.
        self.may_route, self.waits_for = True, ""
        # Of now, for an order that follows one.
        self.quote: FollowQuote | None = None
        self.events: list[Event] = []
        self.steps: list[Step] = []
        self.effects = Effects()

    def do(self, cause: Fact | Command) -> list[Event]:
        """Let one thing happen. Returns the events that it made."""
        steps = evolve(
            self.order,
            cause,
            self.now,
            standing=lambda: Standing(self.may_route, self.waits_for),
            quote=self.quote,
        )
        events = [event for event, _ in steps]
        for event in events:
            self.effects.note(event)
        self.order = steps[-1][1] if steps else self.order
        self.events += events
        self.steps += steps
        return events

    def accept(self, auction: AuctionTimes | None = None) -> "Machine":
        """Pass risk."""
        route = first_route(self.order, self.now, may_route=self.may_route)
        self.do(OrderAccepted(reserved_price_micros=PRICE, risk_us=1, route=route, auction=auction))
        return self

    def place(
        self,
        legs: Sequence[tuple[str, int]] = (),
        reason: str = "",
        refused: bool = False,
        no_data: bool = False,
        continues: bool = False,
    ) -> "Machine":
        """Answer the route that was asked for with children of (venue, shares)."""
        attempt = self.order.attempt
        children = tuple(
            child_terms(self.order, attempt, number, venue, quantity)
            for number, (venue, quantity) in enumerate(legs, 1)
        )
        self.do(
            RoutePlaced(
                attempt=attempt,
                children=children,
                reason=reason,
                refused=refused,
                no_data=no_data,
                continues=continues,
                placed_at=self.now,
            )
        )
        return self

    def trade(
        self, quantity: int, *, child: str = "1-1", exec_id: str = "", price: str = "100", venue: str = "XNYS"
    ) -> list[Event]:
        """Report a trade of a child."""
        return self.do(
            TradeApplied(
                venue_id=venue,
                exec_id=exec_id or f"E{len(self.events)}",
                cl_ord_id=child,
                last_qty=quantity,
                last_px_micros=micros_of(Decimal(price)),
                transact_time=self.now,
                received_at=self.now,
            )
        )

    def correct(
        self, exec_ref_id: str, quantity: int = 0, *, price: str = "100", leaves: int = 0, venue: str = "XNYS"
    ) -> list[Event]:
        """Report the correction of a trade, by default its bust. leaves: what is open of the child then."""
        trade = (venue, "", "", exec_ref_id)
        was_qty, was_px_micros = self.effects.standing(trade)
        reported = self.effects.reported(trade)
        assert reported is not None
        return self.do(
            TradeCorrected(
                venue_id=venue,
                exec_id=f"C{len(self.events)}",
                exec_ref_id=exec_ref_id,
                cl_ord_id=reported.cl_ord_id,
                was_qty=was_qty,
                was_px_micros=was_px_micros,
                last_qty=quantity,
                last_px_micros=micros_of(Decimal(price)) if quantity else 0,
                leaves_qty=leaves,
                transact_time=self.now,
                received_at=self.now,
            )
        )

    def restate(self, quantity: int, *, child: str = "1-1") -> list[Event]:
        """Report that a venue has changed a child's quantity."""
        return self.do(ChildRestated(cl_ord_id=child, venue_id="XNYS", quantity=quantity))

    def close(
        self,
        outcome: ExecType = ExecType.CANCELED,
        *,
        child: str = "1-1",
        text: str = "",
        unresolved: int = 0,
    ) -> list[Event]:
        """Report that a child is out."""
        closed = ChildClosed(
            cl_ord_id=child,
            venue_id="XNYS",
            outcome=outcome,
            text=text,
            closed_at=self.now,
            unresolved_qty=unresolved,
        )
        return self.do(closed)

    def cancel(self, cause: CancelCause = CancelCause.CLIENT, request_id: UUID | None = None) -> list[Event]:
        """Ask for the order's cancel."""
        return self.do(RequestCancel(request_id=request_id or ids.uuid7(), cause=cause))

    def reject_cancel(self, *, child: str = "1-1", replaces: bool = False) -> list[Event]:
        """Report that a venue keeps a child, or, `replaces`, does not change it."""
        return self.do(
            ChildCancelRejected(cl_ord_id=child, venue_id="XNYS", reason="0 too late", replace=replaces)
        )

    @property
    def quantities(self) -> tuple[str, int, int, int]:
        """OrdStatus, OrderQty, CumQty, LeavesQty: a row of the FIX matrices."""
        order = self.order
        return order.status.name, order.terms.quantity, order.cum_qty, order.leaves_qty


def child_terms(order: Order, attempt: int, leg: int, venue: str, quantity: int) -> ChildTerms:
    """Return what is asked of a venue; the ClOrdID is short, as tests name children by it."""
    terms = order.terms
    return ChildTerms(
        order_id=order.order_id,
        cl_ord_id=f"{attempt}-{leg}",
        attempt=attempt,
        leg=leg,
        account_id=terms.account_id,
        venue_id=venue,
        symbol=terms.symbol,
        side=terms.side,
        order_type=OrderType.LIMIT,
        time_in_force=terms.time_in_force,
        quantity=quantity,
        limit_price_micros=PRICE if order.pegged is None else order.pegged.price_micros,
    )


def working(quantity: int = 10_000, **terms: object) -> Machine:
    """Return an accepted order with one child of all its shares at a venue."""
    machine = Machine(new_order(quantity=quantity, **terms)).accept()  # type: ignore[arg-type]
    return machine.place([("XNYS", quantity)])


def names(events: Sequence[Event]) -> list[str]:
    """Return the events' names."""
    return [type(event).__name__ for event in events]
