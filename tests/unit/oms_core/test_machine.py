"""The order machine: what each command makes happen, in each state."""

from datetime import timedelta
from typing import get_args

import pytest
from msgspec.structs import replace

from oms_core.domain.machine import (
    CONTINUED_ATTEMPTS_MAX,
    DRY_ROUTES_MAX,
    FRUITLESS_ROUTES_MAX,
    UnknownChildError,
    apply,
    first_route,
)
from oms_core.domain.order import Event, RequestReplace, RetryRoute
from oms_core.domain.transitions import (
    LIFECYCLE,
    PENDING,
    IllegalTransitionError,
    Lifecycle,
    Pending,
    next_lifecycle,
    next_pending,
)
from oms_platform.ids import uuid7
from oms_platform.vocabulary import (
    CancelCause,
    ExecType,
    OrderAccepted,
    OrderDenied,
    OrderStatus,
    OrderType,
    RoutePlaced,
    TimeInForce,
)
from tests.unit.oms_core.orders import NOW, PRICE, Machine, child_terms, names, new_order, working


def test_an_accepted_order_asks_for_a_route_of_all_its_shares() -> None:
    machine = Machine(new_order()).accept()
    assert names(machine.events) == ["OrderAccepted"]
    assert machine.order.route_quantity == 10_000
    assert machine.quantities == ("ACKNOWLEDGED", 10_000, 0, 10_000)


def test_a_denied_order_is_rejected_and_leaves_nothing() -> None:
    machine = Machine(new_order())
    denied = OrderDenied(denial="ORDER_QTY_EXCEEDS_MAX: quantity=10000, limit=1", checks=(), risk_us=1)
    machine.do(denied)
    assert machine.quantities == ("REJECTED", 10_000, 0, 0)
    assert machine.order.text.startswith("ORDER_QTY_EXCEEDS_MAX: ")


def test_an_order_cannot_be_accepted_twice() -> None:
    machine = Machine(new_order()).accept()
    before = machine.order
    with pytest.raises(IllegalTransitionError):
        machine.accept()
    assert machine.order is before


def test_the_same_exec_id_of_another_venue_is_another_execution() -> None:
    machine = Machine(new_order()).accept().place([("XNYS", 5_000), ("XNAS", 5_000)])
    machine.trade(100, exec_id="E1", child="1-1", venue="XNYS")
    machine.trade(100, exec_id="E1", child="1-2", venue="XNAS")
    assert machine.order.cum_qty == 200


def test_a_route_that_is_answered_twice_is_placed_once() -> None:
    machine = working()
    assert machine.place([("XNYS", 10_000)]).order.working_qty == 10_000
    assert names(machine.events).count("RoutePlaced") == 1


def test_average_price_comes_from_the_exact_notional() -> None:
    machine = working(quantity=300)
    machine.trade(100, exec_id="1", price="100.01")
    machine.trade(200, exec_id="2", price="100.02")
    assert machine.order.notional_micros == 30_005_000_000
    assert machine.order.avg_px_micros == 100_016_667


def test_shares_beyond_the_child_and_the_order_count_and_cum_qty_ends_at_order_qty() -> None:
    machine = working(quantity=300)
    assert names(machine.trade(301)) == ["TradeApplied"]
    assert machine.quantities == ("FILLED", 300, 300, 0)
    assert (machine.order.executed_qty, machine.order.excess_qty) == (301, 1)
    assert machine.order.notional_micros == 301 * PRICE
    assert machine.order.avg_px_micros == PRICE
    machine.trade(9)
    assert (machine.quantities, machine.order.executed_qty) == (("FILLED", 300, 300, 0), 310)


def test_a_late_fill_whose_shares_were_routed_again_counts_and_the_second_child_is_taken_back() -> None:
    machine = working(quantity=300, order_type=OrderType.MARKET)
    machine.close()
    machine.now += timedelta(seconds=1)
    machine.do(RetryRoute())
    machine.place([("XNAS", 300)])
    assert not machine.order.is_recalled
    machine.trade(100, child="1-1")
    assert machine.order.is_recalled
    assert (machine.order.executed_qty, machine.order.working_qty, machine.order.unrouted_qty) == (
        100,
        300,
        0,
    )
    assert names(machine.close(child="2-1")) == ["ChildClosed", "RouteRequested"]
    assert (machine.order.route_quantity, machine.order.is_recalled) == (200, False)


def test_a_route_under_way_is_taken_back_when_a_late_fill_has_used_its_shares() -> None:
    machine = working(quantity=300)
    machine.trade(100)
    machine.close()
    assert machine.order.route_quantity == 200
    machine.trade(50, child="1-1")
    assert machine.order.is_recalled
    machine.place(refused=True)
    machine.now += timedelta(seconds=1)
    machine.do(RetryRoute())
    assert (machine.order.is_recalled, machine.order.route_quantity) == (False, 150)


