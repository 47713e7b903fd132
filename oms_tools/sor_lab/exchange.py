"""What becomes of one order's legs in an episode: takes, queues, dark matches, and the book as we see it.

The law of this file: the episode's path is exogenous, and our own orders only take away from it. A share
that we took at a venue's price does not come back unless the path adds to it; behind our first fill, venues
that fade show less. So nothing that a router does can find more than the path holds.
"""

import itertools
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final, NamedTuple

from oms_platform.order_types import BOOKED
from oms_tools.sor_lab.regimes import DarkVenue, LitVenue
from oms_tools.sor_lab.world import Episode, Level
from sor_engine.domain.market import dollars
from sor_engine.domain.plan import Leg

# How long makers stay away after they faded behind our first fill.
FADE_LASTS_US: Final = 250_000
# How soon somebody trades against an order of ours that locks or crosses the national best.
CROSS_US: Final = 1_000
TICK_DOLLARS: Final = 0.01
MICROS_A_TICK: Final = 10_000
_TICK: Final = Decimal("0.01")


class Fill(NamedTuple):
    """Shares of ours at twice the price in ticks. Fee in dollars a share."""

    at_us: int
    venue_id: str
    quantity: int
    price2: int
    fee: float


class LegResult(NamedTuple):
    """What came of a leg. back_us: when we know all of it; rejected: the venue would not have it."""

    leg: Leg
    fills: tuple[Fill, ...]
    back_us: int
    rejected: bool

    @property
    def filled(self) -> int:
        return sum([fill.quantity for fill in self.fills])


