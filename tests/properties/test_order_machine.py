"""The order machine against a naive model: whatever venues and clients do, the quantities hold."""

import os
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import structs

from oms_core.domain.account import OpenSide
from oms_core.domain.algo_watch import AlgoWatch
from oms_core.domain.algos import is_over
from oms_core.domain.changes import changed_terms, problem_of_change
from oms_core.domain.desk import Desk, owed_key
from oms_core.domain.executions import Effects
from oms_core.domain.machine import UnknownChildError, apply
from oms_core.domain.order import (
    Event,
    FollowQuote,
    Order,
    RequestReplace,
    RequestResume,
    RequestSuspend,
    RetryRoute,
    TriggerStop,
    Wish,
    WorkAlgo,
)
from oms_core.domain.stops import StopWatch
from oms_core.domain.touch import TouchPrices
from oms_core.domain.transitions import Lifecycle, Pending
from oms_platform.ids import uuid7
from oms_platform.market_rules import Ticks
from oms_platform.order_types import ALGO_ORDER_TYPES, ALGO_TIMES_IN_FORCE, AUCTIONS
from oms_platform.vocabulary import (
    Algo,
    AlgoHeld,
    AlgoPlanned,
    AlgoStrategy,
    AuctionTimes,
    CancelCause,
    CancelRejected,
    CancelRequested,
    ChildRestated,
    ExecType,
    OrderCanceled,
    OrderChange,
    OrderExpired,
    OrderReplaced,
    OrderResumed,
    OrderSuspended,
    OrderTerms,
    OrderType,
    Peg,
    PegPriced,
    PegType,
    ReplaceRejected,
    ReplaceRequested,
    ResumeRejected,
    RoutePlaced,
    RouteRequested,
    SharesReleased,
    StopTriggered,
    SuspendRejected,
    TimeInForce,
    TradeCorrected,
)
from tests.unit.oms_core.orders import NOW, PRICE, Machine, new_order

OUTCOMES = (ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED, ExecType.TRADE)
AUCTION = AuctionTimes(at=NOW + timedelta(minutes=1), sent_from=NOW, taken_until=NOW + timedelta(seconds=12))
VENUES = ("XNYS", "XNAS", "ARCX")
MICROS = 1_000_000
# One of these is the first answer to each request.
FIRST_ANSWERS = (
    CancelRequested,
    CancelRejected,
    ReplaceRequested,
    ReplaceRejected,
    OrderSuspended,
    SuspendRejected,
    OrderResumed,
    ResumeRejected,
)


def as_venues_have_it(terms: OrderTerms) -> OrderTerms:
    """What venues are told of an order beside its quantity: one that is good till a time is GTC there."""
    force = TimeInForce.GTC if terms.time_in_force is TimeInForce.GTD else terms.time_in_force
    return structs.replace(terms, quantity=0, time_in_force=force, expire_at=None, algo=None)


@st.composite
def algos(draw: st.DrawFn, like: Algo | None = None) -> Algo:
    """Draw how an order is worked over time, within 90 seconds of NOW; like: by the same strategy."""
    strategy = draw(st.sampled_from(list(AlgoStrategy))) if like is None else like.strategy
    starts = draw(st.none() | st.integers(0, 20))
    bounded = strategy is AlgoStrategy.POV or draw(st.booleans())
    return Algo(
        strategy=strategy,
        start_at=None if starts is None else NOW + timedelta(seconds=starts),
        end_at=NOW + timedelta(seconds=draw(st.integers(21, 90))),
        participation_bps=draw(st.sampled_from((100, 2_000, 10_000))) if bounded else 0,
        urgency=draw(st.integers(1, 10)) if strategy is AlgoStrategy.IS else 0,
        slices=draw(st.sampled_from((0, 1, 3, 10))),
        seed=draw(st.none() | st.integers(0, 3)),
    )


@dataclass(slots=True)
class ModelChild:
    """A venue order as its reports tell of it."""

    shares: int
    done: int = 0
    unresolved: int = 0
    live: bool = True
    said_filled: bool = False  # by its venue, whatever it was sent

    @property
    def filled(self) -> bool:
        """Whether nothing is left of it, as far as anybody knows: nobody has ended the rest."""
        return not self.live and (self.said_filled or self.done + self.unresolved >= self.shares)

    @property
    def leaves(self) -> int:
        """What may still trade."""
        return self.shares - self.done - self.unresolved if self.live else 0

    def settle(self) -> None:
        """Be over when nothing is left."""
        self.live = self.live and self.done + self.unresolved < self.shares


def _open_sides(desk: Desk, account: str, symbol: str) -> tuple[OpenSide, OpenSide]:
    there = desk.states[account].symbol(symbol)
    return there.buys, there.sells


