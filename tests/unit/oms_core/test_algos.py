"""Orders that are worked over time: their plans, what releases them, and what stops, changes or ends them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from oms_core.domain.algo_watch import AlgoWatch
from oms_core.domain.algos import END_GRACE, SLICES_TYPICAL, US_VOLUME, schedule
from oms_core.domain.order import Order
from oms_core.domain.touch import TouchPrices
from oms_core.domain.transitions import Lifecycle
from oms_platform.trading_calendar import Calendar, Session
from oms_platform.vocabulary import (
    Algo,
    AlgoSlice,
    AlgoStrategy,
    CancelCause,
    ExecType,
    OrderChange,
    OrderType,
    SharesReleased,
)
from tests.unit.oms_core.orders import NOW, PRICE, new_order
from tests.unit.oms_core.scene import BID, OFFER, Scene, limits

OPENS, CLOSES = datetime(2026, 11, 2, 14, 30, tzinfo=UTC), datetime(2026, 11, 2, 21, 0, tzinfo=UTC)
DAY = Session(session_date=date(2026, 11, 2), opens_at=OPENS, closes_at=CLOSES)
MARKET = Calendar(calendar_id="XNYS", sessions=(DAY,))
HOUR = timedelta(hours=1)


def algo(strategy: AlgoStrategy = AlgoStrategy.TWAP, **changes: Any) -> Algo:
    """Return an algo of ten slices over 100 seconds from now on."""
    needs: dict[str, Any] = {"strategy": strategy, "slices": 10, "end_at": NOW + timedelta(seconds=100)}
    needs |= {AlgoStrategy.IS: {"urgency": 3}, AlgoStrategy.POV: {"participation_bps": 1000}}.get(
        strategy, {}
    )
    return Algo(**(needs | changes))


def plan(wanted: Algo, quantity: int = 10_000, seed: int = 1, base: int = 0) -> tuple[AlgoSlice, ...]:
    """Return the slices of an algo that begins now."""
    return schedule(wanted, seed=seed, begins_at=NOW, base_qty=base, quantity=quantity, session=DAY)


# ---- plans


@pytest.mark.parametrize("strategy", list(AlgoStrategy))
@pytest.mark.parametrize("quantity", [1, 7, 100, 99_999])
@pytest.mark.parametrize("slices", [0, 1, 13, 200])
def test_a_plan_releases_more_with_each_slice_all_within_its_time_and_the_last_has_the_rest(
    strategy: AlgoStrategy, quantity: int, slices: int
) -> None:
    wanted = algo(strategy, slices=slices, end_at=NOW + HOUR)
    for seed in range(20):
        found = plan(wanted, quantity, seed)
        assert found[-1].quantity == quantity
        assert len(found) <= min(quantity, slices or SLICES_TYPICAL)
        assert all(NOW <= one.due_at < NOW + HOUR for one in found)
        assert all(a.due_at < b.due_at and a.quantity <= b.quantity for a, b in pairwise(found))
        assert found == plan(wanted, quantity, seed)


def test_sizes_and_times_follow_from_the_seed_and_differ_from_the_next() -> None:
    assert len({plan(algo(), seed=seed) for seed in range(50)}) == 50


def test_a_twap_is_never_a_slice_from_even() -> None:
    for seed in range(50):
        for number, one in enumerate(plan(algo(), seed=seed), 1):
            even = 1000 * number
            assert abs(one.quantity - even) <= 1000 / 8
            middle = NOW + timedelta(seconds=10 * number - 5)
            assert abs(one.due_at - middle) <= timedelta(seconds=1.25)


def test_a_vwap_of_the_whole_day_has_the_days_volume_in_each_half_hour() -> None:
    wanted = Algo(strategy=AlgoStrategy.VWAP, end_at=CLOSES, slices=len(US_VOLUME))
    quantity = sum(US_VOLUME) * 100
    found = schedule(wanted, seed=3, begins_at=OPENS, base_qty=0, quantity=quantity, session=DAY)
    for number, one in enumerate(found, 1):
        assert abs(one.quantity - 100 * sum(US_VOLUME[:number])) <= 100 * max(US_VOLUME) / 8


def test_a_vwap_without_a_day_that_has_a_shape_is_even() -> None:
    ever = Session(session_date=date(1970, 1, 1), opens_at=OPENS - 90 * HOUR, closes_at=CLOSES + 90 * HOUR)
    for session in (None, ever):
        found = schedule(
            algo(AlgoStrategy.VWAP), seed=1, begins_at=NOW, base_qty=0, quantity=10_000, session=session
        )
        assert found == plan(algo(AlgoStrategy.TWAP))


def test_implementation_shortfall_follows_its_paper_and_the_more_urgent_is_ahead() -> None:
    """Against sinh(k(T-t)) / sinh(kT) worked out with exponentials of another precision."""
    ahead: list[int] = []
    for urgency in (1, 3, 10):
        found = plan(algo(AlgoStrategy.IS, urgency=urgency), 1_000_000)
        sizes = [0, *(one.quantity for one in found)]
        for number, one in enumerate(found, 1):
            u, left = Decimal(urgency), Decimal(urgency) * (10 - number) / 10
            part = (left.exp() - (-left).exp()) / (u.exp() - (-u).exp())
            slice_size = sizes[number] - sizes[number - 1]
            assert abs(one.quantity - 1_000_000 * (1 - part)) <= slice_size / 6 + 1
        assert found[0].due_at - NOW <= timedelta(seconds=1.25)
        ahead.append(found[4].quantity)
    assert ahead == sorted(ahead)
    assert ahead[0] > 500_000


# ---- through core


@pytest.fixture
def scene() -> Scene:
    return Scene(calendar=MARKET)


def worked(scene: Scene, wanted: Algo | None = None, quantity: int = 1_000, **changes: Any) -> UUID:
    """Take in an order with an algo."""
    order_id = scene.order(quantity=quantity, algo=wanted or algo(), **changes)
    scene.step()
    return order_id


def releases(scene: Scene, order_id: UUID) -> list[SharesReleased]:
    """Return the order's releases."""
    found = [event.shares_released for event in scene.store.events[order_id]]
    return [one for one in found if one is not None]


