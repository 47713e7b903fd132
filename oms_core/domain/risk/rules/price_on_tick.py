"""Prices are on the grid that the market gives the instrument today (Regulation NMS, Rule 612)."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, fails, holds
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require limit and stop prices on the grid."""
    limit, stop = context.terms.limit_price_micros, context.terms.stop_price_micros
    price = stop if limit is None else limit
    if price is None or context.instrument is None:
        return None
    ticks = context.instrument.ticks
    tick = ticks.at(price)
    if not price % tick and stop is not None and stop % ticks.at(stop):
        price, tick = stop, ticks.at(stop)
    if not price % tick:
        return holds(Dollars(price), Dollars(tick))
    return fails(
        Dollars(price),
        Dollars(tick),
        price=Dollars(price),
        tick=Dollars(tick),
        below=Dollars(ticks.floor(price)),
        above=Dollars(ticks.ceiling(price)),
    )
