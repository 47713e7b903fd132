"""All accounts of the firm together are within its credit; each core has its part of it."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import DOLLARS, Dollars, Found, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold what the firm's accounts here use, with what this order opens, to this core's part."""
    figures = context.figures
    if figures.price_micros is None:
        return None
    parts, of = context.firm_share
    bound, opening = int(limits["credit"]) * parts // of, figures.opening_micros
    others = context.firm_used_micros - context.state.used_micros + figures.others_micros
    used = others + opening
    if used <= bound or opening <= 0:
        return within(used, bound, DOLLARS)
    return beyond(used, bound, DOLLARS, order=Dollars(opening), others=Dollars(others), parts=f"{parts}/{of}")
