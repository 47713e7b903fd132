"""Every rule of pre-trade risk: within its limit, at it, beyond it, and without what it looks at.

Each row of RULES_TABLE says what a rule is held to and what makes it pass and fail; the tests below it go
through the table, so that a rule without a row is a failure, and so is one that nothing makes fail.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from oms_core.domain.account import AccountState, Held, Valuation
from oms_core.domain.days import AccountDay
from oms_core.domain.locates import Borrowing, Locate
from oms_core.domain.order import Order
from oms_core.domain.positions import Position
from oms_core.domain.risk import (
    RULES,
    AccountTerms,
    AlgoTime,
    InstrumentTerms,
    RiskContext,
    RuleBook,
    Verdict,
    check_risk,
)
from oms_core.domain.touch import TouchPrices
from oms_core.domain.transitions import Lifecycle
from oms_platform.ids import uuid7
from oms_platform.kill_switches import KillSwitch
from oms_platform.risk_rules import RULE_SPECS, SPEC_OF, Mode, OnMissing, RuleRow, Severity, Value
from oms_platform.scopes import EVERYTHING, Scope
from oms_platform.trading_calendar import AuctionChance, Phase
from oms_platform.vocabulary import (
    AuctionTimes,
    OrderTerms,
    OrderType,
    RiskOutcome,
    Side,
    TimeInForce,
)
from tests.unit.oms_core.orders import NOW, PRICE

ACCOUNT, SYMBOL = "A-1", "AAPL"
CENT = 10_000
DOLLAR = 1_000_000
THING = Scope(
    firm="FIRM", desk="DESK", account=ACCOUNT, trader="ada", strategy="S1", sector="TECH", symbol=SYMBOL
)
INSTRUMENT = InstrumentTerms(
    symbol=SYMBOL,
    active=True,
    sector="TECH",
    volume=1_000_000,
    sigma_bps=200,
    lower_band=90 * DOLLAR,
    upper_band=110 * DOLLAR,
    reference_micros=PRICE,
)
SECTORS = {SYMBOL: "TECH", "MSFT": "TECH", "JPM": "BANKS"}
TECH = frozenset(symbol for symbol, sector in SECTORS.items() if sector == "TECH")
LATER = NOW + timedelta(hours=1)


def terms(**changes: Any) -> OrderTerms:
    """Return an order to buy 100 AAPL at 100."""
    values: dict[str, Any] = {
        "account_id": ACCOUNT,
        "channel": "TEST",
        "client_order_id": "c-1",
        "principal": "ada",
        "symbol": SYMBOL,
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "time_in_force": TimeInForce.DAY,
        "quantity": 100,
        "limit_price_micros": PRICE,
    }
    return OrderTerms(**(values | changes))


def short(**changes: Any) -> OrderTerms:
    """Return a short sale."""
    return terms(side=Side.SELL_SHORT, **changes)


def market(**changes: Any) -> OrderTerms:
    """Return a market order."""
    return terms(order_type=OrderType.MARKET, limit_price_micros=None, **changes)


def live(price: int = PRICE, **changes: Any) -> Order:
    """Return an order that is open."""
    wanted = terms(limit_price_micros=price, **changes)
    return Order(
        order_id=uuid7(), terms=wanted, lifecycle=Lifecycle.LIVE, sequence=2, reserved_price_micros=price,
    )  # fmt: skip


def state(
    *orders: Order, positions: Mapping[str, int] | None = None, taken: int = 0, messages: int = 0
) -> AccountState:
    """Return how an account stands that has open orders, and positions at 100 each."""
    found = AccountState()
    for order in orders:
        found.keep_order(order, None)
    for symbol, quantity in (positions or {}).items():
        found.keep_position(symbol, Position(quantity=quantity, cost_micros=quantity * PRICE))
    for _ in range(taken):
        found.note_order(terms(), NOW)
    found.messages.note(NOW, messages)
    return found


def lost(dollars: int) -> AccountState:
    """Return an account that holds 100 AAPL, and has lost so much since it had nothing."""
    found = AccountState()
    found.keep_position(
        SYMBOL,
        Position(quantity=100, cost_micros=100 * PRICE, net_cash_micros=-100 * PRICE - dollars * DOLLAR),
    )
    return found


def busy(*, cancels: int, fills: int = 0) -> AccountState:
    """Return an account that has just canceled and traded so often."""
    found = AccountState()
    found.cancels.note(NOW, cancels)
    found.fills.note(NOW, fills)
    return found


def day(opening: int, *, peak: int = 0, pnl: int = 0) -> AccountDay:
    """Return a day that began at so many dollars."""
    return AccountDay(
        trade_date=NOW.date(),
        opening_micros=opening * DOLLAR,
        peak_micros=peak * DOLLAR,
        pnl_micros=pnl * DOLLAR,
    )


def context(
    wanted: OrderTerms | None = None, account: AccountState | None = None, **changes: Any
) -> RiskContext:
    """Return what the rules look at, of an order to buy 100 AAPL at 100 in a flat account."""
    account = AccountState() if account is None else account
    marks = changes.pop("marks", dict.fromkeys(SECTORS, PRICE))
    values: dict[str, Any] = {
        "terms": wanted or terms(),
        "scope": THING,
        "account": changes.pop("account_terms", AccountTerms(account_id=ACCOUNT)),
        "instrument": INSTRUMENT,
        "touch": TouchPrices(bid_micros=PRICE - CENT, offer_micros=PRICE),
        "state": account,
        "valuation": Valuation(account, marks.get, TECH),
        "phase": Phase(open=True, until=LATER, last_close=NOW - timedelta(hours=10)),
        "now": NOW,
        "firm_used_micros": account.used_micros,
    }
    return RiskContext(**(values | changes))


@dataclass(frozen=True, kw_only=True)
class Row:
    """A rule's row: what it is held to, contexts that are within and beyond, and ones that lack an input.

    beyond: with the denial of each.
    """

    limits: Mapping[str, Value] = field(default_factory=dict)
    within: tuple[RiskContext, ...]
    beyond: tuple[tuple[RiskContext, str], ...]
    lacking: tuple[tuple[RiskContext, str], ...] = ()


def instrument(**changes: Any) -> InstrumentTerms:
    """Return the instrument with changes."""
    values = {name: getattr(INSTRUMENT, name) for name in INSTRUMENT.__struct_fields__}
    return InstrumentTerms(**(values | changes))


SWITCH = KillSwitch(switch_id=UUID(int=7), scope=Scope(desk="DESK"), reason="news")
CLOSED = Phase(open=False, until=LATER, last_close=NOW)
AUCTION = AuctionTimes(at=LATER, sent_from=NOW - timedelta(hours=1), taken_until=NOW + timedelta(minutes=30))
MISSED = AuctionTimes(at=LATER, sent_from=NOW - timedelta(hours=1), taken_until=NOW - timedelta(minutes=1))
CLO = terms(time_in_force=TimeInForce.CLO)
SELLING, SELLING_40 = live(side=Side.SELL), live(side=Side.SELL, quantity=40)
DEAR = live(PRICE + CENT, side=Side.SELL)
WAITING_STOP = live(side=Side.SELL, order_type=OrderType.STOP_LIMIT, stop_price_micros=PRICE)
CLOSED_ACCOUNT = AccountTerms(account_id=ACCOUNT, active=False)
SOFTENED = (
    ({"mode": Mode.SHADOW}, RiskOutcome.SHADOWED),
    ({"severity": Severity.SOFT}, RiskOutcome.WARNED),
)


def borrowing(**changes: Any) -> Borrowing:
    """Return how a short sale can be borrowed for that names a locate of 300 shares."""
    values: dict[str, Any] = {"day": NOW.date(), "locate": Locate(300, NOW.date())}
    return Borrowing(**(values | changes))


def until(at: datetime) -> OrderTerms:
    """Return an order that is good till a time."""
    return terms(time_in_force=TimeInForce.GTD, expire_at=at)


def stop(price: int) -> OrderTerms:
    """Return a stop order."""
    return terms(order_type=OrderType.STOP, limit_price_micros=None, stop_price_micros=price)


RULES_TABLE: dict[str, Row] = {
    "ACCOUNT_UNKNOWN": Row(
        within=(context(),), beyond=((context(account_terms=None), "ACCOUNT_UNKNOWN: account=A-1"),)
    ),
    "ACCOUNT_NOT_ACTIVE": Row(
        within=(context(), context(account_terms=None)),
        beyond=(
            (
                context(account_terms=CLOSED_ACCOUNT),
                "ACCOUNT_NOT_ACTIVE: account=A-1",
            ),
        ),
    ),
    "INSTRUMENT_UNKNOWN": Row(
        within=(context(),), beyond=((context(instrument=None), "INSTRUMENT_UNKNOWN: symbol=AAPL"),)
    ),
    "INSTRUMENT_NOT_ACTIVE": Row(
        within=(context(), context(instrument=None)),
        beyond=((context(instrument=instrument(active=False)), "INSTRUMENT_NOT_ACTIVE: symbol=AAPL"),),
    ),
    "KILLED": Row(
        within=(context(),),
        beyond=((context(stopped_by=SWITCH), f"KILLED: {SWITCH}"),),
    ),
    "TRADER_NOT_PERMITTED": Row(
        limits={"permitted": False},
        within=(),
        beyond=((context(), "TRADER_NOT_PERMITTED: trader=ada, account=A-1, symbol=AAPL"),),
    ),
    "INSTRUMENT_RESTRICTED": Row(
        limits={"restricted": "OPENING"},
        within=(
            context(terms(side=Side.SELL), state(positions={SYMBOL: 100})),
            context(
                terms(side=Side.SELL, quantity=60),
                state(SELLING_40, positions={SYMBOL: 100}),
            ),
            context(terms(), state(positions={SYMBOL: -100})),
        ),
        beyond=(
            (context(), "INSTRUMENT_RESTRICTED: symbol=AAPL, restricted=OPENING"),
            (
                context(
                    terms(side=Side.SELL, quantity=61),
                    state(SELLING_40, positions={SYMBOL: 100}),
                ),
                "INSTRUMENT_RESTRICTED: symbol=AAPL, restricted=OPENING",
            ),
        ),
    ),
    "INSTRUMENT_HALTED": Row(
        within=(context(), context(instrument=None)),
        beyond=((context(instrument=instrument(halt="T1")), "INSTRUMENT_HALTED: symbol=AAPL, reason=T1"),),
    ),
    "MARKET_CLOSED": Row(
        within=(context(), context(phase=None), context(phase=CLOSED, waits=True)),
        beyond=(
            (context(phase=CLOSED), "MARKET_CLOSED: symbol=AAPL, calendar=EVER_OPEN, next_open="),
            (context(is_of_ended_day=True), "MARKET_CLOSED: symbol=AAPL, calendar=EVER_OPEN, day_ended="),
            (context(phase=CLOSED, waits=True, is_of_ended_day=True), "MARKET_CLOSED: "),
        ),
    ),
    "EXPIRY_PASSED": Row(
        within=(
            context(),
            context(until(NOW + timedelta(microseconds=1))),
        ),
        beyond=((context(until(NOW)), "EXPIRY_PASSED: expire_at="),),
    ),
    "AUCTION_MISSED": Row(
        within=(context(), context(CLO, auction=AuctionChance(AUCTION))),
        beyond=(
            (
                context(CLO, auction=AuctionChance()),
                "NO_AUCTION: symbol=AAPL, auction=closing",
            ),
            (
                context(CLO, auction=AuctionChance(None, MISSED, AUCTION)),
                "AUCTION_MISSED: symbol=AAPL, auction=closing, taken_until=",
            ),
        ),
    ),
    "ALGO_OUTSIDE_SESSION": Row(
        within=(context(), context(algo_time=AlgoTime(begins_at=NOW, ends_at=LATER, until=LATER))),
        beyond=(
            (context(algo_time=AlgoTime(begins_at=NOW, ends_at=NOW, until=LATER)), "ALGO_OUTSIDE_SESSION: "),
            (context(algo_time=AlgoTime(begins_at=NOW, ends_at=LATER, until=NOW)), "ALGO_OUTSIDE_SESSION: "),
            (context(algo_time=AlgoTime(begins_at=NOW, ends_at=LATER, until=None)), "ALGO_OUTSIDE_SESSION: "),
        ),
    ),
    "ORDER_STALE": Row(
        within=(
            context(market(), age=timedelta(seconds=5), age_max=timedelta(seconds=5)),
            context(market(), age=timedelta(days=1)),
            context(age=timedelta(days=1), age_max=timedelta(seconds=5)),
        ),
        beyond=(
            (
                context(market(), age=timedelta(seconds=6), age_max=timedelta(seconds=5)),
                "ORDER_STALE: age_s=6, limit_s=5",
            ),
        ),
    ),
    "NO_REFERENCE_PRICE": Row(
        within=(context(), context(market()), context(touch=TouchPrices())),
        beyond=((context(market(), touch=TouchPrices()), "NO_REFERENCE_PRICE: symbol=AAPL, side=BUY"),),
    ),
    "PRICE_OFF_TICK": Row(
        within=(context(), context(market()), context(instrument=None)),
        beyond=(
            (
                context(terms(limit_price_micros=PRICE + 1_000)),
                "PRICE_OFF_TICK: price=100.001, tick=0.01, below=100.00, above=100.01",
            ),
            (
                context(stop(1)),
                "PRICE_OFF_TICK: ",
            ),
        ),
    ),
    "QUANTITY_OFF_LOT": Row(
        limits={"lot": 100},
        within=(context(), context(terms(quantity=300))),
        beyond=(
            (context(terms(quantity=150)), "QUANTITY_OFF_LOT: quantity=150, lot=100"),
            (context(terms(quantity=99)), "QUANTITY_OFF_LOT: quantity=99, lot=100"),
        ),
    ),
    "PRICE_OUTSIDE_COLLAR": Row(
        limits={"collar_bps": 500},
        within=(
            context(terms(limit_price_micros=105 * DOLLAR)),
            context(terms(limit_price_micros=1 * DOLLAR)),
            context(short(limit_price_micros=94_990_000)),
            context(market()),
        ),
        beyond=(
            (
                context(terms(limit_price_micros=105 * DOLLAR + CENT)),
                "PRICE_OUTSIDE_COLLAR: price=105.01, touch=100.00, collar_bps=500, limit=105.00",
            ),
            (context(short(limit_price_micros=94_980_000)), "PRICE_OUTSIDE_COLLAR: "),
        ),
        lacking=((context(touch=TouchPrices()), "quote"),),
    ),
    "PRICE_OUTSIDE_BANDS": Row(
        within=(
            context(terms(limit_price_micros=110 * DOLLAR)),
            context(short(limit_price_micros=90 * DOLLAR)),
            context(short(limit_price_micros=120 * DOLLAR)),
            context(market()),
        ),
        beyond=(
            (
                context(terms(limit_price_micros=110 * DOLLAR + CENT)),
                "PRICE_OUTSIDE_BANDS: price=110.01, limit=110.00",
            ),
            (
                context(short(limit_price_micros=90 * DOLLAR - CENT)),
                "PRICE_OUTSIDE_BANDS: price=89.99, limit=90.00",
            ),
        ),
        lacking=((context(instrument=instrument(upper_band=None)), "bands"),),
    ),
    "ORDER_QTY_EXCEEDS_MAX": Row(
        limits={"quantity_max": 100},
        within=(context(terms(quantity=99)), context(terms(quantity=100))),
        beyond=((context(terms(quantity=101)), "ORDER_QTY_EXCEEDS_MAX: quantity=101, limit=100"),),
    ),
    "ORDER_NOTIONAL_EXCEEDS_MAX": Row(
        limits={"notional_max": 100 * PRICE},
        within=(context(), context(terms(quantity=99)), context(market(), touch=TouchPrices())),
        beyond=(
            (context(terms(quantity=101)), "ORDER_NOTIONAL_EXCEEDS_MAX: notional=10100.00, limit=10000.00"),
            (
                context(terms(limit_price_micros=PRICE + CENT)),
                "ORDER_NOTIONAL_EXCEEDS_MAX: notional=10001.00, limit=10000.00",
            ),
        ),
    ),
    "ORDER_EXCEEDS_VOLUME": Row(
        limits={"volume_bps": 1},
        within=(context(terms(quantity=100)), context(instrument=None)),
        beyond=(
            (
                context(terms(quantity=101)),
                "ORDER_EXCEEDS_VOLUME: quantity=101, average_volume=1000000, volume_bps=1, limit=100",
            ),
        ),
        lacking=((context(instrument=instrument(volume=None)), "average volume"),),
    ),
    "SHORT_SALE_UNMARKED": Row(
        within=(
            context(),
            context(short()),
            context(terms(side=Side.SELL), state(positions={SYMBOL: 100})),
            context(
                terms(side=Side.SELL, quantity=60),
                state(SELLING_40, positions={SYMBOL: 100}),
            ),
        ),
        beyond=(
            (context(terms(side=Side.SELL)), "SHORT_SALE_UNMARKED: quantity=100, held=0, selling=0, limit=0"),
            (
                context(
                    terms(side=Side.SELL, quantity=61),
                    state(SELLING_40, positions={SYMBOL: 100}),
                ),
                "SHORT_SALE_UNMARKED: quantity=61, held=100, selling=40, limit=60",
            ),
            (context(terms(side=Side.SELL), state(positions={SYMBOL: -5})), "SHORT_SALE_UNMARKED: "),
        ),
    ),
    "LOCATE_MISSING": Row(
        within=(
            context(),
            context(short(locate_id="L-1")),
            context(terms(side=Side.SELL_SHORT_EXEMPT)),
            context(short(), borrowing=borrowing(easy=True)),
            # A list of yesterday is not asked where there is a locate.
            context(short(locate_id="L-1"), borrowing=borrowing(was_easy=True)),
        ),
        beyond=(
            (context(short()), "LOCATE_MISSING: symbol=AAPL"),
            (context(short(), borrowing=borrowing(locate=None)), "LOCATE_MISSING: symbol=AAPL"),
        ),
        lacking=((context(short(), borrowing=borrowing(was_easy=True)), "easy-to-borrow list of the day"),),
    ),
    "LOCATE_EXCEEDED": Row(
        limits={"counted": True},
        within=(
            context(),
            context(short()),
            context(short(locate_id="L-1", quantity=299), borrowing=borrowing()),
            context(short(locate_id="L-1", quantity=300), borrowing=borrowing()),
            context(short(locate_id="L-1", quantity=100), borrowing=borrowing(drawn=200)),
            # A replace gives back what the order has drawn, and draws what it becomes.
            context(
                short(locate_id="L-1", quantity=300),
                borrowing=borrowing(own=200),
                is_replace=True,
                executed_qty=50,
            ),
            # One that draws nothing more goes on, whatever has become of the locate.
            context(
                short(locate_id="L-1", quantity=150),
                borrowing=borrowing(locate=None, own=200),
                is_replace=True,
            ),
            context(
                terms(side=Side.SELL_SHORT, time_in_force=TimeInForce.GTD, expire_at=NOW, locate_id="L-1"),
                borrowing=borrowing(),
            ),
        ),
        beyond=(
            (
                context(short(locate_id="L-1", quantity=301), borrowing=borrowing()),
                "LOCATE_EXCEEDED: locate=L-1, order=301, drawn=0, limit=300",
            ),
            (
                context(short(locate_id="L-1", quantity=101), borrowing=borrowing(drawn=200)),
                "LOCATE_EXCEEDED: locate=L-1, order=101, drawn=200, limit=300",
            ),
            (
                context(
                    short(locate_id="L-1", quantity=251),
                    borrowing=borrowing(drawn=50, own=200),
                    is_replace=True,
                    executed_qty=250,
                ),
                "LOCATE_EXCEEDED: locate=L-1, order=251, drawn=50, limit=300",
            ),
            (
                context(short(locate_id="L-2"), borrowing=borrowing(locate=None, any_of_day=True)),
                "LOCATE_EXCEEDED: locate=L-2, found=unknown",
            ),
            (
                context(
                    short(locate_id="L-1"),
                    borrowing=borrowing(locate=Locate(300, NOW.date() - timedelta(days=1))),
                ),
                "LOCATE_EXCEEDED: locate=L-1, found=of 2026-",
            ),
            (
                context(short(locate_id="L-1", time_in_force=TimeInForce.GTC), borrowing=borrowing()),
                "LOCATE_EXCEEDED: locate=L-1, found=of a day, the order is GTC",
            ),
            # So is one that becomes good for longer than its day, though it draws nothing more.
            (
                context(
                    short(locate_id="L-1", time_in_force=TimeInForce.GTC),
                    borrowing=borrowing(own=100),
                    is_replace=True,
                ),
                "LOCATE_EXCEEDED: locate=L-1, found=of a day, the order is GTC",
            ),
            (
                context(
                    short(locate_id="L-1", time_in_force=TimeInForce.GTD, expire_at=NOW + timedelta(days=2)),
                    borrowing=borrowing(),
                ),
                "LOCATE_EXCEEDED: locate=L-1, found=of a day, the order is good till 2026-",
            ),
        ),
        lacking=((context(short(locate_id="L-1"), borrowing=borrowing(locate=None)), "locates of the day"),),
    ),
    "SHORT_SALE_RESTRICTED": Row(
        limits={"in_force": True},
        within=(
            context(),
            context(short(limit_price_micros=PRICE)),
            context(terms(side=Side.SELL, limit_price_micros=1)),
            context(terms(side=Side.SELL_SHORT_EXEMPT, limit_price_micros=CENT)),
        ),
        beyond=(
            (
                context(short(limit_price_micros=PRICE - CENT)),
                "SHORT_SALE_RESTRICTED: price=99.99, national_best_bid=99.99",
            ),
            (
                context(market(side=Side.SELL_SHORT)),
                "SHORT_SALE_RESTRICTED: price=none, national_best_bid=99.99",
            ),
        ),
        lacking=((context(short(), touch=TouchPrices()), "national best bid"),),
    ),
    "BUYING_POWER_EXCEEDED": Row(
        limits={"buying_power": 200 * PRICE},
        within=(
            context(terms(quantity=200)),
            context(terms(), state(live())),
            context(terms(), state(positions={"MSFT": 100})),
            # What closes is free, however much is used.
            context(terms(side=Side.SELL, quantity=300), state(positions={SYMBOL: 300})),
            context(terms(side=Side.SELL, quantity=200), state(SELLING, positions={SYMBOL: 300})),
            context(terms(quantity=200), state(live()), of_held=(Held(100, PRICE),), is_replace=True),
        ),
        beyond=(
            (
                context(terms(quantity=201)),
                "BUYING_POWER_EXCEEDED: order=20100.00, positions=0.00, open_orders=0.00, limit=20000.00",
            ),
            (
                context(terms(quantity=101), state(live(quantity=50), positions={"MSFT": -50})),
                "BUYING_POWER_EXCEEDED: order=10100.00, positions=5000.00, open_orders=5000.00",
            ),
            # The other order closes already; this one would open.
            (
                context(
                    terms(side=Side.SELL, quantity=201),
                    state(SELLING, positions={SYMBOL: 100}),
                ),
                "BUYING_POWER_EXCEEDED: order=20100.00",
            ),
        ),
    ),
    "FIRM_CREDIT_EXCEEDED": Row(
        limits={"credit": 400 * PRICE},
        within=(
            context(terms(quantity=400)),
            context(terms(quantity=100), firm_used_micros=300 * PRICE),
            context(terms(quantity=200), firm_share=(2, 4)),
            context(terms(side=Side.SELL), state(positions={SYMBOL: 100}), firm_used_micros=999 * PRICE),
        ),
        beyond=(
            (
                context(terms(quantity=401)),
                "FIRM_CREDIT_EXCEEDED: order=40100.00, others=0.00, parts=1/1",
            ),
            (
                context(terms(quantity=101), firm_used_micros=300 * PRICE),
                "FIRM_CREDIT_EXCEEDED: order=10100.00, others=30000.00, parts=1/1, limit=40000.00",
            ),
            (
                context(terms(quantity=201), firm_share=(2, 4)),
                "FIRM_CREDIT_EXCEEDED: order=20100.00, others=0.00, parts=2/4, limit=20000.00",
            ),
        ),
    ),
    "DAILY_LOSS_EXCEEDED": Row(
        limits={"loss_max": 1_000 * DOLLAR, "firm_loss_max": 3_000 * DOLLAR},
        within=(
            context(day=day(0)),
            context(terms(), lost(1_000), day=day(0)),
            context(terms(), lost(5_000), day=day(-4_000)),
            context(terms(), lost(-5_000), day=day(0)),
            context(terms(), lost(1_000), day=day(0), firm_pnl_micros=-2_000 * DOLLAR),
            # What core saw last of the account itself is not counted twice.
            context(terms(), lost(900), day=day(0, pnl=-900), firm_pnl_micros=-2_900 * DOLLAR),
            context(terms(), lost(0), day=day(0), firm_pnl_micros=-1_500 * DOLLAR, firm_share=(2, 4)),
            # What closes goes on, also where nobody knows a mark.
            context(terms(side=Side.SELL), lost(9_000), day=day(0), marks={}),
            context(terms(side=Side.SELL), lost(9_000), day=None),
        ),
        beyond=(
            (
                context(terms(), lost(1_001), day=day(0)),
                "DAILY_LOSS_EXCEEDED: loss=1001.00, limit=1000.00",
            ),
            (context(terms(side=Side.SELL, quantity=101), lost(1_001), day=day(0)), "DAILY_LOSS_EXCEEDED: "),
            (
                context(terms(), lost(1_000), day=day(0), firm_pnl_micros=-2_001 * DOLLAR),
                "DAILY_LOSS_EXCEEDED: firm_loss=3001.00, account=1000.00, parts=1/1, limit=3000.00",
            ),
            (
                context(terms(), lost(1), day=day(0), firm_pnl_micros=-1_500 * DOLLAR, firm_share=(2, 4)),
                "DAILY_LOSS_EXCEEDED: firm_loss=1501.00, account=1.00, parts=2/4, limit=1500.00",
            ),
        ),
        lacking=(
            (context(terms(), lost(0), day=day(0), marks={}), "mark of AAPL"),
            (context(terms(), lost(0), day=None), "worth at the day's beginning"),
        ),
    ),
    "DRAWDOWN_EXCEEDED": Row(
        limits={"drawdown_max": 1_000 * DOLLAR},
        within=(
            context(day=day(0)),
            context(terms(), lost(1_000), day=day(0)),
            context(terms(), lost(-4_000), day=day(0, peak=5_000)),
            context(terms(), lost(-9_000), day=day(0, peak=5_000)),
            context(terms(side=Side.SELL), lost(9_000), day=day(0), marks={}),
        ),
        beyond=(
            (
                context(terms(), lost(-3_999), day=day(0, peak=5_000)),
                "DRAWDOWN_EXCEEDED: peak=5000.00, now=3999.00, limit=1000.00",
            ),
            (context(terms(), lost(1_001), day=day(0)), "DRAWDOWN_EXCEEDED: peak=0.00, now=-1001.00"),
        ),
        lacking=(
            (context(terms(), lost(0), day=day(0, peak=1), marks={}), "mark of AAPL"),
            (context(terms(), lost(0), day=None), "worth at the day's beginning"),
        ),
    ),
    "GROSS_EXPOSURE_EXCEEDED": Row(
        limits={"gross_max": 300 * PRICE},
        within=(
            context(terms(quantity=300)),
            context(terms(), state(positions={"MSFT": 100, "JPM": -100})),
            context(terms(side=Side.SELL), state(positions={SYMBOL: 900})),
        ),
        beyond=(
            (
                context(terms(quantity=101), state(positions={"MSFT": 100, "JPM": -100})),
                "GROSS_EXPOSURE_EXCEEDED: order=10100.00, positions=20000.00, limit=30000.00",
            ),
            (
                context(terms(quantity=201), state(live())),
                "GROSS_EXPOSURE_EXCEEDED: order=20100.00, positions=0.00, limit=30000.00",
            ),
            (
                context(terms(), state(positions={"MSFT": 100}), marks={"MSFT": 3 * PRICE}),
                "GROSS_EXPOSURE_EXCEEDED: order=10000.00, positions=30000.00, limit=30000.00",
            ),
        ),
        lacking=((context(terms(), state(positions={"MSFT": 1}), marks={}), "mark of MSFT"),),
    ),
    "NET_EXPOSURE_EXCEEDED": Row(
        limits={"net_max": 100 * PRICE},
        within=(
            context(),
            context(short()),
            context(terms(quantity=300), state(positions={"MSFT": 100, "JPM": -300})),
            context(short(quantity=900), state(positions={"MSFT": 800})),
            context(terms(), state(live(side=Side.SELL, quantity=900))),
        ),
        beyond=(
            (
                context(terms(quantity=101)),
                "NET_EXPOSURE_EXCEEDED: order=10100.00, positions=0.00",
            ),
            (context(short(quantity=101)), "NET_EXPOSURE_EXCEEDED: "),
            (context(terms(quantity=1), state(live())), "NET_EXPOSURE_EXCEEDED: "),
            (context(short(quantity=51), state(positions={"JPM": -50})), "NET_EXPOSURE_EXCEEDED: "),
        ),
        lacking=((context(terms(), state(positions={"MSFT": 1}), marks={}), "mark of MSFT"),),
    ),
    "SYMBOL_EXPOSURE_EXCEEDED": Row(
        limits={"symbol_max": 300 * PRICE},
        within=(
            context(terms(quantity=300)),
            context(terms(), state(live(), positions={SYMBOL: 100, "MSFT": 9_000})),
            context(short(quantity=600), state(positions={SYMBOL: 300})),
        ),
        beyond=(
            (
                context(terms(quantity=101), state(live(), positions={SYMBOL: 100})),
                "SYMBOL_EXPOSURE_EXCEEDED: held=100, open=100, order=101, limit=30000.00",
            ),
            (context(short(quantity=601), state(positions={SYMBOL: 300})), "SYMBOL_EXPOSURE_EXCEEDED: "),
        ),
    ),
    "SECTOR_EXPOSURE_EXCEEDED": Row(
        limits={"sector_max": 300 * PRICE},
        within=(
            context(terms(), state(live(), positions={"MSFT": -100, "JPM": 9_000})),
            context(terms(side=Side.SELL), state(positions={SYMBOL: 900})),
        ),
        beyond=(
            (
                context(terms(quantity=101), state(live(), positions={"MSFT": -100, "JPM": 9_000})),
                "SECTOR_EXPOSURE_EXCEEDED: sector=TECH, order=10100.00, limit=30000.00",
            ),
        ),
        lacking=((context(terms(), state(positions={"MSFT": 1}), marks={}), "mark of MSFT"),),
    ),
    "SELF_CROSS": Row(
        within=(
            context(),
            context(terms(), state(live())),
            context(terms(), state(live(PRICE + CENT, side=Side.SELL))),
            context(terms(side=Side.SELL), state(live(PRICE - CENT))),
            context(terms(), state(live(side=Side.SELL, symbol="MSFT"))),
            context(terms(), state(WAITING_STOP)),
        ),
        beyond=(
            (context(terms(), state(SELLING)), "SELF_CROSS: symbol=AAPL, price=100.00, own_order=100.00"),
            (
                context(market(), state(live(900 * DOLLAR, side=Side.SELL))),
                "SELF_CROSS: symbol=AAPL, price=market",
            ),
            (
                context(terms(), state(live(PRICE - CENT, side=Side.SELL), DEAR)),
                "SELF_CROSS: symbol=AAPL, price=100.00, own_order=99.99",
            ),
            (context(terms(side=Side.SELL), state(live(PRICE + CENT))), "SELF_CROSS: "),
        ),
    ),
    "DUPLICATE_ORDER": Row(
        limits={"repeats_max": 3, "window_s": 5},
        within=(
            context(terms(), state(taken=2)),
            context(terms(quantity=101), state(taken=9)),
            context(terms(), state(taken=9), now=NOW + timedelta(seconds=5)),
            context(terms(), state(taken=9), is_replace=True),
        ),
        beyond=(
            (context(terms(), state(taken=3)), "DUPLICATE_ORDER: orders=4, window_s=5, limit=3"),
            (context(terms(), state(taken=3), now=NOW + timedelta(seconds=4)), "DUPLICATE_ORDER: "),
        ),
    ),
    "ORDER_RATE_EXCEEDED": Row(
        limits={"orders_max": 3, "window_s": 2},
        within=(
            context(terms(), state(taken=2)),
            context(terms(), state(taken=9), now=NOW + timedelta(seconds=2)),
            context(terms(), state(taken=9), is_replace=True),
        ),
        beyond=(
            (context(terms(), state(taken=3)), "ORDER_RATE_EXCEEDED: orders=4, window_s=2, limit=3"),
            (context(terms(), state(taken=3), now=NOW + timedelta(seconds=1)), "ORDER_RATE_EXCEEDED: "),
        ),
    ),
    "MESSAGE_RATE_EXCEEDED": Row(
        limits={"messages_max": 3, "window_s": 1},
        within=(
            context(terms(), state(messages=3)),
            context(terms(), state(messages=9), now=NOW + timedelta(seconds=1)),
        ),
        beyond=(
            (context(terms(), state(messages=4)), "MESSAGE_RATE_EXCEEDED: messages=4, window_s=1, limit=3"),
            (context(terms(), state(messages=4), is_replace=True), "MESSAGE_RATE_EXCEEDED: "),
        ),
    ),
    "CANCEL_TO_FILL_EXCEEDED": Row(
        limits={"ratio_max": 3, "free": 5, "window_s": 10},
        within=(
            context(),
            context(terms(), busy(cancels=5)),
            context(terms(), busy(cancels=9, fills=3)),
            context(terms(), busy(cancels=99), now=NOW + timedelta(seconds=10)),
            context(terms(), busy(cancels=99), is_replace=True),
        ),
        beyond=(
            (
                context(terms(), busy(cancels=6)),
                "CANCEL_TO_FILL_EXCEEDED: cancels=6, fills=0, window_s=10, limit=5",
            ),
            (context(terms(), busy(cancels=6, fills=1)), "CANCEL_TO_FILL_EXCEEDED: "),
            (
                context(terms(), busy(cancels=10, fills=3), now=NOW + timedelta(seconds=9)),
                "CANCEL_TO_FILL_EXCEEDED: cancels=10, fills=3, window_s=10, limit=9",
            ),
        ),
    ),
    "CHILDREN_EXCEEDED": Row(
        limits={"children_max": 20},
        within=(
            context(),
            context(is_replace=True, children=20),
            context(children=99),
        ),
        beyond=((context(is_replace=True, children=21), "CHILDREN_EXCEEDED: children=21, limit=20"),),
    ),
    "OPEN_ORDERS_EXCEEDED": Row(
        limits={"open_max": 2},
        within=(context(terms(), state(live())), context(terms(), state(live(), live()), is_replace=True)),
        beyond=((context(terms(), state(live(), live())), "OPEN_ORDERS_EXCEEDED: open=3, limit=2"),),
    ),
}
SETTABLE = [spec.name for spec in RULE_SPECS if not spec.facts]


def row_of(name: str, scope: Scope = EVERYTHING, **more: Any) -> RuleRow:
    """Return a rule's row of the table at a scope."""
    return RuleRow(rule=name, scope=scope, **({"parameters": RULES_TABLE[name].limits} | more))


