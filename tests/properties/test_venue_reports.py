"""A core under whatever venues report: nothing of an execution is lost or counted twice, nothing is illegal.

Reports come for any order and child, known or not, with any identity, quantity and price, in any order; some
come again, one by one or a whole suffix of what came; the core is restarted in between. The model is a
dictionary of what each execution stands at, and the simulation's auditor follows every event besides.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from oms_core.domain.desk import Desk
from oms_core.domain.machine import apply
from oms_core.domain.order import Order
from oms_core.ports import UnitOfWork, event_of
from oms_platform import ids
from oms_platform.exceptions import EXECUTIONS, ExceptionKind, exception_identity, message_content
from oms_platform.messages import CancelOrder, ExecutionReport, SubmitOrder
from oms_platform.trading_calendar import EVER_OPEN
from oms_platform.vocabulary import ExecType, OrderStatus, Side, TimeInForce
from oms_platform.wire import Topic
from oms_tools.simulation.followed_accounts import fees_of
from oms_tools.simulation.order_invariants import OrderAuditor
from tests.unit.oms_core.orders import PRICE
from tests.unit.oms_core.scene import ACCOUNT, Scene

ENDS = (ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED, ExecType.DONE_FOR_DAY, ExecType.CALCULATED)
SILENT = (ExecType.NEW, ExecType.PENDING_CANCEL, ExecType.SUSPENDED, ExecType.STOPPED, ExecType.ORDER_STATUS)
DAYS = ("", "20261102", "20261103")
QUANTITIES = st.one_of(st.integers(-2, 400), st.sampled_from((2**31 - 1, 100, 300)))
Key = tuple[UUID, str, str, str, str]


def _content(report: ExecutionReport) -> tuple[object, ...]:
    """Return what an execution says. A correction to no shares says what a bust says."""
    busted = report.exec_type is ExecType.TRADE_CANCEL or (
        report.exec_type is ExecType.TRADE_CORRECT and not report.last_qty
    )
    if busted:
        return ExecType.TRADE_CANCEL, report.cl_ord_id
    return report.exec_type, report.cl_ord_id, report.last_qty, report.last_px_micros


class VenueReports(RuleBasedStateMachine):
    """Two orders and a stranger; children at two venues."""

    @initialize(
        tifs=st.lists(st.sampled_from(list(TimeInForce)), min_size=2, max_size=2),
        sides=st.lists(st.sampled_from(list(Side)), min_size=2, max_size=2),
    )
    def begin(self, tifs: list[TimeInForce], sides: list[Side]) -> None:
        self.scene = Scene()
        self.scene.store.set_fees(fees_of(("XNYS", "XNAS", "ARCX")))
        self.scene.step()
        self._audit()
        self.sides = {
            self.scene.order(time_in_force=tif, side=side): side
            for tif, side in zip(tifs, sides, strict=True)
        }
        self.orders = [*self.sides, ids.uuid7()]
        self.sent: list[ExecutionReport] = []
        # What each trade stands at, and what each correction was about.
        self.standing: dict[Key, tuple[int, int]] = {}
        self.reported: dict[Key, tuple[object, ...]] = {}
        self.content: dict[Key, tuple[object, ...]] = {}
        self.refused: set[int] = set()  # places in `sent`

    def _audit(self) -> None:
        """Let the simulation's auditor look at every batch, with a model of its own."""
        auditor = OrderAuditor({ACCOUNT: 10**15}, timedelta(days=365), 10.0, lambda _symbol: 0.0, EVER_OPEN)
        store = self.scene.store
        take_request, commit = store.take_request, store.commit

        def taken(request: SubmitOrder | CancelOrder, trace: str = "") -> None:
            auditor.request_taken(request)
            take_request(request, trace)

        def committed(unit: UnitOfWork, desk: Desk, next_offsets: Mapping[tuple[str, int], int]) -> None:
            commit(unit, desk, next_offsets)
            auditor.committed(unit, desk)

        store.take_request = taken  # type: ignore[method-assign]
        store.commit = committed  # type: ignore[method-assign]

    # ---- what venues do

    @rule(pick=st.integers(0, 1), cut=st.integers(0, 300), refused=st.sampled_from((False, False, True)))
    def place(self, pick: int, cut: int, refused: bool) -> None:
        order_id = self.orders[pick]
        left = self.scene.state(order_id).route_quantity
        if left:
            cut = min(cut, left)
            legs = [leg for leg in (("XNYS", cut), ("XNAS", left - cut)) if leg[1]]
            self.scene.place(order_id, *([] if refused else legs), refused=refused)

    def _report(self, kind: ExecType, place: tuple[int, int, int], **fields: Any) -> None:
        pick, attempt, leg = place
        order_id = self.orders[pick]
        fields.setdefault("side", self.sides.get(order_id, Side.BUY))
        order = self.scene.store.orders.get(order_id)
        name = f"{order_id.hex}-{attempt}-{leg}"
        child = order.children.get(name) if order is not None else None
        fields.setdefault("venue_id", child.venue_id if child is not None else "XNYS")
        before = len(self.scene.store.exceptions)
        report = self.scene.report(order_id, kind, leg, attempt=attempt, **fields)
        # What named a child that was not there may be taken when it is.
        if len(self.scene.store.exceptions) > before or child is None:
            self.refused.add(len(self.sent))
        self.sent.append(report)
        self._model(report, known=child is not None)

    def _is_exception(self, report: ExecutionReport) -> bool:
        """Whether an exception of any kind is of this report, whatever the adapter counted by then."""
        content = message_content(replace(report, cum_qty=0, leaves_qty=0, unresolved_qty=0))
        return any(
            exception_identity(kind, report.venue_id, content) in self.scene.store.exceptions
            for kind in ExceptionKind
        )

    PLACES = st.tuples(
        st.sampled_from((0, 0, 0, 0, 1, 2)), st.sampled_from((1, 1, 1, 1, 2)), st.sampled_from((1, 1, 1, 2))
    )
    IDENTITIES = st.fixed_dictionaries(
        {
            "exec_id": st.sampled_from(("", "E1", "E2", "E3")),
            "trade_date": st.sampled_from(DAYS[:2]),
            "venue_order_id": st.just("V1"),
        }
    )

    @rule(place=PLACES, identity=IDENTITIES, quantity=QUANTITIES, price=st.sampled_from((PRICE, PRICE + 1)))
    def trade(self, place: tuple[int, int, int], identity: dict[str, str], quantity: int, price: int) -> None:
        self._report(ExecType.TRADE, place, last_qty=quantity, last_px_micros=price, **identity)

    @rule(place=PLACES, quantity=st.integers(1, 300), number=st.integers(0, 10**6))
    def ordinary_trade(self, place: tuple[int, int, int], quantity: int, number: int) -> None:
        self._report(
            ExecType.TRADE, place, last_qty=quantity, last_px_micros=PRICE, exec_id=f"X{number}",
            venue_order_id="V1", trade_date=DAYS[1],
        )  # fmt: skip

    @rule(place=PLACES, identity=IDENTITIES, price=st.sampled_from((None, 0, -1)))
    def free_trade(self, place: tuple[int, int, int], identity: dict[str, str], price: int | None) -> None:
        self._report(ExecType.TRADE, place, last_qty=10, last_px_micros=price, **identity)

    @rule(place=PLACES, identity=IDENTITIES, wrong=st.sampled_from(("symbol", "side", "venue_id")))
    def contradiction(self, place: tuple[int, int, int], identity: dict[str, str], wrong: str) -> None:
        side = self.sides.get(self.orders[place[0]], Side.BUY)
        other = {"symbol": "MSFT", "side": Side.SELL if side is Side.BUY else Side.BUY, "venue_id": "ARCX"}
        self._report(
            ExecType.TRADE, place, last_qty=10, last_px_micros=PRICE, **identity, **{wrong: other[wrong]}
        )

    @precondition(lambda self: self.reported)
    @rule(
        pick=st.integers(0, 100),
        number=st.integers(0, 10**6),
        bust=st.booleans(),
        quantity=QUANTITIES,
        leaves=st.integers(0, 400),
    )
    def correction(self, pick: int, number: int, bust: bool, quantity: int, leaves: int) -> None:
        order_id, _, day, venue_order_id, exec_ref_id = list(self.reported)[pick % len(self.reported)]
        name = str(self.reported[list(self.reported)[pick % len(self.reported)]][0])
        attempt, leg = (int(part) for part in name.split("-")[1:])
        self._report(
            ExecType.TRADE_CANCEL if bust else ExecType.TRADE_CORRECT,
            (self.orders.index(order_id), attempt, leg),
            exec_id=f"C{number}", trade_date=day, venue_order_id=venue_order_id, exec_ref_id=exec_ref_id,
            last_qty=quantity, last_px_micros=PRICE, leaves_qty=leaves,
        )  # fmt: skip

    @rule(place=PLACES, identity=IDENTITIES, bust=st.booleans())
    def correction_of_nothing(
        self, place: tuple[int, int, int], identity: dict[str, str], bust: bool
    ) -> None:
        kind = ExecType.TRADE_CANCEL if bust else ExecType.TRADE_CORRECT
        fields: dict[str, Any] = {"last_qty": 5, "last_px_micros": PRICE, "exec_ref_id": "NEVER"}
        self._report(kind, place, **identity, **fields)

    @rule(place=PLACES, kind=st.sampled_from(ENDS), number=st.integers(0, 30), unresolved=st.integers(0, 300))
    def end(self, place: tuple[int, int, int], kind: ExecType, number: int, unresolved: int) -> None:
        self._report(kind, place, exec_id=f"T{number}", unresolved_qty=unresolved)

    @precondition(lambda self: self.scene.state(self.orders[0]).children)
    @rule(kind=st.sampled_from(ENDS), number=st.integers(0, 10**6), leaves=st.integers(0, 300))
    def bust_after_an_end(self, kind: ExecType, number: int, leaves: int) -> None:
        _, attempt, leg = list(self.scene.state(self.orders[0]).children)[-1].split("-")
        place, identity = (0, int(attempt), int(leg)), {"trade_date": DAYS[1], "venue_order_id": "V1"}
        self._report(
            ExecType.TRADE, place, last_qty=1, last_px_micros=PRICE, exec_id=f"X{number}", **identity
        )
        self._report(kind, place, exec_id=f"T{number}", **identity)
        self._report(
            ExecType.TRADE_CANCEL, place, exec_id=f"C{number}", exec_ref_id=f"X{number}", leaves_qty=leaves,
            **identity,
        )  # fmt: skip

    @rule(place=PLACES, quantity=QUANTITIES, number=st.integers(0, 30))
    def restate(self, place: tuple[int, int, int], quantity: int, number: int) -> None:
        self._report(ExecType.RESTATED, place, exec_id=f"R{number}", order_qty=quantity)

    @rule(place=PLACES, kind=st.sampled_from(SILENT))
    def say_nothing(self, place: tuple[int, int, int], kind: ExecType) -> None:
        before = dict(self.scene.store.orders)
        self._report(kind, place)
        assert self.scene.store.orders == before

    @rule(pick=st.integers(0, 1), leg=st.integers(1, 2))
    def keep(self, pick: int, leg: int) -> None:
        if f"{self.orders[pick].hex}-1-{leg}" in self.scene.state(self.orders[pick]).children:
            self.scene.keep(self.orders[pick], leg)

    # ---- what comes again

    @precondition(lambda self: self.sent)
    @rule(count=st.integers(1, 50))
    def replay_a_suffix(self, count: int) -> None:
        first = max(0, len(self.sent) - count)
        before = dict(self.scene.store.orders), dict(self.scene.store.positions)
        exceptions = set(self.scene.store.exceptions)
        for report in self.sent[first:]:
            again = replace(report, received_at=self.scene.now)
            self.scene.send(Topic.FILLS, again)
            self._model(again, known=True)
        if not self.refused & set(range(first, len(self.sent))):
            assert (dict(self.scene.store.orders), dict(self.scene.store.positions)) == before
            assert set(self.scene.store.exceptions) == exceptions

    @rule()
    def restart(self) -> None:
        before = dict(self.scene.core.desk.orders), dict(self.scene.store.positions)
        self.scene.start()
        assert (self.scene.core.desk.orders, dict(self.scene.core.desk.positions)) == before

    @rule(pick=st.integers(0, 1))
    def cancel(self, pick: int) -> None:
        self.scene.cancel(self.orders[pick])

    @rule(seconds=st.integers(0, 20))
    def wait(self, seconds: int) -> None:
        self.scene.step(seconds=seconds)

    # ---- the model

    def _model(self, report: ExecutionReport, *, known: bool) -> None:
        """Take an execution as a naive reader of the reports would."""
        key = (report.order_id, report.venue_id, report.trade_date, report.venue_order_id, report.exec_id)
        order = self.scene.store.orders.get(report.order_id)
        child = order.children.get(report.cl_ord_id) if order is not None else None
        fits = child is not None and known and child.venue_id == report.venue_id
        fits = fits and report.symbol == "AAPL" and report.side is self.sides.get(report.order_id)
        if report.exec_type not in EXECUTIONS or not fits or report.exec_id == "":
            return
        content = _content(report)
        if key in self.reported:
            assert content == self.content[key] or self._is_exception(report)
            return
        shares, price = report.last_qty, report.last_px_micros or 0
        if report.exec_type is ExecType.TRADE:
            if shares > 0 and price > 0:
                self.reported[key], self.content[key] = (report.cl_ord_id,), content
                self.standing[key] = shares, price
            return
        about = (*key[:4], report.exec_ref_id)
        if about in self.reported and (report.exec_type is ExecType.TRADE_CANCEL or shares >= 0):
            while len(self.reported[about]) > 1:
                about = self.reported[about][1]  # type: ignore[assignment]
            self.reported[key], self.content[key] = (report.cl_ord_id, about), content
            self.standing[about] = (0, 0) if report.exec_type is ExecType.TRADE_CANCEL else (shares, price)

    # ---- what holds

    @invariant()
    def the_position_is_the_sum_of_what_executions_stand_at(self) -> None:
        quantity = cash = 0
        for key, (shares, price) in self.standing.items():
            signed = shares if self.sides[key[0]] is Side.BUY else -shares
            quantity, cash = quantity + signed, cash - signed * price
        position = self.scene.core.desk.position(ACCOUNT, "AAPL")
        assert (position.quantity, position.net_cash_micros) == (quantity, cash)
        assert position.net_cash_micros + position.cost_micros == position.realized_pnl_micros

    @invariant()
    def an_orders_quantities_are_those_of_its_executions(self) -> None:
        for order_id in self.sides:
            order = self.scene.state(order_id)
            standing = [at for key, at in self.standing.items() if key[0] == order_id]
            assert order.executed_qty == sum(shares for shares, _ in standing)
            assert order.notional_micros == sum(shares * price for shares, price in standing)
            assert order.leaves_qty == (0 if order.closed else order.terms.quantity - order.cum_qty)
            if order.status is OrderStatus.FILLED:
                assert order.cum_qty == order.terms.quantity

    @invariant()
    def every_execution_is_applied_or_an_exception(self) -> None:
        applied = {
            (order_id, change.venue_id, change.exec_id)
            for order_id, events in self.scene.store.events.items()
            for event in events
            if (change := event.trade_applied or event.trade_corrected) is not None
        }
        kept = {
            (exception.order_id, exception.venue_id, exception.exec_id)
            for exception in self.scene.store.exceptions.values()
        }
        for report in self.sent:
            if report.exec_type in EXECUTIONS:
                assert (report.order_id, report.venue_id, report.exec_id) in applied | kept

    @invariant()
    def no_execution_is_a_dead_letter_and_no_report_is_illegal(self) -> None:
        for letter in self.scene.dead_letters():
            assert letter.reason.split(":")[0] in ("UnknownOrderError", "UnknownChildError"), letter.reason
            assert not any(f'"{kind.value}"'.encode() in letter.payload for kind in EXECUTIONS)

    @invariant()
    def what_is_stored_folds_to_what_is_in_memory(self) -> None:
        for order_id in self.sides:
            order = Order(order_id=order_id, terms=self.scene.state(order_id).terms)
            for event in self.scene.store.events[order_id]:
                order = apply(order, event_of(event))
            assert order == self.scene.state(order_id)


TestVenueReports = VenueReports.TestCase
TestVenueReports.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)
