"""The core's handlers through fakes: one effect a message, what is staged, who is asked for what."""

from datetime import timedelta
from typing import Any

import pytest

from oms_core.domain.touch import TouchPrices
from oms_platform import ids, order_ids
from oms_platform.messages import CancelChildren, OrderEvent, ReplaceChild
from oms_platform.trading_calendar import Calendar
from oms_platform.vocabulary import ExecType, OrderChange, OrderType, Side, TimeInForce
from oms_platform.wire import Topic
from tests.unit.oms_core.orders import NOW, PRICE
from tests.unit.oms_core.scene import ACCOUNT, OFFER, Scene, limits


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_an_accepted_order_asks_the_router_by_symbol_with_its_terms_whole(scene: Scene) -> None:
    order_id = scene.order(min_quantity=50)
    (request,) = scene.route_requests()
    assert request.terms == scene.state(order_id).terms
    assert (request.terms.min_quantity, request.quantity, request.attempt) == (50, 300, 1)
    assert scene.broker.records(Topic.VALIDATED)[0].key == "AAPL"


def test_an_order_that_comes_twice_is_taken_once(scene: Scene) -> None:
    order_id = scene.order()
    request, _ = scene.store.requests[order_id]
    scene.send(Topic.INBOUND, request)
    assert scene.event_types(order_id) == ["OrderAccepted"]
    assert len(scene.route_requests()) == 1


def test_an_execution_that_comes_twice_is_applied_once_also_in_the_next_life(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    report = scene.fill(order_id, 100)
    scene.send(Topic.FILLS, report)
    scene.start()
    scene.send(Topic.FILLS, report)
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 100, 200)
    assert len(scene.store.executions) == 1


def test_the_same_exec_id_of_another_venue_is_another_execution(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 100), ("XNAS", 200))
    scene.fill(order_id, 100, exec_id="E")
    scene.fill(order_id, 200, leg=2, venue_id="XNAS", exec_id="E")
    assert scene.quantities(order_id) == ("FILLED", 300, 0)


def test_an_event_is_stored_published_and_forwarded_as_the_same_bytes(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300, last_px_micros=100_123_456)
    published = [event for event in scene.published(Topic.EVENTS) if isinstance(event, OrderEvent)]
    assert published == scene.store.events[order_id]
    assert [event.stream_sequence for event in published] == [1, 2, 3]
    assert str(published[-1].avg_px) == "100.123456"


def test_positions_and_exposure_follow_the_fills(scene: Scene) -> None:
    order_id = scene.order()
    exposure = scene.core.desk.states[ACCOUNT]
    assert exposure.reserved_micros == 300 * PRICE
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 100)
    exposure = scene.core.desk.states[ACCOUNT]
    assert (exposure.reserved_micros, exposure.gross_cost_micros) == (200 * PRICE, 100 * PRICE)
    position = scene.store.positions[ACCOUNT, "AAPL"]
    assert (position.quantity, position.net_cash_micros) == (100, -100 * PRICE)


# ---- cancels


def test_one_refused_cancel_ends_neither_the_cancel_nor_brings_a_route(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 100), ("XNAS", 200))
    scene.cancel(order_id)
    scene.keep(order_id, 1)
    scene.report(order_id, ExecType.CANCELED, 2, venue_id="XNAS")
    for _ in range(20):
        scene.step(seconds=10)
    assert scene.event_types(order_id)[-1] == "CancelRejected"
    assert len(scene.route_requests()) == 1
    scene.report(order_id, ExecType.CANCELED, 1)
    assert scene.quantities(order_id) == ("CANCELED", 0, 0)


def test_a_cancel_is_asked_of_the_adapter_through_the_attempt_it_is_about(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 100)
    scene.report(order_id, ExecType.CANCELED)
    scene.place(order_id, ("XNAS", 200))
    request_id = scene.cancel(order_id)
    (cancel,) = scene.published(Topic.ROUTED)
    assert isinstance(cancel, CancelChildren)
    assert (cancel.request_id, cancel.through_attempt) == (request_id, 2)