def seconds(scene: Scene, count: int) -> Iterator[int]:
    """Let so many seconds pass, a step each."""
    for number in range(count):
        scene.step(1)
        yield number


def trade_all(scene: Scene, order_id: UUID) -> None:
    """Place what the order asks for at one venue, and let it trade."""
    order = scene.state(order_id)
    if order.route_quantity and order.attempt > len(order.children):
        shares = order.route_quantity
        scene.place(order_id, ("XNYS", shares))
        scene.fill(order_id, shares, attempt=order.attempt, order_qty=shares)


def test_an_order_is_planned_when_it_is_taken_and_each_slice_is_routed_when_it_is_due(scene: Scene) -> None:
    order_id = worked(scene)
    assert scene.event_types(order_id) == ["OrderAccepted", "AlgoPlanned"]
    slices = scene.state(order_id).plan.slices  # type: ignore[union-attr]
    for _ in seconds(scene, 99):
        trade_all(scene, order_id)
        due = [one.quantity for one in slices if one.due_at <= scene.now]
        assert scene.state(order_id).executed_qty == (due[-1] if due else 0)
    assert scene.quantities(order_id) == ("FILLED", 1_000, 0)
    assert [one.quantity for one in releases(scene, order_id)] == [one.quantity for one in slices]
    assert next(one.quantity for one in scene.route_requests()) == slices[0].quantity
    assert all(request.terms.algo is None for request in scene.route_requests())


def test_nothing_is_planned_before_its_start(scene: Scene) -> None:
    order_id = worked(scene, algo(start_at=NOW + timedelta(seconds=40)))
    for _ in seconds(scene, 39):
        assert scene.event_types(order_id) == ["OrderAccepted"]
    scene.step(1)
    planned = scene.state(order_id).plan
    assert planned is not None and planned.planned_at == NOW + timedelta(seconds=40)
    assert planned.slices[0].due_at > planned.planned_at


