"""Positions in one sector do not become too large a part of the account."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, Missing, at_most, shown
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold positions in the sector at their marks, with what is open there and what this order opens, to a
    bound.

    An order that opens nothing passes however much there is.
    """
    bound, price = limits.get("sector_max"), context.price_micros
    if bound is None or price is None or context.instrument is None:
        return None
    sector, state = context.instrument.sector, context.state
    exposure = sum(
        here.reserved_micros for symbol, here in state.symbols.items() if context.sector(symbol) == sector
    )
    here = context.symbol_state
    exposure += here.others_micros(context.terms.side, context.of_held) - here.reserved_micros
    for symbol, value in state.values(context.mark):
        if context.sector(symbol) == sector:
            if value is None:
                return Missing(f"mark of {symbol}")
            exposure += abs(value)
    opening = context.added_micros(price)
    details = {"sector": sector, "order": shown(opening)}
    return at_most(exposure + opening, int(bound), Unit.DOLLARS, free=opening <= 0, **details)
