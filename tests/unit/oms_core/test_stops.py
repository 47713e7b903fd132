"""Stop orders: what triggers them, what does not, and what 100,000 of them cost a quote."""

import random
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from oms_core.domain.order import Order
from oms_core.domain.stops import StopWatch
from oms_core.domain.touch import TouchPrices
from oms_core.domain.transitions import Lifecycle
from oms_platform.trading_calendar import Calendar
from oms_platform.vocabulary import ExecType, OrderChange, OrderType, Side, TimeInForce
from tests.unit.oms_core.orders import PRICE, new_order
from tests.unit.oms_core.scene import ACCOUNT, BID, OFFER, Scene, limits

CENT = 10_000


@pytest.fixture
def scene() -> Scene:
    return Scene()


def stop(scene: Scene, *, side: Side = Side.BUY, price: int = PRICE + 5 * CENT, **changes: Any) -> UUID:
    """Take in a stop order; with a limit it is a stop limit order."""
    kind = OrderType.STOP_LIMIT if changes.get("limit_price_micros") else OrderType.STOP
    terms: dict[str, Any] = {"order_type": kind, "stop_price_micros": price, "limit_price_micros": None}
    terms |= changes
    return scene.order(side=side, **terms)


def quote(scene: Scene, bid: int | None, offer: int | None, sequence: int = 7) -> None:
    """Let the market be so."""
    touch = TouchPrices(bid_micros=bid, offer_micros=offer, sequence=sequence, quoted_at=scene.now)
    scene.quotes.quote = touch
    scene.step()


def test_a_stop_waits_reserves_and_is_routed_as_a_market_order_once_its_price_is_reached(
    scene: Scene,
) -> None:
    price = PRICE + 5 * CENT
    order_id = stop(scene)
    assert scene.event_types(order_id) == ["OrderAccepted"]
    assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 300)
    assert scene.core.desk.states[ACCOUNT].reserved_micros == 300 * price
    quote(scene, price - CENT, price - CENT)
    assert scene.route_requests() == []
    quote(scene, price - 2 * CENT, price, sequence=41)
    assert scene.event_types(order_id) == ["OrderAccepted", "StopTriggered", "RouteRequested"]
    (request,) = scene.route_requests()
    assert (request.terms.order_type, request.quantity) == (OrderType.MARKET, 300)
    trigger = scene.store.events[order_id][1].stop_triggered
    assert trigger is not None
    assert (trigger.price_micros, trigger.bid_micros, trigger.offer_micros) == (
        price,
        price - 2 * CENT,
        price,
    )
    assert (trigger.quote_sequence, trigger.quoted_at) == (41, scene.now)


def test_a_stop_to_sell_is_triggered_by_the_bid_and_keeps_its_limit(scene: Scene) -> None:
    price, limit = PRICE - 5 * CENT, PRICE - 10 * CENT
    order_id = stop(scene, side=Side.SELL, price=price, limit_price_micros=limit)
    quote(scene, price + CENT, price - CENT)
    assert scene.route_requests() == []
    quote(scene, price, price + CENT)
    (request,) = scene.route_requests()
    assert (request.terms.order_type, request.terms.limit_price_micros) == (OrderType.LIMIT, limit)
    assert scene.state(order_id).terms.order_type is OrderType.STOP_LIMIT


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, OFFER), (Side.SELL, BID)])
def test_a_stop_already_through_its_price_is_triggered_at_once(scene: Scene, side: Side, price: int) -> None:
    order_id = stop(scene, side=side, price=price)
    scene.step()
    assert scene.event_types(order_id)[-2:] == ["StopTriggered", "RouteRequested"]


def test_no_quote_and_a_side_that_nobody_quotes_trigger_nothing(scene: Scene) -> None:
    buys, sells = stop(scene), stop(scene, side=Side.SELL, price=PRICE - 5 * CENT)
    quote(scene, None, None)
    quote(scene, PRICE, None)
    quote(scene, None, PRICE)
    assert scene.event_types(buys) == scene.event_types(sells) == ["OrderAccepted"]


def test_a_stop_survives_a_restart(scene: Scene) -> None:
    order_id = stop(scene)
    scene.start()
    quote(scene, OFFER, PRICE + 6 * CENT)
    assert scene.event_types(order_id)[-2:] == ["StopTriggered", "RouteRequested"]
    scene.start()
    held = scene.core.desk.order(order_id)
    assert held is not None
    assert (held.triggered is not None, held.released_qty) == (True, 300)
    quote(scene, OFFER, PRICE + 7 * CENT)
    assert scene.event_types(order_id).count("StopTriggered") == 1


