"""An account does not trade with itself (FINRA Rule 5210: self-trades)."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Dollars, Found, fails, holds
from oms_core.domain.risk.verdict import Limits
from oms_platform.sides import is_buy, is_within, opposite


def check(context: RiskContext, limits: Limits) -> Found:
    """Require that no open order of the account the other way could trade with this one."""
    if limits["prevented"] is not True:
        return None
    terms = context.terms
    theirs = context.figures.here.side(opposite(terms.side)).limits
    if not theirs:
        return None
    limit = terms.limit_price_micros
    known = [price for price in theirs if price is not None]
    nearest = (min(known) if is_buy(terms.side) else max(known)) if known else None
    crosses = (
        None in theirs or limit is None or (nearest is not None and is_within(terms.side, nearest, limit))
    )
    own = "market" if None in theirs else Dollars(nearest)
    price = "market" if limit is None else Dollars(limit)
    if not crosses:
        return holds(price, f"clear of {own}")
    return fails(price, f"clear of {own}", symbol=terms.symbol, price=price, own_order=own)