def verdict(found: RiskContext, name: str, *rows: RuleRow) -> Verdict:
    """Return the verdict of one rule alone."""
    off = [RuleRow(rule=one, scope=EVERYTHING, mode=Mode.OFF) for one in SPEC_OF if one != name]
    return check_risk(found, RuleBook([*off, *rows]), RULES)


def test_every_rule_has_a_function_and_a_row_and_each_row_a_rule() -> None:
    assert list(RULES) == list(SPEC_OF) == list(RULES_TABLE)


@pytest.mark.parametrize("name", RULES_TABLE)
def test_a_rule_passes_what_is_within_and_denies_what_is_beyond(name: str) -> None:
    table = RULES_TABLE[name]
    for place, found in enumerate(table.within):
        result = verdict(found, name, row_of(name))
        assert result.denial is None, (place, result.denial)
        assert all(one.outcome is RiskOutcome.PASSED for one in result.results)
    assert table.beyond
    for found, denial in table.beyond:
        result = verdict(found, name, row_of(name))
        assert (result.denial or "").startswith(denial), result.denial
        assert result.reserved_price_micros == 0
        (one,) = result.results
        assert (one.outcome, one.finding.passed, one.check.passed) == (RiskOutcome.DENIED, False, False)


@pytest.mark.parametrize("name", SETTABLE)
def test_a_rule_that_only_watches_or_warns_says_the_same_and_denies_nothing(name: str) -> None:
    for found, denial in RULES_TABLE[name].beyond:
        for more, outcome in (
            ({"mode": Mode.SHADOW}, RiskOutcome.SHADOWED),
            ({"severity": Severity.SOFT}, RiskOutcome.WARNED),
        ):
            result = verdict(found, name, row_of(name, **more))
            assert result.denial is None
            (one,) = result.results
            assert one.outcome is outcome and one.denial.startswith(denial)
            assert one.check in result.kept
            assert bool(result.warnings) == (outcome is RiskOutcome.WARNED)
        assert verdict(found, name, row_of(name, mode=Mode.OFF)).results == ()