def test_a_slice_that_risk_denies_holds_the_order_with_the_reason_until_it_is_within_again(
    scene: Scene,
) -> None:
    order_id = worked(scene, algo(seed=3), limit_price_micros=PRICE)
    while not scene.route_requests():
        scene.step(1)
    trade_all(scene, order_id)
    released, sent = len(releases(scene, order_id)), len(scene.route_requests())
    done = scene.state(order_id).executed_qty
    # The market falls: the limit is further through it than the collar.
    quote, scene.quotes.quote = scene.quotes.quote, TouchPrices(bid_micros=BID // 2, offer_micros=OFFER // 2)
    for _ in seconds(scene, 30):
        assert (len(releases(scene, order_id)), len(scene.route_requests())) == (released, sent)
    order = scene.state(order_id)
    assert order.text.startswith("SLICE_DENIED: PRICE_OUTSIDE_COLLAR: price=100.00, touch=50.")
    assert scene.event_types(order_id).count("AlgoHeld") == 1
    assert (order.lifecycle, order.executed_qty) == (Lifecycle.LIVE, done)
    scene.quotes.quote = quote
    for _ in seconds(scene, 65):
        trade_all(scene, order_id)
    assert scene.quantities(order_id) == ("FILLED", 1_000, 0)


@pytest.mark.parametrize("quantity_max", [99, 100, 150, 1_000])
def test_a_slice_is_held_to_a_limit_of_size_as_the_slice_that_it_is(quantity_max: int) -> None:
    """Ten slices of about 100, of an order of 1,000 that was within the limit when it was taken."""
    scene = Scene(calendar=MARKET)
    order_id = worked(scene, algo(seed=3))
    planned = scene.state(order_id).plan
    assert planned is not None
    largest = max(
        after - before for before, after in pairwise([0, *(one.quantity for one in planned.slices)])
    )
    assert largest > 100
    scene.store.set_rules(limits(quantity_max=quantity_max))
    for _ in seconds(scene, 99):
        trade_all(scene, order_id)
    is_over = scene.state(order_id).executed_qty == 1_000
    assert is_over is (quantity_max >= largest)
    held = [event.algo_held for event in scene.store.events[order_id] if event.algo_held]
    assert bool(held) is not is_over
    if held:
        assert held[0].reason.startswith("SLICE_DENIED: ORDER_QTY_EXCEEDS_MAX: quantity=")


def test_what_a_slice_leaves_is_worked_with_the_next(scene: Scene) -> None:
    order_id = worked(scene)
    while not scene.route_requests():
        scene.step(1)
    first = scene.state(order_id).route_quantity
    scene.place(order_id, ("XNYS", first))
    scene.report(order_id, ExecType.CANCELED, order_qty=first)
    while len(releases(scene, order_id)) < 2:
        scene.step(0.1)
        order = scene.state(order_id)
        if order.route_quantity and order.attempt > 1 and len(releases(scene, order_id)) < 2:
            scene.place(order_id, reason="nobody sells")
    assert scene.state(order_id).route_quantity == releases(scene, order_id)[1].quantity


def test_a_core_that_begins_again_goes_on_with_the_same_plan(scene: Scene) -> None:
    """Killed after each second, it has the releases of one that was not."""
    unhurt = Scene(calendar=MARKET)
    wanted = algo(seed=5)
    ids = [worked(one, wanted) for one in (scene, unhurt)]
    for _ in range(99):
        for one, order_id in zip((scene, unhurt), ids, strict=True):
            one.step(1)
            trade_all(one, order_id)
        scene.start()
    assert releases(scene, ids[0]) == releases(unhurt, ids[1])
    assert scene.quantities(ids[0]) == unhurt.quantities(ids[1]) == ("FILLED", 1_000, 0)


def test_a_suspended_order_releases_nothing_and_all_that_was_due_when_it_is_resumed(scene: Scene) -> None:
    order_id = worked(scene)
    for _ in seconds(scene, 20):
        trade_all(scene, order_id)
    before = releases(scene, order_id)
    scene.suspend(order_id)
    for _ in seconds(scene, 40):
        assert releases(scene, order_id) == before
    scene.resume(order_id)
    scene.step()
    due = [one for one in scene.state(order_id).plan.slices if one.due_at <= scene.now]  # type: ignore[union-attr]
    (late,) = releases(scene, order_id)[len(before) :]
    assert (late.quantity, late.slice) == (due[-1].quantity, len(due))


def test_a_replaced_order_is_planned_anew_from_then_on_and_what_is_done_stays(scene: Scene) -> None:
    order_id = worked(scene)
    for _ in seconds(scene, 50):
        trade_all(scene, order_id)
    done = scene.state(order_id).executed_qty
    assert done
    scene.replace(order_id, OrderChange(quantity=3_000))
    scene.step()
    planned = scene.state(order_id).plan
    assert planned is not None
    assert (planned.base_qty, planned.slices[-1].quantity) == (done, 3_000)
    assert planned.planned_at == scene.now
    first = planned.slices[0].quantity - done
    assert 0 < first < (3_000 - done) / 5
    for _ in seconds(scene, 49):
        trade_all(scene, order_id)
    assert scene.quantities(order_id) == ("FILLED", 3_000, 0)


def test_an_algos_own_terms_change_and_its_children_stay(scene: Scene) -> None:
    order_id = worked(scene)
    while not scene.route_requests():
        scene.step(1)
    scene.place(order_id, ("XNYS", scene.state(order_id).route_quantity))
    later = algo(end_at=NOW + timedelta(seconds=400))
    scene.replace(order_id, OrderChange(algo=later))
    scene.step()
    order = scene.state(order_id)
    assert order.terms.algo == later
    assert order.working_qty and not order.is_recalled
    assert order.plan is not None and order.plan.slices[-1].due_at > NOW + timedelta(seconds=300)
    assert order.plan.base_qty == order.working_qty


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (algo(AlgoStrategy.VWAP), "algo.strategy: TWAP does not become VWAP"),
        (algo(urgency=3), "algo.urgency: must be left out of TWAP, was 3"),
        (algo(end_at=NOW - HOUR), "ALGO_OUTSIDE_SESSION"),
        (algo(end_at=CLOSES + HOUR), "ALGO_OUTSIDE_SESSION"),
    ],
)
def test_a_replace_that_makes_no_sense_is_rejected(scene: Scene, change: Algo, reason: str) -> None:
    order_id = worked(scene)
    scene.replace(order_id, OrderChange(algo=change))
    rejected = scene.store.events[order_id][-1].replace_rejected
    assert rejected is not None and reason in rejected.reason


