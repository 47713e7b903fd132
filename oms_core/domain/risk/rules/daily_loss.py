"""Who has lost enough for a day opens nothing more; of the firm's loss each core has its part."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import DOLLARS, Dollars, Found, Missing, beyond, within
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold what the account has lost today to a bound, and then what its firm has, to this core's part.

    An order that only closes is let through, whatever was lost.
    """
    bound, of_firm = limits.get("loss_max"), limits.get("firm_loss_max")
    if (bound is None and of_firm is None) or not context.figures.opens:
        return None
    day = context.day
    if day is None:
        return Missing("worth at the day's beginning")
    pnl = context.pnl_micros(day)
    loss = max(0, -pnl)
    if bound is not None and loss > int(bound):
        return beyond(loss, int(bound), DOLLARS, loss=Dollars(loss))
    if of_firm is None:
        return within(loss, int(bound or 0), DOLLARS)
    parts, of = context.firm_share
    lost = max(0, -(context.firm_pnl_micros - day.pnl_micros + pnl))
    part = int(of_firm) * parts // of
    if lost <= part:
        return within(lost, part, DOLLARS)
    return beyond(lost, part, DOLLARS, firm_loss=Dollars(lost), account=Dollars(loss), parts=f"{parts}/{of}")
