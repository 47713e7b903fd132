"""Quotes for who needs one now and then: asked of the market data service, never streamed."""

import asyncio
import threading
import time
from typing import Final

from grpclib.client import Channel
from grpclib.exceptions import GRPCError, StreamTerminatedError

from oms_platform.messages import Quote
from oms_platform.quote_wire import QuoteCodec
from oms_platform.wire import UnreadableMessageError
from proto.gen.oms.v1 import GetBookRequest, MarketDataServiceStub

STOP_TIMEOUT_S: Final = 2.0
# Symbols whose last quote is kept.
SYMBOLS_MAX: Final = 10_000
_LOST: Final = (TimeoutError, OSError, GRPCError, StreamTerminatedError, UnreadableMessageError)


class AskedQuotes:
    """Quotes on the market data service's questions; threads wait for the answer of a loop in another."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._kept: dict[str, tuple[Quote, float]] = {}
        self._loop = asyncio.new_event_loop()
        self._channel: Channel | None = None
        self._thread = threading.Thread(target=self._run, name="asked-quotes", daemon=True)

    def start(self) -> None:
        """Start the thread that asks."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=STOP_TIMEOUT_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        if self._channel is not None:
            self._channel.close()
        self._loop.close()

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest quote that was asked for."""
        kept = self._kept.get(symbol)
        return None if kept is None else kept[0]

    def age_s(self, symbol: str) -> float:
        """Return the seconds since that quote came; infinite before the first."""
        kept = self._kept.get(symbol)
        return float("inf") if kept is None else time.monotonic() - kept[1]

    def silent_s(self, symbol: str) -> float:
        """Return the same: nothing is heard but what was asked for."""
        return self.age_s(symbol)

    def is_change(self, symbol: str) -> bool:
        """Return False: what is asked for is told as it stands."""
        return False

    def fresh_quote(self, symbol: str, *, age_ms_max: int, timeout_ms: int, trace: str = "") -> Quote | None:
        """Return a quote no older than `age_ms_max`, asking if need be; the last known if none comes.

        trace: has no order here, and is not passed on.
        """
        if self.age_s(symbol) * 1000 > age_ms_max:
            asked = asyncio.run_coroutine_threadsafe(self._ask(symbol, timeout_ms / 1000), self._loop)
            try:
                quote = asked.result(timeout_ms / 1000)
            except _LOST:
                asked.cancel()
            else:
                if len(self._kept) >= SYMBOLS_MAX:
                    self._kept.clear()
                self._kept[symbol] = (quote, time.monotonic())
        return self.quote(symbol)

    async def _ask(self, symbol: str, timeout_s: float) -> Quote:
        if self._channel is None:
            self._channel = Channel(self._host, self._port, codec=QuoteCodec())
        stub = MarketDataServiceStub(self._channel)
        found: Quote = await stub.get_book(GetBookRequest(symbol=symbol), timeout=timeout_s)
        return found

    def outflows(self, symbol: str, *, buy: bool, horizon_ms: int) -> dict[str, tuple[int, ...]]:
        """Return nothing: how queues move is seen by who watches the stream."""
        return {}
