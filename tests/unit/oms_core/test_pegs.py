"""Pegged orders: what prices them, what moves them where they are, and what 100,000 of them cost a quote."""

import random
import time
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from oms_core.domain.order import Child, Order
from oms_core.domain.peg_watch import MoveAllowance, PegWatch
from oms_core.domain.touch import TouchPrices
from oms_core.domain.transitions import Lifecycle
from oms_platform.market_rules import Ticks
from oms_platform.messages import CancelChildren, ReplaceChild
from oms_platform.pegs import peg_price
from oms_platform.trading_calendar import Calendar
from oms_platform.vocabulary import (
    ExecType,
    OrderChange,
    OrderTerms,
    OrderType,
    Peg,
    PegPriced,
    PegType,
    Side,
    TimeInForce,
)
from oms_platform.wire import Topic
from tests.unit.oms_core.orders import NOW, PRICE, new_order
from tests.unit.oms_core.scene import BID, OFFER, Scene, limits

CENT = 10_000
SECOND = 1.0


def peg_of(peg_type: PegType = PegType.PRIMARY, offset: int = 0) -> Peg:
    return Peg(peg_type=peg_type, offset_micros=offset)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def pegged(scene: Scene, peg_type: PegType = PegType.PRIMARY, offset: int = 0, **changes: Any) -> UUID:
    """Take in a pegged order."""
    terms: dict[str, Any] = {"order_type": OrderType.PEGGED, "peg": peg_of(peg_type, offset)}
    return scene.order(**(terms | {"limit_price_micros": None} | changes))


def quote(
    scene: Scene, bid: int | None, offer: int | None, sequence: int = 7, wait_s: float = SECOND
) -> None:
    """Let the market be so, and enough time have passed."""
    scene.quotes.quote = TouchPrices(
        bid_micros=bid, offer_micros=offer, sequence=sequence, quoted_at=scene.now
    )
    scene.step(wait_s)


def moves(scene: Scene) -> list[tuple[str, int | None, int]]:
    """Return what the adapter was asked to change: leg, price and quantity."""
    return [
        (one.cl_ord_id.rpartition("-")[2], one.limit_price_micros, one.quantity)
        for one in scene.published(Topic.ROUTED)
        if isinstance(one, ReplaceChild)
    ]


def recalls(scene: Scene) -> list[tuple[UUID, int]]:
    """Return what the adapter was asked to take back: the order, and up to which attempt."""
    return [
        (one.order_id, one.through_attempt)
        for one in scene.published(Topic.ROUTED)
        if isinstance(one, CancelChildren)
    ]


def at_venue(scene: Scene, **changes: Any) -> UUID:
    """Return a pegged order of which a venue has all."""
    order_id = pegged(scene, **changes)
    scene.place(order_id, ("XNYS", 300))
    scene.report(order_id, ExecType.NEW)
    return order_id


def restate(scene: Scene, order_id: UUID, price: int, leg: int = 1, **fields: Any) -> None:
    """Let a venue have done what was asked of a child."""
    scene.report(order_id, ExecType.RESTATED, leg, price_micros=price, **fields)


# ---- the price


