"""The auditor's half that follows orders by the core's events, in a model of its own.

What must hold is checked at each event; the other half (`invariants`) follows children, venues and topics. A
venue may execute more than it was sent, take a trade back, reopen a child: that counts as it came, what
exceeds a child or its order is one exception in the same batch, and no route asks for more than is left.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import structs

from oms_core.domain.desk import Desk
from oms_core.domain.order import WAITS_FOR_QUOTE
from oms_core.domain.order_times import AUCTION_ANSWER_MAX
from oms_core.ports import Request, UnitOfWork
from oms_platform.exceptions import ExceptionKind
from oms_platform.messages import OrderEvent, SubmitOrder
from oms_platform.order_types import BOOKED
from oms_platform.prices import micros_of
from oms_platform.sides import far, is_within, near, sign
from oms_platform.trading_calendar import Calendar
from oms_platform.vocabulary import (
    AlgoPlanned,
    AuctionTimes,
    CancelCause,
    ChildTerms,
    ExecInst,
    OrderStatus,
    OrderTerms,
    OrderType,
    PegType,
    TimeInForce,
)
from oms_tools.simulation.hours import LISTING_VENUES
from simulators.broker.protocol import CxlRejReason

PATH: Final = "each order's events are a path"
INSTRUCTED: Final = "an order shows, and takes, no more than its client lets it"
BY_ITS_TIME: Final = "an algo ends its order when its time is over and not before"
RELEASED: Final = "no more of an algo is out than was released"
AUCTIONED: Final = "an order is routed while its market trades, or for its auction, where that is held"
TOLD: Final = "what exceeds an order is an exception"
_CLOSED: Final = frozenset(
    (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED)
)
_OF_VENUES: Final = frozenset(("TradeApplied", "TradeCorrected", "ChildClosed"))
# What an algo could not do by its end may be done for so long.
_ALGO_GRACE: Final = timedelta(seconds=5)
# What rounding of average costs may add up to in an account's exposure.
_COST_TOLERANCE_MICROS: Final = 1_000_000
# What names an execution: its order, venue, trade date, the venue's order id and the ExecID.
Execution = tuple[UUID, str, str, str, str]


class BrokenError(Exception):
    """An invariant does not hold. rule: its name."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule
        self.text = text


@dataclass(slots=True)
class FollowedChild:
    """A venue order as the core's events tell of it.

    executed: net of what its venue took back. unresolved: what its venue says is executed and did not report.
    kept: its venue refused the pending cancel. shown: shares that it shows where it rests. price: at its
    venue, of what rests of a pegged order.
    """

    venue_id: str
    quantity: int
    executed: int = 0
    unresolved: int = 0
    live: bool = True
    kept: bool = False
    shown: int = 0
    price: int = 0

    @property
    def leaves(self) -> int:
        """What may still trade."""
        return self.quantity - self.executed - self.unresolved if self.live else 0

    def settle(self) -> None:
        """Be over when nothing is left."""
        self.live = self.live and self.executed + self.unresolved < self.quantity


def _followed(child: ChildTerms) -> FollowedChild:
    rests = child.time_in_force in BOOKED and child.exec_inst is not ExecInst.MIDPOINT_PEG
    return FollowedChild(
        child.venue_id, child.quantity, shown=(child.display_quantity or child.quantity) if rests else 0
    )


