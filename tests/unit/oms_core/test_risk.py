"""Prices that risk looks at: on the tick of the day, and within a collar that ends on a tick."""

import pytest

from oms_core.domain.account import AccountState, Valuation
from oms_core.domain.risk import RULES, AccountTerms, InstrumentTerms, RiskContext, RuleBook, check_risk
from oms_core.domain.risk.context import no_mark
from oms_core.domain.touch import TouchPrices
from oms_platform.market_rules import Ticks
from oms_platform.vocabulary import OrderTerms, OrderType, Side, TimeInForce
from tests.unit.oms_core.scene import ACCOUNT, limits


def denial(price: int, *, side: Side = Side.BUY, touch: int | None = None, ticks: Ticks | None = None) -> str:
    terms = OrderTerms(
        account_id=ACCOUNT,
        channel="API",
        client_order_id="c-1",
        principal="trader1",
        symbol="S",
        side=side,
        order_type=OrderType.LIMIT,
        quantity=1,
        limit_price_micros=price,
        time_in_force=TimeInForce.DAY,
    )
    state = AccountState()
    context = RiskContext(
        terms=terms,
        account=AccountTerms(account_id=ACCOUNT),
        instrument=InstrumentTerms(symbol="S", active=True, ticks=ticks or Ticks()),
        touch=TouchPrices(bid_micros=touch, offer_micros=touch),
        state=state,
        valuation=Valuation(state, no_mark),
    )
    return check_risk(context, RuleBook(limits(notional_max=10**17, buying_power=10**17)), RULES).denial or ""


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (187_210_000, ""),
        (187_215_000, "PRICE_OFF_TICK: price=187.215, tick=0.01, below=187.21, above=187.22"),
        (999_900, ""),
        (999_950, "PRICE_OFF_TICK: price=0.99995, tick=0.0001, below=0.9999, above=1.00"),
        (1_000_100, "PRICE_OFF_TICK: price=1.0001, tick=0.01, below=1.00, above=1.01"),
        (731_250_000_000, ""),
    ],
)
def test_a_price_off_its_tick_is_denied_with_the_tick_and_its_neighbours(price: int, expected: str) -> None:
    assert denial(price) == expected


def test_a_half_penny_is_a_price_of_an_instrument_that_has_that_tick() -> None:
    assert denial(13_205_000).startswith("PRICE_OFF_TICK")
    assert denial(13_205_000, ticks=Ticks(tick_micros=5_000)) == ""


@pytest.mark.parametrize(
    ("side", "touch", "bound"),
    [
        # 5 % through 0.4521 is 0.474705: to the nearest tick below a dollar, not to a cent.
        (Side.BUY, 452_100, 474_700),
        (Side.SELL, 452_100, 429_500),
        # Through a dollar the bound stands on the coarser grid.
        (Side.BUY, 960_100, 1_010_000),
        (Side.BUY, 100_010_000, 105_010_000),
    ],
)
def test_the_collar_ends_on_the_nearest_tick(side: Side, touch: int, bound: int) -> None:
    out = 1 if side is Side.BUY else -1
    tick = Ticks().at(bound)
    assert denial(bound, side=side, touch=touch) == ""
    assert denial(bound + out * tick, side=side, touch=touch).startswith("PRICE_OUTSIDE_COLLAR")
