"""FIX 4.4 Appendix D, section I, busts: OrdStatus, OrderQty, CumQty, LeavesQty as a client sees them."""

from datetime import timedelta

import pytest

from oms_platform.vocabulary import CancelCause, ExecType, TimeInForce
from tests.unit.oms_core.orders import PRICE, Machine, names, new_order, working


def test_i1a_a_bust_of_a_partly_filled_order_gives_its_shares_back_to_the_venue() -> None:
    machine = working()
    machine.trade(1_000, exec_id="E1")
    machine.trade(2_000, exec_id="E2", price="101")
    assert names(machine.correct("E1", leaves=8_000)) == ["TradeCorrected"]
    assert machine.quantities == ("PARTIALLY_FILLED", 10_000, 2_000, 8_000)
    assert machine.order.working_qty == 8_000
    assert machine.order.avg_px_micros == 101_000_000


def test_i1a_the_bust_of_the_only_trade_makes_the_order_new_again() -> None:
    machine = working()
    machine.trade(1_000, exec_id="E1")
    machine.correct("E1", leaves=10_000)
    assert machine.quantities == ("ACKNOWLEDGED", 10_000, 0, 10_000)
    assert (machine.order.notional_micros, machine.order.avg_px_micros) == (0, None)


def test_i1b_a_bust_of_a_filled_order_makes_it_live_again_with_its_child() -> None:
    machine = working()
    machine.trade(4_000, exec_id="E1")
    machine.trade(6_000, exec_id="E2")
    assert machine.quantities == ("FILLED", 10_000, 10_000, 0)
    assert names(machine.correct("E2", leaves=6_000)) == ["TradeCorrected"]
    assert machine.quantities == ("PARTIALLY_FILLED", 10_000, 4_000, 6_000)
    assert machine.order.working_qty == 6_000
    machine.trade(6_000, exec_id="E3")
    assert machine.quantities == ("FILLED", 10_000, 10_000, 0)


def test_i1b_a_bust_whose_venue_opens_nothing_again_is_routed_again_by_us() -> None:
    machine = working()
    machine.trade(10_000, exec_id="E1")
    assert names(machine.correct("E1")) == ["TradeCorrected", "RouteRequested"]
    assert machine.quantities == ("ACKNOWLEDGED", 10_000, 0, 10_000)
    assert machine.order.route_quantity == 10_000


@pytest.mark.parametrize("cause", list(CancelCause))
def test_a_bust_of_an_order_that_is_over_lowers_cum_qty_and_leaves_it_over(cause: CancelCause) -> None:
    machine = working()
    machine.trade(9_000, exec_id="E1")
    machine.cancel(cause)
    machine.close()
    over = machine.order.status
    machine.correct("E1")
    assert (machine.order.status, machine.order.cum_qty, machine.order.leaves_qty) == (over, 0, 0)


def test_a_child_that_its_venue_reopens_after_the_order_is_over_is_taken_back() -> None:
    machine = working()
    machine.trade(9_000, exec_id="E1")
    machine.cancel()
    machine.close()
    machine.correct("E1", leaves=10_000)
    assert machine.quantities == ("CANCELED", 10_000, 0, 0)
    assert (machine.order.working_qty, machine.order.is_recalled) == (10_000, True)
    machine.close()
    assert (machine.order.working_qty, machine.order.is_recalled) == (0, False)


def test_what_a_bust_frees_of_an_order_whose_cancel_came_too_late_is_not_sent_again() -> None:
    machine = working()
    machine.trade(4_000, exec_id="E1")
    machine.cancel()
    machine.trade(6_000, exec_id="E2")
    assert machine.quantities == ("FILLED", 10_000, 10_000, 0)
    assert names(machine.correct("E2")) == ["TradeCorrected", "OrderCanceled"]
    assert machine.quantities == ("CANCELED", 10_000, 4_000, 0)


def test_a_child_that_a_bust_reopens_after_a_cancel_that_came_too_late_is_taken_back() -> None:
    machine = working()
    machine.cancel()
    machine.trade(10_000, exec_id="E1")
    machine.correct("E1", leaves=10_000)
    assert machine.quantities == ("ACKNOWLEDGED", 10_000, 0, 10_000)
    assert machine.order.is_recalled
    assert names(machine.close()) == ["ChildClosed", "OrderCanceled"]


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
def test_a_bust_of_an_immediate_order_that_was_filled_cancels_what_it_frees(tif: TimeInForce) -> None:
    machine = working(tif=tif)
    machine.trade(10_000, exec_id="E1")
    assert names(machine.correct("E1")) == ["TradeCorrected", "OrderCanceled"]
    assert machine.quantities == ("CANCELED", 10_000, 0, 0)


def test_a_bust_of_a_bust_changes_nothing_more() -> None:
    machine = working()
    machine.trade(1_000, exec_id="E1")
    machine.correct("E1", leaves=10_000)
    before = machine.quantities
    machine.correct("E1", leaves=10_000)
    assert machine.quantities == before
    assert machine.order.notional_micros == 0


def test_a_bust_of_a_part_of_what_was_too_much_leaves_the_order_filled() -> None:
    machine = working(quantity=100)
    machine.trade(60, exec_id="E1")
    machine.trade(90, exec_id="E2")
    assert machine.order.excess_qty == 50
    machine.correct("E1", 10)
    assert (machine.quantities, machine.order.excess_qty) == (("FILLED", 100, 100, 0), 0)
    machine.correct("E1", 9)
    assert machine.quantities == ("PARTIALLY_FILLED", 100, 99, 1)
    assert machine.order.notional_micros == 99 * PRICE


def test_done_by_its_venues_word_a_child_holds_what_was_not_reported_back_from_every_route() -> None:
    machine = working()
    machine.trade(4_000)
    assert names(machine.close(ExecType.TRADE, unresolved=6_000)) == ["ChildClosed"]
    machine.now += timedelta(hours=1)
    assert machine.quantities == ("PARTIALLY_FILLED", 10_000, 4_000, 6_000)
    assert (machine.order.unresolved_qty, machine.order.unrouted_qty) == (6_000, 0)
    machine.trade(5_000)
    assert (machine.order.unresolved_qty, machine.order.executed_qty) == (1_000, 9_000)
    machine.trade(1_000)
    assert machine.quantities == ("FILLED", 10_000, 10_000, 0)


def test_a_cancel_ends_an_order_without_what_is_unresolved_and_a_late_trade_still_counts() -> None:
    machine = working()
    machine.trade(4_000)
    machine.close(ExecType.TRADE, unresolved=6_000)
    assert names(machine.cancel()) == ["CancelRequested", "OrderCanceled"]
    assert machine.quantities == ("CANCELED", 10_000, 4_000, 0)
    machine.trade(6_000)
    assert machine.quantities == ("CANCELED", 10_000, 10_000, 0)


def test_what_a_canceled_child_leaves_beside_its_unresolved_shares_is_routed_again() -> None:
    machine = Machine(new_order()).accept().place([("XNYS", 10_000)])
    machine.trade(1_000)
    machine.close(ExecType.CANCELED, unresolved=2_000)
    assert machine.order.route_quantity == 7_000
