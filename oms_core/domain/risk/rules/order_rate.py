"""New orders do not come faster than the account may send them."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the new orders that were taken in the window, and this one, to a bound."""
    if context.is_replace:
        return None
    window_s = int(limits["window_s"])
    count = 1 + context.state.orders.within(context.now, window_s)
    return at_most(count, int(limits["orders_max"]), Unit.COUNT, orders=count, window_s=window_s)
