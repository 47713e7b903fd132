"""Something has to value an order: what cannot be valued cannot be held to a limit."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, is_so
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require a price to value the order by: its limit, or the far side of the quote."""
    price, terms = context.price_micros, context.terms
    return is_so(price is not None, Dollars(price), "a price", symbol=terms.symbol, side=terms.side.name)