@pytest.mark.parametrize(
    ("side", "peg", "limit", "bid", "offer", "price"),
    [
        (Side.BUY, peg_of(), None, 1_000_000, 1_040_000, 1_000_000),
        (Side.SELL, peg_of(), None, 1_000_000, 1_040_000, 1_040_000),
        (Side.SELL_SHORT, peg_of(), None, 1_000_000, 1_040_000, 1_040_000),
        (Side.BUY, peg_of(offset=-15_000), None, 1_030_000, 1_040_000, 1_010_000),
        (Side.SELL, peg_of(offset=15_000), None, 1_030_000, 1_040_000, 1_060_000),
        (Side.BUY, peg_of(), 990_000, 1_000_000, 1_040_000, 990_000),
        (Side.SELL, peg_of(), 1_050_000, 1_000_000, 1_040_000, 1_050_000),
        (Side.BUY, peg_of(PegType.MARKET), None, 1_000_000, 1_040_000, 1_040_000),
        (Side.BUY, peg_of(PegType.MARKET, -10_000), None, 1_000_000, 1_040_000, 1_030_000),
        (Side.SELL, peg_of(PegType.MARKET, 10_000), None, 1_000_000, 1_040_000, 1_010_000),
        (Side.BUY, peg_of(PegType.MIDPOINT), None, 1_000_000, 1_040_000, 1_040_000),
        (Side.SELL, peg_of(PegType.MIDPOINT), None, 1_000_000, 1_040_000, 1_000_000),
        (Side.BUY, peg_of(PegType.MIDPOINT), 1_030_000, 1_000_000, 1_040_000, 1_030_000),
        # Below a dollar the grid is finer.
        (Side.BUY, peg_of(), None, 999_950, 1_040_000, 999_900),
        (Side.SELL, peg_of(), None, 900_000, 999_950, 1_000_000),
        # One side is enough, where that is the one that counts.
        (Side.BUY, peg_of(), None, 1_000_000, None, 1_000_000),
        (Side.BUY, peg_of(), None, None, 1_000_000, None),
        (Side.BUY, peg_of(PegType.MARKET), None, None, 1_000_000, 1_000_000),
        (Side.BUY, peg_of(PegType.MIDPOINT), None, None, 1_000_000, None),
        (Side.BUY, peg_of(PegType.MIDPOINT), None, 1_000_000, None, None),
        (Side.BUY, peg_of(), None, None, None, None),
        # Locked is a market, crossed is none.
        (Side.BUY, peg_of(), None, 1_000_000, 1_000_000, 1_000_000),
        (Side.BUY, peg_of(), None, 1_010_000, 1_000_000, None),
        (Side.SELL, peg_of(PegType.MARKET), None, 1_010_000, 1_000_000, None),
        (Side.BUY, peg_of(offset=-2_000_000), None, 1_000_000, 1_040_000, None),
    ],
)
def test_what_a_quote_makes_of_a_peg(
    side: Side, peg: Peg, limit: int | None, bid: int | None, offer: int | None, price: int | None
) -> None:
    terms = terms_of(side, peg, limit)
    assert peg_price(terms, bid, offer, Ticks()) == price


def terms_of(side: Side, peg: Peg, limit: int | None) -> OrderTerms:
    terms = new_order().terms
    return replace(terms, side=side, order_type=OrderType.PEGGED, peg=peg, limit_price_micros=limit)


# ---- routed


def test_a_pegged_order_is_routed_as_a_limit_order_at_the_price_that_it_follows(scene: Scene) -> None:
    quote(scene, BID, OFFER, sequence=41, wait_s=0)
    order_id = pegged(scene)
    assert scene.event_types(order_id) == ["OrderAccepted", "PegPriced", "RouteRequested"]
    (request,) = scene.route_requests()
    assert (request.terms.order_type, request.terms.limit_price_micros, request.quantity) == (
        OrderType.LIMIT,
        BID,
        300,
    )
    priced = scene.store.events[order_id][1].peg_priced
    assert priced == PegPriced(
        price_micros=BID,
        bid_micros=BID,
        offer_micros=OFFER,
        quote_sequence=41,
        quoted_at=scene.now,
        priced_at=scene.now,
    )


def test_without_a_quote_it_waits_says_so_once_and_is_routed_when_there_is_one(scene: Scene) -> None:
    scene.quotes.quote = TouchPrices()
    order_id = pegged(scene, limit_price_micros=PRICE)
    for _ in range(3):
        scene.step(SECOND)
    assert scene.event_types(order_id) == ["OrderAccepted", "RouteHeld"]
    assert scene.state(order_id).text == "waits for a quote to follow"
    quote(scene, None, OFFER)
    assert scene.event_types(order_id)[-1] == "RouteHeld"
    quote(scene, BID, OFFER)
    assert scene.event_types(order_id)[-2:] == ["PegPriced", "RouteRequested"]
    assert scene.state(order_id).text == ""


def test_without_a_limit_or_a_quote_nothing_values_it(scene: Scene) -> None:
    scene.quotes.quote = TouchPrices()
    order_id = pegged(scene)
    assert scene.state(order_id).text.startswith("NO_REFERENCE_PRICE")


def test_each_route_is_at_the_price_of_its_own_moment(scene: Scene) -> None:
    order_id = at_venue(scene)
    scene.quotes.quote = TouchPrices(bid_micros=BID - 3 * CENT, offer_micros=OFFER)
    scene.report(order_id, ExecType.CANCELED)
    scene.step(SECOND)
    assert [request.terms.limit_price_micros for request in scene.route_requests()] == [BID, BID - 3 * CENT]
    scene.quotes.quote = TouchPrices()
    scene.place(order_id, ("XNYS", 300))
    scene.report(order_id, ExecType.CANCELED, attempt=2)
    scene.step(11)
    # Nobody stands behind the old price any more.
    assert len(scene.route_requests()) == 2
    assert scene.state(order_id).text == "waits for a quote to follow"