def test_a_report_of_a_child_that_was_never_placed_is_refused() -> None:
    with pytest.raises(UnknownChildError):
        working().trade(1, child="9-9")


def test_what_a_fruitless_route_left_is_routed_again_after_a_wait() -> None:
    machine = working(quantity=300, order_type=OrderType.MARKET)
    assert names(machine.close()) == ["ChildClosed", "RouteDeferred"]
    assert machine.do(RetryRoute()) == []
    machine.now += timedelta(milliseconds=10)
    (event,) = machine.do(RetryRoute())
    assert (type(event).__name__, machine.order.attempt, machine.order.route_quantity) == (
        "RouteRequested",
        2,
        300,
    )


def test_waits_between_routes_without_a_fill_begin_short_and_double() -> None:
    machine = Machine(new_order(quantity=300)).accept()
    waits = []
    for attempt in range(1, 11):
        machine.place([("XNYS", 300)])
        machine.close(child=f"{attempt}-1")
        assert machine.order.retry_at is not None
        waits.append((machine.order.retry_at - machine.now) // timedelta(milliseconds=1))
        machine.now = machine.order.retry_at
        machine.do(RetryRoute())
    assert waits == [10, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]


@pytest.mark.parametrize("outcome", [ExecType.CANCELED, ExecType.REJECTED])
@pytest.mark.parametrize(("rested_ms", "waits"), [(0, 800), (100, 700), (795, 10), (30_000, 10)])
def test_a_child_that_rested_has_waited(outcome: ExecType, rested_ms: int, waits: int) -> None:
    machine = Machine(new_order(quantity=300)).accept()
    for attempt in range(1, 5):
        machine.place([("XNYS", 300)])
        machine.now += timedelta(milliseconds=rested_ms if attempt == 4 else 0)
        machine.close(outcome, child=f"{attempt}-1")
        assert machine.order.retry_at is not None
        if attempt < 4:
            machine.now = machine.order.retry_at
            machine.do(RetryRoute())
    assert (machine.order.retry_at - machine.now) // timedelta(milliseconds=1) == waits


def test_after_a_fill_the_rest_is_routed_at_once() -> None:
    machine = working(quantity=300, order_type=OrderType.MARKET)
    machine.trade(100)
    assert names(machine.close()) == ["ChildClosed", "RouteRequested"]
    assert machine.order.route_quantity == 200


def test_a_market_order_that_nobody_fills_is_canceled_after_its_last_route() -> None:
    machine = Machine(new_order(quantity=300, order_type=OrderType.MARKET)).accept()
    for attempt in range(1, FRUITLESS_ROUTES_MAX + 1):
        machine.place([("XNYS", 300)])
        machine.close(child=f"{attempt}-1")
        machine.now += timedelta(seconds=20)
        machine.do(RetryRoute())
    assert machine.quantities == ("CANCELED", 300, 0, 0)
    assert machine.order.text.startswith(f"ROUTES_EXHAUSTED: routes={FRUITLESS_ROUTES_MAX}")


def test_a_resting_order_waits_for_a_route_as_long_as_it_lives() -> None:
    machine = Machine(new_order(quantity=300)).accept()
    for _ in range(FRUITLESS_ROUTES_MAX * 2):
        machine.place(reason="NO_QUOTE: symbol=AAPL")
        machine.now += timedelta(seconds=20)
        machine.do(RetryRoute())
    assert machine.order.status is OrderStatus.ACKNOWLEDGED
    assert machine.order.attempt == FRUITLESS_ROUTES_MAX * 2 + 1


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK])
def test_what_an_immediate_order_did_not_get_is_canceled(tif: TimeInForce) -> None:
    machine = working(quantity=300, tif=tif)
    machine.trade(100)
    assert names(machine.close()) == ["ChildClosed", "OrderCanceled"]
    assert machine.quantities == ("CANCELED", 300, 100, 0)


def test_an_immediate_order_without_a_venue_is_canceled_with_the_reason() -> None:
    machine = Machine(new_order(tif=TimeInForce.FOK)).accept().place(reason="FOK_NOT_FILLABLE: displayed=300")
    assert machine.quantities == ("CANCELED", 10_000, 0, 0)
    assert machine.order.text == "FOK_NOT_FILLABLE: displayed=300"


