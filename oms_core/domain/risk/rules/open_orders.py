"""An account has no more orders open than somebody can look after."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the account's open orders, with a new one, to a bound."""
    if context.is_replace:
        return None
    count = 1 + context.state.open_orders
    return at_most(count, int(limits["open_max"]), Unit.COUNT, open=count)
