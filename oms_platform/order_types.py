"""What order types are made of: which have a limit, which wait for a stop price, and what these become.

And which times in force go with what: the doors and core read the same tables.
"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from oms_platform.vocabulary import OrderTerms, OrderType, TimeInForce

# What a stop is worked as, once the market has reached its price.
_WORKED_AS: Final = {OrderType.STOP: OrderType.MARKET, OrderType.STOP_LIMIT: OrderType.LIMIT}
STOPS: Final = frozenset(_WORKED_AS)
LIMITED: Final = frozenset((OrderType.LIMIT, OrderType.STOP_LIMIT))


def worked_terms(terms: OrderTerms) -> OrderTerms:
    """Return the terms that an order is worked by: a stop that was triggered is a market or a limit order."""
    kind = _WORKED_AS.get(terms.order_type)
    return terms if kind is None else replace(terms, order_type=kind)


# ---- times in force

# What takes part in an auction, and in nothing else.
AUCTIONS: Final = frozenset((TimeInForce.OPG, TimeInForce.CLO))
# What is taken while its market is closed, and waits; DAY only where core is told to.
CARRIED: Final = frozenset((TimeInForce.GTC, TimeInForce.GTD))
# What may wait in a book, so that a replace can come. Between these an order's time in force may change.
RESTING: Final = frozenset((TimeInForce.DAY, TimeInForce.GTC, TimeInForce.GTD))
# What may be asked for: the router has no way to an auction, so that no door takes an order for one.
OFFERED: Final = tuple(one for one in TimeInForce if one not in AUCTIONS)
# What venues are told: core takes a GTD order's children back when its time is over.
_AT_VENUES: Final = {TimeInForce.GTD: TimeInForce.GTC}
_ANY: Final = frozenset(TimeInForce)
FORCES_OF: Final[Mapping[OrderType, frozenset[TimeInForce]]] = {
    kind: RESTING if kind in STOPS else _ANY for kind in OrderType
}


def force_problem(order_type: OrderType, force: TimeInForce, *, min_quantity: int = 0) -> tuple[str, str]:
    """Return the field that does not go with a time in force and what is wrong, ("", "") for none."""
    allowed = FORCES_OF[order_type]
    if force not in allowed:
        names = ", ".join(one.name for one in TimeInForce if one in allowed)
        return "timeInForce", f"must be one of {names} of a {order_type.name} order, was {force.name}"
    if force in AUCTIONS and min_quantity:
        return "minQuantity", f"must be left out of {force.name}: an auction has none, was {min_quantity}"
    return "", ""


def venue_force(force: TimeInForce) -> TimeInForce:
    """Return the time in force that an order's children have at venues."""
    return _AT_VENUES.get(force, force)


def forces_after(force: TimeInForce) -> tuple[TimeInForce, ...]:
    """Return what a replace may make of a time in force: itself, or of one that rests another one."""
    return tuple(one for one in TimeInForce if one in RESTING) if force in RESTING else (force,)
