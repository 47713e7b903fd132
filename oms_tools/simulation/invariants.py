"""The auditor: what must hold whatever goes wrong, checked as things happen and once more when all is quiet.

The law of this file: it follows orders by what was stored, published and sent, in a model of its own, and
calls no function of the services' domains. The first broken invariant ends a run.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from execution_adapter.domain.child import CLOSED as CLOSED_CHILD
from execution_adapter.domain.child import Status
from execution_adapter.domain.wire_ids import child_of
from execution_adapter.ports import StoredChild, Writes
from oms_core.domain.order import Order
from oms_platform.exceptions import ExceptionKind, ExecutionException
from oms_platform.kafka.memory import Written
from oms_platform.market_rules import Ticks
from oms_platform.messages import CancelChildren
from oms_platform.pegs import peg_price
from oms_platform.trading_calendar import Calendar
from oms_platform.vocabulary import ChildTerms
from oms_platform.wire import Topic
from oms_tools.simulation.market import CENT_MICROS
from oms_tools.simulation.order_invariants import OrderAuditor
from oms_tools.simulation.rules import RELEASED, BrokenError
from oms_tools.simulation.stores import SimulatedChildStore, SimulatedOrderStore
from oms_tools.simulation.venue_truth import VenueTruth
from oms_tools.simulation.venues import SimulatedVenue
from simulators.broker.protocol import ExecType, FaultKind, FaultSown, Report, Saying

# After one of these a venue may hold more shares of an order than it has said by then.
_EXCEEDING: Final = frozenset(
    (FaultKind.BUST, FaultKind.CORRECTION, FaultKind.CANCEL_CROSSED, FaultKind.OVERFILL, FaultKind.GAP_FILLED)
)
# Of requests to router and adapter, over what there is to ask for.
SAID_AGAIN_MAX: Final = 1.1


class Auditor(OrderAuditor):
    """Follows every order from its request to its last report."""

    def __init__(
        self,
        buying_power: Mapping[str, int],
        market_order_age_max: timedelta,
        quote_age_s_max: float,
        quote_age_s: Callable[[str], float],
        calendar: Calendar,
    ) -> None:
        super().__init__(buying_power, market_order_age_max, quote_age_s_max, quote_age_s, calendar)
        # By account, the newest event that a follower of the stream was told of.
        self.published: defaultdict[str, int] = defaultdict(int)
        # Of the adapter and the venues.
        self.stored_children: dict[str, ChildTerms] = {}
        self.sent: set[str] = set()
        self.children_of: defaultdict[UUID, list[str]] = defaultdict(list)
        # By order: up to which attempt it was canceled, in which transaction of the adapter.
        self.cancels: defaultdict[UUID, list[tuple[int, int]]] = defaultdict(list)
        self.stored_in: dict[str, int] = {}
        self.transactions = 0
        self.requests_said: Counter[UUID] = Counter()
        self.truth = VenueTruth()
        # Orders of whose children a venue may hold more than it has said; by child, what it had of it last.
        self.exceeding: set[UUID] = set()
        self._at_venue: dict[str, int] = {}

    # ---- what was published

    def written(self, record: Written) -> None:
        """Look at a record as it is appended."""
        topic = record.topic
        if topic == Topic.VALIDATED.value and record.event_id is not None:
            self.requests_said[record.event_id] += 1
        elif topic == Topic.ROUTED.value and record.type_name == CancelChildren.__name__:
            if record.event_id is not None:
                self.requests_said[record.event_id] += 1
        elif topic == Topic.EVENTS.value:
            place = None if record.event_id is None else self.event_ids.get(record.event_id)
            if place is None:
                raise BrokenError(
                    "only what is stored is published", f"event {record.event_id} was never stored"
                )
            account_id, sequence = place
            self.published[account_id] = max(self.published[account_id], sequence)
        elif topic.endswith(".dlq"):
            raise BrokenError(
                "no message of ours is a dead letter",
                f"{record.type_name} in {topic}: {record.reason} {record.payload.decode()}",
            )

    def kafka_wiped(self) -> None:
        """Note that followers of streams begin anew."""
        self.published.clear()

    # ---- what the adapter stored and sent

    def children_stored(self, writes: Writes, new: frozenset[str]) -> None:
        """Look at a batch of the adapter."""
        self.transactions += 1
        for child, _ in writes.children:
            if child.cl_ord_id not in new:
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
        if exposed > order.terms.quantity and child.order_id not in self.exceeding:
            raise BrokenError(
                "children never exceed the parent",
                f"{exposed} shares at venues of {order.terms.quantity} with {name}",
            )
        if order.terms.algo is not None and exposed > order.released and child.order_id not in self.exceeding:
            raise BrokenError(RELEASED, f"{exposed} shares at venues of {order.released} with {name}")

    # ---- what the venues did

    def said(self, venue_id: str, saying: Saying) -> None:
        """Look at what a venue says, or sows."""
        self.truth.said(venue_id, saying)
        record = saying.record
        if isinstance(record, FaultSown) and record.kind in _EXCEEDING:
            child = self.stored_children.get(record.cl_ord_id.partition("-C")[0])
            if child is not None:
                self.exceeding.add(child.order_id)
        elif isinstance(record, Report) and saying.is_true:
            name = child_of(record.cl_ord_id)
            child, was = self.stored_children.get(name), self._at_venue.get(name)
            self._at_venue[name] = record.order_qty
            given_back = record.exec_type is ExecType.REPLACED and was is not None and record.order_qty > was
            if child is not None and given_back:
                # A 35=G that was in flight when the venue made the order smaller of itself.
                self.exceeding.add(child.order_id)

    def forged(self, venue_id: str, exec_id: str, kind: ExceptionKind) -> None:
        """Note a message that a venue makes up."""
        self.truth.forged(venue_id, exec_id, kind)

    # ---- when all is quiet

    def past_its_time(self, now: datetime) -> UUID | None:
        """Return an order whose time is over and that nobody takes back; None when there is none."""
        return next(
            (
                order_id
                for order_id, order in self.orders.items()
                if order.accepted and not order.closed and not order.canceled
                if order.time_over_at is not None and order.time_over_at <= now
            ),
            None,
        )

    def held_by_the_hour(self) -> UUID | None:
        """Return an order that waits for an open, which is to go on when that has come; None for none."""
        return next(
            (
                order_id
                for order_id, order in self.orders.items()
                if order.held and order.auction is None and order.terms.algo is None
                if order.executed + order.unresolved < order.terms.quantity
                if not (order.closed or order.canceled or order.suspended or order.working or order.route)
            ),
            None,
        )

    def check_quiet(
        self, orders: SimulatedOrderStore, venues: Mapping[str, SimulatedVenue], children: SimulatedChildStore
    ) -> None:
        """Hold everything against everything."""
        self.truth.hear(children.journal)
        self._check_requests()
        self._check_streams()
        self._check_forgotten()
        self._check_suspended()
        self._check_pegs()
        self._check_trades()
        self._check_orders(orders.orders.values())
        self._check_children(venues, children.children.values(), children.exceptions.values())
        for venue_id, venue in venues.items():
            self.truth.check_kept(venue_id, venue.store.messages)
        self.truth.check_exceptions([*children.exceptions.values(), *orders.exceptions.values()])

    def _check_requests(self) -> None:
        for request_id, order_id in self.requests.items():
            outcome = self.first_outcomes.get(request_id)
            if outcome is None:
                raise BrokenError("every request has one outcome", f"{request_id} of {order_id} has none")
            if outcome in ("CancelRequested", "ReplaceRequested") and request_id not in self.ended:
                raise BrokenError("a cancel has an end, and so has a replace", f"{request_id} of {order_id}")

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
            with_a_person = order.executed + order.unresolved >= order.terms.quantity
            stop = order.terms.stop_price_micros is not None and not order.triggered
            timed = order.terms.algo is not None
            # In the end the market is open: what still waits is for a close that does not come.
            timed = timed or (order.held and order.auction is not None)
            held = order.working or order.waits or order.suspended or stop or timed or with_a_person
            if not order.closed and (order.route or not held):
                raise BrokenError(
                    "no live order is forgotten",
                    f"{order_id} has {order.working} shares at venues, {order.route} in a route",
                )

    def _check_pegs(self) -> None:
        for order_id, order in self.orders.items():
            if order.closed or order.canceled or order.suspended or order.replacing is not None:
                continue
            off = [one for one in order.children.values() if one.live and one.price not in (0, order.priced)]
            if any(not one.kept for one in off):
                raise BrokenError(
                    "what venues have of a pegged order is at its price",
                    f"{order_id} is at {order.priced}, its children at {[one.price for one in off]}",
                )

    def check_pegs_at_rest(self, bids: Mapping[str, int]) -> None:
        """Hold pegged orders to a market that has stood still for a while, open. bids: by symbol, in micros.

        Its offers are a cent above. What a venue has kept at another price keeps its order where it is.
        """
        for order_id, order in self.orders.items():
            if order.closed or order.canceled or order.suspended or order.replacing is not None:
                continue
            out = [one for one in order.children.values() if one.live]
            if order.terms.peg is None or not out or any(one.price not in (0, order.priced) for one in out):
                continue
            bid = bids[order.terms.symbol]
            price = peg_price(order.terms, bid, bid + CENT_MICROS, Ticks())
            if order.priced != price:
                raise BrokenError(
                    "what rests of a pegged order follows the newest quote",
                    f"{order_id} is at {order.priced}, the bid is {bid} and gives {order.terms.peg} {price}",
                )

    def _check_suspended(self) -> None:
        for order_id, order in self.orders.items():
            out = [one for one in order.children.values() if one.live and not one.kept]
            if order.suspended and not order.closed and out:
                raise BrokenError(
                    "a suspended order is out of the market",
                    f"{order_id} has {sum(one.leaves for one in out)} shares at venues that were not asked",
                )

    def check_said(self) -> None:
        """Hold what was published to what there was to say, in a run that loses nothing."""
        said, needed = sum(self.requests_said.values()), len(self.requests_said)
        if said > SAID_AGAIN_MAX * needed + 1:
            raise BrokenError("nothing is said again that may be answered", f"{said} requests for {needed}")

    def _check_trades(self) -> None:
        held = {(key[1], key[4]): stands for key, stands in self.standing.items() if stands[1]}
        heard = {name: stands for name, stands in self.truth.trades.items() if stands[1]}
        if heard != held:
            lost = sorted(set(heard.items()) - set(held.items()))[:3]
            made_up = sorted(set(held.items()) - set(heard.items()))[:3]
            raise BrokenError("what a venue executed is ours", f"lost {lost}, made up {made_up}")

    def _check_orders(self, stored: Iterable[Order]) -> None:
        for order in stored:
            followed = self.orders[order.order_id]
            if (order.executed_qty, order.closed) != (followed.executed, bool(followed.closed)):
                raise BrokenError("the stored order is what its events make", str(order.order_id))

    def _check_children(
        self,
        venues: Mapping[str, SimulatedVenue],
        stored: Iterable[StoredChild],
        exceptions: Iterable[ExecutionException],
    ) -> None:
        unresolved = {one.cl_ord_id for one in exceptions if one.kind is ExceptionKind.UNRESOLVED}
        unheard = self.truth.unheard()
        for order_id, order in self.orders.items():
            for name, child in order.children.items():
                at_venue = venues[child.venue_id].engine.order(name)
                cum = 0 if at_venue is None else at_venue.cum_qty
                live = at_venue is not None and at_venue.is_live
                if name in unresolved and child.live and not live:
                    # Its venue does not answer for it, and a person was told so.
                    continue
                if name not in unheard and (child.executed, child.live) != (cum, live):
                    raise BrokenError(
                        "venue and OMS agree when all is quiet",
                        f"{name} of {order_id}: {cum} done and {'live' if live else 'over'} at"
                        f" {child.venue_id}, here {child.executed} and {'live' if child.live else 'over'}",
                    )
            unknown = [name for name in self.children_of[order_id] if name not in order.children]
            if unknown:
                raise BrokenError("no child without a parent", f"{order_id} knows nothing of {unknown}")
        for one in stored:
            name, status = one.child.cl_ord_id, one.state.status
            parent = self.orders[one.child.order_id].children.get(name)
            if name in unheard or (status is Status.UNRESOLVED and name in unresolved):
                continue
            if parent is None or parent.live == (status in CLOSED_CHILD):
                raise BrokenError("core and adapter agree when all is quiet", f"{name} is {status.name}")
