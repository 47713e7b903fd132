"""An order that is a large part of what trades in a day moves the market, or is a slip of the hand."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import SHARES, Found, Missing, beyond, within
from oms_core.domain.risk.verdict import Limits

_BASIS_POINTS = 10_000


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the shares of one order to a part of an average day's volume."""
    if context.instrument is None:
        return None
    volume = context.instrument.volume
    if volume is None:
        return Missing("average volume")
    part, quantity = int(limits["volume_bps"]), context.terms.quantity
    bound = volume * part // _BASIS_POINTS
    if quantity <= bound:
        return within(quantity, bound, SHARES)
    return beyond(quantity, bound, SHARES, quantity=quantity, average_volume=volume, volume_bps=part)