# ---- moved


def test_a_quote_moves_what_venues_have_where_it_is(scene: Scene) -> None:
    order_id = pegged(scene)
    scene.place(order_id, ("XNYS", 100), ("XNAS", 200))
    quote(scene, BID + CENT, OFFER)
    assert scene.event_types(order_id)[-1] == "PegPriced"
    assert moves(scene) == [("1", BID + CENT, 100), ("2", BID + CENT, 200)]
    restate(scene, order_id, BID + CENT, order_qty=100)
    restate(scene, order_id, BID + CENT, leg=2, venue_id="XNAS", order_qty=200)
    assert scene.event_types(order_id)[-2:] == ["ChildRestated", "ChildRestated"]
    assert [child.limit_price_micros for child in scene.state(order_id).children.values()] == [BID + CENT] * 2
    scene.step(SECOND)
    assert scene.event_types(order_id)[-1] == "ChildRestated"
    assert len(moves(scene)) == 2


def test_it_is_moved_once_in_an_interval_at_most_and_to_the_newest_price_then(scene: Scene) -> None:
    order_id = at_venue(scene)
    quote(scene, BID + CENT, OFFER)
    restate(scene, order_id, BID + CENT)
    for step in range(2, 10):
        quote(scene, BID + step * CENT, OFFER + 20 * CENT, wait_s=0.02)
    assert len(moves(scene)) == 1
    scene.step(0.1)
    assert [price for _, price, _ in moves(scene)] == [BID + CENT, BID + 9 * CENT]


def test_the_next_move_waits_until_venues_have_answered_the_last_one(scene: Scene) -> None:
    order_id = at_venue(scene)
    quote(scene, BID + CENT, OFFER)
    quote(scene, BID + 2 * CENT, OFFER)
    quote(scene, BID + 3 * CENT, OFFER + 20 * CENT)
    assert [price for _, price, _ in moves(scene)] == [BID + CENT]
    restate(scene, order_id, BID + CENT)
    scene.step(SECOND)
    assert [price for _, price, _ in moves(scene)] == [BID + CENT, BID + 3 * CENT]


def test_it_never_goes_beyond_its_limit_and_comes_back_from_there(scene: Scene) -> None:
    order_id = at_venue(scene, limit_price_micros=BID + CENT)
    quote(scene, BID + 5 * CENT, OFFER + 5 * CENT)
    restate(scene, order_id, BID + CENT)
    quote(scene, BID + 4 * CENT, OFFER + 5 * CENT)
    assert [price for _, price, _ in moves(scene)] == [BID + CENT]
    quote(scene, BID - CENT, OFFER)
    assert [price for _, price, _ in moves(scene)] == [BID + CENT, BID - CENT]


@pytest.mark.parametrize(("bid", "offer"), [(None, None), (None, OFFER), (OFFER + CENT, OFFER)])
def test_a_stale_a_missing_and_a_crossed_quote_move_nothing(
    scene: Scene, bid: int | None, offer: int | None
) -> None:
    order_id = at_venue(scene)
    quote(scene, bid, offer)
    quote(scene, bid, offer)
    assert moves(scene) == []
    quote(scene, BID - CENT, OFFER)
    assert [price for _, price, _ in moves(scene)] == [BID - CENT]
    assert scene.state(order_id).pegged is not None


def test_a_venue_that_leaves_it_where_it_is_loses_it_and_it_is_routed_anew(scene: Scene) -> None:
    order_id = at_venue(scene)
    quote(scene, BID + CENT, OFFER)
    scene.keep(order_id, replaces=True)
    assert recalls(scene) == [(order_id, 1)]
    quote(scene, BID + 2 * CENT, OFFER)
    assert len(scene.route_requests()) == 1
    scene.report(order_id, ExecType.CANCELED)
    scene.step(SECOND)
    assert scene.route_requests()[-1].terms.limit_price_micros == BID + 2 * CENT
    scene.place(order_id, ("XNAS", 300))
    quote(scene, BID + 3 * CENT, OFFER + 20 * CENT)
    assert moves(scene)[-1] == ("1", BID + 3 * CENT, 300)


