"""The live book: the platform's quote feed, and whether it flows."""

import time
from typing import Final

from oms_platform.market_data import QuoteFeed
from oms_platform.messages import Quote

QUIET_S_MAX: Final = 10.0


class LiveQuotes(QuoteFeed):
    """A quote feed that knows when its last quote of any symbol came."""

    def __init__(self, host: str, port: int) -> None:
        self._last_quote_s = float("-inf")
        super().__init__(host, port, self._note)

    def _note(self, _quote: Quote) -> None:
        self._last_quote_s = time.monotonic()

    def check(self) -> str | None:
        """Return None while quotes flow, or for how long they have not."""
        quiet_s = time.monotonic() - self._last_quote_s
        if quiet_s <= QUIET_S_MAX:
            return None
        return "no quote yet" if quiet_s == float("inf") else f"no quote for {quiet_s:.1f} s"
