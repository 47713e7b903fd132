"""An account has no more orders open than somebody can look after."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import COUNT, Found, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the account's open orders, with a new one, to a bound."""
    if context.is_replace:
        return None
    count, bound = 1 + context.state.open_orders, int(limits["open_max"])
    if count <= bound:
        return within(count, bound, COUNT)
    return beyond(count, bound, COUNT, open=count)
