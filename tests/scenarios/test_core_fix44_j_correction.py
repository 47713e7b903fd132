"""FIX 4.4 Appendix D, section J, corrections, and restatements (E): quantities as a client sees them."""

import pytest

from tests.unit.oms_core.orders import PRICE, Machine, names, new_order, working


def test_j1a_a_correction_of_price_changes_avg_px_alone() -> None:
    machine = working()
    machine.trade(1_000, exec_id="E1", price="100")
    machine.correct("E1", 1_000, price="99.50", leaves=9_000)
    assert machine.quantities == ("PARTIALLY_FILLED", 10_000, 1_000, 9_000)
    assert machine.order.avg_px_micros == 99_500_000


def test_j1a_corrections_of_one_trade_follow_each_other() -> None:
    machine = working()
    machine.trade(1_000, exec_id="E1")
    machine.correct("E1", 700, leaves=9_300)
    machine.correct("E1", 900, price="98", leaves=9_100)
    assert machine.quantities == ("PARTIALLY_FILLED", 10_000, 900, 9_100)
    assert machine.order.notional_micros == 900 * 98_000_000
    machine.correct("E1", leaves=10_000)
    assert machine.quantities == ("ACKNOWLEDGED", 10_000, 0, 10_000)


def test_j1b_a_bust_of_a_partly_filled_order_that_was_canceled_leaves_it_canceled() -> None:
    machine = working()
    machine.trade(40, exec_id="E1")
    machine.trade(50, exec_id="E2")
    machine.cancel()
    machine.close()
    machine.correct("E2")
    assert machine.quantities == ("CANCELED", 10_000, 40, 0)


def test_j1c_a_correction_to_fewer_shares_makes_a_filled_order_live_again() -> None:
    machine = working()
    machine.trade(10_000, exec_id="E1")
    assert names(machine.correct("E1", 8_000, leaves=2_000)) == ["TradeCorrected"]
    assert machine.quantities == ("PARTIALLY_FILLED", 10_000, 8_000, 2_000)
    assert machine.order.working_qty == 2_000


def test_a_correction_to_more_shares_may_fill_the_order_and_what_is_too_much_is_in_the_excess() -> None:
    machine = working()
    machine.trade(9_000, exec_id="E1")
    assert names(machine.correct("E1", 10_500)) == ["TradeCorrected"]
    assert machine.quantities == ("FILLED", 10_000, 10_000, 0)
    assert machine.order.excess_qty == 500


def test_a_correction_that_fills_the_order_overtakes_its_pending_cancel() -> None:
    machine = working()
    machine.trade(9_000, exec_id="E1")
    machine.cancel()
    assert names(machine.correct("E1", 10_000)) == ["TradeCorrected", "CancelRejected"]
    assert machine.quantities == ("FILLED", 10_000, 10_000, 0)


def test_e_shares_that_a_restatement_frees_are_routed_again() -> None:
    machine = working()
    machine.trade(1_000)
    assert names(machine.restate(4_000)) == ["ChildRestated", "RouteRequested"]
    assert (machine.order.working_qty, machine.order.route_quantity) == (3_000, 6_000)


def test_e_a_child_that_is_restated_to_what_it_has_done_is_over() -> None:
    machine = working()
    machine.trade(1_000)
    machine.restate(1_000)
    assert (machine.order.working_qty, machine.order.route_quantity) == (0, 9_000)


def test_e_what_a_restatement_frees_while_a_cancel_is_pending_is_not_sent_again() -> None:
    machine = working()
    machine.cancel()
    assert names(machine.restate(4_000)) == ["ChildRestated"]
    assert names(machine.close()) == ["ChildClosed", "OrderCanceled"]


@pytest.mark.parametrize("quantity", [-1, 0, 999, 6_001])
def test_e_a_quantity_that_the_child_cannot_have_is_not_taken(quantity: int) -> None:
    machine = Machine(new_order()).accept().place([("XNYS", 5_000), ("XNAS", 4_000)])
    machine.trade(1_000)
    before = machine.order
    assert machine.restate(quantity) == []
    assert machine.order is before
    assert machine.order.notional_micros == 1_000 * PRICE


def test_e_a_venue_may_give_a_child_shares_that_nobody_else_has() -> None:
    machine = working()
    machine.restate(4_000)
    machine.place(refused=True)
    assert names(machine.restate(9_000)) == ["ChildRestated"]
    assert (machine.order.working_qty, machine.order.unrouted_qty) == (9_000, 1_000)
