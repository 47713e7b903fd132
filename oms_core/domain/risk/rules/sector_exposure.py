"""Positions in one sector do not become too large a part of the account."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, at_most, shown
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
    of = context.sector
    exposure = sum([micros for symbol, micros in state.reserved.items() if of(symbol) == sector])
    here = context.symbol_state
    exposure += here.others_micros(context.terms.side, context.of_held) - here.reserved_micros
    exposure += context.valuation.sector_micros(sector)
    opening = context.added_micros(price)
    details = {"sector": sector, "order": shown(opening)}
    return at_most(exposure + opening, int(bound), Unit.DOLLARS, free=opening <= 0, **details)