class OrderStory(RuleBasedStateMachine):
    """Routes get random legs, or none, refused or not; children trade as much as they like, also when they
    are over; trades are taken back and corrected to anything, again and again; children are restated, end
    with and without unresolved shares, and keep what is to be canceled, at random and in any order. Clients
    cancel, replace, suspend and resume at any time, whatever the order is. Nothing is assumed of who answers
    what, or of when a plan is refused. The market closes and opens whenever it likes.
    """

    @initialize(
        quantity=st.integers(1, 500),
        order_type=st.sampled_from([kind for kind in OrderType if kind is not OrderType.PEGGED]),
        tif=st.sampled_from(list(TimeInForce)),
    )
    def begin(self, quantity: int, order_type: OrderType, tif: TimeInForce) -> None:
        self._begin(new_order(quantity=quantity, order_type=order_type, tif=tif))

    def _begin(self, first: Order) -> None:
        self.first = first
        order_type, quantity = first.terms.order_type, first.terms.quantity
        self.is_stop = order_type in (OrderType.STOP, OrderType.STOP_LIMIT)
        self.machine = Machine(self.first).accept(AUCTION if first.terms.time_in_force in AUCTIONS else None)
        self.trades: dict[str, list[int]] = {}  # trade -> [shares, dollars]
        self.child_of: dict[str, str] = {}
        self.children: dict[str, ModelChild] = {}
        self.sent = 0
        self.closed_at: int | None = None  # events that there were when the market closed
        self.asked: list[object] = []  # requests of clients
        self.quantity = quantity
        self.wanted: dict[object, OrderTerms] = {}  # by request, what a replace asks for
        self.replaced = 0  # events that have been looked at for it
        self.canceled_at: int | None = None  # shares that had been sent when the first cancel was taken

    @property
    def filled(self) -> int:
        return sum(shares for shares, _ in self.trades.values())

    def _live(self) -> list[str]:
        return [name for name, child in self.children.items() if child.live]

    def _pick(self, pick: int) -> str:
        return list(self.children)[pick % len(self.children)]

    @precondition(lambda self: self.machine.order.route_quantity)
    @rule(cuts=st.lists(st.integers(0, 500), max_size=2), refused=st.booleans(), no_data=st.booleans())
    def place_route(self, cuts: list[int], refused: bool, no_data: bool) -> None:
        left = self.machine.order.route_quantity
        legs = []
        for venue, cut in zip(VENUES, [*cuts, left], strict=False):
            shares = min(cut, left)
            if shares and not refused:
                legs.append((venue, shares))
                left -= shares
        attempt = self.machine.order.attempt
        self.machine.place(
            legs, reason="" if legs else "NO_QUOTE: symbol=AAPL", refused=refused, no_data=no_data
        )
        for number, (_, shares) in enumerate(legs, 1):
            self.children[f"{attempt}-{number}"] = ModelChild(shares)
            self.sent += shares

    @precondition(lambda self: self.children)
    @rule(pick=st.integers(0, 100), quantity=st.integers(1, 700), dollars=st.integers(1, 200))
    def trade(self, pick: int, quantity: int, dollars: int) -> None:
        name = self._pick(pick)
        exec_id = f"E{len(self.trades)}"
        self.machine.trade(quantity, child=name, exec_id=exec_id, price=str(dollars))
        self.trades[exec_id] = [quantity, dollars]
        self.child_of[exec_id] = name
        child = self.children[name]
        child.done += quantity
        child.unresolved = max(0, child.unresolved - quantity)
        child.settle()

    @precondition(lambda self: self.trades)
    @rule(
        pick=st.integers(0, 100),
        quantity=st.one_of(st.just(0), st.integers(1, 900)),
        dollars=st.integers(1, 200),
        leaves=st.one_of(st.just(0), st.integers(1, 500)),
    )
    def correct(self, pick: int, quantity: int, dollars: int, leaves: int) -> None:
        exec_id = list(self.trades)[pick % len(self.trades)]
        self.machine.correct(exec_id, quantity, price=str(dollars), leaves=leaves)
        child = self.children[self.child_of[exec_id]]
        child.done += quantity - self.trades[exec_id][0]
        child.live, child.said_filled = leaves > 0, False
        child.settle()
        self.trades[exec_id] = [quantity, dollars]

    @precondition(lambda self: self.children)
    @rule(pick=st.integers(0, 100), quantity=st.integers(-5, 700))
    def restate(self, pick: int, quantity: int) -> None:
        name = self._pick(pick)
        child, order = self.children[name], self.machine.order
        others = order.executed_qty + order.route_quantity - child.done
        others += sum(one.leaves + one.unresolved for one in self.children.values()) - child.leaves
        others -= child.unresolved
        # A venue may always take shares away; more than it has only as far as the order has them.
        room = quantity < child.shares or quantity <= order.terms.quantity - others
        # Of a pegged order that may have met a move; what is too much is taken back.
        room = room or order.terms.peg is not None
        done = child.done + child.unresolved
        changes = child.live and quantity != child.shares and done <= quantity and room
        # A replace that was in flight may open one again that was filled: the shares are at the venue then.
        opens = child.filled and quantity > done
        taken = self.machine.restate(quantity, child=name) != []
        assert taken == (changes or opens)
        if taken:
            child.shares, child.live, child.said_filled = quantity, True, False
            child.settle()

    @precondition(lambda self: self.children)
    @rule(
        pick=st.integers(0, 100),
        outcome=st.sampled_from(OUTCOMES),
        unresolved=st.one_of(st.just(0), st.integers(1, 600)),
    )
    def end_child(self, pick: int, outcome: ExecType, unresolved: int) -> None:
        name = self._pick(pick)
        child = self.children[name]
        news = child.live or unresolved > child.unresolved
        assert (self.machine.close(outcome, child=name, unresolved=unresolved) != []) == news
        if news:
            child.said_filled = outcome is ExecType.TRADE if child.live else child.said_filled
            child.live, child.unresolved = False, max(child.unresolved, unresolved)
        assert self.machine.close(outcome, child=name, unresolved=unresolved) == []

    @rule(cause=st.sampled_from(list(CancelCause)))
    def cancel(self, cause: CancelCause) -> None:
        self._cancel(cause)

    def _cancel(self, cause: CancelCause) -> None:
        request_id = uuid7()
        before = self.sent
        events = self.machine.cancel(cause, request_id)
        assert [e.request_id for e in events[:1] if isinstance(e, CancelRequested | CancelRejected)] == [
            request_id
        ]
        self.asked.append(request_id)
        if self.canceled_at is None and isinstance(events[0], CancelRequested):
            self.canceled_at = before + self.machine.order.route_quantity

    @rule(
        quantity=st.none() | st.integers(-1, 700),
        dollars=st.none() | st.integers(-1, 200),
        stop=st.none() | st.integers(95, 105),
        force=st.none() | st.sampled_from(list(TimeInForce)),
        until=st.none() | st.integers(1, 90),
        denied=st.booleans(),
        data=st.data(),
    )
    def replace(
        self,
        quantity: int | None,
        dollars: int | None,
        stop: int | None,
        force: TimeInForce | None,
        until: int | None,
        denied: bool,
        data: st.DataObject,
    ) -> None:
        micros = None if dollars is None else dollars * MICROS
        change = OrderChange(
            quantity=quantity,
            limit_price_micros=micros,
            stop_price_micros=None if stop is None else stop * MICROS,
            time_in_force=force,
            expire_at=None if until is None else NOW + timedelta(seconds=until),
            algo=data.draw(st.none() | algos(self.machine.order.terms.algo)),
        )
        before = self.machine.order
        terms = changed_terms(before.terms, change)
        triggered = before.triggered is not None
        problem = problem_of_change(before.terms, terms, triggered=triggered) or (
            "denied" if denied else None
        )
        grows = terms.quantity > self.filled
        request_id = uuid7()
        self.wanted[request_id] = terms
        self._ask(
            RequestReplace(
                request_id=request_id, terms=terms, problem=problem, reserved_price_micros=micros or PRICE
            ),
            ReplaceRequested,
            ReplaceRejected,
            takes=problem is None
            and before.cancel is None
            and before.replacing is None
            and (not before.closed or (before.lifecycle is Lifecycle.FILLED and grows)),
        )

    @rule()
    def suspend(self) -> None:
        self._suspend()

    def _suspend(self) -> None:
        order = self.machine.order
        takes = not order.closed and order.cancel is None and order.suspended is None
        self._ask(RequestSuspend(request_id=uuid7()), OrderSuspended, SuspendRejected, takes=takes)

    @rule()
    def resume(self) -> None:
        order = self.machine.order
        takes = not order.closed and order.cancel is None and order.suspended is not None
        self._ask(RequestResume(request_id=uuid7()), OrderResumed, ResumeRejected, takes=takes)

    def _ask(self, wish: Wish, taken: type[Event], refused: type[Event], *, takes: bool) -> None:
        self.asked.append(wish.request_id)
        first = self.machine.do(wish)[0]
        assert type(first) is (taken if takes else refused)
        assert first.request_id == wish.request_id  # type: ignore[union-attr]

    @rule(dollars=st.integers(95, 105))
    def quote(self, dollars: int) -> None:
        order, market = self.machine.order, dollars * MICROS
        stop = order.terms.stop_price_micros
        waits = self.is_stop and not order.closed and order.cancel is None and order.suspended is None
        waits = waits and not any(isinstance(event, StopTriggered) for event in self.machine.events)
        touch = TouchPrices(bid_micros=market, offer_micros=market)
        events = self.machine.do(TriggerStop(price_micros=market, touch=touch))
        assert bool(events) == (waits and stop is not None and market >= stop)

    @invariant()
    def a_stop_is_worked_only_from_its_trigger_on(self) -> None:
        triggered = not self.is_stop
        for event in self.machine.events:
            triggered = triggered or isinstance(event, StopTriggered)
            assert triggered or not isinstance(event, RouteRequested)
        assert triggered or not (self.sent or self.machine.order.route_quantity)
        waiting = [self.machine.order] if self.machine.order.waits_for_stop else []
        assert len(StopWatch(waiting)) == len(waiting)

    @rule(opens=st.booleans(), day=st.integers(1, 2))
    def close_or_open(self, opens: bool, day: int) -> None:
        self.machine.may_route = opens
        self.machine.waits_for = "" if opens else f"waits for the open on day {day}"
        self.closed_at = None if opens else len(self.machine.events)
        # As the sweep does that finds the turn.
        self.machine.do(RetryRoute())

    @invariant()
    def nothing_is_routed_while_the_market_is_closed_and_what_waits_says_so(self) -> None:
        order, closed_at = self.machine.order, self.closed_at
        if closed_at is None:
            return
        since = self.machine.events[closed_at:]
        assert not any(isinstance(event, RouteRequested) for event in since)
        if order.lifecycle is Lifecycle.LIVE and order.unrouted_qty and not order.route_quantity:
            spent = order.pending is not Pending.NONE or order.cancel is not None or not order.idle
            spent = spent or order.is_past_its_time(self.machine.now)
            assert spent or order.waits_for == order.text == self.machine.waits_for

    @invariant()
    def nothing_is_routed_of_an_order_whose_time_is_over(self) -> None:
        for event, after in self.machine.steps:
            if isinstance(event, RouteRequested) and after.terms.expire_at is not None:
                assert event.requested_at < after.terms.expire_at

    @invariant()
    def nothing_is_routed_to_an_auction_from_its_cutoff_on_or_once_it_has_traded_or_was_refused(self) -> None:
        traded = refused = False
        for event, after in self.machine.steps:
            if isinstance(event, RouteRequested) and after.auction is not None:
                assert event.requested_at < after.auction.taken_until
                assert not (traded or refused)
            traded = after.executed_qty > 0
            refused = any(visit.rejected for visit in after.visits.values())

    @invariant()
    def what_is_for_an_auction_ends_with_its_cutoff_when_no_venue_has_it(self) -> None:
        order = self.machine.order
        if order.auction is not None and self.machine.now >= order.auction.taken_until:
            assert order.closed or not order.idle or not order.unrouted_qty

    @invariant()
    def an_order_has_a_time_of_its_own_exactly_where_it_is_good_till_one(self) -> None:
        terms = self.machine.order.terms
        assert (terms.expire_at is not None) == (terms.time_in_force is TimeInForce.GTD)

    @precondition(lambda self: self.children)
    @rule(pick=st.integers(0, 100))
    def refuse_cancel(self, pick: int) -> None:
        self.machine.reject_cancel(child=self._pick(pick))

    @rule(seconds=st.integers(0, 20))
    def wait(self, seconds: int) -> None:
        self.machine.now += timedelta(seconds=seconds)
        self.machine.do(RetryRoute())

    @rule()
    def a_stranger_is_refused(self) -> None:
        try:
            self.machine.trade(1, child="no-such-child", exec_id="stranger")
        except UnknownChildError:
            return
        raise AssertionError("a report of an unknown child was taken")

    @invariant()
    def quantities_hold(self) -> None:
        order = self.machine.order
        quantity = order.terms.quantity
        self._follow_replaces()
        assert quantity == self.quantity
        assert order.executed_qty == self.filled
        assert order.cum_qty == min(self.filled, quantity)
        assert order.excess_qty == max(0, self.filled - quantity)
        assert order.leaves_qty == (0 if order.closed else quantity - order.cum_qty)
        assert order.notional_micros == sum(shares * price for shares, price in self.trades.values()) * MICROS
        assert order.working_qty == sum(child.leaves for child in self.children.values())
        assert order.unresolved_qty == sum(child.unresolved for child in self.children.values())
        if order.lifecycle is Lifecycle.FILLED:
            assert self.filled >= quantity
        elif order.lifecycle is Lifecycle.LIVE:
            assert self.filled < quantity

    def _follow_replaces(self) -> None:
        """Work out what the order is by what was asked for and what was done by then."""
        for event, after in self.machine.steps[self.replaced :]:
            if isinstance(event, OrderReplaced):
                wanted = self.wanted[event.request_id]
                self.quantity = max(wanted.quantity, after.executed_qty)
                assert after.terms == structs.replace(wanted, quantity=self.quantity)
        self.replaced = len(self.machine.steps)

    @invariant()
    def nothing_is_routed_of_an_order_that_is_suspended_or_is_to_be_replaced(self) -> None:
        for event, after in self.machine.steps:
            if isinstance(event, RouteRequested):
                assert after.suspended is None
                assert after.replacing is None

    @invariant()
    def no_venue_has_what_a_replaced_order_does_not_want(self) -> None:
        before = self.first
        for event, after in self.machine.steps:
            if isinstance(event, OrderReplaced) and not before.closed:
                others = as_venues_have_it(after.terms) != as_venues_have_it(before.terms)
                assert not others or after.idle
                assert after.idle or after.committed_qty <= after.terms.quantity
            before = after

    @invariant()
    def what_is_suspended_or_to_be_replaced_is_asked_of_every_venue(self) -> None:
        order = self.machine.order
        held = order.suspended is not None or order.pending is not Pending.NONE
        unasked = [c for c in order.children.values() if c.live and not c.cancel_rejected]
        if held and not order.closed and (unasked or order.route_quantity):
            request = order.taken_back_by
            assert request is not None
            # One child alone may be asked to become smaller where it is.
            assert owed_key(order) in (request.request_id, (request.request_id, order.made_smaller))

    @invariant()
    def a_replace_has_an_end(self) -> None:
        order = self.machine.order
        assert (order.pending is Pending.REPLACE) == (order.replacing is not None)
        if order.replacing is not None:
            assert order.route_quantity or [
                c for c in order.children.values() if c.live and not c.cancel_rejected
            ]
            assert not order.closed
        ended = [
            event.request_id
            for event in self.machine.events
            if isinstance(event, OrderReplaced | ReplaceRejected)
        ]
        assert len(ended) == len(set(ended))
        if order.replacing is None:
            assert set(ended) == set(self.wanted)

    @invariant()
    def nothing_is_routed_beyond_what_the_order_has_left(self) -> None:
        for event, after in self.machine.steps:
            if isinstance(event, RouteRequested):
                assert after.committed_qty <= after.terms.quantity

    @invariant()
    def what_could_trade_beyond_the_order_is_taken_back(self) -> None:
        order = self.machine.order
        exposed = order.executed_qty + order.unresolved_qty + order.working_qty + order.route_quantity
        if not order.idle and (order.closed or exposed > order.terms.quantity):
            assert order.is_recalled or order.taken_back_by is not None
            assert owed_key(order) not in (None, order.attempt)

    @invariant()
    def only_a_correction_or_more_shares_bring_an_order_back_and_only_one_that_was_filled(self) -> None:
        before = Lifecycle.LIVE
        for event, after in self.machine.steps:
            if before not in (Lifecycle.LIVE, after.lifecycle):
                assert before is Lifecycle.FILLED
                assert isinstance(event, TradeCorrected | OrderReplaced)
            before = after.lifecycle

    @invariant()
    def a_live_order_is_never_forgotten(self) -> None:
        """Something will still happen to it: a child works, a route is under way, a retry is due, a client
        resumes it, or a person finds out what became of shares that its venue says are executed.
        """
        order = self.machine.order
        if not order.closed:
            assert (
                order.working_qty
                or order.route_quantity
                or order.retry_at is not None
                or order.suspended is not None
                or order.waits_for_stop
                or len(AlgoWatch([order], self.machine.now))
                or order.waits_for
                or order.is_past_its_time(self.machine.now)
                or order.executed_qty + order.unresolved_qty >= order.terms.quantity
            )

    @invariant()
    def nothing_is_sent_for_an_order_after_its_cancel_was_taken(self) -> None:
        if self.canceled_at is not None:
            assert self.sent + self.machine.order.route_quantity <= self.canceled_at
            assert self.machine.order.unrouted_qty == 0

    @invariant()
    def a_cancel_has_an_end(self) -> None:
        """It is pending only while somebody has to answer it: a route under way, or a child that has not."""
        order = self.machine.order
        if order.pending is Pending.CANCEL:
            open_children = [c for c in order.children.values() if c.live and not c.cancel_rejected]
            assert order.route_quantity or open_children
            assert not order.closed

    @invariant()
    def a_cancel_is_rejected_only_when_every_live_child_has_answered(self) -> None:
        for event, after in self.machine.steps:
            if not isinstance(event, CancelRejected) or after.cancel is None:
                continue
            if event.request_id == after.cancel.request_id and not after.closed:
                assert not after.route_quantity
                assert all(child.cancel_rejected for child in after.children.values() if child.live)

    @invariant()
    def every_request_has_one_first_answer(self) -> None:
        answered = [event.request_id for event in self.machine.events if isinstance(event, FIRST_ANSWERS)]
        assert set(answered) == set(self.asked)
        ends = [e for e in self.machine.events if isinstance(e, OrderCanceled | OrderExpired)]
        assert len(ends) <= 1

    @invariant()
    def counters_are_the_sums_over_children(self) -> None:
        order = self.machine.order
        assert order.working_qty == sum(child.leaves_qty for child in order.children.values())
        assert all(child.leaves_qty > 0 for child in order.children.values() if child.live)
        assert sum(visit.sent for visit in order.visits.values()) == self.sent
        assert sum(visit.filled for visit in order.visits.values()) == order.executed_qty

    @invariant()
    def the_stored_events_fold_to_the_same_order(self) -> None:
        order, effects = self.first, Effects()
        for event in self.machine.events:
            order = apply(order, event)
            effects.note(event)
        assert order == self.machine.order
        assert effects == self.machine.effects

    @invariant()
    def a_desk_that_takes_the_steps_counts_what_one_does_that_takes_the_order(self) -> None:
        order, now = self.machine.order, self.machine.now
        stepwise, at_once = Desk(), Desk()
        for step in self.machine.steps:
            stepwise.take([step], now)
        at_once.keep(order)
        assert (stepwise.orders, stepwise.closed) == (at_once.orders, at_once.closed)
        reserved = order.leaves_qty * order.reserved_price_micros
        if order.replacing is not None:
            wanted = order.replacing
            more = max(0, wanted.terms.quantity - self.filled) * wanted.reserved_price_micros
            reserved = max(reserved, more)
        assert stepwise.states[order.terms.account_id].reserved_micros == reserved
        account, symbol = order.terms.account_id, order.terms.symbol
        there = stepwise.states[account].symbol(symbol)
        assert (there.buys, there.sells) == _open_sides(at_once, account, symbol)
        if order.replacing is None:
            assert there.buys.quantity + there.sells.quantity == order.leaves_qty
        position = stepwise.position(order.terms.account_id, order.terms.symbol)
        assert position.quantity == self.filled
        assert position.net_cash_micros == -order.notional_micros
        assert position.net_cash_micros + position.cost_micros == position.realized_pnl_micros

    @invariant()
    def sequence_counts_events(self) -> None:
        assert self.machine.order.sequence == 1 + len(self.machine.events)


