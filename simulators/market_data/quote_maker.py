"""Quotes around a price: each venue's displayed book on the tick grid, the national best of the lit ones, and
what was traded of the symbol.

Deterministic: seed and number of quotes fix everything but `quoted_at`. A quote is never crossed or locked.
"""

import math
import random
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from oms_platform.messages import Quote, VenueQuote
from simulators.instruments import Instrument
from simulators.market_data.price_paths import PricePaths, day_shape
from simulators.market_data.profiles import DEFAULT_SYMBOL, SYMBOLS, VENUES, SymbolProfile

LEVELS: Final = 5
LOT: Final = 100
LEVEL_SIZE_MAX: Final = 6_000
_LEVEL_SIZE_TYPICAL: Final = 900
_LEVEL_GROWTH: Final = 0.18
_SIZE_NOISE: Final = 0.45
_SIZE_NOISES: Final = 1_024
_TWO_TICK_GAP: Final = 0.2
_FAR_VENUE: Final = 0.25
_SPREAD_ONE_LESS, _SPREAD_ONE_MORE = 0.15, 0.85
_PRICE_TICKS_MIN: Final = 50
_PRICES_KEPT_MAX: Final = 20_000
# How often something was traded since a symbol's quote before, and how many lots of it.
_TRADED: Final = 0.6
_LOTS_TYPICAL: Final = 4

_LIT: Final = tuple(venue for venue in VENUES if venue.lit)


class QuoteMaker:
    """Makes the next quote of the symbols in turn."""

    def __init__(
        self, instruments: Sequence[Instrument], *, seed: int, interval_s: float, day_s: float
    ) -> None:
        if not instruments:
            raise ValueError("expected at least one instrument, found none")
        self._instruments = instruments
        self._profiles = [SYMBOLS.get(instrument.symbol, DEFAULT_SYMBOL) for instrument in instruments]
        self._paths = PricePaths(self._profiles, seed=seed, interval_s=interval_s, day_s=day_s)
        self._random = random.Random(f"{seed}/quotes")  # noqa: S311  (a simulation, not a secret)
        self._noise = [self._random.lognormvariate(0, _SIZE_NOISE) for _ in range(_SIZE_NOISES)]
        # Draws of its own: what is traded moves no quote.
        self._trades = random.Random(f"{seed}/trades")  # noqa: S311
        self._lasts: list[tuple[Decimal | None, int, int]] = [(None, 0, 0)] * len(instruments)
        self._sequences = [0] * len(instruments)
        self._prices: list[dict[int, Decimal]] = [{} for _ in instruments]

    def next_quote(self, quoted_at: datetime) -> Quote:
        """Return the next symbol's quote, stamped `quoted_at`."""
        shape = day_shape(self._paths.day_fraction)
        index, log_return = self._paths.advance()
        instrument, profile = self._instruments[index], self._profiles[index]
        middle = float(instrument.reference_price / instrument.tick_size) * math.exp(log_return)
        spread = self._spread(profile)
        best_bid = max(_PRICE_TICKS_MIN, round(middle - spread / 2))
        best_offer = best_bid + spread
        bid_offsets, ask_offsets = self._offsets(), self._offsets()
        # Sizes are largest when trading is: the shape of volume is the shape of volatility.
        typical = _LEVEL_SIZE_TYPICAL * profile.liquidity * (0.5 + 0.5 * shape)
        venues = []
        for venue, bid_offset, ask_offset in zip(_LIT, bid_offsets, ask_offsets, strict=True):
            size = typical * venue.size
            venues.append(
                VenueQuote(
                    venue_id=venue.venue_id,
                    bid_prices=self._ladder(index, best_bid - bid_offset, -1),
                    bid_sizes=self._sizes(size),
                    ask_prices=self._ladder(index, best_offer + ask_offset, 1),
                    ask_sizes=self._sizes(size),
                )
            )
        venues += [VenueQuote(venue_id=venue.venue_id) for venue in VENUES if not venue.lit]
        self._sequences[index] += 1
        last_price, last_size, volume = self._traded(
            index, (best_bid, best_offer), profile.liquidity * (0.5 + 0.5 * shape)
        )
        return Quote(
            symbol=instrument.symbol,
            sequence=self._sequences[index],
            quoted_at=quoted_at,
            national_best_bid=self._price(index, best_bid),
            national_best_offer=self._price(index, best_offer),
            venues=tuple(venues),
            last_price=last_price,
            last_size=last_size,
            volume=volume,
        )

    def _traded(self, index: int, touch: tuple[int, int], busyness: float) -> tuple[Decimal | None, int, int]:
        """Draw a trade at the touch, or none; return the last one's price and size, and the volume."""
        draws = self._trades
        if draws.random() < _TRADED:
            lots = 1 + int(draws.expovariate(1) * _LOTS_TYPICAL * busyness)
            price, size = self._price(index, draws.choice(touch)), min(LEVEL_SIZE_MAX, lots * LOT)
            self._lasts[index] = price, size, self._lasts[index][2] + size
        return self._lasts[index]

    def _spread(self, profile: SymbolProfile) -> int:
        drawn = self._random.random()
        change = -1 if drawn < _SPREAD_ONE_LESS else 1 if drawn > _SPREAD_ONE_MORE else 0
        return max(1, profile.spread_ticks + change)

    def _offsets(self) -> list[int]:
        """Draw how many ticks behind the national best each lit venue's side is; one at least is at it."""
        offsets = []
        for venue in _LIT:
            drawn = self._random.random()
            rest = (1 - venue.tightness) * _FAR_VENUE
            offsets.append(0 if drawn < venue.tightness else 2 if drawn > 1 - rest else 1)
        nearest = min(offsets)
        return [offset - nearest for offset in offsets]

    def _ladder(self, index: int, first: int, step: int) -> tuple[Decimal, ...]:
        ticks, prices = first, []
        for _ in range(LEVELS):
            prices.append(self._price(index, ticks))
            ticks += step * (2 if self._random.random() < _TWO_TICK_GAP else 1)
        return tuple(prices)

    def _sizes(self, typical: float) -> tuple[int, ...]:
        start = int(self._random.random() * _SIZE_NOISES)
        return tuple(
            max(
                LOT,
                min(
                    LEVEL_SIZE_MAX,
                    int(typical * (1 + _LEVEL_GROWTH * level) * self._noise[(start + level) % _SIZE_NOISES])
                    // LOT
                    * LOT,
                ),
            )
            for level in range(LEVELS)
        )

    def _price(self, index: int, ticks: int) -> Decimal:
        """Return a number of ticks as a price, made once: most quotes repeat the last one's prices."""
        known = self._prices[index]
        price = known.get(ticks)
        if price is None:
            if len(known) >= _PRICES_KEPT_MAX:
                known.clear()
            price = known[ticks] = self._instruments[index].tick_size * ticks
        return price


def best_levels(quote: Quote) -> Quote:
    """Return the quote with each venue's best level only."""
    return Quote(
        symbol=quote.symbol,
        sequence=quote.sequence,
        quoted_at=quote.quoted_at,
        national_best_bid=quote.national_best_bid,
        national_best_offer=quote.national_best_offer,
        venues=tuple(
            VenueQuote(
                venue_id=venue.venue_id,
                bid_prices=venue.bid_prices[:1],
                bid_sizes=venue.bid_sizes[:1],
                ask_prices=venue.ask_prices[:1],
                ask_sizes=venue.ask_sizes[:1],
            )
            for venue in quote.venues
        ),
        last_price=quote.last_price,
        last_size=quote.last_size,
        volume=quote.volume,
    )
