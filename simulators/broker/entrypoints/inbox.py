"""The one queue between the FIX and quote threads and the engine's.

Bounded: FIX text by a limit, quotes by symbol.
"""

import queue
import threading
from dataclasses import dataclass
from typing import Final

from oms_platform.messages import Quote

FIX_WAITING_MAX: Final = 50_000


@dataclass(frozen=True, slots=True)
class QuoteDue:
    """A symbol has a new quote."""

    symbol: str


class Inbox:
    """FIX messages in the order of their arrival, and the newest quote of each symbol among them."""

    def __init__(self, fix_waiting_max: int = FIX_WAITING_MAX) -> None:
        self._queue: queue.SimpleQueue[str | QuoteDue] = queue.SimpleQueue()
        self._fix_waiting_max = fix_waiting_max
        self._quotes: dict[str, Quote] = {}
        self._lock = threading.Lock()

    def put_fix(self, text: str) -> bool:
        """Queue a message. Returns False, and takes it not, when too many wait."""
        if self._queue.qsize() >= self._fix_waiting_max:
            return False
        self._queue.put(text)
        return True

    def put_quote(self, quote: Quote) -> None:
        """Queue a quote, in place of one of the same symbol that still waits."""
        with self._lock:
            waiting = quote.symbol in self._quotes
            self._quotes[quote.symbol] = quote
        if not waiting:
            self._queue.put(QuoteDue(quote.symbol))

    def take(self, items_max: int, timeout_s: float) -> list[str | Quote]:
        """Wait up to `timeout_s` for a first item, then take what is there."""
        items: list[str | Quote] = []
        try:
            items.append(self._resolve(self._queue.get(timeout=timeout_s)))
            while len(items) < items_max:
                items.append(self._resolve(self._queue.get_nowait()))
        except queue.Empty:
            pass
        return items

    def _resolve(self, item: str | QuoteDue) -> str | Quote:
        if isinstance(item, str):
            return item
        with self._lock:
            return self._quotes.pop(item.symbol)
