"""What order types are made of: which have a limit, which wait for a stop price, and what these become."""

from typing import Final

from msgspec.structs import replace

from oms_platform.vocabulary import OrderTerms, OrderType

# What a stop is worked as, once the market has reached its price.
_WORKED_AS: Final = {OrderType.STOP: OrderType.MARKET, OrderType.STOP_LIMIT: OrderType.LIMIT}
STOPS: Final = frozenset(_WORKED_AS)
LIMITED: Final = frozenset((OrderType.LIMIT, OrderType.STOP_LIMIT))


def worked_terms(terms: OrderTerms) -> OrderTerms:
    """Return the terms that an order is worked by: a stop that was triggered is a market or a limit order."""
    kind = _WORKED_AS.get(terms.order_type)
    return terms if kind is None else replace(terms, order_type=kind)
