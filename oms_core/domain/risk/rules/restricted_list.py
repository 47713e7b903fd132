"""The restricted list: what may not be traded at all, or only to close a position."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, is_so
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require that the instrument is not restricted, or that the order only closes where that is free."""
    restricted = str(limits["restricted"])
    free = restricted == "NOTHING" or (restricted == "OPENING" and not context.opens)
    return is_so(free, restricted, "free", symbol=context.terms.symbol, restricted=restricted)
