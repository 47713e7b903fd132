"""Marks of the quotes of now: asked of the market data service, held to the reference prices in Postgres.

While the service is away the last good marks stand, and say that they are stale.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from oms_api.adapters.desk_pool import DeskPool
from oms_api.domain.marks import Mark, MarkBook, Quoted
from oms_api.ports import MarketData, QuoteView, UnavailableError
from oms_platform.clock import Clock
from oms_platform.prices import micros_of

_REFERENCE: Final = "SELECT symbol, reference_price FROM instruments WHERE symbol = ANY(%s)"


class LiveMarks:
    """The Marks port."""

    def __init__(self, pool: DeskPool, market_data: MarketData, book: MarkBook, clock: Clock) -> None:
        self._pool = pool
        self._market_data = market_data
        self._book = book
        self._clock = clock

    async def marks(self, symbols: Iterable[str]) -> Mapping[str, Mark]:
        """Return the mark of each symbol. Raises UnavailableError where reference prices cannot be read."""
        wanted = sorted(symbols)
        if not wanted:
            return {}
        rows = await self._pool.run(_REFERENCE, (wanted,))
        reference = {symbol: micros_of(price) for symbol, price in rows}
        try:
            quotes = {one.symbol: _quoted(one) for one in await self._market_data.quotes(wanted)}
        except UnavailableError:
            quotes = {}
        now = self._clock()
        return {
            symbol: self._book.mark(symbol, quotes.get(symbol), reference.get(symbol), now)
            for symbol in wanted
        }


def _quoted(quote: QuoteView) -> Quoted:
    return Quoted(
        bid_micros=None if quote.bid is None else micros_of(quote.bid),
        offer_micros=None if quote.ask is None else micros_of(quote.ask),
        quoted_at=quote.quoted_at,
    )
