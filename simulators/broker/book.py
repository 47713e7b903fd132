"""A venue's book of one symbol: our resting orders beside simulated liquidity.

Pure; randomness is handed in.

Better prices trade first; at one price our orders come in the order of their arrival, then simulated
liquidity. A trade is at the resting price, in the dark at the middle of the national best. Simulated
liquidity that was taken is gone until the next quote.
"""

import random
from bisect import bisect_left, insort
from typing import Final, NamedTuple, Protocol

import msgspec

from simulators.broker.market import Market

LOT: Final = 100
HIDDEN_SIZE_MAX: Final = 3_000


class BookOrder(msgspec.Struct, kw_only=True, gc=False):
    """What a book knows of an order. price_micros: its limit. arrival: its place in the venue's time."""

    is_buy: bool
    price_micros: int
    working_qty: int
    arrival: int = 0


class Fill(NamedTuple):
    """One side of a trade that is one of our orders."""

    order: BookOrder
    quantity: int
    price_micros: int


class Book(Protocol):
    """What the engine needs of a book."""

    def match(self, order: BookOrder) -> list[Fill]:
        """Trade an incoming order as far as its limit and the book go."""

    def available(self, order: BookOrder) -> int:
        """Return how many shares an incoming order could trade now, at most its own quantity."""

    def thin(self, is_buy: bool, part: float) -> None:
        """Take away `part` of the simulated liquidity that an incoming buy (or sell) would meet."""

    def rest(self, order: BookOrder) -> None:
        """Add an order behind those of its price."""

    def remove(self, order: BookOrder) -> None:
        """Take an order out, if it is in."""

    def requote(self, market: Market, draws: random.Random) -> list[Fill]:
        """Replace the simulated liquidity by a new quote's, and fill the resting orders that it reaches."""

    def resting(self) -> list[BookOrder]:
        """Return all resting orders, buys first, by priority."""


def _priority(order: BookOrder) -> tuple[int, int]:
    return (-order.price_micros if order.is_buy else order.price_micros, order.arrival)


def _reaches(order: BookOrder, price_micros: int) -> bool:
    """Say whether an order may trade at a price."""
    return order.price_micros >= price_micros if order.is_buy else order.price_micros <= price_micros


def _trade(order: BookOrder, quantity: int, price_micros: int) -> Fill:
    order.working_qty -= quantity
    return Fill(order, quantity, price_micros)


class RestingOrders:
    """Our own orders of a book, each side sorted by price, then time."""

    def __init__(self) -> None:
        self._sides: tuple[list[BookOrder], list[BookOrder]] = ([], [])

    def side(self, is_buy: bool) -> list[BookOrder]:
        """Return one side, best first."""
        return self._sides[is_buy]

    def rest(self, order: BookOrder) -> None:
        """Add an order in its place."""
        insort(self._sides[order.is_buy], order, key=_priority)

    def remove(self, order: BookOrder) -> None:
        """Take an order out, if it is in."""
        side = self._sides[order.is_buy]
        index = bisect_left(side, _priority(order), key=_priority)
        if index < len(side) and side[index] is order:
            del side[index]

    def resting(self) -> list[BookOrder]:
        """Return all orders, buys first."""
        return [*self._sides[True], *self._sides[False]]


class _Levels:
    """Simulated liquidity of one side, best first."""

    def __init__(self) -> None:
        self._levels: list[tuple[int, int]] = []

    def replace(self, levels: tuple[tuple[int, int], ...]) -> None:
        self._levels = [level for level in levels if level[1] > 0]

    def best(self) -> tuple[int, int] | None:
        return self._levels[0] if self._levels else None

    def take(self, quantity: int) -> None:
        price, size = self._levels[0]
        if quantity >= size:
            del self._levels[0]
        else:
            self._levels[0] = (price, size - quantity)

    def thin(self, part: float) -> None:
        self.replace(tuple((price, size - int(size * part)) for price, size in self._levels))

    def within(self, order: BookOrder) -> int:
        return sum(size for price, size in self._levels if _reaches(order, price))


