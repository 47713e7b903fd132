"""A halted instrument takes cancels only."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, is_so
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require an instrument that is not halted."""
    if context.instrument is None:
        return None
    symbol, halt = context.terms.symbol, context.instrument.halt
    return is_so(not halt, halt or symbol, "not halted", symbol=symbol, reason=halt)
