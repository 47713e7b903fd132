"""QuoteBoard on the market data stream."""

from oms_core.domain.risk import TouchPrices
from oms_platform.market_data import QuoteFeed


class StreamedQuoteBoard:
    """The newest streamed quote of each symbol."""

    def __init__(self, feed: QuoteFeed) -> None:
        self._feed = feed

    def touch(self, symbol: str) -> TouchPrices:
        """Return the newest touch; None for a side that nobody quotes."""
        quote = self._feed.quote(symbol)
        if quote is None:
            return TouchPrices(bid=None, offer=None)
        return TouchPrices(bid=quote.national_best_bid, offer=quote.national_best_offer)
