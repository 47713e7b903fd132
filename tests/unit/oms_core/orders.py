"""Orders and reports for tests of the core's domain: short names for what every test needs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from oms_core.domain.machine import apply, decide
from oms_core.domain.order import (
    AcceptOrder,
    ApplyTrade,
    CancelCause,
    CloseChild,
    Command,
    Event,
    Leg,
    Order,
    OrderAccepted,
    OrderType,
    PlaceRoute,
    RejectCancel,
    RequestCancel,
    Side,
    Terms,
    TimeInForce,
)
from oms_platform import ids

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
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
    terms = Terms(
        order_id=order_id,
        account_id=account_id,
        client_order_id="X",
        symbol="AAPL",
        side=side,
        order_type=order_type,
        time_in_force=tif,
        quantity=quantity,
        limit_price=Decimal(100) if order_type is OrderType.LIMIT else None,
    )
    return Order(terms=terms)


class Machine:
    """Runs commands through decide and apply, and keeps every event."""

    def __init__(self, order: Order, now: datetime = NOW) -> None:
        self.order = order
        self.now = now
        self.events: list[Event] = []

    def do(self, command: Command) -> tuple[Event, ...]:
        """Run one command. Returns the events that it made."""
        events = decide(self.order, command, self.now, ids.route_id)
        for event in events:
            self.order = apply(self.order, event)
        self.events += events
        return events

    def accept(self) -> "Machine":
        """Pass risk."""
        self.do(AcceptOrder(accepted=OrderAccepted(reserved_price=Decimal(100), checks=(), risk_us=1)))
        return self

    def place(
        self, legs: Sequence[tuple[str, int]] = (), reason: str = "", refused: bool = False
    ) -> "Machine":
        """Answer the route that was asked for with legs of (venue, shares)."""
        attempt = self.order.attempt
        placed = tuple(
            Leg(cl_ord_id=f"{attempt}-{number}", venue_id=venue, quantity=quantity, limit_price=Decimal(100))
            for number, (venue, quantity) in enumerate(legs, 1)
        )
        self.do(PlaceRoute(attempt=attempt, legs=placed, reason=reason, refused=refused))
        return self

    def trade(
        self, quantity: int, *, child: str = "1-1", exec_id: str = "", price: str = "100", venue: str = "XNYS"
    ) -> tuple[Event, ...]:
        """Report a trade of a child."""
        return self.do(
            ApplyTrade(
                venue_id=venue,
                exec_id=exec_id or f"E{len(self.events)}",
                cl_ord_id=child,
                last_qty=quantity,
                last_px=Decimal(price),
            )
        )

    def close(self, outcome: str = "CANCELED", *, child: str = "1-1") -> tuple[Event, ...]:
        """Report that a child is out."""
        return self.do(CloseChild(cl_ord_id=child, venue_id="XNYS", outcome=outcome, text=""))

    def cancel(self, cause: CancelCause = CancelCause.CLIENT) -> tuple[Event, ...]:
        """Ask for the order's cancel."""
        return self.do(RequestCancel(request_id=ids.uuid7(), cause=cause))

    def reject_cancel(self, *, child: str = "1-1") -> tuple[Event, ...]:
        """Report that a venue keeps a child."""
        return self.do(RejectCancel(cl_ord_id=child, reason="0 too late"))

    @property
    def quantities(self) -> tuple[str, int, int, int]:
        """OrdStatus, OrderQty, CumQty, LeavesQty: a row of the FIX matrices."""
        order = self.order
        return order.status, order.terms.quantity, order.cum_qty, order.leaves_qty


def working(quantity: int = 10_000, **terms: object) -> Machine:
    """Return an accepted order with one child of all its shares at a venue."""
    machine = Machine(new_order(quantity=quantity, **terms)).accept()  # type: ignore[arg-type]
    return machine.place([("XNYS", quantity)])


def names(events: Sequence[Event]) -> list[str]:
    """Return the events' names."""
    return [type(event).__name__ for event in events]
