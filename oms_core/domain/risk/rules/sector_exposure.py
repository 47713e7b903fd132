"""Positions in one sector do not become too large a part of the account."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold positions in the sector at their marks, with what is open there and what this order opens, to a
    bound.

    An order that opens nothing passes however much there is.
    """
    bound, price = int(limits["sector_max"]), context.price_micros
    if price is None or context.instrument is None:
        return None
    sector, state = context.instrument.sector, context.state
    of = context.sector
    exposure = sum([micros for symbol, micros in state.reserved.items() if of(symbol) == sector])
    here = context.symbol_state
    exposure += here.others_micros(context.terms.side, context.of_held) - here.reserved_micros
    exposure += context.valuation.worth.in_sector
    opening = context.opening_micros
    details = {"sector": sector, "order": Dollars(opening)}
    return at_most(exposure + opening, bound, Unit.DOLLARS, free=opening <= 0, **details)
