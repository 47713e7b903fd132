"""A parent order and its children, and what may be asked of an order.

Two axes: the lifecycle, and the pending request (`transitions`). `status` is derived from both by FIX 4.4
precedence. Quantities are whole shares, prices micros.
"""

import re
from datetime import datetime
from typing import Final, get_args
from uuid import UUID

import msgspec
from msgspec.structs import replace

from oms_core.domain.touch import TouchPrices
from oms_core.domain.transitions import CLOSED, Lifecycle, Pending
from oms_platform.market_rules import Ticks
from oms_platform.order_types import AUCTIONS, BOOKED, STOPS, at_venues, worked_terms
from oms_platform.pegs import peg_price
from oms_platform.prices import average_micros
from oms_platform.trading_calendar import Session
from oms_platform.vocabulary import (
    AlgoHeld,
    AlgoPlanned,
    AuctionTimes,
    BookingRejected,
    CancelCause,
    CancelRejected,
    CancelRequested,
    ChildCancelRejected,
    ChildClosed,
    ChildRestated,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderReplaced,
    OrderResumed,
    OrderStatus,
    OrderSuspended,
    OrderTerms,
    OrderType,
    OverrideUsed,
    PegPriced,
    ReplaceRejected,
    ReplaceRequested,
    ResumeRejected,
    RiskCheck,
    RouteDeferred,
    RouteHeld,
    RoutePlaced,
    RouteRequested,
    SharesReleased,
    StopTriggered,
    SuspendRejected,
    TradeApplied,
    TradeCorrected,
    VenueVisit,
)

# What a pegged order waits for that no quote gives a price.
WAITS_FOR_QUOTE: Final = "waits for a quote to follow"
# What venues and risk say has happened, and what follows from it.
Event = (
    OrderAccepted
    | OrderDenied
    | RouteRequested
    | RoutePlaced
    | RouteDeferred
    | RouteHeld
    | TradeApplied
    | TradeCorrected
    | ChildRestated
    | ChildClosed
    | CancelRequested
    | ChildCancelRejected
    | CancelRejected
    | ReplaceRequested
    | OrderReplaced
    | ReplaceRejected
    | OrderSuspended
    | SuspendRejected
    | OrderResumed
    | ResumeRejected
    | StopTriggered
    | PegPriced
    | AlgoPlanned
    | SharesReleased
    | AlgoHeld
    | BookingRejected
    | OrderCanceled
    | OrderExpired
)

# OrderEvent has one field for each type of event, called like it.
FIELD_OF: Final = {
    kind.__name__: re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower() for kind in get_args(Event)
}


class RequestCancel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody wants the order out of the market. reason: in words, where its cause does not say it."""

    request_id: UUID
    cause: CancelCause
    reason: str = ""


class RequestReplace(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody wants the order to be what `terms` say.

    problem: why it may not become that, whatever state it is in, with risk's checks of it; None if it may.
    overridable: risk says so, and a second person may let it pass. override: by which it passes.
    """

    request_id: UUID
    terms: OrderTerms
    problem: str | None
    checks: tuple[RiskCheck, ...] = ()
    reserved_price_micros: int = 0
    overridable: bool = False
    override: OverrideUsed | None = None


