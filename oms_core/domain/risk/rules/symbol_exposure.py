"""A position in one symbol does not become too large a part of the account."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit
from oms_platform.sides import sign


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the position in the symbol, if all orders of this way were done, to a bound that way."""
    bound, price = int(limits["symbol_max"]), context.price_micros
    if price is None:
        return None
    here, side = context.symbol_state, context.terms.side
    others = context.others_qty
    shares = sign(side) * here.position.quantity + others + context.left_qty
    held = here.position.quantity
    return at_most(shares * price, bound, Unit.DOLLARS, held=held, open=others, order=context.left_qty)