@dataclass(slots=True)
class FollowedOrder:
    """An order as its events tell of it.

    pending: the cancel that has no end yet. replacing: the replace that has none, and what it asks for.
    suspended: whether it is. priced: the price of a pegged one, asked_at: when its route was asked for.
    triggered: whether its stop price was reached. plan: of its algo, what may be worked from when on;
    released: what may be. waits: its next route waits for its time. time_over: it is taken back because its
    day or its own time had ended. ends: reports of venues that ended a child. held: it waits for its session
    or its auction. auction: what an OPG or CLO order is for.
    """

    terms: OrderTerms
    received_at: datetime
    sequence: int = 1
    accepted: bool = False
    closed: str = ""
    executed: int = 0
    notional: int = 0
    price: int = 0
    children: dict[str, FollowedChild] = field(default_factory=dict)
    attempt: int = 0
    route: int = 0
    pending: UUID | None = None
    canceled: bool = False
    replacing: tuple[UUID, OrderTerms] | None = None
    wanted_price: int = 0
    suspended: bool = False
    triggered: bool = False
    priced: int | None = None
    asked_at: int | None = None
    plan: AlgoPlanned | None = None
    released: int = 0
    session_ended: bool = False
    time_over: bool = False
    waits: bool = False
    held: bool = False
    auction: AuctionTimes | None = None
    ends: set[tuple[object, ...]] = field(default_factory=set)

    @property
    def cum(self) -> int:
        """What was executed, up to the order's quantity."""
        return min(self.executed, self.terms.quantity)

    @property
    def leaves(self) -> int:
        """What may still trade."""
        return 0 if self.closed else self.terms.quantity - self.cum

    @property
    def time_over_at(self) -> datetime | None:
        """When it is to end of itself, if it is: an algo has some seconds after its own end."""
        algo = self.terms.algo
        return self.terms.expire_at if algo is None else algo.end_at + _ALGO_GRACE

    @property
    def reserved(self) -> int:
        """What it holds of the buying power; of a pending replace, as much as the larger order."""
        held = self.leaves * self.price
        if self.replacing is None:
            return held
        return max(held, max(0, self.replacing[1].quantity - self.executed) * self.wanted_price)

    @property
    def working(self) -> int:
        """What live children may still trade."""
        return sum([child.leaves for child in self.children.values()])

    @property
    def unresolved(self) -> int:
        """What venues say they executed and did not report."""
        return sum([child.unresolved for child in self.children.values()])

    @property
    def committed(self) -> int:
        """What is executed or may be."""
        return self.executed + self.unresolved + self.working + self.route


@dataclass(slots=True)
class Held:
    """An account's position in a symbol, by a formula of its own."""

    quantity: int = 0
    cost: float = 0.0
    cash: int = 0