def test_a_venue_that_is_at_it_already_has_not_answered_the_cancel(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.cancel(order_id)
    scene.keep(order_id, reason=3)
    assert scene.quantities(order_id)[0] == "PENDING_CANCEL"
    scene.report(order_id, ExecType.CANCELED)
    assert scene.quantities(order_id) == ("CANCELED", 0, 0)


def test_a_cancel_that_comes_twice_has_one_outcome(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    request_id = scene.cancel(order_id)
    scene.cancel(order_id, request_id=request_id)
    scene.start()
    scene.cancel(order_id, request_id=request_id)
    assert scene.event_types(order_id).count("CancelRequested") == 1
    assert "CancelRejected" not in scene.event_types(order_id)
    assert len(scene.published(Topic.ROUTED)) == 1


@pytest.mark.parametrize("asked", ["replace", "suspend"])
def test_what_takes_an_orders_children_back_is_asked_of_the_adapter_and_nothing_is_routed_until_then(
    scene: Scene, asked: str
) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 200), ("XNAS", 100))
    if asked == "replace":
        request_id = scene.replace(order_id, OrderChange(limit_price_micros=PRICE - 10_000))
    else:
        request_id = scene.suspend(order_id)
    (cancel,) = scene.published(Topic.ROUTED)
    assert isinstance(cancel, CancelChildren)
    assert (cancel.request_id, cancel.through_attempt) == (request_id, 1)
    scene.report(order_id, ExecType.CANCELED)
    assert len(scene.route_requests()) == 1
    scene.report(order_id, ExecType.CANCELED, leg=2, venue_id="XNAS")
    if asked == "suspend":
        assert (scene.quantities(order_id), len(scene.route_requests())) == (("SUSPENDED", 0, 300), 1)
        scene.resume(order_id)
    again = scene.route_requests()[-1]
    assert (again.attempt, again.quantity, again.terms) == (2, 300, scene.state(order_id).terms)


def test_what_takes_children_back_is_said_again_by_the_next_life(scene: Scene) -> None:
    replaced, suspended = scene.order(), scene.order()
    for order_id in (replaced, suspended):
        scene.place(order_id, ("XNYS", 300))
    asked = {scene.replace(replaced, OrderChange(quantity=100)), scene.suspend(suspended)}
    before = len(scene.published(Topic.ROUTED))
    scene.everybody_has_read()
    scene.start()
    scene.step(seconds=10)
    scene.step(seconds=10)
    said = scene.published(Topic.ROUTED)[before:]
    assert {one.request_id for one in said if isinstance(one, CancelChildren | ReplaceChild)} == asked


def test_a_replace_that_comes_twice_has_one_effect_also_in_the_next_life(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    change = OrderChange(quantity=500)
    request_id = scene.replace(order_id, change)
    scene.replace(order_id, change, request_id=request_id)
    scene.start()
    scene.replace(order_id, change, request_id=request_id)
    assert scene.event_types(order_id)[2:] == ["ReplaceRequested", "OrderReplaced", "RouteRequested"]
    assert [request.quantity for request in scene.route_requests()] == [300, 200]


def test_one_child_that_can_take_all_of_it_is_made_smaller_where_it_is(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 100), ("XNAS", 200))
    request_id = scene.replace(order_id, OrderChange(quantity=150))
    (asked,) = scene.published(Topic.ROUTED)
    assert isinstance(asked, ReplaceChild)
    larger = order_ids.child_cl_ord_id(order_id, 1, 2)
    assert (asked.request_id, asked.cl_ord_id, asked.quantity) == (request_id, larger, 50)
    scene.report(order_id, ExecType.RESTATED, leg=2, venue_id="XNAS", order_qty=50)
    assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 150)
    scene.step(seconds=10)
    assert (len(scene.route_requests()), len(scene.published(Topic.ROUTED))) == (1, 1)


@pytest.mark.parametrize("quantity", [100, 50])
def test_what_no_child_alone_can_take_is_canceled_and_routed_again(scene: Scene, quantity: int) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 100), ("XNAS", 200))
    scene.replace(order_id, OrderChange(quantity=quantity))
    (asked,) = scene.published(Topic.ROUTED)
    assert isinstance(asked, CancelChildren)


def test_a_child_that_is_not_replaced_is_canceled_and_never_asked_to_be_smaller_again(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    first = scene.replace(order_id, OrderChange(quantity=200))
    scene.keep(order_id, replaces=True)
    scene.keep(order_id)
    assert scene.event_types(order_id)[-1] == "ReplaceRejected"
    assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 300)
    second = scene.replace(order_id, OrderChange(quantity=150))
    said = [(type(one), getattr(one, "request_id", None)) for one in scene.published(Topic.ROUTED)]
    assert said == [(ReplaceChild, first), (CancelChildren, first), (CancelChildren, second)]


