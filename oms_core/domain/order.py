"""A parent order, its children, the commands it takes and the events it makes.

Two axes: the lifecycle, and the pending request. `status` is derived from both by FIX 4.4 precedence.
Quantities are whole shares, prices dollars.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final
from uuid import UUID


class Side(enum.Enum):
    """FIX tag 54."""

    BUY = 1
    SELL = -1


class OrderType(enum.Enum):
    """FIX tag 40."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"


class TimeInForce(enum.Enum):
    """FIX tag 59."""

    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Lifecycle(enum.Enum):
    """Where an order is in its life. Everything but NEW and LIVE is terminal in the sense of FIX."""

    NEW = "NEW"
    LIVE = "LIVE"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


CLOSED: Final = frozenset({Lifecycle.FILLED, Lifecycle.CANCELED, Lifecycle.REJECTED, Lifecycle.EXPIRED})


class CancelCause(enum.Enum):
    """Why an order is being taken out of the market."""

    CLIENT = "CLIENT"
    SESSION_END = "SESSION_END"


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A venue order of this parent. It is live from the stored intent to send it on, acknowledged or not.

    last_at: when it was placed or closed, whatever came last.
    """

    venue_id: str
    quantity: int
    cum_qty: int = 0
    live: bool = True
    rejected: bool = False
    last_at: datetime | None = None

    @property
    def leaves_qty(self) -> int:
        """Shares that may still trade at the venue."""
        return self.quantity - self.cum_qty if self.live else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingWish:
    """How the client wants the order routed; empty: as its account does."""

    profile: str = ""
    avoid: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()


NO_WISH: Final = RoutingWish()


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What came of an order's children at one venue."""

    venue_id: str
    children: int
    sent: int
    filled: int
    rejected: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the client asked for; never changes."""

    order_id: UUID
    account_id: str
    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: int
    limit_price: Decimal | None
    routing: RoutingWish = NO_WISH

    @property
    def may_rest(self) -> bool:
        """Whether what does not trade at once may wait in a book."""
        return self.order_type is OrderType.LIMIT and self.time_in_force in (TimeInForce.DAY, TimeInForce.GTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A parent order's state after `sequence` events.

    route_quantity: shares in a route that was asked for and is not placed yet, 0 for none. fruitless_routes:
    placed routes since the last fill. retry_at: when the next route may be asked for.
    """

    terms: Terms
    sequence: int = 1
    lifecycle: Lifecycle = Lifecycle.NEW
    pending_cancel: CancelCause | None = None
    cum_qty: int = 0
    filled_notional: Decimal = Decimal(0)
    children: Mapping[str, Child] = field(default_factory=lambda: MappingProxyType({}))
    exec_ids: frozenset[tuple[str, str]] = frozenset()
    attempt: int = 0
    route_quantity: int = 0
    routed_at: datetime | None = None
    fruitless_routes: int = 0
    retry_at: datetime | None = None
    reserved_price: Decimal = Decimal(0)
    text: str = ""

    @property
    def closed(self) -> bool:
        """Whether the order is FIX-terminal."""
        return self.lifecycle in CLOSED

    @property
    def leaves_qty(self) -> int:
        """FIX LeavesQty: what may still trade; 0 once closed."""
        return 0 if self.closed else self.terms.quantity - self.cum_qty

    @property
    def working_qty(self) -> int:
        """Shares with live children."""
        return sum(child.leaves_qty for child in self.children.values())

    @property
    def unrouted_qty(self) -> int:
        """Shares that are neither filled, nor with a live child, nor in a route that was asked for."""
        return self.leaves_qty - self.working_qty - self.route_quantity

    @property
    def visits(self) -> tuple[Visit, ...]:
        """What came of the children so far, by venue."""
        found: dict[str, Visit] = {}
        for child in self.children.values():
            if child.last_at is None:
                continue
            before = found.get(child.venue_id)
            found[child.venue_id] = Visit(
                venue_id=child.venue_id,
                children=1 + (before.children if before else 0),
                sent=child.quantity + (before.sent if before else 0),
                filled=child.cum_qty + (before.filled if before else 0),
                rejected=child.rejected + (before.rejected if before else 0),
                last_at=max(child.last_at, before.last_at) if before else child.last_at,
            )
        return tuple(found.values())

    @property
    def avg_px(self) -> Decimal | None:
        """FIX AvgPx, from the exact notional, to six digits; None before the first fill."""
        if self.cum_qty == 0:
            return None
        return (self.filled_notional / self.cum_qty).quantize(Decimal("0.000001"))

    @property
    def status(self) -> str:
        """OrdStatus by FIX precedence: PendingCancel > Filled > Canceled, Expired > PartiallyFilled > New."""
        if self.lifecycle in CLOSED or self.lifecycle is Lifecycle.NEW:
            return self.lifecycle.value
        if self.pending_cancel is not None:
            return "PENDING_CANCEL"
        return "PARTIALLY_FILLED" if self.cum_qty else "ACKNOWLEDGED"


