"""The auditor: what must hold whatever goes wrong, checked as things happen and once more when all is quiet.

The law of this file: it follows orders by what was stored, published and sent, in a model of its own, and
calls no function of the services' domains. The first broken invariant ends a run.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from execution_adapter.domain.child import CLOSED as CLOSED_CHILD
from execution_adapter.ports import StoredChild, Writes
from execution_adapter.ports import Written as StoredBatch
from oms_core.domain.desk import Desk
from oms_core.domain.order import Order
from oms_core.ports import UnitOfWork
from oms_platform.kafka.memory import Written
from oms_platform.messages import CancelChildren, CancelOrder, OrderEvent, SubmitOrder
from oms_platform.prices import micros_of
from oms_platform.vocabulary import (
    CancelCause,
    ChildTerms,
    OrderStatus,
    OrderTerms,
    OrderType,
    Side,
    TimeInForce,
)
from oms_platform.wire import Topic
from oms_tools.simulation.venues import FORGED, SimulatedVenue
from simulators.broker.protocol import CxlRejReason, Record, Report
from simulators.broker.protocol import ExecType as VenueExecType

PATH: Final = "each order's events are a path"
_FORGED: Final = FORGED.encode()
_CLOSED: Final = frozenset(
    (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED)
)
# What rounding of average costs may add up to in an account's exposure.
_COST_TOLERANCE_MICROS: Final = 1_000_000
# Of requests to router and adapter, over what there is to ask for.
SAID_AGAIN_MAX: Final = 1.1


class BrokenError(Exception):
    """An invariant does not hold. rule: its name."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule
        self.text = text


@dataclass(slots=True)
class FollowedChild:
    """A venue order as the core's events tell of it. kept: its venue refused the pending cancel."""

    venue_id: str
    quantity: int
    cum: int = 0
    live: bool = True
    kept: bool = False

    @property
    def leaves(self) -> int:
        """What may still trade."""
        return self.quantity - self.cum if self.live else 0


@dataclass(slots=True)
class FollowedOrder:
    """An order as its events tell of it.

    pending: the cancel that has no end yet. waits: its next route waits for its time.
    """

    terms: OrderTerms
    received_at: datetime
    sequence: int = 1
    accepted: bool = False
    closed: str = ""
    cum: int = 0
    notional: int = 0
    price: int = 0
    children: dict[str, FollowedChild] = field(default_factory=dict)
    attempt: int = 0
    route: int = 0
    pending: UUID | None = None
    canceled: bool = False
    session_ended: bool = False
    waits: bool = False

    @property
    def leaves(self) -> int:
        """What may still trade."""
        return 0 if self.closed else self.terms.quantity - self.cum

    @property
    def working(self) -> int:
        """What live children may still trade."""
        return sum([child.leaves for child in self.children.values()])


@dataclass(slots=True)
class Held:
    """An account's position in a symbol, by a formula of its own."""

    quantity: int = 0
    cost: float = 0.0
    cash: int = 0


