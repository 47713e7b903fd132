"""The stopwatch's parts: percentiles by nearest rank, an order mix that a seed repeats, a counted stream."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from oms_platform.messages import Quote
from oms_platform.schema.demo_data import INSTRUMENTS
from oms_tools.bench.figures import cpu_seconds, percentiles
from oms_tools.bench.load import Load, Sent, _StreamEvent
from oms_tools.bench.order_mix import OrderMix, PlannedOrder
from tests.unit.oms_tools.test_layout import dead_pid

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def quote(symbol: str) -> Quote:
    return Quote(
        symbol=symbol,
        sequence=1,
        quoted_at=AT,
        national_best_bid=Decimal("100.00"),
        national_best_offer=Decimal("100.02"),
    )


def orders(
    seed: int, count: int = 2_000, source: Callable[[str], Quote | None] = quote
) -> list[PlannedOrder]:
    mix = OrderMix(seed, "run", source)
    return [mix.next_order() for _ in range(count)]


def test_percentiles_are_values_that_were_measured_by_nearest_rank() -> None:
    assert percentiles([]) == {"p50": None, "p99": None, "max": None}
    assert percentiles([3.0]) == {"p50": 3.0, "p99": 3.0, "max": 3.0}
    assert percentiles([float(n) for n in range(100, 0, -1)]) == {"p50": 50.0, "p99": 99.0, "max": 100.0}
    assert percentiles([1.0, 2.0, 3.0, 4.0])["p50"] == 2.0
    assert percentiles([0.12345])["max"] == 0.123


def test_cpu_is_counted_for_a_living_process_and_0_for_one_that_is_gone() -> None:
    used = cpu_seconds({"own": os.getpid(), "gone": dead_pid(), "never": None})
    assert used["own"] > 0
    assert (used["gone"], used["never"]) == (0.0, 0.0)


def test_the_same_seed_makes_the_same_orders_and_another_seed_others() -> None:
    assert orders(7) == orders(7)
    assert orders(7) != orders(8)


def test_about_70_percent_are_limit_orders_and_ids_do_not_repeat() -> None:
    made = orders(7)
    limits = [order for order in made if order.body["orderType"] == "LIMIT"]
    assert 0.66 < len(limits) / len(made) < 0.74
    assert all(("limitPrice" in order.body) == (order in limits) for order in made[:200])
    assert len({order.client_order_id for order in made}) == len(made)


def test_marketable_limits_cross_the_quote_and_the_others_stay_away_from_it() -> None:
    for order in orders(7):
        if order.body["orderType"] == "MARKET":
            assert order.marketable
            continue
        price = Decimal(order.body["limitPrice"])
        assert price == price.quantize(Decimal("0.01"))
        through = price > Decimal("100.02") if order.body["side"] == "BUY" else price < Decimal("100.00")
        assert order.marketable == through


def test_without_a_quote_limits_are_priced_around_the_reference() -> None:
    references = {symbol: Decimal(price) for symbol, _, price in INSTRUMENTS}
    for order in orders(7, 200, lambda _: None):
        if "limitPrice" in order.body:
            reference = references[order.body["symbol"]]
            assert abs(Decimal(order.body["limitPrice"]) / reference - 1) < Decimal("0.002")


def event(number: int, kind: str, status: str, order: str = "run-1") -> _StreamEvent:
    return _StreamEvent(
        client_order_id=order,
        event_type=kind,
        status=status,
        account_id="ACC-1",
        stream_sequence=number,
        occurred_at=AT,
    )


def test_the_stream_dates_an_orders_route_and_fill_and_its_gaps_are_counted() -> None:
    load = Load()
    planned = orders(7, 1)[0]
    sent = load.sent[planned.client_order_id] = Sent(order=planned, intended=0.0)
    assert load.acked == []
    sent.acked = 1.0
    assert load.acked == [sent]
    load.note(event(4, "RoutePlaced", "ACKNOWLEDGED"))
    load.note(event(5, "TradeApplied", "PARTIALLY_FILLED"))
    assert (sent.routed is None, sent.filled) == (False, None)
    load.note(event(6, "TradeApplied", "FILLED"))
    assert sent.filled is not None
    load.note(event(8, "TradeApplied", "FILLED", order="someone else's"))
    assert (load.events, load.stream_gaps, load.sequences) == (4, 1, {"ACC-1": 8})
    assert (sent.status, len(load.core_to_client_ms)) == ("FILLED", 4)
