"""A venue's book of one symbol: our resting orders beside simulated liquidity.

Pure; randomness is handed in.

Better prices trade first; at one price what came first: the simulated liquidity that was there before an
order of ours, then that order, then what came after it, and what is not displayed last. What was there before
it becomes less by what trades at its price, and never more than the quote shows. A trade is at the resting
price, in the dark at the middle of the national best. Simulated liquidity that was taken is gone until the
next quote. An order with a minimum trades at least that many shares at once, or all that is left of it, or
none; one that waits for its minimum is passed over. Nothing trades outside the band. A displayed book that
protects others' quotes lets no order trade beyond what another venue displays, unless it is a sweep.
"""

import random
from itertools import takewhile
from typing import Final, NamedTuple, Protocol

from simulators.broker.book_order import (
    Auction,
    BookOrder,
    Event,
    Fill,
    Prevented,
    RestingOrders,
    SelfMatch,
    is_within,
    trade,
)
from simulators.broker.crosses import Cross, Interest, cross
from simulators.broker.market import Market

LOT: Final = 100
HIDDEN_SIZE_MAX: Final = 3_000
# The lowest and the highest price at which anything may trade.
Band = tuple[int, int]


class _Part(NamedTuple):
    """A part of what an incoming order would trade. contra: our own order, None for simulated liquidity."""

    contra: BookOrder | None
    quantity: int
    price_micros: int


class _Stop(NamedTuple):
    """Where an incoming order ends that is canceled: after so many shares, before an order of its owner."""

    after_qty: int
    contra: BookOrder


class Book(Protocol):
    """What the engine needs of a book. band: where it may trade, None for anywhere."""

    band: Band | None

    def match(self, order: BookOrder) -> list[Event]:
        """Trade an incoming order as far as its limit and the book go."""

    def available(self, order: BookOrder) -> int:
        """Return how many shares an incoming order could trade now, at most its own quantity."""

    def thin(self, is_buy: bool, part: float) -> None:
        """Take away `part` of the simulated liquidity that an incoming buy (or sell) would meet."""

    def locks(self, order: BookOrder) -> bool:
        """Say whether an order would lock or cross what another venue displays, if it rested."""

    def rest(self, order: BookOrder, *, keeps_place: bool = False) -> None:
        """Add an order behind those of its price, or where it was in the queue."""

    def remove(self, order: BookOrder) -> None:
        """Take an order out, if it is in."""

    def show(self, market: Market, draws: random.Random) -> None:
        """Replace the simulated liquidity by a new quote's."""

    def requote(self, market: Market, draws: random.Random) -> list[Event]:
        """Replace the simulated liquidity by a new quote's, and trade the resting orders that it reaches."""

    def cross(
        self, auction: Auction | None, *, tick_micros: int, reference_micros: int | None
    ) -> list[Event]:
        """Trade at one price all that is there and what waits for this auction."""

    def resting(self) -> list[BookOrder]:
        """Return all resting orders, buys first, by priority, then those that wait for a cross."""


def _total(order: BookOrder, parts: list[_Part]) -> int:
    """Return how many shares these parts come to, 0 when that is less than the order's minimum."""
    total = sum([part.quantity for part in parts])
    return total if total >= order.minimum else 0


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

    def within(self, limit_micros: int, *, is_buy: bool) -> int:
        return sum(size for price, size in self._levels if is_within(price, limit_micros, is_buy=is_buy))


