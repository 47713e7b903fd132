"""Positions at cost and what open orders may open are within what the account may use."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import DOLLARS, Dollars, Found, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold what the account uses, with what this order opens, to its buying power.

    An order that opens nothing passes however much is used.
    """
    figures = context.figures
    if figures.price_micros is None:
        return None
    opening, others, bound = figures.opening_micros, figures.others_micros, int(limits["buying_power"])
    used = others + opening
    if used <= bound or opening <= 0:
        return within(used, bound, DOLLARS)
    positions = context.state.gross_cost_micros
    return beyond(
        used,
        bound,
        DOLLARS,
        order=Dollars(opening),
        positions=Dollars(positions),
        open_orders=Dollars(others - positions),
    )
