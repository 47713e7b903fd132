"""Requests do not come faster than the account may send them."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the requests that came in the window, of which this is one, to a bound."""
    window_s = int(limits["window_s"])
    count = max(1, context.state.messages.within(context.now, window_s))
    return at_most(count, int(limits["messages_max"]), Unit.COUNT, messages=count, window_s=window_s)
