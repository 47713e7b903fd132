"""Long and short positions at what they are worth now, with all that is open."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, at_most, shown
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold positions at their marks, what open orders open and what this one opens to a bound.

    An order that opens nothing passes however much there is.
    """
    bound, price = limits.get("gross_max"), context.price_micros
    if bound is None or price is None:
        return None
    gross = context.valuation.gross_micros
    opening = context.added_micros(price)
    exposure = gross + context.others_micros - context.state.gross_cost_micros + opening
    details = {"order": shown(opening), "positions": shown(gross)}
    return at_most(exposure, int(bound), Unit.DOLLARS, free=opening <= 0, **details)
