"""The restricted list: what may not be traded at all, or only to close a position."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, fails, holds
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require that the instrument is not restricted, or that the order only closes where that is free."""
    restricted = str(limits["restricted"])
    if restricted == "NOTHING" or (restricted == "OPENING" and not context.figures.opens):
        return holds(restricted, "free")
    return fails(restricted, "free", symbol=context.terms.symbol, restricted=restricted)