@pytest.mark.parametrize("name", SETTABLE)
def test_a_limit_is_inherited_from_a_wider_scope_and_a_closer_one_says_otherwise(name: str) -> None:
    found, denial = RULES_TABLE[name].beyond[0]
    wide, close = (
        row_of(name, Scope(desk="DESK")),
        RuleRow(rule=name, scope=Scope(account=ACCOUNT), mode=Mode.OFF),
    )
    inherited = verdict(found, name, wide)
    assert (inherited.denial or "").startswith(denial)
    assert inherited.results[0].check.scope == "desk=DESK"
    assert verdict(found, name, wide, close).denial is None
    elsewhere = RuleRow(rule=name, scope=Scope(account="A-2"), mode=Mode.OFF)
    assert (verdict(found, name, wide, elsewhere).denial or "").startswith(denial)


@pytest.mark.parametrize("name", [name for name, table in RULES_TABLE.items() if table.lacking])
def test_a_rule_without_what_it_looks_at_denies_by_a_code_of_its_own_or_passes_where_that_is_set(
    name: str,
) -> None:
    for found, what in RULES_TABLE[name].lacking:
        denied = verdict(found, name, row_of(name, on_missing=OnMissing.DENY))
        assert denied.denial == f"INPUT_MISSING: rule={name}, missing={what}"
        assert verdict(found, name, row_of(name, on_missing=OnMissing.PASS)).denial is None