class TimedOrderStory(OrderStory):
    """The same of an order that is worked over time. The market trades, tells of it or not, and its feed
    begins to count anew; who cancels or suspends has the patience of some looks.
    """

    @initialize(
        quantity=st.integers(1, 500),
        order_type=st.sampled_from(ALGO_ORDER_TYPES),
        tif=st.sampled_from(ALGO_TIMES_IN_FORCE),
        algo=algos(),
        patience=st.integers(0, 12),
    )
    def begin(
        self, quantity: int, order_type: OrderType, tif: TimeInForce, algo: Algo, patience: int
    ) -> None:
        first = new_order(quantity=quantity, order_type=order_type, tif=tif)
        self._begin(structs.replace(first, terms=structs.replace(first.terms, algo=algo)))
        self.looked, self.patience = 0, patience
        self.traded, self.told_from = 0, 0  # by the market, in all, and when its feed began to count
        self.traded_at: dict[int, int] = {}  # by the number of steps there were, what was traded by then

    @precondition(lambda self: self.looked >= self.patience)
    @rule(cause=st.sampled_from(list(CancelCause)))
    def cancel(self, cause: CancelCause) -> None:
        self._cancel(cause)

    @precondition(lambda self: self.looked >= self.patience)
    @rule()
    def suspend(self) -> None:
        self._suspend()

    @rule(
        looks=st.lists(
            st.tuples(
                st.sampled_from(("at once", "a little", *["the next slice"] * 4, "the end")),
                st.sampled_from((0, 50, 500, 5_000)),
                st.sampled_from((True, True, False)),
                st.booleans(),
            ),
            min_size=1,
            max_size=4,
        )
    )
    def look_at_an_algo(self, looks: list[tuple[str, int, bool, bool]]) -> None:
        """Let time pass and the market trade; then core looks at the order, as its loop does."""
        for until, shares, known, anew in looks:
            self._look(until, shares, known=known, anew=anew)
        self.looked += len(looks)

    def _look(self, until: str, shares: int, *, known: bool, anew: bool) -> None:
        before, now, steps = self.machine.order, self.machine.now, len(self.machine.steps)
        algo, plan = before.terms.algo, before.plan
        assert algo is not None
        later = [one.due_at for one in plan.slices if one.due_at > now] if plan is not None else []
        to = {
            "a little": now + timedelta(seconds=3),
            "the next slice": (later or [now + timedelta(seconds=20)])[0],
            "the end": max(now + timedelta(seconds=5), algo.end_at),
        }
        self.machine.now = to.get(until, now)
        self.traded += shares
        if anew:
            self.told_from = self.traded - shares // 2
        self.traded_at[steps] = self.traded
        time_over = self.machine.now >= algo.end_at + timedelta(seconds=5)
        if is_over(before, self.machine.now):
            assert time_over
            self._cancel(CancelCause.ALGO_END)
            assert isinstance(self.machine.steps[steps][0], CancelRequested)
        else:
            self.machine.do(WorkAlgo(volume=self.traded - self.told_from if known else None))
        order = self.machine.order
        # An algo whose time is over ends its order, now or when venues have answered.
        assert order.closed or order.cancel is not None or not time_over
        looked = [event for event, _ in self.machine.steps[steps:]]
        released = [event for event in looked if isinstance(event, SharesReleased)]
        assert not released or known or not algo.participation_bps
        free = before.lifecycle is Lifecycle.LIVE and before.pending is Pending.NONE
        free = free and before.cancel is None and before.suspended is None
        assert free or order.released_qty <= before.released_qty
        if free and not time_over and self.machine.now >= algo.end_at and not algo.participation_bps:
            assert order.released_qty == order.terms.quantity

    @invariant()
    def an_algo_is_released_by_its_time_and_by_the_volume_and_never_falls_but_for_a_replace(self) -> None:
        before, since, traded, seen = self.first, self.first, 0, 0
        held = False
        for number, (event, after) in enumerate(self.machine.steps):
            traded = self.traded_at.get(number, traded)
            assert after.released_qty <= after.terms.quantity
            falls = isinstance(event, OrderReplaced | CancelRequested | OrderCanceled | OrderExpired)
            assert falls or after.released_qty >= before.released_qty
            grows = after.released_qty > before.released_qty
            assert not grows or isinstance(event, SharesReleased | OrderReplaced)
            if isinstance(event, RouteRequested):
                assert after.committed_qty <= after.released_qty
            if isinstance(event, OrderReplaced):
                assert after.released_qty == min(after.committed_qty, after.terms.quantity)
                held = False
            if isinstance(event, AlgoPlanned):
                assert event.base_qty == after.released_qty
                since, seen = after, traded
            if isinstance(event, AlgoHeld):
                assert not held, "it says so once"
                held = True
            if isinstance(event, SharesReleased):
                self._hold_release(event, after.terms, since.plan, traded - seen)
                held = False
            before = after

    @staticmethod
    def _hold_release(
        event: SharesReleased, terms: OrderTerms, plan: AlgoPlanned | None, traded: int
    ) -> None:
        """Hold a release to its algo: nothing before its start, a slice from even at most, a part of what
        the market has traded since the plan.
        """
        algo = terms.algo
        assert algo is not None and plan is not None
        assert event.released_at >= (algo.start_at or NOW)
        base = plan.base_qty
        if algo.participation_bps:
            assert (
                event.quantity <= base + traded * algo.participation_bps // 10_000 or event.quantity == base
            )
        if algo.strategy in (AlgoStrategy.TWAP, AlgoStrategy.VWAP) and plan.planned_at < algo.end_at:
            passed = (event.released_at - plan.planned_at) / (algo.end_at - plan.planned_at)
            share = (terms.quantity - base) / len(plan.slices)
            assert event.quantity <= base + (terms.quantity - base) * passed + share + 1


