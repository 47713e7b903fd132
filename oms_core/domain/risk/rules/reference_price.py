"""Something has to value an order: what cannot be valued cannot be held to a limit."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, fails, holds
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require a price to value the order by: its limit, or the far side of the quote."""
    price, terms = context.figures.price_micros, context.terms
    if price is not None:
        return holds(Dollars(price), "a price")
    return fails(Dollars(None), "a price", symbol=terms.symbol, side=terms.side.name)
