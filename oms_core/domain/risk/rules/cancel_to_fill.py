"""Who cancels and replaces much and trades little loads venues for nothing, and sends no new orders."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import COUNT, Found, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold the account's cancels and replaces in the window to so many for each fill; some are free.

    Cancels and replaces themselves are never refused by it, only new orders.
    """
    if context.is_replace:
        return None
    window_s, state = int(limits["window_s"]), context.state
    cancels, fills = state.cancels.within(context.now, window_s), state.fills.within(context.now, window_s)
    bound = max(int(limits["ratio_max"]) * max(1, fills), int(limits["free"]))
    if cancels <= bound:
        return within(cancels, bound, COUNT)
    return beyond(cancels, bound, COUNT, cancels=cancels, fills=fills, window_s=window_s)
