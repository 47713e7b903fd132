"""One seeded stretch of market around an order: what every venue shows and hides, and how it changes.

The law of this file: an episode is a function of (seed, regime, index, horizon) and knows no router. Times
are microseconds from the order's arrival, prices are whole ticks (cents), sizes whole shares. What our own
orders take is laid over it by `exchange`, and never changes the path.
"""

import itertools
import math
import random
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from oms_tools.sor_lab.regimes import LEVELS, DarkVenue, LitVenue, Regime

# The past that a stale book may be taken from.
PAST_US: Final = 200_000
TOXIC_WINDOW_US: Final = 150_000
# The mean time until a price answers an order: most of a trade's impact is there within seconds.
RESPONSE_US: Final = 250_000
TRADED_THROUGH: Final = 0.6
SIZE_SPREAD: Final = 0.8
ODD_LOT_SHARE: Final = 0.15
LOT: Final = 100
_US: Final = 1_000_000
# Where a queue event falls: mostly at the touch, as in Cont, Stoikov and Talreja.
_EVENT_LEVELS: Final = (0.60, 0.80, 0.90, 0.96, 1.0)


class Level(NamedTuple):
    """A price level; hidden: executable behind the displayed size."""

    price: int
    size: int
    hidden: int


class Snapshot(NamedTuple):
    """One side of one venue from `at_us` on, best level first."""

    at_us: int
    levels: tuple[Level, ...]


class Outflow(NamedTuple):
    """Shares that left a venue's touch queue: a trade against it, or a cancel."""

    at_us: int
    price: int
    quantity: int
    trade: bool


class Contra(NamedTuple):
    """Dark interest that an order of ours on this side would meet while it lasts."""

    from_us: int
    to_us: int
    quantity: int


class Best(NamedTuple):
    """The national best bid and offer from `at_us` on."""

    at_us: int
    bid: int
    ask: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of one venue over the episode. `times` runs parallel to `snapshots`."""

    times: list[int]
    snapshots: list[Snapshot]
    outflows: list[Outflow]

    def at(self, when_us: int) -> Snapshot:
        """Return what is there at a time."""
        return self.snapshots[max(0, bisect_right(self.times, when_us) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A stretch of market. sides: by venue and whether it is the ask. contras: by dark venue and our side.

    fades: by venue, (reaction time, share of the quotes that go) behind our first fill elsewhere. jitter: by
    venue, what multiplies its latency in this episode.
    """

    regime: Regime
    index: int
    symbol: str
    horizon_us: int
    best: list[Best]
    sides: dict[tuple[str, bool], Side]
    contras: dict[tuple[str, bool], list[Contra]]
    fades: dict[str, tuple[int, float]]
    jitter: dict[str, float]
    best_times: list[int] = field(default_factory=list)

    def best_at(self, when_us: int) -> Best:
        """Return the national best bid and offer at a time."""
        return self.best[max(0, bisect_right(self.best_times, when_us) - 1)]

    def mid2_at(self, when_us: int) -> int:
        """Return twice the mid in ticks."""
        best = self.best_at(when_us)
        return best.bid + best.ask


