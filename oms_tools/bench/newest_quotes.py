"""The quotes that price a load's orders: each symbol's is asked for every other second, one after the other.

A stream of every quote would cost the load generator more than the orders do.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from grpclib.client import Channel
from grpclib.exceptions import GRPCError, StreamTerminatedError

from oms_platform.messages import Quote
from oms_platform.quote_wire import QuoteCodec
from oms_platform.schema.demo_data import INSTRUMENTS
from oms_platform.wire import UnreadableMessageError
from proto.gen.oms.v1 import GetBookRequest, MarketDataServiceStub

EVERY_S: Final = 2.0
TIMEOUT_S: Final = 2.0
SYMBOLS: Final = tuple(symbol for symbol, _, _ in INSTRUMENTS)
_LOST: Final = (OSError, TimeoutError, GRPCError, StreamTerminatedError, UnreadableMessageError)


class NewestQuotes:
    """Keeps quotes in the loop that it is run in. A symbol that cannot be had keeps its last quote."""

    def __init__(self, host: str, port: int, symbols: Sequence[str] = SYMBOLS) -> None:
        self._host, self._port = host, port
        self._symbols = symbols
        self._quotes: dict[str, Quote] = {}
        self.complete = asyncio.Event()

    async def follow(self) -> None:
        """Ask until cancelled: for every symbol at once at first, then for one at a time."""
        channel = Channel(self._host, self._port, codec=QuoteCodec())
        try:
            stub = MarketDataServiceStub(channel)
            await asyncio.gather(*(self._ask(stub, symbol) for symbol in self._symbols))
            self.complete.set()
            while True:
                for symbol in self._symbols:
                    await asyncio.sleep(EVERY_S / len(self._symbols))
                    await self._ask(stub, symbol)
        finally:
            channel.close()

    async def _ask(self, stub: MarketDataServiceStub, symbol: str) -> None:
        try:
            self._quotes[symbol] = await stub.get_book(GetBookRequest(symbol=symbol), timeout=TIMEOUT_S)
        except _LOST:
            return

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest quote of a symbol, or None before the first."""
        return self._quotes.get(symbol)