class ShownBook(NamedTuple):
    """A `DisplayedBook`."""

    bid_prices: tuple[Decimal, ...]
    bid_sizes: tuple[int, ...]
    ask_prices: tuple[Decimal, ...]
    ask_sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Where our time goes. latency_factor: multiplies every venue's latency. internal_us: from decision to
    wire.

    stale_us: how old the book of a decision is.
    """

    latency_factor: float = 1.0
    stale_us: int = 5_000
    internal_us: int = 200


@cache
def price_of(ticks: int) -> Decimal:
    """Return a price in dollars."""
    return ticks * _TICK


class Exchange:
    """The venues of one episode as one order of ours meets them."""

    def __init__(self, episode: Episode, delays: Delays, *, buy: bool) -> None:
        self.episode = episode
        self.delays = delays
        self.buy = buy
        self.lit: dict[str, LitVenue] = {venue.venue_id: venue for venue in episode.regime.lit}
        self.dark: dict[str, DarkVenue] = {venue.venue_id: venue for venue in episode.regime.dark}
        self._taken: list[tuple[int, str, int, int]] = []
        self._met: dict[tuple[str, int], int] = {}
        self._first: tuple[int, str] | None = None

    @classmethod
    def watching(cls, episode: Episode) -> "Exchange":
        """Return the venues of an episode in which no order of ours takes part."""
        return cls(episode, Delays(), buy=True)

    def latency_us(self, venue_id: str) -> int:
        """Return the way to a venue in this episode."""
        venue = self.lit.get(venue_id) or self.dark[venue_id]
        return int(venue.latency_us * self.delays.latency_factor * self.episode.jitter[venue_id])

    def levels(self, venue_id: str, when_us: int, *, ask: bool) -> tuple[Level, ...]:
        """Return what is there at a time, less what of ours happened up to then."""
        there = self.episode.sides[venue_id, ask].at(when_us).levels
        if ask is not self.buy or self._first is None:
            return there
        taken: dict[int, int] = {}
        for at_us, name, price, quantity in self._taken:
            if name == venue_id and at_us <= when_us:
                taken[price] = taken.get(price, 0) + quantity
        kept = 1.0 - self._faded(venue_id, when_us)
        if not taken and kept == 1.0:
            return there
        left: list[Level] = []
        for price, size, hidden in there:
            gone = taken.get(price, 0)
            shown = max(0, int(size * kept) - gone)
            behind = int(hidden * kept) - max(0, gone - int(size * kept))
            if shown or behind > 0:
                left.append(Level(price, shown, max(0, behind)))
        return tuple(left)

    def _faded(self, venue_id: str, when_us: int) -> float:
        if self._first is None or self._first[1] == venue_id:
            return 0.0
        wait_us, depth = self.episode.fades[venue_id]
        since_us = when_us - self._first[0] - wait_us
        return depth if 0 <= since_us < FADE_LASTS_US else 0.0

    def shown(self, when_us: int) -> dict[str, ShownBook]:
        """Return every lit venue's displayed book at a time."""
        books = {}
        for venue_id in self.lit:
            bids = [level for level in self.levels(venue_id, when_us, ask=False) if level.size]
            asks = [level for level in self.levels(venue_id, when_us, ask=True) if level.size]
            books[venue_id] = ShownBook(
                tuple([price_of(level.price) for level in bids]),
                tuple([level.size for level in bids]),
                tuple([price_of(level.price) for level in asks]),
                tuple([level.size for level in asks]),
            )
        return books

    def mid2(self, when_us: int) -> int:
        """Return twice the mid of the displayed national best, in ticks, without our own doing."""
        sides = self.episode.sides
        bid = max([sides[name, False].at(when_us).levels[0].price for name in self.lit])
        ask = min([sides[name, True].at(when_us).levels[0].price for name in self.lit])
        return bid + ask

    def send(self, legs: Iterable[Leg], sent_us: int) -> list[LegResult]:
        """Carry out legs that were sent together, in the order in which they arrive."""
        arrivals = [
            (sent_us + self.delays.internal_us + self.latency_us(leg.venue_id), number, leg)
            for number, leg in enumerate(legs)
        ]
        return [self._arrive(leg, at_us) for at_us, _, leg in sorted(arrivals, key=lambda a: a[:2])]

    def _arrive(self, leg: Leg, at_us: int) -> LegResult:
        episode = self.episode
        back_us = at_us + self.latency_us(leg.venue_id)
        if at_us > episode.horizon_us:
            return LegResult(leg, (), back_us, rejected=False)
        if leg.venue_id in self.dark:
            venue = self.dark[leg.venue_id]
            if leg.quantity < venue.min_quantity or leg.quantity % venue.lot_size:
                return LegResult(leg, (), back_us, rejected=True)
        rests = leg.time_in_force in BOOKED or leg.hold_ms > 0
        until_us = at_us
        if rests:
            until_us = min(episode.horizon_us, at_us + leg.hold_ms * 1000 if leg.hold_ms else 2**62)
        if leg.venue_id in self.dark:
            fills = self._match_dark(leg, at_us, until_us)
        else:
            fills = self._take(leg, at_us)
            left = leg.quantity - sum([fill.quantity for fill in fills])
            if left and rests:
                fills += self._rest(leg, left, at_us, until_us)
        done = sum([fill.quantity for fill in fills]) == leg.quantity
        end_us = max([at_us, *[fill.at_us for fill in fills]]) if done else until_us
        return LegResult(leg, tuple(fills), end_us + self.latency_us(leg.venue_id), rejected=False)

    def take_share(self, venue_id: str, price: int, quantity: int, at_us: int) -> None:
        """Note shares that are no longer there."""
        self._taken.append((at_us, venue_id, price, quantity))
        if self._first is None:
            self._first = (at_us, venue_id)

    def _inside(self, price2: int, limit: Decimal) -> bool:
        limit2 = limit * 200
        return price2 <= limit2 if self.buy else price2 >= limit2

    def _take(self, leg: Leg, at_us: int) -> list[Fill]:
        fills: list[Fill] = []
        left, fee = leg.quantity, float(self.lit[leg.venue_id].remove_fee)
        for price, size, hidden in self.levels(leg.venue_id, at_us, ask=self.buy):
            if not left or not self._inside(2 * price, dollars(leg.limit_micros)):
                break
            quantity = min(left, size + hidden)
            left -= quantity
            fills.append(Fill(at_us, leg.venue_id, quantity, 2 * price, fee))
            self.take_share(leg.venue_id, price, quantity, at_us)
        return fills

    def _rest(self, leg: Leg, left: int, at_us: int, until_us: int) -> list[Fill]:
        """Wait in the queue: behind what is displayed at our price, ahead of what is worse."""
        side = self.episode.sides[leg.venue_id, not self.buy]
        price, fee = leg.limit_micros // MICROS_A_TICK, float(self.lit[leg.venue_id].add_fee)
        ahead = sum([level.size for level in side.at(at_us).levels if level.price == price])
        crossed_us = self._crossed(price, at_us + CROSS_US)
        fills: list[Fill] = []
        start = bisect_right(side.outflows, at_us, key=lambda outflow: outflow.at_us)
        for outflow in itertools.islice(side.outflows, start, None):
            if (
                outflow.at_us > until_us
                or (crossed_us is not None and outflow.at_us >= crossed_us)
                or not left
            ):
                break
            if outflow.price == price:
                there = max(1, outflow.quantity, side.at(outflow.at_us - 1).levels[0].size)
                share = ahead if outflow.trade else outflow.quantity * ahead // max(there, ahead)
                gone = min(ahead, outflow.quantity, share)
                ahead -= gone
                reaches = outflow.quantity - gone
            elif (outflow.price < price) is self.buy:
                reaches = outflow.quantity
            else:
                continue
            if outflow.trade and reaches > 0:
                fills.append(Fill(outflow.at_us, leg.venue_id, min(left, reaches), 2 * price, fee))
                left -= fills[-1].quantity
        if left and crossed_us is not None and crossed_us <= until_us:
            fills.append(Fill(crossed_us, leg.venue_id, left, 2 * price, fee))
        return fills

    def _crossed(self, price: int, from_us: int) -> int | None:
        """Return when the national best of the far side is first at our price or through it."""
        episode = self.episode
        first = max(0, bisect_right(episode.best_times, from_us) - 1)
        for moment in itertools.islice(episode.best, first, None):
            if (moment.ask <= price) if self.buy else (moment.bid >= price):
                return max(from_us, moment.at_us)
        return None

    def _match_dark(self, leg: Leg, at_us: int, until_us: int) -> list[Fill]:
        fills: list[Fill] = []
        left, fee = leg.quantity, float(self.dark[leg.venue_id].fee)
        for number, contra in enumerate(self.episode.contras[leg.venue_id, self.buy]):
            when_us = max(at_us, contra.from_us)
            if not left or when_us > until_us:
                break
            if contra.to_us < when_us:
                continue
            mid2 = self.mid2(when_us)
            if not self._inside(mid2, dollars(leg.limit_micros)):
                continue
            key = (leg.venue_id, number)
            quantity = min(left, contra.quantity - self._met.get(key, 0))
            if quantity > 0:
                self._met[key] = self._met.get(key, 0) + quantity
                left -= quantity
                fills.append(Fill(when_us, leg.venue_id, quantity, mid2, fee))
        return fills

    def mark(self, quantity: int) -> float:
        """Return the dollars (negative: received) of finishing at the end of the horizon.

        What is left walks the displayed books at that time, best price first, and pays the fee to remove;
        what is beyond every displayed level is marked at the worst of them.
        """
        side = 1 if self.buy else -1
        walk = [
            (side * level.price, float(self.lit[name].remove_fee), level.size)
            for name in self.lit
            for level in self.levels(name, self.episode.horizon_us, ask=self.buy)
            if level.size
        ]
        walk.sort()
        dollars, left = 0.0, quantity
        for price, fee, size in walk:
            taken = min(left, size)
            dollars += taken * (price * TICK_DOLLARS + fee)
            left -= taken
        if left:
            worst, fee = (walk[-1][0], walk[-1][1]) if walk else (side * self._horizon_far(), 0.003)
            dollars += left * (worst * TICK_DOLLARS + fee)
        return dollars

    def _horizon_far(self) -> int:
        best = self.episode.best_at(self.episode.horizon_us)
        return best.ask if self.buy else best.bid