def test_a_replace_that_overtakes_its_order_takes_the_order_first(scene: Scene) -> None:
    order_id = scene.order(publish=False)
    scene.replace(order_id, OrderChange(quantity=500))
    assert scene.event_types(order_id) == ["OrderAccepted", "ReplaceRequested", "OrderReplaced"]
    scene.place(order_id, ("XNYS", 300))
    assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 500)
    scene.step(seconds=1)
    assert [request.quantity for request in scene.route_requests()] == [300, 200]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (OrderChange(), "nothing would change"),
        (OrderChange(quantity=300, limit_price_micros=PRICE), "nothing would change"),
        (OrderChange(quantity=0), "quantity: expected 1 or more, was 0"),
        (OrderChange(quantity=40), "quantity: expected the minimum of 50 or more, was 40"),
        (OrderChange(limit_price_micros=0), "limitPrice: expected a price above 0, was 0 micros"),
        (OrderChange(time_in_force=TimeInForce.IOC), "timeInForce: DAY does not become IOC"),
        (
            OrderChange(quantity=2_000_000),
            "ORDER_QTY_EXCEEDS_MAX: quantity=2000000, limit=1000000",
        ),
        (
            OrderChange(limit_price_micros=2 * PRICE),
            "PRICE_OUTSIDE_COLLAR: price=200.00, touch=100.01, collar_bps=500, limit=105.01",
        ),
    ],
)
def test_an_order_does_not_become_what_it_may_not_be(scene: Scene, change: OrderChange, reason: str) -> None:
    order_id = scene.order(min_quantity=50)
    scene.place(order_id, ("XNYS", 300))
    before = scene.state(order_id)
    request_id = scene.replace(order_id, change)
    rejected = scene.store.events[order_id][-1]
    assert rejected.replace_rejected is not None
    assert (rejected.request_id, rejected.replace_rejected.reason) == (request_id, reason)
    after = scene.state(order_id)
    assert (after.terms, after.status, after.working_qty) == (before.terms, before.status, 300)


def test_a_market_order_is_given_no_limit(scene: Scene) -> None:
    order_id = scene.order(order_type=OrderType.MARKET)
    scene.place(order_id, ("XNYS", 300))
    scene.replace(order_id, OrderChange(limit_price_micros=PRICE))
    rejected = scene.store.events[order_id][-1].replace_rejected
    assert rejected is not None
    assert rejected.reason == "limitPrice: a MARKET order has none"


def test_a_replace_needs_buying_power_for_what_it_adds_and_no_more() -> None:
    scene = Scene(limits=limits(buying_power=600 * PRICE))
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 100)
    scene.replace(order_id, OrderChange(quantity=600))
    assert scene.event_types(order_id)[-2:] == ["OrderReplaced", "RouteRequested"]
    assert scene.core.desk.states[ACCOUNT].reserved_micros == 500 * PRICE
    scene.replace(order_id, OrderChange(quantity=601))
    assert scene.event_types(order_id)[-1] == "ReplaceRejected"
    other = scene.order(quantity=1)
    assert scene.quantities(other)[0] == "REJECTED"


def test_a_pending_replace_holds_the_buying_power_of_the_larger_order() -> None:
    scene = Scene(limits=limits(buying_power=600 * PRICE))
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.replace(order_id, OrderChange(quantity=100))
    exposure = scene.core.desk.states[ACCOUNT]
    assert (scene.quantities(order_id)[0], exposure.reserved_micros) == ("PENDING_REPLACE", 300 * PRICE)
    scene.report(order_id, ExecType.CANCELED)
    assert exposure.reserved_micros == 100 * PRICE
    scene.place(order_id, ("XNYS", 100))
    scene.replace(order_id, OrderChange(quantity=500, limit_price_micros=PRICE + 10_000))
    assert (scene.quantities(order_id)[0], exposure.reserved_micros) == (
        "PENDING_REPLACE",
        500 * (PRICE + 10_000),
    )


def test_a_cancel_that_overtakes_its_order_takes_the_order_first(scene: Scene) -> None:
    order_id = scene.order(publish=False)
    scene.cancel(order_id)
    assert scene.event_types(order_id) == ["OrderAccepted", "CancelRequested"]
    request, _ = scene.store.requests[order_id]
    scene.send(Topic.INBOUND, request)
    assert scene.event_types(order_id) == ["OrderAccepted", "CancelRequested"]


