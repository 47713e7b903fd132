"""A halted instrument takes cancels only."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, fails, holds
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require an instrument that is not halted."""
    if context.instrument is None:
        return None
    symbol, halt = context.terms.symbol, context.instrument.halt
    if not halt:
        return holds(symbol, "not halted")
    return fails(halt, "not halted", symbol=symbol, reason=halt)
