"""What order types are made of: which have a limit, which wait for a stop price or are worked over time, what
these become, and what belongs together.
"""

import enum
from typing import Final

from msgspec.structs import replace

from oms_platform.vocabulary import Algo, AlgoStrategy, OrderTerms, OrderType, TimeInForce

# What a stop is worked as, once the market has reached its price.
_WORKED_AS: Final = {OrderType.STOP: OrderType.MARKET, OrderType.STOP_LIMIT: OrderType.LIMIT}
STOPS: Final = frozenset(_WORKED_AS)
LIMITED: Final = frozenset((OrderType.LIMIT, OrderType.STOP_LIMIT))


class StopTrigger(enum.Enum):
    """What triggers a stop: the quote, the last trade, or whichever of them reaches its price first."""

    QUOTE = "quote"
    TRADE = "trade"
    BOTH = "both"


def worked_terms(terms: OrderTerms) -> OrderTerms:
    """Return the terms that an order is worked by: a stop that was triggered is a market or a limit order."""
    kind = _WORKED_AS.get(terms.order_type)
    terms = terms if kind is None else replace(terms, order_type=kind)
    # What the router is given of it, it places as of any other order.
    return terms if terms.algo is None else replace(terms, algo=None)


# ---- algos

PARTICIPATION_BPS_MAX: Final = 10_000
URGENCY_MAX: Final = 10
SLICES_MAX: Final = 200
ALGO_ORDER_TYPES: Final = (OrderType.MARKET, OrderType.LIMIT)
ALGO_TIMES_IN_FORCE: Final = (TimeInForce.DAY, TimeInForce.GTC)
# What a strategy must be given (True) or must not (False); what is not here may be.
_ALGO_NEEDS: Final = {
    AlgoStrategy.TWAP: {"urgency": False},
    AlgoStrategy.VWAP: {"urgency": False},
    AlgoStrategy.POV: {"urgency": False, "participation_bps": True},
    AlgoStrategy.IS: {"urgency": True},
}
# By the field's name at the doors: its name here, and its bounds where it is given.
_ALGO_BOUNDS: Final = {
    "participationBps": ("participation_bps", PARTICIPATION_BPS_MAX),
    "urgency": ("urgency", URGENCY_MAX),
    "slices": ("slices", SLICES_MAX),
}


def problem_of_algo(terms: OrderTerms) -> tuple[str, str] | None:
    """Return what is wrong with an order's algo: the field, as doors call it, and why; None for nothing."""
    algo = terms.algo
    if algo is None:
        return None
    if terms.order_type not in ALGO_ORDER_TYPES:
        return "orderType", f"must be MARKET or LIMIT of an order with an algo, was {terms.order_type.name}"
    if terms.time_in_force not in ALGO_TIMES_IN_FORCE:
        return "timeInForce", f"must be DAY or GTC of an order with an algo, was {terms.time_in_force.name}"
    if terms.min_quantity:
        return "minQuantity", f"must be left out of an order with an algo, was {terms.min_quantity}"
    return problem_of_parameters(algo)


def problem_of_parameters(algo: Algo) -> tuple[str, str] | None:
    """Return what is wrong with an algo by itself: the field, as doors call it, and why; None for nothing."""
    strategy = algo.strategy
    for field, (name, most) in _ALGO_BOUNDS.items():
        value = getattr(algo, name)
        needed = _ALGO_NEEDS[strategy].get(name)
        if not 0 <= value <= most:
            return f"algo.{field}", f"must be 1 to {most}, was {value}"
        if needed is True and not value:
            return f"algo.{field}", f"is required for {strategy.name}"
        if needed is False and value:
            return f"algo.{field}", f"must be left out of {strategy.name}, was {value}"
    start, end = algo.start_at, algo.end_at
    if start is not None and end <= start:
        return "algo.endAt", f"must be after algo.startAt {start.isoformat()}, was {end.isoformat()}"
    return None
