"""The newest quote of each symbol, and who subscribes to the next.

A slow listener skips quotes: what waits for it is bounded by the number of symbols.
"""

import asyncio
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from types import TracebackType

from prometheus_client import Counter, Gauge

from oms_platform.messages import Quote

subscribers_gauge = Gauge("oms_marketdata_subscribers", "Open SubscribeQuotes streams")
skipped_total = Counter(
    "oms_marketdata_quotes_skipped_total",
    "Quotes that a slow subscriber did not get because a newer one replaced them",
)


class Subscription(AbstractContextManager["Subscription"]):
    """One listener's waiting quotes: at most one a symbol, the newest, in the order they came due."""

    def __init__(self, board: "QuoteBoard", symbols: Collection[str]) -> None:
        self._board = board
        self._symbols = frozenset(symbols)
        self._waiting: dict[str, bytes] = {}
        self._filled = asyncio.Event()

    def __enter__(self) -> "Subscription":
        self._board.join(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._board.leave(self)

    def offer(self, symbol: str, encoded: bytes) -> None:
        """Take a quote, in place of one of the same symbol that still waits."""
        if self._symbols and symbol not in self._symbols:
            return
        if symbol in self._waiting:
            skipped_total.inc()
        self._waiting[symbol] = encoded
        self._filled.set()

    async def take(self) -> Iterable[bytes]:
        """Wait for quotes and return all that wait."""
        await self._filled.wait()
        self._filled.clear()
        taken, self._waiting = self._waiting, {}
        return taken.values()


class QuoteBoard:
    """The newest quotes, with their encoded form. Used from one event loop only."""

    def __init__(self) -> None:
        self._quotes: dict[str, tuple[Quote, bytes]] = {}
        self._subscriptions: set[Subscription] = set()

    def post(self, quote: Quote, encoded: bytes) -> None:
        """Put up a quote and offer it to every subscription."""
        self._quotes[quote.symbol] = (quote, encoded)
        for subscription in self._subscriptions:
            subscription.offer(quote.symbol, encoded)

    def quote(self, symbol: str) -> tuple[Quote, bytes] | None:
        """Return a symbol's newest quote and its encoded form, or None."""
        return self._quotes.get(symbol)

    def __len__(self) -> int:
        return len(self._quotes)

    def join(self, subscription: Subscription) -> None:
        """Offer a snapshot of each symbol now, and every quote from now on."""
        self._subscriptions.add(subscription)
        subscribers_gauge.set(len(self._subscriptions))
        for symbol, (_, encoded) in self._quotes.items():
            subscription.offer(symbol, encoded)

    def leave(self, subscription: Subscription) -> None:
        """Offer it nothing more."""
        self._subscriptions.discard(subscription)
        subscribers_gauge.set(len(self._subscriptions))