def test_an_account_without_a_limit_that_has_to_be_set_trades_nothing() -> None:
    denied = verdict(context(), "BUYING_POWER_EXCEEDED")
    assert denied.denial == "LIMIT_MISSING: rule=BUYING_POWER_EXCEEDED, missing=buying_power"
    assert [one.passed for one in denied.checks] == [False]


def test_an_order_that_passes_is_reserved_at_its_price_and_one_without_a_price_at_nothing() -> None:
    name = "ORDER_QTY_EXCEEDS_MAX"
    assert verdict(context(), name, row_of(name)).reserved_price_micros == PRICE
    unpriced = context(market(), touch=TouchPrices())
    assert verdict(unpriced, name, row_of(name)).reserved_price_micros == 0


@pytest.mark.parametrize("broken", RULES)
def test_a_rule_that_raises_denies_is_named_and_stops_no_other(broken: str) -> None:
    def raises(_context: RiskContext, _limits: Mapping[str, Value]) -> None:
        raise ZeroDivisionError("of a fault")

    rows = [row_of(name) for name in ("BUYING_POWER_EXCEEDED", SPEC_OF[broken].needs and broken) if name]
    book = RuleBook(rows)
    rules: dict[str, Callable[..., Any]] = {**RULES, broken: raises}
    found = check_risk(context(day=day(0)), book, rules)
    assert found.denial == f"RULE_FAILED: rule={broken}"
    assert found.broken == (f"{broken}: ZeroDivisionError: of a fault",)
    (failed,) = [one for one in found.checks if one.rule == "RULE_FAILED"]
    assert (failed.value, failed.bound, failed.passed) == ("raised", "an answer", False)
    whole = check_risk(context(day=day(0)), book, RULES)
    assert whole.denial is None
    names = {one.setting.spec.name for one in whole.results}
    assert {one.setting.spec.name for one in found.results} == names | {broken}
    if not SPEC_OF[broken].facts:
        soft = row_of(broken, severity=Severity.SOFT)
        softened = check_risk(context(day=day(0)), RuleBook([*rows, soft]), rules)
        assert softened.denial == f"RULE_FAILED: rule={broken}"