def test_a_stop_is_replaced_while_it_waits_and_not_by_another_stop_afterwards(scene: Scene) -> None:
    order_id = stop(scene)
    scene.replace(order_id, OrderChange(stop_price_micros=PRICE + 20 * CENT, quantity=200))
    assert scene.event_types(order_id)[-1] == "OrderReplaced"
    quote(scene, OFFER, PRICE + 6 * CENT)
    assert scene.route_requests() == []
    quote(scene, OFFER, PRICE + 20 * CENT)
    assert [request.quantity for request in scene.route_requests()] == [200]
    scene.place(order_id, ("XNYS", 200))
    scene.replace(order_id, OrderChange(stop_price_micros=PRICE + 30 * CENT))
    rejected = scene.store.events[order_id][-1].replace_rejected
    assert rejected is not None
    assert rejected.reason == "stopPrice: the market has reached it already"
    scene.replace(order_id, OrderChange(quantity=100))
    scene.report(order_id, ExecType.CANCELED)
    assert scene.route_requests()[-1].terms.order_type is OrderType.MARKET


def test_a_replace_and_the_quote_of_the_price_before_it_in_one_batch_trigger_nothing(scene: Scene) -> None:
    order_id = stop(scene)
    scene.quotes.quote = TouchPrices(bid_micros=OFFER, offer_micros=PRICE + 6 * CENT)
    scene.replace(order_id, OrderChange(stop_price_micros=PRICE + 20 * CENT))
    assert scene.event_types(order_id)[-1] == "OrderReplaced"
    quote(scene, OFFER, PRICE + 20 * CENT)
    assert scene.event_types(order_id)[-2:] == ["StopTriggered", "RouteRequested"]


def test_a_suspended_or_canceled_stop_is_not_triggered(scene: Scene) -> None:
    suspended, canceled = stop(scene), stop(scene)
    scene.suspend(suspended)
    scene.cancel(canceled)
    assert scene.quantities(canceled)[0] == "CANCELED"
    quote(scene, OFFER, PRICE + 6 * CENT)
    assert scene.route_requests() == []
    scene.resume(suspended)
    scene.step()
    assert scene.event_types(suspended)[-2:] == ["StopTriggered", "RouteRequested"]


def test_what_a_stop_is_not_is_refused(scene: Scene) -> None:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.replace(order_id, OrderChange(stop_price_micros=PRICE))
    rejected = scene.store.events[order_id][-1].replace_rejected
    assert rejected is not None
    assert rejected.reason == "stopPrice: a LIMIT order has none"


@pytest.mark.parametrize(
    ("limit", "status"), [(PRICE * 120 // 100, "ACKNOWLEDGED"), (PRICE * 130 // 100, "REJECTED")]
)
def test_a_stops_limit_is_held_to_its_stop_price_and_not_to_the_market_of_now(
    scene: Scene, limit: int, status: str
) -> None:
    order_id = stop(scene, price=PRICE * 120 // 100, limit_price_micros=limit)
    assert scene.quantities(order_id)[0] == status


def test_a_waiting_stop_expires_with_its_day() -> None:
    scene = Scene(calendar=Calendar(calendar_id="SIM", continuous_from=timedelta(hours=21)))
    day = stop(scene)
    gtc = stop(scene, time_in_force=TimeInForce.GTC)
    scene.now = scene.now.replace(hour=21)
    scene.step()
    scene.step()
    assert (scene.quantities(day)[0], scene.quantities(gtc)[0]) == ("EXPIRED", "ACKNOWLEDGED")
    quote(scene, OFFER, PRICE + 6 * CENT)
    assert scene.event_types(gtc)[-2:] == ["StopTriggered", "RouteRequested"]


def test_many_stops_are_triggered_in_slices_the_nearest_first() -> None:
    scene = Scene(limits=limits(quantity_max=10**9))
    orders = [stop(scene, quantity=1, price=PRICE + (5 + number % 3) * CENT) for number in range(600)]
    quote(scene, OFFER, PRICE + 7 * CENT)
    done = [order_id for order_id in orders if scene.state(order_id).triggered is not None]
    assert len(done) == 500
    assert {scene.state(order_id).terms.stop_price_micros for order_id in set(orders) - set(done)} == {
        PRICE + 7 * CENT
    }
    scene.step()
    assert all(scene.state(order_id).triggered is not None for order_id in orders)


def waiting(number: int, draws: random.Random) -> Order:
    order = new_order(order_type=OrderType.STOP, side=draws.choice(list(Side)), order_id=UUID(int=number + 1))
    away = draws.randint(100, 10_000) * CENT
    price = PRICE + away if order.terms.side is Side.BUY else max(CENT, PRICE - away)
    symbol = f"S{number % 100}"
    return replace(
        order,
        lifecycle=Lifecycle.LIVE,
        terms=replace(order.terms, symbol=symbol, stop_price_micros=price),
    )


def test_a_quote_costs_no_scan_of_100_000_waiting_stops() -> None:
    draws = random.Random(7)
    watch = StopWatch(waiting(number, draws) for number in range(100_000))
    took, found, market = [], 0, PRICE
    for number in range(4_000):
        market += draws.choice((-1, 1)) * CENT
        touch = TouchPrices(bid_micros=market - CENT, offer_micros=market)
        began = time.perf_counter()
        found += sum(1 for _ in watch.triggered(f"S{number % 100}", touch, 500))
        took.append(time.perf_counter() - began)
    assert len(watch) == 100_000 - found
    # A scan of one symbol's thousand takes ten times as long.
    assert sorted(took)[len(took) * 99 // 100] < 0.001
