"""Requests do not come faster than the account may send them."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import COUNT, Found, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the requests that came in the window, of which this is one, to a bound."""
    window_s, bound = int(limits["window_s"]), int(limits["messages_max"])
    count = max(1, context.state.messages.within(context.now, window_s))
    if count <= bound:
        return within(count, bound, COUNT)
    return beyond(count, bound, COUNT, messages=count, window_s=window_s)