def test_the_client_is_told_the_first_denial_by_precedence_and_every_rule_is_in_the_verdict() -> None:
    rows = [row_of(name) for name in ("ORDER_QTY_EXCEEDS_MAX", "BUYING_POWER_EXCEEDED", "QUANTITY_OFF_LOT")]
    found = check_risk(context(terms(quantity=999)), RuleBook(reversed(rows)), RULES)
    denied = [one.setting.spec.name for one in found.results if one.outcome is RiskOutcome.DENIED]
    assert denied == ["QUANTITY_OFF_LOT", "ORDER_QTY_EXCEEDS_MAX", "BUYING_POWER_EXCEEDED"]
    assert (found.denial or "").startswith("QUANTITY_OFF_LOT: ")
    assert found.kept == found.checks


def test_a_check_shows_value_bound_headroom_and_where_the_bound_is_from() -> None:
    found = verdict(
        context(), "BUYING_POWER_EXCEEDED", row_of("BUYING_POWER_EXCEEDED", Scope(account=ACCOUNT))
    )
    (check,) = found.kept
    assert (check.value, check.bound, check.headroom) == ("10000.00", "20000.00", "10000.00")
    assert (check.outcome, check.scope) == (RiskOutcome.PASSED, f"account={ACCOUNT}")


@pytest.mark.parametrize(
    ("touch", "limits", "bound"),
    [
        # Of 50 cents, five basis points are nothing: the ticks count.
        (500_000, {"collar_bps": 5, "collar_ticks": 20}, 502_000),
        (100 * DOLLAR, {"collar_bps": 500, "collar_ticks": 20}, 105 * DOLLAR),
        # A sigma of 2 %: half of it, but never less than the ticks.
        (100 * DOLLAR, {"collar_bps": 500, "collar_sigma_bps": 5_000}, 101 * DOLLAR),
        (100 * DOLLAR, {"collar_bps": 500, "collar_sigma_bps": 50_000}, 105 * DOLLAR),
        (100 * DOLLAR, {"collar_bps": 500, "collar_sigma_bps": 1, "collar_ticks": 3}, 100_030_000),
    ],
)  # fmt: skip
def test_the_collar_is_percent_ticks_and_sigma(touch: int, limits: dict[str, Value], bound: int) -> None:
    row = RuleRow(rule="PRICE_OUTSIDE_COLLAR", scope=EVERYTHING, parameters=limits)
    prices = TouchPrices(bid_micros=touch, offer_micros=touch)
    tick = INSTRUMENT.ticks.at(bound)
    at = verdict(context(terms(limit_price_micros=bound), touch=prices), "PRICE_OUTSIDE_COLLAR", row)
    beyond = verdict(
        context(terms(limit_price_micros=bound + tick), touch=prices), "PRICE_OUTSIDE_COLLAR", row
    )
    assert (at.denial, (beyond.denial or "").partition(":")[0]) == (None, "PRICE_OUTSIDE_COLLAR")


