"""MarketDataService over gRPC. Answers leave as bytes that are encoded already (see `wire`)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from grpclib import GRPCError
from grpclib.const import Status

from oms_platform.messages import Quote
from proto.gen.oms.v1 import GetBookRequest, GetQuoteRequest, MarketDataServiceBase, SubscribeQuotesRequest
from simulators.market_data.quote_board import QuoteBoard, Subscription
from simulators.market_data.quote_maker import best_levels
from simulators.market_data.wire import encode_batch, encode_quote

# A stream says after so long that there is nothing new, so that what was said still stands.
HEARTBEAT_S: Final = 0.5


class MarketDataService(MarketDataServiceBase):
    """Reads from the board; it changes nothing."""

    def __init__(self, board: QuoteBoard) -> None:
        self._board = board

    async def get_quote(self, get_quote_request: GetQuoteRequest) -> bytes:
        """Return the newest quote with each venue's best level."""
        quote, _ = self._find(get_quote_request.symbol)
        return encode_quote(best_levels(quote))

    async def get_book(self, get_book_request: GetBookRequest) -> bytes:
        """Return the newest quote with every displayed level."""
        return self._find(get_book_request.symbol)[1]

    async def subscribe_quotes(
        self, subscribe_quotes_request: SubscribeQuotesRequest
    ) -> AsyncIterator[bytes]:
        """Yield a snapshot of each symbol, then every update; a slow reader gets each symbol's newest."""
        with Subscription(self._board, subscribe_quotes_request.symbols) as subscription:
            while True:
                for encoded in await subscription.take():
                    yield encoded

    async def stream_quotes(self, subscribe_quotes_request: SubscribeQuotesRequest) -> AsyncIterator[bytes]:
        """Yield the same in batches, and an empty one when nothing has changed for a while."""
        with Subscription(self._board, subscribe_quotes_request.symbols) as subscription:
            while True:
                try:
                    quotes = await asyncio.wait_for(subscription.take(), HEARTBEAT_S)
                except TimeoutError:
                    quotes = ()
                yield encode_batch(quotes)

    def _find(self, symbol: str) -> tuple[Quote, bytes]:
        found = self._board.quote(symbol)
        if found is None:
            raise GRPCError(Status.NOT_FOUND, f"expected a quoted symbol, found {symbol!r}")
        return found