def test_a_rejected_leg_is_routed_again_while_the_others_work() -> None:
    machine = Machine(new_order(quantity=300)).accept().place([("XNYS", 100), ("XNAS", 200)])
    machine.close(ExecType.REJECTED, child="1-1")
    machine.now += timedelta(seconds=1)
    machine.do(RetryRoute())
    assert (machine.order.working_qty, machine.order.route_quantity) == (200, 100)


def test_cancel_before_the_route_is_placed_waits_for_the_route_to_be_refused() -> None:
    machine = Machine(new_order()).accept()
    machine.cancel()
    assert machine.order.status is OrderStatus.PENDING_CANCEL
    machine.place(refused=True)
    assert machine.quantities == ("CANCELED", 10_000, 0, 0)


def test_cancel_while_nothing_works_takes_effect_at_once() -> None:
    machine = Machine(new_order()).accept().place(reason="NO_QUOTE: symbol=AAPL")
    assert names(machine.cancel()) == ["CancelRequested", "OrderCanceled"]


def test_an_order_whose_day_ended_expires_when_its_children_are_out() -> None:
    machine = working()
    machine.trade(100)
    machine.cancel(CancelCause.SESSION_END)
    machine.close()
    assert machine.quantities == ("EXPIRED", 10_000, 100, 0)


def test_a_late_fill_after_cancel_keeps_status_canceled() -> None:
    machine = working()
    machine.cancel()
    machine.close()
    machine.trade(100)
    assert machine.quantities == ("CANCELED", 10_000, 100, 0)


def test_a_cancel_of_a_closed_order_is_rejected_and_changes_no_quantity() -> None:
    machine = working(quantity=100)
    machine.trade(100)
    assert names(machine.cancel()) == ["CancelRejected"]
    assert machine.quantities == ("FILLED", 100, 100, 0)


def test_every_pair_that_is_not_in_the_lifecycle_table_raises() -> None:
    events = {event for _, event in LIFECYCLE} | {event.__name__ for event in get_args(Event)}
    for lifecycle in Lifecycle:
        for event in events:
            for filled in (False, True):
                if (lifecycle, event) in LIFECYCLE:
                    assert next_lifecycle(lifecycle, event, filled=filled) in Lifecycle
                else:
                    with pytest.raises(IllegalTransitionError):
                        next_lifecycle(lifecycle, event, filled=filled)


def test_an_event_about_a_request_that_its_row_does_not_know_raises_and_others_leave_the_axis_alone() -> None:
    about_requests = {event for _, event in PENDING if event not in ("OrderCanceled", "OrderExpired")}
    for pending in Pending:
        for event in about_requests:
            if (pending, event) in PENDING:
                assert next_pending(pending, event, own=True) in Pending
            else:
                with pytest.raises(IllegalTransitionError):
                    next_pending(pending, event, own=True)
        assert next_pending(pending, "TradeApplied", own=True) is pending


def test_a_replace_to_more_shares_brings_a_filled_order_back_and_one_to_fewer_fills_it() -> None:
    assert next_lifecycle(Lifecycle.FILLED, "OrderReplaced", filled=False) is Lifecycle.LIVE
    assert next_lifecycle(Lifecycle.LIVE, "OrderReplaced", filled=True) is Lifecycle.FILLED


def test_an_event_moves_the_sequence_by_one_and_leaves_the_order_before_it_alone() -> None:
    order = new_order()
    route = first_route(order, NOW, may_route=True)
    after = apply(order, OrderAccepted(reserved_price_micros=PRICE, checks=(), risk_us=1, route=route))
    assert (order.sequence, after.sequence) == (1, 2)
    expected = replace(
        order,
        sequence=2,
        lifecycle=Lifecycle.LIVE,
        released_qty=10_000,
        reserved_price_micros=PRICE,
        attempt=1,
        route_quantity=10_000,
        routed_at=NOW,
    )
    assert after == expected


# ---- cancels: pending until every live child has answered; what they free is never sent again


def two_children() -> Machine:
    """Return an order of 300 with 100 at XNYS (1-1) and 200 at XNAS (1-2)."""
    return Machine(new_order(quantity=300)).accept().place([("XNYS", 100), ("XNAS", 200)])


def test_one_venues_refusal_leaves_the_cancel_pending_for_the_others() -> None:
    machine = two_children()
    machine.cancel()
    assert names(machine.reject_cancel(child="1-1")) == ["ChildCancelRejected"]
    assert machine.order.status is OrderStatus.PENDING_CANCEL
    assert names(machine.close(child="1-2")) == ["ChildClosed", "CancelRejected"]
    assert machine.quantities == ("ACKNOWLEDGED", 300, 0, 300)
    assert "100 at XNYS" in machine.events[-1].reason  # type: ignore[union-attr]


