"""The order machine against a naive model: whatever venues and clients do, the quantities hold."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from oms_core.domain.machine import OverfillError, UnknownChildError, apply
from oms_core.domain.order import RetryRoute
from oms_core.domain.transitions import Pending
from oms_platform.ids import uuid7
from oms_platform.vocabulary import (
    CancelCause,
    CancelRejected,
    CancelRequested,
    ExecType,
    OrderCanceled,
    OrderExpired,
    OrderType,
    TimeInForce,
)
from tests.unit.oms_core.orders import Machine, new_order

OUTCOMES = (ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED)
VENUES = ("XNYS", "XNAS", "ARCX")


class OrderStory(RuleBasedStateMachine):
    """Routes get random legs, or none, refused or not; children trade, end and keep what is to be canceled at
    random and in any order. Nothing is assumed of who answers what, or of when a plan is refused.
    """

    @initialize(
        quantity=st.integers(1, 500),
        order_type=st.sampled_from(list(OrderType)),
        tif=st.sampled_from(list(TimeInForce)),
    )
    def begin(self, quantity: int, order_type: OrderType, tif: TimeInForce) -> None:
        self.first = new_order(quantity=quantity, order_type=order_type, tif=tif)
        self.machine = Machine(self.first).accept()
        self.fills: dict[str, int] = {}
        self.filled = 0
        self.children: dict[str, list[int]] = {}  # child -> [shares, done, live]
        self.closed_status = ""
        self.asked: list[object] = []  # requests to cancel
        self.canceled_at: int | None = None  # shares that had been sent when the first cancel was taken
        self.late = 0  # shares that a venue reported of a child after it had said that the child is out

    def _live(self) -> list[str]:
        return [child for child, (_, _, live) in self.children.items() if live]

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
            self.children[f"{attempt}-{number}"] = [shares, 0, 1]

    @precondition(lambda self: self.children)
    @rule(pick=st.integers(0, 100), quantity=st.integers(1, 500))
    def trade(self, pick: int, quantity: int) -> None:
        child = list(self.children)[pick % len(self.children)]
        exec_id = f"E{len(self.fills)}"
        shares, done, live = self.children[child]
        fits = done + quantity <= shares and self.filled + quantity <= self.machine.order.terms.quantity
        before = self.machine.order
        try:
            self.machine.trade(quantity, child=child, exec_id=exec_id)
        except OverfillError:
            assert not fits
            assert self.machine.order is before
            return
        assert fits
        self.fills[exec_id] = quantity
        self.filled += quantity
        self.late += 0 if live else quantity
        self.children[child] = [shares, done + quantity, live and done + quantity < shares]

    @precondition(lambda self: self._live())
    @rule(
        pick=st.integers(0, 100),
        outcome=st.sampled_from(OUTCOMES),
    )
    def end_child(self, pick: int, outcome: ExecType) -> None:
        live = self._live()
        child = live[pick % len(live)]
        self.machine.close(outcome, child=child)
        self.children[child][2] = 0
        assert self.machine.close(outcome, child=child) == []

    @rule(cause=st.sampled_from(list(CancelCause)))
    def cancel(self, cause: CancelCause) -> None:
        request_id = uuid7()
        before = self._sent()
        events = self.machine.cancel(cause, request_id)
        assert [e.request_id for e in events[:1] if isinstance(e, CancelRequested | CancelRejected)] == [
            request_id
        ]
        self.asked.append(request_id)
        if self.canceled_at is None and isinstance(events[0], CancelRequested):
            self.canceled_at = before + self.machine.order.route_quantity

    def _sent(self) -> int:
        return sum(shares for shares, _, _ in self.children.values())

    @precondition(lambda self: self.children)
    @rule(pick=st.integers(0, 100))
    def refuse_cancel(self, pick: int) -> None:
        self.machine.reject_cancel(child=list(self.children)[pick % len(self.children)])

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
        assert order.cum_qty == self.filled <= order.terms.quantity
        assert order.leaves_qty == (0 if order.closed else order.terms.quantity - self.filled)
        assert order.notional_micros == 100_000_000 * self.filled
        working = sum(shares - done for shares, done, live in self.children.values() if live)
        if not order.closed:
            assert order.working_qty == working
        assert self.filled + order.working_qty + order.route_quantity <= order.terms.quantity + self.late

    @invariant()
    def a_closed_order_stays_closed(self) -> None:
        if self.closed_status:
            assert self.machine.order.status == self.closed_status
        elif self.machine.order.closed:
            self.closed_status = self.machine.order.status

    @invariant()
    def a_live_order_is_never_forgotten(self) -> None:
        """Something will still happen to it: a child works, a route is under way, or a retry is due."""
        order = self.machine.order
        if not order.closed:
            assert order.working_qty or order.route_quantity or order.retry_at is not None

    @invariant()
    def nothing_is_sent_for_an_order_after_its_cancel_was_taken(self) -> None:
        if self.canceled_at is not None:
            assert self._sent() + self.machine.order.route_quantity <= self.canceled_at
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
            own = isinstance(event, CancelRejected) and after.cancel is not None
            if own and event.request_id == after.cancel.request_id and not after.closed:
                assert not after.route_quantity
                assert all(child.cancel_rejected for child in after.children.values() if child.live)

    @invariant()
    def every_request_has_one_first_answer(self) -> None:
        answered = [
            event.request_id
            for event in self.machine.events
            if isinstance(event, CancelRequested | CancelRejected)
        ]
        assert set(answered) == set(self.asked)
        ends = [e for e in self.machine.events if isinstance(e, OrderCanceled | OrderExpired)]
        assert len(ends) <= 1

    @invariant()
    def counters_are_the_sums_over_children(self) -> None:
        order = self.machine.order
        assert order.working_qty == sum(child.leaves_qty for child in order.children.values())
        assert sum(visit.sent for visit in order.visits.values()) == self._sent()
        assert sum(visit.filled for visit in order.visits.values()) == order.cum_qty

    @invariant()
    def the_stored_events_fold_to_the_same_order(self) -> None:
        order = self.first
        for event in self.machine.events:
            order = apply(order, event)
        assert order == self.machine.order

    @invariant()
    def sequence_counts_events(self) -> None:
        assert self.machine.order.sequence == 1 + len(self.machine.events)


TestOrderStory = OrderStory.TestCase
TestOrderStory.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
