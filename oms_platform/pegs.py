"""What a pegged order's price is, of a quote.

The law of this file: the price is never beyond the order's limit; rounding to the grid moves it away from the
market; and there is none where the quote lacks what it stands on, or is crossed. Prices are micros.
"""

from oms_platform.market_rules import Ticks
from oms_platform.sides import far, is_buy, is_within, near
from oms_platform.vocabulary import OrderTerms, Peg, PegType


def peg_of(terms: OrderTerms) -> Peg:
    """Return what a pegged order follows. Raises ValueError for any other order."""
    if terms.peg is None:
        raise ValueError(f"order {terms.client_order_id} is not pegged")
    return terms.peg


def followed_price(terms: OrderTerms, bid: int | None, offer: int | None) -> int | None:
    """Return the price that a pegged order follows, None where the quote has it not or is crossed.

    At the middle it is the best price of the other side, the most that such an order may pay: its venue finds
    the middle, and both sides must be there.
    """
    peg = peg_of(terms)
    if bid is not None and offer is not None:
        if bid > offer:
            return None
    elif peg.peg_type is PegType.MIDPOINT:
        return None
    return (near if peg.peg_type is PegType.PRIMARY else far)(terms.side, bid, offer)


def limit_of_followed(terms: OrderTerms) -> int | None:
    """Return the followed price from which on a pegged order's limit holds it; None for nowhere."""
    limit = terms.limit_price_micros
    return None if limit is None else limit - peg_of(terms).offset_micros


def peg_price(terms: OrderTerms, bid: int | None, offer: int | None, ticks: Ticks) -> int | None:
    """Return the price of a pegged order, None where the quote gives it none."""
    followed, limit = followed_price(terms, bid, offer), terms.limit_price_micros
    if followed is None:
        return None
    wanted = followed + peg_of(terms).offset_micros
    if limit is not None and not is_within(terms.side, wanted, limit):
        wanted = limit
    if wanted <= 0:
        return None
    price = ticks.floor(wanted) if is_buy(terms.side) else ticks.ceiling(wanted)
    return price if price > 0 else None