def test_an_order_that_is_not_worked_over_time_does_not_become_one_that_is(scene: Scene) -> None:
    order_id = scene.order()
    scene.replace(order_id, OrderChange(algo=algo()))
    rejected = scene.store.events[order_id][-1].replace_rejected
    assert rejected is not None and rejected.reason.startswith("algo: ")


def test_a_cancel_ends_it_at_any_moment_and_a_late_fill_still_counts(scene: Scene) -> None:
    order_id = worked(scene)
    while not scene.route_requests():
        scene.step(1)
    shares = scene.state(order_id).route_quantity
    scene.place(order_id, ("XNYS", shares))
    scene.cancel(order_id)
    scene.report(order_id, ExecType.CANCELED, order_qty=shares)
    assert scene.quantities(order_id)[0] == "CANCELED"
    for _ in seconds(scene, 110):
        pass
    assert len(releases(scene, order_id)) == 1
    scene.fill(order_id, shares, order_qty=shares)
    assert scene.quantities(order_id) == ("CANCELED", shares, 0)


@pytest.mark.parametrize("suspended", [False, True])
def test_what_has_not_traded_soon_after_its_end_is_canceled_and_says_why(
    scene: Scene, suspended: bool
) -> None:
    order_id = worked(scene, order_type=OrderType.MARKET)
    if suspended:
        scene.suspend(order_id)
    attempts = 0
    while scene.now < NOW + timedelta(seconds=100) + END_GRACE:
        assert scene.quantities(order_id)[0] in ("ACKNOWLEDGED", "SUSPENDED")
        scene.step(1)
        if scene.state(order_id).route_quantity:
            attempts += 1
            scene.place(order_id, reason="nobody sells")
    scene.step()
    order = scene.state(order_id)
    assert order.lifecycle is Lifecycle.CANCELED
    assert order.cancel is not None and order.cancel.cause is CancelCause.ALGO_END
    assert order.text == "ALGO_ENDED: its time is over"
    # More routes without a fill than would end another market order.
    assert suspended or attempts > 6


def test_a_day_that_ends_before_ends_it(scene: Scene) -> None:
    order_id = worked(scene, algo(end_at=CLOSES))
    scene.now = CLOSES
    scene.step()
    scene.step()
    assert scene.quantities(order_id)[0] == "EXPIRED"


@pytest.mark.parametrize(
    "wanted",
    [
        algo(end_at=CLOSES + HOUR),
        algo(end_at=NOW),
        algo(start_at=CLOSES + HOUR, end_at=CLOSES + 2 * HOUR),
    ],
)
def test_a_time_that_is_over_or_not_in_one_session_is_denied(scene: Scene, wanted: Algo) -> None:
    order_id = worked(scene, wanted)
    denied = scene.store.events[order_id][-1].order_denied
    assert denied is not None and denied.denial.startswith("ALGO_OUTSIDE_SESSION: begins=")


# ---- participation


def traded(scene: Scene, volume: int | None) -> None:
    """Let the market have traded so much."""
    scene.quotes.quote = TouchPrices(bid_micros=BID, offer_micros=OFFER, volume=volume)