class _OwnBook:
    """What both kinds of books do with our own orders."""

    def __init__(self, *, is_dark: bool, self_match: SelfMatch) -> None:
        self.band: Band | None = None
        self._own = RestingOrders(is_dark=is_dark)
        self._self_match = self_match
        self._middle: int | None = None
        self._newest = 0

    def remove(self, order: BookOrder) -> None:
        """Take an order out, if it is in."""
        self._own.remove(order)

    def resting(self) -> list[BookOrder]:
        """Return all resting orders, buys first, by priority, then those that wait for a cross."""
        return self._own.resting()

    def available(self, order: BookOrder) -> int:
        """Return how many shares an incoming order could trade now, at most its own quantity."""
        return _total(order, self._parts(order, order.working_qty))

    def match(self, order: BookOrder) -> list[Event]:
        """Trade an incoming order as far as its limit, its minimum, the band and the book go."""
        self._newest = max(self._newest, order.arrival)
        events, stop = self._prevent(order) if self._self_match is not SelfMatch.NONE else ([], None)
        parts = self._parts(order, order.working_qty if stop is None else stop.after_qty)
        if _total(order, parts):
            for part in parts:
                events += self._execute(order, part)
            for part in parts:
                if part.contra is not None:
                    self._refresh(part.contra)
        return events if stop is None else [*events, self._cancel(order, stop.contra)]

    def _execute(self, order: BookOrder, part: _Part) -> list[Event]:
        """Trade a part of what an incoming order meets."""
        contra, quantity, price = part.contra, part.quantity, part.price_micros
        taker = trade(Fill(order, quantity, price, takes=True))
        if contra is None:
            self._take(quantity, price, is_buy=not order.is_buy)
            return [taker]
        maker = trade(Fill(contra, quantity, price))
        if contra.working_qty == 0:
            self._own.remove(contra)
        return [taker, maker]

    def _refresh(self, order: BookOrder) -> None:
        """Show the next part of an order whose shown part is gone: it goes behind what is there."""
        if order.has_reserve and order.working_qty and not order.shown_qty:
            self._own.remove(order)
            order.arrival = max(self._newest, order.arrival)
            self.rest(order)

    def rest(self, order: BookOrder, *, keeps_place: bool = False) -> None:
        """Add an order behind those of its price, or where it was in the queue."""
        self._newest = max(self._newest, order.arrival)
        if order.has_reserve and not order.shown_qty:
            order.shown_left_qty = order.display_qty or 0
        if not keeps_place:
            order.ahead_qty = self._shown_at(order)
        self._own.rest(order)

    def requote(self, market: Market, draws: random.Random) -> list[Event]:
        """Replace the simulated liquidity by a new quote's, and trade the resting orders that it reaches."""
        self.show(market, draws)
        return self.flow(draws)

    # ---- two orders of one owner

    def _prevent(self, order: BookOrder) -> tuple[list[Event], _Stop | None]:
        """Do what is done about the orders of its owner that an incoming one would trade with.

        Returns what happened, and where the incoming order ends, None when it is not canceled.
        """
        events: list[Event] = []
        while True:
            parts = self._parts(order, order.working_qty)
            place = next((at for at, part in enumerate(parts) if _is_own(order, part.contra)), None)
            if place is None or not _total(order, parts):
                return events, None
            contra, quantity = parts[place].contra, parts[place].quantity
            if contra is None:
                return events, None
            before = sum([part.quantity for part in parts[:place]])
            match self._self_match:
                case SelfMatch.CANCEL_BOTH:
                    return [*events, self._cancel(contra, order)], _Stop(before, contra)
                case SelfMatch.DECREMENT:
                    events += [self._reduce(contra, quantity, order), self._reduce(order, quantity, contra)]
                    if not order.working_qty:
                        return events, None
                case mode:
                    cancels_newest = mode is SelfMatch.CANCEL_NEWEST
                    if cancels_newest == (order.arrival >= contra.arrival):
                        return events, _Stop(before, contra)
                    events.append(self._cancel(contra, order))

    def _cancel(self, order: BookOrder, contra: BookOrder) -> Prevented:
        self._own.remove(order)
        left, order.working_qty = order.working_qty, 0
        return Prevented(order, left, contra, ends=True)

    def _reduce(self, order: BookOrder, quantity: int, contra: BookOrder) -> Prevented:
        if quantity == order.working_qty:
            return self._cancel(order, contra)
        order.working_qty -= quantity
        return Prevented(order, quantity, contra, ends=False)

    # ---- where an order may trade

    def _limit_of(self, order: BookOrder) -> int | None:
        """Return an order's limit now, None when it has a peg and there is no middle."""
        if not order.is_pegged:
            return order.price_micros
        if self._middle is None:
            return None
        return (min if order.is_buy else max)(order.price_micros, self._middle)

    def _is_allowed(self, price_micros: int) -> bool:
        return self.band is None or self.band[0] <= price_micros <= self.band[1]

    # ---- what a kind of book knows

    def show(self, market: Market, draws: random.Random) -> None:
        """Replace the simulated liquidity by a new quote's."""
        raise NotImplementedError

    def flow(self, draws: random.Random) -> list[Event]:
        """Trade the resting orders that the newest quote reaches."""
        raise NotImplementedError

    def _parts(self, order: BookOrder, left: int) -> list[_Part]:
        """Return what an incoming order would trade of `left` shares, in its order."""
        raise NotImplementedError

    def _take(self, quantity: int, price_micros: int, *, is_buy: bool) -> None:
        """Take simulated shares of a side."""
        raise NotImplementedError

    def _shown_at(self, order: BookOrder) -> int:
        """Return how many others' shares are shown at an order's price on its side."""
        raise NotImplementedError


