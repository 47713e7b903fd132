"""The live book: the platform's quote feed, and how its queues move."""

from typing import Final

from oms_platform.market_data import QuoteFeed
from oms_platform.messages import Quote
from sor_engine.domain.outflows import QueueWatch

# How many windows of a queue are kept.
SAMPLES_MAX: Final = 200
_MICROSECONDS: Final = 1_000_000


class LiveQuotes(QuoteFeed):
    """A quote feed that watches queues if asked to.

    Quotes come in on the feed's thread; what the router's loop reads is replaced whole.
    """

    def __init__(self, host: str, port: int) -> None:
        self._horizons_ms: frozenset[int] = frozenset()
        self._watches: dict[tuple[str, int], QueueWatch] = {}
        super().__init__(host, port)

    def watch(self, horizons_ms: frozenset[int]) -> None:
        """Watch every symbol's queues over these horizons from now on, and no others."""
        self._horizons_ms = horizons_ms
        self.listen(self._note if horizons_ms else None)

    def _note(self, quote: Quote) -> None:
        at_us = int(quote.quoted_at.timestamp() * _MICROSECONDS)
        book = {venue.venue_id: venue for venue in quote.venues}
        for horizon_ms in self._horizons_ms:
            watch = self._watches.get((quote.symbol, horizon_ms))
            if watch is None:
                watch = self._watches[quote.symbol, horizon_ms] = QueueWatch(horizon_ms * 1000, SAMPLES_MAX)
            watch.observe(at_us, book)

    def outflows(self, symbol: str, *, buy: bool, horizon_ms: int) -> dict[str, tuple[int, ...]]:
        """Return samples of what left each venue's queue within the horizon, on the side of a buy or sell."""
        watch = self._watches.get((symbol, horizon_ms))
        return {} if watch is None else dict(watch.samples(buy))
