"""A client of MarketDataService: each symbol's newest quote, kept live by a stream in a background thread.

A quote is kept as it came, and decoded when somebody asks for it: most are replaced before.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final

import structlog
from grpclib.client import Channel
from grpclib.exceptions import GRPCError, StreamTerminatedError
from prometheus_client import Gauge

from oms_platform.messages import Quote
from oms_platform.quote_wire import QuoteCodec, decode_quote
from oms_platform.telemetry.order_trace import is_traced, traceparent_of
from oms_platform.wire import UnreadableMessageError
from proto.gen.oms.v1 import GetBookRequest, MarketDataServiceStub, SubscribeQuotesRequest

RECONNECT_S: Final = 0.5
QUIET_S_MAX: Final = 10.0
STOP_TIMEOUT_S: Final = 2.0
_LOST: Final = (TimeoutError, OSError, GRPCError, StreamTerminatedError, UnreadableMessageError)
log = structlog.get_logger()
feed_age_seconds = Gauge(
    "oms_quote_feed_age_seconds", "Time since the last quote of any symbol came; infinite before the first"
)


class QuoteFeed:
    """The live book. `quote` never waits; `fresh_quote` asks the service when what is kept is too old.

    depth: whether quotes that are streamed have their venues, which are most of what it takes to decode one.
    """

    def __init__(
        self,
        host: str,
        port: int,
        on_quote: Callable[[Quote], None] | None = None,
        *,
        depth: bool = True,
    ) -> None:
        self._host, self._port = host, port
        self._on_quote = on_quote
        self._depth = depth
        # By symbol: the newest quote, as it came or decoded, when it came, and whether as a change.
        self._quotes: dict[str, tuple[bytes | Quote, float, bool]] = {}
        # The symbols that the present stream has told how they stand: what comes of them later is news.
        self._told: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._stub: MarketDataServiceStub | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._last_s = float("-inf")
        # When the present stream began, and when it last brought anything, be it that there is nothing new.
        self._stream_began_s = float("inf")
        self._heard_s = float("-inf")
        feed_age_seconds.set_function(lambda: time.monotonic() - self._last_s)
        self._thread = threading.Thread(target=self._run, name="quotes", daemon=True)

    def listen(self, on_quote: Callable[[Quote], None] | None) -> None:
        """Hand each quote that comes from now on to `on_quote`, in the feed's thread; None for nobody."""
        self._on_quote = on_quote

    def start(self) -> None:
        """Start the stream; it reconnects by itself."""
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._stream())
        try:
            with contextlib.suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
        finally:
            self._loop.close()

    async def _stream(self) -> None:
        # Not the cancellation alone: grpclib turns one that meets a lost connection into its own error.
        while not self._stopping:
            channel = Channel(self._host, self._port, codec=QuoteCodec())
            try:
                self._stub = MarketDataServiceStub(channel)
                self._stream_began_s = time.monotonic()
                self._told = set()
                batches: AsyncIterator[Any] = self._stub.stream_quotes(SubscribeQuotesRequest())
                async for batch in batches:
                    self._take(batch)
            except _LOST as error:
                log.warning("quote_stream_lost", error=str(error))
            finally:
                self._stream_began_s = float("inf")
                self._stub = None
                channel.close()
            await asyncio.sleep(RECONNECT_S)

    def _take(self, batch: Iterable[tuple[str, bytes]]) -> None:
        on_quote = self._on_quote
        now_s = time.monotonic()
        for symbol, quote in batch:
            self._last_s = now_s
            is_change = symbol in self._told
            self._told.add(symbol)
            if on_quote is None:
                self._quotes[symbol] = (quote, self._last_s, is_change)
            else:
                self._keep(decode_quote(quote, depth=self._depth), is_change=is_change)
        # What is heard from now on vouches for what is kept: a quote stands until the next one of its symbol.
        self._heard_s = now_s

    def _keep(self, quote: Quote, *, is_change: bool = False) -> None:
        self._last_s = time.monotonic()
        self._quotes[quote.symbol] = (quote, self._last_s, is_change)
        on_quote = self._on_quote
        if on_quote is not None:
            on_quote(quote)

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest quote of a symbol, None before the first and for one that cannot be read."""
        kept = self._quotes.get(symbol)
        if kept is None:
            return None
        found, at_s, is_change = kept
        if not isinstance(found, bytes):
            return found
        try:
            quote = decode_quote(found, depth=self._depth)
        except UnreadableMessageError as error:
            log.warning("quote_unreadable", symbol=symbol, error=str(error))
            return None
        # A newer one that came meanwhile stays.
        if self._quotes.get(symbol) is kept:
            self._quotes[symbol] = (quote, at_s, is_change)
        return quote

    def is_change(self, symbol: str) -> bool:
        """Return whether the newest quote came when it was made, and not as what stood already."""
        kept = self._quotes.get(symbol)
        return kept is not None and kept[2]

    def age_s(self, symbol: str) -> float:
        """Return the seconds since the symbol's last quote came in; infinite before the first."""
        kept = self._quotes.get(symbol)
        return float("inf") if kept is None else time.monotonic() - kept[1]

    def silent_s(self, symbol: str) -> float:
        """Return for how many seconds nothing has said that the symbol's last quote still stands.

        A stream tells every change in its order: as long as anything comes by the stream that is up since
        before the quote, the quote stands. Infinite before the first.
        """
        kept = self._quotes.get(symbol)
        if kept is None:
            return float("inf")
        at_s = kept[1]
        heard_s = max(at_s, self._heard_s) if at_s >= self._stream_began_s else at_s
        return max(0.0, time.monotonic() - heard_s)

    def problem(self) -> str | None:
        """Return None while quotes flow, or for how long they have not."""
        quiet_s = time.monotonic() - self._last_s
        if quiet_s <= QUIET_S_MAX:
            return None
        return "no quote yet" if quiet_s == float("inf") else f"no quote for {quiet_s:.1f} s"

    def fresh_quote(self, symbol: str, *, age_ms_max: int, timeout_ms: int, trace: str = "") -> Quote | None:
        """Return a quote that stood `age_ms_max` ago, asking for one if need be, for the order of this trace.

        Returns the last known one, or None, if none comes within `timeout_ms`.
        """
        stub = self._stub
        if self.silent_s(symbol) * 1000 > age_ms_max and stub is not None:
            metadata = {"traceparent": traceparent_of(trace)} if is_traced(trace) else None
            asked = asyncio.run_coroutine_threadsafe(
                stub.get_book(GetBookRequest(symbol=symbol), timeout=timeout_ms / 1000, metadata=metadata),
                self._loop,
            )
            with contextlib.suppress(*_LOST):
                self._keep(asked.result(timeout_ms / 1000))
        return self.quote(symbol)

    def stop(self) -> None:
        """End the stream and its thread."""
        self._stopping = True
        if self._task is not None:
            # A loop that is closed already has no task to cancel.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)
        if self._thread.is_alive():
            self._thread.join(timeout=STOP_TIMEOUT_S)
