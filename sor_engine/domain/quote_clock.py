"""What the clock of market data says, told by our own.

The law of this file: no time of one clock is compared with a time of another. A quote says when it was made
by its source's clock; how far that is from ours is what quotes took to come, at the least: the clocks'
difference and the quickest way. Times are whole microseconds.
"""

from typing import Final

# So many quotes make a stretch; the least of the last and of the present stretch counts.
STRETCH_QUOTES: Final = 1_000


class QuoteClock:
    """The least lag of quotes behind their source's clock, over the last one to two stretches."""

    def __init__(self, stretch_quotes: int = STRETCH_QUOTES) -> None:
        self._stretch_quotes = stretch_quotes
        self._before_us: int | None = None
        self._now_us: int | None = None
        self._noted = 0

    def note(self, quoted_us: int, arrived_us: int) -> int:
        """Take in a quote: when it was made, by its source's clock, and when it came, by ours.

        Returns what to add to a time of the source's clock to have it by ours, too much by the quickest way.
        """
        lag_us = arrived_us - quoted_us
        if self._noted == self._stretch_quotes:
            self._before_us, self._now_us, self._noted = self._now_us, None, 0
        self._noted += 1
        self._now_us = lag_us if self._now_us is None else min(self._now_us, lag_us)
        return self._now_us if self._before_us is None else min(self._now_us, self._before_us)
