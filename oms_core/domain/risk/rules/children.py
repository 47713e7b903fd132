"""An order that has sent venue after venue orders without an end is a program that has lost its way."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import COUNT, Found, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the children that an order has had to a bound, before it becomes another one.

    Core holds it to the same bound before it asks for a route. A new order has none.
    """
    if not context.is_replace:
        return None
    children, bound = context.children, int(limits["children_max"])
    if children <= bound:
        return within(children, bound, COUNT)
    return beyond(children, bound, COUNT, children=children)