def _is_own(order: BookOrder, contra: BookOrder | None) -> bool:
    return contra is not None and contra.owner == order.owner


class LitBook(_OwnBook):
    """A displayed book: price, then what is displayed, then time."""

    def __init__(
        self,
        *,
        touch_fill_probability: float,
        self_match: SelfMatch = SelfMatch.NONE,
        protects_others: bool = False,
    ) -> None:
        super().__init__(is_dark=False, self_match=self_match)
        self._touch_fill_probability = touch_fill_probability
        self._protects_others = protects_others
        self._away: tuple[int | None, int | None] = (None, None)
        self._levels = (_Levels(), _Levels())

    def thin(self, is_buy: bool, part: float) -> None:
        """Take away `part` of the simulated liquidity that an incoming buy (or sell) would meet."""
        self._levels[not is_buy].thin(part)

    def _shown_at(self, order: BookOrder) -> int:
        return self._levels[order.is_buy].at(order.price_micros) if order.is_displayed else 0

    def _parts(self, order: BookOrder, left: int) -> list[_Part]:
        """Return what an incoming order would meet as far as its limit and the book go, best price first."""
        parts: list[_Part] = []
        limit = self._limit_of(order)
        if limit is None:
            return parts
        away = self._protected(order)
        if away is not None:
            limit = (min if order.is_buy else max)(limit, away)
        side = not order.is_buy
        own, levels = self._own.slices(side, self._limit_of), self._levels[side].levels()
        resting, level, taken = next(own, None), 0, 0
        while left:
            price, size = levels[level] if level < len(levels) else (None, 0)
            if resting is not None and (
                price is None
                or (
                    is_within(price, resting.price_micros, is_buy=side)
                    and not (resting.is_hidden and resting.price_micros == price)
                )
            ):
                at = resting.price_micros
                if not (is_within(at, limit, is_buy=order.is_buy) and self._is_allowed(at)):
                    break
                if price == at and (before := min(resting.order.ahead_qty, size) - taken) > 0:
                    # Others were there first: not the whole level, what of it came before our order.
                    quantity = min(left, before)
                    taken += quantity
                    parts.append(_Part(None, quantity, at))
                    left -= quantity
                    continue
                contra, quantity = resting.order, min(left, resting.quantity)
                resting = next(own, None)
                if quantity < contra.minimum:
                    continue
                parts.append(_Part(contra, quantity, at))
            elif (
                price is not None and is_within(price, limit, is_buy=order.is_buy) and self._is_allowed(price)
            ):
                level += 1
                quantity, taken = min(left, size - taken), 0
                if not quantity:
                    continue
                parts.append(_Part(None, quantity, price))
            else:
                break
            left -= quantity
        return parts

    def _protected(self, order: BookOrder) -> int | None:
        """Return what another venue displays that an order may not trade beyond, None for nothing."""
        return self._away[order.is_buy] if self._protects_others and not order.is_sweep else None

    def locks(self, order: BookOrder) -> bool:
        """Say whether an order would lock or cross what another venue displays, if it rested."""
        away = self._protected(order)
        if away is None or not order.is_displayed or order.auction is not None:
            return False
        return is_within(away, order.price_micros, is_buy=order.is_buy)

    def _take(self, quantity: int, price_micros: int, *, is_buy: bool) -> None:
        """Take displayed shares of a price: those before our orders come first."""
        self._levels[is_buy].take(quantity, price_micros)
        self._move_queue(quantity, price_micros, is_buy=is_buy)

    def _move_queue(self, quantity: int, price_micros: int, *, is_buy: bool) -> None:
        for resting in self._own.side(is_buy):
            if resting.price_micros == price_micros:
                resting.ahead_qty = max(0, resting.ahead_qty - quantity)

    def _keep_places(self) -> None:
        """Let nobody be before an order of ours who is no longer there."""
        for is_buy in (True, False):
            for resting in self._own.side(is_buy):
                resting.ahead_qty = min(resting.ahead_qty, self._levels[is_buy].at(resting.price_micros))

    def show(self, market: Market, _draws: random.Random) -> None:
        """Replace the displayed levels."""
        self._middle = _middle_of(market)
        self._away = (market.away_bid, market.away_offer)
        self._levels[True].replace(market.bids)
        self._levels[False].replace(market.asks)
        self._keep_places()

    def flow(self, draws: random.Random) -> list[Event]:
        """Fill the resting orders that the quote reaches, those at the touch sometimes."""
        events: list[Event] = []
        for is_buy in (True, False):
            if self._own.side(is_buy) or self._own.hidden(is_buy):
                events += self._moved_through(is_buy, self._levels[not is_buy])
                events += self._touched(is_buy, draws)
        return events + self._pegged(draws)

    def _moved_through(self, is_buy: bool, contra: _Levels) -> list[Event]:
        """Fill, at their limits, the orders whose price the other side of the quote has reached."""

        def is_reached(price_micros: int) -> bool:
            level = contra.best()
            return level is not None and is_within(level[0], price_micros, is_buy=is_buy)

        events: list[Event] = []
        slices = self._own.slices(is_buy, self._limit_of)
        for order, _, price, _ in list(takewhile(lambda one: is_reached(one.price_micros), slices)):
            if not is_reached(price):
                break
            if not order.working_qty or not self._is_allowed(price):
                continue
            if contra.within(price, is_buy=is_buy) < order.minimum:
                continue
            while order.working_qty and (level := contra.best()) is not None and is_reached(price):
                quantity = min(order.working_qty, level[1])
                events.append(trade(Fill(order, quantity, price)))
                contra.take(quantity)
            if order.working_qty:
                self._refresh(order)
                break
            self._own.remove(order)
        return events

    def _touched(self, is_buy: bool, draws: random.Random) -> list[Event]:
        """Fill orders at the touch, sometimes: others trade there too, and the queue moves on."""
        own, level = self._own.side(is_buy), self._levels[is_buy].best()
        if not own or level is None or not is_within(level[0], own[0].price_micros, is_buy=is_buy):
            return []
        if draws.random() >= self._touch_fill_probability:
            return []
        touch, left = level[0], max(LOT, int(draws.random() * level[1]))
        events: list[Event] = []
        for order in list(takewhile(lambda one: is_within(touch, one.price_micros, is_buy=is_buy), own)):
            if order.price_micros == touch and order.ahead_qty:
                # What trades at the touch are first those who were there before; the queue moves on for all.
                moved = min(left, order.ahead_qty)
                left -= moved
                self._move_queue(moved, touch, is_buy=is_buy)
            if not left:
                break
            quantity = min(left, order.shown_qty)
            if quantity < order.minimum or not self._is_allowed(order.price_micros):
                continue
            events.append(trade(Fill(order, quantity, order.price_micros)))
            left -= quantity
            if order.working_qty == 0:
                self._own.remove(order)
            self._refresh(order)
        return events

    def _pegged(self, draws: random.Random) -> list[Event]:
        """Trade the pegged orders whose price has moved: with ours that it reaches, and sometimes others'."""
        events: list[Event] = []
        for is_buy in (True, False):
            for order in [one for one in self._own.hidden(is_buy) if one.is_pegged]:
                self._own.remove(order)
                events += self.match(order)
                price = self._limit_of(order)
                if price is not None and order.working_qty and self._is_allowed(price):
                    happens = draws.random() < self._touch_fill_probability
                    quantity = min(order.working_qty, LOT * draws.randint(1, 5)) if happens else 0
                    if happens and quantity >= order.minimum:
                        events.append(trade(Fill(order, quantity, price)))
                if order.working_qty:
                    self._own.rest(order)
        return events

    def cross(
        self, auction: Auction | None, *, tick_micros: int, reference_micros: int | None
    ) -> list[Event]:
        """Trade at one price all that is there and what waits for this auction.

        An order with a minimum has no part in it. What is pegged has the limit of its peg.
        """
        found = cross(
            self._interests(auction),
            reference_micros=self._middle if reference_micros is None else reference_micros,
            tick_micros=tick_micros,
        )
        return [] if found is None else self._print(found)

    def _interests(self, auction: Auction | None) -> list[Interest]:
        orders = [] if auction is None else self._own.waiting(auction)
        for is_buy in (True, False):
            orders += [one.order for one in self._own.slices(is_buy, self._limit_of) if not one.is_hidden]
            orders += [one for one in self._own.hidden(is_buy) if not one.is_displayed]
        interests = [
            Interest(order.is_buy, None if order.has_no_limit else limit, order.working_qty, order)
            for order in orders
            if not order.min_qty and (limit := self._limit_of(order)) is not None
        ]
        for is_buy in (True, False):
            interests += [Interest(is_buy, price, size) for price, size in self._levels[is_buy].levels()]
        return interests

    def _print(self, found: Cross) -> list[Event]:
        """Trade what a cross is made of."""
        events: list[Event] = []
        for interest, quantity in found.shares:
            order = interest.order
            if order is None:
                self._levels[interest.is_buy].take(quantity, interest.limit_micros)
                continue
            events.append(trade(Fill(order, quantity, found.price_micros, in_cross=True)))
            if not order.working_qty:
                self._own.remove(order)
            self._refresh(order)
        return events