def test_shares_that_a_cancel_has_freed_are_never_routed_again() -> None:
    machine = two_children()
    machine.cancel()
    machine.reject_cancel(child="1-1")
    machine.close(child="1-2")
    machine.now += timedelta(hours=1)
    assert machine.do(RetryRoute()) == []
    assert (machine.order.unrouted_qty, machine.order.route_quantity) == (0, 0)


def test_an_order_whose_cancel_was_refused_for_one_child_ends_when_that_child_ends() -> None:
    machine = two_children()
    machine.cancel()
    machine.reject_cancel(child="1-1")
    machine.close(child="1-2")
    machine.trade(40, child="1-1")
    assert machine.quantities == ("PARTIALLY_FILLED", 300, 40, 260)
    assert names(machine.close(child="1-1")) == ["ChildClosed", "OrderCanceled"]
    assert machine.quantities == ("CANCELED", 300, 40, 0)


def test_a_cancel_that_every_venue_refuses_is_rejected_and_may_be_asked_again() -> None:
    machine = two_children()
    machine.cancel()
    machine.reject_cancel(child="1-2")
    assert names(machine.reject_cancel(child="1-1")) == ["ChildCancelRejected", "CancelRejected"]
    assert names(machine.cancel()) == ["CancelRequested"]
    assert machine.order.status is OrderStatus.PENDING_CANCEL
    machine.close(child="1-1")
    assert names(machine.close(child="1-2")) == ["ChildClosed", "OrderCanceled"]


def test_a_refusal_that_comes_twice_or_without_a_cancel_changes_nothing() -> None:
    machine = two_children()
    assert machine.reject_cancel(child="1-1") == []
    machine.cancel()
    machine.reject_cancel(child="1-1")
    assert machine.reject_cancel(child="1-1") == []


def test_a_cancel_while_another_is_pending_is_rejected_and_the_first_goes_on() -> None:
    machine = working()
    machine.cancel()
    assert names(machine.cancel()) == ["CancelRejected"]
    assert machine.order.status is OrderStatus.PENDING_CANCEL
    assert names(machine.close()) == ["ChildClosed", "OrderCanceled"]


def test_a_cancel_that_the_last_fill_overtakes_ends_with_it() -> None:
    machine = working(quantity=100)
    request_id = uuid7()
    machine.cancel(request_id=request_id)
    assert names(machine.trade(100)) == ["TradeApplied", "CancelRejected"]
    assert machine.order.pending is Pending.NONE
    assert machine.quantities == ("FILLED", 100, 100, 0)
    assert machine.events[-1].request_id == request_id  # type: ignore[union-attr]


def test_a_plan_that_was_under_way_when_the_cancel_came_is_waited_for() -> None:
    machine = Machine(new_order(quantity=300)).accept()
    machine.cancel()
    machine.place([("XNYS", 300)])
    assert machine.order.status is OrderStatus.PENDING_CANCEL
    assert names(machine.close()) == ["ChildClosed", "OrderCanceled"]


# ---- routes


def test_routes_without_a_quote_do_not_spend_what_routes_without_a_fill_may() -> None:
    machine = Machine(new_order(quantity=300, order_type=OrderType.MARKET)).accept()
    for _ in range(FRUITLESS_ROUTES_MAX * 3):
        machine.place(reason="STALE_QUOTE: age_ms=3000", no_data=True)
        machine.now += timedelta(seconds=20)
        machine.do(RetryRoute())
    assert machine.order.status is OrderStatus.ACKNOWLEDGED
    assert machine.order.fruitless_routes == 0
    machine.place([("XNYS", 300)])
    machine.trade(300, child=f"{machine.order.attempt}-1")
    assert machine.order.lifecycle is Lifecycle.FILLED


def test_an_immediate_order_waits_for_quotes_for_a_while_and_not_for_ever() -> None:
    machine = Machine(new_order(tif=TimeInForce.IOC)).accept()
    for _ in range(DRY_ROUTES_MAX - 1):
        machine.place(reason="NO_QUOTE: symbol=AAPL", no_data=True)
        assert machine.order.lifecycle is Lifecycle.LIVE
        machine.now += timedelta(seconds=20)
        machine.do(RetryRoute())
    machine.place(reason="NO_QUOTE: symbol=AAPL", no_data=True)
    assert machine.quantities == ("CANCELED", 10_000, 0, 0)


def test_a_route_that_continues_is_followed_by_the_next_one_at_once() -> None:
    machine = Machine(new_order(order_type=OrderType.MARKET)).accept()
    machine.place([("DARK", 10_000)], continues=True)
    assert names(machine.close()) == ["ChildClosed", "RouteRequested"]
    assert machine.order.fruitless_routes == 0


