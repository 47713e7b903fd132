"""FIX 4.4 Appendix D (`order_rows`): on the pure machine, and through core with reports as the adapter's."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from oms_core.domain.changes import changed_terms, problem_of_change
from oms_core.domain.order import RequestReplace, RequestResume, RequestSuspend, RetryRoute
from oms_platform import ids
from oms_platform.messages import ReplaceChild
from oms_platform.order_ids import child_cl_ord_id
from oms_platform.trading_calendar import Calendar
from oms_platform.vocabulary import CancelCause, ExecType, OrderChange, OrderDenied, TimeInForce
from oms_platform.wire import Topic
from tests.scenarios.order_rows import ROWS, Line
from tests.unit.oms_core.orders import PRICE, Machine, new_order
from tests.unit.oms_core.scene import Scene

MICROS = 1_000_000
VENUE = "XNYS"
ENDS = {
    "venues cancel": ExecType.CANCELED,
    "venues reject": ExecType.REJECTED,
    "venues are done": ExecType.DONE_FOR_DAY,
}


class PureOrder:
    """A row on `evolve` alone."""

    def __init__(self) -> None:
        self.machine = Machine(new_order())
        # The child that was to be made smaller where it is, and its quantity then.
        self.smaller: tuple[str, int] | None = None

    def do(self, line: Line) -> tuple[list[str], tuple[str, int, int, int]]:
        """Let an act happen. Returns the names of its events, and the order's state after it."""
        machine, before = self.machine, len(self.machine.events)
        self._act(line)
        if machine.order.retry_at is not None:
            machine.now = machine.order.retry_at
            machine.do(RetryRoute())
        while machine.order.route_quantity and not machine.order.closed:
            if machine.order.taken_back_by is not None:
                machine.place(refused=True)
            else:
                machine.place([(VENUE, machine.order.route_quantity)])
        return [type(event).__name__ for event in machine.events[before:]], machine.quantities

    @property
    def _live(self) -> list[str]:
        return [name for name, child in self.machine.order.children.items() if child.live]

    def _act(self, line: Line) -> None:
        machine = self.machine
        match line.act:
            case "new":
                terms = replace(machine.order.terms, time_in_force=TimeInForce[line.force])
                machine.order = replace(machine.order, terms=terms)
                machine.accept()
            case "denied":
                machine.do(OrderDenied(denial="PRICE_OUTSIDE_COLLAR: price=1", checks=(), risk_us=1))
            case "trade":
                left = line.numbers[0]
                for name in self._live:
                    shares = min(left, machine.order.children[name].leaves_qty)
                    if shares:
                        machine.trade(shares, child=name, exec_id=f"E{self._trades + 1}")
                    left -= shares
            case "cancel":
                machine.cancel()
            case "session ends":
                if machine.order.terms.time_in_force is TimeInForce.DAY:
                    machine.cancel(CancelCause.SESSION_END)
            case "replace":
                self._replace(line)
            case "suspend":
                machine.do(RequestSuspend(request_id=ids.uuid7()))
            case "resume":
                machine.do(RequestResume(request_id=ids.uuid7()))
            case _:
                self._venues(line)

    @property
    def _trades(self) -> int:
        return sum(type(event).__name__ == "TradeApplied" for event in self.machine.events)

    def _replace(self, line: Line) -> None:
        order = self.machine.order
        price = None if line.price is None else line.price * MICROS
        change = OrderChange(quantity=line.numbers[0] if line.numbers else None, limit_price_micros=price)
        terms = changed_terms(order.terms, change)
        problem = problem_of_change(order.terms, terms)
        if problem is None and price is not None and price > 2 * PRICE:
            problem = "PRICE_OUTSIDE_COLLAR: as risk says"
        self.machine.do(
            RequestReplace(
                request_id=ids.uuid7(), terms=terms, problem=problem, reserved_price_micros=price or PRICE
            )
        )
        self.smaller = self.machine.order.made_smaller or self.smaller

    def _venues(self, line: Line) -> None:
        machine = self.machine
        match line.act:
            case "venues replace":
                assert self.smaller is not None
                name, quantity = self.smaller
                if quantity > machine.order.children[name].executed_qty:
                    machine.restate(quantity, child=name)
                else:
                    machine.close(child=name)
            case "venues refuse":
                assert self.smaller is not None
                machine.reject_cancel(child=self.smaller[0], replaces=True)
            case "venues keep":
                for name in self._live:
                    machine.reject_cancel(child=name)
            case "venues have":
                for name in self._live:
                    machine.restate(line.numbers[0], child=name)
            case "bust":
                machine.correct(f"E{line.numbers[0]}")
            case "reopen":
                number = line.numbers[0]
                reported = machine.effects.reported((VENUE, "", "", f"E{number}"))
                assert reported is not None
                child = machine.order.children[reported.cl_ord_id]
                machine.correct(f"E{number}", leaves=child.leaves_qty + reported.last_qty)
            case "correct":
                number, shares = line.numbers
                reported = machine.effects.reported((VENUE, "", "", f"E{number}"))
                assert reported is not None
                left = machine.order.children[reported.cl_ord_id].quantity - shares
                machine.correct(f"E{number}", shares, price=str(line.price), leaves=left)
            case act:
                for name in self._live:
                    machine.close(ENDS[act] if act != "venues are done" else ExecType.EXPIRED, child=name)


