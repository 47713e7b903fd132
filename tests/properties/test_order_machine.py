"""The order machine against a naive model: whatever venues and clients do, the quantities hold."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from oms_core.domain.machine import OverfillError, UnknownChildError
from oms_core.domain.order import CancelCause, OrderType, RetryRoute, TimeInForce
from tests.unit.oms_core.orders import Machine, new_order

VENUES = ("XNYS", "XNAS", "ARCX")


class OrderStory(RuleBasedStateMachine):
    """Routes get random legs; children trade, end and refuse cancels at random; reports come twice."""

    @initialize(
        quantity=st.integers(1, 500),
        order_type=st.sampled_from(list(OrderType)),
        tif=st.sampled_from(list(TimeInForce)),
    )
    def begin(self, quantity: int, order_type: OrderType, tif: TimeInForce) -> None:
        self.machine = Machine(new_order(quantity=quantity, order_type=order_type, tif=tif)).accept()
        self.fills: dict[str, int] = {}
        self.filled = 0
        self.children: dict[str, list[int]] = {}  # child -> [shares, done, live]
        self.closed_status = ""
        self.late = 0  # shares that a venue reported of a child after it had said that the child is out

    def _live(self) -> list[str]:
        return [child for child, (_, _, live) in self.children.items() if live]

    @precondition(lambda self: self.machine.order.route_quantity)
    @rule(cuts=st.lists(st.integers(0, 500), max_size=2), refused=st.booleans())
    def place_route(self, cuts: list[int], refused: bool) -> None:
        left = self.machine.order.route_quantity
        refused = refused and self.machine.order.pending_cancel is not None
        legs = []
        for venue, cut in zip(VENUES, [*cuts, left], strict=False):
            shares = min(cut, left)
            if shares and not refused:
                legs.append((venue, shares))
                left -= shares
        attempt = self.machine.order.attempt
        self.machine.place(legs, reason="" if legs else "NO_QUOTE: symbol=AAPL", refused=refused)
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

    @precondition(lambda self: self.fills)
    @rule(pick=st.integers(0, 100))
    def report_a_fill_again(self, pick: int) -> None:
        exec_id = list(self.fills)[pick % len(self.fills)]
        assert self.machine.trade(self.fills[exec_id], child=next(iter(self.children)), exec_id=exec_id) == ()

    @precondition(lambda self: self._live())
    @rule(pick=st.integers(0, 100), outcome=st.sampled_from(["CANCELED", "REJECTED", "EXPIRED"]))
    def end_child(self, pick: int, outcome: str) -> None:
        live = self._live()
        child = live[pick % len(live)]
        self.machine.close(outcome, child=child)
        self.children[child][2] = 0
        assert self.machine.close(outcome, child=child) == ()

    @rule(cause=st.sampled_from(list(CancelCause)))
    def cancel(self, cause: CancelCause) -> None:
        self.machine.cancel(cause)

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
        assert order.filled_notional == 100 * self.filled
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
    def sequence_counts_events(self) -> None:
        assert self.machine.order.sequence == 1 + len(self.machine.events)


TestOrderStory = OrderStory.TestCase
TestOrderStory.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