def test_a_late_fill_of_a_canceled_order_still_counts(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.cancel(order_id)
    scene.report(order_id, ExecType.CANCELED)
    scene.start()
    scene.fill(order_id, 10)
    assert scene.quantities(order_id) == ("CANCELED", 10, 0)
    assert scene.store.positions[ACCOUNT, "AAPL"].quantity == 10


# ---- what venues take back, correct and restate


def test_a_bust_gives_the_shares_and_the_cash_back(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 100, exec_id="E1", last_px_micros=101_000_000)
    scene.fill(order_id, 200, exec_id="E2")
    scene.bust(order_id, "E1", leaves_qty=100)
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 200, 100)
    position = scene.store.positions[ACCOUNT, "AAPL"]
    assert (position.quantity, position.net_cash_micros) == (200, -200 * PRICE)
    assert (scene.exceptions(), scene.dead_letters()) == ([], [])


def test_a_bust_that_comes_twice_has_one_effect_also_in_the_next_life(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300, exec_id="E1")
    bust = scene.bust(order_id, "E1", leaves_qty=300)
    scene.send(Topic.FILLS, bust)
    scene.start()
    scene.send(Topic.FILLS, bust)
    assert scene.event_types(order_id).count("TradeCorrected") == 1
    assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 300)


def test_a_correction_changes_shares_price_and_position(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300, exec_id="E1")
    scene.correct(order_id, "E1", 200, last_px_micros=99_000_000, leaves_qty=100)
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 200, 100)
    position = scene.store.positions[ACCOUNT, "AAPL"]
    assert (position.quantity, position.net_cash_micros) == (200, -200 * 99_000_000)


def test_a_correction_may_name_the_correction_before_it(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300, exec_id="E1")
    scene.correct(order_id, "E1", 200, exec_id="C1", leaves_qty=100)
    scene.bust(order_id, "C1", leaves_qty=300)
    assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 300)
    assert scene.store.positions[ACCOUNT, "AAPL"].quantity == 0
    last = scene.store.events[order_id][-1].trade_corrected
    assert last is not None
    assert (last.exec_ref_id, last.was_qty) == ("E1", 200)


def test_a_bust_of_a_trade_that_nobody_has_is_an_exception(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 100), ("XNYS", 200))
    scene.fill(order_id, 100, exec_id="E1")
    scene.bust(order_id, "E9")
    scene.bust(order_id, "E1", leg=2, venue_order_id="V2")
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 100, 200)
    assert scene.exceptions() == ["UNKNOWN_TRADE", "UNKNOWN_TRADE"]


def test_a_bust_of_one_of_two_trades_that_it_fits_is_an_exception(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    for day in ("20261102", "20261103"):
        scene.fill(order_id, 50, exec_id="E1", trade_date=day, venue_order_id="V1")
    scene.bust(order_id, "E1", trade_date="20261104", venue_order_id="V1")
    assert (scene.quantities(order_id)[1], scene.exceptions()) == (100, ["UNKNOWN_TRADE"])
    scene.bust(order_id, "E1", trade_date="20261103", venue_order_id="V1", leaves_qty=250)
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 50, 250)


@pytest.mark.parametrize(
    "again", [{"last_qty": 60}, {"last_px_micros": PRICE + 1}, {"leg": 2}, {"exec_type": "bust"}]
)
def test_an_exec_id_that_comes_again_with_other_content_is_an_exception(
    scene: Scene, again: dict[str, Any]
) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 100), ("XNYS", 200))
    scene.fill(order_id, 40, exec_id="E1")
    if "exec_type" in again:
        scene.bust(order_id, "E1", exec_id="E1", leaves_qty=100)
    else:
        values = {"last_qty": 40, "last_px_micros": PRICE, "leg": 1} | again
        scene.report(order_id, ExecType.TRADE, exec_id="E1", **values)
    assert (scene.quantities(order_id)[1], scene.exceptions()) == (40, ["REPEATED_EXEC_ID"])


def test_an_exec_id_of_another_day_or_of_another_venue_order_is_another_execution(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 10, exec_id="E1", trade_date="20261102", venue_order_id="V1")
    scene.fill(order_id, 20, exec_id="E1", trade_date="20261103", venue_order_id="V1")
    scene.fill(order_id, 30, exec_id="E1", trade_date="20261103", venue_order_id="V2")
    assert (scene.quantities(order_id)[1], scene.exceptions()) == (60, [])


