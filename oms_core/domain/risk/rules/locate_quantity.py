"""Short sales of an account sell no more shares than the locate that they name is good for."""

from datetime import date
from typing import Final

from oms_core.domain.locates import Borrowing
from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import SHARES, Found, Missing, beyond, fails, within
from oms_core.domain.risk.verdict import Limits
from oms_platform.market_rules import rules_date
from oms_platform.vocabulary import OrderTerms, TimeInForce

_BOUND: Final = "a locate of the account for the day"


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold what the orders that name a locate have sold and may sell to its shares, where they are counted.

    The locate is one of the account, for the day of the session that the order is for, and the order is over
    with that session. A replace that draws nothing more is let through, whatever has become of the locate.
    """
    terms, borrowing = context.terms, context.borrowing
    if limits["counted"] is not True or borrowing is None or not terms.locate_id:
        return None
    wanted, locate = context.executed_qty + context.figures.left_qty, borrowing.locate
    free = context.is_replace and wanted <= borrowing.own
    if locate is None and not borrowing.any_of_day and not free:
        return Missing("locates of the day")
    problem = _outlives(terms, borrowing.day) or ("" if free else _not_of(borrowing))
    if problem:
        return fails(problem, _BOUND, locate=terms.locate_id, found=problem)
    bound = 0 if locate is None else locate.quantity
    drawn = borrowing.drawn + wanted
    if drawn <= bound or free:
        return within(drawn, bound, SHARES)
    return beyond(drawn, bound, SHARES, locate=terms.locate_id, order=wanted, drawn=borrowing.drawn)


def _outlives(terms: OrderTerms, day: date) -> str:
    """Return why an order may trade after the day that its locate is for; empty where it may not."""
    if terms.time_in_force is TimeInForce.GTC:
        return "of a day, the order is GTC"
    if terms.expire_at is not None and rules_date(terms.expire_at) > day:
        return f"of a day, the order is good till {rules_date(terms.expire_at)}"
    return ""


def _not_of(borrowing: Borrowing) -> str:
    """Return why what an order names is no locate for its day; empty where it is one."""
    if borrowing.locate is None:
        return "unknown"
    valid_on = borrowing.locate.valid_on
    return "" if valid_on == borrowing.day else f"of {valid_on}"
