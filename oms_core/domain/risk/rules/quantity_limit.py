"""One order has no more shares than one may have."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import SHARES, Found, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the shares of one order to a bound."""
    quantity, bound = context.terms.quantity, int(limits["quantity_max"])
    if quantity <= bound:
        return within(quantity, bound, SHARES)
    return beyond(quantity, bound, SHARES, quantity=quantity)
