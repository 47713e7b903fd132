"""QuoteBoard on the market data stream."""

from oms_core.domain.touch import TouchPrices
from oms_platform.market_data import QuoteFeed
from oms_platform.messages import Quote
from oms_platform.prices import micros_of

_NONE = TouchPrices()


class StreamedQuoteBoard:
    """The newest streamed quote of each symbol, while it is not older than `age_s_max` (0: of any age)."""

    def __init__(self, feed: QuoteFeed, age_s_max: float) -> None:
        self._feed = feed
        self._age_s_max = age_s_max
        # By symbol: the quote that was read last, and what it says.
        self._read: dict[str, tuple[Quote, TouchPrices]] = {}

    def touch(self, symbol: str) -> TouchPrices:
        """Return the newest touch; None for a side that nobody quotes or whose quote is too old."""
        quote = self._feed.quote(symbol)
        if quote is None or (self._age_s_max and self._feed.age_s(symbol) > self._age_s_max):
            return _NONE
        read = self._read.get(symbol)
        if read is not None and read[0] is quote:
            return read[1]
        bid, offer, last = quote.national_best_bid, quote.national_best_offer, quote.last_price
        touch = TouchPrices(
            bid_micros=None if bid is None else micros_of(bid),
            offer_micros=None if offer is None else micros_of(offer),
            sequence=quote.sequence,
            quoted_at=quote.quoted_at,
            last_micros=None if last is None else micros_of(last),
            volume=quote.volume,
        )
        self._read[symbol] = quote, touch
        return touch
