"""Limit Up-Limit Down: no trade above the upper band or below the lower (LULD plan, section VI)."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import DOLLARS, Dollars, Finding, Found, Missing
from oms_core.domain.risk.verdict import Limits
from oms_platform.sides import is_buy


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold a limit to buy to the upper band, and one to sell to the lower."""
    limit, instrument = context.terms.limit_price_micros, context.instrument
    if limit is None or instrument is None or limits["bands"] is not True:
        return None
    buys = is_buy(context.terms.side)
    bound = instrument.upper_band if buys else instrument.lower_band
    if bound is None:
        return Missing("bands")
    headroom = bound - limit if buys else limit - bound
    if headroom >= 0:
        return Finding(True, limit, bound, DOLLARS, headroom)
    details = {"price": Dollars(limit), "limit": Dollars(bound)}
    return Finding(False, limit, bound, DOLLARS, headroom, details)