class LitBook:
    """A displayed book: price, then time."""

    def __init__(self, *, touch_fill_probability: float) -> None:
        self._touch_fill_probability = touch_fill_probability
        self._own = RestingOrders()
        self._levels = (_Levels(), _Levels())

    def rest(self, order: BookOrder) -> None:
        """Add an order behind those of its price."""
        self._own.rest(order)

    def remove(self, order: BookOrder) -> None:
        """Take an order out, if it is in."""
        self._own.remove(order)

    def resting(self) -> list[BookOrder]:
        """Return all resting orders, buys first, by priority."""
        return self._own.resting()

    def thin(self, is_buy: bool, part: float) -> None:
        """Take away `part` of the simulated liquidity that an incoming buy (or sell) would meet."""
        self._levels[not is_buy].thin(part)

    def available(self, order: BookOrder) -> int:
        """Return how many shares an incoming order could trade now, at most its own quantity."""
        own = 0
        for contra in self._own.side(not order.is_buy):
            if not _reaches(order, contra.price_micros) or own >= order.working_qty:
                break
            own += contra.working_qty
        return min(order.working_qty, own + self._levels[not order.is_buy].within(order))

    def match(self, order: BookOrder) -> list[Fill]:
        """Trade an incoming order as far as its limit and the book go."""
        fills: list[Fill] = []
        own, levels = self._own.side(not order.is_buy), self._levels[not order.is_buy]
        while order.working_qty:
            contra, level = (own[0] if own else None), levels.best()
            if contra is not None and (level is None or _reaches(contra, level[0])):
                if not _reaches(order, contra.price_micros):
                    break
                price, quantity = contra.price_micros, min(order.working_qty, contra.working_qty)
                fills += (_trade(order, quantity, price), _trade(contra, quantity, price))
                if contra.working_qty == 0:
                    del own[0]
            elif level is not None and _reaches(order, level[0]):
                quantity = min(order.working_qty, level[1])
                fills.append(_trade(order, quantity, level[0]))
                levels.take(quantity)
            else:
                break
        return fills

    def requote(self, market: Market, draws: random.Random) -> list[Fill]:
        """Replace the displayed levels, and fill the resting orders that the quote reaches."""
        self._levels[True].replace(market.bids)
        self._levels[False].replace(market.asks)
        fills: list[Fill] = []
        for is_buy in (True, False):
            own = self._own.side(is_buy)
            if own:
                fills += self._moved_through(own, self._levels[not is_buy])
                fills += self._touched(own, self._levels[is_buy], draws)
        return fills

    @staticmethod
    def _moved_through(own: list[BookOrder], contra: _Levels) -> list[Fill]:
        """Fill, at their limits, the orders whose price the other side of the quote has reached."""
        fills = []
        while own and (level := contra.best()) is not None and _reaches(own[0], level[0]):
            quantity = min(own[0].working_qty, level[1])
            fills.append(_trade(own[0], quantity, own[0].price_micros))
            contra.take(quantity)
            if own[0].working_qty == 0:
                del own[0]
        return fills

    def _touched(self, own: list[BookOrder], same_side: _Levels, draws: random.Random) -> list[Fill]:
        """Fill orders at the touch, sometimes: others trade there too, and the queue moves on."""
        level = same_side.best()
        if not own or level is None or not _reaches(own[0], level[0]):
            return []
        if draws.random() >= self._touch_fill_probability:
            return []
        left = max(LOT, int(draws.random() * level[1]))
        fills = []
        while left and own and _reaches(own[0], level[0]):
            quantity = min(left, own[0].working_qty)
            fills.append(_trade(own[0], quantity, own[0].price_micros))
            left -= quantity
            if own[0].working_qty == 0:
                del own[0]
        return fills


class DarkBook:
    """A book that displays nothing: every trade is at the middle of the national best."""

    def __init__(self, *, hidden_probability: float) -> None:
        self._hidden_probability = hidden_probability
        self._own = RestingOrders()
        self._middle: int | None = None
        self._hidden = [0, 0]

    def rest(self, order: BookOrder) -> None:
        """Add an order behind those of its price."""
        self._own.rest(order)

    def remove(self, order: BookOrder) -> None:
        """Take an order out, if it is in."""
        self._own.remove(order)

    def resting(self) -> list[BookOrder]:
        """Return all resting orders, buys first, by priority."""
        return self._own.resting()

    def thin(self, is_buy: bool, part: float) -> None:
        """Take away `part` of the hidden size that an incoming buy (or sell) would meet."""
        size = self._hidden[not is_buy]
        self._hidden[not is_buy] = size - int(size * part)

    def available(self, order: BookOrder) -> int:
        """Return how many shares an incoming order could trade now, at most its own quantity."""
        middle = self._middle
        if middle is None or not _reaches(order, middle):
            return 0
        own = sum(
            contra.working_qty for contra in self._own.side(not order.is_buy) if _reaches(contra, middle)
        )
        return min(order.working_qty, own + self._hidden[not order.is_buy])

    def match(self, order: BookOrder) -> list[Fill]:
        """Trade an incoming order at the middle, if its limit lets it."""
        middle = self._middle
        if middle is None or not _reaches(order, middle):
            return []
        fills: list[Fill] = []
        own = self._own.side(not order.is_buy)
        while order.working_qty and own and _reaches(own[0], middle):
            quantity = min(order.working_qty, own[0].working_qty)
            fills += (_trade(order, quantity, middle), _trade(own[0], quantity, middle))
            if own[0].working_qty == 0:
                del own[0]
        quantity = min(order.working_qty, self._hidden[not order.is_buy])
        if quantity:
            fills.append(_trade(order, quantity, middle))
            self._hidden[not order.is_buy] -= quantity
        return fills

    def requote(self, market: Market, draws: random.Random) -> list[Fill]:
        """Move the middle, draw new hidden size, and trade the resting orders that the middle reaches."""
        bid, offer = market.national_best_bid, market.national_best_offer
        self._middle = None if bid is None or offer is None else (bid + offer) // 2
        for is_buy in (True, False):
            hidden = draws.random() < self._hidden_probability
            self._hidden[is_buy] = draws.randrange(LOT, HIDDEN_SIZE_MAX + 1, LOT) if hidden else 0
        fills: list[Fill] = []
        for is_buy in (True, False):
            own = self._own.side(is_buy)
            while own and (matched := self.match(own[0])):
                fills += matched
                if own[0].working_qty:
                    break
                del own[0]
        return fills
