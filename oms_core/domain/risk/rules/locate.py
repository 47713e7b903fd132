"""Whoever sells short names where the shares can be borrowed (Regulation SHO, Rule 203(b))."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, is_so
from oms_core.domain.risk.verdict import Limits
from oms_platform.sides import LOCATED


def check(context: RiskContext, limits: Limits) -> Found:
    """Require a locate of a short sale, unless the symbol is easy to borrow."""
    terms = context.terms
    if terms.side not in LOCATED:
        return None
    if limits["easy_to_borrow"] is True:
        return is_so(True, "easy to borrow", "a locate, or easy to borrow")
    found = terms.locate_id
    return is_so(bool(found), found or "none", "a locate, or easy to borrow", symbol=terms.symbol)
