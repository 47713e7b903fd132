"""An order as a book knows it, what can happen to it there, and the sorted list of those that rest.

At one price what is displayed comes before what is not, and what came first before what came later.
"""

import enum
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from heapq import merge
from typing import Final, NamedTuple

import msgspec

# The limit of an order that has none.
NO_LIMIT_MICROS: Final = 2**62


class Auction(str, enum.Enum):
    """The cross that an order waits for."""

    OPENING = "OPENING"
    CLOSING = "CLOSING"


class BookOrder(msgspec.Struct, kw_only=True, gc=False):
    """What a book knows of an order. price_micros: its limit. arrival: its place in the venue's time.

    min_qty: the fewest shares that may trade of it at once. ahead_qty: others' displayed shares of its price
    that came before it. display_qty: how much of it is shown at a time, None for all; shown_left_qty: what is
    left of that. is_pegged: its price is the middle of the national best, as far as its limit goes. is_sweep:
    it says that what other venues display better is taken at the same time. owner:
    orders of one owner do not trade with each other where self-match is prevented. auction: the cross that it
    waits for, None when it trades at any time.
    """

    is_buy: bool
    price_micros: int
    working_qty: int
    arrival: int = 0
    min_qty: int = 0
    ahead_qty: int = 0
    display_qty: int | None = None
    shown_left_qty: int = 0
    is_pegged: bool = False
    is_sweep: bool = False
    owner: str = ""
    auction: Auction | None = None

    @property
    def minimum(self) -> int:
        """The fewest shares that may trade of it now."""
        return min(self.min_qty, self.working_qty)

    @property
    def is_displayed(self) -> bool:
        """Whether a part of it is shown."""
        return not self.is_pegged and self.display_qty != 0

    @property
    def has_reserve(self) -> bool:
        """Whether it is shown a part at a time. One with a minimum is shown as a whole or not at all."""
        return bool(self.display_qty) and not self.is_pegged and not self.min_qty

    @property
    def shown_qty(self) -> int:
        """How much of it is shown now."""
        if not self.is_displayed:
            return 0
        return min(self.shown_left_qty, self.working_qty) if self.has_reserve else self.working_qty

    @property
    def has_no_limit(self) -> bool:
        """Whether it trades at any price."""
        return self.price_micros == (NO_LIMIT_MICROS if self.is_buy else 0)


class Fill(NamedTuple):
    """One side of a trade that is one of our orders. takes: it came for liquidity that was there.

    in_cross: the trade was made in a cross.
    """

    order: BookOrder
    quantity: int
    price_micros: int
    takes: bool = False
    in_cross: bool = False


class SelfMatch(str, enum.Enum):
    """What becomes of two orders of one owner that would trade with each other."""

    NONE = "NONE"
    CANCEL_NEWEST = "CANCEL_NEWEST"
    CANCEL_OLDEST = "CANCEL_OLDEST"
    CANCEL_BOTH = "CANCEL_BOTH"
    DECREMENT = "DECREMENT"


class Prevented(NamedTuple):
    """An order lost shares because it would have traded with another one of its owner.

    ends: nothing is left of it; otherwise it goes on, `quantity` shares smaller.
    """

    order: BookOrder
    quantity: int
    contra: BookOrder
    ends: bool


Event = Fill | Prevented


class Slice(NamedTuple):
    """A part of a resting order with a place of its own: what is shown of it, or what is not."""

    order: BookOrder
    quantity: int
    price_micros: int
    is_hidden: bool


def is_within(price_micros: int, limit_micros: int, *, is_buy: bool) -> bool:
    """Say whether a buy (or sell) with a limit may trade at a price."""
    return limit_micros >= price_micros if is_buy else limit_micros <= price_micros


def trade(fill: Fill) -> Fill:
    """Take a fill's shares off its order, first what is shown of it."""
    order = fill.order
    order.working_qty -= fill.quantity
    order.shown_left_qty = max(0, order.shown_left_qty - fill.quantity)
    return fill


def _priority(order: BookOrder) -> tuple[int, int]:
    return (-order.price_micros if order.is_buy else order.price_micros, order.arrival)


def _slice_priority(one: Slice) -> tuple[int, bool, int]:
    price = -one.price_micros if one.order.is_buy else one.price_micros
    return (price, one.is_hidden, one.order.arrival)


class RestingOrders:
    """Our own orders of a book: each side's displayed ones, those with a hidden part, those that wait.

    is_dark: nothing is displayed, and all orders are one list.
    """

    def __init__(self, *, is_dark: bool = False) -> None:
        self._is_dark = is_dark
        self._sides: tuple[list[BookOrder], list[BookOrder]] = ([], [])
        self._hidden: tuple[list[BookOrder], list[BookOrder]] = ([], [])
        self._waiting: list[BookOrder] = []

    def side(self, is_buy: bool) -> list[BookOrder]:
        """Return one side's displayed orders, in the dark all of them, best first."""
        return self._sides[is_buy]

    def hidden(self, is_buy: bool) -> list[BookOrder]:
        """Return one side's orders that are not displayed, or not all of them."""
        return self._hidden[is_buy]

    def waiting(self, auction: Auction) -> list[BookOrder]:
        """Return the orders that wait for a cross."""
        return [order for order in self._waiting if order.auction is auction]

    def slices(self, is_buy: bool, limit_of: Callable[[BookOrder], int | None]) -> Iterator[Slice]:
        """Yield one side's parts by priority. limit_of: an order's price now, None while it has none."""
        shown = (
            Slice(order, order.shown_qty, order.price_micros, is_hidden=False)
            for order in self._sides[is_buy]
        )
        if not self._hidden[is_buy]:
            return shown
        hidden = [
            Slice(order, order.working_qty - order.shown_qty, price, is_hidden=True)
            for order in self._hidden[is_buy]
            if (price := limit_of(order)) is not None and order.working_qty > order.shown_qty
        ]
        return merge(shown, sorted(hidden, key=_slice_priority), key=_slice_priority)

    def rest(self, order: BookOrder) -> None:
        """Add an order in its place."""
        if order.auction is not None:
            self._waiting.append(order)
            return
        if self._is_dark or order.is_displayed:
            insort(self._sides[order.is_buy], order, key=_priority)
        if not self._is_dark and (not order.is_displayed or order.has_reserve):
            insort(self._hidden[order.is_buy], order, key=_priority)

    def remove(self, order: BookOrder) -> None:
        """Take an order out, if it is in."""
        if order.auction is not None:
            self._waiting = [one for one in self._waiting if one is not order]
            return
        for side in (self._sides[order.is_buy], self._hidden[order.is_buy]):
            wanted = _priority(order)
            index = bisect_left(side, wanted, key=_priority)
            while index < len(side) and _priority(side[index]) == wanted:
                if side[index] is order:
                    del side[index]
                    break
                index += 1

    def resting(self) -> list[BookOrder]:
        """Return all orders once, buys first, then those that wait for a cross."""
        orders: list[BookOrder] = []
        for is_buy in (True, False):
            orders += self._sides[is_buy]
            orders += [order for order in self._hidden[is_buy] if not order.has_reserve]
        return [*orders, *self._waiting]
