"""The venue engine: what it refuses, that it repeats itself, keeps FIX's arithmetic and comes back."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest

from oms_platform.messages import Quote
from simulators.broker.book_order import SelfMatch
from simulators.broker.engine import Behaviour, VenueEngine, VenueOrder
from simulators.broker.entrypoints.fix_text import report_text
from simulators.broker.market import Market, markets_of
from simulators.broker.protocol import (
    AskStatus,
    CancelOrder,
    CancelRejected,
    Command,
    Decide,
    ExecType,
    NewOrder,
    OrderAccepted,
    OrdRejReason,
    OrdStatus,
    OrdType,
    Record,
    ReplaceOrder,
    Report,
    Requote,
    Side,
    TimeInForce,
    is_kept,
)
from tests.unit.simulators.test_quote_maker import make_quotes

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
TICKS = {"AAPL": Decimal("0.01"), "MSFT": Decimal("0.01")}
WILD = Behaviour(reject=0.05, cancel_reject=0.1, thin=0.3, touch_fill=0.5, hidden=0.6, reports_pending=True)


def engine(behaviour: Behaviour | None = None, *, dark: bool = False, seed: int = 7) -> VenueEngine:
    return VenueEngine(
        "DARK" if dark else "XNYS", TICKS, seed=seed, behaviour=behaviour or Behaviour(), dark=dark
    )


def order(cl_ord_id: str = "X", **terms: object) -> NewOrder:
    usual: dict[str, object] = {
        "symbol": "AAPL",
        "side": Side.BUY,
        "order_qty": 100,
        "ord_type": OrdType.LIMIT,
        "price": "227.50",
    }
    return NewOrder(cl_ord_id=cl_ord_id, **(usual | terms))  # type: ignore[arg-type]


@cache
def some_quotes() -> list[Quote]:
    return [quote for quote in make_quotes(15 * 200) if quote.symbol in TICKS]


def random_commands(count: int, seed: int, venue_id: str) -> list[Command]:
    """Orders, cancels, replaces, status requests and quotes as a busy, careless counterparty sends them."""
    draws = random.Random(seed)
    quotes = some_quotes()
    commands: list[Command] = []
    names: list[str] = []
    for number in range(count):
        kind = draws.random()
        symbol, side = draws.choice(sorted(TICKS)), draws.choice([Side.BUY, Side.SELL])
        around = {"AAPL": Decimal("227.50"), "MSFT": Decimal("418.20")}[symbol]
        price = str(around + draws.randint(-12, 12) * Decimal("0.01"))
        name = f"c{number}"
        if kind < 0.4 or not names:
            commands.append(
                order(
                    draws.choice([name, name, name, draws.choice(names or [name])]),
                    symbol=symbol,
                    side=side,
                    order_qty=draws.randint(1, 20) * 50,
                    ord_type=draws.choice([OrdType.LIMIT] * 5 + [OrdType.MARKET]),
                    price=price,
                    time_in_force=draws.choice(list(TimeInForce)),
                )
            )
            names.append(name)
        elif kind < 0.5:
            orig = draws.choice(names)
            commands.append(CancelOrder(cl_ord_id=name, orig_cl_ord_id=orig, symbol=symbol, side=side))
        elif kind < 0.6:
            commands.append(
                ReplaceOrder(
                    cl_ord_id=name,
                    orig_cl_ord_id=draws.choice(names),
                    symbol=symbol,
                    side=side,
                    order_qty=draws.randint(1, 30) * 50,
                    price=price,
                )
            )
            names.append(name)
        elif kind < 0.65:
            commands.append(AskStatus(cl_ord_id=draws.choice([*names[-5:], "nobody"]), symbol=symbol))
        elif kind < 0.8:
            commands.append(Decide(cl_ord_id=draws.choice(names[-20:])))
        else:
            commands.append(Requote(market=markets_of(quotes[number % len(quotes)])[venue_id]))
    return commands


def play(venue: VenueEngine, commands: Sequence[Command]) -> list[Record]:
    return [
        record
        for number, command in enumerate(commands)
        for record in venue.handle(command, NOW + timedelta(milliseconds=number))
    ]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"symbol": "XXXX"}, OrdRejReason.UNKNOWN_SYMBOL),
        ({"side": None}, OrdRejReason.UNSUPPORTED_CHARACTERISTIC),
        ({"ord_type": None}, OrdRejReason.UNSUPPORTED_CHARACTERISTIC),
        ({"time_in_force": None}, OrdRejReason.UNSUPPORTED_CHARACTERISTIC),
        ({"order_qty": 0}, OrdRejReason.INCORRECT_QUANTITY),
        ({"order_qty": None}, OrdRejReason.INCORRECT_QUANTITY),
        ({"order_qty": 10**9}, OrdRejReason.INCORRECT_QUANTITY),
        ({"price": "227.505"}, OrdRejReason.OTHER),
        ({"price": ""}, OrdRejReason.OTHER),
        ({"price": "-1"}, OrdRejReason.OTHER),
        ({"price": "NaN"}, OrdRejReason.OTHER),
        ({"price": "1e30"}, OrdRejReason.OTHER),
    ],
)
def test_order_that_the_venue_cannot_take_is_rejected_once_and_remembered(
    terms: dict[str, object], reason: OrdRejReason
) -> None:
    venue = engine()
    (report,) = venue.handle(order(**terms), NOW)
    assert isinstance(report, Report)
    assert (report.exec_type, report.ord_status) == (ExecType.REJECTED, OrdStatus.REJECTED)
    assert (report.ord_rej_reason, report.leaves_qty, report.cum_qty) == (reason, 0, 0)
    (again,) = venue.handle(order(**terms, possible_resend=True), NOW)
    assert isinstance(again, Report)
    assert (again.exec_type, again.ord_status) == (ExecType.ORDER_STATUS, OrdStatus.REJECTED)


def test_market_order_takes_what_is_there_at_any_price_and_the_rest_is_canceled() -> None:
    venue = engine()
    asks = ((227_500_000, 60), (999_000_000, 20))
    venue.handle(Requote(market=Market(symbol="AAPL", asks=asks)), NOW)
    records = venue.handle(order(ord_type=OrdType.MARKET, price=""), NOW)
    reports = [record for record in records if isinstance(record, Report)]
    assert [(report.exec_type, report.last_qty, report.last_px) for report in reports] == [
        (ExecType.NEW, 0, ""),
        (ExecType.TRADE, 60, "227.50"),
        (ExecType.TRADE, 20, "999.00"),
        (ExecType.CANCELED, 0, ""),
    ]
    assert reports[-1].avg_px == "420.375"


def test_average_price_is_the_exact_notional_over_the_quantity() -> None:
    venue = engine()
    asks = ((227_500_000, 100), (227_510_000, 100), (227_530_000, 100))
    venue.handle(Requote(market=Market(symbol="AAPL", asks=asks)), NOW)
    records = venue.handle(order(order_qty=300, price="227.53"), NOW)
    assert isinstance(records[-1], Report)
    assert (records[-1].ord_status, records[-1].avg_px) == (OrdStatus.FILLED, "227.513333")


def test_two_of_our_orders_trade_with_each_other_and_both_hear_of_it() -> None:
    venue = engine()
    venue.handle(order("rest", side=Side.SELL), NOW)
    records = venue.handle(order("take", order_qty=40), NOW)
    trades = [r for r in records if isinstance(r, Report) and r.exec_type is ExecType.TRADE]
    assert [(trade.cl_ord_id, trade.last_qty, trade.cum_qty, trade.leaves_qty) for trade in trades] == [
        ("take", 40, 40, 0),
        ("rest", 40, 40, 60),
    ]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_same_seed_and_inputs_give_the_same_reports(seed: int, dark: bool) -> None:
    commands = random_commands(400, seed, "DARK" if dark else "XNYS")
    first = play(engine(WILD, dark=dark), commands)
    assert first == play(engine(WILD, dark=dark), commands)
    assert first != play(engine(WILD, dark=dark, seed=8), commands)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_reports_keep_the_arithmetic_of_fix(seed: int, dark: bool) -> None:
    venue = engine(WILD, dark=dark)
    records = play(venue, random_commands(800, seed, "DARK" if dark else "XNYS"))
    reports = [record for record in records if isinstance(record, Report)]
    done: dict[str, tuple[int, Decimal]] = {}
    for report in reports:
        quantity, notional = done.get(report.order_id, (0, Decimal(0)))
        if report.exec_type is ExecType.TRADE:
            quantity += report.last_qty
            notional += report.last_qty * Decimal(report.last_px)
            done[report.order_id] = (quantity, notional)
        assert report.cum_qty == quantity
        ended = report.ord_status in (OrdStatus.CANCELED, OrdStatus.REJECTED, OrdStatus.DONE_FOR_DAY)
        assert report.leaves_qty == (0 if ended else report.order_qty - report.cum_qty)
        if quantity:
            assert abs(Decimal(report.avg_px) - notional / quantity) <= Decimal("0.0000005")
    exec_ids = [report.exec_id for report in reports]
    assert len(set(exec_ids)) == len(exec_ids)
    assert {report.exec_type for report in reports} >= {ExecType.NEW, ExecType.TRADE, ExecType.CANCELED}


def state(venue: VenueEngine) -> dict[str, tuple[object, ...]]:
    attributes = [
        "order_id",
        "cl_ord_id",
        "status",
        "order_qty",
        "cum_qty",
        "leaves_qty",
        "notional_micros",
        "price",
        "arrival",
    ]
    return {
        name: (
            *(getattr(kept, attribute) for attribute in attributes),
            kept.notional_micros,
            kept.is_live and kept.working_qty,
        )
        for name, kept in venue._orders.items()
    }


def book(venue: VenueEngine) -> dict[str, list[object]]:
    return {
        symbol: [
            (kept.cl_ord_id, kept.working_qty) for kept in side.resting() if isinstance(kept, VenueOrder)
        ]
        for symbol, side in venue._books.items()
    }


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_restored_engine_is_where_the_first_one_was(seed: int, dark: bool) -> None:
    commands = random_commands(600, seed, "DARK" if dark else "XNYS")
    first = engine(Behaviour(touch_fill=0.5), dark=dark)
    kept = [record for record in play(first, commands) if is_kept(record)]
    second = engine(Behaviour(touch_fill=0.5), dark=dark)
    for record in kept:
        second.restore(record)
    assert second.restored(NOW) == []
    assert state(second) == state(first)
    assert book(second) == book(first)
    assert first.handle(order("new"), NOW)[:2] == second.handle(order("new"), NOW)[:2]


def test_restored_engine_refuses_what_was_pending_and_the_order_trades_on() -> None:
    first = engine(WILD)
    accepted = engine(Behaviour()).handle(order(), NOW)
    for record in accepted:
        first.restore(record)
    assert first.restored(NOW) == []
    pending = first.handle(CancelOrder(cl_ord_id="Y", orig_cl_ord_id="X", symbol="AAPL", side=Side.BUY), NOW)
    second = engine(WILD)
    for record in [*accepted, *pending]:
        second.restore(record)
    (refusal,) = second.restored(NOW)
    assert isinstance(refusal, CancelRejected)
    assert (refusal.cl_ord_id, refusal.orig_cl_ord_id, refusal.reason) == ("Y", "X", 2)
    kept = second.order("X")
    assert kept is not None and kept.status is OrdStatus.NEW
    third = engine(WILD)
    for record in [*accepted, *pending, refusal]:
        third.restore(record)
    assert third.restored(NOW) == []


def test_restored_engine_cancels_what_must_not_rest_and_forgets_what_was_never_acknowledged() -> None:
    first = engine()
    whole = first.handle(order("ioc", time_in_force=TimeInForce.IOC), NOW)
    lost = first.handle(order("lost"), NOW)
    assert isinstance(lost[0], OrderAccepted)
    second = engine()
    for record in [*whole[:2], lost[0]]:
        second.restore(record)
    (canceled,) = second.restored(NOW)
    assert isinstance(canceled, Report)
    assert (canceled.cl_ord_id, canceled.exec_type) == ("ioc", ExecType.CANCELED)
    assert second.order("lost") is None
    assert [type(record) for record in second.handle(order("lost"), NOW)] == [OrderAccepted, Report]


def test_oldest_closed_orders_are_forgotten_beyond_the_bound() -> None:
    venue = VenueEngine("XNYS", TICKS, seed=7, behaviour=Behaviour(), closed_orders_max=10)
    venue.handle(order("live"), NOW)
    for number in range(50):
        venue.handle(order(f"ioc{number}", price="1.00", time_in_force=TimeInForce.IOC), NOW)
    assert venue.order("ioc39") is None
    assert venue.order("ioc40") is not None
    assert venue.order("live") is not None


def test_an_immediate_order_that_finds_less_than_its_minimum_is_canceled_untraded() -> None:
    venue = engine()
    venue.handle(order("rest", side=Side.SELL, order_qty=50), NOW)
    records = venue.handle(order("wants", order_qty=200, min_qty=80, time_in_force=TimeInForce.IOC), NOW)
    assert [record.exec_type for record in records if isinstance(record, Report)] == [
        ExecType.NEW,
        ExecType.CANCELED,
    ]
    records = venue.handle(order("takes", order_qty=200, min_qty=50, time_in_force=TimeInForce.IOC), NOW)
    traded = [record.last_qty for record in records if isinstance(record, Report) and record.last_qty]
    assert traded == [50, 50]


def test_a_minimum_above_the_quantity_is_refused() -> None:
    (refused,) = engine().handle(order(order_qty=100, min_qty=101), NOW)
    assert isinstance(refused, Report)
    assert refused.ord_rej_reason == OrdRejReason.INCORRECT_QUANTITY


def test_a_resting_minimum_is_kept_over_a_restart() -> None:
    venue, again = engine(), engine()
    for record in venue.handle(order("rest", order_qty=200, min_qty=150), NOW):
        again.restore(record)
    again.restored(NOW)
    records = again.handle(order("small", side=Side.SELL, order_qty=100), NOW)
    assert not any(record.last_qty for record in records if isinstance(record, Report))
    records = again.handle(order("large", side=Side.SELL, order_qty=60), NOW)
    assert not any(record.last_qty for record in records if isinstance(record, Report))


def test_order_that_would_meet_one_of_ours_cancels_it_where_self_match_is_prevented() -> None:
    venue = engine(Behaviour(touch_fill=0, self_match=SelfMatch.CANCEL_OLDEST))
    venue.handle(order("rests"), NOW)
    venue.handle(order("far", price="227.40"), NOW)
    records = venue.handle(order("meets", side=Side.SELL), NOW)
    reports = [record for record in records if isinstance(record, Report)]
    assert [(one.cl_ord_id, one.exec_type) for one in reports] == [
        ("meets", ExecType.NEW),
        ("rests", ExecType.CANCELED),
    ]
    far, meets = venue.order("far"), venue.order("meets")
    assert far is not None and meets is not None
    assert far.is_live and (meets.cum_qty, meets.leaves_qty) == (0, 100)


def test_trade_says_where_it_was_made_and_who_came_for_liquidity() -> None:
    venue = engine(Behaviour(touch_fill=0))
    venue.handle(order("rests"), NOW)
    records = venue.handle(order("takes", side=Side.SELL), NOW)
    trades = [one for one in records if isinstance(one, Report) and one.exec_type is ExecType.TRADE]
    assert {one.cl_ord_id: one.last_liquidity for one in trades} == {"rests": 1, "takes": 2}
    assert all("\x0130=XNYS\x01" in report_text(one) for one in trades)


def test_a_post_only_order_that_would_take_is_rejected_and_one_that_would_not_rests() -> None:
    venue = engine()
    venue.handle(order("S", side=Side.SELL), NOW)
    taking = venue.handle(order("T", is_post_only=True), NOW)
    assert [(one.exec_type, one.text) for one in taking if isinstance(one, Report)] == [
        (ExecType.REJECTED, "post-only: it would take")
    ]
    resting = venue.handle(order("R", price="227.49", is_post_only=True), NOW)
    assert [one.exec_type for one in resting if isinstance(one, Report)] == [ExecType.NEW]


@pytest.mark.parametrize(
    "terms", [{"time_in_force": TimeInForce.IOC}, {"ord_type": OrdType.MARKET, "price": ""}]
)
def test_a_post_only_order_has_a_limit_and_may_rest(terms: dict[str, object]) -> None:
    records = engine().handle(order("X", is_post_only=True, **terms), NOW)
    assert [one.text for one in records if isinstance(one, Report)] == [
        "a post-only order (18=6) has a limit and may rest"
    ]