class CoreOrder:
    """A row through core's loop: messages in, the store's order and events out."""

    def __init__(self) -> None:
        calendar = Calendar(calendar_id="SIM", continuous_from=timedelta(hours=21))
        self.scene = Scene(calendar=calendar)
        self.order_id = UUID(int=0)
        self.trades: list[Any] = []
        # The attempt whose child was to be made smaller where it is, and its quantity then.
        self.smaller: tuple[int, int] | None = None

    def do(self, line: Line) -> tuple[list[str], tuple[str, int, int, int]]:
        """Let an act happen. Returns the names of its events, and the order's state after it."""
        scene, before = self.scene, len(self.scene.event_types(self.order_id))
        self._act(line)
        if scene.state(self.order_id).retry_at is not None:
            scene.step(1)
        while (order := scene.state(self.order_id)).route_quantity and not order.closed:
            if order.taken_back_by is not None:
                scene.place(self.order_id, refused=True)
            else:
                scene.place(self.order_id, (VENUE, order.route_quantity))
        order = scene.state(self.order_id)
        assert not scene.dead_letters()
        return (
            scene.event_types(self.order_id)[before:],
            (order.status.name, order.terms.quantity, order.cum_qty, order.leaves_qty),
        )

    @property
    def _live(self) -> list[tuple[int, int]]:
        """(attempt, shares that may trade) of each live child."""
        children = self.scene.state(self.order_id).children
        return [(int(name.split("-")[1]), child.leaves_qty) for name, child in children.items() if child.live]

    def _act(self, line: Line) -> None:
        scene, order_id = self.scene, self.order_id
        match line.act:
            case "new":
                self.order_id = scene.order(quantity=10_000, time_in_force=TimeInForce[line.force])
            case "denied":
                self.order_id = scene.order(quantity=10_000, limit_price_micros=9 * PRICE)
            case "trade":
                left = line.numbers[0]
                for attempt, leaves in self._live:
                    if shares := min(left, leaves):
                        self.trades.append((scene.fill(order_id, shares, attempt=attempt), attempt))
                    left -= shares
            case "cancel":
                scene.cancel(order_id)
            case "session ends":
                scene.now = scene.now.replace(hour=21)
                scene.step()
                scene.step()
            case "replace":
                quantity = line.numbers[0] if line.numbers else None
                price = None if line.price is None else line.price * MICROS
                scene.replace(order_id, OrderChange(quantity=quantity, limit_price_micros=price))
                if (smaller := scene.state(order_id).made_smaller) is not None:
                    asked = scene.published(Topic.ROUTED)[-1]
                    assert isinstance(asked, ReplaceChild)
                    assert (asked.cl_ord_id, asked.quantity) == smaller
                    self.smaller = int(smaller[0].split("-")[1]), smaller[1]
            case "suspend":
                scene.suspend(order_id)
            case "resume":
                scene.resume(order_id)
            case _:
                self._venues(line)

    def _venues(self, line: Line) -> None:
        scene, order_id = self.scene, self.order_id
        match line.act:
            case "venues replace" | "venues refuse":
                assert self.smaller is not None
                attempt, quantity = self.smaller
                child = scene.state(order_id).children[child_cl_ord_id(order_id, attempt, 1)]
                if line.act == "venues refuse":
                    scene.keep(order_id, attempt=attempt, replaces=True)
                elif quantity > child.executed_qty:
                    scene.report(order_id, ExecType.RESTATED, attempt=attempt, order_qty=quantity)
                else:
                    scene.report(order_id, ExecType.CANCELED, attempt=attempt)
            case "venues keep":
                for attempt, _ in self._live:
                    scene.keep(order_id, attempt=attempt)
            case "venues have":
                for attempt, _ in self._live:
                    quantity = line.numbers[0]
                    scene.report(order_id, ExecType.RESTATED, attempt=attempt, order_qty=quantity)
            case "bust" | "reopen":
                trade, attempt = self.trades[line.numbers[0] - 1]
                child = scene.state(order_id).children[trade.cl_ord_id]
                leaves = child.leaves_qty + trade.last_qty if line.act == "reopen" else 0
                scene.bust(order_id, trade.exec_id, attempt=attempt, leaves_qty=leaves)
            case "correct":
                number, shares = line.numbers
                trade, attempt = self.trades[number - 1]
                left = scene.state(order_id).children[trade.cl_ord_id].quantity - shares
                price = (line.price or 0) * MICROS
                scene.correct(
                    order_id, trade.exec_id, shares, attempt=attempt, leaves_qty=left, last_px_micros=price
                )
            case act:
                for attempt, _ in self._live:
                    scene.report(order_id, ENDS[act], attempt=attempt)


def walk(row: str, order: PureOrder | CoreOrder) -> None:
    """Take an order through a row, and hold each line to it."""
    for line in ROWS[row]:
        said, state = order.do(line)
        assert state == line.state, (line, said)
        if line.says:
            assert line.says in said, line


@pytest.mark.parametrize("row", ROWS)
def test_on_the_machine(row: str) -> None:
    walk(row, PureOrder())


@pytest.mark.parametrize("row", ROWS)
def test_through_core(row: str) -> None:
    walk(row, CoreOrder())


@pytest.mark.parametrize("row", ROWS)
def test_through_a_core_that_begins_again_after_every_act(row: str) -> None:
    order = CoreOrder()
    for line in ROWS[row]:
        _, state = order.do(line)
        assert state == line.state, line
        held = order.scene.core.desk.order(order.order_id)
        order.scene.start()
        found = order.scene.store.load_orders([order.order_id])[order.order_id].order
        assert found == held
