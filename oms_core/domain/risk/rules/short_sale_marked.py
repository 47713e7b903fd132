"""What is not held is sold short, and says so (Regulation SHO, Rule 200(g))."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, at_most, is_so
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit
from oms_platform.sides import SHORTS, is_buy


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold an order to sell long to the shares that are held and that no other order sells."""
    side = context.terms.side
    if is_buy(side) or limits["marked"] is not True:
        return None
    here = context.symbol_state
    others = context.others_qty
    free = max(0, here.position.quantity - others)
    if side in SHORTS:
        return is_so(True, side.name, "marked")
    held = here.position.quantity
    return at_most(context.left_qty, free, Unit.SHARES, quantity=context.left_qty, held=held, selling=others)
