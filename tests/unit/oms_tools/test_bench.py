"""The stopwatch's parts: percentiles by nearest rank, an order mix that a seed repeats, a counted stream."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from oms_api.domain.terms import Known, read_terms
from oms_platform.market_rules import Ticks
from oms_platform.messages import Quote
from oms_platform.schema.demo_data import INSTRUMENTS
from oms_platform.vocabulary import AlgoStrategy, OrderStatus, OrderTerms, OrderType
from oms_tools.bench.event_stream import StreamEvent
from oms_tools.bench.figures import last_part, percentiles, slope
from oms_tools.bench.load import Load, Schedule, Sent
from oms_tools.bench.order_mix import MixSpec, MixSpecError, OrderMix, PlannedOrder, read_mix
from oms_tools.bench.outcomes import cancel_outcomes, replace_outcomes
from oms_tools.bench.recovery import normal_after_s
from oms_tools.bench.session_drops import SessionDrops, drop_by_control
from oms_tools.cli.bench_commands import bench
from oms_tools.laptop.layout import StackError

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


def test_a_slope_is_of_the_line_through_the_points() -> None:
    assert slope([]) == slope([(1, 5)]) == slope([(1, 5), (1, 9)]) == 0
    assert slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    assert slope([(0, 10), (10, 0), (20, 10), (30, 0)]) == pytest.approx(-0.2)


def test_the_last_part_is_the_last_half_and_no_more_than_so_many_seconds() -> None:
    points = [(float(second), 0.0) for second in range(101)]
    assert (last_part(points, 300)[0], last_part(points, 300)[-1]) == ((50, 0), (100, 0))
    assert last_part(points, 20)[0] == (80, 0)
    assert last_part([], 20) == []


def planned(name: str, *, marketable: bool = True) -> PlannedOrder:
    return PlannedOrder(client_order_id=name, body={}, marketable=marketable)


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


def test_a_mix_says_which_share_is_canceled_and_what_is_wrong_with_it() -> None:
    assert read_mix("cancels=0.1") == read_mix("0.1") == read_mix(" cancels = 0.1 ,") == MixSpec(cancels=0.1)
    for text, sentence in {
        "cancels=0.6,replaces=0.5": "cancels and replaces are 1 at most together, were 1.1",
        "cancels=2": "cancels must be a share from 0 to 1, was '2'",
        "cancels=many": "cancels must be a share from 0 to 1, was 'many'",
        "cancels=nan": "cancels must be a share from 0 to 1, was 'nan'",
        "amends=0.1": "expected one of cancels, replaces, waits, kinds with a share, found 'amends=0.1'",
        "cancels=0.1,cancels=0.2": "cancels is given twice",
        "": "expected a mix such as cancels=0.1, found nothing",
    }.items():
        with pytest.raises(MixSpecError, match=re.escape(sentence)):
            read_mix(text)


def test_orders_are_the_same_whether_some_are_changed_or_not() -> None:
    plain = orders(7)
    mix = OrderMix(7, "run", quote, read_mix("cancels=0.4,replaces=0.6"))
    made = [mix.next_order() for _ in range(2_000)]
    assert [order.body for order in made] == [order.body for order in plain]
    changed = [(order.cancel_after_s is None) != (order.replace_after_s is None) for order in made]
    assert changed == [not order.marketable for order in made]
    assert all(order.cancel_after_s is order.replace_after_s is None for order in plain)
    replaced = sum(order.replace_after_s is not None for order in made) / sum(changed)
    assert 0.5 < replaced < 0.7
    waiting = OrderMix(7, "run", quote, read_mix("waits=1"))
    assert sum(not waiting.next_order().marketable for _ in range(1_000)) > 600


def test_an_order_that_waits_becomes_one_that_trades_or_another_quantity() -> None:
    mix = OrderMix(7, "run", quote, MixSpec(replaces=1.0, waits=1.0))
    made = [order for _ in range(500) if not (order := mix.next_order()).marketable]
    for order in made:
        ((name, value),) = mix.change_of(order).items()
        if name == "quantity":
            assert value in (order.body["quantity"] * 2, order.body["quantity"] // 2)
        else:
            further = Decimal(value) - Decimal(order.body["limitPrice"])
            assert (further > 0) == (order.body["side"] == "BUY")


def of_kinds(count: int, share: float = 1.0) -> list[PlannedOrder]:
    mix = OrderMix(7, "run", quote, MixSpec(kinds=share, cancels=0.4, replaces=0.6), clock=lambda: AT)
    return [mix.next_order() for _ in range(count)]


def test_orders_of_every_kind_are_ones_that_the_door_takes() -> None:
    known = Known(
        ticks_of=lambda _symbol: Ticks(),
        round_lot_of=lambda _symbol, _price: 100,
        account_exists=lambda _account: True,
        profile_exists=lambda _profile: True,
        venue_exists=lambda _venue: True,
    )
    made = of_kinds(1_000)
    for order in made:
        found = read_terms(order.body, channel="API", principal="desk", known=known)
        assert isinstance(found, OrderTerms), (order.body, found)
    assert {order.body["timeInForce"] for order in made} == {"DAY", "IOC", "FOK", "GTC", "GTD"}
    assert {order.body["orderType"] for order in made} == {kind.name for kind in OrderType}
    assert {order.body.get("algo", {}).get("strategy") for order in made} == {
        None,
        *AlgoStrategy.__members__,
    }
    for field in ("displayQty", "postOnly", "locateId", "minQuantity", "routing"):
        assert any(field in order.body for order in made), field
    assert not any(order.marketable for order in made)


def test_those_that_are_of_no_other_kind_are_what_they_would_have_been() -> None:
    plain, mixed = orders(7, 1_000), of_kinds(1_000, 0.3)
    same = [a.body == b.body for a, b in zip(plain, mixed, strict=True)]
    assert 0.6 < sum(same) / 1_000 < 0.8


def test_sessions_are_cut_about_as_often_as_is_asked_and_what_was_not_cut_is_not_counted() -> None:
    asked: list[str] = []

    def drop(venue_id: str) -> bool:
        asked.append(venue_id)
        return venue_id == "XNYS"

    drops = SessionDrops(("XNYS", "XNAS"), 10.0, 7, drop)
    for _ in range(2_000):
        drops.on_second(Load())
    assert 150 < len(asked) < 250 and set(asked) == {"XNYS", "XNAS"}
    assert drops.cut == {"XNYS": asked.count("XNYS"), "XNAS": 0}
    assert drop_by_control(1)("XNYS") is False


def replaced(status: int, end: str = "") -> Sent:
    return Sent(
        client_order_id="run",
        marketable=False,
        intended=0.0,
        replace_sent=1.0,
        replace_status=status,
        replace_end=end,
        replace_ended=1.25 if end else None,
    )


def test_a_replace_that_was_taken_must_end_replaced_or_rejected() -> None:
    asked = [replaced(202, "OrderReplaced"), replaced(202, "ReplaceRejected"), replaced(409), replaced(202)]
    found = replace_outcomes(asked)
    assert (found["sent"], found["answers"]) == (4, {"202": 3, "409": 1})
    assert (found["ended"], found["without_end"]) == ({"OrderReplaced": 1, "ReplaceRejected": 1}, 1)
    assert found["end_ms"]["max"] == 250


def test_a_quote_that_changes_changes_the_prices_of_its_symbol() -> None:
    quotes = {symbol: quote(symbol) for symbol, _, _ in INSTRUMENTS}
    mix = OrderMix(7, "run", quotes.get)
    for _ in range(500):
        mix.next_order()
    for symbol in quotes:
        quotes[symbol] = msgspec.structs.replace(
            quotes[symbol], national_best_bid=Decimal(50), national_best_offer=Decimal(50)
        )
    prices = {mix.next_order().body.get("limitPrice") for _ in range(500)} - {None}
    assert prices == {"50.05", "49.95"}


def test_probes_are_small_market_orders_with_ids_of_their_own() -> None:
    mix = OrderMix(7, "run", quote)
    probes = [mix.next_probe() for _ in range(20)]
    assert len({probe.client_order_id for probe in probes}) == 20
    assert {probe.body["orderType"] for probe in probes} == {"MARKET"}
    assert mix.next_order().client_order_id not in {probe.client_order_id for probe in probes}


def event(number: int, kind: str, status: str, order: str = "run-1") -> StreamEvent:
    return StreamEvent(
        client_order_id=order,
        type=kind,
        status=OrderStatus[status],
        account_id="ACC-1",
        stream_sequence=number,
        occurred_at=AT,
    )


def test_the_stream_dates_an_orders_route_and_fill_and_its_gaps_are_counted() -> None:
    load = Load()
    sent = load.leave(planned("run-1"), 0.0, probe=False)
    assert load.acked == []
    sent.acked = 1.0
    assert load.acked == [sent]
    load.note_all([event(4, "RoutePlaced", "ACKNOWLEDGED"), event(5, "TradeApplied", "PARTIALLY_FILLED")])
    assert (sent.routed is None, sent.filled, load.open_now) == (False, None, 1)
    load.note_all([event(6, "TradeApplied", "FILLED")])
    filled = sent.filled
    assert filled is not None
    load.last_event_at = 0.0
    load.note_all([event(8, "TradeApplied", "FILLED", order="someone else's")])
    assert load.last_event_at == 0.0
    load.note_all([event(9, "ChildClosed", "FILLED")])
    assert (load.events, load.stream_gaps, load.sequences) == (5, 1, {"ACC-1": 9})
    assert (sent.status, sent.filled, load.filled_count, load.open_now) == ("FILLED", filled, 1, 0)


def test_an_order_that_is_refused_for_good_is_no_backlog_and_one_that_waits_never_is() -> None:
    load = Load()
    load.leave(planned("waits", marketable=False), 0.0, probe=False)
    sent = load.leave(planned("run-1"), 0.0, probe=False)
    assert load.open_now == 1
    load.give_up(sent)
    load.note_all([event(1, "OrderDenied", "REJECTED")])
    assert load.open_now == 0


def test_a_schedule_ends_with_its_probes() -> None:
    schedule = Schedule(rate=4, seconds=2, probe_s=1)
    assert (schedule.orders, schedule.total) == (8, 18)
    times = [schedule.leaves_after(position) for position in range(schedule.total)]
    assert times[:3] == [0, 0.25, 0.5]
    assert times[7:10] == [1.75, 2, 2.1]


def canceled(status: int, *, rejected: bool = False) -> Sent:
    return Sent(
        client_order_id="run",
        marketable=False,
        intended=0.0,
        order_id=f"{status}{rejected}",
        cancel_sent=1.0,
        cancel_status=status,
        cancel_rejected=rejected,
        closed=1.5,
    )


def test_a_cancel_that_was_taken_must_end_canceled_filled_or_refused() -> None:
    asked = [canceled(202), canceled(409), canceled(202, rejected=True)]
    found = cancel_outcomes(asked, {"202False": "CANCELED", "409False": "FILLED", "202True": "ACKNOWLEDGED"})
    assert (found["sent"], found["answers"]) == (3, {"202": 2, "409": 1})
    assert (found["ended"], found["without_end"]) == ({"CANCELED": 1, "refused": 1}, 0)
    assert found["end_ms"]["max"] == 500
    assert cancel_outcomes([canceled(202)], {"202False": "PENDING_CANCEL"})["without_end"] == 1
    assert cancel_outcomes([canceled(202)], {})["without_end"] == 1


def probe(number: int, ack_ms: float, filled_ms: float | None) -> Sent:
    at = 100 + number / 10
    return Sent(
        client_order_id=f"probe-{number}",
        marketable=True,
        intended=at,
        probe=True,
        acked=at + ack_ms / 1000,
        filled=None if filled_ms is None else at + filled_ms / 1000,
    )


def test_all_is_back_to_normal_with_the_first_of_ten_normal_probes_in_a_row() -> None:
    slow = [probe(number, 900, 2_000) for number in range(12)]
    outlier = [*slow, *(probe(number, 5, 80) for number in range(12, 20)), probe(20, 5, None)]
    normal = [*outlier, *(probe(number, 5, 80) for number in range(21, 40))]
    assert normal_after_s(normal, 100) == 2.1
    assert normal_after_s(outlier, 100) is None
    assert normal_after_s(normal[21:], 100) == 2.1
    assert normal_after_s([], 100) is None


def test_options_that_contradict_each_other_are_named_and_so_is_a_stack_that_does_not_run(
    tmp_path: Path,
) -> None:
    for options, sentence in {
        ("--seconds", "5", "--minutes", "1"): "--seconds and --minutes contradict each other",
        ("--find-knee", "--minutes", "1"): "give their length with --seconds",
        ("--find-knee", "--probe", "5"): "--find-knee runs many",
        ("--filled-max", "300"): "it goes with --find-knee",
        ("--mix", "replaces=1,cancels=0.5"): "were 1.5",
        ("--mix", "cancels=-1"): "cancels must be a share from 0 to 1, was '-1'",
    }.items():
        refused = CliRunner().invoke(bench, [*options, "--data", str(tmp_path)])
        assert refused.exit_code == 2
        assert sentence in " ".join(refused.output.replace("│", " ").split())
    without = CliRunner().invoke(bench, ["--seconds", "5", "--data", str(tmp_path)])
    assert isinstance(without.exception, StackError)
    assert f"no stack runs in {tmp_path}" in str(without.exception)
