"""What is not held is sold short, and says so (Regulation SHO, Rule 200(g))."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import SHARES, Found, beyond, holds, within
from oms_core.domain.risk.verdict import Limits
from oms_platform.sides import SHORTS, is_buy


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold an order to sell long to the shares that are held and that no other order sells."""
    side = context.terms.side
    if is_buy(side) or limits["marked"] is not True:
        return None
    if side in SHORTS:
        return holds(side.name, "marked")
    figures = context.figures
    selling, others, held = figures.left_qty, figures.others_qty, figures.here.position.quantity
    free = max(0, held - others)
    if selling <= free:
        return within(selling, free, SHARES)
    return beyond(selling, free, SHARES, quantity=selling, held=held, selling=others)
