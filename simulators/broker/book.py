"""A venue's book of one symbol: our resting orders beside simulated liquidity.

Pure; randomness is handed in.

Better prices trade first; at one price what came first: the simulated liquidity that was there before an
order of ours, then that order, then what came after it. What was there before it becomes less by what
trades at its price, and never more than the quote shows. A trade is at the resting price, in the dark at
the middle of the national best. Simulated liquidity that was taken is gone until the next quote. An order
with a minimum trades at least that many shares at once, or all that is left of it, or none; one that
waits for its minimum is passed over.
"""

import random
from bisect import bisect_left, insort
from typing import Final, NamedTuple, Protocol

import msgspec

from simulators.broker.market import Market

LOT: Final = 100
HIDDEN_SIZE_MAX: Final = 3_000


class BookOrder(msgspec.Struct, kw_only=True, gc=False):
    """What a book knows of an order. price_micros: its limit. arrival: its place in the venue's time.

    min_qty: the fewest shares that may trade of it at once. ahead_qty: others' displayed shares of its price
    that came before it.
    """

    is_buy: bool
    price_micros: int
    working_qty: int
    arrival: int = 0
    min_qty: int = 0
    ahead_qty: int = 0

    @property
    def minimum(self) -> int:
        """The fewest shares that may trade of it now."""
        return min(self.min_qty, self.working_qty)


class Fill(NamedTuple):
    """One side of a trade that is one of our orders. takes: it came for liquidity that was there."""

    order: BookOrder
    quantity: int
    price_micros: int
    takes: bool = False


class _Part(NamedTuple):
    """A part of what an incoming order would trade. contra: our own order, None for simulated liquidity."""

    contra: BookOrder | None
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


def _total(order: BookOrder, parts: list[_Part]) -> int:
    """Return how many shares these parts come to, 0 when that is less than the order's minimum."""
    total = sum([part.quantity for part in parts])
    return total if total >= order.minimum else 0


