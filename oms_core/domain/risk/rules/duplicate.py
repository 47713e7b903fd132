"""The same order again and again is a program that has lost its way."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold a new order, with those like it in the window, to a bound."""
    if context.is_replace:
        return None
    window_s = int(limits["window_s"])
    count = 1 + context.state.alike_within(context.terms, context.now, window_s)
    return at_most(count, int(limits["repeats_max"]), Unit.COUNT, orders=count, window_s=window_s)