class RequestSuspend(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody wants the order out of the market for a while."""

    request_id: UUID


class RequestResume(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Somebody wants a suspended order worked again."""

    request_id: UUID


class TriggerStop(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The market has reached the order's stop price. price_micros: of the quote's side that did, or of_trade
    of the last trade.
    """

    price_micros: int
    touch: TouchPrices
    of_trade: bool = False


class FollowQuote(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The price of a pegged order may be another by a quote. ticks: the grid of its symbol's prices."""

    touch: TouchPrices
    ticks: Ticks

    def price_of(self, terms: OrderTerms) -> int | None:
        """Return the micros that the quote gives an order of these terms, None where it gives none."""
        return peg_price(terms, self.touch.bid_micros, self.touch.offer_micros, self.ticks)


class WorkAlgo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The time to release shares of an algo order may have come.

    volume: of the symbol, all that its market has traded of it; None while nobody knows. session: of the
    symbol's market, the one that the time is in; None between two, and where a market never closes. denied:
    why risk lets nothing more be released now, empty while it does.
    """

    volume: int | None = None
    session: Session | None = None
    denied: str = ""


class RetryRoute(msgspec.Struct, frozen=True, gc=False):
    """The time to ask for another route may have come."""


Wish = RequestCancel | RequestReplace | RequestSuspend | RequestResume
Command = Wish | TriggerStop | FollowQuote | WorkAlgo | RetryRoute
# What `evolve` takes: a fact as it came, or a wish.
Fact = (
    OrderAccepted
    | OrderDenied
    | RoutePlaced
    | TradeApplied
    | TradeCorrected
    | ChildRestated
    | ChildClosed
    | ChildCancelRejected
    | BookingRejected
)


class Child(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A venue order of this parent. It is live from the stored intent to send it on, acknowledged or not.

    restated_at: TransactTime of the newest change of `quantity` by its venue. executed_qty: net of what its
    venue took back; it may exceed `quantity`. unresolved_qty: shares that its venue says are executed and of
    which no report came. cancel_rejected: its venue was asked to cancel it by the last request that takes
    children back, and keeps it. replace_rejected: it would not be changed where it is. A live child has
    shares that may still trade. shown_qty: shares that it shows at once where it rests, of an order that
    shows a part of itself. limit_price_micros: at its venue, of what rests of a pegged order; 0 of any other.
    said_filled: its venue ended it as filled, however many shares it was sent.
    """

    venue_id: str
    quantity: int
    executed_qty: int = 0
    unresolved_qty: int = 0
    live: bool = True
    cancel_rejected: bool = False
    replace_rejected: bool = False
    restated_at: datetime | None = None
    shown_qty: int = 0
    limit_price_micros: int = 0
    said_filled: bool = False

    @property
    def done_qty(self) -> int:
        """Shares that its venue has executed, or says it has."""
        return self.executed_qty + self.unresolved_qty

    @property
    def is_filled(self) -> bool:
        """Whether it is over because all of it is done, not because its venue has ended the rest."""
        return not self.live and (self.said_filled or self.done_qty >= self.quantity)

    @property
    def leaves_qty(self) -> int:
        """Shares that may still trade at the venue."""
        return self.quantity - self.done_qty if self.live else 0


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A parent order's state after `sequence` events; the request that made it counts as the first.

    released_qty: shares that may be worked, those done included; all of them, but for an order that waits for
    its stop price or is worked over time, until a cancel takes back what no venue has. overridden: the rules
    that a second person let it pass. triggered: when the stop price was reached. pegged: the price of a
    pegged order, None until a route needs it. plan, release, held: an algo's plan, None until there is one of
    its terms, what it last released, and why it does not release what is due. executed_qty: all net shares
    that venues executed, also beyond the order's quantity. notional_micros: of all of them. working_qty,
    unresolved_qty: the sums over children. route_quantity: shares in a route that was asked for and is not
    placed yet. cancel: the last cancel that was taken, whatever became of it: from then on nothing is routed.
    replacing: the pending replace. suspended: since when the order is suspended; None while it is not.
    fruitless_routes, dry_routes: routes since the last fill that were placed without one, and those that
    found no quote to decide on. retry_at: when the next route may be asked for. waits_for: what time it waits
    for, as it was told last; empty while it waits for none. day_from: since when it is a DAY order, of one
    that a replace has made one. auction: that an OPG or CLO order is for.
    """

    order_id: UUID
    terms: OrderTerms
    sequence: int = 1
    lifecycle: Lifecycle = Lifecycle.NEW
    pending: Pending = Pending.NONE
    released_qty: int = 0
    overridden: tuple[str, ...] = ()
    executed_qty: int = 0
    notional_micros: int = 0
    working_qty: int = 0
    unresolved_qty: int = 0
    children: dict[str, Child] = {}
    visits: dict[str, VenueVisit] = {}
    attempt: int = 0
    route_quantity: int = 0
    routed_at: datetime | None = None
    cancel: CancelRequested | None = None
    triggered: StopTriggered | None = None
    pegged: PegPriced | None = None
    plan: AlgoPlanned | None = None
    release: SharesReleased | None = None
    held: str = ""
    replacing: ReplaceRequested | None = None
    suspended: OrderSuspended | None = None
    fruitless_routes: int = 0
    dry_routes: int = 0
    retry_at: datetime | None = None
    reserved_price_micros: int = 0
    text: str = ""
    waits_for: str = ""
    day_from: datetime | None = None
    auction: AuctionTimes | None = None

    @property
    def closed(self) -> bool:
        """Whether the order is FIX-terminal."""
        return self.lifecycle in CLOSED

    @property
    def cum_qty(self) -> int:
        """FIX CumQty: what was executed, up to the order's quantity."""
        executed, quantity = self.executed_qty, self.terms.quantity
        return executed if executed < quantity else quantity

    @property
    def excess_qty(self) -> int:
        """Shares that venues executed beyond the order's quantity; they are in the position."""
        return max(0, self.executed_qty - self.terms.quantity)

    @property
    def leaves_qty(self) -> int:
        """FIX LeavesQty: what may still trade; 0 once closed."""
        left = self.terms.quantity - self.executed_qty
        return 0 if left < 0 or self.lifecycle in CLOSED else left

    @property
    def committed_qty(self) -> int:
        """Shares that are executed, or that a venue has or may have, or that a route under way may send."""
        return self.executed_qty + self.unresolved_qty + self.working_qty + self.route_quantity

    @property
    def unrouted_qty(self) -> int:
        """Released shares that are neither done, nor with a live child, nor in a route under way."""
        if self.lifecycle in CLOSED or self.replacing is not None or self.suspended is not None:
            return 0
        return max(0, self.released_qty - self.committed_qty)

    @property
    def idle(self) -> bool:
        """Whether no venue can trade any of it now or soon."""
        return not self.working_qty and not self.route_quantity

    @property
    def is_recalled(self) -> bool:
        """Whether venues have more of it than they may, so that its children are taken back.

        It is over, more could trade than was ordered, or a venue has reopened a child after the order was
        canceled. A request that takes them back does so anyway.
        """
        if self.idle or self.taken_back_by is not None:
            return False
        if self.lifecycle in CLOSED or self.committed_qty > self.terms.quantity:
            return True
        if any(child.replace_rejected and not child.cancel_rejected for _, child in self.off_peg):
            return True
        return self.cancel is not None and any(
            child.live and not child.cancel_rejected for child in self.children.values()
        )

    @property
    def taken_back_by(self) -> CancelRequested | ReplaceRequested | OrderSuspended | None:
        """The request that takes every child back, until each venue has answered; None when there is none."""
        request = self.cancel if self.pending is Pending.CANCEL else self.replacing or self.suspended
        return None if request is None or self.closed or self.is_kept else request

    @property
    def made_smaller(self) -> tuple[str, int] | None:
        """The ClOrdID of the child that a pending replace makes smaller, and what its quantity is to be.

        It keeps its place in its venue's book so. What fills meanwhile changes neither. None: nothing is
        pending that one child alone can bring.
        """
        wanted = self.replacing
        if wanted is None or self.cancel is not None or self.route_quantity:
            return None
        if not (self.may_rest or self.is_for_auction):
            return None
        if self.off_peg:
            # It is on its way to another price.
            return None
        if at_venues(replace(wanted.terms, quantity=self.terms.quantity)) != at_venues(self.terms):
            return None
        cut = self.committed_qty - wanted.terms.quantity
        able = [
            (child.quantity, name)
            for name, child in self.children.items()
            if child.leaves_qty > cut > 0 and not (child.replace_rejected or child.cancel_rejected)
        ]
        if not able:
            return None
        name = max(able)[1]
        return name, self.children[name].quantity - cut

    @property
    def off_peg(self) -> tuple[tuple[str, Child], ...]:
        """What venues have of a pegged order at another price than its own, by ClOrdID."""
        if self.pegged is None or self.lifecycle is not Lifecycle.LIVE:
            return ()
        price = self.pegged.price_micros
        return tuple(
            (name, child)
            for name, child in self.children.items()
            if child.live and child.limit_price_micros not in (0, price)
        )

    @property
    def moved_to_peg(self) -> tuple[str, ...]:
        """The ClOrdIDs of the children that are to get the order's price where they are; none while a request
        takes them back, or they are taken back because a venue leaves one where it is.
        """
        if not (found := self.off_peg) or self.taken_back_by is not None or self.is_recalled:
            return ()
        return tuple(name for name, child in found if not child.replace_rejected)

    @property
    def follows(self) -> bool:
        """Whether a quote may move what venues have of a pegged order: not while they are at it."""
        return (
            self.pegged is not None
            and not self.off_peg
            and self.lifecycle is Lifecycle.LIVE
            and self.working_qty > 0
            and self.cancel is None
            and self.replacing is None
            and self.suspended is None
        )

    @property
    def waits_for_quote(self) -> bool:
        """Whether a pegged order has shares to be routed, and no price to route them at."""
        return self.waits_for == WAITS_FOR_QUOTE and self.unrouted_qty > 0

    @property
    def is_kept(self) -> bool:
        """Whether nothing of it comes back any more: every venue that has some of it refused to let it go."""
        return not self.route_quantity and all(
            child.cancel_rejected for child in self.children.values() if child.live
        )

    @property
    def is_stop(self) -> bool:
        """Whether the order waits for its stop price before it is worked."""
        return self.terms.order_type in STOPS

    @property
    def waits_at_first(self) -> bool:
        """Whether nothing of the order is worked when it is accepted."""
        return self.is_stop or self.terms.algo is not None or self.terms.peg is not None

    @property
    def waits_for_stop(self) -> bool:
        """Whether a quote may trigger the order now."""
        return (
            self.lifecycle is Lifecycle.LIVE
            and self.is_stop
            and self.triggered is None
            and self.suspended is None
            and self.cancel is None
        )

    @property
    def releasable_qty(self) -> int:
        """Shares that may be worked, those done included, if nothing holds the order.

        Of an algo that has no plan yet, what is done and what venues have: the plan releases the rest.
        """
        if self.terms.algo is not None:
            return min(self.committed_qty, self.terms.quantity)
        return 0 if self.is_stop and self.triggered is None else self.terms.quantity

    @property
    def worked_terms(self) -> OrderTerms:
        """The terms that the order is worked by: a stop that was triggered is a market or a limit order."""
        return worked_terms(self.terms, None if self.pegged is None else self.pegged.price_micros)

    @property
    def display_left(self) -> int:
        """Shares that may be shown beside what live children show: 0 for all, -1 for none."""
        if not self.terms.display_quantity:
            return 0
        shown = sum(min(child.shown_qty, child.leaves_qty) for child in self.children.values())
        left = self.terms.display_quantity - shown
        return left if left > 0 else -1

    @property
    def may_rest(self) -> bool:
        """Whether what does not trade at once may wait in a book."""
        terms = self.worked_terms
        return terms.order_type is OrderType.LIMIT and terms.time_in_force in BOOKED

    @property
    def is_for_auction(self) -> bool:
        """Whether the order trades in an auction, and nowhere else."""
        return self.terms.time_in_force in AUCTIONS

    @property
    def has_turns(self) -> bool:
        """Whether it has times of its own, at which something of it begins or ends."""
        return self.auction is not None or self.terms.expire_at is not None

    def is_past_its_time(self, now: datetime) -> bool:
        """Whether the time until which it is good is over: from then on nothing of it is routed."""
        expire_at = self.terms.expire_at
        return expire_at is not None and now >= expire_at

    @property
    def avg_px_micros(self) -> int | None:
        """FIX AvgPx, from the exact notional; None before the first fill."""
        return average_micros(self.notional_micros, self.executed_qty) if self.executed_qty else None

    @property
    def shown(self) -> tuple[object, ...]:
        """What the order's row shows of it: while that stays, the row need not be written."""
        return self.status, self.executed_qty, self.notional_micros, self.text, self.terms

    @property
    def status(self) -> OrderStatus:
        """OrdStatus by FIX precedence, but that an order which is over says so at once.

        PendingCancel > PendingReplace > Suspended > PartiallyFilled > New. A request that a fill has
        overtaken ends with it (what rejects it follows at once), so no order is both over and pending.
        """
        if self.lifecycle in CLOSED or self.lifecycle is Lifecycle.NEW:
            return _STATUS_OF[self.lifecycle]
        if self.pending is not Pending.NONE:
            return _STATUS_OF_PENDING[self.pending]
        if self.suspended is not None:
            return OrderStatus.SUSPENDED
        return OrderStatus.PARTIALLY_FILLED if self.executed_qty else OrderStatus.ACKNOWLEDGED


_STATUS_OF: Final = {state: OrderStatus[state.name] for state in (Lifecycle.NEW, *CLOSED)}
_STATUS_OF_PENDING: Final = {
    Pending.CANCEL: OrderStatus.PENDING_CANCEL,
    Pending.REPLACE: OrderStatus.PENDING_REPLACE,
}
