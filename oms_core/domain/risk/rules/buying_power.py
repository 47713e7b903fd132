"""Positions at cost and what open orders may open are within what the account may use."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold what the account uses, with what this order opens, to its buying power.

    An order that opens nothing passes however much is used.
    """
    price = context.price_micros
    if price is None:
        return None
    opening, others, bound = context.opening_micros, context.others_micros, int(limits["buying_power"])
    used = others + opening
    positions = context.state.gross_cost_micros
    return at_most(
        used,
        bound,
        Unit.DOLLARS,
        free=opening <= 0,
        order=Dollars(opening),
        positions=Dollars(positions),
        open_orders=Dollars(others - positions),
    )
