"""Who has given back enough of the day's best opens nothing more."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import DOLLARS, Dollars, Found, Missing, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold what the account has lost since the day's peak to a bound; the day begins at a peak of nothing.

    An order that only closes is let through, whatever was lost.
    """
    if not context.figures.opens:
        return None
    day = context.day
    if day is None:
        return Missing("worth at the day's beginning")
    pnl = context.pnl_micros(day)
    peak = max(day.peak_micros, pnl)
    fallen, bound = peak - pnl, int(limits["drawdown_max"])
    if fallen <= bound:
        return within(fallen, bound, DOLLARS)
    return beyond(fallen, bound, DOLLARS, peak=Dollars(peak), now=Dollars(pnl))