def test_one_that_its_venue_neither_moves_nor_cancels_is_asked_again_at_the_next_price(scene: Scene) -> None:
    order_id = at_venue(scene)
    quote(scene, BID + CENT, OFFER)
    scene.keep(order_id, replaces=True)
    scene.keep(order_id)
    assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 300)
    scene.fill(order_id, 300)
    assert scene.quantities(order_id)[0] == "FILLED"


def test_a_fill_that_meets_the_move_counts(scene: Scene) -> None:
    order_id = at_venue(scene)
    quote(scene, BID + CENT, OFFER)
    scene.fill(order_id, 100)
    restate(scene, order_id, BID + CENT, cum_qty=100, leaves_qty=200)
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 100, 200)
    quote(scene, BID + 2 * CENT, OFFER)
    assert moves(scene)[-1] == ("1", BID + 2 * CENT, 300)
    scene.fill(order_id, 200)
    scene.keep(order_id, replaces=True)
    assert scene.quantities(order_id) == ("FILLED", 300, 0)


def test_nothing_is_moved_while_it_is_canceled_suspended_replaced_or_over(scene: Scene) -> None:
    canceled, suspended, replaced, filled = (at_venue(scene) for _ in range(4))
    scene.cancel(canceled)
    scene.suspend(suspended)
    scene.replace(replaced, OrderChange(peg=peg_of(offset=-CENT)))
    scene.fill(filled, 300)
    quote(scene, BID + CENT, OFFER)
    assert moves(scene) == []
    for order_id in (canceled, suspended, replaced):
        scene.report(order_id, ExecType.CANCELED)
    assert scene.quantities(canceled)[0] == "CANCELED"
    assert scene.route_requests()[-1].terms.limit_price_micros == BID
    assert scene.state(replaced).terms.peg == peg_of(offset=-CENT)
    quote(scene, BID + 4 * CENT, OFFER + 20 * CENT)
    scene.resume(suspended)
    assert scene.route_requests()[-1].terms.limit_price_micros == BID + 4 * CENT


def test_fewer_shares_keep_its_place_and_its_price(scene: Scene) -> None:
    order_id = at_venue(scene)
    scene.replace(order_id, OrderChange(quantity=200))
    assert moves(scene) == [("1", None, 200)]
    restate(scene, order_id, BID, order_qty=200)
    assert scene.event_types(order_id)[-1] == "OrderReplaced"
    quote(scene, BID + CENT, OFFER)
    assert moves(scene)[-1] == ("1", BID + CENT, 200)


def test_fewer_shares_while_it_is_moved_take_it_back(scene: Scene) -> None:
    order_id = at_venue(scene)
    quote(scene, BID + CENT, OFFER)
    scene.replace(order_id, OrderChange(quantity=200))
    assert recalls(scene) == [(order_id, 1)]
    scene.report(order_id, ExecType.CANCELED)
    assert scene.event_types(order_id)[-3:] == ["ChildClosed", "OrderReplaced", "RouteRequested"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"limit_price_micros": PRICE + 3 * CENT}, None),
        ({"peg": peg_of(PegType.MARKET)}, None),
        (
            {"peg": peg_of(offset=CENT)},
            "peg.offset: expected 0 or below of a PRIMARY peg that is BUY, was 0.01",
        ),
        (
            {"peg": peg_of(PegType.MIDPOINT, CENT)},
            "peg.offset: expected left out of a MIDPOINT peg, was 0.01",
        ),
        ({"stop_price_micros": PRICE}, "stopPrice: a PEGGED order has none"),
        ({"time_in_force": TimeInForce.IOC}, "timeInForce: DAY does not become IOC"),
    ],
)
def test_what_a_pegged_order_may_become(scene: Scene, change: dict[str, Any], reason: str | None) -> None:
    order_id = at_venue(scene)
    scene.replace(order_id, OrderChange(**change))
    rejected = scene.store.events[order_id][-1].replace_rejected
    assert (None if rejected is None else rejected.reason) == reason


def test_no_other_order_becomes_pegged(scene: Scene) -> None:
    order_id = scene.order()
    scene.replace(order_id, OrderChange(peg=peg_of()))
    rejected = scene.store.events[order_id][-1].replace_rejected
    assert rejected is not None
    assert rejected.reason == "peg: expected left out of a LIMIT order, was PRIMARY"


