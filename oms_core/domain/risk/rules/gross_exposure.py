"""Long and short positions at what they are worth now, with all that is open."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import DOLLARS, Dollars, Found, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold positions at their marks, what open orders open and what this one opens to a bound.

    An order that opens nothing passes however much there is.
    """
    bound, figures = int(limits["gross_max"]), context.figures
    if figures.price_micros is None:
        return None
    gross, opening = context.valuation.worth.gross, figures.opening_micros
    exposure = gross + figures.others_micros - context.state.gross_cost_micros + opening
    if exposure <= bound or opening <= 0:
        return within(exposure, bound, DOLLARS)
    return beyond(exposure, bound, DOLLARS, order=Dollars(opening), positions=Dollars(gross))
