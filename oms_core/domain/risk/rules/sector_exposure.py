"""Positions in one sector do not become too large a part of the account."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import DOLLARS, Dollars, Found, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold positions in the sector at their marks, with what is open there and what this order opens, to a
    bound.

    An order that opens nothing passes however much there is.
    """
    bound, figures = int(limits["sector_max"]), context.figures
    if figures.price_micros is None or context.instrument is None:
        return None
    here, opening, peers = figures.here, figures.opening_micros, context.valuation.peers
    exposure = sum([micros for symbol, micros in context.state.reserved.items() if symbol in peers])
    exposure += here.others_micros(context.terms.side, context.of_held) - here.reserved_micros
    exposure += context.valuation.in_sector + opening
    if exposure <= bound or opening <= 0:
        return within(exposure, bound, DOLLARS)
    return beyond(exposure, bound, DOLLARS, sector=context.instrument.sector, order=Dollars(opening))
