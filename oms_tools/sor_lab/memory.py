"""What a router has learned: from its own fills, through the production scorecard, and from public quotes.

The law of this file: nothing is read from an episode that the router could not have known. Hidden sizes, dark
sizes and fill rates come from its own children alone; outflows from the books that everybody sees.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from oms_tools.sor_lab.exchange import Exchange, LegResult, ShownBook
from oms_tools.sor_lab.regimes import Regime
from oms_tools.sor_lab.world import Episode
from sor_engine.domain.censored import Censored
from sor_engine.domain.market import DarkBelief, VenueStats, dollars
from sor_engine.domain.outflows import QueueWatch
from sor_engine.domain.plan import Leg
from sor_engine.domain.scorecard import Aggression, Scorecard, stats_of

UNIT: Final = 100
# Orders come this far apart on the scorecard's clock: an hour of half-life holds some 360 of them.
ORDER_EVERY_US: Final = 10_000_000
HALF_LIFE_S: Final = 3_600
# The platform's quote feed sends 60 books a second.
QUOTE_EVERY_US: Final = 16_667
OUTFLOW_SAMPLES_MAX: Final = 100


class Memory:
    """What one router knows of the venues of one regime."""

    def __init__(self, regime: Regime) -> None:
        self._cards = {venue.venue_id: Scorecard(half_life_s=HALF_LIFE_S) for venue in regime.lit}
        self._cards |= {venue.venue_id: Scorecard(half_life_s=HALF_LIFE_S) for venue in regime.dark}
        self._latency_us = {venue.venue_id: 2 * venue.latency_us for venue in regime.lit}
        self._latency_us |= {venue.venue_id: 2 * venue.latency_us for venue in regime.dark}
        self._pools = {venue.venue_id: Censored(UNIT) for venue in regime.dark}
        self._now_us = 0
        self._stats: dict[str, VenueStats] = {}
        self._beliefs: dict[str, DarkBelief] = {}

    def next_order(self) -> None:
        """Let time pass to the next order, which sees what the ones before it taught."""
        self._now_us += ORDER_EVERY_US
        self._stats = {name: stats_of(card, self._latency_us[name]) for name, card in self._cards.items()}
        self._beliefs = {name: pool.belief() for name, pool in self._pools.items()}

    def stats(self) -> Mapping[str, VenueStats]:
        """Return the measurements that decisions use."""
        return self._stats

    def beliefs(self) -> Mapping[str, DarkBelief]:
        """Return what is believed of the dark venues."""
        return self._beliefs

    def learn(self, result: LegResult, seen: Mapping[str, ShownBook], exchange: Exchange) -> None:
        """Take in what came of a leg that was placed on the books `seen`."""
        leg = result.leg
        card, now_us, filled = self._cards[leg.venue_id], self._now_us, result.filled
        if leg.venue_id in self._pools:
            how = Aggression.DARK
            if not result.rejected:
                self._pools[leg.venue_id].observe(leg.quantity, filled)
            card.note_end(
                now_us, how, leg.quantity, filled, sent=leg.quantity, filled=filled, rejected=result.rejected
            )
            return
        card.note_answer(now_us, 2 * exchange.latency_us(leg.venue_id))
        displayed = _within(seen[leg.venue_id], leg, buy=exchange.buy)
        if not displayed:
            card.note_end(now_us, Aggression.REST, leg.quantity, filled, sent=leg.quantity, filled=filled)
            return
        if displayed < leg.quantity:
            card.note_beyond(now_us, max(0, filled - displayed), displayed)
        sent = min(displayed, leg.quantity)
        card.note_end(now_us, Aggression.TAKE, leg.quantity, filled, sent=sent, filled=min(filled, sent))


def _within(book: ShownBook, leg: Leg, *, buy: bool) -> int:
    prices, sizes = (book.ask_prices, book.ask_sizes) if buy else (book.bid_prices, book.bid_sizes)
    limit = dollars(leg.limit_micros)
    return sum(
        [
            size
            for price, size in zip(prices, sizes, strict=True)
            if (price <= limit if buy else price >= limit)
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicOutflows:
    """Outflow samples by side, learned from the quotes of other episodes. Shared: everybody sees them."""

    bids: Mapping[str, tuple[int, ...]]
    asks: Mapping[str, tuple[int, ...]]

    def near(self, *, buy: bool) -> Mapping[str, tuple[int, ...]]:
        """Return the samples of the side on which an order would rest."""
        return self.bids if buy else self.asks


def watch_quotes(episodes: Iterator[Episode], horizon_us: int) -> PublicOutflows:
    """Learn outflows from the displayed books of episodes that are no part of the comparison.

    Each episode has a watch of its own, so that no window reaches from one into the next.
    """
    found: dict[bool, dict[str, tuple[int, ...]]] = {True: {}, False: {}}
    for episode in episodes:
        watch = QueueWatch(horizon_us, OUTFLOW_SAMPLES_MAX)
        exchange = Exchange.watching(episode)
        for when_us in range(0, episode.horizon_us + QUOTE_EVERY_US, QUOTE_EVERY_US):
            watch.observe(when_us, exchange.shown(when_us))
        for buy, samples in found.items():
            for venue_id, seen in watch.samples(buy).items():
                samples[venue_id] = (samples.get(venue_id, ()) + tuple(seen))[-OUTFLOW_SAMPLES_MAX:]
    return PublicOutflows(bids=found[True], asks=found[False])
