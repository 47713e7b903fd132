"""Long and short positions at what they are worth now, with all that is open."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold positions at their marks, what open orders open and what this one opens to a bound.

    An order that opens nothing passes however much there is.
    """
    bound, price = int(limits["gross_max"]), context.price_micros
    if price is None:
        return None
    gross = context.valuation.worth.gross
    opening = context.opening_micros
    exposure = gross + context.others_micros - context.state.gross_cost_micros + opening
    details = {"order": Dollars(opening), "positions": Dollars(gross)}
    return at_most(exposure, bound, Unit.DOLLARS, free=opening <= 0, **details)
