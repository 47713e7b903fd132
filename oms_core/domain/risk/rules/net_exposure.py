"""Long less short positions at what they are worth now, if all that is open this way were done."""

from oms_core.domain.account import micros_of_held
from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, Missing, at_most, shown
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit
from oms_platform.sides import sign


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the net of positions, moved by the open orders of this way and this one, to a bound that way."""
    bound, price = limits.get("net_max"), context.price_micros
    if bound is None or price is None:
        return None
    net, way = 0, sign(context.terms.side)
    for symbol, value in context.state.values(context.mark):
        if value is None:
            return Missing(f"mark of {symbol}")
        net += value
    open_micros = sum(state.side(context.terms.side).value_micros for state in context.state.symbols.values())
    open_micros -= micros_of_held(context.of_held)
    order = context.left_qty * price
    exposure = way * net + open_micros + order
    return at_most(exposure, int(bound), Unit.DOLLARS, order=shown(order), positions=shown(net))