def draws(*parts: object) -> random.Random:
    """Return a source of chance that is the same for the same parts."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311 (a seeded experiment, not a secret)


def make_episode(
    seed: int, regime: Regime, index: int, horizon_us: int, *, response_ticks: float = 0.0
) -> Episode:
    """Draw one episode. response_ticks: how far the price moves after arrival, beyond chance, on average.

    Returns the same episode for the same arguments.
    """
    chance = draws("world", seed, regime.name, index)
    dollars = chance.choice(regime.prices)
    best = _best_path(chance, regime, dollars * 100, horizon_us)
    best = _with_response(draws("response", seed, regime.name, index), best, response_ticks, horizon_us)
    sides: dict[tuple[str, bool], Side] = {}
    for venue in regime.lit:
        own = draws("venue", seed, regime.name, index, venue.venue_id)
        lagged = _lagged(own, regime, best)
        for ask in (False, True):
            sides[venue.venue_id, ask] = _SidePath(own, regime, venue, ask=ask).run(lagged, best, horizon_us)
    contras = {
        (venue.venue_id, buy): _contras(
            draws("dark", seed, regime.name, index, venue.venue_id, buy),
            venue,
            regime,
            best,
            horizon_us,
            buy=buy,
        )
        for venue in regime.dark
        for buy in (False, True)
    }
    fades = {}
    for venue in regime.lit:
        reacts = chance.random() < regime.fade
        wait_us = 150 + int(chance.expovariate(1 / regime.fade_us))
        fades[venue.venue_id] = (wait_us, regime.fade_depth if reacts else 0.0)
    names = [venue.venue_id for venue in regime.lit] + [venue.venue_id for venue in regime.dark]
    return Episode(
        regime=regime,
        index=index,
        symbol=f"S{dollars}",
        horizon_us=horizon_us,
        best=best,
        sides=sides,
        contras=contras,
        fades=fades,
        jitter={name: 0.9 + chance.expovariate(5.0) for name in names},
        best_times=[moment.at_us for moment in best],
    )


def _best_path(chance: random.Random, regime: Regime, price: int, horizon_us: int) -> list[Best]:
    """Draw the national best prices: both move together, or the spread alone, which reverts to its usual."""
    spread = regime.spread_ticks
    bid = price
    path = [Best(-PAST_US, bid, bid + spread)]
    at_us = -PAST_US
    while True:
        at_us += max(1, int(chance.expovariate(regime.moves_per_s) * _US))
        if at_us > horizon_us:
            return path
        step = 1 if chance.random() < 0.5 else -1
        if chance.random() < 0.65:
            bid += step * (1 + int(chance.expovariate(1.0) * (regime.move_ticks - 1.0) + chance.random()))
        else:
            wider = chance.random() < (0.5 if spread == regime.spread_ticks else 0.25)
            grows = wider if spread > 1 else True
            change = 1 if grows and spread < regime.spread_ticks_max else -1 if spread > 1 else 0
            spread += change
            if step < 0:
                bid -= change
        path.append(Best(at_us, bid, bid + spread))


def _with_response(
    chance: random.Random, best: list[Best], response_ticks: float, horizon_us: int
) -> list[Best]:
    """Return the path with further moves of both prices, soon after arrival, all to one side."""
    step = 1 if response_ticks > 0 else -1
    moves = int(abs(response_ticks) + chance.random())
    times = sorted([1_000 + int(chance.expovariate(1 / RESPONSE_US)) for _ in range(moves)])
    merged = [(moment.at_us, 0, moment) for moment in best]
    merged += [(at_us, 1, best[0]) for at_us in times if at_us <= horizon_us]
    path: list[Best] = []
    shift = 0
    for at_us, is_response, moment in sorted(merged):
        shift += step * is_response
        if is_response:
            path.append(Best(at_us, path[-1].bid + step, path[-1].ask + step))
        else:
            path.append(Best(at_us, moment.bid + shift, moment.ask + shift))
    return path


def _lagged(chance: random.Random, regime: Regime, best: list[Best]) -> list[Best]:
    """Return the path as one venue follows it: each move a little later, never out of order."""
    lagged = [best[0]]
    for moment in best[1:]:
        at_us = moment.at_us + int(chance.expovariate(1 / regime.lag_us))
        lagged.append(Best(max(at_us, lagged[-1].at_us), moment.bid, moment.ask))
    return lagged


class _SidePath:
    """Draws the path of one side of one venue, event by event."""

    def __init__(self, chance: random.Random, regime: Regime, venue: LitVenue, *, ask: bool) -> None:
        self._chance = chance
        self._regime = regime
        self._venue = venue
        self._away = 1 if ask else -1
        self._ask = ask
        self._reference = 0
        self._offset = 0
        self._levels: list[Level] = []
        self._snapshots: list[Snapshot] = []
        self._outflows: list[Outflow] = []

    def run(self, lagged: list[Best], best: list[Best], horizon_us: int) -> Side:
        self._offset = self._draw_offset()
        self._reference = lagged[0].ask if self._ask else lagged[0].bid
        self._reprice(-PAST_US, moved=False)
        for at_us, kind, value in self._events(lagged, best, horizon_us):
            if kind == "move":
                if value != self._reference:
                    self._reference = value
                    self._reprice(at_us, moved=True)
            elif kind == "offset":
                self._offset = self._draw_offset()
                self._reprice(at_us, moved=False)
            elif kind == "toxic":
                self._remove(at_us, 0, self._some(0), trade=True)
            else:
                self._queue_event(at_us)
        return Side(
            times=[snapshot.at_us for snapshot in self._snapshots],
            snapshots=self._snapshots,
            outflows=self._outflows,
        )

    def _events(self, lagged: list[Best], best: list[Best], horizon_us: int) -> list[tuple[int, str, int]]:
        chance, regime = self._chance, self._regime
        events = [(moment.at_us, "move", moment.ask if self._ask else moment.bid) for moment in lagged[1:]]
        for kind, rate in (("queue", regime.events_per_s), ("offset", regime.offset_changes_per_s)):
            at_us = -PAST_US + int(chance.expovariate(rate) * _US)
            while at_us <= horizon_us:
                events.append((at_us, kind, 0))
                at_us += int(chance.expovariate(rate) * _US) + 1
        for before, after in itertools.pairwise(best):
            change = after.ask - before.ask if self._ask else after.bid - before.bid
            if change * self._away > 0:
                for _ in range(int(regime.toxic_trades + chance.random())):
                    ahead_us = int(chance.random() * TOXIC_WINDOW_US)
                    events.append((max(1 - PAST_US, after.at_us - ahead_us), "toxic", 0))
        events.sort()
        return events

    def _draw_offset(self) -> int:
        if self._chance.random() < self._venue.at_best:
            return 0
        return 1 + int(self._chance.expovariate(1.2))

    def _draw_size(self, level: int) -> int:
        chance, regime = self._chance, self._regime
        median = regime.touch_size * self._venue.size * regime.depth[level]
        size = median * math.exp(chance.gauss(0.0, SIZE_SPREAD))
        if chance.random() < ODD_LOT_SHARE:
            return 1 + int(size) % (LOT - 1)
        return max(LOT, int(size / LOT + 0.5) * LOT)

    def _draw_level(self, price: int, depth: int) -> Level:
        size, hidden = self._draw_size(depth), 0
        if self._chance.random() < self._regime.hidden:
            mean = size * self._regime.hidden_size
            hidden = max(LOT, int(self._chance.expovariate(1 / mean) / LOT) * LOT)
        return Level(price, size, hidden)

    def _reprice(self, at_us: int, *, moved: bool) -> None:
        """Bring the best level to where it belongs and keep five levels.

        A level that the price moves through is mostly traded away; one that a venue backs off from is
        canceled.
        """
        away = self._away
        top = self._reference + self._offset * away
        gone = [level for level in self._levels if (level.price - top) * away < 0]
        for level in gone[:1]:
            trade = moved and self._chance.random() < TRADED_THROUGH
            self._outflows.append(Outflow(at_us, level.price, level.size, trade))
        levels = [level for level in self._levels if (level.price - top) * away >= 0]
        if not levels or levels[0].price != top:
            levels.insert(0, self._draw_level(top, 0))
        self._keep_five(levels)
        self._note(at_us)

    def _keep_five(self, levels: list[Level]) -> None:
        while len(levels) < LEVELS:
            step = 1
            while self._chance.random() < self._regime.gap and step < 5:
                step += 1
            levels.append(self._draw_level(levels[-1].price + step * self._away, len(levels)))
        self._levels = levels[:LEVELS]

    def _some(self, depth: int) -> int:
        """Return a plausible amount of a queue event: about a third of what is usual there."""
        median = self._regime.touch_size * self._venue.size * self._regime.depth[depth]
        amount = self._chance.expovariate(3.0 / median)
        return max(LOT, int(amount / LOT + 0.5) * LOT)

    def _queue_event(self, at_us: int) -> None:
        chance = self._chance
        draw = chance.random()
        depth = next(number for number, bound in enumerate(_EVENT_LEVELS) if draw <= bound)
        size = self._levels[depth].size
        usual = self._regime.touch_size * self._venue.size * self._regime.depth[depth] * 1.4
        shrinks = chance.random() < (0.75 if size > 2 * usual else 0.25 if 2 * size < usual else 0.5)
        amount = self._some(depth)
        if shrinks:
            trade = depth == 0 and chance.random() < self._regime.trade_share
            self._remove(at_us, depth, amount, trade=trade)
            return
        price, _, hidden = self._levels[depth]
        self._levels[depth] = Level(price, size + amount, hidden)
        self._note(at_us)

    def _remove(self, at_us: int, depth: int, amount: int, *, trade: bool) -> None:
        price, size, hidden = self._levels[depth]
        amount = min(amount, size)
        if depth == 0:
            self._outflows.append(Outflow(at_us, price, amount, trade))
        if amount < size:
            self._levels[depth] = Level(price, size - amount, hidden)
        else:
            # The level is gone; the venue comes back to it when its offset is drawn again or the price moves.
            levels = self._levels[:depth] + self._levels[depth + 1 :]
            self._keep_five(levels)
            if depth == 0:
                self._offset = (self._levels[0].price - self._reference) * self._away
        self._note(at_us)

    def _note(self, at_us: int) -> None:
        self._snapshots.append(Snapshot(at_us, tuple(self._levels)))


def _contras(
    chance: random.Random, venue: DarkVenue, regime: Regime, best: list[Best], horizon_us: int, *, buy: bool
) -> list[Contra]:
    """Draw the dark interest that an order of ours would meet: zero-inflated, sizes with a power-law tail."""
    found: list[Contra] = []
    standing = venue.presence * (1 + regime.dark_lean * _against(best, 0, horizon_us, buy=buy))
    if chance.random() < standing:
        lasts_us = int(chance.expovariate(2.0) * _US)
        found.append(Contra(-PAST_US, lasts_us, _dark_size(chance, venue)))
    at_us = int(chance.expovariate(venue.arrivals_per_s) * _US)
    while at_us <= horizon_us:
        lean = 1 + regime.dark_lean * _against(best, at_us, horizon_us, buy=buy)
        if chance.random() < lean / (1 + regime.dark_lean):
            lasts_us = int(chance.expovariate(5.0) * _US)
            found.append(Contra(at_us, at_us + lasts_us, _dark_size(chance, venue)))
        at_us += int(chance.expovariate(venue.arrivals_per_s) * _US) + 1
    return found


def _against(best: list[Best], at_us: int, horizon_us: int, *, buy: bool) -> int:
    """Return 1 if the mid moves against a fill of ours within the next second, -1 if for it, else 0."""
    until_us = min(horizon_us, at_us + _US)
    now = next(moment for moment in reversed(best) if moment.at_us <= at_us or moment is best[0])
    then = next(moment for moment in reversed(best) if moment.at_us <= until_us or moment is best[0])
    change = (then.bid + then.ask) - (now.bid + now.ask)
    fell = (change < 0) - (change > 0)
    return fell if buy else -fell


def _dark_size(chance: random.Random, venue: DarkVenue) -> int:
    size = venue.size * chance.paretovariate(venue.tail)
    lot = max(venue.lot_size, 1)
    return min(50_000, max(lot, int(size) // lot * lot))
