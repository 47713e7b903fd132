"""A position in one symbol does not become too large a part of the account."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import DOLLARS, Found, beyond, within
from oms_core.domain.risk.verdict import Limits
from oms_platform.sides import sign


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the position in the symbol, if all orders of this way were done, to a bound that way."""
    bound, figures = int(limits["symbol_max"]), context.figures
    price = figures.price_micros
    if price is None:
        return None
    held, others, order = figures.here.position.quantity, figures.others_qty, figures.left_qty
    exposure = (sign(context.terms.side) * held + others + order) * price
    if exposure <= bound:
        return within(exposure, bound, DOLLARS)
    return beyond(exposure, bound, DOLLARS, held=held, open=others, order=order)
