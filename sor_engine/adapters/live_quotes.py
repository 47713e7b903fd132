"""The live book: the platform's quote feed, whether it flows, and how its queues move."""

import time
from typing import Final

from oms_platform.market_data import QuoteFeed
from oms_platform.messages import Quote
from sor_engine.domain.outflows import QueueWatch

QUIET_S_MAX: Final = 10.0
# How many windows of a queue are kept.
SAMPLES_MAX: Final = 200
_MICROSECONDS: Final = 1_000_000


class LiveQuotes(QuoteFeed):
    """A quote feed that knows when its last quote of any symbol came, and watches queues if asked to.

    Quotes come in on the feed's thread; what the router's loop reads is replaced whole.
    """

    def __init__(self, host: str, port: int) -> None:
        self._last_quote_s = float("-inf")
        self._horizons_ms: frozenset[int] = frozenset()
        self._watches: dict[tuple[str, int], QueueWatch] = {}
        super().__init__(host, port, self._note)

    def watch(self, horizons_ms: frozenset[int]) -> None:
        """Watch every symbol's queues over these horizons from now on, and no others."""
        self._horizons_ms = horizons_ms

    def _note(self, quote: Quote) -> None:
        self._last_quote_s = time.monotonic()
        horizons = self._horizons_ms
        if not horizons:
            return
        at_us = int(quote.quoted_at.timestamp() * _MICROSECONDS)
        book = {venue.venue_id: venue for venue in quote.venues}
        for horizon_ms in horizons:
            watch = self._watches.get((quote.symbol, horizon_ms))
            if watch is None:
                watch = self._watches[quote.symbol, horizon_ms] = QueueWatch(horizon_ms * 1000, SAMPLES_MAX)
            watch.observe(at_us, book)

    def outflows(self, symbol: str, *, buy: bool, horizon_ms: int) -> dict[str, tuple[int, ...]]:
        """Return samples of what left each venue's queue within the horizon, on the side of a buy or sell."""
        watch = self._watches.get((symbol, horizon_ms))
        return {} if watch is None else dict(watch.samples(buy))

    def check(self) -> str | None:
        """Return None while quotes flow, or for how long they have not."""
        quiet_s = time.monotonic() - self._last_quote_s
        if quiet_s <= QUIET_S_MAX:
            return None
        return "no quote yet" if quiet_s == float("inf") else f"no quote for {quiet_s:.1f} s"
