"""Who has given back enough of the day's best opens nothing more."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, Missing, at_most
from oms_core.domain.risk.verdict import Limits
from oms_platform.risk_rules import Unit


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold what the account has lost since the day's peak to a bound; the day begins at a peak of nothing.

    An order that only closes is let through, whatever was lost.
    """
    if not context.opens:
        return None
    day = context.day
    if day is None:
        return Missing("worth at the day's beginning")
    pnl = context.pnl_micros(day)
    peak = max(day.peak_micros, pnl)
    bound = int(limits["drawdown_max"])
    return at_most(peak - pnl, bound, Unit.DOLLARS, peak=Dollars(peak), now=Dollars(pnl))
