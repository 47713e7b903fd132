"""Quotes in: from the feed's thread to the loop's, the touches and the tape."""

import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from oms_platform.messages import Quote
from sor_engine.scorekeeper import metrics
from sor_engine.scorekeeper.domain.touches import QuoteChange, Touches
from sor_engine.scorekeeper.handlers import note_quote

QUOTES_WAITING_MAX: Final = 100_000
TAPE_ROWS_MAX: Final = 100_000
QUIET_S_MAX: Final = 10.0
# Quotes of outside this time are not of a running market, and the tape has no partition for them.
TAPE_PAST: Final = timedelta(days=1)
TAPE_AHEAD: Final = timedelta(hours=1)


class QuoteIntake:
    """Takes quotes in from the feed's thread, and works on them in the loop's. It outlives a restart."""

    def __init__(self, touches: Touches, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.touches = touches
        self.changes: deque[QuoteChange] = deque(maxlen=TAPE_ROWS_MAX)
        self._waiting: deque[Quote] = deque(maxlen=QUOTES_WAITING_MAX)
        self._monotonic_s = monotonic_s
        self._last_s = float("-inf")

    def note(self, quote: Quote) -> None:
        """Take a quote in; any thread."""
        self._waiting.append(quote)
        self._last_s = self._monotonic_s()

    def check(self) -> str | None:
        """Return None while quotes flow, or for how long they have not."""
        quiet_s = self._monotonic_s() - self._last_s
        if quiet_s <= QUIET_S_MAX:
            return None
        return "no quote yet" if quiet_s == float("inf") else f"no quote for {quiet_s:.1f} s"

    def drain(self, now: datetime) -> None:
        """Work on what waits."""
        waiting = self._waiting
        while waiting:
            quote = waiting.popleft()
            if not now - TAPE_PAST < quote.quoted_at < now + TAPE_AHEAD:
                metrics.tape_refused_total.inc()
                continue
            change = note_quote(self.touches, quote)
            if change is not None:
                self.changes.append(change)