def test_plans_that_continue_for_ever_are_slowed_down_in_the_end() -> None:
    machine = Machine(new_order(order_type=OrderType.MARKET)).accept()
    followed: list[str] = []
    for attempt in range(1, CONTINUED_ATTEMPTS_MAX + 1):
        machine.place([("DARK", 10_000)], continues=True)
        followed.append(names(machine.close(child=f"{attempt}-1"))[-1])
    assert set(followed[:-1]) == {"RouteRequested"}
    assert followed[-1] == "RouteDeferred"


def test_the_next_route_is_told_what_came_of_the_children_at_each_venue() -> None:
    machine = Machine(new_order(quantity=1_000)).accept()
    machine.place([("XNYS", 400), ("BATS", 300), ("XNYS", 300)])
    machine.trade(150, child="1-1")
    machine.now = later = NOW + timedelta(milliseconds=40)
    machine.close(ExecType.REJECTED, child="1-2")
    xnys, bats = machine.order.visits["XNYS"], machine.order.visits["BATS"]
    assert (xnys.children, xnys.sent, xnys.filled, xnys.rejected) == (2, 700, 150, 0)
    assert (bats.children, bats.sent, bats.filled, bats.rejected) == (1, 300, 0, 1)
    assert (xnys.last_at, bats.last_at) == (NOW, later)


def showing(display: int, *legs: tuple[int, int, TimeInForce], quantity: int = 1_000) -> Machine:
    """Return an order that shows a part of itself, with children of (shares, shown, time in force)."""
    order = new_order(quantity=quantity)
    machine = Machine(replace(order, terms=replace(order.terms, display_quantity=display))).accept()
    children = tuple(
        replace(
            child_terms(machine.order, 1, leg, "XNYS", shares), display_quantity=shown, time_in_force=force
        )
        for leg, (shares, shown, force) in enumerate(legs, 1)
    )
    machine.do(RoutePlaced(attempt=1, children=children, placed_at=machine.now))
    return machine


@pytest.mark.parametrize(
    ("legs", "left"),
    [
        ([], 300),
        ([(500, 200, TimeInForce.DAY)], 100),
        ([(500, 100, TimeInForce.GTC), (400, 100, TimeInForce.DAY)], 100),
        # One that is shown whole says so by saying nothing; one that takes shows nothing.
        ([(250, 0, TimeInForce.DAY)], 50),
        ([(500, 0, TimeInForce.IOC)], 300),
        # Nothing is not all of it.
        ([(500, 300, TimeInForce.DAY)], -1),
        ([(500, 200, TimeInForce.DAY), (400, 200, TimeInForce.DAY)], -1),
    ],
)
def test_what_live_children_show_is_not_left_to_be_shown(
    legs: list[tuple[int, int, TimeInForce]], left: int
) -> None:
    assert showing(300, *legs).order.display_left == left


def test_a_child_shows_no_more_than_it_has_left_and_nothing_when_it_is_over() -> None:
    machine = showing(300, (500, 200, TimeInForce.DAY))
    machine.trade(250)
    assert machine.order.display_left == 100
    machine.trade(150)
    assert machine.order.display_left == 200
    machine.close()
    assert machine.order.display_left == 300


def test_an_order_that_shows_all_of_itself_leaves_it_at_that() -> None:
    assert showing(0, (500, 0, TimeInForce.DAY)).order.display_left == 0


def test_what_an_order_shows_is_the_same_when_it_is_read_again_from_its_events() -> None:
    machine = showing(300, (500, 200, TimeInForce.DAY))
    machine.trade(400)
    again = new_order(quantity=1_000)
    again = replace(again, terms=replace(again.terms, display_quantity=300))
    for event in machine.events:
        again = apply(again, event)
    assert again.display_left == machine.order.display_left == 200


@pytest.mark.parametrize(
    ("display", "quantity", "taken_back"), [(300, 1_001, True), (300, 999, False), (0, 1_001, False)]
)
def test_an_order_that_shows_a_part_and_gets_more_shares_is_taken_back_to_show_them(
    display: int, quantity: int, taken_back: bool
) -> None:
    machine = showing(display, (1_000, min(display, 300), TimeInForce.DAY))
    machine.trade(100)
    terms = replace(machine.order.terms, quantity=quantity)
    wish = RequestReplace(request_id=uuid7(), terms=terms, problem=None, reserved_price_micros=PRICE)
    events = names(machine.do(wish))
    assert events[0] == "ReplaceRequested"
    assert ("OrderReplaced" not in events) == (taken_back or quantity < 1_000)
