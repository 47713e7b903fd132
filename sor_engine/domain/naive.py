"""What a naive router would have paid for the shares that an order got, with the book of its first decision.

The law of this file: a naive router takes what was displayed, of one venue, within the order's limit, and
nothing else; of what was not displayed it gets nothing. Shares that both would have sent to the same venue
to take, it has as they came. Definitions: docs/execution-quality.md.
"""

from collections.abc import Callable, Container, Sequence
from typing import Final, NamedTuple

from sor_engine.domain.quality_evidence import Child, Fill, FirstRoute, Order
from sor_engine.domain.quality_report import (
    SAVED_BEST_QUOTE,
    SAVED_BEST_QUOTE_ALL_IN,
    SAVED_LISTING,
    SAVED_LISTING_ALL_IN,
    Figure,
)


def best_quote(route: FirstRoute, order: Order) -> str:
    """Return the venue with the best displayed price; of several that with the most shares at it, by name.

    Empty where nothing is displayed.
    """
    sign = 1 if order.buy else -1
    first = [(sign * side[0][0], -side[0][1], name) for name, side in route.displayed.items() if side]
    return min(first)[2] if first else ""


def listing_venue(_route: FirstRoute, order: Order) -> str:
    """Return the venue where the symbol is listed, empty where that is not known."""
    return order.listing_venue


class NaiveRouter(NamedTuple):
    """A way to choose the one venue that gets all of an order, and the figures of what was saved against it.

    needs_listing: it compares nothing of a symbol whose listing venue is not known.
    """

    venue_of: Callable[[FirstRoute, Order], str]
    price: Figure
    all_in: Figure
    needs_listing: bool = False


NAIVE_ROUTERS: Final = (
    NaiveRouter(best_quote, SAVED_BEST_QUOTE, SAVED_BEST_QUOTE_ALL_IN),
    NaiveRouter(listing_venue, SAVED_LISTING, SAVED_LISTING_ALL_IN, needs_listing=True),
)


def is_comparable(route: FirstRoute | None, order: Order, filled: int) -> bool:
    """Return whether a naive router could be set against an order at its first decision.

    Not of an order whose book is not kept, of one that may not take, nor of shares that were asked for later.
    """
    return route is not None and route.may_take and filled <= route.quantity


def shared_children(
    route: FirstRoute, order: Order, venue_id: str, children: Sequence[Child]
) -> frozenset[str]:
    """Return the children that the first decision sent to the naive router's venue to take."""
    side = route.displayed.get(venue_id)
    if not side:
        return frozenset()
    touch = side[0][0]
    return frozenset(
        [
            child.cl_ord_id
            for child in children
            if child.attempt == route.attempt
            and child.venue_id == venue_id
            and (child.limit >= touch if order.buy else child.limit <= touch)
        ]
    )


def naive_bill(
    route: FirstRoute, order: Order, venue_id: str, fills: Sequence[Fill], shared: Container[str]
) -> list[int] | None:
    """Return what the naive router would have paid for each fill, micros times shares.

    Fills of `shared` children cost it the same, and have taken as many of the displayed shares; the others
    are set against the next ones, the best priced against the best. None when too little was displayed.
    """
    bill = [fill.price * fill.quantity for fill in fills]
    others = [place for place, fill in enumerate(fills) if fill.cl_ord_id not in shared]
    others.sort(key=lambda place: fills[place].price if order.buy else -fills[place].price)
    gone = sum([fill.quantity for fill in fills if fill.cl_ord_id in shared])
    levels = _within(route, order, venue_id, gone)
    for place in others:
        wanted, paid = fills[place].quantity, 0
        while wanted:
            if not levels:
                return None
            price, size = levels[-1]
            taken = min(wanted, size)
            wanted -= taken
            paid += taken * price
            if taken == size:
                levels.pop()
            else:
                levels[-1] = price, size - taken
        bill[place] = paid
    return bill


def _within(route: FirstRoute, order: Order, venue_id: str, gone: int) -> list[tuple[int, int]]:
    """Return what a venue displayed within the limit after its first `gone` shares, the best last."""
    left: list[tuple[int, int]] = []
    for price, size in route.displayed.get(venue_id, ()):
        if route.limit is not None and (price > route.limit if order.buy else price < route.limit):
            break
        taken = min(gone, size)
        gone -= taken
        if size > taken:
            left.append((price, size - taken))
    left.reverse()
    return left