def test_an_overfill_is_in_the_position_and_an_exception(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    report = scene.fill(order_id, 450)
    scene.send(Topic.FILLS, report)
    assert scene.quantities(order_id) == ("FILLED", 300, 0)
    assert scene.store.positions[ACCOUNT, "AAPL"].quantity == 450
    assert (scene.exceptions(), scene.dead_letters()) == (["OVERFILL"], [])


def test_every_trade_beyond_its_child_or_its_order_is_told(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 100), ("XNAS", 200))
    scene.fill(order_id, 150)
    scene.fill(order_id, 200, leg=2, venue_id="XNAS")
    assert (scene.state(order_id).excess_qty, scene.exceptions()) == (50, ["OVERFILL", "OVERFILL"])


def test_an_excess_of_children_within_theirs_is_told(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.report(order_id, ExecType.CANCELED)
    scene.step(1)
    scene.place(order_id, ("XNAS", 300))
    scene.fill(order_id, 60)
    child = order_ids.child_cl_ord_id(order_id, 2, 1)
    scene.report(order_id, ExecType.TRADE, attempt=2, venue_id="XNAS", last_qty=300, last_px_micros=PRICE)
    assert scene.state(order_id).children[child].executed_qty == 300
    assert (scene.state(order_id).excess_qty, scene.exceptions()) == (60, ["OVERFILL"])


def test_what_is_overcommitted_by_a_late_fill_is_taken_back_from_the_other_venue(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 10)
    scene.report(order_id, ExecType.CANCELED)
    scene.place(order_id, ("XNAS", 290))
    scene.fill(order_id, 100)
    (recall,) = scene.published(Topic.ROUTED)
    assert isinstance(recall, CancelChildren)
    assert recall.through_attempt == 2
    scene.report(order_id, ExecType.CANCELED, attempt=2, venue_id="XNAS")
    assert scene.route_requests()[-1].quantity == 190
    assert scene.exceptions() == []


def test_a_restatement_that_the_order_allows_frees_shares_and_another_one_is_an_exception(
    scene: Scene,
) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 50)
    restated = scene.report(order_id, ExecType.RESTATED, order_qty=200)
    assert scene.route_requests()[-1].quantity == 100
    for quantity in (49, 301):
        scene.report(order_id, ExecType.RESTATED, order_qty=quantity)
    scene.send(Topic.FILLS, restated)
    assert scene.event_types(order_id).count("ChildRestated") == 1
    assert scene.exceptions() == ["BAD_QUANTITY", "BAD_QUANTITY"]


def test_a_venue_may_always_take_shares_away(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 100), ("XNAS", 200))
    scene.fill(order_id, 250)
    assert scene.exceptions() == ["OVERFILL"]
    scene.report(order_id, ExecType.RESTATED, leg=2, venue_id="XNAS", order_qty=150)
    child = scene.state(order_id).children[order_ids.child_cl_ord_id(order_id, 1, 2)]
    assert (child.quantity, scene.exceptions()) == (150, ["OVERFILL"])


def test_a_restatement_that_is_older_than_the_last_one_says_nothing(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 100), ("XNAS", 200))
    first = scene.now
    scene.step(1)
    scene.report(order_id, ExecType.RESTATED, order_qty=40)
    assert scene.state(order_id).children[order_ids.child_cl_ord_id(order_id, 1, 1)].quantity == 40
    # The venue had said of itself that it had all 100 again, changing nothing; an adapter tells it again.
    scene.place(order_id, ("BATS", 60))
    scene.start()
    now, scene.now = scene.now, first
    scene.report(order_id, ExecType.RESTATED, order_qty=100)
    scene.now = now
    assert scene.state(order_id).children[order_ids.child_cl_ord_id(order_id, 1, 1)].quantity == 40
    assert scene.exceptions() == []


def test_an_end_that_comes_again_after_a_bust_has_reopened_its_child_ends_nothing(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 200, exec_id="E1")
    canceled = scene.report(order_id, ExecType.CANCELED)
    bust = scene.bust(order_id, "E1", leaves_qty=300)
    before = scene.state(order_id)
    for report in (canceled, bust):
        scene.send(Topic.FILLS, report)
    assert scene.state(order_id) == before
    assert before.working_qty == 300


def test_an_end_of_a_child_that_was_over_ends_nothing_when_it_comes_again_after_a_bust(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 100, exec_id="E1")
    scene.report(order_id, ExecType.CANCELED, exec_id="E2")
    late = scene.report(order_id, ExecType.REJECTED, exec_id="E3")
    scene.bust(order_id, "E1", leaves_qty=300)
    child = order_ids.child_cl_ord_id(order_id, 1, 1)
    assert scene.state(order_id).children[child].live
    for _ in range(2):
        scene.send(Topic.FILLS, late)
        scene.start()
    assert scene.state(order_id).children[child].live
    assert scene.exceptions() == []