def _middle_of(market: Market) -> int | None:
    """Return the middle of the national best, None without one."""
    bid, offer = market.national_best_bid, market.national_best_offer
    return None if bid is None or offer is None else (bid + offer) // 2


class DarkBook(_OwnBook):
    """A book that displays nothing: every trade is at the middle of the national best."""

    def __init__(self, *, hidden_probability: float, self_match: SelfMatch = SelfMatch.NONE) -> None:
        super().__init__(is_dark=True, self_match=self_match)
        self._hidden_probability = hidden_probability
        self._hidden = [0, 0]

    def thin(self, is_buy: bool, part: float) -> None:
        """Take away `part` of the hidden size that an incoming buy (or sell) would meet."""
        size = self._hidden[not is_buy]
        self._hidden[not is_buy] = size - int(size * part)

    def _shown_at(self, order: BookOrder) -> int:
        return 0

    def locks(self, _order: BookOrder) -> bool:
        """Say no: nothing is displayed."""
        return False

    def _parts(self, order: BookOrder, left: int) -> list[_Part]:
        """Return what an incoming order would meet at the middle, if its limit lets it."""
        middle = self._middle
        if middle is None or not is_within(middle, order.price_micros, is_buy=order.is_buy):
            return []
        parts: list[_Part] = []
        if not self._is_allowed(middle):
            return parts
        for contra in self._own.side(not order.is_buy):
            if not left or not is_within(middle, contra.price_micros, is_buy=contra.is_buy):
                break
            quantity = min(left, contra.working_qty)
            if quantity >= contra.minimum:
                parts.append(_Part(contra, quantity, middle))
                left -= quantity
        hidden = min(left, self._hidden[not order.is_buy])
        return [*parts, _Part(None, hidden, middle)] if hidden else parts

    def _take(self, quantity: int, price_micros: int, *, is_buy: bool) -> None:
        self._hidden[is_buy] -= quantity

    def show(self, market: Market, draws: random.Random) -> None:
        """Move the middle and draw new hidden size."""
        self._middle = _middle_of(market)
        for is_buy in (True, False):
            hidden = draws.random() < self._hidden_probability
            self._hidden[is_buy] = draws.randrange(LOT, HIDDEN_SIZE_MAX + 1, LOT) if hidden else 0

    def flow(self, _draws: random.Random) -> list[Event]:
        """Trade the resting orders that the middle reaches."""
        events: list[Event] = []
        for is_buy in (True, False):
            own = self._own.side(is_buy)
            place = 0
            while place < len(own):
                order = own[place]
                matched = self.match(order)
                events += [one._replace(takes=False) if isinstance(one, Fill) else one for one in matched]
                if not order.working_qty:
                    self._own.remove(order)
                elif order.min_qty:
                    place += 1
                else:
                    break
        return events

    def cross(
        self, _auction: Auction | None, *, tick_micros: int, reference_micros: int | None
    ) -> list[Event]:
        """Trade what the middle reaches: the dark has no cross."""
        return self.flow(random.Random(0))  # noqa: S311  (nothing is drawn)