class AuctionStory(OrderStory):
    """The same of an order for an auction, which has reached its venue: few of all orders come so far."""

    @initialize(
        quantity=st.integers(2, 500),
        order_type=st.sampled_from((OrderType.LIMIT, OrderType.MARKET)),
        tif=st.sampled_from(sorted(AUCTIONS)),
    )
    def begin(self, quantity: int, order_type: OrderType, tif: TimeInForce) -> None:
        super().begin(quantity, order_type, tif)
        self.place_route([], refused=False, no_data=False)


class PeggedStory(OrderStory):
    """The same of an order that follows the market: it moves, has one side, or is gone, whenever it likes;
    venues move children, or do not, whenever they like.
    """

    @initialize(
        quantity=st.integers(1, 500),
        tif=st.sampled_from((TimeInForce.DAY, TimeInForce.GTC)),
        peg_type=st.sampled_from(list(PegType)),
        limit=st.none() | st.integers(97, 103),
        cuts=st.none() | st.lists(st.integers(0, 500), max_size=2),
    )
    def begin(
        self,
        quantity: int,
        tif: TimeInForce,
        peg_type: PegType,
        limit: int | None,
        cuts: list[int] | None,
    ) -> None:
        first = new_order(quantity=quantity, order_type=OrderType.PEGGED, tif=tif)
        terms = structs.replace(
            first.terms,
            peg=Peg(peg_type=peg_type),
            limit_price_micros=None if limit is None else limit * MICROS,
        )
        self.prices: dict[str, int] = {}  # of each child at its venue
        self.gives: list[int | None] = []  # what the quote gave by each step
        self._begin(structs.replace(first, terms=terms))
        if cuts is not None:
            # It has reached its venues: few of all orders come so far.
            self.quote(99, 1)
            self._look()
            self.place_route(cuts, refused=False, no_data=False)

    def _look(self) -> None:
        """Hold what has happened by now to the quote of now, in a rule that lets several things happen."""
        self.every_route_and_every_price_is_of_a_quote_and_within_the_limit()
        self.what_is_off_its_price_is_asked_to_move_or_taken_back()

    @rule(bid=st.integers(97, 101), step=st.sampled_from((-2, -1, 1, 2)))
    def quote_again_at_once(self, bid: int, step: int) -> None:
        """The market goes on before any venue has done what the quote before asked for."""
        self.quote(bid, 1)
        self._look()
        self.quote(bid + step, 1)

    @precondition(lambda self: self.machine.order.follows)
    @rule(step=st.sampled_from((-2, -1, 1)), part=st.integers(1, 3))
    def leave_one_while_others_are_free(self, step: int, part: int) -> None:
        """A venue leaves its child at the price of before; then other shares are free and a route is due."""
        name = max(self._live(), key=lambda name: self.children[name].leaves)
        pegged = self.machine.order.pegged
        assert pegged is not None
        self.quote(pegged.price_micros // MICROS + step, 1)
        self._look()
        self.machine.reject_cancel(child=name, replaces=True)
        for number, (other, child) in enumerate(self.children.items()):
            if child.live and other != name:
                self.end_child(number, ExecType.CANCELED, 0)
            elif child.leaves > part and other == name:
                self.restate(number, child.shares - part)
        self._look()
        self.wait(20)

    @rule(bid=st.none() | st.integers(96, 102), spread=st.none() | st.integers(-1, 3))
    def quote(self, bid: int | None, spread: int | None) -> None:
        offer = None if spread is None else (99 if bid is None else bid) + spread
        touch = TouchPrices(
            bid_micros=None if bid is None else bid * MICROS,
            offer_micros=None if offer is None else offer * MICROS,
        )
        self.machine.quote = FollowQuote(touch=touch, ticks=Ticks())
        order = self.machine.order
        events = self.machine.do(self.machine.quote)
        gives = self._given(order.terms)
        # It moves what venues have, and nothing that is on its way, taken back or held.
        free = order.lifecycle is Lifecycle.LIVE and order.working_qty > 0 and self.machine.may_route
        free = free and order.cancel is None and order.suspended is None and order.replacing is None
        off = any(self._off(order))
        was = None if order.pegged is None else order.pegged.price_micros
        assert (events[:1] != [] and isinstance(events[0], PegPriced)) >= (
            free and not off and was is not None and gives not in (None, was)
        )
        if off and events:
            # What is on its way elsewhere is not sent elsewhere again, but for a route of the rest.
            assert any(isinstance(event, RouteRequested) for event in events)

    def _given(self, terms: OrderTerms) -> int | None:
        """Work out, from what a peg is, what the quote gives an order to buy."""
        quote = self.machine.quote
        if quote is None or terms.peg is None:
            return None
        bid, offer = quote.touch.bid_micros, quote.touch.offer_micros
        if bid is not None and offer is not None and bid > offer:
            return None
        if terms.peg.peg_type is PegType.MIDPOINT and None in (bid, offer):
            return None
        followed = bid if terms.peg.peg_type is PegType.PRIMARY else offer
        bounds = [price for price in (followed, terms.limit_price_micros) if price is not None]
        return None if followed is None else min(bounds)

    def _off(self, order: Order) -> list[str]:
        price = None if order.pegged is None else order.pegged.price_micros
        return [
            name
            for name, child in self.children.items()
            if child.live and name in self.prices and self.prices[name] != price
        ]

    @precondition(lambda self: self.children)
    @rule(pick=st.integers(0, 100))
    def move(self, pick: int) -> None:
        """A venue does what it may have been asked to, or of itself."""
        name, order = self._pick(pick), self.machine.order
        price = PRICE if order.pegged is None else order.pegged.price_micros
        child = self.children[name]
        moved = ChildRestated(
            cl_ord_id=name, venue_id="XNYS", quantity=child.shares, limit_price_micros=price
        )
        # A move that was in flight may open one again that its venue had called filled.
        opens = child.filled and child.shares > child.done + child.unresolved
        taken = self.machine.do(moved) != []
        assert taken == (opens or (child.live and self.prices.get(name, price) != price))
        if taken:
            self.prices[name] = price
            child.live, child.said_filled = True, False

    @precondition(lambda self: self.children)
    @rule(pick=st.integers(0, 100))
    def leave(self, pick: int) -> None:
        name = self._pick(pick)
        self.machine.reject_cancel(child=name, replaces=True)

    @invariant()
    def every_route_and_every_price_is_of_a_quote_and_within_the_limit(self) -> None:
        terms, priced, seen = self.first.terms, None, len(self.gives)
        for number, (event, after) in enumerate(self.machine.steps):
            if number >= seen:
                self.gives.append(self._given(after.terms))
            if isinstance(event, OrderReplaced):
                terms = after.terms
            if isinstance(event, PegPriced):
                assert event.price_micros == self.gives[number]
                priced = event.price_micros
                assert terms.limit_price_micros is None or priced <= terms.limit_price_micros
            if isinstance(event, RouteRequested):
                assert after.pegged is not None and not after.is_recalled
                assert priced == after.pegged.price_micros == self.gives[number]
                assert after.worked_terms.limit_price_micros == priced
            if isinstance(event, RoutePlaced) and number >= seen:
                assert after.pegged is not None
                self.prices |= {child.cl_ord_id: child.limit_price_micros for child in event.children}

    @invariant()
    def what_is_off_its_price_is_asked_to_move_or_taken_back(self) -> None:
        order = self.machine.order
        off = self._off(order) if order.pegged is not None and order.lifecycle is Lifecycle.LIVE else []
        assert {name for name, _ in order.off_peg} == set(off)
        held = order.taken_back_by is not None
        refused = [order.children[name] for name in off if order.children[name].replace_rejected]
        back = any(not child.cancel_rejected for child in refused)
        if not held and back:
            assert order.is_recalled
        if not held and not order.is_recalled:
            assert set(order.moved_to_peg) == {
                name for name in off if not order.children[name].replace_rejected
            }
            assert bool(order.moved_to_peg) <= (owed_key(order) is not None)


TestOrderStory = OrderStory.TestCase
TestPeggedStory = PeggedStory.TestCase
TestTimedOrderStory = TimedOrderStory.TestCase
TestAuctionStory = AuctionStory.TestCase
# 20,000 steps; OMS_STORY_STEPS=1000000 takes a million.
STEPS = int(os.environ.get("OMS_STORY_STEPS", "20000"))
# Of a million nobody knows how long they take.
pytestmark = [pytest.mark.timeout(0)] if STEPS > 20_000 else []
TestOrderStory.settings = settings(max_examples=STEPS // 40, stateful_step_count=40, deadline=None)
TestTimedOrderStory.settings = settings(max_examples=STEPS // 40, stateful_step_count=40, deadline=None)
TestPeggedStory.settings = settings(max_examples=STEPS // 80, stateful_step_count=40, deadline=None)
TestAuctionStory.settings = settings(max_examples=STEPS // 100, stateful_step_count=20, deadline=None)
