"""Quantities are multiples of a lot, where one is set."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import SHARES, Finding, Found
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require a quantity that is a multiple of the lot."""
    lot, quantity = int(limits["lot"]), context.terms.quantity
    if lot == 1:
        return None
    return Finding(not quantity % lot, quantity, lot, SHARES, None, {"quantity": quantity, "lot": lot})
