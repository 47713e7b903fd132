"""Quotes and books over gRPC from the market data service."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any, Final

import structlog
from grpclib.client import Channel
from grpclib.exceptions import GRPCError, StreamTerminatedError

from oms_api.adapters.question import ask
from oms_api.ports import BookView, LevelView, QuoteView, RoutingRefusedError, UnavailableError, VenueBookView
from oms_platform.messages import Quote, VenueQuote
from oms_platform.prices import plain
from oms_platform.proto_bridge import from_proto
from oms_platform.quote_wire import QuoteCodec, decode_quote
from oms_platform.wire import UnreadableMessageError
from proto.gen.oms import v1

TIMEOUT_S: Final = 2.0
RECONNECT_S: Final = 0.5
_LOST: Final = (TimeoutError, OSError, GRPCError, StreamTerminatedError, UnreadableMessageError)
log = structlog.get_logger()
_WHO: Final = "the market data service"


class GrpcLiveQuotes:
    """The LiveQuotes on MarketDataService's stream. port 0: there is none.

    A quote is kept as it came, and decoded when somebody asks for it: most are replaced before.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._kept: dict[str, bytes | QuoteView] = {}
        self.live = False

    async def follow(self) -> None:
        """Keep every symbol's newest quote until cancelled; what is lost on the way is asked for again."""
        try:
            while self._port:
                channel = Channel(self._host, self._port, codec=QuoteCodec())
                try:
                    batches: AsyncIterator[Any] = v1.MarketDataServiceStub(channel).stream_quotes(
                        v1.SubscribeQuotesRequest()
                    )
                    async for batch in batches:
                        self.live = True
                        self._kept.update(batch)
                except _LOST as error:
                    log.warning("quote_stream_lost", error=str(error))
                finally:
                    self.live = False
                    channel.close()
                await asyncio.sleep(RECONNECT_S)
        finally:
            self._kept.clear()

    def newest(self, symbol: str) -> QuoteView | None:
        """Return the newest quote of a symbol; None before the first, and for one that cannot be read."""
        found = self._kept.get(symbol)
        if isinstance(found, bytes):
            try:
                found = self._kept[symbol] = _quote_view(decode_quote(found))
            except UnreadableMessageError as error:
                log.warning("quote_unreadable", symbol=symbol, error=str(error))
                return None
        return found


class GrpcMarketData:
    """The MarketData on MarketDataService. port 0: there is none."""

    def __init__(self, host: str, port: int) -> None:
        self._channel = Channel(host, port) if port else None
        self._service = v1.MarketDataServiceStub(self._channel, timeout=TIMEOUT_S) if self._channel else None

    def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            self._channel.close()

    async def quotes(self, symbols: Sequence[str]) -> list[QuoteView]:
        """Return the newest quote of each symbol, in their order; without those that nobody quotes."""
        found = await asyncio.gather(*(self._book(symbol) for symbol in symbols))
        return [_quote_view(quote) for quote in found if quote is not None]

    async def book(self, symbol: str) -> BookView | None:
        """Return every venue's displayed book of a symbol; None when nobody quotes it."""
        quote = await self._book(symbol)
        if quote is None:
            return None
        return BookView(
            quote.symbol,
            quote.sequence,
            _plain(quote.national_best_bid),
            _plain(quote.national_best_offer),
            [_venue_view(venue) for venue in quote.venues],
            quote.quoted_at,
        )

    async def _book(self, symbol: str) -> Quote | None:
        if self._service is None:
            raise UnavailableError("this gateway is given no market data service")
        try:
            return from_proto(
                await ask(_WHO, self._service.get_book(v1.GetBookRequest(symbol=symbol))), Quote
            )
        except RoutingRefusedError as error:
            if error.missing:
                return None
            raise UnavailableError(f"{_WHO} cannot answer") from error


def _quote_view(quote: Quote) -> QuoteView:
    bid, ask = quote.national_best_bid, quote.national_best_offer
    return QuoteView(
        quote.symbol,
        quote.sequence,
        _plain(bid),
        sum(s for v in quote.venues for p, s in zip(v.bid_prices, v.bid_sizes, strict=True) if p == bid),
        _plain(ask),
        sum(s for v in quote.venues for p, s in zip(v.ask_prices, v.ask_sizes, strict=True) if p == ask),
        quote.quoted_at,
        _plain(quote.last_price),
        # No trade is of 0 shares: it is how the message has a size that was not told.
        quote.last_size if quote.last_size > 0 else None,
        quote.volume,
    )


def _plain(price: Decimal | None) -> Decimal | None:
    return None if price is None else plain(price)


def _venue_view(venue: VenueQuote) -> VenueBookView:
    return VenueBookView(
        venue.venue_id,
        [LevelView(plain(p), s) for p, s in zip(venue.bid_prices, venue.bid_sizes, strict=True)],
        [LevelView(plain(p), s) for p, s in zip(venue.ask_prices, venue.ask_sizes, strict=True)],
    )
