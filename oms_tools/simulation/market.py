"""The market: a price a symbol that walks by whole cents, and what every venue displays around it."""

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from oms_platform.messages import Quote, VenueQuote
from oms_platform.prices import dollars_of
from oms_tools.simulation.clock import SimulatedClock

CENT_MICROS: Final = 10_000
OPEN_MICROS: Final = 100_000_000
_LOW, _HIGH = OPEN_MICROS * 9 // 10, OPEN_MICROS * 11 // 10
_LEVELS: Final = 2
_PRICES: dict[int, Decimal] = {}


def _price(micros: int) -> Decimal:
    found = _PRICES.get(micros)
    if found is None:
        found = _PRICES[micros] = dollars_of(micros)
    return found


class SimulatedMarket:
    """Quotes of every symbol. dead: the feed brings nothing new, and every quote grows old. still: every new
    quote is at the price of before.
    """

    def __init__(
        self, symbols: Sequence[str], lit: Sequence[str], clock: SimulatedClock, draws: random.Random
    ) -> None:
        self._lit = lit
        self._clock = clock
        self._draws = draws
        self._bids = dict.fromkeys(symbols, OPEN_MICROS)
        self._quotes: dict[str, tuple[Quote, float]] = {}
        self._sequence = 0
        self._volumes = dict.fromkeys(symbols, 0)
        self.dead = self.still = False

    def mid_micros(self, symbol: str) -> int:
        """Return where a symbol trades, to a cent."""
        return self._bids[symbol]

    def requote(self, symbol: str) -> Quote:
        """Let a symbol's price take a step. Returns the new quote, which a dead feed does not show."""
        step = 0 if self.still else self._draws.choice((-2, -1, 0, 0, 1, 2)) * CENT_MICROS
        bid = min(_HIGH, max(_LOW, self._bids[symbol] + step))
        self._bids[symbol] = bid
        self._sequence += 1
        size = self._draws.choice((0, 0, 100, 200, 500))
        self._volumes[symbol] += size
        quote = Quote(
            symbol=symbol,
            sequence=self._sequence,
            national_best_bid=_price(bid),
            national_best_offer=_price(bid + CENT_MICROS),
            venues=tuple([self._venue(name, bid) for name in self._lit]),
            quoted_at=self._clock.now(),
            last_price=_price(bid),
            last_size=size,
            volume=self._volumes[symbol],
        )
        if not self.dead:
            self._quotes[symbol] = (quote, self._clock.monotonic_s())
        return quote

    def _venue(self, name: str, bid: int) -> VenueQuote:
        draw, levels = self._draws.randint, range(_LEVELS)
        return VenueQuote(
            venue_id=name,
            bid_prices=tuple([_price(bid - level * CENT_MICROS) for level in levels]),
            bid_sizes=tuple([draw(1, 5) * 100 for _ in levels]),
            ask_prices=tuple([_price(bid + (1 + level) * CENT_MICROS) for level in levels]),
            ask_sizes=tuple([draw(1, 5) * 100 for _ in levels]),
        )

    # ---- what the services see of it

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest quote without waiting."""
        found = self._quotes.get(symbol)
        return None if found is None else found[0]

    def age_s(self, symbol: str) -> float:
        """Return the seconds since that quote came; infinite before the first."""
        found = self._quotes.get(symbol)
        return float("inf") if found is None else self._clock.monotonic_s() - found[1]

    def is_change(self, symbol: str) -> bool:
        """Return whether the newest quote came when it was made: always."""
        return True

    def silent_s(self, symbol: str) -> float:
        """Return the same: it requotes what it shows, or is dead."""
        return self.age_s(symbol)

    def fresh_quote(self, symbol: str, *, age_ms_max: int, timeout_ms: int, trace: str = "") -> Quote | None:
        """Return the last quote: nobody answers a question faster than the feed."""
        return self.quote(symbol)

    def outflows(self, symbol: str, *, buy: bool, horizon_ms: int) -> dict[str, tuple[int, ...]]:
        """Return nothing: queues are not watched."""
        return {}
