"""What is not listed any more cannot be traded."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, fails, holds
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require an instrument that trades."""
    if context.instrument is None:
        return None
    symbol = context.terms.symbol
    if context.instrument.active:
        return holds(symbol, "active")
    return fails(symbol, "active", symbol=symbol)
