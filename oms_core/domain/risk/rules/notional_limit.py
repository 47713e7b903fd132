"""One order is worth no more than one may be."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the dollars of one order to a bound."""
    price = context.price_micros
    if price is None:
        return None
    notional, bound = context.terms.quantity * price, int(limits["notional_max"])
    return at_most(notional, bound, Unit.DOLLARS, notional=Dollars(notional))
