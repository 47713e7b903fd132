"""What is not known cannot be traded."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, is_so
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require a known instrument."""
    symbol = context.terms.symbol
    return is_so(context.instrument is not None, symbol, "known", symbol=symbol)
