"""FIX 4.4 Appendix D, sections A and B, as a client sees them: OrdStatus, OrderQty, CumQty, LeavesQty."""

from oms_platform.vocabulary import OrderDenied, TimeInForce
from tests.unit.oms_core.orders import Machine, names, new_order, working

NEW = ("ACKNOWLEDGED", 10_000, 0, 10_000)


def test_a1a_filled_in_two_parts_and_a_last() -> None:
    machine = working()
    assert machine.quantities == NEW
    machine.trade(2_000)
    assert machine.quantities == ("PARTIALLY_FILLED", 10_000, 2_000, 8_000)
    machine.trade(3_000)
    assert machine.quantities == ("PARTIALLY_FILLED", 10_000, 5_000, 5_000)
    machine.trade(5_000)
    assert machine.quantities == ("FILLED", 10_000, 10_000, 0)


def test_a1c_rejected() -> None:
    machine = Machine(new_order())
    machine.do(OrderDenied(denial="PRICE_OUTSIDE_COLLAR: price=1", checks=(), risk_us=1))
    assert machine.quantities == ("REJECTED", 10_000, 0, 0)


def test_b1a_canceled_before_any_fill() -> None:
    machine = working()
    machine.cancel()
    assert machine.quantities == ("PENDING_CANCEL", 10_000, 0, 10_000)
    machine.close()
    assert machine.quantities == ("CANCELED", 10_000, 0, 0)


def test_b1a_cancel_rejected_leaves_the_order_new() -> None:
    machine = working()
    machine.cancel()
    assert names(machine.reject_cancel()) == ["ChildCancelRejected", "CancelRejected"]
    assert machine.quantities == NEW


def test_b1b_fills_before_and_while_the_cancel_is_pending() -> None:
    machine = working()
    machine.trade(2_000)
    machine.trade(3_000)
    machine.cancel()
    assert machine.quantities == ("PENDING_CANCEL", 10_000, 5_000, 5_000)
    machine.trade(1_000)
    assert machine.quantities == ("PENDING_CANCEL", 10_000, 6_000, 4_000)
    machine.close()
    assert machine.quantities == ("CANCELED", 10_000, 6_000, 0)


def test_b1c_filled_before_the_cancel_could_be_done() -> None:
    machine = working()
    machine.trade(5_000)
    machine.cancel()
    machine.trade(5_000)
    assert machine.quantities == ("FILLED", 10_000, 10_000, 0)
    machine.reject_cancel()
    assert machine.quantities == ("FILLED", 10_000, 10_000, 0)


def test_h_what_an_ioc_order_did_not_get_ends_as_canceled() -> None:
    machine = working(tif=TimeInForce.IOC)
    machine.trade(1_000)
    machine.close()
    assert machine.quantities == ("CANCELED", 10_000, 1_000, 0)


def test_h_a_fok_order_that_cannot_be_filled_whole_ends_as_canceled() -> None:
    machine = working(tif=TimeInForce.FOK)
    machine.close()
    assert machine.quantities == ("CANCELED", 10_000, 0, 0)
