"""The queue between the quotes' thread and the engine's: the newest quote of each symbol that changed."""

import threading
from collections.abc import Callable

from oms_platform.messages import Quote


class Inbox:
    """Quotes by symbol, in the order in which these first changed. wake: is called when there is one."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        self._wake = wake
        self._quotes: dict[str, Quote] = {}
        self._lock = threading.Lock()

    def put_quote(self, quote: Quote) -> None:
        """Queue a quote, in place of one of the same symbol that still waits."""
        with self._lock:
            is_first = not self._quotes
            self._quotes[quote.symbol] = quote
        if is_first:
            self._wake()

    def take(self) -> list[Quote]:
        """Take what is there."""
        if not self._quotes:
            return []
        with self._lock:
            quotes = list(self._quotes.values())
            self._quotes = {}
        return quotes
