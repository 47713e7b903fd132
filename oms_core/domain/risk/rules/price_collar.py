"""A limit that is far through the market is a slip of the hand."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import DOLLARS, Dollars, Finding, Found, Missing
from oms_core.domain.risk.verdict import Limits
from oms_platform.sides import sign

_BASIS_POINTS = 10_000


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold a limit to so much through the far touch or its stop, ended on the nearest tick.

    That is so many basis points, but not less than so many ticks, and not more than so much of a day's
    volatility unless that is less than the ticks.
    """
    anchor, limit = context.limit_anchor_micros, context.terms.limit_price_micros
    if limit is None or context.instrument is None:
        return None
    if anchor is None:
        return Missing("quote")
    ticks, way = context.instrument.ticks, sign(context.terms.side)
    collar_bps = int(limits["collar_bps"])
    width = anchor * collar_bps // _BASIS_POINTS
    sigmas = limits.get("collar_sigma_bps")
    if sigmas is not None:
        if context.instrument.sigma_bps is None:
            return Missing("volatility")
        width = min(width, anchor * context.instrument.sigma_bps * int(sigmas) // _BASIS_POINTS**2)
    width = max(width, int(limits["collar_ticks"]) * ticks.at(anchor))
    bound = ticks.nearest(anchor + way * width)
    headroom = way * (bound - limit)
    if headroom >= 0:
        return Finding(True, limit, bound, DOLLARS, headroom)
    details = {
        "price": Dollars(limit),
        "touch": Dollars(anchor),
        "collar_bps": collar_bps,
        "limit": Dollars(bound),
    }
    return Finding(False, limit, bound, DOLLARS, headroom, details)