class OrderAuditor:
    """Follows every order from its request to its last event."""

    def __init__(
        self,
        buying_power: Mapping[str, int],
        market_order_age_max: timedelta,
        quote_age_s_max: float,
        quote_age_s: Callable[[str], float],
        calendar: Calendar,
    ) -> None:
        self._buying_power = buying_power
        self._age_max = market_order_age_max
        self._quote_age_s_max = quote_age_s_max
        self._quote_age_s = quote_age_s
        self._calendar = calendar
        self.orders: dict[UUID, FollowedOrder] = {}
        self.requests: dict[UUID, UUID] = {}
        self.first_outcomes: dict[UUID, str] = {}
        self.ended: set[UUID] = set()
        self.streams: defaultdict[str, int] = defaultdict(int)
        self.event_ids: dict[UUID, tuple[str, int]] = {}
        self.routes: set[tuple[UUID, int]] = set()
        # What has had its effect: executions, and of trades what they stand at (child, shares, price).
        self.executions: set[Execution] = set()
        self.standing: dict[Execution, tuple[str, int, int]] = {}
        self.held: defaultdict[tuple[str, str], Held] = defaultdict(Held)
        self.open_by_account: defaultdict[str, dict[UUID, FollowedOrder]] = defaultdict(dict)
        # Of the batch that is followed: orders and ExecIDs of what was executed beyond an order or a child.
        self._beyond: set[tuple[UUID | None, str]] = set()
        self.events = 0

    # ---- what clients were told

    def request_taken(self, request: Request) -> None:
        """Note a request that a client has an answer for."""
        if isinstance(request, SubmitOrder):
            self.orders[request.order_id] = FollowedOrder(request.terms, request.received_at)
            self.requests[request.order_id] = request.order_id
        else:
            self.requests[request.request_id] = request.order_id

    # ---- what the core stored

    def committed(self, unit: UnitOfWork, desk: Desk) -> None:
        """Follow a batch of the core."""
        self._beyond.clear()
        for event in unit.events:
            self._follow(event.message)
        told = [(one.order_id, one.exec_id) for one in unit.exceptions if one.kind is ExceptionKind.OVERFILL]
        if sorted(map(str, told)) != sorted(map(str, self._beyond)):
            raise BrokenError(TOLD, f"beyond are {self._beyond}, a person is told of {told}")
        for account_id, symbol in unit.positions:
            held, kept = self.held[account_id, symbol], desk.position(account_id, symbol)
            if (held.quantity, held.cash) != (kept.quantity, kept.net_cash_micros):
                raise BrokenError(
                    "position = sum of signed fills",
                    f"{account_id} {symbol}: {kept.quantity} shares and {kept.net_cash_micros} micros,"
                    f" fills make {held.quantity} and {held.cash}",
                )

    def _follow(self, event: OrderEvent) -> None:
        self.events += 1
        order = self.orders.get(event.order_id)
        if order is None:
            raise BrokenError("every order was requested", f"{event.type} of unknown order {event.order_id}")
        if event.stream_sequence != self.streams[event.account_id] + 1:
            raise BrokenError(
                "each account's stream has no gap or repeat",
                f"{event.account_id}: {event.stream_sequence} after {self.streams[event.account_id]}",
            )
        if event.sequence != order.sequence + 1:
            raise BrokenError(
                PATH,
                f"{event.order_id}: {event.sequence} after {order.sequence}",
            )
        self.streams[event.account_id] = event.stream_sequence
        order.sequence = event.sequence
        self.event_ids[event.event_id] = (event.account_id, event.stream_sequence)
        before = order.committed
        self._apply(order, event)
        self._check_numbers(order, event, before)
        if order.closed:
            self.open_by_account[event.account_id].pop(event.order_id, None)

    def _apply(self, order: FollowedOrder, event: OrderEvent) -> None:
        match event.type:
            case "OrderAccepted":
                self._accepted(order, event)
            case "OrderDenied":
                self._outcome(event)
                self._end(order, event, "REJECTED")
            case "RouteRequested":
                self._route_asked(order, event)
            case "RoutePlaced":
                self._placed(order, event)
            case "RouteDeferred":
                self._require(
                    not order.closed and not order.canceled, PATH, event, "deferred though it is leaving"
                )
                order.waits = True
            case "RouteHeld":
                now, auction = event.occurred_at, order.auction
                follows = order.terms.peg is not None and event.text == WAITS_FOR_QUOTE
                closed = not self._calendar.phase(now).open if auction is None else now < auction.sent_from
                self._require((closed or follows) and not order.canceled, AUCTIONED, event, f"held at {now}")
                order.held = True
            case "CancelRequested":
                self._cancel_taken(order, event)
            case "CancelRejected":
                self._cancel_refused(order, event)
            case "OrderCanceled" | "OrderExpired":
                self._left(order, event)
            case _ if not self._apply_change(order, event):
                self._apply_report(order, event)

    def _apply_change(self, order: FollowedOrder, event: OrderEvent) -> bool:
        """Follow what clients change of an order. Returns whether it is that."""
        match event.type:
            case "ReplaceRequested":
                self._replace_taken(order, event)
            case "OrderReplaced":
                self._replaced(order, event)
            case "ReplaceRejected":
                self._replace_refused(order, event)
            case "OrderSuspended" | "OrderResumed":
                suspends = event.type == "OrderSuspended"
                free = not order.closed and not order.canceled and order.suspended is not suspends
                self._require(free, PATH, event, f"closed {order.closed}, suspended {order.suspended}")
                self._outcome(event)
                order.suspended, order.waits = suspends, False
                self._ask_again(order)
            case "StopTriggered":
                self._triggered(order, event)
            case "PegPriced":
                self._priced(order, event)
            case "AlgoPlanned" | "SharesReleased" | "AlgoHeld":
                self._released(order, event)
            case "SuspendRejected" | "ResumeRejected":
                over = bool(order.closed) or order.canceled
                idle = order.suspended is (event.type == "SuspendRejected")
                self._require(over or idle, PATH, event, "nothing was in its way")
                self._outcome(event)
            case _:
                return False
        return True

    def _triggered(self, order: FollowedOrder, event: OrderEvent) -> None:
        trigger, stop = event.stop_triggered, order.terms.stop_price_micros
        free = not order.closed and not order.canceled and not order.suspended and not order.triggered
        self._require(free and stop is not None and trigger is not None, PATH, event, "it does not wait")
        if stop is None or trigger is None:
            return
        side = order.terms.side
        market = far(side, trigger.bid_micros, trigger.offer_micros)
        reached = market is not None and is_within(side, stop, market)
        self._require(
            reached and market == trigger.price_micros,
            "a stop is triggered by the quote that it names",
            event,
            f"stop {stop}, bid {trigger.bid_micros}, offer {trigger.offer_micros}",
        )
        quote_age_s = self._quote_age_s(event.symbol)
        self._require(
            quote_age_s <= self._quote_age_s_max,
            "an old quote triggers nothing",
            event,
            f"the quote of {event.symbol} is {quote_age_s:.1f} s old",
        )
        order.triggered = True

    def _priced(self, order: FollowedOrder, event: OrderEvent) -> None:
        priced, terms = event.peg_priced, order.terms
        free = not order.closed and not order.canceled and not order.suspended and order.replacing is None
        if priced is None or terms.peg is None or not free:
            raise BrokenError(PATH, f"{event.type} {event.sequence} of {event.order_id}: it follows nothing")
        bid, offer, side = priced.bid_micros, priced.offer_micros, terms.side
        followed = near(side, bid, offer) if terms.peg.peg_type is PegType.PRIMARY else far(side, bid, offer)
        bound, limit = (followed or 0) + terms.peg.offset_micros, terms.limit_price_micros
        if terms.peg.peg_type is PegType.MIDPOINT and limit is not None:
            bound = limit
        within = is_within(side, priced.price_micros, bound)
        self._require(
            within and (limit is None or is_within(side, priced.price_micros, limit)),
            "a pegged order is at the price of the quote that it names, and within its limit",
            event,
            f"{priced.price_micros} of {terms.peg} and limit {limit}, bid {bid}, offer {offer}",
        )
        quote_age_s = self._quote_age_s(event.symbol)
        self._require(
            quote_age_s <= self._quote_age_s_max,
            "an old quote moves nothing",
            event,
            f"the quote of {event.symbol} is {quote_age_s:.1f} s old",
        )
        order.priced, order.waits = priced.price_micros, False
        for child in order.children.values():
            child.kept = False

    def _released(self, order: FollowedOrder, event: OrderEvent) -> None:
        free = not order.closed and not order.canceled and not order.suspended and order.replacing is None
        self._require(free and order.terms.algo is not None, PATH, event, "nothing is to be released of it")
        if event.algo_planned is not None:
            order.plan = event.algo_planned
            self._require(
                order.plan.base_qty == order.released
                and order.plan.slices[-1].quantity == order.terms.quantity,
                "a plan is of what is left",
                event,
                f"from {order.plan.base_qty} to {order.plan.slices[-1].quantity}, {order.released} released",
            )
        released = event.shares_released
        if released is None:
            return
        due = (
            []
            if order.plan is None
            else [one for one in order.plan.slices if one.due_at <= event.occurred_at]
        )
        self._require(
            order.released <= released.quantity <= (due[-1].quantity if due else 0),
            "no more of an algo is released than its plan has due",
            event,
            f"{released.quantity} after {order.released}, due is {due[-1:]}",
        )
        order.released, order.waits = released.quantity, False

    @staticmethod
    def _ask_again(order: FollowedOrder) -> None:
        for child in order.children.values():
            child.kept = False

    def _replace_taken(self, order: FollowedOrder, event: OrderEvent) -> None:
        taken = event.replace_requested
        free = order.accepted and not order.canceled and order.replacing is None
        self._require(free and order.closed in ("", "FILLED"), PATH, event, f"closed {order.closed or 'no'}")
        self._outcome(event)
        if taken is None:
            raise BrokenError(PATH, f"{event.type} without its change")
        account, terms = event.account_id, taken.terms
        price = taken.reserved_price_micros
        self._check_buying_power(order, event, terms, price, self.open_by_account[account].values())
        order.replacing, order.wanted_price, order.waits = (taken.request_id, terms), price, False
        self._ask_again(order)

    def _replaced(self, order: FollowedOrder, event: OrderEvent) -> None:
        replaced, wanted = event.order_replaced, order.replacing
        if replaced is None or wanted is None or wanted[0] != replaced.request_id:
            raise BrokenError(PATH, f"{event.type} {event.sequence} of {event.order_id}: nobody asked for it")
        self.ended.add(replaced.request_id)
        terms = wanted[1]
        self._require(
            replaced.terms == structs.replace(terms, quantity=max(terms.quantity, order.executed)),
            "an order becomes what was asked for",
            event,
            f"is {replaced.terms}, wanted was {terms} with {order.executed} done",
        )
        same = structs.replace(terms, quantity=order.terms.quantity, algo=order.terms.algo)
        others = _as_venues_have_it(same) != _as_venues_have_it(order.terms)
        self._require(
            not (others and (order.working or order.route)) or bool(order.closed),
            "no venue has what its order does not want any more",
            event,
            f"{order.working} shares work, {order.route} are in a route",
        )
        order.terms, order.price, order.replacing = replaced.terms, replaced.reserved_price_micros, None
        order.waits, order.plan = False, None
        order.released = min(order.committed, order.terms.quantity)
        if order.closed and order.executed < order.terms.quantity:
            order.closed = ""
            self.open_by_account[event.account_id][event.order_id] = order
        elif not order.closed and order.executed >= order.terms.quantity:
            self._end(order, event, "FILLED")

    def _replace_refused(self, order: FollowedOrder, event: OrderEvent) -> None:
        request_id = event.request_id
        if order.replacing is None or request_id != order.replacing[0]:
            self._outcome(event)
            return
        kept = all(one.kept for one in order.children.values() if one.live) and order.route == 0
        self._require(
            bool(order.closed) or order.canceled or kept,
            "a replace ends when every venue has answered",
            event,
            f"{order.working} shares work, {order.route} are in a route",
        )
        self.ended.add(order.replacing[0])
        order.replacing = None

    def _apply_report(self, order: FollowedOrder, event: OrderEvent) -> None:
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

    @staticmethod
    def _require(condition: bool, rule: str, event: OrderEvent, text: str) -> None:
        if not condition:
            names = {PATH: PATH}
            raise BrokenError(
                names.get(rule, rule), f"{event.type} {event.sequence} of {event.order_id}: {text}"
            )

    def _outcome(self, event: OrderEvent) -> None:
        request_id = event.request_id
        self._require(request_id is not None, "every request has one outcome", event, "no request named")
        if request_id is not None:
            before = self.first_outcomes.get(request_id)
            self._require(before is None, "every request has one outcome", event, f"it had {before} before")
            self.first_outcomes[request_id] = event.type

    def _accepted(self, order: FollowedOrder, event: OrderEvent) -> None:
        accepted = event.order_accepted
        self._require(not order.accepted and not order.closed and accepted is not None, PATH, event, "twice")
        self._outcome(event)
        if accepted is None:
            return
        age = event.occurred_at - order.received_at
        stale = order.terms.order_type is OrderType.MARKET and age > self._age_max
        is_open = self._calendar.phase(event.occurred_at).open
        self._require(not stale, "a market order is of now", event, f"accepted {age} after it was taken")
        if order.terms.order_type is OrderType.MARKET and not accepted.auction and is_open:
            quote_age_s = self._quote_age_s(event.symbol)
            self._require(
                quote_age_s <= self._quote_age_s_max,
                "no order is valued by an old quote",
                event,
                f"the quote of {event.symbol} is {quote_age_s:.1f} s old",
            )
        others = self.open_by_account[event.account_id].values()
        self._check_buying_power(order, event, order.terms, accepted.reserved_price_micros, others)
        order.accepted = True
        order.price = accepted.reserved_price_micros
        terms = order.terms
        waits = any(one is not None for one in (terms.stop_price_micros, terms.algo, terms.peg))
        if (auction := accepted.auction) is not None:
            order.auction = auction
            waits = event.occurred_at < auction.sent_from
        elif not self._calendar.phase(event.occurred_at).open:
            waits = True
        is_auctions = order.terms.time_in_force in (TimeInForce.OPG, TimeInForce.CLO)
        self._require(
            is_auctions == (auction is not None)
            and (auction is None or event.occurred_at < auction.taken_until <= auction.at),
            AUCTIONED,
            event,
            f"accepted for {auction}",
        )
        self._require(
            (accepted.route is None) is waits, PATH, event, f"routed {accepted.route}, it waits: {waits}"
        )
        if accepted.route is not None:
            order.attempt, order.route = accepted.route.attempt, accepted.route.quantity
            self.routes.add((event.order_id, order.attempt))
        self.open_by_account[event.account_id][event.order_id] = order

    def _check_buying_power(
        self,
        order: FollowedOrder,
        event: OrderEvent,
        terms: OrderTerms,
        price: int,
        live: Iterable[FollowedOrder],
    ) -> None:
        account = event.account_id
        others = [one for one in live if one is not order]
        closing = sum(
            one.leaves
            for one in others
            if one.terms.symbol == terms.symbol and sign(one.terms.side) == sign(terms.side)
        )
        position = self.held[account, terms.symbol].quantity
        against = max(0, -sign(terms.side) * position)
        opening = max(0, terms.quantity - order.executed - max(0, against - closing))
        if not opening:
            return
        used: float = sum(one.reserved for one in others)
        used += sum(abs(held.cost) for (name, _), held in self.held.items() if name == account)
        bound = self._buying_power[account]
        self._require(
            used + opening * price <= bound + _COST_TOLERANCE_MICROS,
            "buying power holds",
            event,
            f"{used + opening * price:.0f} micros used of {bound}",
        )

    def _route_asked(self, order: FollowedOrder, event: OrderEvent) -> None:
        asked = event.route_requested
        if asked is None:
            raise BrokenError(PATH, "RouteRequested without its change")
        self._require(order.accepted, "no route without a passed risk check", event, "not accepted")
        self._require(
            not order.canceled,
            "nothing is routed after a cancel was taken",
            event,
            f"attempt {asked.attempt}",
        )
        self._require(
            order.terms.stop_price_micros is None or order.triggered,
            "nothing is routed of a stop before its price was reached",
            event,
            f"attempt {asked.attempt}",
        )
        self._require(
            order.terms.algo is None or order.committed + asked.quantity <= order.released,
            RELEASED,
            event,
            f"{asked.quantity} asked, {order.committed} out of {order.released}",
        )
        auction, now = order.auction, event.occurred_at
        may_be_routed = (
            self._calendar.phase(now).open
            if auction is None
            else auction.sent_from <= now < auction.taken_until and not order.executed
        )
        self._require(may_be_routed, AUCTIONED, event, f"routed at {now}, it is for {auction}")
        until = order.terms.expire_at
        self._require(
            until is None or event.occurred_at < until,
            "nothing is routed of an order whose time is over",
            event,
            f"it is good till {until}, this is {event.occurred_at}",
        )
        self._require(
            not order.suspended and order.replacing is None,
            "nothing is routed of an order that is suspended or is to be replaced",
            event,
            f"attempt {asked.attempt}",
        )
        self._require(
            not order.closed and asked.attempt == order.attempt + 1 and not order.route,
            PATH,
            event,
            f"attempt {asked.attempt} after {order.attempt}, {order.route} shares in a route, {order.closed}",
        )
        order.attempt, order.route, order.waits, order.held = asked.attempt, asked.quantity, False, False
        order.asked_at = order.priced
        self.routes.add((event.order_id, asked.attempt))

    def _placed(self, order: FollowedOrder, event: OrderEvent) -> None:
        placed = event.route_placed
        self._require(
            placed is not None and placed.attempt == order.attempt and order.route > 0,
            PATH,
            event,
            "nobody asked for this route",
        )
        order.route = 0
        children = placed.children if placed is not None else ()
        for child in children:
            self._require(child.cl_ord_id not in order.children, PATH, event, f"{child.cl_ord_id} twice")
            followed = order.children[child.cl_ord_id] = _followed(child)
            if order.terms.peg is not None:
                followed.price = child.limit_price_micros if child.time_in_force in BOOKED else 0
                self._require(
                    order.asked_at is not None
                    and is_within(order.terms.side, child.limit_price_micros, order.asked_at),
                    "nothing of a pegged order is sent beyond its price",
                    event,
                    f"{child.cl_ord_id} at {child.limit_price_micros}, its price was {order.asked_at}",
                )
            listed = LISTING_VENUES[order.terms.symbol]
            self._require(
                order.auction is None
                or (child.venue_id, child.time_in_force, len(children))
                == (listed, order.terms.time_in_force, 1),
                AUCTIONED,
                event,
                f"{child.cl_ord_id} is at {child.venue_id} as {child.time_in_force.name}",
            )
            takes_nothing = child.exec_inst is ExecInst.PARTICIPATE_DONT_INITIATE
            self._require(
                takes_nothing == order.terms.post_only, INSTRUCTED, event, f"{child.cl_ord_id} takes"
            )
        if any(order.children[child.cl_ord_id].shown for child in children):
            self._look_at_shown(order, event)

    def _look_at_shown(self, order: FollowedOrder, event: OrderEvent) -> None:
        """Hold what the order shows to its display quantity."""
        allowed = order.terms.display_quantity
        shown = sum(min(child.shown, child.leaves) for child in order.children.values() if child.live)
        self._require(not allowed or shown <= allowed, INSTRUCTED, event, f"shows {shown} of {allowed}")

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
        self._require(key not in self.executions, "an execution is applied once", event, str(key))
        self.executions.add(key)

    def _executed(
        self, order: FollowedOrder, child: FollowedChild, event: OrderEvent, shares: int, price: int
    ) -> None:
        """Count shares of an order, and its end or its return. shares below 0: they are taken back."""
        child.executed += shares
        order.executed += shares
        order.notional += shares * price
        self._hold(order.terms, event.account_id, shares, price)

    def _end_or_return(self, order: FollowedOrder, event: OrderEvent) -> None:
        filled = order.executed >= order.terms.quantity
        if filled and not order.closed:
            self._end(order, event, "FILLED")
        elif order.closed == "FILLED" and not filled:
            order.closed = ""
            self.open_by_account[event.account_id][event.order_id] = order

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
        self._require(
            self.standing.get(about) == was,
            "a correction is of what its trade stands at",
            event,
            f"says {was}, stands at {self.standing.get(about)}",
        )
        self.standing[about] = (change.cl_ord_id, change.last_qty, change.last_px_micros)
        self._executed(order, child, event, -change.was_qty, change.was_px_micros)
        self._executed(order, child, event, change.last_qty, change.last_px_micros)
        child.kept = child.kept and child.live
        child.live = change.leaves_qty > 0
        child.settle()
        self._end_or_return(order, event)
        if change.last_qty > change.was_qty:
            self._note_beyond(order, child, event, change.exec_id)

    def _child_restated(self, order: FollowedOrder, event: OrderEvent) -> None:
        restated = event.child_restated
        child = order.children.get(restated.cl_ord_id) if restated is not None else None
        if restated is None or child is None:
            raise BrokenError(PATH, f"{event.type} {event.sequence} of {event.order_id}: of an unknown child")
        self._require(
            child.live and restated.quantity >= child.executed + child.unresolved,
            PATH,
            event,
            f"{restated.quantity} shares, {child.executed} are done, live {child.live}",
        )
        child.quantity = restated.quantity
        if child.price and restated.limit_price_micros is not None:
            child.price = restated.limit_price_micros
        child.settle()

    def _hold(self, terms: OrderTerms, account_id: str, quantity: int, price: int) -> None:
        held = self.held[account_id, terms.symbol]
        signed = sign(terms.side) * quantity
        held.cash -= signed * price
        if held.quantity * signed >= 0:
            held.cost += signed * price
        else:
            average = held.cost / held.quantity
            after = held.quantity + signed
            held.cost = after * (average if after * held.quantity >= 0 else price)
        held.quantity += signed

    def _child_closed(self, order: FollowedOrder, event: OrderEvent) -> None:
        closed = event.child_closed
        child = order.children.get(closed.cl_ord_id) if closed is not None else None
        if closed is None or child is None:
            raise BrokenError(PATH, f"{event.type} {event.sequence} of {event.order_id}: of an unknown child")
        # A report that ends a child has its effect once, also on one that was over: a bust may open it again.
        said = (closed.cl_ord_id, closed.outcome, closed.exec_id, closed.venue_order_id, closed.trade_date)
        is_named = closed.exec_id not in ("", "0")
        news = child.live or closed.unresolved_qty > child.unresolved or is_named
        self._require(news, PATH, event, "of a child that is not live")
        self._require(not is_named or said not in order.ends, PATH, event, "the same end a second time")
        order.ends.add(said)
        child.live, child.unresolved = False, max(child.unresolved, closed.unresolved_qty)

    def _child_kept(self, order: FollowedOrder, event: OrderEvent) -> None:
        kept = event.child_cancel_rejected
        child = order.children.get(kept.cl_ord_id) if kept is not None else None
        off_peg = child is not None and child.price not in (0, order.priced)
        asked = order.pending is not None or order.replacing is not None or order.suspended or off_peg
        self._require(asked and child is not None, PATH, event, "nobody asked for its cancel")
        if kept is None or child is None:
            return
        self._require(
            not kept.reason.startswith(f"{kept.venue_id}: {CxlRejReason.ALREADY_PENDING.value} "),
            "a cancel ends when every venue has answered",
            event,
            f"{kept.venue_id} only says that it is at it already",
        )
        # One that leaves a pegged child where it is may still give it back.
        child.kept = child.kept or not (kept.replace and off_peg)

    def _cancel_taken(self, order: FollowedOrder, event: OrderEvent) -> None:
        taken = event.cancel_requested
        self._require(
            taken is not None and not order.closed and order.accepted and order.pending is None,
            PATH,
            event,
            f"closed {order.closed or 'no'}, pending {order.pending}",
        )
        if taken is None:
            return
        if taken.cause is CancelCause.CLIENT:
            self._outcome(event)
        elif taken.cause is CancelCause.EXPIRY:
            until = order.terms.expire_at
            if (auction := order.auction) is not None:
                # What a venue has of it is the venue's until it has had its time.
                until = auction.at + AUCTION_ANSWER_MAX if order.working else auction.taken_until
            self._require(
                until is not None and until <= event.occurred_at,
                "an order ends of itself at its time and not before",
                event,
                f"it is good till {until}, this is {event.occurred_at}",
            )
        elif taken.cause is CancelCause.ALGO_END:
            over_at = order.time_over_at
            self._require(
                over_at is not None and over_at <= event.occurred_at,
                BY_ITS_TIME,
                event,
                f"its time is over at {over_at}, this is {event.occurred_at}",
            )
        else:
            self._require(not order.session_ended, "a session ends once for an order", event, "again")
            order.session_ended = True
        order.time_over = taken.cause in (CancelCause.EXPIRY, CancelCause.SESSION_END)
        order.pending, order.canceled, order.waits = taken.request_id, True, False
        self._ask_again(order)

    def _cancel_refused(self, order: FollowedOrder, event: OrderEvent) -> None:
        request_id = event.request_id
        if request_id is not None and request_id == order.pending:
            self._require(
                order.closed != ""
                or (order.route == 0 and all(one.kept for one in order.children.values() if one.live)),
                "a cancel ends when every venue has answered",
                event,
                f"{order.working} shares work, {order.route} are in a route",
            )
            order.pending = None
            self.ended.add(request_id)
        else:
            self._outcome(event)

    def _left(self, order: FollowedOrder, event: OrderEvent) -> None:
        immediate = order.terms.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
        exhausted = order.terms.limit_price_micros is None and order.terms.algo is None
        self._require(
            not order.closed and (order.canceled or immediate or exhausted or order.auction is not None),
            PATH,
            event,
            "nobody asked for it",
        )
        self._require(
            (event.type == "OrderExpired") is order.time_over
            or (order.auction is not None and not order.canceled),
            "an order expires when its time is over, and is canceled otherwise",
            event,
            f"time over: {order.time_over}",
        )
        self._require(
            order.working == 0 and order.route == 0,
            "an order ends when no venue has it",
            event,
            f"{order.working} shares work, {order.route} are in a route",
        )
        if order.pending is not None:
            self.ended.add(order.pending)
            order.pending = None
        self._end(order, event, "CANCELED" if event.type == "OrderCanceled" else "EXPIRED")

    def _end(self, order: FollowedOrder, event: OrderEvent, how: str) -> None:
        self._require(not order.closed, PATH, event, f"it was {order.closed}")
        order.closed = how

    def _check_numbers(self, order: FollowedOrder, event: OrderEvent, before: int) -> None:
        quantity = order.terms.quantity
        self._require(
            (event.cum_qty, event.leaves_qty) == (order.cum, order.leaves),
            "CumQty + LeavesQty = OrderQty, 0 when closed",
            event,
            f"says {event.cum_qty} and {event.leaves_qty}, is {order.cum} and {order.leaves}",
        )
        # Only a venue may make it more than was ordered: by a late trade, or by a child that it reopens.
        committed = order.committed
        self._require(
            committed <= max(quantity, before) or event.type in _OF_VENUES or bool(order.closed),
            "children never exceed the parent",
            event,
            f"{order.executed} done, {order.working} work, {order.route} in a route, of {quantity}",
        )
        self._require(
            order.terms.algo is None
            or committed <= max(order.released, before)
            or event.type in _OF_VENUES
            or bool(order.closed),
            RELEASED,
            event,
            f"{order.executed} done, {order.working} work, {order.route} in a route, of {order.released}",
        )
        self._require(
            (event.status in _CLOSED) == bool(order.closed)
            and (not order.closed or event.status.name == order.closed),
            "OrdStatus follows from the events",
            event,
            f"says {event.status.name}, is {order.closed or 'open'}",
        )
        if event.avg_px is not None:
            off = abs(micros_of(event.avg_px) * order.executed - order.notional)
            self._require(2 * off <= order.executed, "AvgPx * CumQty = notional", event, f"off by {off}")


def _as_venues_have_it(terms: OrderTerms) -> OrderTerms:
    """Return an order's terms without the end that only core knows: venues have a GTD order as GTC."""
    force = TimeInForce.GTC if terms.time_in_force is TimeInForce.GTD else terms.time_in_force
    return structs.replace(terms, time_in_force=force, expire_at=None)
