"""One order is worth no more than one may be."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import DOLLARS, Dollars, Found, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the dollars of one order to a bound."""
    price = context.figures.price_micros
    if price is None:
        return None
    notional, bound = context.terms.quantity * price, int(limits["notional_max"])
    if notional <= bound:
        return within(notional, bound, DOLLARS)
    return beyond(notional, bound, DOLLARS, notional=Dollars(notional))
