"""Quantities are multiples of a lot, where one is set."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Finding, Found
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Require a quantity that is a multiple of the lot."""
    lot, quantity = int(limits["lot"]), context.terms.quantity
    if lot == 1:
        return None
    return Finding(not quantity % lot, quantity, lot, Unit.SHARES, None, {"quantity": quantity, "lot": lot})
