"""What is not known cannot be traded."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, fails, holds
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require a known instrument."""
    symbol = context.terms.symbol
    if context.instrument is not None:
        return holds(symbol, "known")
    return fails(symbol, "known", symbol=symbol)
