"""Which pegged orders a quote may move, by symbol and by what they follow.

An order whose price was looked at waits for a while, so that it is not moved more often than that. From then
on it stands in its group, the one first whose limit lets it follow the furthest: a quote costs a look at the
first of each group of its symbol, and another for each order that it moves. Where limits hold orders, however
many, none of them is looked at.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

from oms_core.domain.order import Order
from oms_core.domain.touch import TouchPrices
from oms_platform.pegs import followed_price, limit_of_followed
from oms_platform.sides import direction, sign
from oms_platform.vocabulary import OrderTerms, PegType, Side

PEG_INTERVAL: Final = timedelta(milliseconds=250)
# No price is beyond it.
_ANY: Final = 2**63
# Of all pegged orders: what a laptop carries beside its clients' orders.
PEG_MOVES_PER_S: Final = 250
_SECOND: Final = timedelta(seconds=1)
_Key = tuple[str, Side, PegType]
Look = tuple[UUID, TouchPrices]


class MoveAllowance:
    """How many orders may be moved now: so many a second, and at once no more than in a fifth of one.

    per_s 0: any number.
    """

    def __init__(self, per_s: int, now: datetime) -> None:
        self._per_s = per_s
        self._most = max(1, per_s // 5)
        self._left = self._most
        self._at = now

    def left(self, now: datetime, orders_max: int) -> int:
        """Return how many orders may be moved at a time, at most so many."""
        if not self._per_s:
            return orders_max
        more = (now - self._at) * self._per_s // _SECOND
        if more > 0:
            self._left = min(self._most, self._left + more)
            self._at = now if self._left == self._most else self._at + more * _SECOND / self._per_s
        return min(self._left, orders_max)

    def spend(self, orders: int) -> None:
        """Count orders that were moved."""
        self._left -= orders


class _Place(NamedTuple):
    """Where an order stands: in its group, by how far its limit lets it follow, or alone until a time."""

    key: _Key
    reach: int
    until: datetime | None = None


class _Group:
    """Orders that follow the same price, of which they get no more than their limits say.

    Prices are signed so that a higher one is worse for the order. at: what was followed at the last look;
    low: the lowest of what was followed since all that it moved were looked at, None when they were. touch:
    of the last look.
    """

    __slots__ = ("at", "low", "members", "terms", "touch")

    def __init__(self, terms: OrderTerms) -> None:
        self.terms = terms
        self.members: list[tuple[int, UUID]] = []
        self.touch: TouchPrices | None = None
        self.at: int | None = None
        # Of nobody's price is it known which quote it is of.
        self.low: int | None = -_ANY

    def take(self, touch: TouchPrices) -> bool:
        """Take a quote. Returns whether there is a price to follow."""
        if touch is self.touch:
            return True
        followed = followed_price(self.terms, touch.bid_micros, touch.offer_micros)
        if followed is None:
            return False
        self.touch = touch
        price = sign(self.terms.side) * followed
        if self.at is not None and price != self.at:
            self.low = min(price, self.at) if self.low is None else min(self.low, price, self.at)
        self.at = price
        return True

    @property
    def moves(self) -> bool:
        """Whether the first of its members may have another price than it has."""
        return self.low is not None and bool(self.members) and -self.members[0][0] > self.low


class PegWatch:
    """It holds no state of its own: orders say whether they follow, or wait for a quote."""

    def __init__(self, orders: Iterable[Order], now: datetime, interval: timedelta = PEG_INTERVAL) -> None:
        self._interval = interval
        self._groups: dict[_Key, _Group] = {}
        self._turns: deque[_Key] = deque()
        # Who comes first, by turns: orders whose time is over, or those that a quote moves.
        self._rested_first = True
        # What an order has left in a group or among the times stays until it is met.
        self._times: list[tuple[datetime, UUID]] = []
        self._places: dict[UUID, _Place] = {}
        # By symbol: orders that wait for a quote, and the one that they were looked at with.
        self._unpriced: dict[str, dict[UUID, OrderTerms]] = {}
        self._looked_at: dict[str, TouchPrices] = {}
        for order in orders:
            self.note(order, now)

    def __len__(self) -> int:
        """Return how many orders follow a quote or wait for one."""
        return len(self._places) + sum(len(waiting) for waiting in self._unpriced.values())

    def note(self, order: Order, now: datetime) -> None:
        """Take an order as it is: it begins to follow or to wait, or does neither any more."""
        terms, pegged = order.terms, order.pegged
        if terms.peg is None:
            return
        self._note_waiting(order)
        if pegged is None or not order.follows:
            self._places.pop(order.order_id, None)
            return
        key = (terms.symbol, direction(terms.side), terms.peg.peg_type)
        if key not in self._groups:
            self._groups[key] = _Group(terms)
            self._turns.append(key)
        bound, due = limit_of_followed(terms), pegged.priced_at + self._interval
        stands = _Place(key, _ANY if bound is None else sign(terms.side) * bound)
        if due > now or self._places.get(order.order_id) != stands:
            self._put(order.order_id, stands._replace(until=max(due, now)))

    def look_again(self, order_id: UUID, now: datetime) -> None:
        """Look at an order at the next quote, whatever that changes: it might not be moved for a while."""
        place = self._places.get(order_id)
        if place is not None:
            self._put(order_id, place._replace(until=now))

    def _note_waiting(self, order: Order) -> None:
        symbol, order_id = order.terms.symbol, order.order_id
        waiting = self._unpriced.get(symbol, {})
        if order.waits_for_quote:
            if order_id not in waiting:
                self._unpriced.setdefault(symbol, waiting)[order_id] = order.terms
                self._looked_at.pop(symbol, None)
        elif order_id in waiting:
            del waiting[order_id]
            if not waiting:
                del self._unpriced[symbol]

    def _put(self, order_id: UUID, place: _Place) -> None:
        if self._places.get(order_id) == place:
            return
        self._places[order_id] = place
        if place.until is None:
            heapq.heappush(self._groups[place.key].members, (-place.reach, order_id))
        else:
            heapq.heappush(self._times, (place.until, order_id))

    def due(self, now: datetime, touch_of: Callable[[str], TouchPrices], orders_max: int) -> Iterator[Look]:
        """Yield the orders whose price may be another by the newest quotes, at most so many, with the quote.

        Whoever was looked at is to be noted after it.
        """
        if self._places or self._unpriced:
            yield from islice(self._looks(now, touch_of), orders_max)

    def _looks(self, now: datetime, touch_of: Callable[[str], TouchPrices]) -> Iterator[Look]:
        yield from self._priced(touch_of)
        self._rested_first = not self._rested_first
        if self._rested_first:
            yield from self._rested(now, touch_of)
        for _ in range(len(self._turns)):
            key = self._turns[0]
            self._turns.rotate(-1)
            touch, group = touch_of(key[0]), self._groups[key]
            if touch is not group.touch or group.low is not None:
                yield from self._moved(key, now, touch)
        if not self._rested_first:
            yield from self._rested(now, touch_of)

    def _priced(self, touch_of: Callable[[str], TouchPrices]) -> Iterator[Look]:
        """Look at the orders that wait for a quote, once with each."""
        for symbol in tuple(self._unpriced):
            touch = touch_of(symbol)
            if self._looked_at.get(symbol) is touch:
                continue
            for order_id, terms in tuple(self._unpriced[symbol].items()):
                if followed_price(terms, touch.bid_micros, touch.offer_micros) is not None:
                    yield order_id, touch
            self._looked_at[symbol] = touch

    def _rested(self, now: datetime, touch_of: Callable[[str], TouchPrices]) -> Iterator[Look]:
        """Look at the orders whose time to be left alone is over; they stand in their groups from then on."""
        while self._times and self._times[0][0] <= now:
            at, order_id = heapq.heappop(self._times)
            place = self._places.get(order_id)
            if place is None or place.until != at:
                continue
            touch = touch_of(place.key[0])
            if self._groups[place.key].take(touch):
                self._put(order_id, place._replace(until=None))
                yield order_id, touch
            else:
                self._put(order_id, place._replace(until=now + self._interval))

    def _moved(self, key: _Key, now: datetime, touch: TouchPrices) -> Iterator[Look]:
        """Look at the orders of a group that a quote moves."""
        group = self._groups[key]
        if not group.take(touch):
            return
        while group.moves:
            reach, order_id = heapq.heappop(group.members)
            stands = _Place(key, -reach)
            if self._places.get(order_id) == stands:
                self._put(order_id, stands._replace(until=now + self._interval))
                yield order_id, touch
        group.low = None
