"""While Rule 201 is in force, a short sale takes no bid (Regulation SHO, Rule 201)."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, Missing, fails, holds
from oms_core.domain.risk.verdict import Limits
from oms_platform.sides import RESTRICTED


def check(context: RiskContext, limits: Limits) -> Found:
    """Require a limit above the national best bid of a short sale that is not exempt."""
    terms = context.terms
    if terms.side not in RESTRICTED or limits["in_force"] is not True:
        return None
    bid, limit = context.touch.bid_micros, terms.limit_price_micros
    if bid is None:
        return Missing("national best bid")
    price, best = Dollars(limit), Dollars(bid)
    if limit is not None and limit > bid:
        return holds(price, best)
    return fails(price, best, price=price, national_best_bid=best)