def test_a_filled_order_that_a_bust_reopens_counts_again_in_exposure_and_open_shares(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300, exec_id="E1")
    scene.start()
    assert order_id not in scene.core.desk.orders
    scene.bust(order_id, "E1")
    desk = scene.core.desk
    assert order_id in desk.orders
    assert order_id not in desk.closed
    assert desk.states[ACCOUNT].reserved_micros == 300 * PRICE
    assert desk.states[ACCOUNT].symbol("AAPL").buys.quantity == 300
    assert scene.route_requests()[-1].attempt == 2
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300, attempt=2)
    assert scene.quantities(order_id) == ("FILLED", 300, 0)
    assert desk.states[ACCOUNT].symbol("AAPL").buys.quantity == 0


# ---- risk with what the account has


def test_closing_orders_that_are_open_already_leave_nothing_more_to_close() -> None:
    scene = Scene(limits(buying_power=15_000 * 1_000_000))
    bought = scene.order(quantity=100)
    scene.place(bought, ("XNYS", 100))
    scene.fill(bought, 100)
    taken = [
        scene.quantities(scene.order(side=Side.SELL, quantity=100))[0] == "ACKNOWLEDGED" for _ in range(50)
    ]
    # The first closes the position; what follows opens a short one, and has to be paid for.
    assert taken.count(True) == 1


def test_a_market_order_without_a_fresh_quote_is_denied(scene: Scene) -> None:
    scene.quotes.quote = TouchPrices()
    order_id = scene.order(order_type=OrderType.MARKET)
    assert scene.state(order_id).text.startswith("NO_REFERENCE_PRICE: symbol=AAPL")


def test_a_market_order_that_waited_too_long_is_denied_as_stale_and_a_limit_order_is_not(
    scene: Scene,
) -> None:
    scene.core.market_order_age_max = timedelta(seconds=30)
    market = scene.order(order_type=OrderType.MARKET, publish=False)
    limit = scene.order(publish=False)
    scene.now += timedelta(seconds=31)
    for order_id in (market, limit):
        scene.send(Topic.INBOUND, scene.store.requests[order_id][0])
    assert scene.state(market).text == "ORDER_STALE: age_s=31, limit_s=30"
    assert scene.quantities(limit)[0] == "ACKNOWLEDGED"


def test_a_market_order_is_as_old_as_it_is_though_its_cancel_comes_first(scene: Scene) -> None:
    scene.core.market_order_age_max = timedelta(seconds=30)
    order_id = scene.order(order_type=OrderType.MARKET, publish=False)
    scene.now = ids.uuid7_time(order_id) + timedelta(seconds=31)
    scene.cancel(order_id)
    assert scene.state(order_id).text.startswith("ORDER_STALE")
    assert scene.event_types(order_id) == ["OrderDenied", "CancelRejected"]


def test_a_market_order_is_valued_at_the_far_touch(scene: Scene) -> None:
    order_id = scene.order(order_type=OrderType.MARKET)
    assert scene.state(order_id).reserved_price_micros == OFFER


# ---- the session's end


def test_day_orders_expire_in_slices_when_the_session_has_ended() -> None:
    scene = Scene(calendar=Calendar(calendar_id="SIM", continuous_from=timedelta(hours=15, minutes=30)))
    scene.now = NOW.replace(hour=15, minute=0)
    day = scene.order()
    gtc = scene.order(time_in_force=TimeInForce.GTC)
    for order_id in (day, gtc):
        scene.place(order_id, ("XNYS", 300))
    scene.now = NOW.replace(hour=15, minute=30)
    scene.step()
    scene.step()
    assert scene.quantities(day)[0] == "PENDING_CANCEL"
    scene.report(day, ExecType.CANCELED)
    assert scene.quantities(day) == ("EXPIRED", 0, 0)
    assert scene.quantities(gtc)[0] == "ACKNOWLEDGED"


def test_a_day_order_that_a_bust_brings_back_after_its_day_is_not_worked_again() -> None:
    scene = Scene(calendar=Calendar(calendar_id="SIM", continuous_from=timedelta(hours=15, minutes=30)))
    scene.now = NOW.replace(hour=15, minute=0)
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300, exec_id="E1")
    scene.now = NOW.replace(hour=15, minute=30)
    scene.step()
    scene.bust(order_id, "E1")
    scene.place(order_id, refused=True)
    assert scene.quantities(order_id) == ("EXPIRED", 0, 0)
