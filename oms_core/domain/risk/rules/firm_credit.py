"""All accounts of the firm together are within its credit; each core has its part of it."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold what the firm's accounts here use, with what this order opens, to this core's part."""
    price = context.price_micros
    if price is None:
        return None
    parts, of = context.firm_share
    bound, opening = int(limits["credit"]) * parts // of, context.opening_micros
    others = context.firm_used_micros - context.state.used_micros + context.others_micros
    used = others + opening
    details = {"order": Dollars(opening), "others": Dollars(others), "parts": f"{parts}/{of}"}
    return at_most(used, bound, Unit.DOLLARS, free=opening <= 0, **details)
