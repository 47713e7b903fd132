"""The auditor's half that follows orders by the core's events, in a model of its own.

What must hold is checked at each event; the other half (`invariants`) follows children, venues and topics.
Here is what clients asked for, what core made of it and what it routed; what venues report of it:
`report_invariants`.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID

from msgspec import structs

from oms_core.domain.desk import Desk
from oms_core.domain.order import WAITS_FOR_QUOTE
from oms_core.domain.order_times import AUCTION_ANSWER_MAX
from oms_core.ports import Request, UnitOfWork
from oms_platform.messages import OrderEvent, SubmitOrder
from oms_platform.order_types import BOOKED
from oms_platform.prices import micros_of
from oms_platform.sides import far, is_within, near
from oms_platform.trading_calendar import Calendar
from oms_platform.vocabulary import (
    CancelCause,
    ChildTerms,
    ExecInst,
    OrderStatus,
    OrderType,
    PegType,
    TimeInForce,
)
from oms_tools.simulation.followed_accounts import FollowedAccounts
from oms_tools.simulation.followed_orders import FollowedOrder, as_venues_have_it, followed_child
from oms_tools.simulation.hours import LISTING_VENUES
from oms_tools.simulation.report_invariants import ReportAuditor
from oms_tools.simulation.rules import (
    AUCTIONED,
    BY_ITS_TIME,
    INSTRUCTED,
    KILLS,
    PATH,
    RELEASED,
    BrokenError,
    require,
)

_CLOSED: Final = frozenset(
    (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED)
)
_OF_VENUES: Final = frozenset(("TradeApplied", "TradeCorrected", "ChildClosed"))


class OrderAuditor(ReportAuditor):
    """Follows every order from its request to its last event."""

    def __init__(
        self,
        buying_power: Mapping[str, int],
        market_order_age_max: timedelta,
        quote_age_s_max: float,
        quote_age_s: Callable[[str], float],
        calendar: Calendar,
    ) -> None:
        super().__init__(FollowedAccounts(buying_power))
        self._age_max = market_order_age_max
        self._quote_age_s_max = quote_age_s_max
        self._quote_age_s = quote_age_s
        self._calendar = calendar
        # Whether a core may hold everything because it does not know what is stopped.
        self.holds: Callable[[], bool] = lambda: False
        # Who is told of orders of core's own.
        self.on_own: Callable[[SubmitOrder], None] = self.request_taken
        self.orders: dict[UUID, FollowedOrder] = {}
        self.requests: dict[UUID, UUID] = {}
        self.first_outcomes: dict[UUID, str] = {}
        self.ended: set[UUID] = set()
        self.streams: defaultdict[str, int] = defaultdict(int)
        self.event_ids: dict[UUID, tuple[str, int]] = {}
        self.routes: set[tuple[UUID, int]] = set()
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
        for own in unit.originated:
            self.on_own(own.message)
        for event in unit.events:
            self._follow(event.message)
        self.check_beyond(unit)
        self.accounts.check_positions(unit, desk)

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
            self.accounts.open[event.account_id].pop(event.order_id, None)

    def _apply(self, order: FollowedOrder, event: OrderEvent) -> None:
        match event.type:
            case "OrderAccepted":
                self._accepted(order, event)
            case "OrderDenied":
                self._outcome(event)
                self.end(order, event, "REJECTED")
            case "RouteRequested":
                self._route_asked(order, event)
            case "RoutePlaced":
                self._placed(order, event)
            case "RouteDeferred":
                require(not order.closed and not order.canceled, PATH, event, "deferred though it is leaving")
                order.waits = True
            case "RouteHeld":
                now, auction = event.occurred_at, order.auction
                follows = order.terms.peg is not None and event.text == WAITS_FOR_QUOTE
                closed = not self._calendar.phase(now).open if auction is None else now < auction.sent_from
                require((closed or follows) and not order.canceled, AUCTIONED, event, f"held at {now}")
                order.held = True
            case "CancelRequested":
                self._cancel_taken(order, event)
            case "CancelRejected":
                self._cancel_refused(order, event)
            case "OrderCanceled" | "OrderExpired":
                self._left(order, event)
            case _ if not self._apply_change(order, event):
                self.apply_report(order, event)

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
                require(free, PATH, event, f"closed {order.closed}, suspended {order.suspended}")
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
                require(over or idle, PATH, event, "nothing was in its way")
                self._outcome(event)
            case _:
                return False
        return True

    def _triggered(self, order: FollowedOrder, event: OrderEvent) -> None:
        trigger, stop = event.stop_triggered, order.terms.stop_price_micros
        free = not order.closed and not order.canceled and not order.suspended and not order.triggered
        require(free and stop is not None and trigger is not None, PATH, event, "it does not wait")
        if stop is None or trigger is None:
            return
        side = order.terms.side
        market = far(side, trigger.bid_micros, trigger.offer_micros)
        reached = market is not None and is_within(side, stop, market)
        require(
            reached and market == trigger.price_micros,
            "a stop is triggered by the quote that it names",
            event,
            f"stop {stop}, bid {trigger.bid_micros}, offer {trigger.offer_micros}",
        )
        quote_age_s = self._quote_age_s(event.symbol)
        require(
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
        within = is_within(side, priced.price_micros, bound)
        require(
            within and (limit is None or is_within(side, priced.price_micros, limit)),
            "a pegged order is at the price of the quote that it names, and within its limit",
            event,
            f"{priced.price_micros} of {terms.peg} and limit {limit}, bid {bid}, offer {offer}",
        )
        quote_age_s = self._quote_age_s(event.symbol)
        require(
            quote_age_s <= self._quote_age_s_max,
            "an old quote moves nothing",
            event,
            f"the quote of {event.symbol} is {quote_age_s:.1f} s old",
        )
        order.priced, order.waits = priced.price_micros, False
        if order.route:
            order.asked_at += (priced.price_micros,)
        for child in order.children.values():
            child.kept = False

    def _released(self, order: FollowedOrder, event: OrderEvent) -> None:
        free = not order.closed and not order.canceled and not order.suspended and order.replacing is None
        require(free and order.terms.algo is not None, PATH, event, "nothing is to be released of it")
        if event.algo_planned is not None:
            order.plan = event.algo_planned
            require(
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
        require(
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
        require(free and order.closed in ("", "FILLED"), PATH, event, f"closed {order.closed or 'no'}")
        self._outcome(event)
        if taken is None:
            raise BrokenError(PATH, f"{event.type} without its change")
        terms, price = taken.terms, taken.reserved_price_micros
        self.accounts.check_buying_power(order, event, terms, price)
        order.replacing, order.wanted_price, order.waits = (taken.request_id, terms), price, False
        self._ask_again(order)

    def _replaced(self, order: FollowedOrder, event: OrderEvent) -> None:
        replaced, wanted = event.order_replaced, order.replacing
        if replaced is None or wanted is None or wanted[0] != replaced.request_id:
            raise BrokenError(PATH, f"{event.type} {event.sequence} of {event.order_id}: nobody asked for it")
        self.ended.add(replaced.request_id)
        terms = wanted[1]
        require(
            replaced.terms == structs.replace(terms, quantity=max(terms.quantity, order.executed)),
            "an order becomes what was asked for",
            event,
            f"is {replaced.terms}, wanted was {terms} with {order.executed} done",
        )
        same = structs.replace(terms, quantity=order.terms.quantity, algo=order.terms.algo)
        others = as_venues_have_it(same) != as_venues_have_it(order.terms)
        require(
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
            self.accounts.open[event.account_id][event.order_id] = order
        elif not order.closed and order.executed >= order.terms.quantity:
            self.end(order, event, "FILLED")

    def _replace_refused(self, order: FollowedOrder, event: OrderEvent) -> None:
        request_id = event.request_id
        if order.replacing is None or request_id != order.replacing[0]:
            self._outcome(event)
            return
        kept = all(one.kept for one in order.children.values() if one.live) and order.route == 0
        require(
            bool(order.closed) or order.canceled or kept,
            "a replace ends when every venue has answered",
            event,
            f"{order.working} shares work, {order.route} are in a route",
        )
        self.ended.add(order.replacing[0])
        order.replacing = None

    def _outcome(self, event: OrderEvent) -> None:
        request_id = event.request_id
        require(request_id is not None, "every request has one outcome", event, "no request named")
        if request_id is not None:
            before = self.first_outcomes.get(request_id)
            require(before is None, "every request has one outcome", event, f"it had {before} before")
            self.first_outcomes[request_id] = event.type

    def _accepted(self, order: FollowedOrder, event: OrderEvent) -> None:
        accepted = event.order_accepted
        require(not order.accepted and not order.closed and accepted is not None, PATH, event, "twice")
        self._outcome(event)
        if accepted is None:
            return
        age = event.occurred_at - order.received_at
        stale = order.terms.order_type is OrderType.MARKET and age > self._age_max
        is_open = self._calendar.phase(event.occurred_at).open
        require(not stale, "a market order is of now", event, f"accepted {age} after it was taken")
        if order.terms.order_type is OrderType.MARKET and not accepted.auction and is_open:
            quote_age_s = self._quote_age_s(event.symbol)
            require(
                quote_age_s <= self._quote_age_s_max,
                "no order is valued by an old quote",
                event,
                f"the quote of {event.symbol} is {quote_age_s:.1f} s old",
            )
        if order.terms.closes_for is None:
            self.accounts.check_buying_power(order, event, order.terms, accepted.reserved_price_micros)
        else:
            self.accounts.decided(order, event)
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
        require(
            is_auctions == (auction is not None)
            and (auction is None or event.occurred_at < auction.taken_until <= auction.at),
            AUCTIONED,
            event,
            f"accepted for {auction}",
        )
        waits = waits or (accepted.route is None and self.holds())
        require((accepted.route is None) is waits, PATH, event, f"routed {accepted.route}, it waits: {waits}")
        if accepted.route is not None:
            order.attempt, order.route = accepted.route.attempt, accepted.route.quantity
            self.routes.add((event.order_id, order.attempt))
        self.accounts.open[event.account_id][event.order_id] = order

    def _route_asked(self, order: FollowedOrder, event: OrderEvent) -> None:
        asked = event.route_requested
        if asked is None:
            raise BrokenError(PATH, "RouteRequested without its change")
        require(order.accepted, "no route without a passed risk check", event, "not accepted")
        require(
            not order.canceled,
            "nothing is routed after a cancel was taken",
            event,
            f"attempt {asked.attempt}",
        )
        require(
            order.terms.stop_price_micros is None or order.triggered,
            "nothing is routed of a stop before its price was reached",
            event,
            f"attempt {asked.attempt}",
        )
        require(
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
        require(may_be_routed, AUCTIONED, event, f"routed at {now}, it is for {auction}")
        until = order.terms.expire_at
        require(
            until is None or event.occurred_at < until,
            "nothing is routed of an order whose time is over",
            event,
            f"it is good till {until}, this is {event.occurred_at}",
        )
        require(
            not order.suspended and order.replacing is None,
            "nothing is routed of an order that is suspended or is to be replaced",
            event,
            f"attempt {asked.attempt}",
        )
        require(
            not order.closed and asked.attempt == order.attempt + 1 and not order.route,
            PATH,
            event,
            f"attempt {asked.attempt} after {order.attempt}, {order.route} shares in a route, {order.closed}",
        )
        order.attempt, order.route, order.waits, order.held = asked.attempt, asked.quantity, False, False
        order.asked_at = () if order.priced is None else (order.priced,)
        self.routes.add((event.order_id, asked.attempt))

    def _placed(self, order: FollowedOrder, event: OrderEvent) -> None:
        placed = event.route_placed
        require(
            placed is not None and placed.attempt == order.attempt and order.route > 0,
            PATH,
            event,
            "nobody asked for this route",
        )
        order.route = 0
        children = placed.children if placed is not None else ()
        for child in children:
            require(child.cl_ord_id not in order.children, PATH, event, f"{child.cl_ord_id} twice")
            self._hold_child(order, event, child, len(children))
            takes_nothing = child.exec_inst is ExecInst.PARTICIPATE_DONT_INITIATE
            require(takes_nothing == order.terms.post_only, INSTRUCTED, event, f"{child.cl_ord_id} takes")
        if any(order.children[child.cl_ord_id].shown for child in children):
            self._look_at_shown(order, event)

    @staticmethod
    def _hold_child(order: FollowedOrder, event: OrderEvent, child: ChildTerms, children: int) -> None:
        """Take a child of a route; hold it to the order's price and its auction."""
        followed = order.children[child.cl_ord_id] = followed_child(child)
        if order.terms.peg is not None:
            followed.price = child.limit_price_micros if child.time_in_force in BOOKED else 0
            require(
                any(is_within(order.terms.side, child.limit_price_micros, price) for price in order.asked_at),
                "nothing of a pegged order is sent beyond its price",
                event,
                f"{child.cl_ord_id} at {child.limit_price_micros}, its price was {order.asked_at}",
            )
        listed = LISTING_VENUES[order.terms.symbol]
        require(
            order.auction is None
            or (child.venue_id, child.time_in_force, children) == (listed, order.terms.time_in_force, 1),
            AUCTIONED,
            event,
            f"{child.cl_ord_id} is at {child.venue_id} as {child.time_in_force.name}",
        )

    def _look_at_shown(self, order: FollowedOrder, event: OrderEvent) -> None:
        """Hold what the order shows to its display quantity."""
        allowed = order.terms.display_quantity
        shown = sum(min(child.shown, child.leaves) for child in order.children.values() if child.live)
        require(not allowed or shown <= allowed, INSTRUCTED, event, f"shows {shown} of {allowed}")

    def _cancel_taken(self, order: FollowedOrder, event: OrderEvent) -> None:
        taken = event.cancel_requested
        require(
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
            require(
                until is not None and until <= event.occurred_at,
                "an order ends of itself at its time and not before",
                event,
                f"it is good till {until}, this is {event.occurred_at}",
            )
        elif taken.cause is CancelCause.KILL:
            said = ("KILLED",) if order.terms.closes_for is None else ("RELEASED", "TAKEN_BACK")
            told = any(taken.reason.startswith(f"{word}: switch=") for word in said)
            require(told, KILLS, event, f"it says {taken.reason!r}")
        elif taken.cause is CancelCause.ALGO_END:
            over_at = order.time_over_at
            require(
                over_at is not None and over_at <= event.occurred_at,
                BY_ITS_TIME,
                event,
                f"its time is over at {over_at}, this is {event.occurred_at}",
            )
        else:
            require(not order.session_ended, "a session ends once for an order", event, "again")
            order.session_ended = True
        order.time_over = taken.cause in (CancelCause.EXPIRY, CancelCause.SESSION_END)
        order.pending, order.canceled, order.waits = taken.request_id, True, False
        self._ask_again(order)

    def _cancel_refused(self, order: FollowedOrder, event: OrderEvent) -> None:
        request_id = event.request_id
        if request_id is not None and request_id == order.pending:
            require(
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
        require(
            not order.closed and (order.canceled or immediate or exhausted or order.auction is not None),
            PATH,
            event,
            "nobody asked for it",
        )
        require(
            (event.type == "OrderExpired") is order.time_over
            or (order.auction is not None and not order.canceled),
            "an order expires when its time is over, and is canceled otherwise",
            event,
            f"time over: {order.time_over}",
        )
        require(
            order.working == 0 and order.route == 0,
            "an order ends when no venue has it",
            event,
            f"{order.working} shares work, {order.route} are in a route",
        )
        if order.pending is not None:
            self.ended.add(order.pending)
            order.pending = None
        self.end(order, event, "CANCELED" if event.type == "OrderCanceled" else "EXPIRED")

    def _check_numbers(self, order: FollowedOrder, event: OrderEvent, before: int) -> None:
        quantity = order.terms.quantity
        require(
            (event.cum_qty, event.leaves_qty) == (order.cum, order.leaves),
            "CumQty + LeavesQty = OrderQty, 0 when closed",
            event,
            f"says {event.cum_qty} and {event.leaves_qty}, is {order.cum} and {order.leaves}",
        )
        # Only a venue may make it more than was ordered: by a late trade, by a child that it reopens, or by
        # its own change of a child that met a move of it.
        committed, reopened = order.committed, order.reopened_at == event.sequence
        met = reopened or (event.type == "ChildRestated" and order.terms.peg is not None)
        require(
            committed <= max(quantity, before) or event.type in _OF_VENUES or met or bool(order.closed),
            "children never exceed the parent",
            event,
            f"{order.executed} done, {order.working} work, {order.route} in a route, of {quantity}",
        )
        require(
            order.terms.algo is None
            or committed <= max(order.released, before)
            or event.type in _OF_VENUES
            or reopened
            or bool(order.closed),
            RELEASED,
            event,
            f"{order.executed} done, {order.working} work, {order.route} in a route, of {order.released}",
        )
        require(
            (event.status in _CLOSED) == bool(order.closed)
            and (not order.closed or event.status.name == order.closed),
            "OrdStatus follows from the events",
            event,
            f"says {event.status.name}, is {order.closed or 'open'}",
        )
        if event.avg_px is not None:
            off = abs(micros_of(event.avg_px) * order.executed - order.notional)
            require(2 * off <= order.executed, "AvgPx * CumQty = notional", event, f"off by {off}")
