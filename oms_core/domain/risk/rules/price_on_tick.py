"""Prices are on the grid that the market gives the instrument today (Regulation NMS, Rule 612)."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, is_so, shown
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require limit and stop prices on the grid."""
    given = (context.terms.limit_price_micros, context.terms.stop_price_micros)
    prices = [price for price in given if price is not None]
    if not prices or context.instrument is None:
        return None
    ticks = context.instrument.ticks
    price = next((price for price in prices if price % ticks.at(price)), prices[0])
    price_shown, tick_shown = shown(price), shown(ticks.at(price))
    if not price % ticks.at(price):
        return is_so(True, price_shown, tick_shown)
    below, above = shown(ticks.floor(price)), shown(ticks.ceiling(price))
    return is_so(False, price_shown, tick_shown, price=price_shown, tick=tick_shown, below=below, above=above)
