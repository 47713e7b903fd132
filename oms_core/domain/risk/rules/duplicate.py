"""The same order again and again is a program that has lost its way."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import COUNT, Found, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold a new order, with those like it in the window, to a bound."""
    if context.is_replace:
        return None
    window_s, bound = int(limits["window_s"]), int(limits["repeats_max"])
    count = 1 + context.state.alike_within(context.terms, context.now, window_s)
    if count <= bound:
        return within(count, bound, COUNT)
    return beyond(count, bound, COUNT, orders=count, window_s=window_s)