class Auditor:
    """Follows every order from its request to its last report."""

    def __init__(
        self,
        buying_power: Mapping[str, int],
        market_order_age_max: timedelta,
        quote_age_s_max: float,
        quote_age_s: Callable[[str], float],
    ) -> None:
        self._buying_power = buying_power
        self._age_max = market_order_age_max
        self._quote_age_s_max = quote_age_s_max
        self._quote_age_s = quote_age_s
        self.orders: dict[UUID, FollowedOrder] = {}
        self.requests: dict[UUID, UUID] = {}
        self.first_outcomes: dict[UUID, str] = {}
        self.ended: set[UUID] = set()
        self.streams: defaultdict[str, int] = defaultdict(int)
        # By account, the newest event that a follower of the stream was told of.
        self.published: defaultdict[str, int] = defaultdict(int)
        self.event_ids: dict[UUID, tuple[str, int]] = {}
        self.routes: set[tuple[UUID, int]] = set()
        self.executions: dict[tuple[str, str], tuple[str, int, int]] = {}
        self.held: defaultdict[tuple[str, str], Held] = defaultdict(Held)
        self.open_by_account: defaultdict[str, dict[UUID, FollowedOrder]] = defaultdict(dict)
        # Of the adapter and the venues.
        self.stored_children: dict[str, ChildTerms] = {}
        self.sent: set[str] = set()
        self.children_of: defaultdict[UUID, list[str]] = defaultdict(list)
        # By order: up to which attempt it was canceled, in which transaction of the adapter.
        self.cancels: defaultdict[UUID, list[tuple[int, int]]] = defaultdict(list)
        self.stored_in: dict[str, int] = {}
        self.transactions = 0
        self.trades: dict[tuple[str, str], tuple[str, int, int]] = {}
        self.venue_cum: defaultdict[str, int] = defaultdict(int)
        self.requests_said: Counter[UUID] = Counter()
        # Of what venues made up: what came to core, and what of it is a dead letter.
        self.forged: set[UUID] = set()
        self.buried: set[UUID] = set()
        self.events = 0

    # ---- what clients were told

    def request_taken(self, request: SubmitOrder | CancelOrder) -> None:
        """Note a request that a client has an answer for."""
        if isinstance(request, SubmitOrder):
            self.orders[request.order_id] = FollowedOrder(request.terms, request.received_at)
            self.requests[request.order_id] = request.order_id
        else:
            self.requests[request.request_id] = request.order_id

    # ---- what the core stored

    def committed(self, unit: UnitOfWork, desk: Desk) -> None:
        """Follow a batch of the core."""
        for event in unit.events:
            self._follow(event.message)
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
        self._apply(order, event)
        self._check_numbers(order, event)
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
            case "TradeApplied":
                self._traded(order, event)
            case "ChildClosed":
                self._child_closed(order, event)
            case "CancelRequested":
                self._cancel_taken(order, event)
            case "ChildCancelRejected":
                self._child_kept(order, event)
            case "CancelRejected":
                self._cancel_refused(order, event)
            case "OrderCanceled" | "OrderExpired":
                self._left(order, event)
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
        self._require(not stale, "a market order is of now", event, f"accepted {age} after it was taken")
        if order.terms.order_type is OrderType.MARKET:
            quote_age_s = self._quote_age_s(event.symbol)
            self._require(
                quote_age_s <= self._quote_age_s_max,
                "no order is valued by an old quote",
                event,
                f"the quote of {event.symbol} is {quote_age_s:.1f} s old",
            )
        self._check_buying_power(order, event, accepted.reserved_price_micros)
        order.accepted = True
        order.price = accepted.reserved_price_micros
        order.attempt, order.route = accepted.route.attempt, accepted.route.quantity
        self.routes.add((event.order_id, order.attempt))
        self.open_by_account[event.account_id][event.order_id] = order

    def _check_buying_power(self, order: FollowedOrder, event: OrderEvent, price: int) -> None:
        account, terms = event.account_id, order.terms
        others = self.open_by_account[account].values()
        closing = sum(
            one.leaves for one in others if one.terms.symbol == terms.symbol and one.terms.side is terms.side
        )
        position = self.held[account, terms.symbol].quantity
        against = max(0, -position if terms.side is Side.BUY else position)
        opening = max(0, terms.quantity - max(0, against - closing))
        if not opening:
            return
        used: float = sum(one.leaves * one.price for one in others)
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
            not order.closed and asked.attempt == order.attempt + 1 and not order.route,
            PATH,
            event,
            f"attempt {asked.attempt} after {order.attempt}, {order.route} shares in a route, {order.closed}",
        )
        order.attempt, order.route, order.waits = asked.attempt, asked.quantity, False
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
        for child in placed.children if placed is not None else ():
            self._require(child.cl_ord_id not in order.children, PATH, event, f"{child.cl_ord_id} twice")
            order.children[child.cl_ord_id] = FollowedChild(child.venue_id, child.quantity)

    def _traded(self, order: FollowedOrder, event: OrderEvent) -> None:
        trade = event.trade_applied
        child = order.children.get(trade.cl_ord_id) if trade is not None else None
        self._require(trade is not None and child is not None, PATH, event, "of an unknown child")
        if trade is None or child is None:
            return
        key = (trade.venue_id, trade.exec_id)
        self._require(key not in self.executions, "an execution is applied once", event, str(key))
        self.executions[key] = (trade.cl_ord_id, trade.last_qty, trade.last_px_micros)
        order.waits = False
        child.cum += trade.last_qty
        child.live = child.live and child.cum < child.quantity
        order.cum += trade.last_qty
        order.notional += trade.last_qty * trade.last_px_micros
        self._hold(order.terms, event.account_id, trade.last_qty, trade.last_px_micros)
        if order.cum == order.terms.quantity and not order.closed:
            self._end(order, event, "FILLED")

    def _hold(self, terms: OrderTerms, account_id: str, quantity: int, price: int) -> None:
        held = self.held[account_id, terms.symbol]
        signed = quantity if terms.side is Side.BUY else -quantity
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
        self._require(child is not None and child.live, PATH, event, "of a child that is not live")
        if child is not None:
            child.live = False

    def _child_kept(self, order: FollowedOrder, event: OrderEvent) -> None:
        kept = event.child_cancel_rejected
        child = order.children.get(kept.cl_ord_id) if kept is not None else None
        self._require(order.pending is not None and child is not None, PATH, event, "no cancel is pending")
        if kept is None or child is None:
            return
        self._require(
            not kept.reason.startswith(f"{kept.venue_id}: {CxlRejReason.ALREADY_PENDING.value} "),
            "a cancel ends when every venue has answered",
            event,
            f"{kept.venue_id} only says that it is at it already",
        )
        child.kept = True

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
        else:
            self._require(not order.session_ended, "a session ends once for an order", event, "again")
            order.session_ended = True
        order.pending, order.canceled, order.waits = taken.request_id, True, False
        for child in order.children.values():
            child.kept = False

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
        exhausted = order.terms.order_type is OrderType.MARKET
        self._require(
            not order.closed and (order.canceled or immediate or exhausted),
            PATH,
            event,
            "nobody asked for it",
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

    def _check_numbers(self, order: FollowedOrder, event: OrderEvent) -> None:
        quantity = order.terms.quantity
        self._require(
            (event.cum_qty, event.leaves_qty) == (order.cum, order.leaves),
            "CumQty + LeavesQty = OrderQty, 0 when closed",
            event,
            f"says {event.cum_qty} and {event.leaves_qty}, is {order.cum} and {order.leaves}",
        )
        self._require(order.cum <= quantity, "CumQty <= OrderQty", event, f"{order.cum} of {quantity}")
        self._require(
            order.cum + order.working + order.route <= quantity or bool(order.closed),
            "children never exceed the parent",
            event,
            f"{order.cum} done, {order.working} work, {order.route} in a route, of {quantity}",
        )
        self._require(
            (event.status in _CLOSED) == bool(order.closed)
            and (not order.closed or event.status.name == order.closed),
            "OrdStatus follows from the events",
            event,
            f"says {event.status.name}, is {order.closed or 'open'}",
        )
        if event.avg_px is not None:
            off = abs(micros_of(event.avg_px) * order.cum - order.notional)
            self._require(2 * off <= order.cum, "AvgPx * CumQty = notional", event, f"off by {off}")

    # ---- what was published

    def written(self, record: Written) -> None:
        """Look at a record as it is appended."""
        topic = record.topic
        if topic == Topic.VALIDATED.value and record.event_id is not None:
            self.requests_said[record.event_id] += 1
        elif topic == Topic.ROUTED.value and record.type_name == CancelChildren.__name__:
            if record.event_id is not None:
                self.requests_said[record.event_id] += 1
        elif topic == Topic.FILLS.value:
            if _FORGED in record.payload and record.event_id is not None:
                self.forged.add(record.event_id)
        elif topic == Topic.EVENTS.value:
            place = None if record.event_id is None else self.event_ids.get(record.event_id)
            if place is None:
                raise BrokenError(
                    "only what is stored is published", f"event {record.event_id} was never stored"
                )
            account_id, sequence = place
            self.published[account_id] = max(self.published[account_id], sequence)
        elif topic.endswith(".dlq"):
            if record.event_id is not None:
                self.buried.add(record.event_id)
            if _FORGED not in record.payload:
                raise BrokenError(
                    "no message of ours is a dead letter",
                    f"{record.type_name} in {topic}: {record.reason} {record.payload.decode()}",
                )

    def kafka_wiped(self) -> None:
        """Note that followers of streams begin anew, and that what nobody had read is gone."""
        self.published.clear()
        self.forged.clear()

    # ---- what the adapter stored and sent

    def children_stored(self, writes: Writes, written: StoredBatch) -> None:
        """Look at a batch of the adapter."""
        self.transactions += 1
        for child, _ in writes.children:
            if child.cl_ord_id not in written.new:
                continue
            if (child.order_id, child.attempt) not in self.routes:
                raise BrokenError("no child without a route", f"{child.cl_ord_id} was never asked for")
            self.stored_in[child.cl_ord_id] = self.transactions
            self._check_not_canceled(child, "stored")
            self.stored_children[child.cl_ord_id] = child
        for cancel in writes.cancels:
            self.cancels[cancel.order_id].append((cancel.through_attempt, self.transactions))

    def _check_not_canceled(self, child: ChildTerms, what: str) -> None:
        """A plan and its cancel may come in one transaction: the order then goes out and is canceled."""
        for through_attempt, transaction in self.cancels.get(child.order_id, ()):
            if child.attempt <= through_attempt and transaction != self.stored_in[child.cl_ord_id]:
                raise BrokenError(
                    "nothing is sent after a cancel was taken", f"{child.cl_ord_id} {what} after its cancel"
                )

    def sending(self, child: ChildTerms, venues: Mapping[str, SimulatedVenue]) -> None:
        """Look at an order that goes to a venue now."""
        name = child.cl_ord_id
        if name not in self.stored_children:
            raise BrokenError("no order is sent that is not stored", name)
        self._check_not_canceled(child, "sent")
        if venues[child.venue_id].may_have(name):
            raise BrokenError("no order is sent again that its venue has or may get", name)
        if name not in self.sent:
            self.sent.add(name)
            self.children_of[child.order_id].append(name)
        order = self.orders[child.order_id]
        exposed = 0
        for one in self.children_of[child.order_id]:
            terms = self.stored_children[one]
            at_venue = venues[terms.venue_id].engine.order(one)
            if at_venue is not None:
                exposed += at_venue.cum_qty + at_venue.leaves_qty
            elif one == name or venues[terms.venue_id].may_have(one):
                exposed += terms.quantity
        if exposed > order.terms.quantity:
            raise BrokenError(
                "children never exceed the parent",
                f"{exposed} shares at venues of {order.terms.quantity} with {name}",
            )

    # ---- what the venues did

    def happened(self, venue_id: str, record: Record) -> None:
        """Look at a record of a venue."""
        if isinstance(record, Report) and record.exec_type is VenueExecType.TRADE:
            price = micros_of_text(record.last_px)
            key = (venue_id, record.exec_id)
            self.trades[key] = (record.cl_ord_id, record.last_qty, price)
            self.venue_cum[record.cl_ord_id] += record.last_qty

    # ---- when all is quiet

    def check_quiet(
        self,
        orders: Iterable[Order],
        venues: Mapping[str, SimulatedVenue],
        children: Iterable[StoredChild],
    ) -> None:
        """Hold everything against everything."""
        self._check_requests()
        self._check_streams()
        self._check_forgotten()
        if not self.forged <= self.buried:
            raise BrokenError(
                "what cannot be handled is a dead letter", f"{len(self.forged - self.buried)} are not"
            )
        self._check_trades()
        self._check_orders(orders)
        self._check_children(venues, children)

    def _check_requests(self) -> None:
        for request_id, order_id in self.requests.items():
            outcome = self.first_outcomes.get(request_id)
            if outcome is None:
                raise BrokenError("every request has one outcome", f"{request_id} of {order_id} has none")
            if outcome == "CancelRequested" and request_id not in self.ended:
                raise BrokenError("a cancel has an end", f"{request_id} of {order_id} has none")

    def _check_streams(self) -> None:
        """Who follows a stream sees by its newest event whether something is missing."""
        for account_id, head in self.streams.items():
            if self.published[account_id] != head:
                raise BrokenError(
                    "the end of each stream is published",
                    f"{account_id} ends at {head}, {self.published[account_id]} was published",
                )

    def _check_forgotten(self) -> None:
        for order_id, order in self.orders.items():
            if not order.closed and (order.route or not (order.working or order.waits)):
                raise BrokenError(
                    "no live order is forgotten",
                    f"{order_id} has {order.working} shares at venues, {order.route} in a route",
                )

    def check_said(self) -> None:
        """Hold what was published to what there was to say, in a run that loses nothing."""
        said, needed = sum(self.requests_said.values()), len(self.requests_said)
        if said > SAID_AGAIN_MAX * needed + 1:
            raise BrokenError("nothing is said again that may be answered", f"{said} requests for {needed}")

    def _check_trades(self) -> None:
        if self.trades != self.executions:
            lost = sorted(set(self.trades) - set(self.executions))[:3]
            made_up = sorted(set(self.executions) - set(self.trades))[:3]
            raise BrokenError(
                "what a venue executed is ours", f"lost {lost}, made up {made_up} or other quantities"
            )

    def _check_orders(self, stored: Iterable[Order]) -> None:
        for order in stored:
            followed = self.orders[order.order_id]
            if (order.cum_qty, order.closed) != (followed.cum, bool(followed.closed)):
                raise BrokenError("the stored order is what its events make", str(order.order_id))

    def _check_children(self, venues: Mapping[str, SimulatedVenue], stored: Iterable[StoredChild]) -> None:
        for order_id, order in self.orders.items():
            for name, child in order.children.items():
                at_venue = venues[child.venue_id].engine.order(name)
                cum = 0 if at_venue is None else at_venue.cum_qty
                live = at_venue is not None and at_venue.is_live
                if (child.cum, child.live) != (cum, live):
                    raise BrokenError(
                        "venue and OMS agree when all is quiet",
                        f"{name} of {order_id}: {cum} done and {'live' if live else 'over'} at"
                        f" {child.venue_id}, here {child.cum} and {'live' if child.live else 'over'}",
                    )
            unknown = [name for name in self.children_of[order_id] if name not in order.children]
            if unknown:
                raise BrokenError("no child without a parent", f"{order_id} knows nothing of {unknown}")
        for one in stored:
            name, status = one.child.cl_ord_id, one.state.status
            parent = self.orders[one.child.order_id].children.get(name)
            if parent is None or parent.live == (status in CLOSED_CHILD):
                raise BrokenError("core and adapter agree when all is quiet", f"{name} is {status.name}")


def micros_of_text(text: str) -> int:
    """Read a venue's price."""
    whole, _, part = text.partition(".")
    return int(whole) * 1_000_000 + int(part.ljust(6, "0"))
