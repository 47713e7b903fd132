"""FIX 4.4 Appendix D, C.1.c, behind the platform: a 35=G in flight makes a child larger that was filled."""

from uuid import UUID

import pytest

from oms_core.domain.executions import change_of
from oms_core.domain.machine import restatement_refused
from oms_platform import order_ids
from oms_platform.messages import CancelChildren
from oms_platform.vocabulary import ChildRestated, ExecType
from oms_platform.wire import Topic
from tests.unit.oms_core.orders import Machine, names, working
from tests.unit.oms_core.scene import Scene


def filled_when_smaller() -> Machine:
    """Return an order whose only child its venue has made 4,000 of 10,000 of itself, and filled."""
    machine = working()
    machine.trade(1_000)
    machine.restate(4_000)
    machine.place(refused=True)
    machine.trade(3_000)
    return machine


@pytest.mark.parametrize("quantity", [4_001, 7_000, 10_000])
def test_c_1_c_a_filled_child_lives_again_with_more_shares_than_are_done(quantity: int) -> None:
    machine = filled_when_smaller()
    assert not machine.order.working_qty
    assert "ChildRestated" in names(machine.restate(quantity))
    assert machine.order.working_qty == quantity - 4_000
    machine.trade(quantity - 4_000)
    assert (machine.order.cum_qty, machine.order.working_qty) == (quantity, 0)


def test_c_1_c_of_a_child_that_its_venue_called_filled_without_a_word_of_its_quantity() -> None:
    machine = working()
    machine.trade(4_000)
    machine.close(ExecType.TRADE)
    assert names(machine.restate(10_000))[:1] == ["ChildRestated"]
    assert machine.order.working_qty == 6_000


@pytest.mark.parametrize("quantity", [-1, 0, 3_999, 4_000])
def test_c_1_c_a_filled_child_with_no_more_than_is_done_stays_over(quantity: int) -> None:
    machine = filled_when_smaller()
    before = machine.order
    assert machine.restate(quantity) == []
    assert machine.order is before


@pytest.mark.parametrize("outcome", [ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED])
def test_no_other_end_is_undone(outcome: ExecType) -> None:
    machine = working()
    machine.trade(4_000)
    machine.close(outcome)
    assert machine.restate(10_000) == []
    (child,) = machine.order.children.values()
    said = ChildRestated(cl_ord_id="1-1", venue_id="XNYS", quantity=10_000)
    assert change_of(said) is None
    assert restatement_refused(machine.order, child, said) == (
        "a child that ended unfilled cannot have 10000 shares"
    )


def test_a_bust_of_what_a_venue_called_filled_leaves_an_end_that_no_replace_undoes() -> None:
    machine = working()
    machine.trade(4_000, exec_id="E1")
    machine.close(ExecType.TRADE)
    machine.correct("E1", 3_000)
    assert machine.restate(10_000) == []


def test_what_was_routed_elsewhere_meanwhile_is_taken_back_with_what_came_back() -> None:
    machine = working()
    machine.trade(1_000)
    machine.restate(4_000)
    machine.place([("XNAS", 6_000)])
    machine.trade(3_000)
    assert names(machine.restate(10_000)) == ["ChildRestated"]
    order = machine.order
    assert (order.committed_qty, order.is_recalled) == (16_000, True)
    machine.close(child="1-1")
    assert names(machine.close(child="2-1")) == ["ChildClosed", "RouteRequested"]
    assert machine.order.route_quantity == 6_000


def test_a_child_that_its_venue_kept_before_is_asked_for_again_once_it_is_open_again() -> None:
    machine = working()
    machine.cancel()
    machine.reject_cancel()
    machine.restate(4_000)
    machine.trade(4_000)
    assert machine.order.closed
    machine.restate(10_000)
    assert machine.order.is_recalled
    assert not machine.order.children["1-1"].cancel_rejected


# ---- through core, as its adapter reports


def filled_in_core(scene: Scene) -> UUID:
    """Return an order of 300: XNYS made its 300 to 100 of itself, XNAS has the other 200, XNYS is filled."""
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.step(1)
    scene.fill(order_id, 40)
    scene.report(order_id, ExecType.RESTATED, order_qty=100)
    scene.place(order_id, ("XNAS", 200))
    scene.fill(order_id, 60)
    scene.step(1)
    return order_id


def test_through_core_what_comes_back_counts_once_and_is_taken_back_with_what_replaced_it() -> None:
    scene = Scene()
    order_id = filled_in_core(scene)
    replaced = scene.report(order_id, ExecType.RESTATED, order_qty=300, leaves_qty=200)
    first, _ = (order_ids.child_cl_ord_id(order_id, attempt, 1) for attempt in (1, 2))
    for again in range(3):
        child = scene.state(order_id).children[first]
        assert (child.live, child.quantity, child.leaves_qty) == (True, 300, 200)
        assert scene.state(order_id).committed_qty == 500
        (recall,) = scene.published(Topic.ROUTED)
        assert isinstance(recall, CancelChildren)
        assert recall.through_attempt == 2
        if again:
            scene.start()
        scene.send(Topic.FILLS, replaced)
    assert scene.event_types(order_id).count("ChildRestated") == 2
    scene.fill(order_id, 50)
    scene.report(order_id, ExecType.CANCELED)
    scene.report(order_id, ExecType.CANCELED, attempt=2, venue_id="XNAS")
    assert scene.route_requests()[-1].quantity == 150
    assert (scene.exceptions(), scene.dead_letters()) == ([], [])


def test_through_core_a_report_of_before_the_fill_opens_nothing() -> None:
    scene = Scene()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.step(1)
    # An answer of the venue to a 35=G that moved the child; it has no ExecID.
    replaced = scene.report(order_id, ExecType.RESTATED, order_qty=290, exec_id="0")
    scene.fill(order_id, 100)
    scene.report(order_id, ExecType.CALCULATED)
    scene.send(Topic.FILLS, replaced)
    (child, *_) = scene.state(order_id).children.values()
    assert (child.live, child.executed_qty, scene.exceptions()) == (False, 100, [])


def test_through_core_a_child_whose_venue_called_it_filled_may_have_all_its_shares_again() -> None:
    scene = Scene()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 100)
    scene.report(order_id, ExecType.CALCULATED)
    scene.report(order_id, ExecType.RESTATED, order_qty=300, leaves_qty=200)
    (child, *_) = scene.state(order_id).children.values()
    assert (child.live, child.leaves_qty) == (True, 200)


@pytest.mark.parametrize("end", [ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED])
def test_through_core_a_replace_of_a_child_that_ended_otherwise_is_a_persons(end: ExecType) -> None:
    scene = Scene()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 100)
    scene.report(order_id, end)
    scene.report(order_id, ExecType.RESTATED, order_qty=290, leaves_qty=190)
    (child, *_) = scene.state(order_id).children.values()
    assert (child.live, scene.exceptions()) == (False, ["BAD_QUANTITY"])
    (shown,) = scene.store.exceptions.values()
    assert shown.detail == "a child that ended unfilled cannot have 290 shares"