def test_it_survives_a_restart_between_any_two_steps(scene: Scene) -> None:
    order_id = at_venue(scene)
    scene.start()
    quote(scene, BID + CENT, OFFER)
    scene.start()
    scene.step()
    assert scene.core.desk.orders[order_id] == scene.state(order_id)
    # Nobody knows whether it was said.
    assert moves(scene)[-1] == ("1", BID + CENT, 300)
    restate(scene, order_id, BID + CENT)
    scene.start()
    quote(scene, BID + 2 * CENT, OFFER, wait_s=0.1)
    assert moves(scene)[-1] == ("1", BID + CENT, 300)
    scene.step(SECOND)
    assert moves(scene)[-1] == ("1", BID + 2 * CENT, 300)


def test_a_halt_and_a_closed_market_move_nothing_and_it_follows_again_after_them() -> None:
    scene = Scene(calendar=Calendar(calendar_id="SIM", continuous_from=timedelta(hours=21)))
    order_id = at_venue(scene, time_in_force=TimeInForce.GTC)
    instrument = scene.core.desk.instruments["AAPL"]
    scene.store.set_instrument(replace(instrument, halt="news"))
    scene.step(6)
    quote(scene, BID + CENT, OFFER)
    assert moves(scene) == []
    scene.store.set_instrument(instrument)
    scene.step(6)
    scene.step(SECOND)
    assert moves(scene) == [("1", BID + CENT, 300)]
    assert scene.state(order_id).lifecycle is Lifecycle.LIVE


# ---- the watch


def follower(number: int, symbol: str, side: Side, limit: int | None, price: int) -> Order:
    order = new_order(order_type=OrderType.LIMIT, side=side, order_id=UUID(int=number + 1))
    terms = replace(
        order.terms, symbol=symbol, order_type=OrderType.PEGGED, peg=peg_of(), limit_price_micros=limit
    )
    priced = PegPriced(price_micros=price, priced_at=NOW - timedelta(seconds=9))
    child = Child(venue_id="XNYS", quantity=300, limit_price_micros=price)
    return replace(
        order,
        lifecycle=Lifecycle.LIVE,
        terms=terms,
        pegged=priced,
        working_qty=300,
        children={"c": child},
    )


def moved(order: Order, price: int | None, now: Any) -> Order:
    if price is None or order.pegged is None or price == order.pegged.price_micros:
        return order
    child = replace(order.children["c"], limit_price_micros=price)
    return replace(order, pegged=PegPriced(price_micros=price, priced_at=now), children={"c": child})


_prices = st.integers(95, 105).map(lambda price: price * CENT)
_quotes = st.tuples(st.none() | _prices, st.none() | _prices)


@given(
    limits=st.lists(st.tuples(st.sampled_from((Side.BUY, Side.SELL)), st.none() | _prices), max_size=8),
    quotes=st.lists(st.tuples(_quotes, st.sampled_from((0, 40, 300)), st.integers(1, 9)), max_size=12),
    last=st.tuples(_prices, _prices),
)
def test_in_the_end_everybody_is_at_the_price_of_the_last_quote_and_nobody_moved_too_often(
    limits: list[tuple[Side, int | None]],
    quotes: list[tuple[tuple[int | None, int | None], int, int]],
    last: tuple[int, int],
) -> None:
    orders = {
        order.order_id: order
        for order in (
            follower(number, "S", side, limit, min(limit or PRICE, PRICE) if side is Side.BUY else PRICE)
            for number, (side, limit) in enumerate(limits)
        )
    }
    now, watch = NOW, PegWatch(orders.values(), NOW)
    moved_at: dict[UUID, list[Any]] = {}

    def look(touch: TouchPrices, most: int) -> int:
        found = 0
        for order_id, seen in watch.due(now, lambda _symbol: touch, most):
            found += 1
            before = orders[order_id]
            price = peg_price(before.terms, seen.bid_micros, seen.offer_micros, Ticks())
            orders[order_id] = moved(before, price, now)
            if orders[order_id] is not before:
                moved_at.setdefault(order_id, []).append(now)
            watch.note(orders[order_id], now)
        assert found <= most
        return found

    for (bid, offer), wait_ms, most in quotes:
        now += timedelta(milliseconds=wait_ms)
        look(TouchPrices(bid_micros=bid, offer_micros=offer), most)
    final = TouchPrices(bid_micros=min(last), offer_micros=max(last))
    for _ in range(6):
        now += timedelta(milliseconds=250)
        look(final, 100)
    for order in orders.values():
        wanted = peg_price(order.terms, final.bid_micros, final.offer_micros, Ticks())
        assert order.pegged is not None
        assert order.pegged.price_micros == wanted
    for times in moved_at.values():
        assert all(b - a >= timedelta(milliseconds=250) for a, b in pairwise(times))
    # All is quiet: the same quote looks at nobody.
    now += timedelta(seconds=1)
    assert look(final, 100) == 0


