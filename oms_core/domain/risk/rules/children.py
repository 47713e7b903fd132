"""An order that has sent venue after venue orders without an end is a program that has lost its way."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the children that an order has had to a bound, before it becomes another one.

    Core holds it to the same bound before it asks for a route. A new order has none.
    """
    if not context.is_replace:
        return None
    return at_most(context.children, int(limits["children_max"]), Unit.COUNT, children=context.children)