def test_orders_that_close_one_position_do_not_close_it_twice() -> None:
    """Fifty orders that would each close the same position: the first is free, the others are paid for."""
    account = state(positions={SYMBOL: 100})
    power = RuleRow(rule="BUYING_POWER_EXCEEDED", scope=EVERYTHING, parameters={"buying_power": 300 * PRICE})
    taken = 0
    for _ in range(50):
        wanted = terms(side=Side.SELL)
        if verdict(context(wanted, account), "BUYING_POWER_EXCEEDED", power).denial is None:
            account.keep_order(live(side=Side.SELL), None)
            taken += 1
    assert taken == 3
    assert account.used_micros == 300 * PRICE


def test_the_highest_bound_of_repeats_can_be_met() -> None:
    bound = SPEC_OF["DUPLICATE_ORDER"].parameter("repeats_max")
    assert bound is not None
    row = RuleRow(rule="DUPLICATE_ORDER", scope=EVERYTHING, parameters={"repeats_max": bound.most})
    account = AccountState()
    for count in range(bound.most + 1):
        assert (verdict(context(terms(), account), row.rule, row).denial is not None) == (count >= bound.most)
        account.note_order(terms(), NOW)


def test_many_orders_that_are_not_alike_are_forgotten_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[int] = []

    def counted(self: AccountState, now: datetime) -> None:
        forgotten.append(len(self.alike))
        forget(self, now)

    forget = AccountState._forget
    monkeypatch.setattr(AccountState, "_forget", counted)
    account = AccountState()
    for quantity in range(1, 30_000):
        account.note_order(terms(quantity=quantity), NOW)
    assert len(forgotten) < 5
    later = NOW + timedelta(minutes=5)
    for quantity in range(30_000, 80_000):
        account.note_order(terms(quantity=quantity), later)
    assert account.alike_within(terms(quantity=1), later, 60) == 0
    assert len(account.alike) == 50_000
