"""Whoever sells short names where the shares can be borrowed (Regulation SHO, Rule 203(b))."""

from typing import Final

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, Missing, fails, holds
from oms_core.domain.risk.verdict import Limits
from oms_platform.sides import LOCATED

_EASY: Final = "easy to borrow"
_BOUND: Final = "a locate, or easy to borrow"


def check(context: RiskContext, limits: Limits) -> Found:
    """Require a locate of a short sale, unless its symbol is easy to borrow: set so, or on the day's list.

    A list of an earlier day that has the symbol says nothing of this one.
    """
    terms, borrowing = context.terms, context.borrowing
    if terms.side not in LOCATED:
        return None
    if limits["easy_to_borrow"] is True or (borrowing is not None and borrowing.easy):
        return holds(_EASY, _BOUND)
    if terms.locate_id:
        return holds(terms.locate_id, _BOUND)
    if borrowing is not None and borrowing.was_easy:
        return Missing("easy-to-borrow list of the day")
    return fails("none", _BOUND, symbol=terms.symbol)