def test_a_quote_costs_no_scan_of_100_000_orders_that_their_limits_hold() -> None:
    draws = random.Random(7)
    orders = {
        UUID(int=number + 1): follower(
            number, f"S{number % 100}", Side.BUY, PRICE - draws.randint(100, 900) * CENT, PRICE
        )
        for number in range(100_000)
    }
    watch = PegWatch(orders.values(), NOW)
    now, market = NOW, PRICE
    first = TouchPrices(bid_micros=PRICE - CENT, offer_micros=PRICE)
    while any(True for order_id, seen in _looked(watch, orders, now, lambda _symbol: first)):
        pass
    now += timedelta(seconds=1)
    while any(True for order_id, seen in _looked(watch, orders, now, lambda _symbol: first)):
        pass
    took, found = [], 0
    touches = {f"S{number}": first for number in range(100)}
    for number in range(4_000):
        market += draws.choice((-1, 1)) * CENT
        touches[f"S{number % 100}"] = TouchPrices(bid_micros=market - CENT, offer_micros=market)
        now += timedelta(microseconds=500)
        began = time.perf_counter()
        found += sum(1 for _ in watch.due(now, touches.__getitem__, 50))
        took.append(time.perf_counter() - began)
    assert (len(watch), found) == (100_000, 0)
    one = orders[UUID(int=1)].terms
    began = time.perf_counter()
    for _ in range(1_000):
        peg_price(one, market - CENT, market, Ticks())
    # A scan of one symbol's thousand would take that long at every quote.
    assert sorted(took)[len(took) // 2] < (time.perf_counter() - began) / 5


def _looked(watch: PegWatch, orders: dict[UUID, Order], now: Any, touch_of: Any) -> list[Any]:
    looks = list(watch.due(now, touch_of, 10_000))
    for order_id, seen in looks:
        price = peg_price(orders[order_id].terms, seen.bid_micros, seen.offer_micros, Ticks())
        orders[order_id] = moved(orders[order_id], price, now)
        watch.note(orders[order_id], now)
    return looks


def test_many_are_moved_in_slices_so_many_a_second_and_each_in_its_turn() -> None:
    scene = Scene(limits=limits(buying_power=10**18))
    orders = [at_venue(scene) for _ in range(120)]
    scene.step(SECOND)
    scene.quotes.quote = TouchPrices(bid_micros=BID + CENT, offer_micros=OFFER)
    moved_by = []
    for _ in range(20):
        scene.step(0.1)
        moved_by.append(len(moves(scene)))
    assert moved_by[0] <= 50
    # 250 a second, 50 of them at once.
    assert all(after - before <= 25 for before, after in pairwise(moved_by))
    assert sorted(moved_by) == moved_by and moved_by[-1] == 120
    prices = {scene.state(order_id).worked_terms.limit_price_micros for order_id in orders}
    assert prices == {BID + CENT}


@given(
    per_s=st.integers(1, 1_000),
    asked=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 60)), max_size=30),
)
def test_no_more_are_moved_in_any_time_than_are_allowed(per_s: int, asked: list[tuple[int, int]]) -> None:
    allowed, now = MoveAllowance(per_s, NOW), NOW
    spent: list[tuple[Any, int]] = []
    for wait_ms, wanted in asked:
        now += timedelta(milliseconds=wait_ms)
        orders = min(wanted, allowed.left(now, 50))
        assert orders >= 0
        allowed.spend(orders)
        spent.append((now, orders))
    for first, (since, _) in enumerate(spent):
        for last in range(first, len(spent)):
            passed = (spent[last][0] - since) // timedelta(microseconds=1)
            done = sum(orders for _, orders in spent[first : last + 1])
            assert done <= max(1, per_s // 5) + passed * per_s / 1_000_000 + 1
    rested = now + timedelta(seconds=5)
    assert allowed.left(rested, 10_000) == max(1, per_s // 5)


def test_any_number_may_be_moved_where_there_is_no_bound() -> None:
    allowed = MoveAllowance(0, NOW)
    allowed.spend(10_000)
    assert allowed.left(NOW, 50) == 50
