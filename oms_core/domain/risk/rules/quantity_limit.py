"""One order has no more shares than one may have."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the shares of one order to a bound."""
    quantity = context.terms.quantity
    return at_most(quantity, int(limits["quantity_max"]), Unit.SHARES, quantity=quantity)
