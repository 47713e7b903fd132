"""New orders do not come faster than the account may send them."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import COUNT, Found, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the new orders that were taken in the window, and this one, to a bound."""
    if context.is_replace:
        return None
    window_s, bound = int(limits["window_s"]), int(limits["orders_max"])
    count = 1 + context.state.orders.within(context.now, window_s)
    if count <= bound:
        return within(count, bound, COUNT)
    return beyond(count, bound, COUNT, orders=count, window_s=window_s)