def _trade(order: BookOrder, quantity: int, price_micros: int, *, takes: bool = False) -> Fill:
    order.working_qty -= quantity
    return Fill(order, quantity, price_micros, takes)


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
        wanted = _priority(order)
        index = bisect_left(side, wanted, key=_priority)
        while index < len(side) and _priority(side[index]) == wanted:
            if side[index] is order:
                del side[index]
                return
            index += 1

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

    def levels(self) -> list[tuple[int, int]]:
        return list(self._levels)

    def at(self, price_micros: int) -> int:
        """Return how much there is at a price."""
        return sum(size for price, size in self._levels if price == price_micros)

    def take(self, quantity: int, price_micros: int | None = None) -> None:
        """Take from the best level, or from that of a price."""
        place = 0
        if price_micros is not None:
            place = next(at for at, level in enumerate(self._levels) if level[0] == price_micros)
        price, size = self._levels[place]
        if quantity >= size:
            del self._levels[place]
        else:
            self._levels[place] = (price, size - quantity)

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
        order.ahead_qty = self._levels[order.is_buy].at(order.price_micros)
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
        return _total(order, self._parts(order))

    def _parts(self, order: BookOrder) -> list[_Part]:
        """Return what an incoming order would meet as far as its limit and the book go, best price first."""
        parts: list[_Part] = []
        left = order.working_qty
        own, levels = self._own.side(not order.is_buy), self._levels[not order.is_buy].levels()
        place = level = taken = 0
        while left:
            contra = own[place] if place < len(own) else None
            price, size = levels[level] if level < len(levels) else (None, 0)
            if contra is not None and (price is None or _reaches(contra, price)):
                if not _reaches(order, contra.price_micros):
                    break
                if price == contra.price_micros and (before := min(contra.ahead_qty, size) - taken) > 0:
                    # Others were there first: not the whole level, what of it came before our order.
                    quantity = min(left, before)
                    taken += quantity
                    parts.append(_Part(None, quantity, contra.price_micros))
                    left -= quantity
                    continue
                place += 1
                quantity = min(left, contra.working_qty)
                if quantity < contra.minimum:
                    continue
                parts.append(_Part(contra, quantity, contra.price_micros))
            elif price is not None and _reaches(order, price):
                level += 1
                quantity, taken = min(left, size - taken), 0
                if not quantity:
                    continue
                parts.append(_Part(None, quantity, price))
            else:
                break
            left -= quantity
        return parts

    def match(self, order: BookOrder) -> list[Fill]:
        """Trade an incoming order as far as its limit, its minimum and the book go."""
        parts = self._parts(order)
        if not _total(order, parts):
            return []
        fills: list[Fill] = []
        for contra, quantity, price in parts:
            fills.append(_trade(order, quantity, price, takes=True))
            if contra is None:
                self._take(quantity, price, is_buy=not order.is_buy)
                continue
            fills.append(_trade(contra, quantity, price))
            if contra.working_qty == 0:
                self._own.remove(contra)
        return fills

    def _take(self, quantity: int, price_micros: int, *, is_buy: bool) -> None:
        """Take displayed shares of a price: those before our orders come first."""
        self._levels[is_buy].take(quantity, price_micros)
        for resting in self._own.side(is_buy):
            if resting.price_micros == price_micros:
                resting.ahead_qty = max(0, resting.ahead_qty - quantity)

    def _keep_places(self) -> None:
        """Let nobody be before an order of ours who is no longer there."""
        for is_buy in (True, False):
            for resting in self._own.side(is_buy):
                resting.ahead_qty = min(resting.ahead_qty, self._levels[is_buy].at(resting.price_micros))

    def requote(self, market: Market, draws: random.Random) -> list[Fill]:
        """Replace the displayed levels, and fill the resting orders that the quote reaches."""
        self._levels[True].replace(market.bids)
        self._levels[False].replace(market.asks)
        self._keep_places()
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
        place = 0
        while place < len(own) and (level := contra.best()) is not None and _reaches(own[place], level[0]):
            order = own[place]
            if contra.within(order) < order.minimum:
                place += 1
                continue
            while order.working_qty and (level := contra.best()) is not None and _reaches(order, level[0]):
                quantity = min(order.working_qty, level[1])
                fills.append(_trade(order, quantity, order.price_micros))
                contra.take(quantity)
            if order.working_qty:
                break
            del own[place]
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
        place = 0
        while left and place < len(own) and _reaches(own[place], level[0]):
            order = own[place]
            if order.price_micros == level[0] and order.ahead_qty:
                # What trades at the touch are first those who were there before; the queue moves on for all.
                moved = min(left, order.ahead_qty)
                left -= moved
                for behind in own[place:]:
                    if behind.price_micros == level[0]:
                        behind.ahead_qty = max(0, behind.ahead_qty - moved)
                continue
            quantity = min(left, order.working_qty)
            if quantity < order.minimum:
                place += 1
                continue
            fills.append(_trade(order, quantity, order.price_micros))
            left -= quantity
            if order.working_qty == 0:
                del own[place]
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
        return _total(order, self._parts(order))

    def _parts(self, order: BookOrder) -> list[_Part]:
        """Return what an incoming order would meet at the middle, if its limit lets it."""
        middle, left = self._middle, order.working_qty
        if middle is None or not _reaches(order, middle):
            return []
        parts: list[_Part] = []
        for contra in self._own.side(not order.is_buy):
            if not left or not _reaches(contra, middle):
                break
            quantity = min(left, contra.working_qty)
            if quantity >= contra.minimum:
                parts.append(_Part(contra, quantity, middle))
                left -= quantity
        hidden = min(left, self._hidden[not order.is_buy])
        return [*parts, _Part(None, hidden, middle)] if hidden else parts

    def match(self, order: BookOrder) -> list[Fill]:
        """Trade an incoming order at the middle, if its limit and its minimum let it."""
        parts = self._parts(order)
        if not _total(order, parts):
            return []
        fills: list[Fill] = []
        for contra, quantity, price in parts:
            fills.append(_trade(order, quantity, price, takes=True))
            if contra is None:
                self._hidden[not order.is_buy] -= quantity
                continue
            fills.append(_trade(contra, quantity, price))
            if contra.working_qty == 0:
                self._own.remove(contra)
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
            place = 0
            while place < len(own):
                order = own[place]
                matched = self.match(order)
                fills += [fill._replace(takes=False) for fill in matched]
                if matched and not order.working_qty:
                    del own[place]
                elif order.min_qty:
                    place += 1
                else:
                    break
        return fills
