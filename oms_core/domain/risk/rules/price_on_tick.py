"""Prices are on the grid that the market gives the instrument today (Regulation NMS, Rule 612)."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, is_so
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require limit and stop prices on the grid."""
    given = (context.terms.limit_price_micros, context.terms.stop_price_micros)
    prices = [price for price in given if price is not None]
    if not prices or context.instrument is None:
        return None
    ticks = context.instrument.ticks
    price = next((price for price in prices if price % ticks.at(price)), prices[0])
    tick = ticks.at(price)
    if not price % tick:
        return is_so(True, Dollars(price), Dollars(tick))
    return is_so(
        False,
        Dollars(price),
        Dollars(tick),
        price=Dollars(price),
        tick=Dollars(tick),
        below=Dollars(ticks.floor(price)),
        above=Dollars(ticks.ceiling(price)),
    )
