"""Long less short positions at what they are worth now, if all that is open this way were done."""

from oms_core.domain.account import micros_of_held
from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import DOLLARS, Dollars, Found, beyond, within
from oms_core.domain.risk.verdict import Limits
from oms_platform.sides import sign


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the net of positions, moved by the open orders of this way and this one, to a bound that way."""
    bound, figures, side = int(limits["net_max"]), context.figures, context.terms.side
    price = figures.price_micros
    if price is None:
        return None
    net = context.valuation.worth.net
    open_micros = context.state.open_micros(side) - micros_of_held(context.of_held)
    order = figures.left_qty * price
    exposure = sign(side) * net + open_micros + order
    if exposure <= bound:
        return within(exposure, bound, DOLLARS)
    return beyond(exposure, bound, DOLLARS, order=Dollars(order), positions=Dollars(net))