def test_pov_releases_its_part_of_what_the_market_trades_and_never_more(scene: Scene) -> None:
    traded(scene, 50_000)
    order_id = worked(scene, algo(AlgoStrategy.POV))
    volume = 50_000
    for number in seconds(scene, 60):
        volume += 70 * (number % 3)
        traded(scene, volume)
        trade_all(scene, order_id)
        assert scene.state(order_id).released_qty <= (volume - 50_000) // 10
    assert scene.state(order_id).released_qty > 300


@pytest.mark.parametrize("strategy", [AlgoStrategy.TWAP, AlgoStrategy.VWAP, AlgoStrategy.IS])
def test_a_participation_bounds_every_strategy(scene: Scene, strategy: AlgoStrategy) -> None:
    traded(scene, 0)
    order_id = worked(scene, algo(strategy, participation_bps=500), quantity=1_000)
    for number in seconds(scene, 99):
        traded(scene, 100 * number)
        assert scene.state(order_id).released_qty <= 5 * number
    assert 300 < scene.state(order_id).released_qty < 1_000


def test_a_feed_that_is_dead_releases_nothing_and_that_is_shown_until_it_is_back(scene: Scene) -> None:
    traded(scene, 10_000)
    order_id = worked(scene, algo(AlgoStrategy.POV))
    traded(scene, None)
    for _ in seconds(scene, 30):
        pass
    assert scene.event_types(order_id).count("AlgoHeld") == 1
    assert scene.state(order_id).text.startswith("VOLUME_UNKNOWN: symbol=AAPL")
    assert scene.state(order_id).released_qty == 0
    traded(scene, 12_000)
    for _ in seconds(scene, 30):
        pass
    assert scene.state(order_id).released_qty == 200
    assert scene.state(order_id).held == ""


def test_a_feed_that_begins_again_takes_nothing_away_and_counts_from_there(scene: Scene) -> None:
    traded(scene, 10_000)
    order_id = worked(scene, algo(AlgoStrategy.POV))
    for volume in (12_000, 500, 1_500):
        traded(scene, volume)
        for _ in seconds(scene, 15):
            pass
    assert scene.state(order_id).released_qty == 200 + 100
    assert releases(scene, order_id)[-1].counted_volume == 3_000


# ---- what it costs


def waiting(number: int) -> Order:
    """Return an order with a plan of a slice every ten seconds."""
    order = new_order(order_id=UUID(int=NOW.toordinal() << 80 | 7 << 76 | 2 << 62 | number))
    terms = replace(order.terms, algo=algo(start_at=NOW + timedelta(seconds=number % 1000)))
    return replace(order, lifecycle=Lifecycle.LIVE, terms=terms)


def test_only_orders_whose_time_has_come_are_looked_at_each_once() -> None:
    orders = {order.order_id: order for order in map(waiting, range(10_000))}
    watch = AlgoWatch(orders.values(), NOW - HOUR)
    assert len(watch) == 10_000
    assert list(watch.due(NOW - timedelta(seconds=1), 500)) == []
    assert len(set(watch.due(NOW + timedelta(seconds=9), 500))) == 100
    assert list(watch.due(NOW + timedelta(seconds=9), 500)) == []
    for order in orders.values():
        watch.note(replace(order, lifecycle=Lifecycle.CANCELED), NOW)
    assert list(watch.due(NOW + HOUR, 20_000)) == []


def test_a_quote_costs_an_algo_nothing(scene: Scene) -> None:
    """However many wait: quotes of their symbol come, and nobody asks for their orders."""
    order_id = worked(scene, algo(AlgoStrategy.POV))
    scene.step(1)
    before = scene.state(order_id)
    asked: list[str] = []

    class Counting:
        def touch(self, symbol: str) -> TouchPrices:
            asked.append(symbol)
            return TouchPrices(bid_micros=BID, offer_micros=OFFER + len(asked), volume=len(asked) * 1_000)

    scene.core.quotes = Counting()
    for _ in range(200):
        scene.step(0.001)
    assert asked == []
    assert scene.state(order_id) == before


def test_a_market_order_is_worked_slice_by_slice_and_needs_no_price(scene: Scene) -> None:
    order_id = worked(scene, order_type=OrderType.MARKET)
    for _ in seconds(scene, 99):
        trade_all(scene, order_id)
    assert scene.quantities(order_id) == ("FILLED", 1_000, 0)
    assert scene.state(order_id).notional_micros == 1_000 * PRICE
