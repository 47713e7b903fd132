"""Who has given back enough of the day's best opens nothing more."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, Missing, at_most, shown
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold what the account has lost since the day's peak to a bound; the day begins at a peak of nothing.

    An order that only closes is let through, whatever was lost.
    """
    bound = limits.get("drawdown_max")
    if bound is None or not context.opens:
        return None
    day = context.day
    if day is None:
        return Missing("worth at the day's beginning")
    pnl = context.pnl_micros(day)
    peak = max(day.peak_micros, pnl)
    if peak - pnl <= int(bound):
        return at_most(peak - pnl, int(bound), Unit.DOLLARS)
    return at_most(peak - pnl, int(bound), Unit.DOLLARS, peak=shown(peak), now=shown(pnl))
