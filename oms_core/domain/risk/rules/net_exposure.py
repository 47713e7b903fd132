"""Long less short positions at what they are worth now, if all that is open this way were done."""

from oms_core.domain.account import micros_of_held
from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit
from oms_platform.sides import sign


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the net of positions, moved by the open orders of this way and this one, to a bound that way."""
    bound, price = int(limits["net_max"]), context.price_micros
    if price is None:
        return None
    net, way = context.valuation.worth.net, sign(context.terms.side)
    open_micros = context.state.open_micros(context.terms.side) - micros_of_held(context.of_held)
    order = context.left_qty * price
    exposure = way * net + open_micros + order
    return at_most(exposure, bound, Unit.DOLLARS, order=Dollars(order), positions=Dollars(net))