# ---- events, each with what `apply` needs


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskCheck:
    """One rule's outcome: the value that was found and the bound it was held to."""

    rule: str
    value: str
    bound: str
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAccepted:
    """Risk passed. reserved_price: dollars a share held of the buying power. risk_us: time of the verdict."""

    reserved_price: Decimal
    checks: tuple[RiskCheck, ...]
    risk_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDenied:
    """Risk failed. denial: `CODE: key=value, key=value`."""

    denial: str
    checks: tuple[RiskCheck, ...]
    risk_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRequested:
    """A route for `quantity` shares was asked for."""

    route_id: UUID
    attempt: int
    quantity: int
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One child of a placed route."""

    cl_ord_id: str
    venue_id: str
    quantity: int
    limit_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePlaced:
    """The adapter stored these children; from here they are live. Without legs, `reason` says why.

    continues: what they leave is meant to be routed again at once.
    """

    attempt: int
    legs: tuple[Leg, ...]
    reason: str
    placed_at: datetime | None = None
    continues: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDeferred:
    """The next route waits until `retry_at`."""

    retry_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeApplied:
    """A venue's trade, FIX ExecType Trade. last_px in dollars."""

    venue_id: str
    exec_id: str
    cl_ord_id: str
    last_qty: int
    last_px: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildClosed:
    """A child left its venue's book without filling: outcome is CANCELED, REJECTED or EXPIRED."""

    cl_ord_id: str
    venue_id: str
    outcome: str
    text: str
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested:
    """The order is to leave the market."""

    request_id: UUID
    cause: CancelCause


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRejected:
    """The cancel did not take effect, FIX 35=9."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCanceled:
    """What was left is canceled."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderExpired:
    """What was left expired with its day."""

    reason: str


Event = (
    OrderAccepted
    | OrderDenied
    | RouteRequested
    | RoutePlaced
    | RouteDeferred
    | TradeApplied
    | ChildClosed
    | CancelRequested
    | CancelRejected
    | OrderCanceled
    | OrderExpired
)
EVENT_TYPES: Final[Mapping[str, type[Event]]] = {
    event.__name__: event
    for event in (
        OrderAccepted,
        OrderDenied,
        RouteRequested,
        RoutePlaced,
        RouteDeferred,
        TradeApplied,
        ChildClosed,
        CancelRequested,
        CancelRejected,
        OrderCanceled,
        OrderExpired,
    )
}


# ---- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptOrder:
    """Take the order: risk passed."""

    accepted: OrderAccepted


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyOrder:
    """Refuse the order: risk failed."""

    denied: OrderDenied


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRoute:
    """The adapter answered a route plan. refused: the plan met the order's cancel."""

    attempt: int
    legs: tuple[Leg, ...]
    reason: str
    refused: bool
    placed_at: datetime | None = None
    continues: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyTrade:
    """A venue reported a trade of a child."""

    venue_id: str
    exec_id: str
    cl_ord_id: str
    last_qty: int
    last_px: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseChild:
    """A venue reported that a child is out: CANCELED, REJECTED or EXPIRED."""

    cl_ord_id: str
    venue_id: str
    outcome: str
    text: str
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCancel:
    """Somebody wants the order out of the market."""

    request_id: UUID
    cause: CancelCause


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectCancel:
    """A venue refused to cancel a child. reason: FIX CxlRejReason and the venue's text."""

    cl_ord_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRoute:
    """The time to ask for another route may have come."""


Command = (
    AcceptOrder | DenyOrder | PlaceRoute | ApplyTrade | CloseChild | RequestCancel | RejectCancel | RetryRoute
)
