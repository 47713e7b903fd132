"""Limit Up-Limit Down: no trade above the upper band or below the lower (LULD plan, section VI)."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Finding, Found, Missing
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit
from oms_platform.sides import is_buy, is_within, sign


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold a limit to buy to the upper band, and one to sell to the lower."""
    limit, side, instrument = context.terms.limit_price_micros, context.terms.side, context.instrument
    if limit is None or instrument is None or limits["bands"] is not True:
        return None
    bound = instrument.upper_band if is_buy(side) else instrument.lower_band
    if bound is None:
        return Missing("bands")
    passed, headroom = is_within(side, limit, bound), sign(side) * (bound - limit)
    details = {"price": Dollars(limit), "limit": Dollars(bound)}
    return Finding(passed, limit, bound, Unit.DOLLARS, headroom, details)
