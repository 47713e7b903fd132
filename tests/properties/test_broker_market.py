"""A venue's market, whatever is ordered, quoted, halted and crossed: nobody trades what he may not."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.broker.book_order import Auction, SelfMatch
from simulators.broker.engine import Behaviour
from simulators.broker.faults import FaultPlan
from simulators.broker.fees import FeeSchedule
from simulators.broker.lots import LotRule
from simulators.broker.market import Market
from simulators.broker.protocol import (
    CancelOrder,
    Command,
    ExecType,
    FaultKind,
    NewOrder,
    OrdRejReason,
    OrdStatus,
    OrdType,
    Record,
    ReplaceOrder,
    Report,
    Requote,
    SetTrading,
    Side,
    TimeInForce,
    TradingPhase,
    is_kept,
)
from simulators.broker.trading import Limits
from simulators.broker.unkind import UnkindVenue

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
TICK = 10_000
MIDDLE = 100_000_000
CONTINUOUS = {TradingPhase.OPEN, TradingPhase.LIMIT}
FEES = FeeSchedule(Decimal("-0.0020"), Decimal("0.0030"), Decimal("0.0011"))
COMMANDS = st.integers(0, 2**32)
BEHAVIOURS = st.builds(
    Behaviour,
    touch_fill=st.sampled_from([0.0, 0.5, 1.0]),
    hidden=st.just(0.5),
    self_match=st.sampled_from(SelfMatch),
    self_match_by_account=st.booleans(),
    limits=st.sampled_from([Limits(), Limits(band_bps=4, limit_s=0.003, pause_s=0.005)]),
    takes_while_halted=st.booleans(),
    fees=st.sampled_from([FEES, None]),
)


def venue(behaviour: Behaviour, *, dark: bool = False) -> UnkindVenue:
    return UnkindVenue("XNYS", {"AAPL": Decimal("0.01")}, seed=7, behaviour=behaviour, dark=dark)


def price_text(ticks: int) -> str:
    return f"{Decimal(MIDDLE + ticks * TICK) / 1_000_000:.2f}"


def quote(draws: random.Random) -> Requote:
    at = MIDDLE + draws.randint(-6, 6) * TICK
    return Requote(
        market=Market(
            symbol="AAPL",
            national_best_bid=at,
            national_best_offer=at + draws.randint(1, 3) * TICK,
            bids=tuple((at - step * TICK, draws.randint(0, 5) * 100) for step in range(3)),
            asks=tuple((at + (step + 1) * TICK, draws.randint(0, 5) * 100) for step in range(3)),
        )
    )


def new_order(draws: random.Random, name: str) -> NewOrder:
    quantity = draws.randint(1, 600)
    kind = draws.choice([OrdType.LIMIT] * 6 + [OrdType.MARKET, OrdType.PEGGED])
    priced = kind is OrdType.LIMIT or (kind is OrdType.PEGGED and draws.random() < 0.5)
    return NewOrder(
        cl_ord_id=name,
        symbol="AAPL",
        side=draws.choice(list(Side)),
        order_qty=quantity,
        ord_type=kind,
        price=price_text(draws.randint(-6, 6)) if priced else "",
        time_in_force=draws.choice([*TimeInForce, TimeInForce.DAY, TimeInForce.DAY]),
        min_qty=draws.choice([0, 0, 0, draws.randint(0, quantity)]),
        max_floor=draws.choice([None, None, 0, draws.randint(0, quantity)]),
        is_pegged=kind is OrdType.PEGGED or draws.random() < 0.1,
        account=draws.choice(["", "A", "B"]),
    )


def commands_of(seed: int, count: int) -> list[Command]:
    draws = random.Random(seed)
    commands: list[Command] = []
    names: list[tuple[str, Any]] = []
    for number in range(count):
        kind, name = draws.random(), f"c{number}"
        if kind < 0.5 or not names:
            made = new_order(draws, name)
            names.append((name, made.side))
            commands.append(made)
        elif kind < 0.6:
            orig, side = draws.choice(names)
            commands.append(CancelOrder(cl_ord_id=name, orig_cl_ord_id=orig, symbol="AAPL", side=side))
        elif kind < 0.68:
            orig, side = draws.choice(names)
            price = price_text(draws.randint(-6, 6))
            quantity = draws.randint(1, 600)
            commands.append(
                ReplaceOrder(
                    cl_ord_id=name,
                    orig_cl_ord_id=orig,
                    symbol="AAPL",
                    side=side,
                    order_qty=quantity,
                    price=price,
                )
            )
            names.append((name, side))
        elif kind < 0.76:
            phases = [phase for phase in TradingPhase if phase is not TradingPhase.LIMIT]
            commands.append(SetTrading(phase=draws.choice([*phases, TradingPhase.OPEN, TradingPhase.OPEN])))
        else:
            commands.append(quote(draws))
    return commands


def check_trades(one: UnkindVenue, trades: list[Report], before: TradingPhase, crossed: bool) -> None:
    """Hold the trades of one command against the phase, the limits and the accounts."""
    for trade in trades:
        order = one.order(trade.cl_ord_id)
        assert order is not None
        if not crossed:
            assert before in CONTINUOUS and trade.last_liquidity in (1, 2)
        if trade.price:
            beyond = Decimal(trade.last_px) - Decimal(trade.price)
            assert beyond <= 0 if trade.side is Side.BUY else beyond >= 0
        assert trade.cum_qty <= trade.order_qty
    auction = [trade for trade in trades if trade.last_liquidity == 4]
    assert len({trade.last_px for trade in auction}) <= 1


def check_self_match(one: UnkindVenue, trades: list[Report]) -> None:
    """One that came for liquidity did not meet one of its owner: they would be beside each other."""
    if one.behaviour.self_match is SelfMatch.NONE:
        return
    for first, second in pairwise(trades):
        is_pair = (first.last_liquidity, second.last_liquidity) == (2, 1) and first.side is not second.side
        if is_pair and (first.last_qty, first.last_px) == (second.last_qty, second.last_px):
            taker, maker = one.order(first.cl_ord_id), one.order(second.cl_ord_id)
            assert taker is not None and maker is not None
            assert taker.owner != maker.owner


def fee_of(trade: Report) -> Decimal:
    a_share = {1: FEES.added, 2: FEES.removed, 4: FEES.auction}[trade.last_liquidity or 0]
    return a_share * trade.last_qty


@settings(max_examples=250, deadline=None)
@given(seed=COMMANDS, behaviour=BEHAVIOURS, dark=st.booleans())
def test_nothing_trades_that_may_not_whatever_the_market_does(
    seed: int, behaviour: Behaviour, dark: bool
) -> None:
    one = venue(behaviour, dark=dark)
    done: dict[str, int] = defaultdict(int)
    for number, command in enumerate(commands_of(seed, 80)):
        before = one.trading["AAPL"].phase
        records = one.handle(command, NOW + timedelta(milliseconds=number))
        reports = [record for record in records if isinstance(record, Report)]
        trades = [report for report in reports if report.exec_type is ExecType.TRADE]
        check_trades(one, trades, before, one.trading["AAPL"].phase is not before)
        check_self_match(one, trades)
        for report in reports:
            done[report.order_id] += report.last_qty
            assert report.cum_qty == done[report.order_id]
            order = one.order(report.cl_ord_id)
            assert order is None or order.cum_qty + order.leaves_qty <= order.order_qty
        for trade in trades:
            assert trade.fee == "" if behaviour.fees is None else Decimal(trade.fee) == fee_of(trade)
        for kept in one._books["AAPL"].resting():
            assert kept.working_qty > 0
            assert kept.working_qty == one.order(kept.cl_ord_id).leaves_qty  # type: ignore[attr-defined, union-attr]


@settings(max_examples=80, deadline=None)
@given(seed=COMMANDS, behaviour=BEHAVIOURS)
def test_a_venue_comes_back_from_its_journal_as_it_was_and_opens(seed: int, behaviour: Behaviour) -> None:
    first, second = venue(behaviour), venue(behaviour)
    for number, command in enumerate(commands_of(seed, 60)):
        for record in first.handle(command, NOW + timedelta(milliseconds=number)):
            if is_kept(record):
                second.restore(record)
    for name, order in first._orders.items():
        assert state(second, name) == state(first, name)
        assert order.end is OrdStatus.REJECTED or terms(second, name) == terms(first, name)
    # It opens: what waits for nothing but a cross trades or is canceled, and nothing trades twice.
    for record in second.restored(NOW):
        assert not isinstance(record, Report) or record.cum_qty <= record.order_qty
    waiting = [order for order in second._books["AAPL"].resting() if order.auction is Auction.OPENING]
    assert waiting == []


def state(one: UnkindVenue, name: str) -> tuple[object, ...]:
    order = one.order(name)
    assert order is not None
    return (order.order_id, order.status, order.order_qty, order.cum_qty, order.leaves_qty, order.price)


def terms(one: UnkindVenue, name: str) -> tuple[object, ...]:
    order = one.order(name)
    assert order is not None
    return (order.display_qty, order.is_pegged, order.owner, order.auction)


def limit(name: str, side: Side, quantity: int, ticks: int, **terms: Any) -> NewOrder:
    return NewOrder(
        cl_ord_id=name,
        symbol="AAPL",
        side=side,
        order_qty=quantity,
        ord_type=OrdType.LIMIT,
        price=price_text(ticks),
        **terms,
    )


def trades_of(records: list[Record]) -> list[tuple[str, int, str, int | None]]:
    return [
        (one.cl_ord_id, one.last_qty, one.last_px, one.last_liquidity)
        for one in records
        if isinstance(one, Report) and one.exec_type is ExecType.TRADE
    ]


@settings(max_examples=150, deadline=None)
@given(
    size=st.integers(1, 9),
    quantity=st.integers(2, 900),
    change=st.integers(-900, 900),
    ticks=st.integers(-1, 1),
    eaten=st.integers(0, 900),
)
def test_a_replace_keeps_the_place_only_when_the_order_becomes_no_larger(
    size: int, quantity: int, change: int, ticks: int, eaten: int
) -> None:
    one = venue(Behaviour(touch_fill=0))
    shown = size * 100

    def show(bid: int) -> None:
        market = Market(symbol="AAPL", bids=((MIDDLE, bid), (MIDDLE - TICK, 500)), national_best_bid=MIDDLE)
        one.handle(Requote(market=market), NOW)

    show(shown)
    one.handle(limit("X", Side.BUY, quantity, 0), NOW)
    one.handle(limit("eats", Side.SELL, max(1, min(eaten, shown - 1)), 0, time_in_force=TimeInForce.IOC), NOW)
    order = one.order("X")
    assert order is not None
    before = order.ahead_qty
    show(1_000)
    after = max(1, quantity + change)
    asked = ReplaceOrder(
        cl_ord_id="Y",
        orig_cl_ord_id="X",
        symbol="AAPL",
        side=Side.BUY,
        order_qty=after,
        price=price_text(ticks),
    )
    one.handle(asked, NOW)
    keeps = ticks == 0 and after <= quantity
    assert order.ahead_qty == (before if keeps else {0: 1_000, -1: 500, 1: 0}[ticks])


@settings(max_examples=200, deadline=None)
@given(
    mode=st.sampled_from(SelfMatch),
    resting=st.lists(st.tuples(st.integers(1, 300), st.integers(0, 2)), max_size=5),
    quantity=st.integers(1, 900),
    shown=st.integers(0, 3),
    tif=st.sampled_from([TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK]),
)
def test_each_way_of_self_match_prevention_takes_away_what_it_says(
    mode: SelfMatch, resting: list[tuple[int, int]], quantity: int, shown: int, tif: TimeInForce
) -> None:
    one = venue(Behaviour(touch_fill=0, self_match=mode))
    for number, (size, ticks) in enumerate(resting):
        one.handle(limit(f"r{number}", Side.SELL, size, ticks), NOW)
    one.handle(Requote(market=Market(symbol="AAPL", asks=((MIDDLE + 2 * TICK, shown * 100),))), NOW)
    open_before = sum(size for size, _ in resting)
    records = one.handle(limit("new", Side.BUY, quantity, 2, time_in_force=tif), NOW)
    taken = one.order("new")
    assert taken is not None
    canceled = [
        record
        for record in records
        if isinstance(record, Report) and record.exec_type is ExecType.CANCELED and record.cl_ord_id != "new"
    ]
    assert all("self-match prevention" in record.text for record in canceled)
    left = sum(order.leaves_qty for order in one._orders.values() if order is not taken)
    traded = sum(size for name, size, _, _ in trades_of(records) if name != "new")
    lost = open_before - left - traded
    assert tif is not TimeInForce.FOK or taken.cum_qty in (0, quantity) or mode is SelfMatch.DECREMENT
    if mode is SelfMatch.NONE:
        assert not canceled and lost == 0
        return
    assert traded == 0
    if not resting or tif is TimeInForce.FOK:
        return
    if mode is SelfMatch.CANCEL_NEWEST:
        assert lost == 0 and not taken.is_live
    if mode is SelfMatch.CANCEL_OLDEST:
        assert (
            not canceled or taken.cum_qty + taken.leaves_qty + (tif is TimeInForce.IOC) * quantity >= quantity
        )
    if mode is SelfMatch.CANCEL_BOTH:
        assert len(canceled) == 1 and not taken.is_live
    if mode is SelfMatch.DECREMENT:
        assert lost == min(quantity, open_before)
        assert taken.cum_qty == min(quantity - lost, shown * 100)


@settings(max_examples=200, deadline=None)
@given(quantity=st.integers(1, 1_000), lot=st.sampled_from([1, 10, 100]), rule=st.sampled_from(LotRule))
def test_lots_are_taken_or_refused_by_the_venues_rule(quantity: int, lot: int, rule: LotRule) -> None:
    one = venue(Behaviour(lot_rule=rule, round_lots={"AAPL": lot}))
    report = one.handle(limit("X", Side.BUY, quantity, 0), NOW)[-1]
    assert isinstance(report, Report)
    is_round, is_odd = quantity % lot == 0, quantity < lot
    taken = is_round or rule is LotRule.ANY or (is_odd and rule is LotRule.NO_MIXED)
    assert (report.exec_type is ExecType.NEW) == taken
    if not taken:
        assert report.ord_rej_reason == OrdRejReason.INCORRECT_QUANTITY
        assert ("odd lot" if is_odd else "mixed lot") in report.text


@settings(max_examples=100, deadline=None)
@given(
    opening=st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 900), st.integers(-3, 3)), max_size=8),
    tif=st.sampled_from([TimeInForce.OPG, TimeInForce.CLO, TimeInForce.DAY]),
)
def test_a_cross_begins_and_ends_the_day_at_one_price(
    opening: list[tuple[Side, int, int]], tif: TimeInForce
) -> None:
    one = venue(Behaviour(touch_fill=0, takes_while_halted=False))
    one.handle(SetTrading(phase=TradingPhase.PRE_OPEN), NOW)
    for number, (side, quantity, ticks) in enumerate(opening):
        assert trades_of(one.handle(limit(f"o{number}", side, quantity, ticks, time_in_force=tif), NOW)) == []
    opened = trades_of(one.handle(SetTrading(phase=TradingPhase.OPEN), NOW))
    late = one.handle(limit("late", Side.BUY, 100, 0, time_in_force=TimeInForce.OPG), NOW)[-1]
    assert isinstance(late, Report) and late.ord_rej_reason == OrdRejReason.TOO_LATE_TO_ENTER
    closed = trades_of(one.handle(SetTrading(phase=TradingPhase.CLOSED), NOW))
    both = opened + closed
    assert (closed if tif is not TimeInForce.CLO else opened) == []
    assert len({price for _, _, price, _ in both}) <= 1
    assert all(liquidity == 4 for _, _, _, liquidity in both)
    most = max(
        min(
            sum(size for side, size, at in opening if side.is_buy and at >= ticks),
            sum(size for side, size, at in opening if not side.is_buy and at <= ticks),
        )
        for ticks in range(-3, 4)
    )
    assert sum(size for _, size, _, _ in both) == 2 * most
    live = [order for order in one._orders.values() if order.is_live]
    assert tif is TimeInForce.DAY or live == []


@settings(max_examples=150, deadline=None)
@given(
    moves=st.lists(st.integers(-400, 400), min_size=1, max_size=40),
    orders=st.lists(st.tuples(st.sampled_from(Side), st.integers(-400, 400)), min_size=1, max_size=40),
)
def test_nothing_trades_outside_the_band_and_a_market_at_it_pauses(
    moves: list[int], orders: list[tuple[Side, int]]
) -> None:
    one = venue(Behaviour(touch_fill=1.0, limits=Limits(band_bps=100, limit_s=2, pause_s=5)))
    trading = one.trading["AAPL"]
    at_limit_s = 0
    for number in range(max(len(moves), len(orders))):
        now, bid = NOW + timedelta(seconds=number), MIDDLE + moves[number % len(moves)] * TICK
        side, ticks = orders[number % len(orders)]
        market = Market(
            symbol="AAPL",
            national_best_bid=bid,
            national_best_offer=bid + TICK,
            bids=((bid, 300),),
            asks=((bid + TICK, 300),),
        )
        for command in (Requote(market=market), limit(f"c{number}", side, 100, ticks)):
            records = one.handle(command, now)
            band = trading.band
            for name, _, price, liquidity in trades_of(records):
                if liquidity != 4:
                    assert band is not None, name
                    assert band[0] <= Decimal(price) * 1_000_000 <= band[1]
            assert trading.is_continuous or all(trade[3] == 4 for trade in trades_of(records))
        at_limit_s = at_limit_s + 1 if trading.phase is TradingPhase.LIMIT else 0
        assert at_limit_s <= 2


@settings(max_examples=60, deadline=None)
@given(seed=COMMANDS, sown_seed=st.integers(0, 99))
def test_a_busted_trades_fee_is_given_back(seed: int, sown_seed: int) -> None:
    one = venue(Behaviour(touch_fill=0.5, fees=FEES))
    one.plan = FaultPlan("XNYS", sown_seed, {FaultKind.BUST: 0.2, FaultKind.CORRECTION: 0.1})
    fees: dict[str, Decimal] = {}
    busts = 0
    for number, command in enumerate(commands_of(seed, 80)):
        for saying in one.say(command, NOW + timedelta(milliseconds=number)):
            report = saying.record
            if not isinstance(report, Report):
                continue
            if report.exec_type is ExecType.TRADE:
                fees[report.exec_id] = Decimal(report.fee)
            elif report.exec_type is ExecType.TRADE_CORRECT:
                assert Decimal(report.fee) == fee_of(report)
                del fees[report.exec_ref_id]
                fees[report.exec_id] = Decimal(report.fee)
            elif report.exec_type is ExecType.TRADE_CANCEL:
                busts += 1
                assert Decimal(report.fee) == -fees.pop(report.exec_ref_id)
            else:
                assert report.fee == ""


def test_an_order_that_nothing_trades_for_waits_or_is_refused_and_a_cancel_is_always_taken() -> None:
    for takes in (True, False):
        one = venue(Behaviour(takes_while_halted=takes))
        one.handle(limit("old", Side.BUY, 100, 0), NOW)
        one.handle(SetTrading(phase=TradingPhase.HALTED, symbol="AAPL"), NOW)
        report = one.handle(limit("X", Side.SELL, 100, 0), NOW)[-1]
        assert isinstance(report, Report)
        assert report.exec_type is (ExecType.NEW if takes else ExecType.REJECTED)
        assert takes or report.ord_rej_reason == OrdRejReason.EXCHANGE_CLOSED
        cancel = CancelOrder(cl_ord_id="C", orig_cl_ord_id="old", symbol="AAPL", side=Side.BUY)
        gone = one.handle(cancel, NOW)[-1]
        assert isinstance(gone, Report) and gone.exec_type is ExecType.CANCELED
